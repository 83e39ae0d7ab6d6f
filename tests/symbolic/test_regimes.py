"""Regimes: switching functions, smooth pieces, and that the pieces make up the whole."""

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from flowopt.symbolic.regimes import NONSMOOTH, Regimes, Select, cleared, positive, side_symbol

x, y = sympy.symbols("x y", real=True)
M = sympy.Symbol("M", positive=True)
s0, s1, s2 = (side_symbol(i) for i in range(3))


def at(expr, **values):
    """Return the value of an expression at a point."""
    return float(expr.subs({sympy.Symbol(k, real=True): v for k, v in values.items()}).subs(
        M, values.get("M", 1)))


# expression, surfaces, smooth form
SMOOTH = [
    (x**2 + y, [], x**2 + y),
    (sympy.sign(x), [x], s0),
    (sympy.Abs(x - 1), [x - 1], s0 * (x - 1)),
    (sympy.Heaviside(x), [x], (1 + s0) / 2),
    (sympy.Min(x, y), [x - y], Select(s0, x, y)),
    (sympy.Max(x, y), [x - y], Select(-s0, x, y)),
    (sympy.Piecewise((x, x < y), (y, True)), [x - y], Select(s0, x, y)),
    (sympy.Piecewise((x, x > y), (y, True)), [x - y], Select(s0, y, x)),
    (sympy.Piecewise((1, sympy.Eq(x, 0)), (2, True)), [], sympy.Integer(2)),
    (sympy.Piecewise((1, sympy.Ne(x, 0)), (2, True)), [], sympy.Integer(1)),
    (sympy.Piecewise((x, sympy.Not(sympy.And(x < 0, y < 0))), (y, True)), [x, y],
     Select(s0, Select(s1, y, x), x)),
    (sympy.Piecewise((1, sympy.ITE(x < 0, y < 0, y > 1)), (2, True)), [y, y - 1, x],
     Select(s2, Select(s0, 1, 2), Select(s1, 2, 1))),
    (sympy.sign(x) + sympy.Abs(x) + sympy.sign(-x), [x], s0 * x),
    (sympy.sign(x - y) * sympy.sign(y - x), [x - y], -(s0**2)),
    (sympy.sign(sympy.Abs(x) - 1), [x, sympy.Abs(x) - 1], s1),
    (sympy.Abs(sympy.Abs(x) - 1), [x, sympy.Abs(x) - 1], s1 * (s0 * x - 1)),
    (sympy.Min(1 / sympy.Abs(x), M), [x, 1 - M * sympy.Abs(x)], Select(s1, s0 / x, M)),
]


@pytest.mark.parametrize("expr, surfaces, smooth", SMOOTH, ids=lambda v: str(v)[:40])
def test_smooth_form(expr, surfaces, smooth):
    regimes = Regimes()
    made = regimes.smooth(expr)
    assert len(regimes.surfaces) == len(surfaces)
    for psi, expected in zip(regimes.surfaces, surfaces, strict=True):
        assert sympy.simplify(psi - expected) == 0 or sympy.simplify(psi + expected) == 0
    signs = {s: sympy.sign(psi) for s, psi in zip(regimes.sides, regimes.surfaces, strict=True)}
    expected_signs = {side_symbol(i): sympy.sign(psi) for i, psi in enumerate(surfaces)}
    for point in ({x: -1.75, y: 0.5}, {x: 0.25, y: -0.5}, {x: 1.5, y: 1.25}, {x: 0.3, y: 4.0}):
        value = made.subs(signs).subs({**point, M: 2})
        assert value == smooth.subs(expected_signs).subs({**point, M: 2})
        assert value == expr.subs({**point, M: 2})
    assert not made.has(*NONSMOOTH)


def test_one_surface_serves_all_expressions():
    regimes = Regimes()
    first, second = regimes.smooth(sympy.sign(x - y)), regimes.smooth(sympy.Max(x, y))
    assert regimes.surfaces == [x - y] or regimes.surfaces == [y - x]
    assert first.free_symbols <= {s0} and second.free_symbols == {s0, x, y}
    assert regimes.smooth(sympy.sign(x - y)) is first  # remembered


def test_inner_surfaces_have_the_lower_numbers():
    regimes = Regimes()
    regimes.smooth(sympy.sign(sympy.Max(sympy.Abs(x), y) - 1))
    for index, psi in enumerate(regimes.smooth_surfaces):
        assert not psi.has(*NONSMOOTH)
        assert psi.free_symbols & set(regimes.sides) <= {side_symbol(i) for i in range(index)}


# ----------------------------------------------------------------- poles


