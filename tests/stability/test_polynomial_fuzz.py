"""Random claims about random fields: whatever is proved survives a scan that knows no algebra."""

import numpy as np
import pytest
import sympy
from stability.polynomial_cases import judge

X, Y = sympy.symbols("x y", real=True)
MONOMIALS = [X, Y, X**2, X * Y, Y**2, X**3, X**2 * Y, X * Y**2, Y**3]


def random_field(rng):
    """A field with many negative diagonal terms, so that some claims about it are true."""
    rows = []
    for own in (X, Y):
        row = -own * int(rng.integers(0, 3)) - own**3 * int(rng.integers(0, 3))
        for m in rng.choice(len(MONOMIALS), size=2, replace=False):
            row += MONOMIALS[m] * sympy.Rational(int(rng.integers(-3, 4)), int(rng.integers(1, 3)))
        rows.append(row)
    return rows


def random_v(rng):
    a, b, c, d = (int(v) for v in rng.integers(0, 4, size=4))
    mixed = int(rng.integers(-1, 2)) * X * Y
    return sympy.expand(a * X**2 + b * Y**2 + c * X**4 + d * Y**4 + mixed)


@pytest.mark.parametrize("seed", range(60))
def test_rates(seed):
    rng = np.random.default_rng(seed)
    F, V = random_field(rng), random_v(rng)
    claim = ["nonincreasing", "decreasing", "exponential"][seed % 3]
    options = {"rate": sympy.Rational(int(rng.integers(1, 5)), 4)} if claim == "exponential" else {}
    v = judge([str(f) for f in F], ["x", "y"], claim, str(V), seconds=2.0, **options)
    rate = sympy.lambdify((X, Y), V.diff(X) * F[0] + V.diff(Y) * F[1]
                          + options.get("rate", 0) * V + 0 * X)
    points = rng.normal(size=(4000, 2)) * 10 ** rng.uniform(-2, 1, size=(4000, 1))
    values = rate(*points.T) + 0 * points[:, 0]
    size = 1e-9 * (1 + np.abs(points).max(axis=1)) ** 8
    if v.proved:
        assert np.all(values <= size)
    elif np.any(values > size):
        assert v.disproved


@pytest.mark.parametrize("seed", range(30))
def test_stability(seed):
    """Where asymptotic stability is proved, motions from near by come nearer; and no other ones."""
    from scipy.integrate import solve_ivp

    rng = np.random.default_rng(500 + seed)
    F = random_field(rng)
    scope = ["local", "global"][seed % 2]
    v = judge([str(f) for f in F], ["x", "y"], "asymptotically_stable", seconds=2.0, scope=scope)
    rhs = sympy.lambdify((X, Y), [f + 0 * X for f in F])
    if v.proved:
        for start in rng.normal(size=(4, 2)) * (3.0 if scope == "global" else 1e-3):
            end = solve_ivp(lambda t, y: rhs(*y), (0, 50), start, method="LSODA", rtol=1e-8)
            assert end.success and np.linalg.norm(end.y[:, -1]) < max(
                np.linalg.norm(start), 1e-6) * (1 + 1e-6)
    A = np.array(sympy.Matrix(F).jacobian([X, Y]).subs({X: 0, Y: 0}), dtype=float)
    if np.linalg.eigvals(A).real.max() > 1e-9:
        assert v.disproved
    if scope == "local" and np.linalg.eigvals(A).real.max() < -1e-9:
        assert v.proved
