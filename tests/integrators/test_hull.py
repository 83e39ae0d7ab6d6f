"""Where the jumps of several surfaces multiply each other: maxima, and their shortest subgradient.

For L the maximum of smooth functions the gradient flow moves along minus the shortest vector of
the convex hull of the gradients of the pieces that are largest. The twin below follows maxima of
affine functions piece by piece, exactly, and knows nothing of surfaces.
"""

import itertools

import numpy as np
import pytest
from scipy.optimize import minimize

import flowopt as fo
from flowopt import Status
from flowopt.integrators.hull import motions, realizable

CORNERS = np.array(list(itertools.product((1.0, -1.0), repeat=2)))
FLAT = np.concatenate([np.eye(2), np.zeros((2, 1))], axis=1)  # ∇ψ of ψ = (x, y)


# ------------------------------------------------------------------- the choice itself
def chosen(fields, patterns=CORNERS, slopes=FLAT, direction=1.0):
    slopes = np.broadcast_to(slopes, (len(patterns), *slopes.shape[-2:]))
    return motions(np.asarray(fields, dtype=float), patterns, slopes, direction,
                   np.ones(patterns.shape[1], dtype=bool))


def test_regions_of_three_pieces():
    """Max(a, b, c): the sign pattern a > b > c > a has no region, nor has its opposite."""
    a, b, c = np.array([1.0, 0.0]), np.array([-0.5, 1.0]), np.array([-0.5, -1.0])
    slopes = np.column_stack([np.array([a - b, b - c, c - a]), np.zeros(3)])
    patterns = np.array(list(itertools.product((1.0, -1.0), repeat=3)))
    found = realizable(patterns, np.broadcast_to(slopes, (8, 3, 3)))
    assert found.tolist() == [abs(p.sum()) < 3 for p in patterns]


def test_one_side_carries_the_motion_on():
    (one,) = chosen([[1, 1], [1, 1], [1, 1], [1, 1]])
    assert one.velocity.tolist() == [1, 1] and one.support == (0,) and one.held == ()


def test_an_intersection_of_two():
    fields = np.column_stack([-CORNERS[:, 0], -CORNERS[:, 1], np.full(4, 2.0)])
    (one,) = chosen(fields, slopes=np.concatenate([np.eye(3)[:2], np.zeros((2, 1))], axis=1))
    assert one.velocity == pytest.approx([0, 0, 2], abs=1e-15)
    assert len(one.support) == len(one.held) + 1


def test_a_velocity_that_is_left_open_is_not_chosen():
    fields = np.column_stack([-CORNERS[:, 0], -CORNERS[:, 1], CORNERS.prod(axis=1)])
    assert chosen(fields, slopes=np.concatenate([np.eye(3)[:2], np.zeros((2, 1))], axis=1)) is None


def test_several_ways_and_none():
    ways = chosen(CORNERS)  # away from everything: four sides, four edges, and the point itself
    assert len(ways) == 9
    turned = [[1, -1], [-1, -1], [1, 1], [-1, 1]]  # round about, as a spiral: it rests
    (one,) = chosen(turned)
    assert np.abs(one.velocity).max() < 1e-15


def test_backwards_is_the_motion_of_the_opposite_field():
    fields = np.random.default_rng(3).normal(size=(4, 2))
    there, back = chosen(fields), chosen(-fields, direction=-1.0)
    assert len(there) == len(back)
    for one, other in zip(there, back, strict=True):
        assert one.velocity == pytest.approx(-other.velocity, abs=1e-12)


# --------------------------------------------------------------------- maxima of planes
def shortest(rows):
    """The shortest vector of the convex hull of some vectors, from all its faces."""
    best = None
    for size in range(1, len(rows) + 1):
        for some in itertools.combinations(rows, size):
            A = np.array(some)
            kkt = np.block([[A @ A.T, np.ones((size, 1))], [np.ones((1, size)), np.zeros((1, 1))]])
            weights = np.linalg.lstsq(kkt, np.eye(size + 1)[-1], rcond=1e-12)[0][:size]
            v = weights @ A
            if (weights >= -1e-12).all() and (best is None or v @ v < best @ best - 1e-14):
                best = v
    return best


