"""Rates in the worst case: known values, both bounds, and what must never be proved."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from stability import changed_leaves

import flowopt as fo
from flowopt.stability import Verdict, worst_case_rate
from flowopt.stability.checks.rate import class_words
from flowopt.stability.checks.root_radius import characteristic, inside
from flowopt.stability.iterations.atlas_discrete_other import triple_momentum
from flowopt.stability.iterations.discrete import optimizer_system
from flowopt.stability.iterations.worst_case import attempt, bounds_of, rate_statement
from flowopt.stability.linear_step import linear_step
from flowopt.stability.proving import Problem
from flowopt.stability.statement import statement
from flowopt.stability.verdict import Evidence, disproved, proved
from tests import twins_worst_case as twins

o = fo.optimizers
needs_solver = pytest.mark.skipif(__import__("importlib.util").util.find_spec("clarabel") is None,
                                  reason="clarabel is not installed")
DESCENTS = [(h, 1, 10) for h in (0.05, 0.1, 2 / 11, 0.19, 0.2)] + [(0.3, 2, 3), (1.0, "1/3", 1)]


@pytest.mark.parametrize("h, mu, ell", DESCENTS)
def test_descent_is_tight(h, mu, ell):
    """max(|1 − hμ|, |1 − hℓ|), exactly, from both sides (Taylor, Hendrickx & Glineur 2018)."""
    found = worst_case_rate(o.gradient_descent(lr=h), mu, ell)
    h = Fraction(repr(h))
    exact = max(abs(1 - h * Fraction(mu)), abs(1 - h * Fraction(ell)))
    assert found.upper == found.lower == exact
    assert found.verdict.proved and found.verdict.trust == "A" and found.verdict.check()
    assert found.floor.disproved and found.floor.check()


def test_optimal_descent():
    found = worst_case_rate(o.gradient_descent(lr=2 / 11), 1, 10, exact={"lr": "2/11"})
    assert found.upper == Fraction(9, 11)  # (κ − 1)/(κ + 1)


@pytest.mark.parametrize("ell", [10, None])
def test_proximal_point_is_tight(ell):
    found = worst_case_rate(o.proximal_point(lr=0.5), 2, ell)
    assert found.upper == found.lower == Fraction(1, 2)  # 1/(1 + hμ)


def test_convex_losses_have_the_rate_one():
    found = worst_case_rate(o.gradient_descent(lr=0.1), 0, 10)
    assert found.upper == found.lower == 1 and found.verdict.proved
    assert "has a minimiser" in found.verdict.claim


@needs_solver
@pytest.mark.parametrize("kappa", [4, 10, 25, 100])
def test_nesterov_between_known_bounds(kappa):
    """Below Nesterov's √(1 − √(1/κ)), not below the quadratics' 1 − √(1/κ)."""
    found = worst_case_rate(o.nesterov(lr=1 / kappa, mu=1.0), 1, kappa,
                            exact={"lr": f"1/{kappa}"})
    assert found.verdict.proved and found.verdict.check()
    assert 1 - kappa**-0.5 - 1e-9 <= found.lower <= found.upper < (1 - kappa**-0.5) ** 0.5
    assert abs(float(found.lower) - (1 - kappa**-0.5)) < 1e-9


@needs_solver
@pytest.mark.parametrize("make", [
    lambda: o.nesterov(lr=0.1, mu=1.0, form="torch"), lambda: o.heavy_ball(0.1, 0.4)])
def test_the_certificate_falls_along_runs(make):
    """V of the certificate, in plain NumPy, falls by ρ² a step and bounds the distance."""
    opt = make()
    verdict = worst_case_rate(opt, 1, 10).verdict
    data = verdict.certificate.data
    P = np.array([[float(Fraction(v)) for v in row] for row in data["P"]])
    (p,), below = (float(Fraction(v)) for v in data["p"]), float(Fraction(data["below"]))
    square = float(Fraction(verdict.statement["options"]["rate"])) ** 2
    h = opt.clock.step
    for text in ("x**2/2 + 9/2*Piecewise((x**2, x > 0), (0, True))",
                 "x**2/2 + 36*softplus(x) - 18*x - 36*log(2)", "5*x**2", "x**2/2"):
        loss = fo.Loss(text)
        y = opt.run(loss, [2.0], steps=40).y
        x = y[:, :1]
        xi = np.hstack([x, h * y[:, 1:], loss.grad(x)])
        V = np.einsum("ki,ij,kj->k", xi, P, xi) + p * loss.value(x)
        assert (V[1:] <= square * V[:-1] + 1e-14).all()
        assert (V >= below * x[:, 0] ** 2 - 1e-14).all()


@needs_solver
@pytest.mark.parametrize("low, high, root", [(0.1, 0.6, 0.6), (0.2, 0.55, 0.6), (0.1, 0.9, 0.3),
                                             (0.36, 0.75, 0.4)])
def test_heavy_ball_of_ghadimi(low, high, root):
    """β = √((1 − αμ)(1 − αℓ)), α = 1: no slower than √(1 − αμ) (Ghadimi et al. 2015, Thm 4)."""
    assert root**2 == pytest.approx((1 - low) * (1 - high))
    found = worst_case_rate(o.heavy_ball(lr=1.0, momentum=root), low, high)
    assert found.verdict.proved and found.rate <= (1 - low) ** 0.5


@needs_solver
@pytest.mark.parametrize("root", [2, 3, 10])
def test_triple_momentum_is_tight(root):
    """1 − 1/√κ (Van Scoy, Freeman & Lynch 2018), from above to 1e-6 and never below."""
    system = triple_momentum(root, root**2)
    found = bounds_of(system, linear_step(system), Fraction(1), Fraction(root**2), 0, 1e-7)
    exact = 1 - Fraction(1, root)
    assert exact <= found.upper < exact + Fraction(1, 10**6)
    assert abs(found.lower - exact) < Fraction(1, 10**9)


@needs_solver
def test_heavy_ball_where_it_converges():
    found = worst_case_rate(o.heavy_ball(lr=4 / 9, momentum=1 / 9), 1, 4,
                            exact={"lr": "4/9", "momentum": "1/9"})
    assert found.lower == Fraction(1, 3) and found.verdict.proved  # Polyak's, for quadratics
    assert Fraction(1, 3) < found.upper < Fraction(6, 10)
    more = worst_case_rate(o.heavy_ball(lr=4 / 9, momentum=1 / 9), 1, 4, memory=1,
                           exact={"lr": "4/9", "momentum": "1/9"})
    assert more.upper < found.upper


@needs_solver
@pytest.mark.parametrize("make", [
    lambda: o.sgd(lr=0.1, momentum=0.5), lambda: o.sgd(lr=0.1, momentum=0.5, dampening=0.5),
    lambda: o.sgd(lr=0.05, momentum=0.3, nesterov=True), lambda: o.heavy_ball(0.1, 0.5),
    lambda: o.nesterov(lr=0.1, momentum=0.5), lambda: o.nesterov(lr=0.07, mu=0.9)])
def test_every_linear_optimizer(make):
    """Real runs on quadratics and on losses with kinks in L' never fall more slowly."""
    mu, ell, opt = 1, 10, make()
    found = worst_case_rate(opt, mu, ell)
    assert found.verdict.proved and found.verdict.check() and found.lower <= found.upper < 1
    rng = np.random.default_rng(3)
    bound = found.rate
    for n in (2, 4):
        H = twins.quadratic(mu, ell, n, rng)
        x = "xyzw"[:n]
        loss = fo.Loss(" + ".join(f"({float(H[i, j]) / 2!r})*{x[i]}*{x[j]}" for i in range(n)
                                  for j in range(n)), variables=list(x))
        path = opt.run(loss, rng.normal(size=n), steps=300).y[:, :n]
        _falls(path, bound)
    # L' with slopes 1 and 10: the two curvatures of a Huber-like loss
    kinked = fo.Loss("x**2/2 + 9/2*Piecewise((x**2, x > 0), (0, True))")
    smooth = fo.Loss("x**2/2 + 36*softplus(x) - 18*x")  # L'' = 1 + 36 σ(1 − σ) in (1, 10]
    for loss in (kinked, smooth):
        for start in (-3.0, 2.0):
            _falls(opt.run(loss, [start], steps=300).y[:, :1], bound)


