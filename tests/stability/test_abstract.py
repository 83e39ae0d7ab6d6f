"""Proofs on an abstract loss: what must never be proved, counterexamples, refusals, and runs."""

import json
import time
from fractions import Fraction

import numpy as np
import pytest

import flowopt as fo
from flowopt.stability.abstract_loss.abstract import attempt, settle
from flowopt.stability.abstract_loss.atlas_rows import entries
from flowopt.stability.checks.abstract_point import X, nonnegative
from flowopt.stability.checks.positivity import semidefinite, sign
from flowopt.stability.proving import Problem
from flowopt.stability.statement import flow_system, statement
from flowopt.stability.verdict import Evidence, Verdict

GRADIENT = {"theta": "-g"}
HEAVY = {"theta": "v", "v": "-2*sqrt(mu)*v - g"}
ADAM = {"theta": "-m/sqrt(v + eps)", "m": "a*(g - m)", "v": "b*(g**2 - v)"}
ENERGY = "L + sum(m**2/sqrt(v + eps))/(2*a)"
ROW = {e.number: e for e in entries()}


def claim(name, rules, V, *assumptions, parameters=(), positive=(), **options):
    system = {"kind": "flow", "rules": rules, "parameters": [*positive, *parameters],
              "positive": list(positive)}
    return statement(name, system, V, assumptions=assumptions, **options)


def judge(*args, seconds=30, **options):
    end = time.monotonic() + seconds
    return settle(claim(*args, **options), lambda: time.monotonic() < end)


def changed(number, seconds=30, **parts):
    """Return a row of the atlas with some of its parts changed, judged."""
    entry = ROW[number]
    made = {"rules": entry.rules, "V": entry.V, "assumptions": entry.assumptions,
            "options": entry.options, "positive": entry.positive,
            "parameters": entry.parameters, **parts}
    return judge(entry.claim, made["rules"], made["V"], *made["assumptions"],
                 parameters=made["parameters"], positive=made["positive"], seconds=seconds,
                 **made["options"])


# ------------------------------------------------------------------- never proved
@pytest.mark.parametrize(("number", "parts"), [
    ("1", {"rules": {"theta": "g"}}),
    ("1", {"assumptions": ("convex",), "options": {"rate": "1"}}),
    ("1", {"options": {"rate": "101*mu/50"}}),
    ("2a", {"assumptions": ("minimum",)}),
    ("2b", {"options": {"rate": "101*mu/50"}}),
    ("3", {"assumptions": ("minimum", "t >= 0")}),
    ("4", {"assumptions": ()}),
    ("5a", {"rules": {"theta": "sign(g)"}}),
    ("10b", {"options": {"bound": "-(L - Lstar)"}}),
    ("11a", {"assumptions": ("minimum",)}),
    ("11c", {"options": {"bound": "-201*(L - Lstar)/(100*ell)"}}),
    ("15a", {"assumptions": ()}),
    ("16", {"assumptions": ("convex",), "rules": {"theta": "v", "v": "-2*v - g"},
            "V": "L - Lstar + dot(e + v, e + v)/2", "options": {"rate": "1"}}),
    ("16", {"options": {"rate": "101*sqrt(mu)/100"}}),
    ("17", {"options": {"rate": "101*sqrt(mu)/75"}}),
    ("17", {"V": "L - Lstar + 4*mu*dot(e, e)/9 + 8*sqrt(mu)*dot(e, v)/3 + dot(v, v)/2"}),
    ("18", {"assumptions": ("convex", "r >= 2", "r < 3", "t > 0"), "options": {}}),
    ("18", {"assumptions": ("minimum", "r >= 3", "t > 0")}),
    ("19", {"assumptions": ("r > 0", "t < 0")}),
    ("21a", {"options": {"rate": "2*sqrt(mu)/3"}}),
    ("22a", {"options": {"rate": "2*sqrt(mu)/3"}}),
    ("25a", {"rules": {"theta": "-m", "m": "-a*(g - m)"}}),
    ("28a", {"assumptions": ("v >= 0",), "options": {}}),
    ("28a", {"assumptions": ("b > 4*a", "v >= 0"), "options": {}}),
    ("30a", {"V": "L + sum(sqrt(v + eps))"}),
    ("35", {"rules": {"theta": "-y", "y": "-theta"}, "assumptions": ()}),
])
def test_a_false_claim_is_refuted_on_an_actual_loss(number, parts):
    verdict = changed(number, **parts)
    assert verdict.disproved, verdict
    assert verdict.check() and verdict.trust == "A"
    again = Verdict.from_json(verdict.to_json())
    assert again.check() and "on the loss" in str(again.explain()) and "L(x)" in again.latex()