def followed(A, b, x, end):
    """Follow the gradient flow of max(Ax + b); return the time of rest or `end`, and the place."""
    t = 0.0
    for _ in range(200):
        values = A @ x + b
        largest = values >= values.max() - 1e-11
        v = -shortest(A[largest])
        if np.linalg.norm(v) < 1e-9:
            return t, x
        rates = A @ v
        excess = rates - rates[largest].max()
        late = [(values.max() - values[j]) / excess[j]
                for j in np.nonzero(~largest & (excess > 1e-13))[0]]
        step = min([end - t, *late])
        x, t = x + step * v, t + step
        if t >= end - 1e-14:
            return end, x
    raise AssertionError("no end")


@pytest.mark.parametrize("seed", range(24))
def test_maxima_of_planes_follow_their_shortest_subgradient(seed):
    rng = np.random.default_rng(seed)
    n, pieces = int(rng.integers(1, 4)), int(rng.integers(2, 7))
    A, b = np.round(rng.normal(size=(pieces, n)), 2), np.round(rng.normal(size=pieces) / 2, 2)
    start, names = np.round(1.5 * rng.normal(size=n), 2), ["x", "y", "z"][:n]
    terms = [" + ".join([*(f"({a})*{x}" for a, x in zip(row, names, strict=True)), f"({c})"])
             for row, c in zip(A, b, strict=True)]
    loss = fo.Loss(f"Max({', '.join(terms)})", variables=names)
    traj = fo.integrate(fo.flows.GradientFlow().on(loss), start, t=(0.0, 3.0))
    end, place = followed(A, b, start, 3.0)
    assert traj.status is (Status.STUCK if end < 3.0 else Status.REACHED_END)
    assert traj.t[-1] == pytest.approx(end, abs=1e-9)
    assert traj.x[-1] == pytest.approx(place, abs=1e-9)


# ---------------------------------------------------------------- and of curved pieces
def proximal(pieces, x, end, steps):
    """Proximal steps for the maximum of smooth convex functions (value, gradient), by SLSQP."""
    h = end / steps
    for _ in range(steps):
        found = minimize(
            lambda z, x=x: z[-1] + ((z[:-1] - x)**2).sum() / (2 * h),
            np.append(x, max(f(x) for f, _ in pieces)),
            jac=lambda z, x=x: np.append((z[:-1] - x) / h, 1.0), method="SLSQP",
            constraints=[{"type": "ineq", "fun": lambda z, f=f: z[-1] - f(z[:-1]),
                          "jac": lambda z, g=g: np.append(-g(z[:-1]), 1.0)} for f, g in pieces],
            options={"ftol": 1e-14, "maxiter": 200})
        x = found.x[:-1]
    return x


@pytest.mark.parametrize("seed", range(6))
def test_maxima_of_quadratics_against_proximal_steps(seed):
    rng = np.random.default_rng(seed)
    n, count = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    names, terms, pieces = ["x", "y", "z"][:n], [], []
    for _ in range(count):
        root = rng.normal(size=(n, n))
        Q, c = np.round(root @ root.T + 0.3 * np.eye(n), 2), np.round(rng.normal(size=n), 2)
        level = round(float(rng.normal()) / 2, 2)
        pieces.append((lambda x, Q=Q, c=c, level=level: (x - c) @ Q @ (x - c) / 2 + level,
                       lambda x, Q=Q, c=c: Q @ (x - c)))
        terms.append("+".join([f"({level})"] + [
            f"({Q[i, j]})*({names[i]} - ({c[i]}))*({names[j]} - ({c[j]}))/2"
            for i in range(n) for j in range(n)]))
    start = np.round(1.5 * rng.normal(size=n), 2)
    loss = fo.Loss(f"Max({', '.join(terms)})", variables=names)
    traj = fo.integrate(fo.flows.GradientFlow().on(loss), start, t=(0.0, 1.5))
    coarse, fine = (proximal(pieces, start, 1.5, steps) for steps in (60, 120))
    assert traj.status in (Status.STUCK, Status.REACHED_END)
    assert np.abs(traj.x[-1] - (2 * fine - coarse)).max() < 0.1 * np.abs(fine - coarse).max() + 2e-3
    assert (np.diff(traj.loss) <= 1e-12).all()


