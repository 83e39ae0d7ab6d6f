"""What judges worst cases: plain NumPy iterations, losses of known curvature."""

import numpy as np


def gradient_descent(grad, x0, h, steps):
    """Iterates (steps + 1, n) of x⁺ = x − h ∇L(x)."""
    path = [np.asarray(x0, float)]
    for _ in range(steps):
        path.append(path[-1] - h * grad(path[-1]))
    return np.array(path)


def heavy_ball(grad, x0, alpha, beta, steps):
    """Iterates of x⁺ = x − α ∇L(x) + β (x − x⁻), at rest at the start."""
    path = [np.asarray(x0, float)] * 2
    for _ in range(steps):
        path.append(path[-1] - alpha * grad(path[-1]) + beta * (path[-1] - path[-2]))
    return np.array(path[1:])


def piecewise(mu, ell, knots, rng):
    """A convex loss of one variable with curvatures mu and ell in turn, its minimum at 0.

    Returns its gradient; L' is piecewise linear and continuous, L'(0) = 0.
    """
    knots = np.sort(np.concatenate([[0.0], rng.normal(size=knots)]))
    slopes = rng.choice([mu, ell], size=len(knots) + 1)
    values = np.concatenate([[0.0], np.cumsum(slopes[1:-1] * np.diff(knots))])
    values = values - values[np.searchsorted(knots, 0.0)]

    def grad(x):
        k = np.searchsorted(knots, x)
        left = np.clip(k - 1, 0, len(knots) - 1)
        return values[left] + slopes[k] * (x - knots[left])

    return grad


def quadratic(mu, ell, n, rng):
    """A symmetric matrix (n, n) with eigenvalues from mu to ell, both attained."""
    q, _ = np.linalg.qr(rng.normal(size=(n, n)))
    values = np.concatenate([[mu, ell], rng.uniform(mu, ell, n - 2)])
    return (q * values) @ q.T
