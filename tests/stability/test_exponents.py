"""Lyapunov exponents against closed forms, published values and derivatives by differences."""

import math

import numpy as np
import pytest

import flowopt as fo
from flowopt.stability.backward.schemes import scheme_of
from flowopt.stability.growth.tangent import Tangents

LOGISTIC = fo.Loss("x**2/2 - x**3/3")  # gradient descent on it is the logistic map, r = 1 + lr
WELL = fo.Loss("(x**2 - 1)**2/4")
LORENZ = fo.VectorField(["s*(y - x)", "x*(r - z) - y", "x*y - b*z"], ["x", "y", "z"],
                        parameters={"s": 10.0, "r": 28.0, "b": 8 / 3})
#: Hénon's map as an Euler step of length 1
HENON = fo.VectorField(["1 - a*x**2 + y - x", "b*x - y"], ["x", "y"],
                       parameters={"a": 1.4, "b": 0.3})


def descent(lr, loss, start=0.1, **options):
    return fo.lyapunov_exponents(fo.optimizers.gradient_descent(lr=lr), [start], loss=loss,
                                 **options)


# ------------------------------------------------------------------ maps
@pytest.mark.parametrize(("lr", "loss", "known"), [
    (3.0, LOGISTIC, math.log(2)), (2.0, WELL, math.log(3))])
def test_fully_developed_chaos(lr, loss, known):
    made = descent(lr, loss)
    assert made.status == "chaotic" and made.unit == "step"
    assert abs(made.largest - known) < 1e-3
    assert made.low[0] - 1e-3 < known < made.high[0] + 1e-3
    assert made.history.shape == (32, 1) and made.times[-1] == 100_000
    assert abs(made.history[-1, 0] - made.largest) < 1e-12
    assert made.kaplan_yorke == 1.0


def test_stable_cycles_are_exact():
    # the logistic map at r = 3.2: the multiplier of its 2-cycle is 4 + 2 r - r²
    made = descent(2.2, LOGISTIC)
    assert (made.status, made.period) == ("periodic", 2)
    assert abs(made.largest - math.log(abs(4 + 2 * 3.2 - 3.2**2)) / 2) < 1e-9
    assert made.low[0] == made.high[0] == made.largest and made.standard_error[0] == 0
    fixed = descent(0.5, LOGISTIC)
    assert (fixed.status, fixed.period) == ("converged", 1)
    assert abs(fixed.largest - math.log(0.5)) < 1e-9
    newton = descent(1.0, fo.Loss("x**2/2"))  # the multiplier is 0
    assert newton.largest == -math.inf and newton.status == "converged"


def test_slow_convergence_of_maps():
    """The run is still 1e-5 away from its rest; the exponent is that of the rest."""
    made = descent(1e-4, fo.Loss("x**2/2 + x**3"), start=0.2, steps=200_000)
    assert made.status == "converged" and made.largest == pytest.approx(math.log1p(-1e-4), rel=1e-9)
    flat = descent(1.0, fo.Loss("x**4/4"), start=0.5)  # x − x³: the multiplier is 1
    assert flat.status in ("converged", "neutral") and abs(flat.largest) < 1e-4


def test_staying_on_a_rest_that_repels():
    made = descent(0.5, LOGISTIC, start=1.0)  # the maximum of the loss
    assert made.status == "unstable" and abs(made.largest - math.log(1.5)) < 1e-12


def test_divergence_is_data():
    made = descent(3.5, LOGISTIC)
    assert made.status == "diverged" and np.isnan(made.exponents).all()
    assert "after step" in made.message
    both = fo.lyapunov_exponents(fo.optimizers.gradient_descent(lr=3.0), [[0.1], [5.0]],
                                 loss=LOGISTIC, steps=5000)
    assert both.status.tolist() == ["chaotic", "diverged"]
    assert np.isfinite(both.exponents[0]).all() and np.isnan(both.exponents[1]).all()


@pytest.mark.parametrize("h", [0.3, 0.5, 1.0, 1.5])
def test_boole_map_of_the_clipped_flow(h):
    """science.md §1: on an offset quadratic Λ(h) = 2 log(√(1 − h/2) + √(h/2))."""
    field = fo.flows.LossNormalizedFlow(M=1e9).on(fo.Loss("x**2/2 + 1"))
    made = fo.lyapunov_exponents(field, np.linspace(0.2, 0.9, 16)[:, None], method=fo.Euler(h=h))
    known = 2 * math.log(math.sqrt(1 - h / 2) + math.sqrt(h / 2))
    error = made.exponents[:, 0].std(ddof=1) / 4
    assert abs(made.exponents.mean() - known) < max(5 * error, 1e-6)
    inside = (made.low[:, 0] <= known) & (known <= made.high[:, 0])
    assert inside.sum() >= 10  # of 16 intervals of 95 %


