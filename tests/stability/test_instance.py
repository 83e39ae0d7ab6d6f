"""Claims about a flow on one loss as instances of proofs for every loss."""

import numpy as np
import pytest
from stability.tampering import survivors

import flowopt as fo

TWO = fo.losses.two_minima()
F = fo.flows
CASES = [
    (F.SignFlow().on("x**2/2 + x*y + y**4"), "x**2/2 + x*y + y**4 + 3", "nonincreasing", {}),
    (F.SignFlow().on("x**2/2"), "x**2/2", "nonincreasing", {"bound": "-abs(x)"}),
    (F.GradientFlow().on("1 - cos(x) + y**2"), "1 - cos(x) + y**2", "decreasing", {}),
    (F.NormalizedFlow().on("x**2/2 + y**2"), "x**2/2 + y**2", "decreasing", {}),
    (F.LossNormalizedFlow(M=1000.0).on(TWO), str(TWO.expr), "nonincreasing", {}),
    (F.HeavyBall(0.5).on("exp(x) + x**2"), "exp(x) + x**2 + v_x**2/2", "nonincreasing", {}),
    (F.HeavyBall(0.0).on("exp(x) + x**2"), "exp(x) + x**2 + v_x**2/2", "nonincreasing", {}),
]


@pytest.mark.parametrize("field, V, claim, options", CASES)
def test_proved_and_checked(field, V, claim, options):
    verdict = fo.prove(field, V, claim=claim, **options)
    assert verdict.proved and verdict.trust == "A" and verdict.check()
    assert fo.Verdict.from_json(verdict.to_json()).check()
    assert len(verdict.explain().splitlines()) > 3 and verdict.latex()


@pytest.mark.parametrize("field, V, claim, options", CASES)
def test_the_inequality_holds_on_the_actual_field(field, V, claim, options):
    """Along the field, by central differences of V: another way than the proof's."""
    states = np.random.default_rng(1).uniform(-2, 2, (50, field.m))
    value = fo.Loss(V, variables=list(field.names)).value
    speed = field(0.0, states)
    step = 1e-6
    slope = (value(states + step * speed) - value(states - step * speed)) / (2 * step)
    assert (slope <= 1e-7 * (1 + np.abs(slope))).all()


@pytest.mark.parametrize("number", [0, 1, 4])
def test_a_changed_certificate_is_refused(number):
    field, V, claim, options = CASES[number]
    assert survivors(fo.prove(field, V, claim=claim, **options)) == []


@pytest.mark.parametrize("field, V", [
    (F.SignFlow().on("abs(x) + y**2"), "abs(x) + y**2"),  # the loss has a kink
    (F.SignFlow().on("x**2/2"), "-x**2/2"), (fo.Flow("g").on("x**2"), "x**2"),
    (fo.Flow("sign(g)").on("x**2"), "x**2"),
    (F.LossNormalizedFlow(minimum=0.5).on("x**2"), "x**2"),  # L < minimum near 0
    (F.SignFlow().on("sqrt(x**2)"), "sqrt(x**2)"), (F.SignFlow().on("log(x)"), "log(x)"),
    (F.SignFlow().on("x**(1/3)"), "x**(1/3)"), (F.SignFlow().on("1/x"), "1/x"),
    (fo.Flow({"theta": "v", "v": "v - g"}).on("x**2"), "x**2 + v_x**2/2")])
def test_never_proved(field, V):
    assert not fo.prove(field, V, seconds=5).proved


def test_a_bound_that_is_too_good_is_not_proved():
    assert not fo.prove(F.SignFlow().on("x**2/2"), "x**2/2", bound="-2*abs(x)").proved
