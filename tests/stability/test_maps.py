"""Cycles of two and flips of gradient descent in one variable: published values, exact signs."""

import numpy as np
import pytest
import sympy
from stability import changed_leaves

import flowopt as fo
from flowopt.stability import Verdict, flip, two_cycle_thresholds, two_cycles
from flowopt.stability.checks.polynomial_map import sign_at
from flowopt.stability.exact import Refused
from flowopt.stability.verdict import Evidence, proved

LOGISTIC, FACTORS, ESSAY = ("x**2/2 - x**3/3", "(x**2 - 1)**2/4",
                            "x*(x-1)*(x-3)**2 + 1.62276")


def test_logistic_thresholds():
    """The logistic map with r = 1 + η: a cycle of two from η = 2, stable to √6."""
    born, doubles = two_cycle_thresholds(LOGISTIC)
    assert (born.lr, born.event) == (2, "born") and born.points == pytest.approx((0, 0), abs=1e-12)
    assert (doubles.lr, doubles.event) == (sympy.sqrt(6), "period doubles")


def test_factorisation_thresholds():
    """(x² − 1)²/4: a cycle of two from η = 1, stable to √5 − 1."""
    made = two_cycle_thresholds(FACTORS)
    assert [(t.lr, t.event) for t in made] == [(1, "born"), (sympy.sqrt(5) - 1, "period doubles")]


def test_thresholds_of_the_essay():
    """Born at 2/L'' of the two minima; at each threshold the multiplier is ±1."""
    made = two_cycle_thresholds(ESSAY)
    born = [float(t.lr) for t in made if t.event == "born"]
    assert born == pytest.approx([2 / 14.896055, 2 / 12], abs=1e-7)
    slope = np.polynomial.Polynomial([-9, 30, -21, 4])
    for t in made:
        lr = float(t.lr)
        a, b = t.points
        multiplier = (1 - lr * slope.deriv()(a)) * (1 - lr * slope.deriv()(b))
        assert multiplier == pytest.approx(1 if t.event == "born" else -1, abs=1e-9)
        assert b == pytest.approx(a - lr * slope(a), abs=1e-9)


@pytest.mark.parametrize("lr, stable", [("9/4", True), (2.449, True), (2.45, False),
                                        ("5/2", False)])
def test_logistic_cycles(lr, stable):
    (cycle,) = two_cycles(LOGISTIC, lr)
    assert cycle.stable is stable and cycle.verdict.check() and cycle.verdict.trust == "A"
    eta = float(sympy.Rational(str(lr)))
    # the known cycle of the logistic map has the multiplier 4 + 2r − r²
    r = 1 + eta
    assert cycle.multiplier == pytest.approx(4 + 2 * r - r**2, abs=1e-9)


def test_before_the_flip_there_is_none():
    assert two_cycles(LOGISTIC, "19/10") == ()
    assert two_cycles(LOGISTIC, 2) == ()  # at the flip both points are the fixed point
    assert two_cycles("x**2/2", "1/2") == ()


def test_factorisation_cycles_are_complete():
    """A scan finds the same cycles, and each has the secant curvature 2/η."""
    for lr in (1.1, 1.2, 1.3, 1.9):
        cycles = two_cycles(FACTORS, lr)
        x = np.linspace(-3, 3, 200_001)
        f = x - lr * (x**3 - x)
        gap = f - lr * (f**3 - f) - x
        roots = np.flatnonzero(gap[:-1] * gap[1:] < 0)
        fixed = sum(1 for k in roots if abs(x[k] * (x[k] ** 2 - 1)) < 1e-3)
        assert 2 * len(cycles) == len(roots) - fixed
        for cycle in cycles:
            a, b = (float(p) for p in cycle.points)
            assert ((a**3 - a) - (b**3 - b)) / (a - b) == pytest.approx(2 / lr, abs=1e-9)
            assert cycle.stable == (abs(cycle.multiplier) < 1)
        assert any(c.stable for c in cycles) == (lr < 5**0.5 - 1)


def test_a_stable_cycle_attracts_a_run():
    (cycle,) = two_cycles(LOGISTIC, "9/4")
    run = fo.optimizers.gradient_descent(lr=2.25).run(fo.Loss(LOGISTIC), [0.1], steps=400)
    assert np.sort(run.x[-2:, 0]) == pytest.approx([float(p) for p in cycle.points], abs=1e-12)