def test_two_minima_settle_because_of_their_clip():
    """The clip M = 1000 traps the Euler map next to 0.41: a 2-cycle of amplitude h M L*/2.

    Where |x − x*| < 1/(M L″) the step is h M L, and h M² L″ L* < 2, so it cannot jump out again.
    Without the clip the run is chaotic for ever, with the exponent Λ(h) in either well.
    """
    h, M, loss = 0.01, 1000.0, fo.losses.two_minima()
    field = fo.flows.LossNormalizedFlow(M=M).on(loss)
    made = fo.lyapunov_exponents(field, [[3.05], [3.3]], method=fo.Euler(h=h), steps=400_000)
    rest = np.roots([4, -21, 30, -9]).min()
    least, bend = float(loss.value([rest])), float(loss.hess([rest])[0, 0])
    assert h * M**2 * bend * least < 2
    amplitude = h * M * least / 2
    assert made.status.tolist() == ["periodic"] * 2 and made.period.tolist() == [2, 2]
    assert np.allclose(np.abs(made.orbit[..., 0] - rest), amplitude, rtol=1e-3)
    assert np.allclose(made.exponents, math.log(1 - h * M * bend * amplitude), rtol=1e-3)
    free = fo.lyapunov_exponents(fo.flows.LossNormalizedFlow(M=1e12).on(loss),
                                 np.linspace(3.05, 3.5, 16)[:, None], method=fo.Euler(h=h))
    known = 2 * math.log(math.sqrt(1 - h / 2) + math.sqrt(h / 2))
    assert set(free.status) == {"chaotic"}
    error = free.exponents.std(ddof=1) / 4
    assert abs(free.exponents.mean() - known) < 5 * error


def test_henon():
    made = fo.lyapunov_exponents(HENON, [0.1, 0.1], method=fo.Euler(h=1.0))
    assert abs(made.exponents[0] - 0.41922) < 3e-3
    assert abs(made.sum - math.log(0.3)) < 1e-12
    assert abs(made.kaplan_yorke - 1.258) < 2e-3
    assert np.allclose(made.per_time, made.exponents)


def test_standard_map_keeps_area():
    """Chirikov's map is symplectic Euler of a pendulum: λ₁ = −λ₂, about log(K/2) for large K."""
    field = fo.VectorField(["v", "K*sin(q)"], ["q", "v"], parameters={"K": 10.0})
    made = fo.lyapunov_exponents(field, [1.0, 0.5], method=fo.SymplecticEuler(h=1.0))
    assert made.status == "chaotic" and abs(made.sum) < 1e-12
    assert abs(made.largest - math.log(5)) < 0.03
    assert abs(made.kaplan_yorke - 2) < 1e-9


def test_linear_maps_of_optimizers():
    """The multipliers of the companion matrix: heavy ball with complex ones has √β."""
    made = fo.lyapunov_exponents(fo.optimizers.sgd(lr=0.1, momentum=0.9), [1.0], loss="x**2/2",
                                 steps=5000)
    assert np.allclose(made.exponents, math.log(0.9) / 2, atol=1e-9)
    made = fo.lyapunov_exponents(fo.optimizers.sgd(lr=0.001, momentum=0.5), [1.0, 1.0],
                                 loss="x**2/2 + 5*y**2", steps=100_000)
    known = [np.log(np.abs(np.roots([1, -(1 + 0.5 - 0.001 * lam), 0.5]))) for lam in (1, 10)]
    assert np.allclose(made.exponents, np.sort(np.concatenate(known))[::-1], atol=1e-9)


@pytest.mark.parametrize("opt", [
    fo.optimizers.adam(lr=0.1, betas=(0.8, 0.9)), fo.optimizers.sgd(lr=0.01, momentum=0.9),
    fo.optimizers.nesterov(lr=0.01), fo.optimizers.rmsprop(lr=0.1, alpha=0.9, momentum=0.5)],
    ids=lambda o: o.name)
