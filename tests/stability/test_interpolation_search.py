"""Multipliers that are searched for: tight values are proved, and nothing beyond them."""

from fractions import Fraction

import numpy as np
import pytest
from stability import changed_leaves

import flowopt as fo
from flowopt.stability import Verdict
from flowopt.stability.iterations.interpolation_search import attempt
from flowopt.stability.proving import Problem, prove
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Evidence, proved

pytest.importorskip("clarabel")
o = fo.optimizers


def settle(opt, V, claim="nonincreasing", assume=(), **options):
    made = statement(claim, {"kind": "none"}, V, assumptions=list(assume), **options)
    return attempt(Problem(opt, made, V))


STRONG = ["smooth", "strongly_convex"]


@pytest.mark.parametrize("V, size", [("dot(e, e)", 1), ("dot(g, g)", 1), ("L - Lstar", 1)])
@pytest.mark.parametrize("h", [0.05, 0.1, 0.15])
def test_descent_in_three_measures_is_tight(V, size, h):
    """ρ² = max(|1 − hμ|, |1 − hℓ|)² for distance, gradient and value (Taylor et al. 2018)."""
    rate = max(abs(1 - Fraction(repr(h))), abs(1 - 10 * Fraction(repr(h)))) ** 2
    opt = o.gradient_descent(lr=h)
    good = settle(opt, V, "recursion", STRONG, mu=1, ell=10, bound=f"({rate})*({V})")
    assert good.proved and good.check() and good.trust == "A"
    less = rate - Fraction(1, 10**6)
    bad = settle(opt, V, "recursion", STRONG, mu=1, ell=10, bound=f"({less})*({V})")
    assert bad.disproved and bad.check()


PROVED = [
    (lambda: o.gradient_descent(lr=0.1), "L", ["smooth"], {"ell": 10, "bound": "-dot(g, g)/20"}),
    (lambda: o.gradient_descent(lr=0.2), "L", ["smooth"], {"ell": 10}),
    (lambda: o.gradient_descent(lr=0.2), "dot(e, e)", ["smooth", "convex", "minimiser"],
     {"ell": 10}),
    (lambda: o.heavy_ball(lr=0.1, momentum=0.5), "L + 5/2*dot(hv, hv)", ["smooth"], {"ell": 10}),
    (lambda: o.sgd(lr=0.1, momentum=0.5), "L + 5/2*dot(hv, hv)", ["smooth"], {"ell": 10}),
    (lambda: o.proximal_point(lr=2.0), "L", ["convex"], {"bound": "-2*dot(new_g, new_g)"}),
    (lambda: o.proximal_point(lr=2.0), "dot(g, g)", ["convex"], {}),
    (lambda: o.proximal_point(lr=2.0), "dot(e, e)", ["convex", "minimiser"], {}),
]
REFUTED = [
    (lambda: o.gradient_descent(lr=0.1), "L", ["smooth"], {"ell": 10, "bound": "-dot(g, g)/19"}),
    (lambda: o.gradient_descent(lr=0.2001), "L", ["smooth"], {"ell": 10}),
    (lambda: o.gradient_descent(lr=0.2001), "dot(e, e)", ["smooth", "convex", "minimiser"],
     {"ell": 10}),
    (lambda: o.heavy_ball(lr=0.15, momentum=0.5), "L + 5/3*dot(hv, hv)", ["smooth"], {"ell": 10}),
    (lambda: o.heavy_ball(lr=0.1, momentum=0.5), "L", ["smooth"], {"ell": 10}),
    (lambda: o.heavy_ball(lr=0.1, momentum=0.5), "dot(e, e)", STRONG, {"mu": 1, "ell": 10}),
    (lambda: o.nesterov(lr=0.1, momentum=0.5), "L", ["smooth", "convex"], {"ell": 10}),
]


@pytest.mark.parametrize("make, V, assume, options", PROVED)
def test_proved(make, V, assume, options):
    verdict = settle(make(), V, "nonincreasing", assume, **options)
    assert verdict.proved and verdict.check(), verdict.reason
    back = Verdict.from_json(verdict.to_json())
    assert back == verdict and back.check() and "identity" in back.explain()
    for path, value, made in changed_leaves.changed(verdict):
        assert not made.check(), (path, value)