@pytest.mark.parametrize(("number", "parts"), [
    ("1", {"assumptions": ()}),
    ("5b", {"assumptions": ("convex",)}),
    ("5b", {"options": {"bound": "sqrt(V0/mu)"}}),
    ("7", {"assumptions": ("PL", "q > 1"), "options": {}}),
    ("9", {"assumptions": ("PL",)}),
    ("13", {"assumptions": ("P is linear",)}),
    ("14a", {"assumptions": ("phi is Legendre",)}),
    ("15b", {"assumptions": ()}),
    ("15b", {"assumptions": ("coercive", "gamma >= 0"), "positive": (),
             "parameters": ("gamma",)}),
    ("20", {"assumptions": ("convex", "t > 0")}),
    ("23", {"assumptions": ("convex", "alpha > 3", "t > 0"), "options": {}}),
    ("24a", {"assumptions": ("h is Legendre", "t > 0")}),
    ("26", {"assumptions": ("K is convex and C1",)}),
    ("27", {"assumptions": ("K is Legendre",)}),
    ("28c", {"assumptions": ("b < 4*a", "v >= 0")}),
    ("37", {"assumptions": ("convex", "lmo is linear")}),
])
def test_a_claim_whose_condition_is_dropped_is_not_proved(number, parts):
    verdict = changed(number, **parts, seconds=4)
    assert not verdict.proved
    assert verdict.disproved or (verdict.reason and not verdict.check())


@pytest.mark.parametrize("made", [
    ("decreasing", GRADIENT, "0"),
    ("decreasing", {"theta": "v", "v": "-v - g"}, "L + dot(v, v)/2"),
    ("conserved", GRADIENT, "L"),
])
def test_a_derivative_that_vanishes_is_not_negative(made):
    assert judge(*made).disproved


def test_adam_rises_beyond_its_condition_in_exact_numbers():
    """b > 4a: V̇ = −Σ m²/s + (b/4a) Σ m²(v − g²)/s³, s = √(v+ε), evaluated anew in fractions."""
    verdict = judge("nonincreasing", ADAM, ENERGY, "v >= 0", "b > 4*a",
                    positive=("a", "b", "eps"))
    data = verdict.counterexample.data
    a, b, eps = (Fraction(data["constants"][k]) for k in ("a", "b", "eps"))
    theta, m, v = (Fraction(data["state"][k]) for k in ("theta", "m", "v"))
    scale = {"x**2/2": 1, "2*x**2": 4, "x**2/8": Fraction(1, 4), "8*x**2": 16}[data["loss"]]
    g = scale * theta
    root = Fraction(int((v + eps).numerator ** 0.5 + 0.5), int((v + eps).denominator ** 0.5 + 0.5))
    assert root**2 == v + eps and b > 4 * a and v >= 0
    rise = -m**2 / root + b / (4 * a) * m**2 * (v - g**2) / root**3
    assert rise > 0 and -rise == Fraction(data["by"])


@pytest.mark.parametrize("number", ["28a", "18", "11a"])
def test_a_changed_counterexample_is_refused(number):
    parts = {"28a": {"assumptions": ("v >= 0",), "options": {}},
             "18": {"assumptions": ("convex", "r > 1", "t > 0"), "options": {}},
             "11a": {"assumptions": ("minimum",)}}[number]
    plain = json.loads(changed(number, **parts).to_json())
    data = plain["counterexample"]["data"]

    def refused(inner, key, value):
        kept, inner[key] = inner[key], value
        forged = Verdict.from_json(json.dumps(plain))
        object.__setattr__(forged, "digest", forged._digest())
        assert not forged.check(), (key, value)
        inner[key] = kept

    for key in ("loss", "by", "violates"):
        refused(data, key, "2*x**2 + x" if key == "loss" else "1")
    for inner in (data["constants"], data["state"]):
        for key in inner:
            refused(inner, key, "-7/3")
    refused(data, "minimiser", "1/3")