@pytest.mark.parametrize("loss, at, kind", [
    (LOGISTIC, 0, "supercritical"), (FACTORS, 1, "supercritical"), (FACTORS, -0.9, "supercritical"),
    (ESSAY, 0.4, "supercritical"), (ESSAY, 3, "supercritical"), ("x**2/2 + x**4/4", 0, "subcrit"),
    ("x**2/2 - x**4/4", 0, "supercritical"), ("x**2 + x**3/2 + x**4", 0.01, "subcritical")])
def test_flips(loss, at, kind):
    verdict = flip(loss, at)
    assert verdict.proved and verdict.check()
    assert verdict.statement["options"]["kind"].startswith(kind)
    # the criterion in floats
    L = fo.Loss(loss).expr
    x = list(L.free_symbols)[0]
    low, high = (sympy.Rational(v) for v in verdict.statement["options"]["at"])
    d = [float(L.diff(x, k).subs(x, (low + high) / 2)) for k in range(1, 5)]
    assert (3 * d[2] ** 2 > d[1] * d[3]) == kind.startswith("super")


def test_a_flip_beyond_which_a_run_goes_round():
    """Supercritical: just beyond 2/L'' a run settles on a small cycle; subcritical ones leave."""
    for loss, lr, settles in ((LOGISTIC, 2.02, True), ("x**2/2 + x**4/4", 2.02, False)):
        x = fo.optimizers.gradient_descent(lr=lr).run(fo.Loss(loss), [1e-3], steps=2000).x[:, 0]
        assert bool(np.abs(x[-1]) < 0.5) == settles


def test_the_degenerate_flip_is_unknown():
    verdict = flip("x**2/2 + x**3/3 + x**4/2", 0)  # L'' = 1, L''' = 2, L'''' = 12
    assert verdict.unknown and "exactly" in verdict.reason


def test_each_changed_leaf_fails_and_json():
    for verdict in (flip(ESSAY, 0.4), two_cycles(LOGISTIC, "9/4")[0].verdict,
                    two_cycles(FACTORS, "13/10")[0].verdict):
        assert Verdict.from_json(verdict.to_json()).check() and verdict.latex()
        assert "Sturm" in verdict.explain()
        for path, value, made in changed_leaves.changed(verdict):
            assert not made.check(), (path, value)


def test_false_statements_are_refused():
    good = two_cycles(LOGISTIC, "9/4")[0].verdict
    for key, value in (("kind", "an unstable"), ("at", ["0", "1/100"]), ("at", ["-1", "1"])):
        made = {**good.statement, "options": {**good.statement["options"], key: value}}
        with pytest.raises(AssertionError):
            proved(made, "none", "A", Evidence("polynomial_map", good.certificate.data))
    known = flip(FACTORS, 1)
    for change in ({"equations": ["x - lr*(x**3 + x)"]}, {"equations": ["x - lr**2*(x**3 - x)"]},
                   {"equations": ["x - lr*(x**3 - x) + 1"]}, {"equations": ["x - sin(lr*x)"]}):
        made = {**known.statement, "system": {**known.statement["system"], **change}}
        with pytest.raises(AssertionError):
            proved(made, "none", "A", Evidence("polynomial_map", known.certificate.data))


def test_signs_at_roots():
    x = sympy.Symbol("x")
    p = sympy.Poly(x**2 - 2, x)
    tight = sympy.Rational(14142135623730951, 10**16)  # √2 < this, by 5e-17
    assert sign_at(p, sympy.Poly(x - tight, x), 1, 2) == -1
    assert sign_at(p, sympy.Poly(x**4 - 4, x), 1, 2) == 0
    with pytest.raises(Refused, match="exactly one"):
        sign_at(p, sympy.Poly(x, x), -2, 2)


@pytest.mark.parametrize("call, message", [
    (lambda: two_cycles("sin(x)", 1), "polynomial in one variable"),
    (lambda: two_cycles("x*y", 1), "polynomial in one variable"),
    (lambda: two_cycles("x**4", -1), "lr must be > 0"),
    (lambda: two_cycle_thresholds(3), "polynomial in one variable"),
    (lambda: flip(FACTORS, 0), "must be near a minimum"),
    (lambda: flip("x**4", 0), "must be near a minimum"),
    (lambda: flip("x", 0), "critical point")])
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