def _falls(path, rate):
    """|x_k| <= C ρ^k: the constant that the second half needs is no more than the first's."""
    size = np.linalg.norm(path, axis=1)
    scaled = size / rate ** np.arange(len(size))
    seen = size > 1e-13
    assert scaled[150:][seen[150:]].max(initial=0.0) <= 1.5 * scaled[:150].max()


def test_quadratics_attain_the_tight_rate():
    for h in (0.03, 0.1, 0.19):
        found = worst_case_rate(o.gradient_descent(lr=h), 1, 10)
        path = twins.gradient_descent(lambda x: np.array([1, 10]) * x, [1.0, 1.0], h, 40)
        size = np.linalg.norm(path[-20:], axis=1)
        factors = np.abs(path[1] / path[0])
        assert abs(factors.max() - found.rate) < 1e-9
        assert (size <= found.rate ** np.arange(21, 41) * 2**0.5 * (1 + 1e-12)).all()


def test_random_losses_with_kinks_stay_below():
    rng = np.random.default_rng(0)
    for _ in range(30):
        grad = twins.piecewise(1.0, 10.0, 6, rng)
        for h in (0.05, 0.15):
            path = np.abs(twins.gradient_descent(grad, [rng.normal()], h, 50))[:, 0]
            rate = worst_case_rate(o.gradient_descent(lr=h), 1, 10).rate
            assert (path[1:] <= rate * path[:-1] + 1e-14).all()


