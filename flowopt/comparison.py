"""The verb `compare`: one field, many methods, ours and scipy's, each with an honesty check.

Along any path of a flow on a loss, L(0) − L(T) = −∫₀ᵀ ⟨∇L, F⟩ dt. A numerical path that breaks
this identity is no solution of the flow, whatever its solver reports.
"""

from __future__ import annotations

import time as _time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowopt import _check
from flowopt.flows.loss_field import FlowField
from flowopt.integrators.integrate import checked_field, integrate
from flowopt.integrators.methods import (
    DOP853,
    Automatic,
    Dopri5,
    FixedStep,
    Rodas5P,
    Tsit5,
    checked_method,
)
from flowopt.integrators.status import Status

#: Gauss–Legendre nodes and weights on [0, 1] for the integral over one step
NODES, WEIGHTS = np.polynomial.legendre.leggauss(4)
NODES, WEIGHTS = (NODES + 1) / 2, WEIGHTS / 2
#: steps of a scipy run that are integrated by Gauss; the rest by the trapezoidal rule
MOST_GAUSS = 20_000
#: times at which a path is compared with the truth
MOST_JUDGED = 2000
SCIPY_METHODS = ("RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA")


@dataclass(frozen=True)
class SciPy:
    """A method of scipy.integrate.solve_ivp, for `compare`.

    Parameters
    ----------
    name : {"RK23", "RK45", "DOP853", "Radau", "BDF", "LSODA"}
        The solver.
    rtol, atol : float
        Tolerances; the defaults are scipy's own.
    max_rhs : int
        The run is stopped after this many evaluations of the field.

    Examples
    --------
    >>> import flowopt as fo
    >>> fo.SciPy("LSODA", rtol=1e-9, atol=1e-12).label
    'scipy LSODA rtol=1e-09'
    """

    name: str
    rtol: float = 1e-3
    atol: float = 1e-6
    max_rhs: int = 1_000_000

    def __post_init__(self) -> None:
        _check.choice("name", self.name, SCIPY_METHODS)
        _check.real("rtol", self.rtol, above=0.0)
        _check.real("atol", self.atol, above=0.0)
        _check.integer("max_rhs", self.max_rhs, at_least=1)

    @property
    def label(self) -> str:
        """The name in tables."""
        return f"scipy {self.name} rtol={self.rtol:g}"


@dataclass(frozen=True)
class Row:
    """One method's run.

    Attributes
    ----------
    method, label
        The method, and its name in tables.
    status : str
        How the run ended, in the solver's own word.
    success : bool
        Whether the solver reports success.
    t, x
        The time reached, and θ there (at the end of the span for a run that rests).
    error, path_error : float
        max |θ − θ_true| at the time reached, and over the path (at up to `MOST_JUDGED` times).
    n_rhs, seconds
        Evaluations of the field, and time taken.
    dissipation : float
        |L(0) − L(T) + ∫⟨∇L, F⟩ dt| along this path, relative to the size of the losses; NaN for
        a field without a loss, and for a loss with kinks: sliding on one, F is neither side's.
    trustworthy : bool
        Whether the run ended well and keeps the identity within `trust`.
    note : str
        What to know.
    """

    method: Any
    label: str
    status: str
    success: bool
    t: float
    x: np.ndarray
    error: float
    n_rhs: int
    seconds: float
    dissipation: float
    trustworthy: bool
    note: str
    path_error: float = float("nan")


@dataclass(frozen=True)
class Comparison:
    """The rows of a comparison, and what they were judged by."""

    rows: tuple[Row, ...]
    truth: str
    span: tuple[float, float]

    def table(self) -> str:
        """Return the comparison as a text table."""
        head = ["method", "reports", "t reached", "x", "error", "evaluations", "ms",
                "dissipation", "verdict"]
        body = [[r.label, r.status, f"{r.t:.6g}", _vector(r.x), _number(r.error), str(r.n_rhs),
                 f"{1e3 * r.seconds:.3g}", _number(r.dissipation), _verdict(r)] for r in self.rows]
        widths = [max(len(line[i]) for line in [head, *body]) for i in range(len(head))]
        lines = ["  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip()
                 for line in [head, ["-" * w for w in widths], *body]]
        return "\n".join([*lines, f"error against: {self.truth}"])

    def __repr__(self) -> str:
        return self.table()


def _vector(x: np.ndarray) -> str:
    shown = ", ".join(f"{v:.6g}" for v in x[:3])
    return shown + (", …" if len(x) > 3 else "")


def _number(value: float) -> str:
    return "-" if np.isnan(value) else f"{value:.1e}"


