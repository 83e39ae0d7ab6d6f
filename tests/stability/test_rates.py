"""Fitted rates against closed forms; settling times between their bounds."""

import math

import mpmath
import numpy as np
import pytest

import flowopt as fo
from flowopt.stability import finite_time_bound, fit_rate, settling_time_bounds

BOWL = fo.losses.quadratic([[1.0, 0.5], [0.5, 2.0]])
RAISED = fo.Loss("x**2/2 + x*y/2 + y**2 + 1")
T = np.linspace(0.0, 10.0, 2001)


# ------------------------------------------------------------------ rates
@pytest.mark.parametrize("a", [0.0, 0.3, 0.5, 0.8])
def test_finite_time(a):
    """V' = −V^a, V(0) = 1: V = (1 − (1 − a) t)^(1/(1 − a))."""
    end = 1 / (1 - a)
    t = np.linspace(0.0, 1.2 * end, 2001)
    v = np.clip(1 - (1 - a) * t, 0.0, None) ** (1 / (1 - a))
    made = fit_rate(t, v, bound=finite_time_bound(1.0, 1.0, a))
    assert made.kind == "finite time" and abs(made.value / end - 1) < 5e-3
    assert made.low <= end <= made.high and abs(made.power[0] - a) < 0.05
    assert fit_rate(t, v, bound=0.9 * end).bound_holds is False


@pytest.mark.parametrize("rate", [0.3, 2.0])
def test_exponential(rate):
    made = fit_rate(T, 5 * np.exp(-rate * T))
    assert made.kind == "exponential" and abs(made.value - rate) < 1e-9
    assert made.power[1] <= 1 + 1e-9 and made.power[2] >= 1 - 1e-9
    # with a transient that dies out
    made = fit_rate(T, np.exp(-rate * T) + np.exp(-5 * rate * T), bound=rate)
    assert made.kind == "exponential" and abs(made.value - rate) < 0.02 * rate
    assert "at least the proved" in made.message
    # an oscillation counts by its crests
    made = fit_rate(T, np.exp(-rate * T) * (1.5 + np.sin(9 * T)))
    assert made.kind == "exponential" and made.low - 0.02 < rate < made.high + 0.02


@pytest.mark.parametrize("p", [0.5, 1.0, 2.0, 3.0])
def test_power_law(p):
    t = np.linspace(0.0, 1000.0, 5001)
    made = fit_rate(t, (1 + t) ** -p)
    assert made.kind == "power law" and abs(made.value / p - 1) < 0.02
    assert made.bound is None and made.bound_holds is None


def test_nothing_to_fit():
    assert fit_rate(T, np.ones_like(T)).kind == "none"
    assert fit_rate(T, 2 + np.sin(T)).kind == "none"
    assert fit_rate(T, np.where(T > 0, 0.0, 1.0)).kind == "none"
    noise = np.exp(np.random.default_rng(0).normal(size=len(T)) * 3)
    assert fit_rate(T, noise).kind == "none"


def test_what_is_no_power_of_itself_has_no_class():
    t = np.linspace(0.0, 50.0, 3000)
    made = fit_rate(t, np.exp(-3 * np.sqrt(t)))  # a stretched exponential: a falls towards 1
    assert made.kind == "none" and "moves" in made.message
    assert fit_rate(t, np.exp(-t) + 1e-6 * np.abs(np.sin(t))).kind == "none"
    assert fit_rate(t, 1 / np.log(3 + t)).kind == "none"
    # noise on an exponential that falls far enough
    noisy = np.exp(-t) * np.random.default_rng(0).lognormal(0.0, 0.3, len(t))
    made = fit_rate(t, noisy)
    assert made.kind == "exponential" and made.low - 0.05 < 1.0 < made.high + 0.05


def test_bounds_that_are_curves():
    v = np.exp(-T)
    assert fit_rate(T, v, bound=lambda t: np.exp(-0.9 * t)).bound_holds is True
    made = fit_rate(T, v, bound=lambda t: np.exp(-1.1 * t))
    assert made.bound_holds is False and "EXCEEDED" in made.message


