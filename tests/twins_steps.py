"""Fixed-step integrators: y(t0 + k h), returned with shape (steps + 1, n).

Source: E. Hairer, S. P. Norsett, G. Wanner, *Solving Ordinary Differential Equations I*, 2nd ed.
(HNW).
"""

from __future__ import annotations

import numpy as np
from twins_types import Grad, Rhs, Value


def runge_kutta(A, b, c, rhs: Rhs, y0, t0: float, h: float, steps: int) -> np.ndarray:
    """Explicit Runge-Kutta: k_i = f(t + c_i h, y + h sum_{j<i} a_ij k_j), y += h sum b_i k_i.

    Source: HNW definition II.1.1. Step k starts at t0 + k h (not an accumulated sum).
    """
    y = np.atleast_1d(np.array(y0, dtype=float))
    path = [y]
    for step in range(steps):
        t, k = t0 + step * h, []
        for row, c_i in zip(A, c, strict=True):
            stage = y + h * sum((a * k_j for a, k_j in zip(row, k, strict=False)), 0.0 * y)
            k.append(np.atleast_1d(np.asarray(rhs(t + c_i * h, stage), dtype=float)))
        y = y + h * sum(b_i * k_i for b_i, k_i in zip(b, k, strict=True))
        path.append(y)
    return np.array(path)


def euler(rhs: Rhs, y0, t0: float, h: float, steps: int) -> np.ndarray:
    """y += h f(t, y). Order 1.

    Examples
    --------
    >>> float(euler(lambda t, y: -y, 1.0, 0.0, 0.5, 2)[-1, 0])
    0.25
    """
    return runge_kutta([[]], [1.0], [0.0], rhs, y0, t0, h, steps)


def heun(rhs: Rhs, y0, t0: float, h: float, steps: int) -> np.ndarray:
    """y += h/2 (f(t, y) + f(t + h, y + h f(t, y))): the explicit trapezoid. Order 2."""
    return runge_kutta([[], [1.0]], [0.5, 0.5], [0.0, 1.0], rhs, y0, t0, h, steps)


def midpoint(rhs: Rhs, y0, t0: float, h: float, steps: int) -> np.ndarray:
    """y += h f(t + h/2, y + h/2 f(t, y)). Order 2."""
    return runge_kutta([[], [0.5]], [0.0, 1.0], [0.0, 0.5], rhs, y0, t0, h, steps)


def rk4(rhs: Rhs, y0, t0: float, h: float, steps: int) -> np.ndarray:
    """Kutta's classical method, HNW table II.1.2. Order 4."""
    A, b = [[], [0.5], [0.0, 0.5], [0.0, 0.0, 1.0]], [1 / 6, 1 / 3, 1 / 3, 1 / 6]
    return runge_kutta(A, b, [0.0, 0.5, 0.5, 1.0], rhs, y0, t0, h, steps)


def rosenbrock(alpha, gamma, b, rhs: Rhs, jacobian, rate, y0, t0: float, h: float, steps: int):
    """Return the path of a Rosenbrock method, (steps + 1, m): Hairer & Wanner II, Eq. (IV.7.4).

    k_i = h f(t + α_i h, y + Σ_j α_ij k_j) + γ_i h² f_t + h J Σ_j γ_ij k_j, y⁺ = y + Σ_i b_i k_i,
    with α_i = Σ_j α_ij and γ_i = Σ_j γ_ij; `jacobian` and `rate` give J and f_t at (t, y).
    """
    t, path = t0, [np.array(y0, dtype=float)]
    for n in range(steps):
        y, t = path[-1], t0 + n * h
        J, k = jacobian(t, y), []
        for i in range(len(b)):
            stage = y + sum((alpha[i, j] * k[j] for j in range(i)), np.zeros_like(y))
            right = (h * rhs(t + alpha[i].sum() * h, stage) + gamma[i].sum() * h**2 * rate(t, y)
                     + h * J @ sum((gamma[i, j] * k[j] for j in range(i)), np.zeros_like(y)))
            k.append(np.linalg.solve(np.eye(len(y)) - h * gamma[i, i] * J, right))
        path.append(y + sum(w * v for w, v in zip(b, k, strict=True)))
    return np.array(path)