# ------------------------------------------------------------------- what cannot be said
@pytest.mark.parametrize(("made", "words"), [
    (claim("nonincreasing", GRADIENT, "norm1(theta)"), "kink"),
    (claim("nonincreasing", GRADIENT, "theta"), "a number"),
    (claim("nonincreasing", GRADIENT, "L", "concave"), "is not known"),
    (claim("nonincreasing", GRADIENT, "L + q"), "unknown name q"),
    (claim("nonincreasing", {"theta": "-g", "mu": "-g"}, "L", "PL"), "two meanings"),
    (claim("nonincreasing", {"theta": "-g*t", "e": "e"}, "L"), "two meanings"),
    (claim("nonincreasing", {"theta": "-c*g"}, "L", "t = 1", parameters=("c",)), "parameters"),
    (claim("nonincreasing", {"theta": "-c*g"}, "L", "c = c", parameters=("c",)), "circle"),
    (claim("nonincreasing", {"theta": "-g/sqrt(v)", "v": "g**2"}, "L"), "under a root"),
    (claim("nonincreasing", {"theta": "-g*log(v)", "v": "g**2"}, "L"), "logarithm"),
    (claim("exponential", GRADIENT, "L - Lstar", "PL"), "needs its rate"),
    (claim("nonincreasing", GRADIENT, "L", level="1"), "no option"),
    (claim("finite_time", GRADIENT, "L - Lstar", "PL"), "no combination"),
    (claim("converges_to_critical_set", {"theta": "-unit(g)"}, "L", "coercive"), "continuous"),
    (claim("converges_to_critical_set", {"theta": "-g/sqrt(v + 1)", "v": "g**2"}, "L",
           "coercive", "v >= 0"), "does not bound the state v"),
    (claim("exponential", {"theta": "-g*v", "v": "-1"}, "L - Lstar", "PL", "v >= 1", rate="mu"),
     "v may change along a motion"),
    (claim("finite_time", {"theta": "-sign(g)", "v": "v**2"}, "L - Lstar", "PL",
           bound="sqrt(2*V0/mu)"), "g and parameters only"),
    (claim("finite_time", {"theta": "-sign(g)*(1 + theta**2)"}, "L - Lstar", "PL",
           bound="sqrt(2*V0/mu)"), "no combination"),
    (claim("exponential", {"theta": "-g*(1 + v)", "v": "-1"}, "L - Lstar", "PL", "v >= 0",
           rate="2*mu"), "does not stay positive"),
])
def test_what_cannot_be_judged_is_unknown_with_a_sentence(made, words):
    verdict = settle(made)
    assert verdict.unknown and words in verdict.reason, verdict.reason


def test_the_rung_takes_flows_only_and_its_own_claims():
    flow = fo.flows.GradientFlow()
    assert attempt(Problem(flow, claim("region", GRADIENT, "L", level="1"), "L")) is None
    field = {"kind": "field", "equations": ["-x"], "variables": ["x"], "parameters": {}}
    assert attempt(Problem(flow, statement("nonincreasing", field, "x**2"), "x**2")) is None


def test_no_time_is_unknown():
    verdict = settle(ROW["21a"].statement(), lambda: False)
    assert verdict.unknown and "time" in verdict.reason


# ------------------------------------------------------------------- the flows of the catalogue
@pytest.mark.parametrize(("flow", "name", "V", "assumptions"), [
    (fo.flows.GradientFlow(), "decreasing", None, []),
    (fo.flows.SignFlow(), "decreasing", "L", []),
    (fo.flows.NormalizedFlow(), "decreasing", "L", []),
    (fo.flows.LossNormalizedFlow(), "nonincreasing", "L", ["minimum", "minimum = Lstar"]),
    (fo.flows.LossNormalizedFlow(clip="rate"), "nonincreasing", "L",
     ["minimum", "minimum = Lstar"]),
    (fo.flows.HeavyBall(), "nonincreasing", None, ["gamma >= 0"]),
    (fo.flows.HeavyBall(), "converges_to_critical_set", None, ["gamma > 0", "coercive"]),
])
def test_flows_of_the_catalogue_are_proved(flow, name, V, assumptions):
    made = statement(name, flow_system(flow), V, assumptions=assumptions)
    verdict = attempt(Problem(flow, made, V))
    assert verdict.proved and verdict.check() and verdict.statement["V"] is not None