def test_runs():
    gradient = fo.integrate(fo.flows.GradientFlow().on(BOWL), [1.0, 0.4], (0.0, 20.0))
    mu = np.linalg.eigvalsh([[1.0, 0.5], [0.5, 2.0]])[0]
    made = fit_rate(gradient, minimum=0.0, bound=2 * mu)  # L − L* falls at least like e^{−2μt}
    assert made.kind == "exponential" and abs(made.value - 2 * mu) < 1e-3 and made.bound_holds
    quartic = fo.integrate(fo.flows.GradientFlow().on("x**4/4"), [1.0], (0.0, 1000.0))
    assert abs(fit_rate(quartic, minimum=0.0).value - 2) < 0.01  # x = (1 + 2t)^(−1/2)
    sign = fo.integrate(fo.flows.SignFlow().on(BOWL), [1.0, 0.4], (0.0, 3.0))
    made = fit_rate(sign, minimum=0.0)
    assert made.kind == "finite time" and abs(made.value - 1.0) < 1e-3
    ball = fo.integrate(fo.flows.HeavyBall(gamma=0.3).on("x**2/2"), [1.0], (0.0, 80.0))
    made = fit_rate(ball, minimum=0.0)
    assert made.kind == "exponential" and abs(made.value - 0.3) < 5e-3


def test_finite_time_bound_is_the_integral():
    for V0, c, a in ((2.0, 0.7, 0.5), (0.3, 1.1, 0.25)):
        exact = mpmath.quad(lambda w, c=c, a=a: 1 / (c * w**a), [0, V0])
        assert math.isclose(finite_time_bound(V0, c, a), float(exact), rel_tol=1e-6)


# ------------------------------------------------------------------ settling times
@pytest.mark.parametrize(("flow", "loss", "x0"), [
    (fo.flows.SignFlow(), BOWL, [1.0, 0.4]), (fo.flows.SignFlow(), BOWL, [-0.3, 0.8]),
    (fo.Flow("-c*sign(g)", parameters={"c": 3.0}), BOWL, [1.0, 0.4]),
    (fo.flows.NormalizedFlow(), BOWL, [1.0, 0.4]), (fo.flows.NormalizedFlow(), BOWL, [0.2, -1.0]),
    (fo.Flow("-g/norm(g)**(1/2)"), BOWL, [1.0, 0.4]),
    (fo.Flow("-2*g/norm(g)**(2/3)"), BOWL, [1.0, -0.7]),
    (fo.flows.LossNormalizedFlow(M=1000.0), RAISED, [1.0, 0.4]),
    (fo.flows.LossNormalizedFlow(M=0.5), RAISED, [1.0, 0.4]),
    (fo.flows.LossNormalizedFlow(M=0.5, minimum=0.25), RAISED, [1.0, 0.4])])
def test_measured_times_lie_between_the_bounds(flow, loss, x0):
    made = settling_time_bounds(flow.on(loss), x0)
    assert made.measured is not None and made.holds is True
    assert made.lower <= made.measured * (1 + 1e-6) and made.measured <= made.upper * (1 + 1e-6)
    assert made.lower == pytest.approx(max(made.lowers.values()))
    assert made.upper == pytest.approx(min(made.uppers.values()))


def test_known_times():
    """In one dimension, and from an eigenvector, both bounds meet."""
    for flow, loss, x0, known in [
            (fo.flows.SignFlow(), "3*x**2/2", [0.8], 0.8),
            (fo.flows.NormalizedFlow(), "x**2/2 + y**2/2", [0.6, 0.8], 1.0),
            (fo.Flow("-g/norm(g)**(1/2)"), "x**2/2 + y**2/2", [0.6, 0.8], 2.0),
            # unclipped down to |x| = 1/M: log((L₀)/(L at 1/M)), then ẋ = −M L
            (fo.flows.LossNormalizedFlow(M=2.0), "x**2/2 + 1", [1.0],
             math.log(1.5 / 1.125) + math.sqrt(2) / 2 * math.atan(0.5 / math.sqrt(2)))]:
        made = settling_time_bounds(flow.on(fo.Loss(loss)), x0)
        assert made.lower == pytest.approx(known, rel=1e-11)
        assert made.upper == pytest.approx(known, rel=1e-11)
        assert made.measured == pytest.approx(known, rel=2e-6)