def sequential_euler(theta_rhs, state_rhs, theta0, states0, t0: float, h: float, steps: int):
    """Gauss-Seidel Euler, states first: s += h S(t, theta, s), then theta += h F(t, theta, s_new).

    All states move together, from the old states; both halves use the time t at the step's start.

    Returns
    -------
    thetas, states : ndarray
        Shapes (steps + 1, n) and (steps + 1, m).
    """
    theta = np.atleast_1d(np.array(theta0, dtype=float))
    s = np.atleast_1d(np.array(states0, dtype=float))
    thetas, states = [theta], [s]
    for step in range(steps):
        t = t0 + step * h
        s = s + h * np.asarray(state_rhs(t, theta, s))
        theta = theta + h * np.asarray(theta_rhs(t, theta, s))
        thetas.append(theta)
        states.append(s)
    return np.array(thetas), np.array(states)


def symplectic_euler(q_rhs, p_rhs, q0, p0, t0: float, h: float, steps: int, first: str = "p"):
    """Semi-implicit Euler for q' = Q(t, q, p), p' = P(t, q, p); symplectic when Hamiltonian.

    ``first="p"``: p += h P(t, q, p), then q += h Q(t, q, p_new); ``first="q"`` the other way round.
    Source: E. Hairer, C. Lubich, G. Wanner, *Geometric Numerical Integration*, (I.1.9). Order 1.

    Returns
    -------
    qs, ps : ndarray, shape (steps + 1, n)
    """
    if first == "p":
        return sequential_euler(q_rhs, p_rhs, q0, p0, t0, h, steps)
    if first != "q":
        raise ValueError(f"first must be 'p' or 'q', was {first!r}")
    ps, qs = sequential_euler(
        lambda t, p, q: p_rhs(t, q, p), lambda t, p, q: q_rhs(t, q, p), p0, q0, t0, h, steps
    )
    return qs, ps


def implicit_euler(rhs: Rhs, y0, t0: float, h: float, steps: int) -> np.ndarray:
    """Implicit Euler, z = y + h F(t + h, z), by MINPACK's hybrid method from z = y. Order 1."""
    from scipy.optimize import fsolve

    ys = [np.atleast_1d(np.array(y0, dtype=float))]
    for step in range(steps):
        y, t = ys[-1], t0 + (step + 1) * h
        ys.append(fsolve(lambda z, y=y, t=t: z - y - h * np.asarray(rhs(t, z)), y, xtol=1e-12))
    return np.array(ys)


def conformal_leapfrog(force, gamma: float, q0, v0, h: float, steps: int):
    """Friction e^(-gamma h/2) around velocity Verlet, for q' = v, v' = -gamma v + force(q).

    Source: A. Bhatt, D. Floyd, B. Moore, J. Sci. Comput. 66 (2016) 1234. Order 2.

    Returns
    -------
    qs, vs : ndarray, shape (steps + 1, n)
    """
    q, v = np.array(q0, dtype=float), np.array(v0, dtype=float)
    qs, vs = [q], [v]
    c = np.exp(-gamma * h / 2)
    for _ in range(steps):
        half = c * v + h / 2 * force(q)
        q = q + h * half
        v = c * (half + h / 2 * force(q))
        qs.append(q)
        vs.append(v)
    return np.array(qs), np.array(vs)


def gonzalez_gradient(value: Value, grad: Grad, x, z) -> np.ndarray:
    """Gonzalez's discrete gradient, J. Nonlinear Sci. 6 (1996) 449: g(m) + (...) d / |d|^2."""
    d, middle = z - x, grad((x + z) / 2)
    if not d.any():
        return middle
    return middle + (value(z) - value(x) - middle @ d) / (d @ d) * d


def itoh_abe_gradient(value: Value, x, z) -> np.ndarray:
    """The discrete gradient of Itoh and Abe: difference quotients, coordinate by coordinate."""
    points = [np.concatenate([z[:i], x[i:]]) for i in range(len(x) + 1)]
    return np.array([(value(points[i + 1]) - value(points[i])) / (z[i] - x[i])
                     for i in range(len(x))])