# ---------------------------------------------------------------- from below
def test_the_cycle_of_lessard_recht_and_packard():
    """Heavy ball with Polyak's parameters for κ = 25: L' = 25x, x + 24, 25x − 24 (2016, (4.11))."""
    opt = o.heavy_ball(lr=1 / 9, momentum=4 / 9)
    exact = {"lr": "1/9", "momentum": "4/9"}
    found = worst_case_rate(opt, 1, 25, exact=exact)
    assert found.upper is None and found.lower == 1 and found.rate == np.inf
    assert found.verdict.disproved and found.verdict.check()

    def slope(x):
        return 25 * x if x < 1 else x + 24 if x < 2 else 25 * x - 24

    # the published limit: 792/1225, −2208/1225, 2592/1225
    points = [Fraction(n, 1225) for n in (792, -2208, 2592)]
    gradients = [slope(p) for p in points]
    previous, here = points[2], points[0]
    for k in range(3):
        new = here - gradients[k] / 9 + Fraction(4, 9) * (here - previous)
        assert new == points[(k + 1) % 3]
        previous, here = here, new
    made = rate_statement(optimizer_system(opt, exact=exact), Fraction(99, 100), Fraction(1),
                          Fraction(25))
    data = {"start": [str(points[0]), str(points[0] - points[2])],
            "gradients": [str(g) for g in gradients], "slopes": ["25", "25", "26/3"]}
    verdict = disproved(made, "the published cycle", Evidence("loss_cycle", data))
    assert verdict.check()
    # a run on this loss, from the published range of starts, goes round
    x = twins.heavy_ball(lambda x: np.where(x < 1, 25 * x, np.where(x < 2, x + 24, 25 * x - 24)),
                         [3.3], 1 / 9, 4 / 9, 600)[:, 0]
    assert sorted(round(v, 9) for v in x[-3:]) == sorted(round(float(p), 9) for p in points)


@needs_solver
@pytest.mark.parametrize("make, mu, ell", [
    (lambda: o.heavy_ball(lr=1 / 9, momentum=4 / 9), 1, 25),
    (lambda: o.heavy_ball(lr=4 / 121, momentum=(9 / 11) ** 2), 1, 100),
    (lambda: o.heavy_ball(lr=0.4, momentum=0.9), 1, 10),
    (lambda: o.gradient_descent(lr=0.2001), 1, 10), (lambda: o.gradient_descent(lr=0.3), 1, 10),
    (lambda: o.nesterov(lr=0.15, momentum=0.9), 1, 10)])
def test_never_proved(make, mu, ell):
    """Beyond their limits, and the heavy ball's best parameters for quadratics: no rate below 1."""
    for rate in (0.999, "999999/1000000", 0.5):
        verdict = _attempt(make(), rate, mu, ell)
        assert not verdict.proved
        assert verdict.unknown or verdict.check()


@needs_solver
@pytest.mark.parametrize("make, mu, ell, tight", [
    (lambda: o.gradient_descent(lr=0.1), 1, 10, 0.9),
    (lambda: o.proximal_point(lr=1.0), 1, 10, 0.5),
    (lambda: o.gradient_descent(lr=0.19), 1, 10, 0.9)])
def test_a_rate_below_the_tight_one_is_refuted(make, mu, ell, tight):
    for less in (0.999, 0.9, 1 - 1e-9):
        verdict = _attempt(make(), repr(Fraction(repr(tight)) * Fraction(repr(less)))[9:-1].replace(
            ", ", "/"), mu, ell)
        assert verdict.disproved and verdict.check()
    assert _attempt(make(), tight, mu, ell).proved
    assert _attempt(make(), tight + 0.01, mu, ell).proved


def _attempt(opt, rate, mu, ell):
    made = statement("rate", {"kind": "none"}, rate=str(Fraction(rate) if isinstance(
        rate, str) else Fraction(repr(rate))), mu=str(mu), ell=str(ell))
    return attempt(Problem(opt, made))


# ---------------------------------------------------------------- certificates
def _verdicts():
    yield worst_case_rate(o.gradient_descent(lr=0.1), 1, 10).verdict
    yield worst_case_rate(o.gradient_descent(lr=0.1), 1, 10).floor
    yield worst_case_rate(o.heavy_ball(lr=1 / 9, momentum=4 / 9), 1, 25).verdict


def test_each_changed_leaf_fails():
    for verdict in _verdicts():
        assert verdict.check()
        count = 0
        for path, value, made in changed_leaves.changed(verdict):
            assert not made.check(), (path, value)
            count += 1
        assert count >= 4


