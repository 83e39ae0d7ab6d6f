"""Optimizers that never come to rest: exact cycles, least steps, and the runs that show them."""

import numpy as np
import pytest
from stability import changed_leaves

import flowopt as fo
from flowopt.stability import Verdict, adam_cycle, least_step, sign_cycle
from flowopt.stability.iterations.discrete import optimizer_system
from flowopt.stability.iterations.never_rests import map_on, rises
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Evidence, disproved, proved

o = fo.optimizers


@pytest.mark.parametrize("lr, curvature", [(0.5, 1), (0.1, 3), (1.0, "1/7")])
def test_sign_descent_goes_to_and_fro(lr, curvature):
    verdict = sign_cycle(o.signsgd(lr=lr), curvature)
    assert verdict.disproved and verdict.check() and verdict.trust == "A"
    x = o.signsgd(lr=lr).run("x**2/2", [lr / 2], steps=9).x[:, 0]
    assert np.allclose(x, lr / 2 * (-1.0) ** np.arange(10), atol=1e-15)
    for path, value, made in changed_leaves.changed(verdict):
        assert not made.check(), (path, value)


@pytest.mark.parametrize("options", [
    {"lr": 0.1}, {"lr": 0.1, "betas": (0.0, 0.5)}, {"lr": 0.5, "betas": (0.5, 0.9), "eps": 0.125},
    {"lr": 0.01, "betas": (0.9, 0.95), "eps": 0.0}])
def test_adam_goes_to_and_fro(options):
    """The exact cycle is one of the real optimizer, from its state on."""
    opt = o.adam(**options)
    verdict = adam_cycle(opt, 2)
    assert verdict.disproved and verdict.check()
    points = [[float(sympy_number(v)) for v in p] for p in
              verdict.counterexample.data["points"]]
    field = opt.flow.on("x**2")
    names = [n for n, _, _ in field.blocks]
    order = [["theta", *verdict.statement["system"]["variables"][1:]].index(n) for n in names]
    start = np.array(points[0])[order]
    run = opt.run("x**2", start, steps=6)
    for k in range(7):
        assert np.allclose(run.y[k], np.array(points[k % 2])[order], rtol=1e-9, atol=1e-15)
    for path, value, made in changed_leaves.changed(verdict):
        assert not made.check(), (path, value)


def sympy_number(text):
    from fractions import Fraction

    return Fraction(text)


def test_adam_with_a_large_eps_is_unknown():
    verdict = adam_cycle(o.adam(lr=0.1, eps=1.0))
    assert verdict.unknown and "eps" in verdict.reason


def test_adam_never_proved():
    """L and the catalogue's V are no Lyapunov functions of the map: exact steps that raise them."""
    opt = o.adam(lr=0.1, eps=0.0)
    start = ["1/10", "-1/10", "1/100", "1", "1"]
    for V in ("theta**2/2", "theta**2/2 + m**2/(2*Abs(m))"):
        verdict = rises(opt, "theta**2/2", start, V)
        assert verdict.disproved and verdict.check()
        for path, value, made in changed_leaves.changed(verdict):
            assert not made.check(), (path, value)


def test_least_steps_of_sign_descent():
    verdict = least_step(o.signsgd(lr=0.3))
    assert verdict.proved and verdict.check() and verdict.statement["options"]["bound"] == "lr"
    assert Verdict.from_json(verdict.to_json()).check()
    assert "norm 1" in verdict.explain() and verdict.latex()
    x = o.signsgd(lr=0.3).run("x**4 + x*y + y**2", [1.0, 0.4], steps=50).x
    assert np.allclose(np.abs(np.diff(x, axis=0)).max(1), 0.3)
    for path, value, made in changed_leaves.changed(verdict):
        assert not made.check(), (path, value)


