"""Step limits against closed forms, published numbers, and the compiled maps themselves."""

import json
import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy

import flowopt as fo
from flowopt.integrators.tableaus import Tableau
from flowopt.optimizers.table import CATALOGUE
from flowopt.stability.steps.limits import step_limit
from flowopt.stability.verdict import Evidence

o = fo.optimizers
lam, P, h, lr = sympy.symbols("lam P h lr", positive=True)
beta = sympy.Symbol("momentum", positive=True)
b1 = sympy.Symbol("beta1", positive=True)

CLOSED = [
    (o.gradient_descent(), 2 / lam),
    (o.sgd(momentum=0.9), 2 * (1 + beta) / lam),
    (o.heavy_ball(), 2 * (1 + beta) / lam),
    (o.sgd(momentum=0.9, dampening=0.9),
     2 * (1 + beta) / ((1 - sympy.Symbol("dampening", positive=True)) * lam)),
    (o.sgd(momentum=0.9, nesterov=True), 2 * (1 + beta) / ((1 + 2 * beta) * lam)),
    (o.nesterov(momentum=0.9), 2 * (1 + beta) / ((1 + 2 * beta) * lam)),
    (o.nesterov(r=3.0), 4 / (3 * lam)),
    (o.adam(), 2 * P * (1 + b1) / ((1 - b1) * lam)),
    (o.amsgrad(), 2 * P * (1 + b1) / ((1 - b1) * lam)),
    (o.adamax(), 2 * P * (1 + b1) / ((1 - b1) * lam)),
    (o.radam(), 2 * P * (1 + b1) / ((1 - b1) * lam)),
    (o.nadam(), 2 * P * (1 + b1) / ((1 - b1) * (1 + 2 * b1) * lam)),
    (o.nadam(convention="optax"), 2 * P * (1 + b1) / ((1 - b1) * (1 + 2 * b1) * lam)),
    (o.rmsprop(), 2 * P / lam),
    (o.rmsprop(momentum=0.9, centered=True), 2 * P * (1 + beta) / lam),
    (o.adagrad(), 2 * P / lam),
    (o.adadelta(), 2 * P / lam),
    (o.newton(), 2),
    (o.proximal_point(), sympy.oo),
    (o.polyak(max_learning_rate=1e6),
     sympy.Max(4, 2 / (lam * sympy.Symbol("max_learning_rate", positive=True)))),
    (o.polyak(clip="norm"), 4),
]


@pytest.mark.parametrize(("opt", "limit"), CLOSED, ids=[c[0].name for c in CLOSED])
def test_closed_forms(opt, limit):
    found = step_limit(opt)
    assert sympy.simplify(found.limit - limit) == 0 if limit != sympy.oo else \
        found.limit == limit
    assert found.verdict.proved and found.verdict.trust == "A" and found.verdict.check()


def test_every_optimizer_of_the_dictionary_has_an_answer():
    for make in CATALOGUE:
        found = step_limit(make())
        assert found.verdict.proved or found.verdict.reason, found
        if found.subject not in ("metropolis", "nesterov"):
            assert found.verdict.check(), found


@pytest.mark.parametrize("opt", [o.signsgd(), o.signum(), o.signum(momentum=0.0), o.lion(),
                                 o.normalized_gd(), o.lion(weight_decay=0.5)])
def test_no_step_of_a_rule_that_jumps_is_stable(opt):
    found = step_limit(opt)
    assert found.limit == 0 and found.intervals == () and found.value == 0.0
    assert found.verdict.statement["claim"] == "unstable" and found.verdict.check()


def test_sign_descent_ends_in_the_cycle_of_half_a_step():
    run = o.signsgd(lr=0.3).run("x**2/2", [0.15], steps=5)
    assert np.allclose(run.x[:, 0], [0.15, -0.15] * 3)