def test_the_flow_of_the_optimizer_adam_is_proved_with_its_bias_corrections():
    """The prover finds V, which is that of the atlas; the condition is b <= 4a from the start."""
    flow = fo.optimizers.adam(lr=1e-3).flow
    assumptions = ["eps > 0", "v > 0", "c > 0", "d > 0", "b*c <= 2*a*d*(1 + c)"]
    made = statement("nonincreasing", flow_system(flow), None, assumptions=assumptions)
    verdict = attempt(Problem(flow, made, None))
    assert verdict.proved and verdict.check()
    assert verdict.statement["V"] == ROW["28d"].V
    bare = statement("nonincreasing", flow_system(flow), ROW["28d"].V,
                     assumptions=assumptions[:-1])
    assert attempt(Problem(flow, bare, bare["V"])).disproved


def test_the_sign_flows_certificate_speaks_of_the_switching_set():
    text = str(judge("decreasing", {"theta": "-sign(g)"}, "L").explain())
    assert "every selection" in text


def test_a_wrong_certificate_is_refused_for_a_false_claim():
    made = claim("nonincreasing", {"theta": "g"}, "L")
    data = {"conditions": [], "parts": [{"goal": "-dV/dt", "lemmas": [], "order": ["g"],
                                         "number": "0", "summand": "-g**2"}]}
    from flowopt.stability.verdict import proved

    with pytest.raises(AssertionError, match="refuses"):
        proved(made, "by hand", "A", Evidence("abstract", data))


# ------------------------------------------------------------------- signs
def test_signs_are_read_term_by_term_only():
    import sympy

    x, a = sympy.Symbol("x", real=True), sympy.Symbol("a", positive=True)
    assert sign(x**2 + a) == 2 and sign(x**4) == 1
    assert sign(x**2 - 2 * x + 1) == 0 and sign(a - x**2) == 0 and sign(x) == 0
    assert sign(1 / (a - x)) == 0 and sign(sympy.sqrt(x)) == 0 and sign(a**x) == 2
    assert semidefinite([[a, a], [a, a]]) and not semidefinite([[a, -2 * a], [-2 * a, a]])
    assert not semidefinite([[sympy.Integer(0), a], [a, a]])


def test_nonnegative_polynomials_are_decided_exactly():
    assert nonnegative((X**2 - 2)**2) and nonnegative(X**4 - X**2 + Fraction(1, 4))
    assert not nonnegative(X**4 - X**2 + Fraction(1, 4) - Fraction(1, 10**12))
    assert not nonnegative(X**3) and not nonnegative(-X**2) and nonnegative(X * 0)


# ------------------------------------------------------------------- along actual runs
def test_proved_rates_hold_along_runs():
    mu = 0.25
    loss = fo.Loss("x**2/8 + y**2/2 + log(exp(x + y) + exp(-x - y)) - log(2)")
    flow = fo.Flow({"theta": "v", "v": "-2*sqrt(mu)*v - g"}, parameters={"mu": mu})
    run = fo.integrate(flow.on(loss), [2.0, -1.0], t=(0.0, 12.0),
                       method=fo.DOP853(rtol=1e-10, atol=1e-12))
    e, v = run.y[:, :2], run.y[:, 2:]
    V = (run.loss + 4 * mu / 9 * (e**2).sum(1) + 4 * np.sqrt(mu) / 3 * (e * v).sum(1)
         + (v**2).sum(1) / 2)
    assert (V <= V[0] * np.exp(-4 / 3 * np.sqrt(mu) * run.t) * (1 + 1e-7) + 1e-9).all()


def test_adagrads_first_integral_is_kept_along_a_run():
    eps = 0.5
    flow = fo.Flow({"theta": "-g/sqrt(v + eps)", "v": "g**2"}, parameters={"eps": eps})
    loss = fo.Loss("x**2*y**2 + (x - 1)**2")
    run = fo.integrate(flow.on(loss), [2.0, -1.0], t=(0.0, 5.0),
                       method=fo.DOP853(rtol=1e-11, atol=1e-12))
    kept = run.loss + 2 * np.sqrt(run.y[:, 2:] + eps).sum(1)
    assert np.abs(kept - kept[0]).max() < 1e-8


def test_the_settling_time_of_sign_flow_is_below_its_bound():
    loss = fo.Loss("x**2/2 + y**2")  # mu = 1, exact settling time max(|x|, |y|)
    run = fo.integrate(fo.flows.SignFlow().on(loss), [1.5, -0.7], t=(0.0, 4.0),
                       method=fo.DOP853(rtol=1e-9, atol=1e-11))
    rest = run.t[np.abs(run.x).max(1) < 1e-6]
    assert 1.5 - 1e-3 < rest[0] <= np.sqrt(2 * loss.value([1.5, -0.7]))
