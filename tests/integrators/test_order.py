"""Measured orders, and the steppers against naive loops in NumPy.

An adaptive method is held at the step h by ``h0 = max_step = h`` and tolerances so loose that
every step is accepted and the next proposal always exceeds h: what is left is the pure method.
"""

from functools import cache

import numpy as np
import pytest
import reference

import flowopt as fo

EPS = np.finfo(float).eps
FIXED = {"Euler": (fo.Euler, reference.euler), "Heun": (fo.Heun, reference.heun),
         "Midpoint": (fo.Midpoint, reference.midpoint), "RK4": (fo.RK4, reference.rk4)}
ADAPTIVE = {"Dopri5": fo.Dopri5, "Tsit5": fo.Tsit5, "DOP853": fo.DOP853}


def held(cls, h):
    """Return the method with the one step h."""
    if cls in ADAPTIVE.values():
        return cls(rtol=0.1, atol=1e12, h0=h, max_step=h)
    return cls(h=h)


# a Lorenz system with forcing, so that the times of the stages count
START = (1.0, 0.5, 0.0)
FORCED = fo.VectorField(["10*(y - x) + 9*sin(15*t)", "x*(28 - z) - y", "x*y - 8*z/3 + 9*cos(11*t)"],
                        ["x", "y", "z"])


def forced(t, y):
    return reference.lorenz_rhs(t, y) + [9 * np.sin(15 * t), 0, 9 * np.cos(11 * t)]


@cache
def forced_truth(end):
    times = np.append(np.sort(np.random.default_rng(1).uniform(0, end, 400)), end)
    return times, reference.truth(forced, (0.0, end), START, times)


# method, end, steps over the span: so many that the first term of the error rules (that of DOP853
# vanishes near the end 0.5), so few that the error stays above 1e-11: the truth is good to 1e-12
ORDERS = [
    (fo.Euler, 0.5, (800, 1600, 3200, 6400)),
    (fo.Heun, 0.5, (400, 800, 1600)),
    (fo.Midpoint, 0.5, (400, 800, 1600)),
    (fo.RK4, 0.5, (100, 200, 400, 800)),
    (fo.Dopri5, 0.5, (240, 320, 480, 640)),
    (fo.Tsit5, 0.5, (240, 320, 400, 480)),
    (fo.DOP853, 0.4, (20, 26, 32, 40)),
]


@pytest.mark.parametrize("cls, end, steps", ORDERS, ids=[row[0].__name__ for row in ORDERS])
def test_order_of_the_steps_and_of_the_dense_output(cls, end, steps):
    times, truth = forced_truth(end)
    last, uniform = [], []
    for n in steps:
        traj = fo.integrate(FORCED, START, t=(0.0, end), method=held(cls, end / n))
        assert traj.stats.n_steps == n and traj.stats.n_rejected == 0
        last.append(np.linalg.norm(traj.y[-1] - truth[-1]))
        uniform.append(abs(traj(times) - truth).max())
    h = end / np.array(steps)
    assert reference.measured_order(last, h) == pytest.approx(cls.order, abs=0.1)
    assert reference.measured_order(uniform, h) == pytest.approx(cls.order, abs=0.1)


@pytest.mark.parametrize("cls", [fo.SequentialEuler, fo.SymplecticEuler])
def test_order_of_the_splittings(cls):
    field = fo.flows.HeavyBall(gamma=0.5).on(fo.Loss("x**2/2"))
    q, v = reference.linear_heavy_ball(2.0, 0.5, 1.0, 1.0, -0.3)
    steps = np.array([100, 200, 400, 800])
    errors = [np.hypot(*(fo.integrate(field, [1.0, -0.3], t=(0, 2), method=cls(h=2 / n)).y[-1]
                         - [q, v])) for n in steps]
    assert reference.measured_order(errors, 2 / steps) == pytest.approx(1, abs=0.1)


# ----------------------------------------------------------------- against naive loops


def rounding(cls, h):
    """Bound the rounding of a dense output of size 1: the terms of its polynomial cancel."""
    terms = abs(cls.tableau.dense_array).sum() if hasattr(cls, "tableau") else 1.0
    return 4 * EPS * (1 + h * terms)


# contracting and time-dependent, so rounding errors add up and are not amplified
TAME = fo.VectorField(["-sin(x) + cos(3*t)*y", "-y + x*sin(t)"], ["x", "y"])


def tame(t, y):
    return np.array([-np.sin(y[0]) + np.cos(3 * t) * y[1], -y[1] + y[0] * np.sin(t)])


