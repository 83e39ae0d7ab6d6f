"""How runs end: every status, with its time, its place and a sentence, for every method."""

import re

import numpy as np
import pytest
import reference

import flowopt as fo

Status = fo.Status
H = 0.01
FIXED = [fo.Euler(h=H), fo.Heun(h=H), fo.Midpoint(h=H), fo.RK4(h=H),
         fo.EulerMaruyama(h=H, temperature=0.0)]
ADAPTIVE = [fo.Dopri5(), fo.Tsit5(), fo.DOP853(), fo.Taylor()]
HALVES = [fo.SequentialEuler(h=H), fo.SymplecticEuler(h=H), fo.SymplecticEuler(h=H, first="q")]
every_method = pytest.mark.parametrize("method", FIXED + ADAPTIVE, ids=lambda m: m.name)
on_kernels = pytest.mark.parametrize("method", FIXED + ADAPTIVE[:3], ids=lambda m: m.name)
fixed_step = pytest.mark.parametrize("method", FIXED, ids=lambda m: m.name)
every_pair = pytest.mark.parametrize("method", ADAPTIVE, ids=lambda m: m.name)

DECAY = fo.VectorField(["-y"], ["y"])
BLOW_UP = fo.VectorField(["x**2"], ["x"])  # x = 1/(1/x0 - t)
BOWL = fo.flows.GradientFlow().on(fo.Loss("5*x**2"))
CLIPPED = fo.flows.LossNormalizedFlow(M=1000.0).on(fo.losses.two_minima())


def time_in(message):
    """Return the time that a message tells."""
    return float(re.search(r"\bt=([-+.e\d]+?)[;,.]*(\s|$)", message).group(1))


def check_diverged(traj):
    """Finite up to the end that the run tells of, in its message too."""
    assert traj.status is Status.DIVERGED
    assert np.isfinite(traj.y).all() and np.isfinite(traj.t).all()
    assert traj.message.startswith(Status.DIVERGED.sentence)
    assert time_in(traj.message) == pytest.approx(traj.t[-1], rel=1e-11)


# ----------------------------------------------------------------- DIVERGED


@every_method
def test_blow_up(method):
    """x' = x² from 1 is infinite at t = 1."""
    traj = fo.integrate(BLOW_UP, [1.0], t=(0.0, 2.0), method=method)
    check_diverged(traj)
    if method in ADAPTIVE:
        # from x = 1/(1 - t) on, an error of rtol x moves the pole by rtol
        assert abs(traj.t[-1] - 1.0) <= 1e-7 and traj.y[-1, 0] > 1e10
    else:
        # near the pole x is squared in each step: a dozen steps more, and it overflows
        assert 1.0 <= traj.t[-1] <= 1.0 + 15 * H and traj.y[-1, 0] > 1e80
        assert traj.t[-1] == H * traj.stats.n_steps


@every_method
def test_blow_up_backwards(method):
    traj = fo.integrate(BLOW_UP, [-1.0], t=(0.0, -2.0), method=method)
    check_diverged(traj)
    assert -1.15 < traj.t[-1] <= -1 + 1e-7


@pytest.mark.parametrize("method", HALVES, ids=lambda m: f"{m.name}-{getattr(m, 'first', '')}")
def test_blow_up_of_the_splittings(method):
    """x'' = 6 x² with x = 1/(1 - t)²: infinite at t = 1, for q and v both."""
    field = (fo.flows.HeavyBall(gamma=0.0).on(fo.Loss("-2*x**3"))
             if isinstance(method, fo.SequentialEuler) else fo.VectorField(["v", "6*x**2"],
                                                                           ["x", "v"]))
    traj = fo.integrate(field, [1.0, 2.0], t=(0.0, 3.0), method=method)
    check_diverged(traj)
    assert 1.0 <= traj.t[-1] <= 1.5


def test_too_large_a_step():
    """Euler on x' = -10 x with h = 1/2 multiplies by -4: 4^512 = 2^1024 is the first overflow."""
    traj = fo.integrate(BOWL, [1.0], t=(0.0, 1000.0), method=fo.Euler(h=0.5))
    check_diverged(traj)
    assert traj.stats.n_steps == 511 and traj.t[-1] == 255.5 and traj.y[-1, 0] == -(2.0**1022)
    assert "in step 512" in traj.message
    inside = fo.integrate(BOWL, [1.0], t=(0.0, 1000.0), method=fo.Euler(h=0.19))
    assert inside.status is Status.REACHED_END and abs(inside.y[-1, 0]) < 1e-100


@fixed_step
@pytest.mark.parametrize("rule", ["log(x) - 1", "-sqrt(x) - 1", "log(0.6 - t)"])
def test_nan_in_the_field_of_a_map(method, rule):
    """The fields end at x = 0 (after t = 0.6 and 0.614) or at t = 0.6."""
    traj = fo.integrate(fo.VectorField([rule], ["x"]), [1.0], t=(0.0, 5.0), method=method)
    check_diverged(traj)
    assert 0.57 <= traj.t[-1] <= 0.63