def test_bounds_over_many_starts():
    """min(√(2V/μ), ‖g‖₁/μ) is the one or the other; the exact time of each is in between."""
    rng = np.random.default_rng(0)
    for _ in range(5):
        A = rng.normal(size=(2, 2))
        loss = fo.losses.quadratic((A @ A.T + 0.3 * np.eye(2)).tolist())
        for flow in (fo.flows.SignFlow(), fo.flows.NormalizedFlow()):
            made = settling_time_bounds(flow.on(loss), rng.normal(size=2))
            assert made.holds, made


def test_no_finite_time():
    for flow, loss in [(fo.flows.GradientFlow(), BOWL), (fo.flows.NewtonFlow(), BOWL),
                       (fo.flows.LossNormalizedFlow(), BOWL),
                       (fo.flows.LossNormalizedFlow(clip="rate"), RAISED)]:
        made = settling_time_bounds(flow.on(loss), [1.0, 0.4])
        assert made.lower == made.upper == math.inf and made.measured is None
    at = settling_time_bounds(fo.flows.SignFlow().on(BOWL), [0.0, 0.0], measure=False)
    assert at.lower == at.upper == 0.0


# ------------------------------------------------------------------ refusals
@pytest.mark.parametrize(("call", "kind", "text"), [
    (lambda: fit_rate(T), TypeError, "values must be given"),
    (lambda: fit_rate(T, T[:5]), ValueError, "shape"),
    (lambda: fit_rate(-T, T), ValueError, "increasing"),
    (lambda: fit_rate(T, T, minimum=0.0), ValueError, "no effect"),
    (lambda: fit_rate(T, T, tail=0.0), ValueError, "tail"),
    (lambda: fit_rate(T, T, tail=1.5), ValueError, "at most 1"),
    (lambda: fit_rate(T, T, bound=-1.0), ValueError, "bound"),
    (lambda: fit_rate(fo.integrate(fo.VectorField(["-x"], ["x"]), [1.0], (0, 1))), ValueError,
     "equations"),
    (lambda: fit_rate(fo.integrate(fo.flows.GradientFlow().on("x**2"), [1.0], (0, 1))),
     ValueError, "minimum must be given"),
    (lambda: finite_time_bound(1.0, 1.0, 1.0), ValueError, "a must be"),
    (lambda: settling_time_bounds(fo.VectorField(["-x"], ["x"]), [1.0]), TypeError, "a flow on"),
    (lambda: settling_time_bounds(fo.flows.SignFlow().on("x**4"), [1.0]), ValueError, "quadratic"),
    (lambda: settling_time_bounds(fo.flows.SignFlow().on("x**2 - y**2"), [1.0, 1.0]), ValueError,
     "positive definite"),
    (lambda: settling_time_bounds(fo.flows.HeavyBall().on("x**2"), [1.0]), ValueError, "none of"),
    (lambda: settling_time_bounds(fo.Flow("-g**3").on("x**2"), [1.0]), ValueError, "none of"),
    (lambda: settling_time_bounds(fo.Flow("sign(g)").on("x**2"), [1.0]), ValueError, "none of"),
    (lambda: settling_time_bounds(fo.flows.LossNormalizedFlow(minimum=2.0).on("x**2"), [1.0]),
     ValueError, "minimum must be")])
def test_refusals(call, kind, text):
    with pytest.raises(kind, match=text) as refused:
        call()
    assert "\n" not in str(refused.value)