@pytest.mark.parametrize("name", FIXED)
@pytest.mark.parametrize("start, end", [(0.25, 4.25), (4.25, 0.25)])
def test_fixed_step_is_the_naive_loop(name, start, end):
    cls, naive = FIXED[name]
    h, steps = 0.0625, 64
    traj = fo.integrate(TAME, [1.0, -0.5], t=(start, end), method=cls(h=h))
    signed = h if end > start else -h
    path = naive(tame, [1.0, -0.5], start, signed, steps)
    assert (traj.t == start + signed * np.arange(steps + 1)).all()
    # the naive loop and ours each round a few times a step; backwards the problem expands
    growth = 1.0 if end > start else 50.0
    assert abs(traj.y - path).max() <= 4 * EPS * steps * growth * abs(path).max()
    assert traj.stats.n_rhs == steps * cls.tableau.stages


@pytest.mark.parametrize("name", ADAPTIVE)
def test_one_step_is_its_tableau(name):
    cls, h, t0, y0 = ADAPTIVE[name], 0.05, 0.3, np.array([1.0, -0.5])
    tableau = cls.tableau
    traj = fo.integrate(TAME, y0, t=(t0, t0 + h), method=held(cls, 2 * h))
    assert traj.stats.n_steps == 1
    k = []
    for s in range(tableau.stages):
        k.append(tame(t0 + tableau.c_array[s] * h,
                      y0 + h * sum((a * v for a, v in zip(tableau.a_array[s], k, strict=False)),
                                   np.zeros(2))))
    new = y0 + h * (tableau.b_array[:len(k)] @ np.array(k))
    assert abs(traj.y[-1] - new).max() <= 8 * EPS
    if tableau.fsal:
        k.append(tame(t0 + h, new))
    for c, a in zip(tableau.dense_c_array, tableau.dense_a_array, strict=True):
        k.append(tame(t0 + c * h, y0 + h * (a[:len(k)] @ np.array(k))))
    theta = np.linspace(0, 1, 9)
    powers = theta[:, None] ** np.arange(1, tableau.dense_array.shape[1] + 1)
    dense = y0 + h * powers @ tableau.dense_array.T @ np.array(k)
    assert abs(traj(np.minimum(t0 + theta * h, t0 + h)) - dense).max() <= rounding(cls, h)


@pytest.mark.parametrize("name", [*FIXED, *ADAPTIVE])
def test_backwards_is_forwards_on_the_mirrored_field(name):
    """With s = -t: dy/ds = -F(-s, y). Signs change no rounding, so the bits are the same."""
    cls = {**{k: v[0] for k, v in FIXED.items()}, **ADAPTIVE}[name]
    mirrored = fo.VectorField(["-(-sin(x) + cos(-3*t)*y)", "-(-y + x*sin(-t))"], ["x", "y"])
    method = cls(h=0.07) if name in FIXED else cls(rtol=1e-6, atol=1e-9)
    back = fo.integrate(TAME, [1.0, -0.5], t=(0.0, -2.0), method=method)
    forth = fo.integrate(mirrored, [1.0, -0.5], t=(0.0, 2.0), method=method)
    assert (back.t == -forth.t).all()
    assert abs(back.y - forth.y).max() <= 1e-13 * abs(forth.y).max()
    assert (np.diff(back.t) < 0).all()
    s = np.linspace(0, 2, 11)
    assert abs(back(-s) - forth(s)).max() <= 1e-13 * abs(forth.y).max()


@pytest.mark.parametrize("name", ADAPTIVE)
def test_there_and_back(name):
    method = ADAPTIVE[name](rtol=1e-12, atol=1e-12)
    there = fo.integrate(TAME, [1.0, -0.5], t=(0.0, 2.0), method=method)
    back = fo.integrate(TAME, there.y[-1], t=(2.0, 0.0), method=method)
    assert abs(back.y[-1] - [1.0, -0.5]).max() < 1e-9  # e^4 expansion of a hundred errors of 1e-12


# ----------------------------------------------------------------- the grid of fixed steps

# span, h -> number of steps, length of the last one
GRIDS = [
    ((0.0, 1.0), 0.1, 10, 0.1),
    ((0.0, 0.3), 0.1, 3, 0.1),  # 0.3/0.1 is 2.9999999999999996
    ((0.0, 0.7), 0.1, 7, 0.1),  # 0.7/0.1 is 6.999999999999999
    ((0.0, 1.0), 0.3, 4, 0.1),
    ((0.0, 1.0), 7.0, 1, 1.0),
    ((0.0, 1.0), 1.0, 1, 1.0),
    ((2.0, 1.0), 0.4, 3, 0.2),
    ((1e6, 1e6 + 1.0), 0.1, 10, 0.1),
]