@pytest.mark.parametrize(("method", "value"), [
    (fo.Euler(h=1.0), 2.0), (fo.Heun(h=1.0), 2.0), (fo.Midpoint(h=1.0), 2.0),
    (fo.RK4(h=1.0), 2.785293563405282), (fo.ImplicitEuler(h=1.0), math.inf),
    (fo.DiscreteGradient(h=1.0), math.inf), (fo.Rodas5P(), math.inf), (fo.SRA1(h=1.0), 2.0),
    (fo.Dopri5(), 3.306567892637), (fo.EulerMaruyama(h=1.0), 2.0)])
def test_methods_on_gradient_flow(method, value):
    found = step_limit(fo.flows.GradientFlow(), method)
    assert found.value == pytest.approx(value, rel=1e-12)
    assert found.verdict.check()


def test_third_order_has_its_published_limit():
    kutta = Tableau("RK3", order=3, reference="W. Kutta (1901)", c=("0", "1/2", "1"),
                    a=((), ("1/2",), ("-1", "2")), b=("1/6", "2/3", "1/6"),
                    dense=(("1", "-3/2", "2/3"), ("0", "2", "-4/3"), ("0", "-1/2", "2/3")),
                    dense_order=2)
    found = step_limit(fo.flows.GradientFlow(), kutta)
    assert found.value == pytest.approx(2.5127453266183286, rel=1e-14)
    assert found.root.coefficients == (1, -3, 6, -12)


def test_the_set_is_a_union_where_it_is():
    found = step_limit(fo.flows.GradientFlow(), fo.DOP853(), curvature=1.0)
    assert len(found.intervals) == 2 and found.verdict.check()
    from flowopt.stability.steps.amplify import stability_function

    above, _ = stability_function(fo.DOP853.tableau)
    (_, first), (second, third) = found.stable

    def inside(z):
        return abs(sum(c * Fraction(-z)**k for k, c in enumerate(above))) < 1

    assert [inside(z) for z in (first * 0.999999, first * 1.000001, second * 0.9999999,
                                second * 1.0000001, third * 0.9999999, third * 1.0000001)
            ] == [True, False, False, True, True, False]


def test_lookahead():
    odd = step_limit(o.lookahead(o.gradient_descent(), 5, 0.5))
    assert odd.at(lam=1).value == pytest.approx(1 + 3**0.2, rel=1e-15)
    even = step_limit(o.lookahead(o.gradient_descent(), 2, 0.5))
    assert even.limit == 2 / lam
    three = step_limit(o.lookahead(o.gradient_descent(), 3, 0.25))
    assert three.at(lam=2).value == pytest.approx((1 + 7**(1 / 3)) / 2, rel=1e-14)
    assert odd.verdict.check() and three.verdict.check()


def test_second_order_flows():
    ball = fo.flows.HeavyBall(gamma=0.5)
    gamma = sympy.Symbol("gamma", positive=True)
    leap = step_limit(ball, fo.ConformalLeapfrog(h=0.1))
    assert leap.limit == 2 / sympy.sqrt(lam) and leap.verdict.check()
    assert step_limit(ball, fo.BAOAB(h=0.1)).limit == 2 / sympy.sqrt(lam)
    split = step_limit(ball, fo.SymplecticEuler(h=0.1))
    assert sympy.simplify(split.limit - (sympy.sqrt(gamma**2 + 4 * lam) - gamma) / lam) == 0
    assert split.verdict.check()
    # explicit Euler: complex eigenvalues leave at γ/λ, real ones at 4/(γ + …)
    euler = step_limit(ball, fo.Euler(h=0.1)).at(lam=1)
    assert euler.value == pytest.approx(0.5, rel=1e-15) and euler.verdict.check()
    stiff = step_limit(fo.flows.HeavyBall(gamma=10.0), fo.Euler(h=0.1)).at(lam=1)
    assert stiff.value == pytest.approx(2 / (5 + math.sqrt(24)))


def test_without_friction_no_step_is_asymptotically_stable():
    free = fo.flows.HeavyBall(gamma=0.0)
    for method in (fo.SymplecticEuler(h=0.1), fo.ConformalLeapfrog(h=0.1), fo.Euler(h=0.1)):
        found = step_limit(free, method)
        assert found.limit == 0 and found.verdict.check(), method


