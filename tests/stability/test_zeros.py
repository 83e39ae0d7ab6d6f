"""Exact algebra behind equilibria, against numpy, mpmath and sympy's own root counts."""

import random
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy

from flowopt.stability.algebra.algebraic import Number, number, real_roots
from flowopt.stability.algebra.components import solved
from flowopt.stability.algebra.zeros import minimal_root, real_zeros
from flowopt.stability.rest.spectrum import characteristic, count, eigenvalues

X, Y, Z = sympy.symbols("x y z", real=True)


def test_real_roots_of_random_polynomials():
    rng = random.Random(1)
    for _ in range(40):
        p = [rng.randint(-9, 9) for _ in range(rng.randint(2, 10))] + [rng.choice([1, -2, 3])]
        for q, _ in sympy.Poly(p[::-1], X).factor_list()[1]:
            c = [int(a) for a in q.all_coeffs()[::-1]]
            found = [float(r) for r in real_roots(c)]
            with mpmath.workdps(50):
                roots = mpmath.polyroots([mpmath.mpf(a) for a in c[::-1]], maxsteps=500,
                                         extraprec=400)
                truth = sorted(float(r.real) for r in roots if abs(r.imag) < 1e-30)
            np.testing.assert_allclose(found, truth, rtol=1e-15, atol=1e-300)


def test_numbers_are_a_field():
    rng = random.Random(2)
    root = real_roots([-1, -3, 0, 1])[1]  # x^3 - 3x - 1
    x = float(root)
    for _ in range(50):
        a, b = ([rng.randint(-5, 5) for _ in range(3)] for _ in range(2))
        u, v = Number(root, a), Number(root, b)
        if v.zero:
            continue
        assert (u / v * v - u).zero and (u - u).zero
        assert float(u * v) == pytest.approx(np.polyval(a[::-1], x) * np.polyval(b[::-1], x),
                                             rel=1e-12, abs=1e-13)
        assert u.sign() == np.sign(np.polyval(a[::-1], x)) or abs(float(u)) < 1e-12


def test_zero_is_told_from_tiny():
    root = real_roots([-2, 0, 1])[1]
    near = Fraction(14142135623730950488016887242096980785696718753769, 10**49)
    assert (Number(root, [0, 1]) - near).sign() == 1
    assert (Number(root, [0, 1]) - near - Fraction(1, 10**49)).sign() == -1
    assert (Number(root, [0, 1]) ** 2 - 2).zero


@pytest.mark.parametrize("equations, truth", [
    ([X**2 + Y**2 - 5, X * Y - 2], {(-2, -1), (-1, -2), (1, 2), (2, 1)}),
    ([X**2 + 1], set()), ([X**2 - Y, Y - X], {(0, 0), (1, 1)}),
    ([X, Y, Z - 1], {(0, 0, 1)}), ([X - 1, X - 2], set())])
def test_known_systems(equations, truth):
    variables = sorted(set().union(*(e.free_symbols for e in equations)), key=str)
    found = real_zeros(equations, variables)
    assert found.complete
    assert {tuple(int(c.fraction) for c in z.coordinates) for z in found.points} == truth


def test_multiplicities():
    assert [z.multiplicity for z in real_zeros([X**3], [X]).points] == [3]
    assert [z.multiplicity for z in real_zeros([X**3, Y**3], [X, Y]).points] == [9]
    # Bezout: x^2 = y^3 and x = y meet twice at 0 and once at 1
    found = real_zeros([X**2 - Y**3, X - Y], [X, Y]).points
    assert [(float(z.coordinates[0]), z.multiplicity) for z in found] == [(0, 2), (1, 1)]