@pytest.mark.parametrize("span, h, steps, last", GRIDS)
@pytest.mark.parametrize("cls", [fo.Euler, fo.RK4])
def test_the_last_step_is_what_is_left(cls, span, h, steps, last):
    field = fo.VectorField(["1"], ["y"])
    traj = fo.integrate(field, [0.0], t=span, method=cls(h=h))
    assert traj.stats.n_steps == steps and traj.t[0] == span[0] and traj.t[-1] == span[1]
    signed = np.sign(span[1] - span[0])
    assert (traj.t[:-1] == span[0] + signed * h * np.arange(steps)).all()  # never summed up
    assert abs(traj.t[-1] - traj.t[-2]) == pytest.approx(last, abs=1e-9)
    assert traj.y[-1, 0] == pytest.approx(span[1] - span[0], abs=1e-9)


def test_last_shorter_step_on_a_curve():
    traj = fo.integrate(TAME, [1.0, -0.5], t=(0.0, 1.0), method=fo.RK4(h=0.3))
    path = reference.rk4(tame, [1.0, -0.5], 0.0, 0.3, 3)
    path = np.vstack([path, reference.rk4(tame, path[-1], 3 * 0.3, 1 - 3 * 0.3, 1)[-1]])
    assert abs(traj.y - path).max() <= 16 * EPS


# ----------------------------------------------------------------- splittings


def test_sequential_euler_is_its_twin():
    loss = fo.losses.himmelblau()
    field = fo.flows.HeavyBall(gamma=0.8).on(loss)
    h, steps = 0.005, 200
    traj = fo.integrate(field, [1.0, 0.5, -0.2, 0.3], t=(0, h * steps),
                        method=fo.SequentialEuler(h=h))
    theta, v = reference.sequential_euler(lambda t, x, v: v,
                                          lambda t, x, v: -0.8 * v - loss.grad(x),
                                          [1.0, 0.5], [-0.2, 0.3], 0.0, h, steps)
    # the run goes into a minimum: roundings of 40 (the field) times h, over 200 steps
    assert abs(traj.y - np.hstack([theta, v])).max() <= EPS * 40 * h * steps
    symplectic = fo.integrate(field, traj.y[0], t=(0, h * steps), method=fo.SymplecticEuler(h=h))
    assert (symplectic.y == traj.y).all()  # with one state the two are the same map


def test_sequential_euler_with_two_states_is_adam():
    """Adam without bias correction: m and v first, then θ with the new ones."""
    rates = {"a": 0.1, "b": 0.05, "lr": 0.01}
    flow = fo.Flow({"theta": "-m/(sqrt(v) + 1e-8)", "m": "a/lr*(g - m)", "v": "b/lr*(g**2 - v)"},
                   parameters=rates)
    traj = fo.integrate(flow.on(fo.Loss("3*x**2/2")), [2.0], t=(0.0, 0.5),
                        method=fo.SequentialEuler(h=0.01))
    theta, states = reference.sequential_euler(
        lambda t, x, s: -s[:1] / (np.sqrt(s[1:]) + 1e-8),
        lambda t, x, s: np.array([10.0, 5.0]) * (np.concatenate([3 * x, 9 * x**2]) - s),
        2.0, [0.0, 0.0], 0.0, 0.01, 50)
    assert abs(traj.y - np.hstack([theta, states])).max() <= 50 * EPS * abs(states).max()


def test_sequential_euler_moves_the_states_one_after_another():
    flow = fo.Flow({"theta": "q", "p": "g + theta", "q": "p - q"})
    traj = fo.integrate(flow.on(fo.Loss("x**2/2")), [1.0, 0.5, -0.5], t=(0, 0.25),
                        method=fo.SequentialEuler(h=0.125))
    x, p, q = 1.0, 0.5, -0.5
    for _ in range(2):
        p += 0.125 * (x + x)
        q += 0.125 * (p - q)
        x += 0.125 * q
    assert traj.y[-1] == pytest.approx([x, p, q], abs=4 * EPS)


PENDULUM = fo.VectorField(["v", "-sin(q)"], ["q", "v"])