def _verdict(row: Row) -> str:
    if row.trustworthy:
        return "trustworthy"
    if isinstance(row.method, FixedStep):
        return "a map, not the flow"
    return "NOT to be trusted, reports success" if row.success else "stopped"


def compare(field: Any, x0: Any, t: tuple[float, float], methods: Sequence[Any] | None = None, *,
            truth: Any = None, trust: float = 1e-3) -> Comparison:
    """Run several methods on one field; judge each by the truth and the dissipation identity.

    Parameters
    ----------
    field : VectorField
        What to integrate.
    x0 : array_like, shape (n,) or (m,)
        The start.
    t : (float, float)
        The span.
    methods : sequence, optional
        Our methods and `SciPy` entries. Default: our adaptive methods, and scipy's RK45, DOP853,
        LSODA, Radau and BDF at default and at tight (1e-9, 1e-12) tolerances.
    truth : callable or array_like, optional
        ``truth(t)`` giving θ (n,), or θ at the end; by default a switching-aware run of
        `Automatic` with rtol=1e-12, atol=1e-14.
    trust : float
        The largest relative defect of the dissipation identity that is trusted (without a loss,
        or with one that has kinks: the largest error relative to 1 + |θ|).

    Returns
    -------
    Comparison
        With one `Row` for each method, and `table()`.

    Examples
    --------
    >>> import flowopt as fo
    >>> field = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())
    >>> result = fo.compare(field, [4.0], (0.0, 25.0),
    ...                     methods=[fo.DOP853(rtol=1e-10), fo.SciPy("RK45")])
    >>> [(row.status, row.trustworthy) for row in result.rows]
    [('STUCK', True), ('success', False)]
    """
    field = checked_field(field)
    start, end = _check.span(t)
    y0 = field.start(x0)
    _check.real("trust", trust, above=0.0)
    chosen = _default_methods() if methods is None else list(methods)
    for method in chosen:
        if not isinstance(method, SciPy):
            checked_method(method)
            if method.stochastic:
                raise ValueError(f"methods holds {method.name}, whose runs are random; compare "
                                 "distributions with fo.ensemble")
    exact, about = _truth(field, y0, start, end, truth)
    identity = field.loss is not None and not _has_kinks(field)
    rows = []
    for method in chosen:
        run = _scipy_run if isinstance(method, SciPy) else _our_run
        rows.append(_judged(field, method, run(field, y0, start, end, method), exact, start, y0,
                            trust, identity))
    return Comparison(tuple(rows), about, (start, end))


def _has_kinks(field: Any) -> bool:
    """Whether the loss, an expression, has surfaces on which its gradient may jump."""
    if not isinstance(field, FlowField):
        return False
    from flowopt.symbolic.regimes import Regimes

    regimes = Regimes()
    field.loss.layer(regimes)
    return bool(regimes.surfaces)


def _default_methods() -> list[Any]:
    return [Dopri5(), Tsit5(), DOP853(), Rodas5P(),
            *(SciPy(name) for name in ("RK45", "DOP853", "LSODA", "Radau", "BDF")),
            *(SciPy(name, 1e-9, 1e-12) for name in ("RK45", "DOP853", "LSODA", "Radau", "BDF"))]


def _truth(field: Any, y0: np.ndarray, start: float, end: float, truth: Any
           ) -> tuple[Callable[[float], np.ndarray], str]:
    if callable(truth):
        return (lambda t: np.atleast_1d(np.asarray(truth(t), dtype=float))), "the given truth"
    if truth is not None:
        final = _check.array("truth", truth, f"({field.n},)", (1,))
        if len(final) != field.n:
            raise ValueError(f"truth must have shape ({field.n},), got shape {final.shape}")
        return (lambda t: final if t == end else np.full(field.n, np.nan)), "the given final state"
    run = integrate(field, y0, (start, end), Automatic(rtol=1e-12, atol=1e-14))
    about = f"switching-aware {run.method} at rtol=1e-12 ({run.status.name} at t={run.t[-1]:.9g})"

    def exact(t: float) -> np.ndarray:
        inside = (t - start) * (run.t[-1] - t) >= 0 or run.status is Status.STUCK
        return run(t)[:field.n] if inside else np.full(field.n, np.nan)

    return exact, about


@dataclass
class _Run:
    """What a run leaves for judgement: its end, its cost, and samples for the integral."""

    label: str
    status: str
    success: bool
    t: float
    y: np.ndarray
    n_rhs: int
    seconds: float
    times: np.ndarray  # (q,) quadrature times
    weights: np.ndarray  # (q,)
    states: np.ndarray  # (q, m)
    note: str = ""


