"""Plain NumPy twins and closed forms that judge the fast code.

Nothing here imports ``flowopt``: only NumPy, SciPy and mpmath. Every function is the shortest
readable writing of one equation; speed does not matter. Time is dimensionless throughout.

Contents: the two-minima example (published run, exact facts), fixed-step integrators, random
numbers and methods with noise, flow fields, closed-form solutions, the Boole-type Euler map,
leaving the well, standard test problems and a high-accuracy solver, statistics, finite differences.

Sources
-------
E. Hairer, S. P. Norsett, G. Wanner, *Solving Ordinary Differential Equations I*, 2nd ed. (HNW).
T. E. Hull, W. H. Enright, B. M. Fellen, A. E. Sedgwick, *Comparing numerical methods for ordinary
differential equations*, SIAM J. Numer. Anal. 9 (1972) 603 (DETEST).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

import mpmath
import numpy as np
import scipy.integrate
import scipy.linalg
import scipy.stats

Rhs = Callable[[float, np.ndarray], np.ndarray]
Value = Callable[[np.ndarray], float]
Grad = Callable[[np.ndarray], np.ndarray]

# --------------------------------------------------------------------------------------------------
# 1. The two-minima example: L(x) = x (x - 1) (x - 3)^2 + 1.62276
# --------------------------------------------------------------------------------------------------


def two_minima_loss(x):
    """L = x (x-1) (x-3) (x-3) + 1.62276, multiplied from left to right as published."""
    return x * (x - 1) * (x - 3) * (x - 3) + 1.62276


def two_minima_grad(x):
    """L' = -9 + 30 x - 21 x**2 + 4 x**3, in the published order, with powers (not products)."""
    return -9 + 30 * x - 21 * x**2 + 4 * x**3


def two_minima_hess(x):
    """L'' = 30 - 42 x + 12 x**2."""
    return 30 - 42 * x + 12 * x**2


def published_two_minima(
    x0: float = 4.0,
    h: float = 0.01,
    M: float = 1000.0,
    steps: int = 2500,
    power: Callable[[float, int], float] | None = None,
) -> np.ndarray:
    """Return the published run, bit for bit: x += h * (-sign(g) min(|g|/g**2, M) L).

    The run is chaotic, so the last bit of every operation counts. What it takes:

    * x is a NumPy float64 *scalar* (a Python float or a 0-d array gives the same bits). An array of
      shape (1,) does not: array ``**`` uses products for squares and a vector routine for cubes,
      and parts from the scalar run at iterate 156 on a machine with AVX-512.
    * x**2 and x**3 call the C library's ``pow``. The digits are those of glibc, whose ``pow`` is
      not always correctly rounded; correctly rounded powers part at iterate 2419 and end at
      0.40739338767876226, and x*x*x parts at iterate 203 and ends at 0.40692901144053784.
    * |g|/g**2 and 1/|g| may be exchanged here: no iterate changes.

    Where g is exactly 0 (x0 = 3) the published formula gives 0/0 and the run is NaN.

    Parameters
    ----------
    x0, h, M, steps
        Start, step > 0, clip > 0, number of steps >= 1.
    power
        ``power(x, n)`` used for x**2 and x**3 only; default the scalar ``**``.

    Returns
    -------
    ndarray, shape (steps + 1,)
        The iterates, x0 first.

    Examples
    --------
    >>> float(published_two_minima(steps=1)[-1])
    3.9956055612903225
    """
    power = power or (lambda value, n: value**n)
    x = np.float64(x0)
    path = np.empty(steps + 1)
    path[0] = x
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for k in range(steps):
            L = x * (x - 1) * (x - 3) * (x - 3) + 1.62276
            g = -9 + 30 * x - 21 * power(x, 2) + 4 * power(x, 3)
            delta = -np.sign(g) * min(np.abs(g) / g**2, M) * L
            x = np.float64(x + delta * h)
            path[k + 1] = x
    return path


def _mp_loss(x):
    return x * (x - 1) * (x - 3) ** 2 + mpmath.mpf("1.62276")


def _mp_grad(x):
    return 4 * x**3 - 21 * x**2 + 30 * x - 9


def two_minima_facts(dps: int = 50) -> dict:
    """Critical points, values, curvatures and the times of the exact unclipped flow from x = 4.

    L' = 4 (x - 3)(x**2 - 9/4 x + 3/4), so the critical points are (9 -+ sqrt 33)/8 and 3. The flow
    x' = -L/L' gives dL/dt = -L, so it meets x = 3 at t_hit = ln(L(4)/L(3)) and ends there. Since
    L(4) = 12 + 1.62276, t_hit = ln(13.62276/1.62276).

    Returns
    -------
    dict of mpf
        ``points`` (left minimum, maximum, right minimum), ``losses`` and ``curvatures`` there,
        ``t_hit``, ``x1`` = x(1), ``x2`` = x(2).

    Examples
    --------
    >>> mpmath.nstr(two_minima_facts()["t_hit"], 15)
    '2.12761352007269'
    """
    with mpmath.workdps(dps + 10):
        root = mpmath.sqrt(33)
        points = [(9 - root) / 8, (9 + root) / 8, mpmath.mpf(3)]
        return {
            "points": points,
            "losses": [_mp_loss(p) for p in points],
            "curvatures": [12 * p**2 - 42 * p + 30 for p in points],
            "t_hit": mpmath.log(_mp_loss(mpmath.mpf(4)) / _mp_loss(mpmath.mpf(3))),
            "x1": unclipped_position(1, dps),
            "x2": unclipped_position(2, dps),
        }


def unclipped_position(t, dps: int = 50):
    """x(t) of the unclipped flow from 4: the root of L(x) = L(4) exp(-t) in [3, 4].

    Raises
    ------
    ValueError
        If t is outside [0, t_hit]: the flow has no continuation there.
    """
    with mpmath.workdps(dps + 10):
        level = _mp_loss(mpmath.mpf(4)) * mpmath.exp(-mpmath.mpf(t))
        if t < 0 or level < _mp_loss(mpmath.mpf(3)):
            raise ValueError(f"t must be in [0, ln(L(4)/L(3))], was {t}")
        # L increases on [3, 4]
        return mpmath.findroot(lambda x: _mp_loss(x) - level, (3, 4), solver="anderson")