# ------------------------------------------------------------------- places with names
def test_a_motion_along_a_surface_by_rounding():
    """Max(|x|, |y|, |x+y|) from (1, 0.3): down both, then along y = 0, and to rest at t = 1."""
    flow = fo.flows.GradientFlow().on(fo.Loss("Max(abs(x), abs(y), abs(x + y))"))
    traj = fo.integrate(flow, [1.0, 0.3], t=(0.0, 5.0))
    assert traj.status is Status.STUCK and traj.t[-1] == pytest.approx(1.0, abs=1e-12)
    assert np.abs(traj.x[-1]).max() < 1e-12
    assert fo.integrate(flow, [0.0, 0.0], t=(0.0, 5.0)).t[-1] == 0.0


def test_surfaces_that_fall_together():
    """On x = y the loss Max(x² + y, y² + x, |x − y|) is x² + x: x' = −(2x + 1)/2, to 0."""
    flow = fo.flows.GradientFlow().on(fo.Loss("Max(x**2 + y, y**2 + x, abs(x - y))"))
    traj = fo.integrate(flow, [2.0, 1.0], t=(0.0, 5.0))
    assert traj.status is Status.STUCK and np.abs(traj.x[-1]).max() < 1e-12
    assert traj.stats.n_rhs < 500
    on = traj.events.t[[kind == "slide" for kind in traj.events.kind].index(True)]
    x = traj(on)[0]
    assert traj(on)[1] == pytest.approx(x, abs=1e-12)
    assert traj.t[-1] == pytest.approx(on + np.log(2 * x + 1), abs=1e-9)


def test_lanes_and_single_runs_agree_where_pieces_meet():
    flow = fo.flows.GradientFlow().on(fo.Loss("Max(abs(x), abs(y), abs(x + y))"))
    starts = np.random.default_rng(0).normal(size=(40, 2))
    starts[0] = 1.0, 0.3
    ens = fo.ensemble(flow, starts, t=(0.0, 0.8))
    for i, start in enumerate(starts):
        alone = fo.integrate(flow, start, t=(0.0, 0.8))
        assert alone.status is ens.status[i] or alone.status == ens.status[i]
        assert (alone.x[-1] == ens.x[i]).all()


# --------------------------------------------- switching functions that jump themselves
@pytest.mark.parametrize(("expr", "start", "time", "place"), [
    # x: g = x - 1 ± 1/2 goes through 0 without stopping; y likewise: 2.2 from 0.7 to -1.5
    ("(x - 1)**2/2 + (y + 2)**2/2 + abs(x)/2 + abs(y)/2", [-1.3, 0.7], 2.2, [0.5, -1.5]),
    # x: g = x - 0.2 ± 1/2 has both signs at 0, and stays there
    ("(x - 0.2)**2/2 + (y + 2)**2/2 + abs(x)/2 + abs(y)/2", [-1.3, 0.7], 2.2, [0.0, -1.5]),
    ("abs(abs(abs(x) - 1) - 0.5) + abs(y)", [1.3, 0.7], 0.7, [1.5, 0.0]),
    ("abs(x) + abs(y) + Max(x, y)**2", [1.3, 0.7], 1.3, [0.0, 0.0]),
    # on the kink xy = 1 both signs of g are (1, 1), or both (-1, -1): it rests where it gets there
    ("abs(x*y - 1) + 0.1*(x**2 + y**2)", [1.3, 0.7], None, None)])