def test_an_interval_of_curvatures():
    found = step_limit(o.sgd(momentum=0.9), curvature=(0.5, 10))
    assert found.limit == (1 + beta) / 5 and found.verdict.check()
    ball = step_limit(fo.flows.HeavyBall(gamma=1.0), fo.RK4(h=0.1), curvature=(1, 4))
    assert ball.verdict.check() and len(ball.intervals) == 1
    # the largest curvature that is met first is not always an end: compare with a scan
    values = [step_limit(fo.flows.HeavyBall(gamma=1.0), fo.RK4(h=0.1)).at(lam=k).value
              for k in np.linspace(1, 4, 7)]
    assert ball.value == pytest.approx(min(values), rel=1e-12)


# ------------------------------------------------------------------ the compiled maps
def numerical_radius(opt, curvature, scales, cycle=1, k=10**7):
    """Return the spectral radius of the compiled map's Jacobian, by central differences."""
    loss = fo.Loss(f"{curvature!r}*x**2/2")
    y0 = opt.start(loss, [0.0])
    names = [name for name, _, _ in opt.flow.on(loss).blocks]
    for i, name in enumerate(names):
        if name in ("c", "d"):
            y0[i] = 1.0
        if name == "P":  # NAdam's product of its momenta
            y0[i] = 0.0
        if name in scales:
            y0[i] = scales[name]
    odd = [i for i, n in enumerate(names) if n not in ("c", "d", "count", "P") and n not in scales]
    size = 1e-7
    made = np.zeros((len(odd), len(odd)))
    for column, i in enumerate(odd):
        ends = []
        for sign in (1.0, -1.0):
            y = y0.copy()
            y[i] += sign * size
            for step in range(cycle):
                y = opt.step(loss, y, k=k + step)
            ends.append(y[odd])
        made[:, column] = (ends[0] - ends[1]) / (2 * size)
    return np.abs(np.linalg.eigvals(made)).max()


rng = np.random.default_rng(20261122)
B, B2, C, K = (float(rng.uniform(*r)) for r in ((0.2, 0.95), (0.7, 0.99), (0.5, 3.0), (0.3, 4.0)))
V = 0.49  # v after the step: P = 0.7
MAPS = [
    (lambda s: o.gradient_descent(lr=s), {}),
    (lambda s: o.gradient_descent(lr=s, weight_decay=0.3), {}),
    (lambda s: o.sgd(lr=s, momentum=B), {}),
    (lambda s: o.sgd(lr=s, momentum=B, dampening=0.4), {}),
    (lambda s: o.sgd(lr=s, momentum=B, nesterov=True), {}),
    (lambda s: o.heavy_ball(lr=s, momentum=B), {}),
    (lambda s: o.nesterov(lr=s, momentum=B), {}),
    (lambda s: o.nesterov(lr=s, r=3.0), {}),
    (lambda s: o.newton(lr=s), {}),
    (lambda s: o.adagrad(lr=s, eps=0.0), lambda s: {"V": V * s**2}),
    (lambda s: o.rmsprop(lr=s, alpha=B2, eps=0.0), {"v": V / B2}),
    (lambda s: o.rmsprop(lr=s, alpha=B2, eps=0.0, momentum=B), {"v": V / B2}),
    (lambda s: o.adadelta(lr=s, rho=B2, eps=0.01), {"v": 0.0, "u": 0.0}),
    (lambda s: o.adam(lr=s, betas=(B, B2), eps=0.0), {"v": V / B2}),
    (lambda s: o.adam(lr=s, betas=(B, B2), eps=0.0, weight_decay=0.2), {"v": V / B2}),
    (lambda s: o.adamw(lr=s, betas=(B, B2), eps=0.0, weight_decay=0.2), {"v": V / B2}),
    (lambda s: o.amsgrad(lr=s, betas=(B, B2), eps=0.0), {"v": 0.0, "w": V}),
    (lambda s: o.adamax(lr=s, betas=(B, B2), eps=1e-3), {"u": 0.7 / B2}),
    (lambda s: o.nadam(lr=s, betas=(B, B2), eps=0.0), {"v": V / B2}),
    (lambda s: o.nadam(lr=s, betas=(B, B2), eps=0.0, convention="optax"), {"v": V / B2}),
    (lambda s: o.radam(lr=s, betas=(B, B2), eps=0.0), {"v": V / B2}),
    (lambda s: o.radam(lr=s, betas=(B, B2), eps=0.0, convention="optax"), {"v": V / B2}),
    (lambda s: o.lookahead(o.gradient_descent(lr=s), 5, 0.4), {}),
    (lambda s: o.lookahead(o.gradient_descent(lr=s), 4, 0.4), {}),
]