def test_one_step_is_the_optimizer_and_its_derivative(opt):
    loss = fo.losses.himmelblau()
    field = opt.flow.on(loss)
    y = opt.run(loss, [1.0, 0.5], steps=3).y[-1]
    scheme = scheme_of(opt.method, [b[0] for b in field.blocks])
    runs = Tangents(field, scheme, opt.method.h, y[None], np.eye(field.m), field.p[None],
                    t0=opt.clock.time(3), every=0)
    runs.run(1)
    assert np.allclose(runs.states[0], opt.step(loss, y, 3), rtol=1e-14)
    eps, columns = 1e-6, []
    for j in range(field.m):
        e = np.zeros(field.m)
        e[j] = eps
        columns.append((opt.step(loss, y + e, 3) - opt.step(loss, y - e, 3)) / (2 * eps))
    assert np.allclose(runs.frames[0], np.array(columns).T, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("method", [fo.RK4(0.01), fo.Heun(0.01), fo.Euler(0.01)])
def test_one_step_of_a_tableau(method):
    y = np.array([1.0, 2.0, 3.0])
    runs = Tangents(LORENZ, scheme_of(method), method.h, y[None], np.eye(3), LORENZ.p[None],
                    every=0)
    runs.run(1)
    def step(v):
        return fo.integrate(LORENZ, v, (0.0, 0.01), method).y[-1]
    assert np.allclose(runs.states[0], step(y), rtol=1e-14)
    columns = [(step(y + e) - step(y - e)) / 2e-6 for e in 1e-6 * np.eye(3)]
    assert np.allclose(runs.frames[0], np.array(columns).T, atol=1e-8)


def test_company_does_not_matter():
    starts = np.linspace(0.1, 0.4, 20)[:, None]
    opt = fo.optimizers.gradient_descent(lr=2.9)
    many = fo.lyapunov_exponents(opt, starts, loss=LOGISTIC, steps=2000)
    for i in (0, 7, 19):
        one = fo.lyapunov_exponents(opt, starts[i], loss=LOGISTIC, steps=2000)
        assert one.exponents[0] == many.exponents[i, 0] and one.status == many.status[i]
    assert many.exponents.shape == (20, 1) and many.history.shape == (20, 32, 1)


# ------------------------------------------------------------------ flows
def test_systems_that_converge():
    one = fo.lyapunov_exponents(fo.VectorField(["-9*x/10"], ["x"]), [1.0])
    assert one.status == "converged" and abs(one.largest + 0.9) < 1e-14
    made = fo.lyapunov_exponents(LORENZ.with_parameters(r=20.0), [10.0, 10.0, 10.0])
    assert made.status == "converged" and abs(made.largest + 0.15479177) < 5e-9
    J = np.array([[-10, 10, 0], [1, -1, -math.sqrt(8 / 3 * 19)],
                  [math.sqrt(8 / 3 * 19), math.sqrt(8 / 3 * 19), -8 / 3]])
    assert np.allclose(made.exponents, np.sort(np.linalg.eigvals(J).real)[::-1], atol=1e-12)


def test_lorenz():
    made = fo.lyapunov_exponents(LORENZ, [1.0, 1.0, 1.0], t=(0.0, 2000.0))
    assert np.allclose(made.exponents, [0.9056, 0.0, -14.5723], atol=0.02)
    assert made.status == "chaotic" and made.unit == "time"
    assert (made.high[0] - made.low[0]) < 0.05
    assert abs(made.sum + 41 / 3) < 1e-6 and abs(made.divergence + 41 / 3) < 1e-6
    assert abs(made.kaplan_yorke - 2.062) < 3e-3
    other = fo.lyapunov_exponents(LORENZ, [1.0, 1.0, 1.0], t=(0.0, 100.0), k=1, seed=3)
    assert other.exponents.shape == (1,) and math.isnan(other.kaplan_yorke)
    assert other.seed == 3


def test_limit_cycle_is_neutral():
    made = fo.lyapunov_exponents(fo.VectorField(["y", "(1 - x**2)*y - x"], ["x", "y"]),
                                 [1.0, 0.0])
    assert made.status == "neutral" and abs(made.largest) < 5e-3
    assert abs(made.exponents[1] + 1.0594) < 0.02  # Floquet: the mean of 1 - x² over the cycle
    assert abs(made.sum - made.divergence) < 1e-6


def test_parameters_for_each_run():
    made = fo.lyapunov_exponents(LORENZ, [10.0, 10.0, 10.0], t=(0.0, 300.0),
                                 parameters={"r": [0.5, 20.0, 28.0]})
    assert made.status.tolist() == ["converged", "converged", "chaotic"]
    # at the origin: the larger root of (s + λ)(1 + λ) = s r
    root = np.roots([1, 11, 10 * 0.5]).max()
    assert abs(made.exponents[0, 0] - root) < 1e-9


# ------------------------------------------------------------------ refusals
@pytest.mark.parametrize(("call", "kind", "text"), [
    (lambda: fo.lyapunov_exponents(fo.flows.GradientFlow(), [1.0]), TypeError, "system must be"),
    (lambda: fo.lyapunov_exponents(fo.optimizers.adam(), [1.0]), TypeError, "loss must be given"),
    (lambda: fo.lyapunov_exponents(LORENZ, [1.0, 1, 1], loss="x**2"), ValueError, "no effect"),
    (lambda: fo.lyapunov_exponents(LORENZ, [1.0, 1, 1], steps=5), ValueError, "no effect"),
    (lambda: fo.lyapunov_exponents(HENON, [1.0, 1], method=fo.Euler(1.0), t=(0, 1)), ValueError,
     "no effect"),
    (lambda: fo.lyapunov_exponents(LORENZ, [1.0]), ValueError, "shape"),
    (lambda: fo.lyapunov_exponents(LORENZ, [1.0, 1, 1], k=4), ValueError, "<= 3"),
    (lambda: fo.lyapunov_exponents(LORENZ, [1.0, 1, 1], t=(1, 0)), ValueError, "forward"),
    (lambda: fo.lyapunov_exponents(LORENZ, [1.0, 1, 1], parameters={"q": 1}), ValueError,
     "no parameter q"),
    (lambda: fo.lyapunov_exponents(LORENZ, [[1.0, 1, 1]] * 2, parameters={"r": [1, 2, 3]}),
     ValueError, "1 or 3"),
    (lambda: fo.lyapunov_exponents(fo.flows.SignFlow().on("x**2"), [1.0]), ValueError,
     "switching surfaces"),
    (lambda: fo.lyapunov_exponents(HENON, [1.0, 1], method=fo.ImplicitEuler(1.0)), ValueError,
     "explicit"),
    (lambda: fo.lyapunov_exponents(HENON, [1.0, 1], method=fo.DOP853()), ValueError, "explicit"),
    (lambda: fo.lyapunov_exponents(fo.optimizers.sgld(), [1.0], loss="x**2"), ValueError, "noise"),
    (lambda: fo.lyapunov_exponents(fo.optimizers.adam(), [1.0], loss="x**2", method=fo.Euler(1)),
     ValueError, "no effect"),
    (lambda: fo.lyapunov_exponents(HENON, [1.0, 1], method=fo.Euler(1.0), steps=3), ValueError,
     ">= 32"),
    (lambda: fo.lyapunov_exponents(HENON, [1.0, 1], method=fo.Euler(1.0), seed=-1), ValueError,
     "seed")])
def test_refusals(call, kind, text):
    with pytest.raises(kind, match=text) as refused:
        call()
    assert "\n" not in str(refused.value)


# ------------------------------------------------------------------ what a status says
def test_slow_and_neutral_motions():
    """x' = −x³ tends to exponent 0 as −3 log(t)/(2t): its interval must hold 0."""
    slow = fo.lyapunov_exponents(fo.VectorField(["-x**3"], ["x"]), [1.0])
    assert slow.status == "neutral" and slow.low[0] < 0 < slow.high[0]
    centre = fo.lyapunov_exponents(fo.VectorField(["y", "-x"], ["x", "y"]), [0.0, 1.0], t=(0, 200))
    assert centre.status == "neutral" and np.abs(centre.exponents).max() < 1e-12


def test_poles_and_saddles():
    blown = fo.lyapunov_exponents(fo.VectorField(["x**2"], ["x"]), [1.0])
    assert blown.status == "diverged" and np.isnan(blown.exponents).all()
    saddle = fo.lyapunov_exponents(fo.VectorField(["x", "-y"], ["x", "y"]), [0.0, 1.0], t=(0, 200))
    assert saddle.status == "unstable" and np.allclose(saddle.exponents, [1, -1])


def test_fields_that_depend_on_time():
    made = fo.lyapunov_exponents(fo.VectorField(["-x*(1 + cos(t))"], ["x"]), [1.0],
                                 t=(0.0, 200 * math.pi))
    assert abs(made.largest + 1) < 2e-3 and made.status == "regular"
    duffing = fo.VectorField(["y", "-3*y/10 + x - x**3 + cos(6*t/5)/2"], ["x", "y"])
    made = fo.lyapunov_exponents(duffing, [0.0, 1.0], t=(0.0, 2000.0))
    assert made.status == "chaotic" and abs(made.sum + 0.3) < 1e-9  # div F = −0.3


def test_a_field_that_is_too_stiff_is_refused_with_the_number():
    field = fo.VectorField(["-10000000*(x - y)", "-y"], ["x", "y"])
    with pytest.raises(ValueError, match="shorter t"):
        fo.lyapunov_exponents(field, [0.0, 1.0])
