"""The numbers of step limits against the spectral radius of the step, written out in NumPy."""

import numpy as np
import pytest

import flowopt as fo
from flowopt.stability import step_limit
from flowopt.stability.verdict import Evidence, proved


def sgd_step(lr, lam, momentum, dampening, decay, nesterov):
    """v⁺ = βv + (1 − d) g, θ⁺ = θ − lr v⁺ (or lr (g + βv⁺)), g = (λ + w) θ."""
    g = np.array([lam + decay, 0.0])
    v = momentum * np.array([0.0, 1.0]) + (1 - dampening) * g
    move = g + momentum * v if nesterov else v
    return np.array([np.array([1.0, 0.0]) - lr * move, v])


@pytest.mark.parametrize(("momentum", "dampening", "decay", "nesterov"), [
    (0.0, 0.0, 0.0, False), (0.9, 0.5, 0.0, False), (0.99, 0.99, 0.3, False),
    (0.5, 0.9, 0.0, False), (0.9, 0.0, 0.2, True), (0.0, 0.0, 1.5, False), (0.999, 0.0, 0.0, True)])
def test_sgd(momentum, dampening, decay, nesterov):
    opt = fo.optimizers.sgd(lr=0.1, momentum=momentum, dampening=dampening, weight_decay=decay,
                            nesterov=nesterov)
    found = step_limit(opt, curvature=1.5)
    assert found.verdict.check() and found.stable
    for lr in np.geomspace(1e-2, 1e3, 401):
        radius = max(abs(np.linalg.eigvals(sgd_step(lr, 1.5, momentum, dampening, decay,
                                                    nesterov))))
        if abs(radius - 1) > 1e-6:
            assert (radius < 1) == any(a < lr < b for a, b in found.stable), lr


def test_a_decay_that_is_zero_is_in_its_range():
    assert step_limit(fo.optimizers.nesterov(lr=0.1, momentum=0.0), curvature=3.0).value == 2 / 3


@pytest.mark.parametrize(("rule", "k", "speed"), [
    ("-k*g", 4.0, 4.0), ("-k*g", -1.0, -1.0), ("-sqrt(k**2)*g", -2.0, 2.0),
    ("-abs(k)*g", -2.0, 2.0), ("-k*g", 0.0, 0.0)])
def test_the_number_holds_the_flow_s_own_parameters(rule, k, speed):
    # |R(-h speed)| < 1 for Runge and Kutta's method: h speed below 2.785...
    found = step_limit(fo.Flow(rule, parameters={"k": k}), fo.RK4(h=1.0))
    assert found.verdict.check()
    if speed > 0:
        assert found.value == pytest.approx(2.785293563405282 / speed, rel=1e-14)
    else:
        assert found.stable == []


def test_friction_below_zero_has_its_own_sign():
    flow = fo.Flow({"theta": "v", "v": "-sqrt(k**2)*v - g"}, parameters={"k": -1.0})
    found = step_limit(flow, fo.RK4(h=1.0), curvature=1.0)
    A = np.array([[0.0, 1.0], [-1.0, -1.0]])
    R = [sum(np.linalg.matrix_power(h * A, k) / m for k, m in enumerate((1, 1, 2, 6, 24)))
         for h in (0.999 * found.value, 1.001 * found.value)]
    inside, outside = (max(abs(np.linalg.eigvals(r))) for r in R)
    assert inside < 1 < outside


def test_a_negative_number_is_not_read_as_a_positive_symbol():
    found = step_limit(fo.Flow("-k*g", parameters={"k": 2.0}), fo.Euler(h=1.0), curvature=1.0)
    made = found.verdict.statement
    system = {**made["system"], "equations": ["-sqrt(k**2)*theta"], "parameters": {"k": "-2"}}
    data = found.verdict.certificate.data
    true = {**made, "system": system}
    assert proved(true, "by hand", "A", Evidence("step_limit", data)).check()
    false = {**made, "system": {**system, "equations": ["sqrt(k**2)*theta"]}}
    with pytest.raises(AssertionError):
        proved(false, "by hand", "A", Evidence("step_limit", data))