# int_0^1 dx/(1 - log x) = 0.596347..., int_0^1 dx/(1 + sqrt x) = 2 - 2 log 2
EDGES = {"log(x) - 1": 0.596347362323, "-sqrt(x) - 1": 2 - 2 * np.log(2), "log(0.6 - t)": 0.6}


@every_pair
@pytest.mark.parametrize("rule", EDGES)
def test_nan_in_the_field_of_a_motion(method, rule):
    """As above: the motion goes on to the edge of the domain, and the message tells when."""
    traj = fo.integrate(fo.VectorField([rule], ["x"]), [1.0], t=(0.0, 5.0), method=method)
    assert traj.status in (Status.DIVERGED, Status.STEP_TOO_SMALL)
    assert np.isfinite(traj.y).all() and abs(traj.t[-1] - EDGES[rule]) <= 1e-6
    assert abs(time_in(traj.message) - traj.t[-1]) <= 1e-11


@every_pair
@pytest.mark.parametrize("rule", EDGES)
def test_nan_in_the_field_of_a_motion_is_diverged(method, rule):
    check_diverged(fo.integrate(fo.VectorField([rule], ["x"]), [1.0], t=(0.0, 5.0), method=method))


@every_method
def test_nan_at_the_start(method):
    traj = fo.integrate(fo.VectorField(["log(x)"], ["x"]), [-1.0], t=(0.5, 1.0), method=method)
    check_diverged(traj)
    assert traj.t[-1] == 0.5 and traj.y[-1, 0] == -1.0 and traj.stats.n_steps == 0


@on_kernels
def test_nan_of_a_python_kernel(method):
    def rhs(t, y, p, dy):
        dy[0] = np.nan if t >= 0.5 else 1.0

    traj = fo.integrate(fo.VectorField.from_kernel(rhs, 1), [0.0], t=(0.0, 1.0), method=method)
    assert traj.status in (Status.DIVERGED, Status.STEP_TOO_SMALL)
    assert abs(traj.t[-1] - 0.5) <= 1.001 * H and abs(traj.y[-1, 0] - traj.t[-1]) <= 1e-12


@every_method
def test_infinity_in_one_component_of_two(method):
    field = fo.VectorField(["-x", "y**2"], ["x", "y"])
    traj = fo.integrate(field, [1.0, 1.0], t=(0.0, 2.0), method=method)
    check_diverged(traj)
    assert abs(traj.y[-1, 0] - np.exp(-traj.t[-1])) < H


# ----------------------------------------------------------------- MAX_STEPS, STEP_TOO_SMALL


@every_method
def test_max_steps(method):
    traj = fo.integrate(DECAY, [1.0], t=(0.0, 50.0), method=method, max_steps=3)
    assert traj.status is Status.MAX_STEPS and "raise max_steps" in traj.message
    assert traj.stats.n_steps + traj.stats.n_rejected == 3
    assert len(traj.t) == traj.stats.n_steps + 1 and 0 < traj.t[-1] < 50
    # what was done is right: the first three steps of the full run
    full = fo.integrate(DECAY, [1.0], t=(0.0, 50.0), method=method)
    assert (traj.y == full.y[:len(traj.y)]).all() and (traj.t == full.t[:len(traj.t)]).all()


@every_pair
def test_enough_steps_are_not_too_few(method):
    full = fo.integrate(DECAY, [1.0], t=(0.0, 5.0), method=method)
    budget = full.stats.n_steps + full.stats.n_rejected
    again = fo.integrate(DECAY, [1.0], t=(0.0, 5.0), method=method, max_steps=budget)
    assert again.status is Status.REACHED_END and (again.y == full.y).all()
    less = fo.integrate(DECAY, [1.0], t=(0.0, 5.0), method=method, max_steps=budget - 1)
    assert less.status is Status.MAX_STEPS
    assert time_in(less.message) == pytest.approx(less.t[-1], rel=1e-11)


@every_pair
def test_the_unclipped_flow_ends_in_a_singularity(method):
    """x' = -L/L' has no solution past t = ln(L(4)/L(3)), where L' = 0: no clip, no surface."""
    field = fo.flows.LossNormalizedFlow(M=float("inf")).on(fo.losses.two_minima())
    tight = type(method)(rtol=1e-12, atol=1e-13)
    for run, close in ((method, 1e-6), (tight, 1e-9)):
        traj = fo.integrate(field, [4.0], t=(0.0, 25.0), method=run)
        assert traj.status is Status.STEP_TOO_SMALL
        assert abs(traj.t[-1] - float(reference.two_minima_facts()["t_hit"])) <= close
        assert abs(time_in(traj.message) - traj.t[-1]) <= 1e-11
        # near x = 3, L' = 12 (x - 3) and x - 3 = sqrt(2 L(3)/12 (t_hit - t))
        assert abs(traj.x[-1, 0] - 3.0) <= np.sqrt(2 * 1.62276 / 12 * close)