def _our_run(field: Any, y0: np.ndarray, start: float, end: float, method: Any) -> _Run:
    label = f"{method.name} " + (f"h={method.h:g}" if isinstance(method, FixedStep)
                                 else f"rtol={method.rtol:g}")
    run = integrate(field, y0, (start, end), method, dense=True)
    fine = run.status in (Status.REACHED_END, Status.STUCK, Status.CONVERGED, Status.EVENT)
    times, weights = [np.zeros(0)], [np.zeros(0)]
    for piece in run.dense.pieces if run.dense is not None else []:
        ends = np.concatenate([piece.t[1:], [piece.end]])
        length = ends - piece.t
        times.append((piece.t[:, None] + length[:, None] * NODES).ravel())
        weights.append((length[:, None] * WEIGHTS).ravel())
    nodes = np.concatenate(times)
    t = end if run.status is Status.STUCK else float(run.t[-1])
    states = run(nodes) if len(nodes) else np.zeros((0, field.m))
    what = "the discretised map, not the flow" if isinstance(method, FixedStep) else run.note
    return _Run(label, run.status.name, fine, t, run.y[-1], run.stats.n_rhs, run.stats.seconds,
                nodes, np.concatenate(weights), states, what)


class _Spent(Exception):
    """The budget of evaluations is spent."""


def _scipy_run(field: Any, y0: np.ndarray, start: float, end: float, method: SciPy) -> _Run:
    import warnings

    import scipy.integrate

    inner, calls, counting = field.rhs, 0, True

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        nonlocal calls
        if counting:
            calls += 1
            if calls > method.max_rhs:
                raise _Spent
        return inner(t, y)

    times: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    states: list[np.ndarray] = []
    status, success, note = "success", True, ""
    clock = _time.perf_counter()
    judging = 0.0
    t, y = start, y0.copy()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            solver = getattr(scipy.integrate, method.name)(rhs, start, y0, end, rtol=method.rtol,
                                                           atol=method.atol)
            while solver.status == "running":
                message = solver.step()
                if solver.status == "failed":
                    status, success, note = "failure", False, str(message)
                    break
                begun = _time.perf_counter()
                counting = False  # what the judgement evaluates is not the solver's cost
                _sample(solver, len(times), t, y, times, weights, states)
                counting = True
                judging += _time.perf_counter() - begun
                t, y = float(solver.t), np.array(solver.y)
    except _Spent:
        calls = method.max_rhs
        status, success = "no end", False
        note = f"stopped by compare after {method.max_rhs:,} evaluations"
    except (ValueError, FloatingPointError, np.linalg.LinAlgError) as problem:
        status, success, note = "failure", False, str(problem)
    seconds = _time.perf_counter() - clock - judging
    return _Run(method.label, status, success, t, y, calls, seconds,
                np.concatenate(times or [np.zeros(0)]), np.concatenate(weights or [np.zeros(0)]),
                np.concatenate(states or [np.zeros((0, field.m))]), note)


def _sample(solver: Any, step: int, t: float, y: np.ndarray, times: list[np.ndarray],
            weights: list[np.ndarray], states: list[np.ndarray]) -> None:
    """Add the quadrature points of the last step, on the solver's own dense output."""
    length = solver.t - t
    if step < MOST_GAUSS:
        at = t + length * NODES
        times.append(at)
        weights.append(length * WEIGHTS)
        states.append(np.atleast_2d(solver.dense_output()(at).T).reshape(len(at), -1))
    else:
        times.append(np.array([t, solver.t]))
        weights.append(np.array([length / 2, length / 2]))
        states.append(np.array([y, solver.y]))


def _judged(field: Any, method: Any, run: _Run, exact: Callable[[float], np.ndarray],
            start: float, y0: np.ndarray, trust: float, identity: bool) -> Row:
    x = run.y[:field.n]
    with np.errstate(all="ignore"):
        error = float(np.abs(x - exact(run.t)).max())
        off = [error]
        for i in range(0, len(run.times), -(-len(run.times) // MOST_JUDGED) or 1):
            off.append(float(np.abs(run.states[i, :field.n] - exact(float(run.times[i]))).max()))
        path_error = float("nan") if np.isnan(off).all() else float(np.nanmax(off))
    defect = float("nan")
    if identity:
        first, last = field.loss.value(np.array([y0[:field.n], x]))
        rate = field.loss_rate(run.times, run.states) if len(run.times) else run.weights
        lost = float(run.weights @ rate)
        size = max(abs(first), abs(last), np.finfo(float).tiny)
        defect = float(abs(last - first - lost) / size)
    if not identity:
        honest = error <= trust * (1 + np.abs(x).max())
    else:
        honest = defect <= trust
    return Row(method, run.label, run.status, run.success, run.t, x.copy(), error, run.n_rhs,
               run.seconds, defect, bool(run.success and honest), run.note, path_error)