@needs_solver
def test_each_changed_leaf_of_a_searched_certificate_fails():
    for made in (worst_case_rate(o.heavy_ball(0.1, 0.5), 1, 10).verdict,
                 worst_case_rate(o.nesterov(lr=0.07, mu=0.9), 1, 10).verdict):
        for path, value, other in changed_leaves.changed(made):
            assert not other.check(), (path, value)


@needs_solver
def test_a_certificate_proves_no_other_statement():
    verdict = worst_case_rate(o.heavy_ball(0.1, 0.5), 1, 10).verdict
    options = verdict.statement["options"]
    other = worst_case_rate(o.heavy_ball(0.1, 0.4), 1, 10).verdict.statement["system"]
    for change in ({"options": {**options, "rate": "1/2"}}, {"options": {**options, "mu": "2"}},
                   {"options": {**options, "ell": "20"}}, {"options": {**options, "ell": "9"}},
                   {"system": other}, {"assumptions": class_words(1, 11)}, {"claim": "stable"},
                   {"V": "L"}):
        made = replace(verdict, statement={**verdict.statement, **change})
        assert not replace(made, digest=made._digest()).check(), change


@needs_solver
def test_it_survives_json_and_explains_itself():
    verdict = worst_case_rate(o.nesterov(lr=0.07, mu=0.9), 1, 10).verdict
    back = Verdict.from_json(verdict.to_json())
    assert back == verdict and back.check()
    assert "V_(k+1) <= rho^2 V_k" in back.explain() and "succeq" in back.latex()
    cycle = worst_case_rate(o.heavy_ball(lr=1 / 9, momentum=4 / 9), 1, 25).verdict
    assert "back at its start" in cycle.explain() and "cycle" in cycle.latex()


def test_a_wrong_certificate_is_refused_at_once():
    verdict = worst_case_rate(o.gradient_descent(lr=0.1), 1, 10).verdict
    made = rate_statement(verdict.statement["system"], Fraction(8999, 10000), Fraction(1),
                          Fraction(10))
    with pytest.raises(AssertionError, match="semidefinite"):
        proved(made, "no proof", "A", verdict.certificate)


def test_without_the_solver(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "clarabel", None)
    assert worst_case_rate(o.gradient_descent(lr=0.1), 1, 10).verdict.proved
    found = worst_case_rate(o.heavy_ball(0.1, 0.5), 1, 10)
    assert found.upper is None and found.verdict.unknown
    assert "clarabel is not installed" in found.verdict.skipped[0]


# ---------------------------------------------------------------- roots
def test_roots_inside_agree_with_numpy():
    rng = np.random.default_rng(1)
    for _ in range(200):
        m = int(rng.integers(1, 5))
        M = [[Fraction(int(v), 8) for v in row] for row in rng.integers(-8, 9, size=(m, m))]
        p = characteristic(M)
        size = np.abs(np.linalg.eigvals(np.array(M, float))).max()
        assert np.allclose(np.poly(np.array(M, float))[::-1], [float(c) for c in p])
        for radius in (size * 1.001 + 1e-6, size * 0.999):
            if radius > 1e-3:
                assert inside(p, Fraction(radius)) == (radius > size)


@pytest.mark.parametrize("call, message", [
    (lambda: worst_case_rate(o.adam(), 1, 10), "linear in one gradient"),
    (lambda: worst_case_rate(o.gradient_descent(), 10, 1), "ell must be > mu"),
    (lambda: worst_case_rate(o.gradient_descent(), -1, 1), "mu must be >= 0"),
    (lambda: worst_case_rate(o.gradient_descent(), "a", 1), "mu must be a finite number"),
    (lambda: worst_case_rate(o.gradient_descent(), 1, float("inf")), "ell must be a finite"),
    (lambda: worst_case_rate(o.gradient_descent(), 1, 2, memory=-1), "memory must be"),
    (lambda: worst_case_rate(o.gradient_descent(), 1, 2, accuracy=0), "accuracy must be"),
    (lambda: worst_case_rate(o.gradient_descent(), 1, 2, exact={"a": "1"}), "no hyper-parameter"),
    (lambda: worst_case_rate(o.gradient_descent(), 1, 2, exact={"lr": "1/3"}), "must be the opti"),
    (lambda: worst_case_rate(o.sgld(), 1, 2), "noise"),
    (lambda: worst_case_rate(o.newton(), 1, 2), "function"),
    (lambda: worst_case_rate(o.gradient_descent(weight_decay=0.1), 1, 2), "does not rest"),
    (lambda: worst_case_rate(o.nesterov(lr=0.1), 1, 2), "linear"),
])
def test_bad_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_only_optimizers():
    with pytest.raises(TypeError, match="optimizer must be an Optimizer"):
        worst_case_rate("sgd", 1, 2)