@pytest.mark.parametrize("first", ["v", "q"])
def test_symplectic_euler_is_its_twin(first):
    h, steps = 0.05, 300
    traj = fo.integrate(PENDULUM, [1.0, 0.2], t=(0, h * steps),
                        method=fo.SymplecticEuler(h=h, first=first))
    q, p = reference.symplectic_euler(lambda t, q, p: p, lambda t, q, p: -np.sin(q), 1.0, 0.2,
                                      0.0, h, steps, first="p" if first == "v" else "q")
    # neutral stability: a phase error of EPS each step adds up linearly, in phase quadratically
    assert abs(traj.y - np.hstack([q, p])).max() <= EPS * steps**2 * h


@pytest.mark.parametrize("first, sign", [("v", -1), ("q", 1)])
def test_symplectic_euler_keeps_the_modified_energy(first, sign):
    """On the oscillator q² + v² ∓ h q v is kept exactly; explicit Euler gains (1 + h²) a step."""
    oscillator = fo.VectorField(["v", "-q"], ["q", "v"])
    h, steps = 0.1, 20_000
    q, v = fo.integrate(oscillator, [1.0, 0.3], t=(0, h * steps),
                        method=fo.SymplecticEuler(h=h, first=first)).y.T
    assert np.ptp(q**2 + v**2 + sign * h * q * v) <= EPS * steps
    q, v = fo.integrate(oscillator, [1.0, 0.3], t=(0, 10), method=fo.Euler(h=h)).y[-1]
    assert q**2 + v**2 == pytest.approx(1.09 * (1 + h**2) ** 100, rel=1e-12)


@pytest.mark.parametrize("first", ["v", "q"])
def test_symplectic_euler_keeps_the_symplectic_form(first):
    """Jᵀ Ω J = Ω for the Jacobian J of ten steps of a coupled system of two pendulums."""
    field = fo.VectorField(["u", "v", "-sin(q) - (q - r)", "-sin(r) - (r - q)"],
                           ["q", "r", "u", "v"])
    method = fo.SymplecticEuler(h=0.2, first=first)
    J = reference.fd_jacobian(
        lambda y: fo.integrate(field, y, t=(0, 2), method=method).y[-1], [0.5, -0.3, 0.2, 0.4])
    omega = np.block([[np.zeros((2, 2)), np.eye(2)], [-np.eye(2), np.zeros((2, 2))]])
    assert abs(J.T @ omega @ J - omega).max() < 1e-10  # differences are good to about 1e-12
    euler = reference.fd_jacobian(
        lambda y: fo.integrate(field, y, t=(0, 2), method=fo.Euler(h=0.2)).y[-1],
        [0.5, -0.3, 0.2, 0.4])
    assert abs(euler.T @ omega @ euler - omega).max() > 0.1


# ----------------------------------------------------------------- saving and the dense output


@pytest.mark.parametrize("name", [*FIXED, *ADAPTIVE, "SymplecticEuler"])
def test_saves_are_the_dense_output(name):
    if name == "SymplecticEuler":
        cls, method = fo.SymplecticEuler, fo.SymplecticEuler(h=0.07)
    else:
        cls = {**{k: v[0] for k, v in FIXED.items()}, **ADAPTIVE}[name]
        method = cls(h=0.07) if name in FIXED else cls(rtol=1e-6, atol=1e-9)
    for span in ((0.0, 2.0), (2.0, 0.0)):
        inner = np.sort(np.random.default_rng(5).uniform(0.01, 1.99, 40))
        times = np.concatenate([[0.0], inner, [2.0]])
        times = times if span[0] == 0 else times[::-1]
        full = fo.integrate(TAME, [1.0, -0.5], t=span, method=method)
        some = fo.integrate(TAME, [1.0, -0.5], t=span, method=method, save_at=times)
        assert (some.t == times).all() and some.y.shape == (42, 2)
        bound = rounding(cls, abs(np.diff(full.t)).max()) * abs(full.y).max()
        assert abs(some.y - full(times)).max() <= bound
        assert (some.y[0] == full.y[0]).all() and (some.y[-1] == full.y[-1]).all()
        assert abs(full(full.t) - full.y).max() <= bound  # it passes through the steps
        assert some.stats.n_steps == full.stats.n_steps


def test_saving_at_the_steps_gives_the_steps():
    grid = 0.125 * np.arange(9)
    for cls, _ in FIXED.values():
        some = fo.integrate(TAME, [1.0, -0.5], t=(0, 1), method=cls(h=0.125), save_at=grid)
        full = fo.integrate(TAME, [1.0, -0.5], t=(0, 1), method=cls(h=0.125))
        assert (full.t == grid).all()
        assert abs(some.y - full.y).max() <= 4 * EPS