@pytest.mark.parametrize("expr, expected", [
    (1 / sympy.Abs(x) - M, 1 - M * sympy.Abs(x)),
    (x / (1 + y**2) - 1, x - 1 - y**2),
    (1 / x - M, x * (1 - M * x)),
    (x / M - y, x - M * y),
    (1 / sympy.sqrt(x**2 + y**2) - 2, 1 - 2 * sympy.sqrt(x**2 + y**2)),
])
def test_cleared_has_the_sign_and_no_pole(expr, expected):
    made = cleared(expr)
    for a in (-1.7, -0.2, 0.1, 2.3):
        for b in (-0.6, 0.4):
            got, given_ = (e.subs({x: a, y: b, M: 1.5}) for e in (made, expr))
            assert sympy.sign(got) == sympy.sign(given_)
            assert sympy.sign(got) == sympy.sign(expected.subs({x: a, y: b, M: 1.5}))
    assert made.subs(x, 0).subs({y: 0.4, M: 1.5}).is_finite


@pytest.mark.parametrize("factor, yes", [
    (sympy.Integer(3), True), (sympy.Integer(-3), False), (M, True), (x, False),
    (sympy.Abs(x), True), (x**2, True), (x**3, False), (sympy.sqrt(x + y), True),
    (x**2 * M, True), (-(x**2), False), (M**3, True), (x * M, False)])
def test_positive(factor, yes):
    assert positive(factor) is yes


# ----------------------------------------------------------------- Select


def test_select_chooses_and_differentiates_branch_by_branch():
    chosen = Select(s0, x**2, sympy.sin(x))
    assert chosen.subs(s0, -1) == x**2 and chosen.subs(s0, 1) == sympy.sin(x)
    assert chosen.diff(x) == Select(s0, 2 * x, sympy.cos(x))
    assert chosen.diff(y) == 0 and Select(s0, y, y) == y
    assert (chosen * x).diff(x).subs(s0, -1) == 3 * x**2
    assert chosen.diff(s0) == 0  # a side counts as constant
    assert "cases" in sympy.latex(chosen) and "cases" in sympy.latex(chosen**2)


def test_derivatives_never_hold_a_delta():
    rules = [sympy.sign(x) * x**2, sympy.Abs(x * y), sympy.Heaviside(x - y), sympy.Max(x, y, x * y)]
    for rule in rules:
        smooth = Regimes().smooth(rule)
        for v in (x, y):
            first = smooth.diff(v)
            assert not first.has(sympy.DiracDelta, sympy.Derivative)
            assert not first.diff(v).has(sympy.DiracDelta, sympy.Derivative)


def test_a_condition_without_a_switching_function_is_refused():
    inside = sympy.Piecewise((x, sympy.Not(sympy.Contains(x, sympy.S.Integers))), (y, True))
    with pytest.raises(ValueError, match="has no switching function; write it with <"):
        Regimes().smooth(inside)


# ----------------------------------------------------------------- any expression

leaves = st.sampled_from([x, y, x - 1, x + y, x * y, sympy.Integer(2), sympy.Rational(-1, 3)])
pairs = {"Min": sympy.Min, "Max": sympy.Max, "+": sympy.Add, "*": sympy.Mul,
         "if": lambda a, b: sympy.Piecewise((a, a < b), (b - 1, a > 2 * b), (x, True)),
         "and": lambda a, b: sympy.Piecewise((a, sympy.And(a > 0, b > 0)), (b, True)),
         "or": lambda a, b: sympy.Piecewise((a, sympy.Or(a > 0, b > 0)), (b, True))}
ones = {"Abs": sympy.Abs, "sign": sympy.sign, "step": sympy.Heaviside, "square": lambda a: a**2}
trees = st.recursive(
    leaves, lambda inner: st.one_of(
        st.builds(lambda f, a: ones[f](a), st.sampled_from(sorted(ones)), inner),
        st.builds(lambda f, a, b: pairs[f](a, b), st.sampled_from(sorted(pairs)), inner, inner)),
    max_leaves=4)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(trees, st.integers(0, 2**32 - 1))
def test_the_smooth_pieces_make_up_the_expression(expr, seed):
    """With the sides read off at a point, the smooth form has the value of the expression."""
    regimes = Regimes()
    smooth = regimes.smooth(sympy.sympify(expr))
    assert not smooth.has(*NONSMOOTH)
    rng = np.random.default_rng(seed)
    for _ in range(3):
        point = {x: sympy.Rational(int(rng.integers(-4000, 4000)), 1009),
                 y: sympy.Rational(int(rng.integers(-4000, 4000)), 1013)}
        sides = {}
        for side, psi in zip(regimes.sides, regimes.smooth_surfaces, strict=True):
            sides[side] = sympy.sign(psi.subs(sides).subs(point))
        if 0 in sides.values():
            continue
        assert smooth.subs(sides).subs(point) == sympy.sympify(expr).subs(point)
        assert regimes.with_signs(smooth).subs(point) == sympy.sympify(expr).subs(point)