def clipped_arrival_time(M, dps: int = 30):
    """Time at which x' = -sign(g) min(1/|g|, M) L, from x = 4, reaches x = 3 (an mpf).

    Unclipped until g(x_c) = 1/M, which takes ln(L(4)/L(x_c)); then x' = -M L, which takes
    int_3^{x_c} dx/(M L). With k = L''(3) = 12 the sum is

        t = ln(L(4)/L(3)) + 1/(2 k L(3) M**2) + O(M**-3),   1/(2 k L(3)) = 0.02567...

    so the clip costs 2.567e-8 at M = 1000.

    Examples
    --------
    >>> mpmath.nstr(clipped_arrival_time(1000), 12)
    '2.12761354575'
    """
    with mpmath.workdps(dps + 10):
        M, start = mpmath.mpf(M), mpmath.mpf(4)
        if not M > 0:
            raise ValueError(f"M must be > 0, was {M}")
        if 1 / M >= _mp_grad(start):
            x_c = start  # clipped all the way: g increases on [3, 4]
        else:
            x_c = mpmath.findroot(lambda x: _mp_grad(x) - 1 / M, (3, 4), solver="anderson")
        free = mpmath.log(_mp_loss(start) / _mp_loss(x_c))
        return free + mpmath.quad(lambda x: 1 / (M * _mp_loss(x)), [3, x_c])


# --------------------------------------------------------------------------------------------------
# 2. Fixed-step integrators: y(t0 + k h), returned with shape (steps + 1, n)
# --------------------------------------------------------------------------------------------------


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


# --------------------------------------------------------------------------------------------------
# 2b. Random numbers from a counter, and methods with noise
# --------------------------------------------------------------------------------------------------


def philox(counter: Sequence[int], key: Sequence[int]) -> tuple[int, int, int, int]:
    """Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011): four words of a counter and a key."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = ((p1 >> 32) ^ c1 ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c3 ^ k1,
                          p0 & 0xFFFFFFFF)
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return c0, c1, c2, c3


def polar(words: Sequence[int], number=float):
    """Return u in (0, 1), a quarter turn 0 ... 3, and a rest f in (-1/2, 1/2) of four words.

    u = (a + 1/2)/2**52 and f = (b + 1/2)/2**52 - 1/2, where a is the first 52 bits of words 0 and
    1, and b those of words 2 and 3 behind the first two, which are the quarter. All are exact.
    """
    w0, w1, w2, w3 = words
    a = w0 << 20 | w1 >> 12
    b = (w2 & 0x3FFFFFFF) << 22 | w3 >> 10
    return number(2 * a + 1) / 2**53, w2 >> 30, number(2 * b + 1 - 2**52) / 2**53


def box_muller(words: Sequence[int]) -> tuple[float, float]:
    """Two standard normal numbers (Box, Muller, Ann. Math. Stat. 29 (1958) 610)."""
    u, quarter, f = polar(words)
    radius = np.sqrt(-2 * np.log(u))
    c, s = radius * np.cos(np.pi / 2 * f), radius * np.sin(np.pi / 2 * f)
    return [(c, s), (-s, c), (-c, -s), (s, -c)][quarter]


def normal(coordinate: int, step: int, lane: int, seed: int, stream: int = 0) -> float:
    """The standard normal number of a coordinate in a step of a run; two steps share a counter."""
    pair = step >> 1
    counter = (coordinate + (stream << 31), pair & 0xFFFFFFFF, lane, pair >> 32)
    return box_muller(philox(counter, (seed & 0xFFFFFFFF, seed >> 32)))[step & 1]


def brownian(n: int, steps: int, h: float, lane: int, seed: int, fine: int = 1):
    """dW and dZ = int (W - W(t)) ds of each step, each of shape (steps, n).

    A step is made of `fine` steps of length d = h/fine, over each of which (Kloeden, Platen,
    Eq. (10.4.3)) dW = sqrt(d) z1 and dZ = d**1.5 (z1 + z2/sqrt(3))/2.
    """
    d = h / fine
    dW, dZ = np.zeros((steps, n)), np.zeros((steps, n))
    for k in range(steps):
        for i in range(n):
            for j in range(k * fine, (k + 1) * fine):
                z1, z2 = normal(i, j, lane, seed), normal(i, j, lane, seed, 1)
                dZ[k, i] += dW[k, i] * d + d**1.5 * (z1 + z2 / np.sqrt(3)) / 2
                dW[k, i] += np.sqrt(d) * z1
    return dW, dZ


def euler_maruyama(rhs: Rhs, g, y0, t0: float, h: float, dW) -> np.ndarray:
    """y + h f(t, y) + g(t) dW (Kloeden, Platen, Eq. (10.2.4)); shape (steps + 1, n)."""
    path = [np.array(y0, dtype=float)]
    for k, w in enumerate(dW):
        t, y = t0 + k * h, path[-1]
        path.append(y + h * rhs(t, y) + g(t) * w)
    return np.array(path)


#: SRA1 (Rossler, SIAM J. Numer. Anal. 48 (2010) 922): two stages, additive noise
SRA1 = {"alpha": [1 / 3, 2 / 3], "beta1": [1, 0], "beta2": [-1, 1], "A0": [[0, 0], [3 / 4, 0]],
        "B0": [[0, 0], [3 / 2, 0]], "c0": [0, 3 / 4], "c1": [1, 0]}


def sra(rhs: Rhs, g, y0, t0: float, h: float, dW, dZ, tableau=SRA1) -> np.ndarray:
    """A stochastic Runge-Kutta method for additive noise (Rossler 2010); shape (steps + 1, n).

    H_i = y + h sum_j A0_ij f(t + c0_j h, H_j) + sum_j B0_ij g(t + c1_j h) dZ/h,
    y+  = y + h sum_i alpha_i f(t + c0_i h, H_i) + sum_i g(t + c1_i h) (beta1_i dW + beta2_i dZ/h).
    """
    a, b1, b2, A0, B0, c0, c1 = (np.array(tableau[k], dtype=float)
                                 for k in ("alpha", "beta1", "beta2", "A0", "B0", "c0", "c1"))
    path = [np.array(y0, dtype=float)]
    for k, (w, z) in enumerate(zip(dW, dZ, strict=True)):
        t, y = t0 + k * h, path[-1]
        f: list[np.ndarray] = []
        noise = [g(t + c * h) for c in c1]
        for i in range(len(a)):
            H = y + h * sum((A0[i, j] * f[j] for j in range(i)), 0.0)
            H = H + sum(B0[i, j] * noise[j] for j in range(len(a))) * z / h
            f.append(rhs(t + c0[i] * h, H))
        path.append(y + h * sum(a[i] * f[i] for i in range(len(a)))
                    + sum(noise[i] * (b1[i] * w + b2[i] * z / h) for i in range(len(a))))
    return np.array(path)


def baoab(force: Rhs, gamma: float, T, q0, v0, t0: float, h: float, z) -> np.ndarray:
    """BAOAB (Leimkuhler, Matthews 2013) with one normal number z for each O; (steps + 1, 2 n)."""
    q, v = np.array(q0, dtype=float), np.array(v0, dtype=float)
    path = [np.concatenate([q, v])]
    fade = np.exp(-gamma * h)
    for k, R in enumerate(z):
        t = t0 + k * h
        v = v + h / 2 * force(t, q)
        q = q + h / 2 * v
        v = fade * v + np.sqrt(T(t + h / 2) * -np.expm1(-2 * gamma * h)) * R
        q = q + h / 2 * v
        v = v + h / 2 * force(t + h, q)
        path.append(np.concatenate([q, v]))
    return np.array(path)


# --------------------------------------------------------------------------------------------------
# 3. Flow fields on a loss given as value(x) and grad(x); each returns rhs(t, y)
# --------------------------------------------------------------------------------------------------


def gradient_field(grad: Grad) -> Rhs:
    """x' = -g; dL/dt = -|g|**2."""
    return lambda t, x: -np.asarray(grad(x))