@pytest.mark.parametrize("make, V, assume, options", REFUTED)
def test_refuted(make, V, assume, options):
    verdict = settle(make(), V, "nonincreasing", assume, **options)
    assert verdict.disproved and verdict.check(), verdict.reason
    assert "the claim allows" in verdict.explain() and verdict.latex()
    for path, value, made in changed_leaves.changed(verdict):
        assert not made.check(), (path, value)


def test_a_refutation_is_a_real_step():
    verdict = settle(o.heavy_ball(lr=0.1, momentum=0.5), "L", "nonincreasing", ["smooth"], ell=10)
    data = verdict.counterexample.data
    lam = float(Fraction(data["curvature"]))
    opt = o.heavy_ball(lr=0.1, momentum=0.5)
    theta, hv = (float(Fraction(v)) for v in data["point"])
    step = opt.run(f"({lam})/2*x**2", np.array([theta, hv / opt.clock.step]), steps=1)
    assert step.loss[0] == pytest.approx(float(Fraction(data["values"][0])))
    assert step.loss[1] == pytest.approx(float(Fraction(data["values"][1])))
    assert step.loss[1] > step.loss[0]


def test_adam_is_never_proved():
    for V in ("L", "dot(e, e)", "L + dot(m, m)"):
        verdict = settle(o.adam(lr=0.1), V, "nonincreasing", ["smooth", "convex"], ell=10)
        assert not verdict.proved


def test_what_holds_for_no_single_step_is_unknown():
    """The value of L at a look-ahead point has no Lyapunov function of this form."""
    verdict = settle(o.nesterov(lr=0.1), "L", "nonincreasing", ["smooth", "convex"], ell=10)
    assert verdict.unknown and verdict.reason


def test_a_forged_number_is_refused():
    verdict = settle(o.gradient_descent(lr=0.1), "L", "nonincreasing", ["smooth"], ell=10,
                     bound="-dot(g, g)/20")
    assumed = verdict.statement["assumptions"]
    for other in ("ell = 11", "ell = 0", "ell = -10", "ell = 1/0"):
        made = {**verdict.statement, "assumptions": [a if "=" not in a else other
                                                     for a in assumed]}
        with pytest.raises(AssertionError):
            proved(made, "none", "A", Evidence("interpolation", verdict.certificate.data))


@pytest.mark.parametrize("V", ["0", "3", "L - L", "dot(e, e) - dot(theta, e) + dot(theta - e, e)"])
def test_a_constant_proves_nothing(V):
    verdict = settle(o.gradient_descent(lr=0.1), V, "nonincreasing", ["smooth"], ell=10)
    assert not verdict.proved


def test_through_the_door():
    verdict = prove(o.gradient_descent(lr=0.1), "L", assumptions=["smooth"], ell=10)
    assert verdict.proved and verdict.check()
    verdict = prove(o.gradient_descent(lr=0.1), "L", assumptions=["smooth"], ell=21)
    assert verdict.disproved and verdict.check()
    verdict = prove(o.heavy_ball(lr=0.1, momentum=0.5), claim="rate", rate=0.9, mu=1,
                                 ell=10)
    assert verdict.proved and verdict.check()
    verdict = prove(o.heavy_ball(lr=0.1, momentum=0.5), claim="rate", rate=0.5, mu=1,
                                 ell=10)
    assert verdict.disproved and verdict.check()


def test_what_it_does_not_take():
    flow = fo.flows.GradientFlow()
    assert settle(flow, "L") is None
    assert settle(o.gradient_descent(), "L", "stable") is None
    assert settle(o.gradient_descent(), "L", assume=["PL"]) is None
    with pytest.raises(ValueError, match="ell must be given"):
        settle(o.gradient_descent(), "L", assume=["smooth"])
    with pytest.raises(ValueError, match="mu must be given"):
        settle(o.gradient_descent(), "L", assume=["smooth"], ell=10, mu=1)