def test_least_step_of_the_essay():
    """At L* = 5.5e-7 > 0 each step near the minimum is at least h M L* = 5e-6 long."""
    opt = o.polyak(lr=0.01, max_learning_rate=1000.0, clip="norm")
    verdict = least_step(opt, "1/2000000")
    assert verdict.proved and verdict.check()
    assert verdict.statement["options"] == {"bound": "1/200000", "where": "0 < |g| <= 1/(1000)"}
    loss = fo.losses.two_minima()
    for x in (0.4069296692 + np.linspace(-6e-5, 6e-5, 41)).tolist():
        g = float(loss.grad(np.array([x]))[0])
        if 0 < abs(g) <= 1e-3:
            step = abs(opt.run(loss, [x], steps=1).x[-1, 0] - x)
            assert step >= 5e-6 * (1 - 1e-9)


def test_through_the_door():
    from flowopt.stability.proving import prove

    assert prove(o.signsgd(lr=0.3), claim="no_fixed_point").proved
    essay = o.polyak(lr=0.01, max_learning_rate=1000.0, clip="norm")
    assert prove(essay, claim="no_fixed_point", least_loss="1/2000000").proved
    assert prove(essay, claim="no_fixed_point").unknown
    assert prove(o.gradient_descent(lr=0.1), claim="no_fixed_point").unknown


def test_at_a_known_minimum_it_may_settle():
    """With L − L* → 0 there is no least step: never proved."""
    opt = o.polyak(lr=0.01, max_learning_rate=1000.0, clip="norm")
    assert least_step(opt, 0).unknown
    made = statement("no_fixed_point", optimizer_system(opt), bound="1/200000",
                     where="0 < |g| <= 1/(1000)")
    with pytest.raises(AssertionError):
        proved(made, "none", "A", Evidence("never_rests", {"norm": "euclidean"}))


@pytest.mark.parametrize("opt, norm", [
    (o.gradient_descent(lr=0.1), "max"), (o.lion(lr=0.1), "max"), (o.signum(lr=0.1), "max"),
    (o.signsgd(lr=0.1), "euclidean"), (o.normalized_gd(lr=0.1), "max")])
def test_no_false_least_steps(opt, norm):
    made = statement("no_fixed_point", optimizer_system(opt), bound="1/10", where="g != 0")
    with pytest.raises(AssertionError):
        proved(made, "none", "A", Evidence("never_rests", {"norm": norm}))


@pytest.mark.parametrize("change", [{"bound": "2*lr"}, {"bound": "0"}, {"bound": "-lr"},
                                    {"where": "0 < |g| <= 1/(1000)"}])
def test_false_bounds(change):
    good = least_step(o.signsgd(lr=0.3))
    made = {**good.statement, "options": {**good.statement["options"], **change}}
    with pytest.raises(AssertionError):
        proved(made, "none", "A", good.certificate)


def test_a_cycle_refutes_only_global_stability():
    verdict = sign_cycle(o.signsgd(lr=0.5))
    for change in ({"scope": "local"}, {"at": ["1/4", "0"]}):
        made = {**verdict.statement, "options": {**verdict.statement["options"], **change}}
        with pytest.raises(AssertionError):
            disproved(made, "none", verdict.counterexample)
    made = statement("asymptotically_stable", map_on(o.gradient_descent(lr=0.5), "theta**2/2"),
                     at=["0"], scope="global")
    for points in ([["0"]], [["1"]], [["1"], ["1/2"]], []):
        with pytest.raises(AssertionError):
            disproved(made, "none", Evidence("map_cycle", {"points": points}))


@pytest.mark.parametrize("call, message", [
    (lambda: adam_cycle(o.adamw()), "optimizer must be adam"),
    (lambda: adam_cycle(o.adam(), 0), "curvature must be > 0"),
    (lambda: least_step(o.adam()), "optimizer must be signsgd"),
    (lambda: least_step(o.signsgd(), 1), "has no effect"),
    (lambda: least_step(o.polyak(clip="norm")), "least_loss must be given"),
    (lambda: map_on(o.proximal_point(), "theta**2"), "gradient at theta")])
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