def sign_field(grad: Grad) -> Rhs:
    """x' = -sign(g), sign(0) = 0; dL/dt = -|g|_1."""
    return lambda t, x: -np.sign(grad(x))


def normalized_field(grad: Grad) -> Rhs:
    """x' = -g/|g|_2, and 0 where g = 0; dL/dt = -|g|_2."""

    def rhs(t, x):
        g = np.asarray(grad(x))
        norm = np.linalg.norm(g)
        return -g / norm if norm > 0 else 0.0 * g

    return rhs


def loss_normalized_field(
    value: Value, grad: Grad, M: float = np.inf, minimum: float = 0.0, clip: str = "norm"
) -> Rhs:
    """Return the loss-normalised flow; where g is not 0 and no clip acts, dL/dt = -(L - L*).

    ``clip="norm"``: x' = -(g/|g|) min(1/|g|, M) (L - L*), the two-minima article.
    ``clip="rate"``: x' = -min((L - L*)/|g|**2, M) g, optax's ``polyak_sgd`` with eps = 0.
    Where g = 0 the field is 0.
    """
    if clip not in ("norm", "rate"):
        raise ValueError(f"clip must be 'norm' or 'rate', was {clip!r}")

    def rhs(t, x):
        g = np.asarray(grad(x))
        norm = np.linalg.norm(g)
        if norm == 0:
            return 0.0 * g
        gap = float(np.squeeze(value(x))) - minimum
        if clip == "norm":
            return -(g / norm) * min(1 / norm, M) * gap
        return -min(gap / norm**2, M) * g

    return rhs


def heavy_ball_field(grad: Grad, gamma: float) -> Rhs:
    """x' = v, v' = -gamma v - g(x), on y = (x, v); d(|v|**2/2 + L)/dt = -gamma |v|**2."""

    def rhs(t, y):
        x, v = np.split(np.asarray(y), 2)
        return np.concatenate([v, -gamma * v - np.asarray(grad(x))])

    return rhs


# --------------------------------------------------------------------------------------------------
# 4. Closed forms
# --------------------------------------------------------------------------------------------------


def logistic_rhs(t, y):
    """y' = (y/4)(1 - y/20): DETEST A4."""
    return y / 4 * (1 - y / 20)


def logistic(t, y0: float = 1.0):
    """y(t) = 20 / (1 + (20/y0 - 1) exp(-t/4)): solves DETEST A4.

    Examples
    --------
    >>> float(logistic(20.0))
    17.73016648131484
    """
    return 20 / (1 + (20 / y0 - 1) * np.exp(-np.asarray(t) / 4))


def cubic_decay_rhs(t, y):
    """y' = -y**3/2: DETEST A2."""
    return -(y**3) / 2


def cubic_decay(t, y0: float = 1.0):
    """y(t) = y0 / sqrt(1 + y0**2 t): solves DETEST A2; y(20) = 1/sqrt(21) from y0 = 1."""
    return y0 / np.sqrt(1 + y0**2 * np.asarray(t))


def kepler_rhs(t, y):
    """x'' = -x/r**3 on y = (x1, x2, v1, v2): DETEST D1 to D5 (e = 0.1, 0.3, ..., 0.9)."""
    r3 = (y[0] ** 2 + y[1] ** 2) ** 1.5
    return np.array([y[2], y[3], -y[0] / r3, -y[1] / r3])


