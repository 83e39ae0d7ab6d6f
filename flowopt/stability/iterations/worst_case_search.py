"""The search for a Lyapunov function of a linear map on all smooth, strongly convex losses.

V_k = ξᵀ P ξ + Σ p_i (L(y_i) − L*), ξ = (ζ_{k−M}, g_{k−M}, …, g_k), must fulfil

    ρ² V_k − V_{k+1} = Σ λ_ij Q_ij + (a positive semidefinite form),      λ_ij >= 0,
    V_k − c |θ_k − θ*|² = Σ ν_ij Q_ij + (a positive semidefinite form),   ν_ij >= 0, c > 0,

with the interpolation inequalities Q_ij >= 0 between the points y_i and the minimiser: linear in
(P, p, λ, ν) at fixed ρ. Floats only; what is found is rounded and then judged by a checker.
Source: Taylor, Van Scoy & Lessard, ICML 2018, Theorem 4; the inequalities: Taylor, Hendrickx &
Glineur, Math. Program. 161 (2017) 307, Theorem 4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

#: the least margin of the semidefinite program that is worth rounding
MARGIN = 1e-9


class Program:
    """The semidefinite program of one map, in units in which ℓ = 1.

    Parameters
    ----------
    A, B, C, D : arrays
        The map: (m, m), (m,), (m,) and a number; B and D hold the factor ℓ already.
    mu : float
        μ/ℓ.
    smooth : bool
        Whether the gradient is Lipschitz; without it only strong convexity is used.
    memory : int, >= 0
        M, the number of past gradients in V.
    """

    def __init__(self, A: np.ndarray, B: np.ndarray, C: np.ndarray, D: float, mu: float,
                 smooth: bool, memory: int) -> None:
        m, points = len(B), memory + 2
        size = m + points
        unit = np.eye(size)
        zeta = [unit[:m]]
        gradient = list(unit[m:])
        place = []
        for g in gradient:
            place.append(C @ zeta[-1] + D * g)
            zeta.append(A @ zeta[-1] + np.outer(B, g))
        self.memory, self.points, self.size = memory, points, size
        self.pairs = [(i, j) for i in range(-1, points) for j in range(-1, points) if i != j]
        zero = np.zeros(size)
        place.append(zero)  # index −1 is the minimiser
        gradient.append(zero)
        self.forms = {}
        for i, j in self.pairs:
            dx, dg = place[i] - place[j], gradient[i] - gradient[j]
            form = -np.outer(gradient[j], dx)
            if smooth:
                form = form - (np.outer(dg, dg) + mu * np.outer(dx, dx)
                               - 2 * mu * np.outer(dg, dx)) / (2 * (1 - mu))
            else:
                form = form - mu / 2 * np.outer(dx, dx)
            self.forms[i, j] = (form + form.T) / 2
        now = np.vstack([zeta[0], unit[m:m + memory + 1]])
        new = np.vstack([zeta[1], unit[m + 1:]])
        self.theta = zeta[memory][0]
        self.entries = [(i, j) for i in range(len(now)) for j in range(i + 1)]
        self.free = [q for q in self.pairs if q[0] != -1]
        first = [q for q in self.free if max(q) <= memory]  # the pairs that V_k itself may use
        self.first = first
        self.columns: list[tuple[str, Any]] = ([("P", e) for e in self.entries]
                                               + [("p", i) for i in range(memory + 1)]
                                               + [("lam", q) for q in self.free]
                                               + [("nu", q) for q in first])
        self._build(now, new)

    def _build(self, now: np.ndarray, new: np.ndarray) -> None:
        """Fill in, for each unknown, the forms S and the multipliers of (∗, i), at ρ² = 0 and 1."""
        n, columns = self.size, len(self.columns)
        # [0] is the constant in ρ², [1] the factor of ρ²
        self.decrease = np.zeros((2, columns, n, n))
        self.positive = np.zeros((columns, n, n))
        self.star = np.zeros((2, self.points, columns))  # λ_{∗i}
        self.star_positive = np.zeros((self.points, columns))  # ν_{∗i}
        for c, (kind, key) in enumerate(self.columns):
            if kind == "P":
                i, j = key
                for rows, target, sign in ((now, self.decrease[1], 1), (new, self.decrease[0], -1)):
                    form = np.outer(rows[i], rows[j]) + np.outer(rows[j], rows[i])
                    target[c] += sign * form / (1 + (i == j))
                self.positive[c] = self.decrease[1, c]
            elif kind == "p":
                # f_i: ρ² p_i − p_{i−1} − Σ_j λ_ij + Σ_j λ_ji = 0 gives λ_{∗i}
                self.star[1, key, c] -= 1
                self.star[0, key + 1, c] += 1
                self.star_positive[key, c] -= 1
            else:
                target, star = ((self.decrease[0], self.star[0]) if kind == "lam"
                                else (self.positive, self.star_positive))
                i, j = key
                target[c] -= self.forms[key]
                star[i, c] += 1
                if j != -1:
                    star[j, c] -= 1
        for i in range(self.points):  # λ_{∗i} in terms of the unknowns, put into the forms
            self.decrease -= self.star[:, i, :, None, None] * self.forms[-1, i]
            if i <= self.memory:
                self.positive -= self.star_positive[i, :, None, None] * self.forms[-1, i]

    def solve(self, square: float) -> tuple[float, np.ndarray]:
        """Return the largest margin t for ρ² = `square`, and the unknowns.

        Both forms are ⪰ t I on the vectors that they hold, with tr P + Σ p = 1.
        """
        import clarabel
        from scipy import sparse

        n, inner = self.size, self.size - 1  # V_k does not hold the last gradient
        decrease = self.decrease[0] + square * self.decrease[1]
        star = self.star[0] + square * self.star[1]
        columns = len(self.columns)
        trace = np.array([1.0 if k == "p" or (k == "P" and e[0] == e[1]) else 0.0
                          for k, e in self.columns])
        signs = [c for c, (k, _) in enumerate(self.columns) if k in ("lam", "nu")]
        single = np.zeros((len(signs), columns))
        single[range(len(signs)), signs] = 1.0
        rows = np.vstack([single, star, self.star_positive[:self.memory + 1]])
        blocks = [np.append(trace, 0.0)[None], np.append(np.zeros(columns), 1.0)[None],
                  -np.hstack([rows, np.zeros((len(rows), 1))])]
        bounds = [np.ones(1), np.ones(1), np.zeros(len(rows))]
        cones: list[Any] = [clarabel.ZeroConeT(1), clarabel.NonnegativeConeT(1 + len(rows))]
        for forms, k in ((decrease, n), (self.positive[:, :inner, :inner], inner)):
            i, j = np.tril_indices(k)
            weight = np.where(i == j, 1.0, np.sqrt(2.0))
            blocks.append(np.hstack([-(forms[:, i, j] * weight).T,
                                     np.where(i == j, 1.0, 0.0)[:, None]]))
            bounds.append(np.zeros(len(i)))
            cones.append(clarabel.PSDTriangleConeT(k))
        settings = clarabel.DefaultSettings()
        settings.verbose = False
        settings.max_iter = 80
        cost = np.append(np.zeros(columns), -1.0)
        solver = clarabel.DefaultSolver(sparse.csc_matrix((columns + 1, columns + 1)), cost,
                                        sparse.csc_matrix(np.vstack(blocks)),
                                        np.concatenate(bounds), cones, settings)
        found = solver.solve()
        u = np.array(found.x)
        if str(found.status) not in ("Solved", "AlmostSolved") or not np.isfinite(u).all():
            return -1.0, u[:-1]
        return float(u[-1]), u[:-1]
