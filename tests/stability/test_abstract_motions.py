"""Claims on an abstract loss about motions as a whole, and at states that are 0: what is false.

Each inequality for dV/dt holds where it is defined, and what would be said of motions does not.
"""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from stability.test_abstract import claim, judge

import flowopt as fo
from flowopt.stability.verdict import Evidence, Verdict, proved


@pytest.mark.parametrize(("made", "words"), [
    # V = V0 exp(-mu t**2) on mu x**2/2, not V0 exp(-2 mu t**2)
    (("exponential", {"theta": "-t*g"}, "L - Lstar", "PL", "t >= 0", {"rate": "2*mu*t"}),
     "t may change"),
    (("exponential", {"theta": "-t*g"}, "L - Lstar", "PL", "t >= 1", {"rate": "2*mu"}),
     "t may change"),
    (("exponential", {"theta": "-norm1(v)*g", "v": "1"}, "L - Lstar", "PL", "v >= 0",
      {"rate": "2*mu*norm1(v)"}), "v may change"),
    # the speed falls as exp(-t): a motion from afar never arrives
    (("finite_time", {"theta": "-unit(g)*exp(-t)"}, "L - Lstar", "PL", {}),
     "g and parameters only"),
    # v falls as exp(-t), and theta stops short of the minimiser
    (("converges_to_critical_set", {"theta": "-v*g", "v": "-v"}, "L + dot(v, v)/2", "v > 0",
      "coercive", {}), "v may tend to 0"),
    (("converges_to_critical_set", {"theta": "v", "v": "-g - u*v", "u": "-u"},
      "L + dot(v, v)/2", "u > 0", "bounded", {}), "u may tend to 0"),
    (("converges_to_critical_set", {"theta": "v", "v": "-g - v"}, "L + dot(v, v)/2 + exp(-t)",
      "coercive", {}), "does not hold t"),
    # dV/dt = 0 at v = 0 and at e = 0, where V has a kink
    (("nonincreasing", {"theta": "-g", "v": "-2*sqrt(v)"}, "sum(sqrt(v))", "v >= 0",
      {"bound": "-sum(1)"}), "differentiable"),
    (("nonincreasing", {"theta": "-unit(g)"}, "norm(e)", "half_square", {"bound": "-1"}),
     "differentiable"),
])
def test_an_inequality_that_holds_where_it_is_defined_says_no_more(made, words):
    *given, options = made
    verdict = judge(*given, **options)
    assert verdict.unknown and words in verdict.reason, verdict.reason


def test_the_decay_with_a_rate_that_holds_t_is_false_for_a_motion():
    # mu = 1, x' = -t x: V(t)/V(0) = exp(-t**2) is above exp(-2 t**2)
    x = solve_ivp(lambda t, x: -t * x, (0, 1), [1.0], rtol=1e-10, atol=1e-12).y[0, -1]
    assert x**2 == pytest.approx(np.exp(-1.0), rel=1e-6) and x**2 > np.exp(-2.0)


def test_a_friction_that_dies_out_leaves_the_motion_off_the_critical_points():
    # v stands for u: x'' = -x - u x' with u = exp(-t) goes on for ever
    def rule(t, z):
        return [z[1], -z[0] - z[2] * z[1], -z[2]]

    z = solve_ivp(rule, (0, 60), [1.0, 0.0, 1.0], rtol=1e-9, atol=1e-12).y
    assert np.hypot(z[0], z[1])[-1] > 0.3


def test_a_power_of_a_norm_with_an_open_exponent_is_not_positive():
    # at g = 0, v != 0 with p > 0: dV/dt = 0, and theta moves
    made = judge("decreasing", {"theta": "v - g", "v": "-g - norm(g)**p*v"}, "L + dot(v, v)/2",
                 parameters=("p",))
    assert not made.proved


def test_a_condition_on_a_coordinate_is_solved_by_a_coordinate():
    # with one d1 in place of all v_i the two terms would be equal
    false = claim("nonnegative", {"theta": "-g", "v": "-v"},
                  "sum(v*g)**2 - sum(v*v*g)*sum(g)", "v > 0")
    part = {"goal": "V", "lemmas": [], "order": [], "number": "0", "summand": "0"}
    item = {"condition": "v > 0", "symbol": "v", "value": "d1"}
    with pytest.raises(AssertionError, match="refuses"):
        proved(false, "by hand", "A", Evidence("abstract", {"conditions": [item],
                                                            "parts": [part]}))
    g, v = np.array([1.0, 1.0]), np.array([1.0, 2.0])
    assert np.sum(v * g)**2 - np.sum(v * v * g) * np.sum(g) < 0


def test_the_scope_of_asymptotic_stability_is_local_or_global():
    field = fo.VectorField(["-x**3"], ["x"])
    with pytest.raises(ValueError, match="scope must be"):
        fo.prove(field, "x**2", "asymptotically_stable", scope="exponential")
    verdict = fo.prove(field, "x**2", "asymptotically_stable", scope="global")
    options = {**verdict.statement["options"], "scope": "exponential"}
    forged = Verdict(verdict.status, {**verdict.statement, "options": options}, verdict.method,
                     verdict.trust, verdict.certificate)
    forged = Verdict(**{**forged.__dict__, "digest": forged._digest()})
    assert verdict.check() and "scope" in forged.refusal()


def test_the_decay_on_a_box_is_claimed_as_long_as_the_motion_stays_there():
    field = fo.VectorField(["x*(y - 2)", "1"], ["x", "y"])
    made = fo.prove(field, "x**2", "exponential", domain=[(-1, 1), (0, 1)], rate="2")
    assert made.proved and made.claim.endswith("exp(-(2)*t) as long as it stays in the box.")


@pytest.mark.parametrize(("number", "words"), [
    ("1", "every C1 loss L "), ("4", "every C2 loss L "), ("12", "every C2 loss L "),
    ("37", "a linear minimisation oracle over a set that holds theta*")])
def test_the_sentence_says_what_the_proof_uses(number, words):
    from flowopt.stability.abstract_loss.atlas_rows import entries
    from flowopt.stability.statement import sentence

    assert words in sentence(next(e for e in entries() if e.number == number).statement())


@pytest.mark.parametrize(("changes", "words"), [
    ({"kind": "none"}, "without motion"), ({"parameters": {"x": "-5"}}, "two meanings")])
def test_a_statement_hides_no_equations_and_no_meanings(changes, words):
    verdict = fo.prove(fo.VectorField(["-x + x**3"], ["x"]), "x**2", "region", level="1/2")
    system = {**verdict.statement["system"], **changes}
    forged = Verdict(verdict.status, {**verdict.statement, "system": system}, verdict.method,
                     verdict.trust, verdict.certificate)
    forged = Verdict(**{**forged.__dict__, "digest": forged._digest()})
    assert verdict.check() and words in forged.refusal()