def kepler(t: float, e: float) -> np.ndarray:
    """Return (x1, x2, v1, v2) at time t of the Kepler ellipse with a = 1, at perihelion at t = 0.

    Kepler's equation E - e sin E = t, by bisection-guarded Newton at 40 digits, then
    x = (cos E - e, sqrt(1-e**2) sin E), v = (-sin E, sqrt(1-e**2) cos E)/(1 - e cos E).
    The period is 2 pi; 0 <= e < 1.

    Examples
    --------
    >>> [float(v) for v in kepler(0.0, 0.5)] == [0.5, 0.0, 0.0, 3**0.5]
    True
    """
    with mpmath.workdps(40):
        t, e = mpmath.mpf(t), mpmath.mpf(e)
        # E - t = e sin E lies in [-e, e], and E - e sin E increases: the root is bracketed
        low, high = t - e, t + e
        E = t + e * mpmath.sin(t)
        for _ in range(200):
            residual = E - e * mpmath.sin(E) - t
            low, high = (low, E) if residual > 0 else (E, high)
            new = E - residual / (1 - e * mpmath.cos(E))
            if not low <= new <= high:
                new = (low + high) / 2
            converged, E = abs(new - E) < mpmath.mpf(10) ** -35, new
            if converged:
                break
        b, rate = mpmath.sqrt(1 - e * e), 1 / (1 - e * mpmath.cos(E))
        sin, cos = mpmath.sin(E), mpmath.cos(E)
        return np.array([float(v) for v in (cos - e, b * sin, -sin * rate, b * cos * rate)])


def linear_heavy_ball(t, gamma: float, lam: float, y0: float, v0: float):
    """Return y(t), y'(t) of y'' + gamma y' + lam y = 0.

    With D = gamma**2/4 - lam, y = exp(-gamma t/2) (y0 C + (v0 + gamma y0/2) S) where C, S are
    cosh(s t), sinh(s t)/s for D = s**2 > 0; cos(w t), sin(w t)/w for D = -w**2 < 0; 1, t for D = 0.
    t >= 0.
    """
    t = np.asarray(t, dtype=float)
    D, slope = gamma**2 / 4 - lam, v0 + gamma * y0 / 2
    if D > 0:  # exponentials joined with the decay first, so that neither overflows
        s = np.sqrt(D)
        grow = np.exp((s - gamma / 2) * t)
        C, S = grow * (1 + np.exp(-2 * s * t)) / 2, -grow * np.expm1(-2 * s * t) / (2 * s)
    elif D < 0:
        w = np.sqrt(-D)
        C, S = np.exp(-gamma * t / 2) * np.cos(w * t), np.exp(-gamma * t / 2) * np.sin(w * t) / w
    else:
        C, S = np.exp(-gamma * t / 2), np.exp(-gamma * t / 2) * t
    # d/dt(e C) = -gamma/2 (e C) + D (e S),  d/dt(e S) = -gamma/2 (e S) + e C,  e = exp(-gamma t/2)
    y = y0 * C + slope * S
    v = y0 * (D * S - gamma / 2 * C) + slope * (C - gamma / 2 * S)
    return y, v


def quadratic_gradient_flow(t: float, A, x0, b=None) -> np.ndarray:
    """x(t) of x' = -(A x + b), the gradient flow of x.A.x/2 + b.x with A symmetric.

    The exponential of the augmented matrix [[-A, -b], [0, 0]] t also serves singular A.
    """
    A, x0 = np.atleast_2d(np.asarray(A, dtype=float)), np.atleast_1d(np.asarray(x0, dtype=float))
    n = len(x0)
    augmented = np.zeros((n + 1, n + 1))
    augmented[:n, :n] = -A
    if b is not None:
        augmented[:n, n] = -np.asarray(b, dtype=float)
    return (scipy.linalg.expm(augmented * t) @ np.append(x0, 1.0))[:n]


# --------------------------------------------------------------------------------------------------
# 5. The Boole-type map: Euler for the unclipped loss-normalised flow on L0 + k u**2/2
# --------------------------------------------------------------------------------------------------


def boole_map(u, h: float, L0: float = 1.0, k: float = 1.0):
    """u -> u - h (L0 + k u**2/2)/(k u) = (1 - h/2) u - h L0/(k u)."""
    return u - h * (L0 + k * u**2 / 2) / (k * u)


def boole_derivative(u, h: float, L0: float = 1.0, k: float = 1.0):
    """Derivative of the map: 1 - h/2 + h L0/(k u**2)."""
    return 1 - h / 2 + h * L0 / (k * u**2)


def boole_scale(L0: float, k: float) -> float:
    """Scale sqrt(2 L0/k) of the invariant Cauchy law; h does not enter.

    In w = u/scale the map is T(w) = a w - b/w with a = 1 - h/2, b = h/2. T(i) = a i + b i = i, and
    T sends the upper half-plane into itself, so Cauchy(0, 1), the harmonic measure of i, is kept.
    Cauchy(0, c) becomes Cauchy(0, a c + b/c): the scale relaxes by the factor |1 - h| a step.
    """
    return float(np.sqrt(2 * L0 / k))


def boole_exponent(h: float) -> float:
    """Lyapunov exponent 2 ln(sqrt(1 - h/2) + sqrt(h/2)), 0 < h < 2.

    The mean of ln(a w**2 + b) over Cauchy(0, 1) is 2 ln(sqrt a + sqrt b), that of ln w**2 is 0.
    It is symmetric under h -> 2 - h, is ln 2 at h = 1, and behaves as sqrt(2 h) for small h.

    Examples
    --------
    >>> round(boole_exponent(0.01), 6)
    0.131964
    """
    if not 0 < h < 2:
        raise ValueError(f"h must be in (0, 2), was {h}")
    return float(2 * np.log(np.sqrt(1 - h / 2) + np.sqrt(h / 2)))


# --------------------------------------------------------------------------------------------------
# 6. Leaving the well at x = 3: the small-step limit of the clipped Euler run
# --------------------------------------------------------------------------------------------------

