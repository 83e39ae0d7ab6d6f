"""The class behind the Rosenbrock methods: coefficients as text, arrays for the stepper."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from flowopt.integrators.tableaus.tableau import Row, _value

_ROUNDING = 1e-10  # a typing error in a coefficient is far larger


@dataclass(frozen=True)
class RosenbrockTableau:
    r"""A Rosenbrock method with its error estimate and its interpolant, as data.

    With the Jacobian :math:`J = \partial F/\partial y` and :math:`F_t = \partial F/\partial t` at
    the start of a step, the stages solve linear systems with one matrix,

    .. math::
        (I/\gamma - h J)\, K_s = F\Big(t + c_s h,\; y_0 + h \sum_{r<s} a_{sr} K_r\Big)
            + \sum_{r<s} C_{sr} K_r + h\, d_s F_t, \qquad 0 \le s < S,

    and :math:`y_1 = y_0 + h \sum_s b_s K_s`, :math:`e = \sum_s \mathrm{error}_s K_s`,

    .. math::
        y(t + \theta h) = y_0 + h \sum_s K_s \big(\theta b_s
            + \theta (1 - \theta) (P_{0s} + \theta P_{1s} + \theta^2 P_{2s})\big).

    These are the variables of Hairer & Wanner II, Eq. (IV.7.25), divided by h, in which no
    product of J with a vector is needed. With :math:`\Gamma^{-1} = I/\gamma - C` the coefficients
    of the definition (IV.7.4) are :math:`\alpha = a \Gamma`, :math:`\gamma_{ij} = \Gamma_{ij}`
    and :math:`b \Gamma`.

    Parameters
    ----------
    name, reference : str
        The method, and where its coefficients were published.
    order, error_order, dense_order : int
        Orders of y₁, of the embedded solution, and of the interpolant.
    gamma : str
        The diagonal of :math:`\Gamma`. Every coefficient is text, as in `Tableau`.
    c, d : tuple of str, length S
    a, coupling : tuple of tuple of str
        Row s holds the s entries left of the diagonal.
    b, error : tuple of str, length S
    bend : tuple of tuple of str, shape (3, S)
        The rows P of the interpolant.
    alpha64, beta64 : int
        Step control, as in `Tableau`.

    References
    ----------
    E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, 2nd ed., Springer, 1996,
    section IV.7.
    """

    name: str
    reference: str
    order: int
    error_order: int
    dense_order: int
    gamma: str
    c: Row
    d: Row
    a: tuple[Row, ...]
    coupling: tuple[Row, ...]
    b: Row
    error: Row
    bend: tuple[Row, ...]
    alpha64: int
    beta64: int

    def __post_init__(self) -> None:
        # c and d are row sums of α and Γ: this finds a wrong entry anywhere in a, C, c or d
        inverse = np.linalg.inv(np.eye(self.stages) / self.gamma_value - self.coupling_array)
        found = [("c", self.c_array - (self.a_array @ inverse).sum(axis=1)),
                 ("d", self.d_array - inverse.sum(axis=1)),
                 ("b", np.array([(self.b_array @ inverse).sum() - 1.0]))]
        for part, off in found:
            if not float(np.abs(off).max()) <= _ROUNDING:
                raise ValueError(f"{part} of tableau {self.name!r} is not the sum that the other "
                                 f"coefficients give, by {np.abs(off).max():.3g}; compare each "
                                 "entry with the source")

    @property
    def stages(self) -> int:
        """The number S of stages, each with one evaluation and one solution."""
        return len(self.c)

    @property
    def total_stages(self) -> int:
        """S, and one for the derivative at the new point."""
        return self.stages + 1

    @cached_property
    def gamma_value(self) -> float:
        """γ as a number."""
        return _value(self.gamma, "gamma")

    @cached_property
    def c_array(self) -> np.ndarray:
        """Nodes (S,)."""
        return self._row(self.c)

    @cached_property
    def d_array(self) -> np.ndarray:
        """Weights of ∂F/∂t (S,)."""
        return self._row(self.d)

    @cached_property
    def b_array(self) -> np.ndarray:
        """Weights of y₁ (S,)."""
        return self._row(self.b)

    @cached_property
    def error_array(self) -> np.ndarray:
        """Weights of the error estimate (1, S)."""
        return self._row(self.error)[None]

    @cached_property
    def a_array(self) -> np.ndarray:
        """Stage coefficients (S, S), strictly lower triangular."""
        return self._lower(self.a)

    @cached_property
    def coupling_array(self) -> np.ndarray:
        """The matrix C (S, S), strictly lower triangular."""
        return self._lower(self.coupling)

    @cached_property
    def dense_array(self) -> np.ndarray:
        """The interpolant in powers θ … θ⁴: (S, 4)."""
        p = np.array([self._row(row) for row in self.bend])
        rows = [self.b_array + p[0], p[1] - p[0], p[2] - p[1], -p[2]]
        return np.ascontiguousarray(np.array(rows).T)

    def _row(self, row: Row) -> np.ndarray:
        if len(row) != self.stages:
            raise ValueError(f"tableau {self.name!r} must have rows of length {self.stages}, got "
                             f"{len(row)}")
        return np.array([_value(entry, f"tableau {self.name!r}") for entry in row])

    def _lower(self, rows: tuple[Row, ...]) -> np.ndarray:
        if [len(row) for row in rows] != list(range(self.stages)):
            raise ValueError(f"tableau {self.name!r} must have rows of length 0 … "
                             f"{self.stages - 1}, got {[len(row) for row in rows]}")
        made = np.zeros((self.stages, self.stages))
        for target, row in zip(made, rows, strict=True):
            target[:len(row)] = [_value(entry, f"tableau {self.name!r}") for entry in row]
        return made