def test_sign_flow_on_losses_with_kinks(expr, start, time, place):
    """sign(g) jumps where g does: its own switching function g_i jumps on the kink."""
    traj = fo.integrate(fo.flows.SignFlow().on(fo.Loss(expr, variables=["x", "y"])), start,
                        t=(0.0, 6.0))
    assert traj.status is Status.STUCK and traj.stats.n_rhs < 400
    if place is None:
        time = (np.sqrt(4.0 - 4.0 * (0.91 - 1.0) - 0.0) - 2.0) / 2.0  # (1.3 + t)(0.7 + t) = 1
        place = [1.3 + time, 0.7 + time]
    assert traj.t[-1] == pytest.approx(time, abs=1e-10)
    assert traj.x[-1] == pytest.approx(place, abs=1e-10)


def test_a_slide_looks_at_the_jumps_on_both_of_its_sides():
    """On y = 0 the gradient of x²/2 + (2x − 1)y + |y| in y is 2x or 2x − 2: it slides for x > 0.

    At the origin it could rest, and it could leave with velocity (−1, 1), as one side has it.
    """
    loss = fo.Loss("x**2/2 + (2*x - 1)*y + abs(y)", variables=["x", "y"])
    flow = fo.flows.SignFlow().on(loss)
    slide = fo.integrate(flow, [0.9, 0.0], t=(0.0, 0.8))
    assert slide.status is Status.REACHED_END
    assert slide.x[-1] == pytest.approx([0.1, 0.0], abs=1e-12)
    assert fo.integrate(flow, [0.9, 0.0], t=(0.0, 5.0)).status is Status.NOT_UNIQUE
    drifting = fo.VectorField(["1", "-sign(y + sign(y)*(1 - x))"], ["x", "y"])
    held = fo.integrate(drifting, [0.0, 0.0], t=(0.0, 0.9))
    assert held.status is Status.REACHED_END and held.y[-1] == pytest.approx([0.9, 0.0], abs=1e-12)


# ------------------------------------------------------------- surfaces that are one, or touch
@pytest.mark.parametrize("same", ["x", "2*x + x**3", "sin(x)", "-exp(-x) + 1", "Max(x, y - 10)"])
def test_two_surfaces_that_are_one_have_two_sides(same):
    """x' = −sign(x) + 0.3 slides where 0.3 of the sign is left, and so of the other sign there."""
    field = fo.VectorField(["-sign(x) + 0.3", f"-sign({same})"], ["x", "y"])
    traj = fo.integrate(field, [0.5, 0.0], t=(0.0, 2.0))
    assert traj.status is Status.REACHED_END
    met = 0.5 / 0.7
    assert traj.y[-1] == pytest.approx([0.0, -met - 0.3 * (2.0 - met)], abs=1e-10)


def test_a_sign_of_a_maximum_slides_as_the_sign_of_its_piece():
    """For x < 0, Max(z, x − z) has the sign of z near z = 0: u_z = 0.4, x' = −0.4."""
    field = fo.VectorField(["-sign(Max(z, x - z))", "-sign(z) + 0.4"], ["x", "z"])
    traj = fo.integrate(field, [-1.0, 0.3], t=(0.0, 2.0))
    assert traj.status is Status.REACHED_END
    assert traj.y[-1] == pytest.approx([-1.5 - 0.4 * 1.5, 0.0], abs=1e-10)


def test_what_a_third_surface_through_an_intersection_leaves_open_is_not_chosen():
    """x and y stay at 0, in all sectors about it, of which some have y' = 1 and some y' = −1."""
    field = fo.VectorField(["-sign(x)", "-sign(y)", "sign(x + 2*y)"], ["x", "y", "z"])
    traj = fo.integrate(field, [0.3, 0.5, 0.0], t=(0.0, 1.0))
    assert traj.status is Status.NOT_UNIQUE and traj.t[-1] == pytest.approx(0.5, abs=1e-12)