@pytest.mark.parametrize(("make", "scales"), MAPS, ids=[m[0](0.1).name for m in MAPS])
def test_the_compiled_map_is_stable_just_below_and_not_just_above(make, scales):
    opt = make(0.1)
    if opt.name.startswith("radam") and B2 <= 2 / 3:
        pytest.skip("not rectified")
    found = step_limit(opt)
    numbers = {"lam": K}
    if "P" in found.held:
        numbers["P"] = 1 if opt.name == "adadelta" else 0.7
    limit = found.at(**{k: v for k, v in numbers.items() if k in found.domain}).value
    cycle = int(opt.hyper.get("sync_period", 1))
    radii = []
    for factor in (0.2, 0.999, 1.001):
        s = limit * factor
        held = scales(s) if callable(scales) else scales
        radii.append(numerical_radius(make(s), K, held, cycle))
    assert radii[0] < 1 and radii[1] < 1 < radii[2], radii


@pytest.mark.parametrize("method", [fo.Euler, fo.Heun, fo.RK4, fo.Midpoint, fo.ConformalLeapfrog,
                                    fo.SymplecticEuler, fo.SequentialEuler])
def test_methods_on_heavy_balls_flow(method):
    flow, k = fo.flows.HeavyBall(gamma=0.7), 2.3
    field = flow.on(fo.Loss(f"{k}*x**2/2"))
    limit = step_limit(flow, method(h=0.1)).at(lam=k).value
    for factor, stable in ((0.3, True), (0.9999, True), (1.0001, False)):
        s = limit * factor
        columns = [fo.integrate(field, e, t=(0.0, s), method=method(h=s)).y[-1]
                   for e in ([1.0, 0.0], [0.0, 1.0])]
        assert (np.abs(np.linalg.eigvals(np.array(columns).T)).max() < 1) == stable


# ------------------------------------------------------------------ certificates and the door
def leaves(value, path=()):
    if isinstance(value, dict):
        for k, v in value.items():
            yield from leaves(v, (*path, k))
    elif isinstance(value, list):
        for k, v in enumerate(value):
            yield from leaves(v, (*path, k))
    else:
        yield path


def changed(value, path, new):
    made = json.loads(json.dumps(value))
    at = made
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new(at[path[-1]])
    return made


@pytest.mark.parametrize("found", [
    step_limit(o.sgd(momentum=0.9)), step_limit(o.adamw()),
    step_limit(fo.flows.GradientFlow(), fo.RK4(h=1.0)),
    step_limit(fo.flows.HeavyBall(gamma=1.0), fo.RK4(h=1.0)).at(lam=1),
    step_limit(o.lookahead(o.gradient_descent())), step_limit(o.signum()),
    step_limit(o.polyak()), step_limit(o.sgd(momentum=0.9), curvature=(1, 2)),
], ids=lambda f: f.subject)
def test_a_changed_certificate_is_refused(found):
    verdict = found.verdict
    assert verdict.check()
    data = json.loads(json.dumps(verdict.certificate.data))
    for path in leaves(data):
        new = changed(data, path, lambda v: "7" if v != "7" else "8")
        made = replace(verdict, certificate=Evidence(verdict.certificate.kind, new))
        made = replace(made, digest=made._digest())
        assert not made.check(), (path, new)
    # and the claim itself: another limit is not proved
    statement = json.loads(json.dumps(verdict.statement))
    if "intervals" in statement["options"] and statement["options"]["intervals"]:
        statement["options"]["intervals"][0][1] = "1"
        made = replace(verdict, statement=statement)
        assert not replace(made, digest=made._digest()).check()
    assert verdict.explain() and verdict.latex()
    assert type(verdict).from_json(verdict.to_json()).check()


