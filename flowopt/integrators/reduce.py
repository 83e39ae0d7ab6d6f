"""Reducers: what is kept of a run when its path is not, computed inside the loop.

A method of fixed step shows a reducer the start and the state after every step. An adaptive one
shows it the dense output at the times start, start + every, …, end (see `fo.ensemble`), so that
what it keeps does not depend on where the steps happen to be. States count alike, whatever the
length of the step. The expression is text (or sympy) over the variables of the field, its
parameters, time, and L for the loss; a condition is two expressions and one of <, <=, >, >=.

A run that diverges is seen up to its last finite state: it has no mean, moments or fraction (NaN),
and an escape time, at the latest the time at which it diverged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flowopt import _check
from flowopt.symbolic.names import exact
from flowopt.symbolic.parse import parse

_NAN, _INF = float("nan"), float("inf")
#: what each kind carries along a run, before the first state; `reducing.LINES` says how it goes on
BEGIN = {"final": (_NAN,), "minimum": (_INF,), "maximum": (-_INF,), "first_time": (_NAN,),
         "escape_time": (_NAN,), "last_time": (_NAN,), "mean": (0.0, 0.0), "fraction": (0.0, 0.0),
         "moments": (0.0, 0.0, 0.0)}


@dataclass(frozen=True)
class Reducer:
    """What is kept of each run; made by `minimum`, `first_time` and the others."""

    kind: str
    expr: Any
    low: float = 0.0
    high: float = 1.0
    bins: int = 0
    pooled: bool = False

    @property
    def rows(self) -> int:
        """How many numbers it carries along a run."""
        return self.bins + 2 if self.kind == "histogram" else len(BEGIN[self.kind])

    @property
    def begin(self) -> list[float]:
        """The numbers before the first state."""
        return [0.0] * self.rows if self.kind == "histogram" else list(BEGIN[self.kind])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the result of one run."""
        return {"histogram": (self.bins,), "moments": (2,)}.get(self.kind, ())


def first_time(condition: str) -> Reducer:
    """Return the reducer of the first time at which a condition holds (NaN: never).

    Parameters
    ----------
    condition : str
        Such as ``"x < 1.843"``: two expressions and one of <, <=, >, >=.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["-1"], ["x"])
    >>> ens = fo.ensemble(field, [[1.0], [9.0]], t=(0.0, 2.0), method=fo.Euler(h=0.25),
    ...                   reduce=fo.reduce.first_time("x < 0.1"))
    >>> ens.reduced
    array([ 1., nan])
    """
    return Reducer("first_time", _condition(condition))


def last_time(condition: str) -> Reducer:
    """Return the reducer of the last time at which a condition holds (NaN: never).

    Parameters
    ----------
    condition : str
        As for `first_time`.
    """
    return Reducer("last_time", _condition(condition))


def escape_time(condition: str) -> Reducer:
    """Return the reducer of the first time at which a condition fails to hold (NaN: never).

    A run that diverges escapes at the latest where it diverged.

    Parameters
    ----------
    condition : str
        The set that is left, such as ``"x**2 + y**2 < 4"``.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["x"], ["x"])
    >>> ens = fo.ensemble(field, [[1.0], [0.0]], t=(0.0, 2.0), every=0.25,
    ...                   reduce=fo.reduce.escape_time("x < 2"))
    >>> ens.reduced
    array([0.75,  nan])
    """
    return Reducer("escape_time", _condition(condition))


def fraction(condition: str) -> Reducer:
    """Return the reducer of the fraction of the states for which a condition holds.

    For a method of fixed step, and along the regular times of an adaptive one, this is the
    fraction of time spent in a set.

    Parameters
    ----------
    condition : str
        As for `first_time`.
    """
    return Reducer("fraction", _condition(condition))


def final(expr: Any) -> Reducer:
    """Return the reducer of the last value of an expression."""
    return Reducer("final", _checked(expr))


def minimum(expr: Any) -> Reducer:
    """Return the reducer of the least value of an expression along the run."""
    return Reducer("minimum", _checked(expr))


def maximum(expr: Any) -> Reducer:
    """Return the reducer of the greatest value of an expression along the run."""
    return Reducer("maximum", _checked(expr))


def mean(expr: Any) -> Reducer:
    """Return the reducer of the mean of an expression over all states, the start included.

    A run that diverges has the mean NaN.
    """
    return Reducer("mean", _checked(expr))


def moments(expr: Any) -> Reducer:
    """Return the reducer of the mean and the variance of an expression over all states: (N, 2).

    The variance is the mean of the squared distance from the mean (divided by the number of
    states), updated by Welford's rule, so that no digits cancel.
    Source: Welford, Technometrics 4 (1962) 419.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["1"], ["x"])
    >>> fo.ensemble(field, [[0.0]], t=(0.0, 2.0), method=fo.Euler(h=1.0),
    ...             reduce=fo.reduce.moments("x")).reduced
    array([[1.        , 0.66666667]])
    """
    return Reducer("moments", _checked(expr))


def histogram(expr: Any, low: float, high: float, bins: int, *, pooled: bool = False) -> Reducer:
    """Return the reducer of a histogram: how many states have an expression in each bin.

    Bin j is low + j w <= value < low + (j + 1) w with w = (high − low)/bins, decided as
    floor((value − low) bins/(high − low)); values outside are not counted.

    Parameters
    ----------
    expr : str or sympy.Expr
        What is counted.
    low, high : float
        The ends of the bins, low < high.
    bins : int
        How many there are.
    pooled : bool
        Add up all runs: the result is (bins,) instead of (N, bins).

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.VectorField(["1"], ["x"])
    >>> fo.ensemble(field, [[0.0], [0.5]], t=(0.0, 3.0), method=fo.Euler(h=1.0),
    ...             reduce=fo.reduce.histogram("x", 0.0, 2.0, 2)).reduced
    array([[1., 1.],
           [1., 1.]])
    """
    low, high = _check.real("low", low), _check.real("high", high)
    if not high > low:
        raise ValueError(f"high must be > low={low:g}, got {high:g}")
    if not isinstance(pooled, bool):
        raise TypeError(f"pooled must be True or False, got {_check.shown(pooled)}")
    return Reducer("histogram", _checked(expr), low, high,
                   _check.integer("bins", bins, at_least=1, at_most=100_000), pooled)


def _condition(condition: Any) -> str:
    """Return the expression that is 1 where the condition holds and else 0."""
    if not isinstance(condition, str):
        raise TypeError(f"condition must be text such as 'x < 1', got {_check.shown(condition)}")
    text = f"Piecewise((1, {condition}), (0, True))"
    parse(text, what="the condition")
    return text


def _checked(expr: Any) -> Any:
    if isinstance(expr, str):
        parse(expr, what="the reducer")
        return expr
    if not hasattr(expr, "free_symbols"):
        raise TypeError(f"expr must be text or a sympy expression, got {_check.shown(expr)}")
    return exact(expr)