# ----------------------------------------------------------------- STUCK


@every_pair
def test_stuck_tells_time_and_place(method):
    traj = fo.integrate(CLIPPED, [4.0], t=(0.0, 25.0), method=type(method)(rtol=1e-12, atol=1e-13))
    assert traj.status is Status.STUCK
    assert abs(traj.t[-1] - float(reference.clipped_arrival_time(1000))) <= 1e-9
    assert time_in(traj.message) == pytest.approx(2.12761354575, abs=6e-9)  # nine digits
    place = float(re.search(r"\bx=([-+.e\d]+)\.$", traj.message).group(1))
    assert place == pytest.approx(3.0, abs=1e-8) and abs(traj.x[-1, 0] - 3.0) <= 1e-9
    assert traj.message.startswith(Status.STUCK.sentence)


def test_stuck_names_every_component():
    field = fo.VectorField(["-sign(u - 0.25)", "0"], ["u", "w"])
    traj = fo.integrate(field, [1.5, -2.0], t=(0.0, 2.0))
    assert traj.status is Status.STUCK and abs(traj.t[-1] - 1.25) <= 1e-9
    assert traj.message.endswith("This was at t=1.25, u=0.25, w=-2.")


# ----------------------------------------------------------------- the good ends


@every_method
def test_reached_end(method):
    for span in ((0.0, 1.0), (1.0, 0.0)):
        traj = fo.integrate(DECAY, [1.0], t=span, method=method)
        assert traj.status is Status.REACHED_END and traj.t[-1] == span[1]
        assert traj.message == Status.REACHED_END.sentence


@every_pair
def test_event(method):
    """A ball thrown down from 1 at speed 0 is at 0 at t = sqrt 2."""
    ball = fo.VectorField(["v", "-1"], ["y", "v"])
    traj = fo.integrate(ball, [1.0, 0.0], t=(0.0, 5.0), method=method,
                        events=[fo.Event("y", terminal=True)])
    assert traj.status is Status.EVENT and abs(traj.t[-1] - np.sqrt(2)) <= 1e-9
    assert abs(time_in(traj.message) - np.sqrt(2)) <= 1e-9


@every_pair
def test_converged(method):
    """The speed of y' = -y from 1 is exp(-t): 1e-6 at t = 6 ln 10."""
    traj = fo.integrate(DECAY, [1.0], t=(0.0, 100.0), method=method, rest=1e-6)
    assert traj.status is Status.CONVERGED
    assert traj.y[-1, 0] == pytest.approx(1e-6, rel=1e-6)
    # an absolute tolerance of 1e-10 is 1e-4 of the state there
    assert traj.t[-1] == pytest.approx(6 * np.log(10), abs=2e-4)
    there = fo.integrate(DECAY, [1e-7], t=(0.0, 100.0), method=method, rest=1e-6)
    assert there.status is Status.CONVERGED and there.t[-1] == 0.0


# ----------------------------------------------------------------- a kernel that raises


@on_kernels
def test_a_kernel_that_raises(method):
    calls = []

    def rhs(t, y, p, dy):
        calls.append(t)
        if t > 0.5:
            raise ZeroDivisionError("a number was divided by nothing")
        dy[0] = -y[0]

    field = fo.VectorField.from_kernel(rhs, 1, name="faulty")
    with pytest.raises(RuntimeError) as caught:
        fo.integrate(field, [1.0], t=(0.0, 1.0), method=method)
    text = str(caught.value)
    assert "ZeroDivisionError" in text and "faulty" in text and "divided by nothing" in text
    assert "\n" not in text
    # the same field, another one, and the right-hand side itself go on working
    short = fo.integrate(field, [1.0], t=(0.0, 0.25), method=method)
    assert short.status is Status.REACHED_END
    assert abs(short.y[-1, 0] - np.exp(-0.25)) < H
    assert fo.integrate(DECAY, [1.0], t=(0.0, 1.0), method=method).status is Status.REACHED_END
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        field(0.6, [1.0])
    assert field(0.4, [1.0])[0] == -1.0


def test_a_kernel_that_writes_nothing_is_nan():
    field = fo.VectorField.from_kernel(lambda t, y, p, dy: None, 1)
    traj = fo.integrate(field, [1.0], t=(0.0, 1.0), method=fo.RK4(h=0.1))
    check_diverged(traj)


# ----------------------------------------------------------------- names and sentences


@pytest.mark.parametrize("status", list(Status))
def test_names_and_sentences(status):
    assert str(status) == f"{status}" == status.name
    assert Status[status.name] is status
    assert status.sentence[0].isupper() and status.sentence.endswith(".")
    assert len(status.sentence) > 20 and "\n" not in status.sentence


def test_the_statuses_are_all_told_apart():
    assert len({s.sentence for s in Status}) == len(Status)
    traj = fo.integrate(DECAY, [1.0], t=(0.0, 1.0))
    assert "REACHED_END" in repr(traj)