_BARRIER = (15 - mpmath.sqrt(33)) / 8  # 3 - (9 + sqrt 33)/8 = 1.1569..., distance to the maximum


def escape_threshold() -> float:
    """Return (3 - 1.843...)/L(3) = 0.7129...: no run leaves the well unless h M exceeds it.

    Near x = 3 the longest step is h M L(3), up to O(1/M); it must reach over the maximum at 1.843.

    Examples
    --------
    >>> round(escape_threshold(), 6)
    0.712939
    """
    return float(_BARRIER / mpmath.mpf("1.62276"))


@lru_cache
def escape_rate(hM: float = np.inf) -> float:
    """Rate kappa, per unit of time, of leaving the well, for h -> 0 at fixed h M.

    Each passage of x = 3 throws the iterate to 3 + u with intensity du/u**2 on either side, cut to
    |u| <= U = h M L(3): the remaining mass 1/U sits at +-U. The return takes tau(u) =
    ln(L(3 + u)/L(3)), because dL/dt = -L; u < -d, d = 3 - 1.843..., leaves. So local time is a
    clock with jumps tau killed at rate 1/d, and P(still in at t) ~ exp(-kappa t) with

        int (exp(kappa tau(u)) - 1) nu(du) over the kicks that stay = 1/d.

    Our own derivation; the finite-h correction is O(sqrt h). 0 if h M <= `escape_threshold`.

    Examples
    --------
    >>> [round(escape_rate(v), 4) for v in (0.1, 1.0, 10.0, np.inf)]
    [0.0, 0.0947, 0.0742, 0.0704]
    """
    if not hM > escape_threshold():
        return 0.0
    U = mpmath.mpf(hM) * mpmath.mpf("1.62276")

    def ratio(u):
        return _mp_loss(3 + u) / mpmath.mpf("1.62276")

    def balance(kappa):
        # 1/u = v on the right: the tail to infinity becomes a mild endpoint singularity
        left = mpmath.quad(lambda u: (ratio(u) ** kappa - 1) / u**2, [-_BARRIER, -0.3, 0])
        near = mpmath.quad(lambda u: (ratio(u) ** kappa - 1) / u**2, [0, 0.5, min(U, 1)])
        far = mpmath.quad(lambda v: ratio(1 / v) ** kappa - 1, [1 / U, 1]) if U > 1 else 0
        atom = 0 if mpmath.isinf(U) else (ratio(U) ** kappa - 1) / U
        return left + near + far + atom - 1 / _BARRIER

    with mpmath.workdps(15):
        return float(mpmath.findroot(balance, (0.01, 0.2), solver="anderson", tol=1e-8))


def exponent_in_well(h: float, hM: float = np.inf) -> float:
    """Lyapunov exponent per step of runs still in the well, to leading order in sqrt h.

    The exponent is proportional to local time per unit of time: kappa d here (see `escape_rate`),
    sqrt(2 L0/k)/(2 pi) on the quadratic. So it is boole_exponent(h) times
    2 pi kappa d/sqrt(2 L(3)/12): 1.037 times at h M = 10, 1.324 times at h M = 1. The quadratic
    formula is not its limit: the Cauchy scale 0.52 does not shrink with h, the well ends at 1.16.
    """
    scale = boole_scale(1.62276, 12.0)
    return boole_exponent(h) * 2 * np.pi * escape_rate(hM) * float(_BARRIER) / scale


# --------------------------------------------------------------------------------------------------
# 7. Standard problems and the truth
# --------------------------------------------------------------------------------------------------

LORENZ_Y0 = (1.0, 0.0, 0.0)
ARENSTORF_MU = 0.012277471
ARENSTORF_Y0 = (0.994, 0.0, 0.0, -2.00158510637908252240537862224)
ARENSTORF_PERIOD = 17.0652165601579625588917206249
VAN_DER_POL_Y0 = (2.0, 0.0)


def lorenz_rhs(t, y, sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3):
    """x' = sigma (y - x), y' = x (rho - z) - y, z' = x y - beta z (E. N. Lorenz, 1963).

    The exponent is about 0.906: a start known to 1e-16 says nothing past t of about 40.
    """
    return np.array([sigma * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - beta * y[2]])


def arenstorf_rhs(t, y):
    """Restricted three-body problem on y = (x1, x2, v1, v2): HNW (II.0.1), mu = 0.012277471."""
    mu, nu = ARENSTORF_MU, 1 - ARENSTORF_MU
    d1 = ((y[0] + mu) ** 2 + y[1] ** 2) ** 1.5
    d2 = ((y[0] - nu) ** 2 + y[1] ** 2) ** 1.5
    a1 = y[0] + 2 * y[3] - nu * (y[0] + mu) / d1 - mu * (y[0] - nu) / d2
    a2 = y[1] - 2 * y[2] - nu * y[1] / d1 - mu * y[1] / d2
    return np.array([y[2], y[3], a1, a2])


def van_der_pol_rhs(t, y, mu: float = 1.0):
    """x' = v, v' = mu (1 - x**2) v - x."""
    return np.array([y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]])


def truth(rhs: Rhs, t_span: Sequence[float], y0, t=None) -> np.ndarray:
    """Solve with scipy's DOP853 at rtol = 1e-13, atol = 1e-14, and return y at the times t.

    The run is restarted at each time asked for, so that no value comes from the interpolant (order
    7, less accurate than the steps). Smooth right-hand sides only: it knows no switching surfaces.

    Parameters
    ----------
    t_span
        (t0, t1).
    t : array_like, optional
        Increasing times in t_span; default t1 alone, and then the answer has shape (n,).

    Returns
    -------
    ndarray, shape (len(t), n) or (n,)

    Raises
    ------
    RuntimeError
        If scipy does not report success.
    """
    now, y = float(t_span[0]), np.atleast_1d(np.array(y0, dtype=float))
    rows = []
    for goal in np.atleast_1d(t_span[1] if t is None else t):
        if goal != now:
            run = scipy.integrate.solve_ivp(
                rhs, (now, float(goal)), y, method="DOP853", rtol=1e-13, atol=1e-14
            )
            if not run.success:
                raise RuntimeError(f"no reference between {now} and {goal}: {run.message}")
            now, y = float(goal), run.y[:, -1]
        rows.append(y)
    return rows[0] if t is None else np.array(rows)


