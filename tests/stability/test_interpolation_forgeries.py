"""False claims about one step, with certificates by hand: means of products, V beyond a state."""

import numpy as np
import pytest

import flowopt as fo
from flowopt.stability.checks.interpolation_forms import DISCRETE, MINIMISER, NOISE
from flowopt.stability.verdict import Evidence, proved


def judged(equation, V, assumptions, positive, multipliers=(), squares=(), *, gradients=None,
           claim="nonincreasing", **options):
    """Return the verdict on a claim about one step, with a certificate by hand."""
    made = {"claim": claim, "V": V, "assumptions": list(assumptions), "domain": None,
            "options": options, "system": {
                "kind": "optimizer", "variables": ["theta"], "equations": [equation],
                "gradients": gradients or {"g": "theta"}, "parameters": {}, "positive": positive}}
    return proved(made, "by hand", "A", Evidence("interpolation", {
        "multipliers": [list(m) for m in multipliers], "squares": [list(s) for s in squares],
        "equalities": [], "bound": []}))


def test_noise_is_not_uncorrelated_with_a_discrete_gradient():
    # on x**2/2 from 0: gbar = -lr w/(2 + lr) goes against w, and L rises
    lr, w = 0.5, np.array([-1.0, 1.0])
    gbar = -lr * w / (2 + lr)
    assert np.mean((-lr * (gbar + w))**2 / 2) > 0
    with pytest.raises(AssertionError, match="identity"):
        judged("theta - lr*gbar - lr*w", "L", [DISCRETE, NOISE], ["lr", "sigma"],
               [("discrete", "", "", "1")], [("lr", "gbar")],
               gradients={"g": "theta", "new_g": "new_theta"})


def test_the_mean_of_a_square_is_not_the_square_of_the_mean():
    # E (e + w)**4 = e**4 + 6 e**2 sigma**2 + sigma**4 for w = +-sigma in one dimension
    with pytest.raises(AssertionError, match="linear in its products"):
        judged("theta + w", "dot(e, e)**2",
               [NOISE, MINIMISER, "0 <= dot(w, w)", "0 <= dot(e, e)"], ["sigma"],
               [("noise", "", "", "2*c2 + sigma**2 + c1")], claim="recursion",
               bound="dot(e, e)**2 + 2*sigma**2*dot(e, e) + sigma**4")
    with pytest.raises(AssertionError, match="linear in its products"):
        judged("theta + w", "dot(e, theta_star)**2", [NOISE, MINIMISER], ["sigma"])


def test_a_factor_that_depends_on_the_noise_has_no_place_in_a_mean():
    with pytest.raises(AssertionError, match="must be numbers and parameters"):
        judged("theta + w", "dot(e, e)", [NOISE, MINIMISER, "0 <= dot(w, w)"], ["sigma"],
               [("noise", "", "", "c1")], claim="recursion", bound="dot(e, e) + sigma**2")
    assert judged("theta + w", "dot(e, e)", [NOISE, MINIMISER], ["sigma"],
                  [("noise", "", "", "1")], claim="recursion",
                  bound="dot(e, e) + sigma**2").check()


@pytest.mark.parametrize(("V", "assumptions"), [
    ("dot(new_g, new_g)", []), ("dot(sign_g, sign_g)", []), ("dot(gbar, gbar)", [DISCRETE]),
    ("dot(w, w)", [NOISE])])
def test_V_is_a_function_of_the_state_that_one_step_moves(V, assumptions):
    # one step on, the new gradient is another: that V does not move, V = |g| does
    with pytest.raises(AssertionError, match="function of the state"):
        judged("theta - lr*g", V, assumptions, ["lr", "sigma"])


def test_the_new_gradient_is_no_V_for_the_prover_either():
    opt = fo.optimizers.gradient_descent(lr=0.1)
    assert not fo.prove(opt, "dot(new_g, new_g)", "nonincreasing", seconds=5).proved
