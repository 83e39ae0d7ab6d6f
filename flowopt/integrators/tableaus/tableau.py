"""The class behind every explicit Runge-Kutta method: coefficients as text, arrays for kernels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from flowopt._check import integer, shown

Row = tuple[str, ...]

_ROUNDING = 1e-12  # a typing error in a coefficient is far larger, rounding far smaller


@dataclass(frozen=True)
class Tableau:
    r"""An explicit Runge-Kutta method with its error estimate and its interpolant, as data.

    With :math:`S` stages a step from :math:`(t, y_0)` is

    .. math::
        K_s &= f\Big(t + c_s h,\; y_0 + h \sum_{r<s} a_{sr} K_r\Big), \qquad 0 \le s < S, \\
        y_1 &= y_0 + h \sum_s b_s K_s, \qquad
        e_k = \sum_s \mathrm{error}_{ks} K_s, \\
        y(t + \theta h) &= y_0 + h \sum_s K_s \sum_j P_{sj}\, \theta^{j+1}, \qquad
        0 \le \theta \le 1.

    With `fsal` the derivative at the new point, :math:`K_S = f(t + h, y_1)`, is stage :math:`S` of
    the error and dense rows; it is the first stage of the next step, so it costs nothing there.
    The stages that only the interpolant needs, given by `dense_c` and `dense_a`, come after it.

    Parameters
    ----------
    name : str
        Name of the method, as in ``fo.<name>``.
    order : int
        Order of :math:`y_1`; at least 1.
    reference : str
        Where the coefficients were published.
    c : tuple of str, length S
        Nodes. Every entry in this class is text: an integer, a decimal or a ratio ``"p/q"``, so
        that the order conditions can be checked in rational arithmetic.
    a : tuple of tuple of str
        Row s holds the s entries left of the diagonal; row 0 is empty.
    b : tuple of str, length S
        Weights of :math:`y_1`.
    dense : tuple of tuple of str, shape (total_stages, degree)
        The matrix P of the interpolant in powers of :math:`\theta`.
    dense_order : int
        Order of the interpolant, uniformly in :math:`\theta`.
    fsal : bool
        Whether :math:`K_S = f(t + h, y_1)` takes part in the error and dense rows.
    error : tuple of tuple of str, 0, 1 or 2 rows of length S + fsal
        Rows of :math:`b - \hat b`. None: fixed steps only. One: :math:`err = |h|\,\|e_0\|` with
        :math:`\|e\|^2 = \frac1n \sum_i (e_i / \mathrm{scale}_i)^2`. Two, as in DOP853:
        :math:`err = |h|\,\|e_0\|^2 / \sqrt{\|e_0\|^2 + 0.01\,\|e_1\|^2}`.
    error_orders : tuple of int
        Order of :math:`\hat b` for each row of `error`.
    dense_c, dense_a : tuples
        Nodes and rows of the extra stages; row e runs over the S + fsal + e stages before it.
    alpha64, beta64 : int
        Step control in 64ths, since such powers are nested square roots:
        ``h_new = h * safety * err**(-alpha64/64) * err_previous**(beta64/64)``. Both 0 if and only
        if there is no error row.

    Raises
    ------
    TypeError, ValueError
        If an entry is not such a number, a length is wrong, or ``sum(a[s]) = c[s]``,
        ``sum(b) = 1``, ``sum(error[k]) = 0``, ``sum_j P[s][j] = b[s]`` do not hold.

    Notes
    -----
    A pair without an interpolant of its own can take the cubic Hermite one (order 3), with
    ``fsal=True``: rows of P are ``("0", 3*b[s], -2*b[s])``, plus ``("1", "-2", "1")`` in row 0,
    plus ``("0", "-1", "1")`` in row S.

    References
    ----------
    E. Hairer, S. P. Norsett, G. Wanner, Solving Ordinary Differential Equations I, 2nd ed.,
    Springer, 1993: sections II.1 (methods), II.4 (step control), II.5 (pairs), II.6 (dense output).

    Examples
    --------
    >>> from flowopt.integrators.tableaus import Tableau
    >>> ralston = Tableau("Ralston", order=2, reference="Ralston (1962)", c=("0", "2/3"),
    ...     a=((), ("2/3",)), b=("1/4", "3/4"), dense=(("1", "-3/4"), ("0", "3/4")), dense_order=2)
    >>> ralston.stages, ralston.adaptive
    (2, False)
    >>> ralston.b_array
    array([0.25, 0.75])
    """

    name: str
    order: int
    reference: str
    c: Row
    a: tuple[Row, ...]
    b: Row
    dense: tuple[Row, ...]
    dense_order: int
    fsal: bool = False
    error: tuple[Row, ...] = ()
    error_orders: tuple[int, ...] = ()
    dense_c: Row = ()
    dense_a: tuple[Row, ...] = ()
    alpha64: int = 0
    beta64: int = 0

    def __post_init__(self) -> None:
        integer(self._where("order"), self.order, at_least=1)
        integer(self._where("dense_order"), self.dense_order, at_least=1)
        self._check_control()
        # Reading the arrays once, here, checks every length and every entry.
        end = self.dense_array.sum(axis=1)  # (total_stages,), the weights at theta = 1
        end[:self.stages] -= self.b_array
        self._check_zero("a", "rows that sum to c", self.a_array.sum(axis=1) - self.c_array)
        self._check_zero("b", "sum 1", self.b_array.sum() - 1.0)
        self._check_zero("error", "rows that sum to 0", self.error_array.sum(axis=1))
        self._check_zero("dense", "rows that sum to b (to 0 past b), so that y(t + h) = y_1", end)
        self._check_zero("dense_a", "rows that sum to dense_c",
                         self.dense_a_array.sum(axis=1) - self.dense_c_array)

    @property
    def stages(self) -> int:
        """Number S of stages that a step evaluates."""
        return len(self.c)

    @property
    def total_stages(self) -> int:
        """S, plus one for the derivative at the new point (`fsal`), plus the extra dense stages."""
        return self.stages + self.fsal + len(self.dense_c)

    @property
    def adaptive(self) -> bool:
        """Whether the method estimates its own error."""
        return bool(self.error)

    @property
    def error_order(self) -> int:
        """The q of err = O(h**(q + 1)): 4 for a 5(4) pair, 2*5 - 3 = 7 for DOP853, 0 for none."""
        if not self.error_orders:
            return 0
        first, *second = self.error_orders
        # |e_0| = O(h**p), |e_1| = O(h**r), so h * e_0**2 / e_1 = O(h**(2*p - r + 1)).
        return 2 * first - second[0] if second else first

    @cached_property
    def c_array(self) -> np.ndarray:
        """Nodes, shape (S,)."""
        return self._block("c", (self.c,), [self.stages], self.stages)[0]

    @cached_property
    def a_array(self) -> np.ndarray:
        """Stage coefficients, shape (S, S), strictly lower triangular."""
        return self._block("a", self.a, range(self.stages), self.stages)

    @cached_property
    def b_array(self) -> np.ndarray:
        """Weights, shape (S,)."""
        return self._block("b", (self.b,), [self.stages], self.stages)[0]

    @cached_property
    def error_array(self) -> np.ndarray:
        """Error weights b - bhat, shape (0 or 1 or 2, S + 1)."""
        lengths = [self.stages + self.fsal] * len(self.error)
        return self._block("error", self.error, lengths, self.stages + 1)

    @cached_property
    def dense_array(self) -> np.ndarray:
        """Interpolant P, shape (total_stages, degree)."""
        degree = len(self.dense[0]) if self.dense else 1
        return self._block("dense", self.dense, [degree] * self.total_stages, degree)

    @cached_property
    def dense_c_array(self) -> np.ndarray:
        """Nodes of the E extra dense stages, shape (E,)."""
        return self._block("dense_c", (self.dense_c,), [len(self.dense_c)], len(self.dense_c))[0]

    @cached_property
    def dense_a_array(self) -> np.ndarray:
        """Coefficients of the extra dense stages, shape (E, total_stages)."""
        first = self.stages + self.fsal
        return self._block("dense_a", self.dense_a, range(first, self.total_stages),
                           self.total_stages)

    def __reduce__(self) -> tuple:
        # Rebuilt from its text: numpy's own pickle would give back writable arrays.
        return type(self), tuple(getattr(self, field.name) for field in fields(self))

    def _where(self, part: str) -> str:
        return f"{part} of tableau {self.name!r}"

    def _check_control(self) -> None:
        if len(self.error) > 2 or len(self.error_orders) != len(self.error):
            raise ValueError(f"{self._where('error')} must have 0, 1 or 2 rows and one entry of "
                             f"error_orders for each, got {len(self.error)} rows and "
                             f"error_orders={self.error_orders}")
        for part in ("alpha64", "beta64"):
            integer(self._where(part), getattr(self, part), at_least=0, at_most=64)
        if self.adaptive != (self.alpha64 > 0) or self.beta64 > self.alpha64:
            raise ValueError(f"{self._where('alpha64')} must be > 0 with an error row and 0 "
                             f"without, and beta64 at most that, got alpha64={self.alpha64}, "
                             f"beta64={self.beta64} and {len(self.error)} error rows")

    def _check_zero(self, part: str, must: str, residual: np.ndarray) -> None:
        worst = float(np.max(np.abs(residual), initial=0.0))
        if not worst <= _ROUNDING:
            raise ValueError(f"{self._where(part)} must have {must}, but is off by {worst:.3g}; "
                             "compare each entry with the source")

    def _block(self, part: str, rows: tuple[Row, ...], lengths: Sequence[int],
               width: int) -> np.ndarray:
        """Return text rows of the given lengths as a read-only array padded with zeros."""
        if [len(row) for row in rows] != list(lengths):
            raise ValueError(f"{self._where(part)} must have rows of length {list(lengths)}, "
                             f"got {[len(row) for row in rows]}")
        block = np.zeros((len(rows), width))
        for target, row in zip(block, rows, strict=True):
            target[:len(row)] = [_value(entry, self._where(part)) for entry in row]
        block.setflags(write=False)
        return block


def _value(entry: str, where: str) -> float:
    """Return the float64 nearest to the number that the text stands for."""
    if not isinstance(entry, str):
        raise TypeError(f"each entry of {where} must be text such as '1/6' or '0.25' (exact, so "
                        f"that it can be checked), got {shown(entry)}")
    numerator, slash, denominator = entry.partition("/")
    try:
        # True division of two ints is correctly rounded in Python, whatever their size.
        value = int(numerator) / int(denominator) if slash else float(entry)
    except (ValueError, ArithmeticError):
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"each entry of {where} must be a number such as '1/6' or '0.25', "
                         f"got {entry!r}")
    return value