def lorenz_series(y, order: int, sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3):
    """Return the Taylor coefficients 0 … order of the Lorenz solution through y: (order + 1, 3).

    (k + 1) x_{k+1} = sigma (y_k - x_k), and so on, with (x z)_k = sum_j x_j z_{k-j}.
    """
    c = np.zeros((order + 1, 3))
    c[0] = y
    for k in range(order):
        x, y_, z = c[: k + 1].T
        c[k + 1, 0] = sigma * (y_[k] - x[k])
        c[k + 1, 1] = rho * x[k] - x @ z[::-1] - y_[k]
        c[k + 1, 2] = x @ y_[::-1] - beta * z[k]
        c[k + 1] /= k + 1
    return c


def taylor_run(series, y0, t_end: float, order: int, tol: float):
    """Return y(t_end) and the number of steps of the Taylor method with rtol = atol = tol.

    ``series(y, order)`` gives the coefficients. The step is 0.9 times the h at which the term of
    the order is tol (1 + |y|), or the one before e**1.5 times that (A. Jorba, M. Zou, Exp. Math. 14
    (2005) 99, section 3.2, with another order and margin).
    """
    t, y, steps = 0.0, np.array(y0, dtype=float), 0
    while t < t_end:
        c = series(y, order)
        size = np.abs(c / (tol * (1 + np.abs(y)))).max(axis=1)
        h = size[order] ** (-1 / order)
        h = 0.9 * min(h, (size[order - 1] / np.exp(1.5)) ** (-1 / (order - 1)))
        h = t_end - t if t_end - t <= 1.01 * h else h
        y = np.polynomial.polynomial.polyval(h, c)
        t, steps = (t_end if h == t_end - t else t + h), steps + 1
    return y, steps


def truth_mp(rhs, t0: float, y0, t: float, dps: int = 25) -> np.ndarray:
    """Return y(t) from mpmath's Taylor series solver at ``dps`` digits: slow, for short spans.

    ``rhs`` must use operators only, so that it also takes mpf entries.
    """
    with mpmath.workdps(dps):
        start = [mpmath.mpf(float(v)) for v in np.atleast_1d(y0)]
        solution = mpmath.odefun(lambda s, y: list(np.atleast_1d(rhs(s, np.array(y)))), t0, start)
        return np.array([float(v) for v in solution(t)])


# --------------------------------------------------------------------------------------------------
# 8. Statistics
# --------------------------------------------------------------------------------------------------