@pytest.mark.parametrize(("call", "words"), [
    (lambda: step_limit(3), "optimizer_or_flow must be an Optimizer or a Flow"),
    (lambda: step_limit(fo.flows.GradientFlow()), "method must be given for a flow"),
    (lambda: step_limit(o.adam(), "RK4"), "method must be a method such as"),
    (lambda: step_limit(o.adam(), curvature=-1), "curvature must be"),
    (lambda: step_limit(o.adam(), curvature=(1, 2, 3)), "a pair"),
    (lambda: step_limit(o.adam(), curvature=(3, 2)), "mu <= ell"),
    (lambda: step_limit(o.adam()).at(mu=1), "at takes"),
    (lambda: step_limit(o.adam()).at(lam=0), "lam must be > 0"),
    (lambda: step_limit(o.nesterov(r=3.0), fo.Euler(h=0.1)).at(lam=1), "there is none here"),
    (lambda: step_limit(fo.flows.GradientFlow(), fo.SequentialEuler(h=1.0)), "needs a flow with"),
    (lambda: step_limit(o.adam(), fo.DiscreteGradient(h=1.0)), "needs a gradient flow"),
    (lambda: step_limit(o.adam(), fo.Automatic()), "must be one method"),
])
def test_the_door(call, words):
    with pytest.raises((TypeError, ValueError), match=words):
        call()


# ------------------------------------------------------------------ what optimizers are composed of
def test_composed_optimizers():
    gd = o.gradient_descent(lr=0.1)
    w = sympy.Symbol("weight_decay", positive=True)
    assert sympy.simplify(step_limit(gd.with_l2(0.1)).limit - 2 / (lam + w)) == 0
    for made in (gd.with_average(o.ExponentialAverage(0.9)), gd.with_average(o.TailAverage(2)),
                 gd.with_noise(0.1)):
        assert step_limit(made).limit == 2 / lam, made
    assert step_limit(gd.with_l1(0.1)).limit == 0
    assert step_limit(gd.with_l1(0.1, proximal=True)).verdict.unknown


def test_a_rule_whose_limit_in_time_is_at_rest_is_not_decided():
    found = step_limit(o.adagrad(lr_decay=0.1))
    assert found.intervals is None and "depends on time" in found.verdict.reason


def test_kinks_that_do_not_matter_at_the_equilibrium():
    for rule in ("-g/(1 + norm(g))", "-Min(Max(g, -1), 1)", "-tanh(g)", "-g - g**3"):
        found = step_limit(fo.Flow(rule), fo.Euler(h=0.1))
        assert found.limit == 2 / lam and found.verdict.check(), rule


def test_signs_of_parameters_are_not_assumed():
    # a parameter may be negative or zero: it is then a number, and no symbol that is > 0
    up = step_limit(fo.Flow("-c*g", parameters={"c": -1.0}), fo.Euler(h=0.1))
    assert up.limit == 0 and up.verdict.check()
    ball = fo.Flow({"theta": "v", "v": "-c*v - g"}, parameters={"c": -0.5})
    for method in (fo.SymplecticEuler(h=0.1), fo.RK4(h=0.1), fo.ImplicitEuler(h=0.1)):
        found = step_limit(ball, method)
        found = found.at(lam=1) if found.intervals is None else found
        for a, b in found.stable:
            s = 2 * a + 1 if math.isinf(b) else (a + b) / 2
            columns = [fo.integrate(ball.on("x**2/2"), e, t=(0, s), method=type(method)(h=s)).y[-1]
                       for e in ([1.0, 0.0], [0.0, 1.0])]
            assert np.abs(np.linalg.eigvals(np.array(columns).T)).max() < 1
    with pytest.raises(ValueError, match="must not have the name lam"):
        step_limit(fo.Flow("-lam*g", parameters={"lam": 2.0}), fo.Euler(h=0.1))