def test_random_systems_against_resultants():
    """The real zeros of two random quadrics and cubics, against mpmath at 50 digits."""
    rng = random.Random(3)
    for _ in range(8):
        f, g = (sum(rng.randint(-4, 4) * X**i * Y**j for i in range(3) for j in range(3 - i))
                + rng.choice([0, 1, -2]) * X * Y**2 for _ in range(2))
        found = real_zeros([f, g], [X, Y])
        if found.dimension != 0:
            continue
        for z in found.points:
            at = dict(zip((X, Y), (sympy.Float(float(c), 30) for c in z.coordinates), strict=True))
            assert abs(f.subs(at)) < 1e-9 and abs(g.subs(at)) < 1e-9
        r = sympy.Poly(sympy.resultant(f, g, Y), X)
        assert len({round(float(z.coordinates[0]), 12) for z in found.points}) <= r.count_roots()
        with mpmath.workdps(50):
            starts = [(mpmath.mpf(a), mpmath.mpf(b)) for a in range(-4, 5, 2)
                      for b in range(-4, 5, 2)]
            h = sympy.lambdify([X, Y], [f, g], "mpmath")
            for start in starts:
                try:
                    s = mpmath.findroot(lambda a, b, h=h: h(a, b), start, tol=1e-40, maxsteps=30)
                except (ValueError, ZeroDivisionError, TypeError):  # singular on the way
                    continue
                assert any(abs(float(s[0]) - float(z.coordinates[0])) < 1e-8 and
                           abs(float(s[1]) - float(z.coordinates[1])) < 1e-8 for z in found.points)


def test_a_limit_of_time_is_kept():
    big = [X**9 - Y**8 + Z**7 * X - 3, Y**9 + X * Z**6 - Y * X**5, Z**9 - X**7 * Y + Z - 1]
    found = real_zeros(big, [X, Y, Z], seconds=0.3)
    assert not found.complete and found.reason


@pytest.mark.parametrize("loss, points, sets", [
    (X**2 * Y**2, 0, ("x = 0", "y = 0")), ((X**2 + Y**2) ** 2, 1, ()),
    ((X**2 + Y**2 - 1) ** 2, 1, ("x**2 + y**2 - 1 = 0",)), ((X - Y) ** 2, 0, ("x - y = 0",)),
    ((X * Y - 1) ** 2, 1, ("x*y - 1 = 0",)),
    (X**2 * (X - Y) ** 2 * (Y - 1) ** 2, 1, ("x - y = 0", "x = 0", "y - 1 = 0"))])
def test_sets_of_zeros(loss, points, sets):
    found, texts = solved([loss.diff(X), loss.diff(Y)], [X, Y], float("inf"))
    assert (len(found.points), texts, found.complete) == (points, sets, not sets)


def test_equal_numbers_have_one_minimal_root():
    a = Number(real_roots([-2, 0, 0, 0, 1])[1], [0, 0, 1])  # (2^(1/4))^2
    b = Number(real_roots([-2, 0, 1])[1], [0, 1])
    assert str(minimal_root(a)) == str(minimal_root(b)) == "Root([-2, 0, 1], 1, 0)"


def test_eigenvalues_are_counted_exactly():
    rng = random.Random(4)
    for _ in range(60):
        n = rng.randint(1, 5)
        a = [[rng.randint(-3, 3) for _ in range(n)] for _ in range(n)]
        if rng.random() < 0.4:  # eigenvalues on the axis
            a = [[a[i][j] - a[j][i] for j in range(n)] for i in range(n)]
        chi = characteristic([[number(v) for v in row] for row in a])
        truth = []
        for q, power in sympy.Poly([int(c.fraction) for c in chi[::-1]], X).factor_list()[1]:
            truth += [complex(v) for v in q.nroots(n=30, maxsteps=300)] * power
        found = count(chi)
        tiny = 1e-12
        assert found.left == sum(v.real < -tiny for v in truth)
        assert found.right == sum(v.real > tiny for v in truth)
        assert found.zero == sum(abs(v) < tiny for v in truth)
        assert found.axis == sum(abs(v.real) < tiny < abs(v) for v in truth)
        assert found.real == sum(abs(v.imag) < tiny for v in truth)
        values, radii = eigenvalues(chi, np.linalg.eigvals(np.array(a, float)))
        for v, r in zip(values, radii, strict=True):
            assert min(abs(v - t) for t in truth) <= r + 1e-14


def test_an_eigenvalue_close_to_the_axis_is_told():
    for tiny in (Fraction(1, 10**40), Fraction(-1, 10**40), Fraction(0)):
        found = count(characteristic([[number(tiny), number(-1)], [number(1), number(tiny)]]))
        assert (found.right, found.left, found.axis) == (
            2 * (tiny > 0), 2 * (tiny < 0), 2 * (tiny == 0))


def test_without_flint(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "flint", None)
    found = real_zeros([X**2 * 2 - 6, Y**3 - X - 1], [X, Y])
    assert found.complete and len(found.points) == 2