def wilson_interval(successes: int, trials: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a probability: the p with |k/n - p| <= z sqrt(p (1-p)/n).

    With p = k/n: centre (p + z**2/2n)/(1 + z**2/n), half-width
    z sqrt(p (1 - p)/n + z**2/4n**2)/(1 + z**2/n).
    Source: E. B. Wilson, J. Amer. Statist. Assoc. 22 (1927) 209.

    Examples
    --------
    >>> [round(v, 4) for v in wilson_interval(8, 10)]
    [0.4902, 0.9433]
    """
    if not (trials >= 1 and 0 <= successes <= trials and 0 < level < 1):
        raise ValueError(f"need 0 <= k <= n, n >= 1, 0 < level < 1; {successes, trials, level}")
    z, n = scipy.stats.norm.ppf(0.5 + level / 2), trials
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # the ends at k = 0 and k = n are exactly 0 and 1: rounding must not lose this
    low = 0.0 if successes == 0 else float(centre - half)
    high = 1.0 if successes == n else float(centre + half)
    return low, high


def ks_cauchy(samples, scale: float = 1.0) -> tuple[float, float]:
    """Kolmogorov-Smirnov distance and p-value of independent samples against Cauchy(0, scale)."""
    result = scipy.stats.kstest(np.asarray(samples) / scale, "cauchy")
    return float(result.statistic), float(result.pvalue)


def measured_order(errors, steps) -> float:
    """Least-squares slope of log(error) against log(h): the order, when ``steps`` are step sizes h.

    Examples
    --------
    >>> round(measured_order([1e-2, 1e-4], [1.0, 0.1]), 12)
    2.0
    """
    x, y = np.log(np.asarray(steps, dtype=float)), np.log(np.asarray(errors, dtype=float))
    return float(np.polyfit(x, y, 1)[0])


# --------------------------------------------------------------------------------------------------
# 9. Derivatives by central differences, extrapolated
# --------------------------------------------------------------------------------------------------


def _richardson(difference: Callable[[float], np.ndarray], h: float) -> np.ndarray:
    """Remove h**2 and h**4 from an even error expansion: steps h, h/2, h/4 give O(h**6)."""
    d1, d2, d4 = (np.asarray(difference(h / m)) for m in (1, 2, 4))
    e1, e2 = (4 * d2 - d1) / 3, (4 * d4 - d2) / 3
    return (16 * e2 - e1) / 15


def fd_jacobian(f: Callable[[np.ndarray], np.ndarray], x, h: float = 6e-3) -> np.ndarray:
    """J_ij = df_i/dx_j by central differences at h, h/2, h/4 times max(1, |x_j|), extrapolated.

    Good to about 1e-12 (relative to f near x) when f is smooth within h; make h small near a
    switching surface or a singularity. Returns shape (m, n).
    """
    x = np.atleast_1d(np.asarray(x, dtype=float))
    columns = []
    for j in range(len(x)):
        unit = np.zeros(len(x))
        unit[j] = 1.0

        def difference(step, unit=unit):
            ahead, behind = f(x + step * unit), f(x - step * unit)
            return (np.atleast_1d(ahead) - np.atleast_1d(behind)) / (2 * step)

        columns.append(_richardson(difference, h * max(1.0, abs(x[j]))))
    return np.stack(columns, axis=-1)


def fd_gradient(f: Value, x, h: float = 6e-3) -> np.ndarray:
    """Gradient of a scalar function, as `fd_jacobian`. Returns shape (n,)."""
    return fd_jacobian(lambda z: np.reshape(f(z), 1), x, h)[0]


def fd_hessian(f: Value, x, h: float = 2e-2) -> np.ndarray:
    """Hessian of a scalar function from values alone, extrapolated: good to about 1e-10 relative.

    H_ij = [f(++) - f(+-) - f(-+) + f(--)] / (4 h_i h_j), for i = j with steps h_i/2.
    Where a gradient is at hand, ``fd_jacobian(grad, x)`` is better by two digits.
    """
    x = np.atleast_1d(np.asarray(x, dtype=float))
    n = len(x)
    basis = np.diag(np.maximum(1.0, np.abs(x)))
    H = np.empty((n, n))
    for i in range(n):
        for j in range(i, n):
            # for i = j, with u half the step, the points are x +- 2u and x twice
            u, v = (basis[i], basis[j]) if i != j else (basis[i] / 2, basis[i] / 2)

            def difference(step, u=u, v=v):
                u, v = step * u, step * v
                four = f(x + u + v) - f(x + u - v) - f(x - u + v) + f(x - u - v)
                return np.squeeze(four) / (4 * np.sum(u) * np.sum(v))

            H[i, j] = H[j, i] = _richardson(difference, h)
    return H


def complex_gradient(f: Callable[[np.ndarray], complex], x) -> np.ndarray:
    """Gradient by the complex step Im f(x + i eps e_j)/eps, exact to rounding, eps = 1e-200.

    f must be analytic and take complex arrays (no abs, sign, min, max, norm).
    """
    x = np.atleast_1d(np.asarray(x, dtype=float))
    steps = 1e-200j * np.eye(len(x))
    return np.array([np.squeeze(f(x + step)).imag / 1e-200 for step in steps])


# --------------------------------------------------------------------------------------------------
# Optimizers as they are published: x and some dictionaries, nothing of flows
# --------------------------------------------------------------------------------------------------


def optimizer_path(update, x0, grad: Grad, steps: int, value: Value | None = None, **hyper):
    """Return the iterates (steps + 1, n) of ``update(k, x, g, L, s, **hyper)``, k = 1, 2, ….

    s is a namespace that lives as long as the run: the states.
    """
    x, s, path = np.array(x0, dtype=float), {}, [np.array(x0, dtype=float)]
    for k in range(1, steps + 1):
        L = None if value is None else value(x)
        x = update(k, x, grad(x), L, s, **hyper)
        path.append(x)
    return np.array(path)


def sgd_step(k, x, g, L, s, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    """Gradient descent with momentum, as torch's documentation of SGD has it."""
    g = g + weight_decay * x
    if momentum:
        s["b"] = g if k == 1 else momentum * s["b"] + (1 - dampening) * g
        g = g + momentum * s["b"] if nesterov else s["b"]
    return x - lr * g


def heavy_ball_step(k, x, g, L, s, lr, momentum):
    """Polyak (1964): x+ = x - lr g + momentum (x - x_before)."""
    before = s.get("before", x)
    s["before"] = x
    return x - lr * g + momentum * (x - before)


def nesterov_path(x0, grad: Grad, steps: int, s: float, beta: Callable[[int], float]):
    """Nesterov: x_k = y - s g(y), y = x_k + beta(k) (x_k - x_{k-1}); return the x and the y."""
    x = y = np.array(x0, dtype=float)
    xs, ys = [x], [y]
    for k in range(1, steps + 1):
        x, before = y - s * grad(y), x
        y = x + beta(k) * (x - before)
        xs.append(x)
        ys.append(y)
    return np.array(xs), np.array(ys)


def adagrad_step(k, x, g, L, s, lr, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0,
                 eps=1e-10, eps_inside=False):
    """Duchi et al. (2011), with the options of torch and optax."""
    g = g + weight_decay * x
    s["sum"] = s.get("sum", initial_accumulator_value) + g * g
    root = np.sqrt(s["sum"] + eps) if eps_inside else np.sqrt(s["sum"]) + eps
    return x - lr / (1 + (k - 1) * lr_decay) * g / root


def rmsprop_step(k, x, g, L, s, lr, alpha, eps=1e-8, weight_decay=0.0, momentum=0.0,
                 centered=False, eps_inside=False, initial_scale=0.0, bias_correction=False):
    """Graves (2013) Eq. 38-45, with the options of torch and optax."""
    g = g + weight_decay * x
    s["v"] = alpha * s.get("v", initial_scale) + (1 - alpha) * g * g
    s["m"] = alpha * s.get("m", 0.0) + (1 - alpha) * g
    correction = 1 - alpha**k if bias_correction else 1.0
    square = s["v"] / correction
    if centered:
        square = square - (s["m"] / correction) ** 2
    step = g / (np.sqrt(square + eps) if eps_inside else np.sqrt(square) + eps)
    if momentum:
        step = s["b"] = momentum * s.get("b", 0.0) + step
    return x - lr * step


def adadelta_step(k, x, g, L, s, lr, rho, eps, weight_decay=0.0):
    """Zeiler (2012), Algorithm 1, times lr."""
    g = g + weight_decay * x
    s["v"] = rho * s.get("v", 0.0) + (1 - rho) * g * g
    step = np.sqrt(s.get("u", 0.0) + eps) / np.sqrt(s["v"] + eps) * g
    s["u"] = rho * s.get("u", 0.0) + (1 - rho) * step * step
    return x - lr * step


def adam_step(k, x, g, L, s, lr, betas, eps, weight_decay=0.0, eps_root=0.0, decoupled=False,
              amsgrad="", nesterov=False):
    """Kingma & Ba (2015), Algorithm 1; AdamW, AMSGrad (of torch or optax), and optax's NAdam."""
    b1, b2 = betas
    if not decoupled:
        g = g + weight_decay * x
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g * g
    m, v = s["m"] / (1 - b1**k), s["v"] / (1 - b2**k)
    if nesterov:
        m = b1 * s["m"] / (1 - b1 ** (k + 1)) + (1 - b1) * g / (1 - b1**k)
    if amsgrad == "torch":
        s["w"] = np.maximum(s.get("w", 0.0), s["v"])
        v = s["w"] / (1 - b2**k)
    elif amsgrad == "optax":
        s["w"] = v = np.maximum(s.get("w", 0.0), v)
    decay = lr * weight_decay * x if decoupled else 0.0
    return x - lr * m / (np.sqrt(v + eps_root) + eps) - decay


def adamax_step(k, x, g, L, s, lr, betas, eps, weight_decay=0.0):
    """Kingma & Ba (2015), Algorithm 2, with eps added to |g|."""
    b1, b2 = betas
    g = g + weight_decay * x
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["u"] = np.maximum(b2 * s.get("u", 0.0), np.abs(g) + eps)
    return x - lr / (1 - b1**k) * s["m"] / s["u"]


def nadam_step(k, x, g, L, s, lr, betas, eps, weight_decay=0.0, momentum_decay=4e-3):
    """Dozat (2016) with the momentum schedule of torch."""
    b1, b2 = betas
    g = g + weight_decay * x
    mu, after = (b1 * (1 - 0.5 * 0.96 ** (j * momentum_decay)) for j in (k, k + 1))
    s["p"] = s.get("p", 1.0) * mu
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g * g
    m = (1 - mu) * g / (1 - s["p"]) + after * s["m"] / (1 - s["p"] * after)
    return x - lr * m / (np.sqrt(s["v"] / (1 - b2**k)) + eps)


def radam_step(k, x, g, L, s, lr, betas, eps, weight_decay=0.0, convention="torch"):
    """Liu et al. (2020), Algorithm 2; torch and optax differ in eps, and at rho = 5."""
    b1, b2 = betas
    g = g + weight_decay * x
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g * g
    m, d, most = s["m"] / (1 - b1**k), 1 - b2**k, 2 / (1 - b2) - 1
    rho = most - 2 * k * b2**k / d
    if rho < 5 or (rho == 5 and convention == "torch"):
        return x - lr * m
    r = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
    if convention == "torch":
        return x - lr * m * r * np.sqrt(d) / (np.sqrt(s["v"]) + eps)
    return x - lr * r * m / (np.sqrt(s["v"] / d) + eps)


def lion_step(k, x, g, L, s, lr, betas, weight_decay=0.0):
    """Chen et al. (2023), Algorithm 2."""
    b1, b2 = betas
    m = s.get("m", np.zeros_like(x))
    s["m"] = b2 * m + (1 - b2) * g
    return x - lr * (np.sign(b1 * m + (1 - b1) * g) + weight_decay * x)


def signsgd_step(k, x, g, L, s, lr):
    """Bernstein et al. (2018)."""
    return x - lr * np.sign(g)


def signum_step(k, x, g, L, s, lr, momentum):
    """Bernstein et al. (2018), Algorithm 2."""
    s["m"] = momentum * s.get("m", 0.0) + (1 - momentum) * g
    return x - lr * np.sign(s["m"])


def normalized_step(k, x, g, L, s, lr):
    """A step of length lr along the gradient."""
    return x - lr * g / np.sqrt(g @ g)


def polyak_step(k, x, g, L, s, lr, minimum, max_learning_rate, eps=0.0, clip="rate",
                variant="sps"):
    """Polyak (1987) Eq. (5.3.8), clipped as in optax ("rate") or as in the two-minima example."""
    gap = L - minimum if variant == "sps" else max(L - minimum, 0.0)
    if clip == "norm":
        norm = np.sqrt(g @ g)
        return x - lr * (g / norm) * min(1 / norm, max_learning_rate) * gap
    square = g @ g + eps
    if square <= 2.0**-52:
        return x
    return x - lr * min(gap / square, max_learning_rate) * g


def lookahead_path(update, x0, grad: Grad, steps: int, period: int, alpha: float, **hyper):
    """Zhang et al. (2019), Algorithm 1, around any step; the fast weights (steps + 1, n)."""
    fast, slow, s = np.array(x0, dtype=float), np.array(x0, dtype=float), {}
    path = [fast]
    for k in range(1, steps + 1):
        fast = update(k, fast, grad(fast), None, s, **hyper)
        if k % period == 0:
            fast = slow = slow + alpha * (fast - slow)
        path.append(fast)
    return np.array(path)


# --------------------------------------------------------------------------------------------------
# A small network: 2 - 6 - 1 with tanh, mean squared error, parameters in one vector (25,)
# --------------------------------------------------------------------------------------------------


def network_data() -> tuple[np.ndarray, np.ndarray]:
    """Return 30 points (30, 2) and their values (30,)."""
    rng = np.random.default_rng(7)
    points = rng.uniform(-1.0, 1.0, (30, 2))
    return points, np.sin(2 * points[:, 0]) - points[:, 1] ** 2


def network_value(x) -> float:
    """Return half the mean squared error."""
    points, values = network_data()
    hidden = np.tanh(points @ x[:12].reshape(2, 6) + x[12:18])
    return float(((hidden @ x[18:24] + x[24] - values) ** 2).mean() / 2)


def network_grad(x) -> np.ndarray:
    """Return the gradient, by the chain rule."""
    points, values = network_data()
    hidden = np.tanh(points @ x[:12].reshape(2, 6) + x[12:18])
    error = (hidden @ x[18:24] + x[24] - values) / len(values)
    back = np.outer(error, x[18:24]) * (1 - hidden**2)
    return np.concatenate([(points.T @ back).ravel(), back.sum(axis=0), error @ hidden,
                           [error.sum()]])