@pytest.mark.parametrize(("rules", "status", "end"), [
    (["0", "sign(x)"], Status.NOT_UNIQUE, [0.0, 0.0]),  # x stays at 0, and y' is anything
    (["y", "sign(x)"], Status.NOT_UNIQUE, [0.0, 0.0]),  # x'' = sign(x): it leaves, or stays
    (["y", "-sign(x)"], Status.STUCK, [0.0, 0.0]),  # y²/2 + |x| stays 0
    (["y", "1 + sign(x)/2"], Status.REACHED_END, [0.75, 1.5])])
def test_a_field_tangent_on_both_sides(rules, status, end):
    traj = fo.integrate(fo.VectorField(rules, ["x", "y"]), [0.0, 0.0], t=(0.0, 1.0))
    assert traj.status is status and traj.y[-1] == pytest.approx(end, abs=1e-12)
    assert traj.stats.n_rhs < 200


def test_an_intersection_is_met_with_all_its_surfaces():
    """On y = 0, z comes to 0, and 3y = z with it: by a rounding in y it seemed to come first.

    Then the sides of 3y − z were taken as they were; on y = z = 0 they leave x' open.
    """
    field = fo.VectorField(["Piecewise((1, 51*y > 17*z), (-1, True)) - 0.3*x",
                            "-1.22*sign(y) + 0.28*sign(0.94*x + 0.21*z - 1.33)",
                            "-0.51*sign(z) + 0.192"], ["x", "y", "z"])
    for z in np.linspace(-1.5, -0.5, 11):
        traj = fo.integrate(field, [-2.17, 0.0, z], t=(0.0, 3.0))
        assert traj.status is Status.NOT_UNIQUE
        assert traj.t[-1] == pytest.approx(-z / 0.702, abs=1e-12)


@pytest.mark.parametrize(("push", "end"), [(2.0, [0.25, 0.5]), (1.2, [0.0, 0.0])])
def test_a_rest_at_which_no_side_has_a_speed_ends_when_it_is_pushed(push, end):
    """x'' = −sign(x) − sign(x')/2 + push: all sides have x' = 0, and x'' ≥ 1/2 on each, or not."""
    start = fo.VectorField(["y", "-sign(x) - 0.5*sign(y) + push"], ["x", "y"],
                           parameters={"push": push})
    traj = fo.integrate(start, [0.0, 0.0], t=(0.0, 1.0))
    assert traj.status is (Status.STUCK if push < 1.5 else Status.REACHED_END)
    assert traj.y[-1] == pytest.approx(end, abs=1e-12)
    later = fo.VectorField(["y", "-sign(x) - 0.5*sign(y) + push*Heaviside(t - 10)"], ["x", "y"],
                           parameters={"push": push})
    traj = fo.integrate(later, [1.0, 0.0], t=(0.0, 11.0))  # switches without end, until t = 6.31
    assert traj.status is Status.REACHED_END and traj.y[-1] == pytest.approx(end, abs=1e-9)


@pytest.mark.parametrize(("expr", "start", "time"), [
    # along x = 0 the sign of dL/dy = 0.4 y − |x| is that of y: it comes down to the origin
    ("0.2*(x**2 + y**2) + abs(x)*abs(y - 1)", [0.8, -0.5], 13 / 14),
    ("0.2*(x**2 + y**2) + (0.22*x + 0.29)**2/2 + abs(1.91*x - 0.33*y + 0.33)*abs(1.54*x)",
     [0.8, -0.5], None)])
def test_a_surface_that_bends_on_another_one(expr, start, time):
    traj = fo.integrate(fo.flows.SignFlow().on(fo.Loss(expr, variables=["x", "y"])), start,
                        t=(0.0, 1.5))
    assert traj.status is Status.STUCK and np.abs(traj.x[-1]).max() < 1e-12
    assert traj.stats.n_rhs < 400
    # y turns at dL/dy = 0 on the way, and comes to 0 last
    turn = next(y[1] for y in traj.events.y if y[0] > 0.0)
    assert traj.t[-1] == pytest.approx(2.0 * turn + 0.5, abs=1e-12)
    assert time is None or traj.t[-1] == pytest.approx(time, abs=1e-12)
