"""One definition, many faces: every flow on every loss, in every regime, gives the same numbers.

The kernel of one lane, the kernel of many lanes, the function for scipy, the smooth kernel of a
regime, the sympy equations evaluated at 40 digits, and a plain NumPy twin are compared at random
points of every regime; so are the Jacobian, the switching functions and dL/dt.

Tolerances. The result of a kernel is that of slightly changed inputs, so its error is bounded by
a number of roundings K times ``EPS (|F| + sum_j |dF/dz_j| |z_j|)`` over all inputs z: states,
parameters, time. For an entry of the Jacobian |F| is the largest entry: a projection such as
I - g g^T/|g|^2 cancels. The derivatives are differences at 60 digits. The largest error seen is
1.6 of these units for F, 2.2 for a Jacobian, 2.8 for a twin.
"""

import itertools
from functools import cache

import mpmath
import numba
import numpy as np
import pytest
import reference
import sympy

import flowopt as fo

EPS = np.finfo(float).eps
K = 8
TIME = 0.7
MOST_REGIMES = 6

# ----------------------------------------------------------------- losses and their twins


def himmelblau_value(x):
    return (x[0] ** 2 + x[1] - 11) ** 2 + (x[0] + x[1] ** 2 - 7) ** 2


def himmelblau_grad(x):
    a, b = x[0] ** 2 + x[1] - 11, x[0] + x[1] ** 2 - 7
    return np.array([4 * a * x[0] + 2 * b, 2 * a + 4 * b * x[1]])


def himmelblau_hess(x):
    mixed = 4 * (x[0] + x[1])
    return np.array([[12 * x[0] ** 2 + 4 * x[1] - 42, mixed],
                     [mixed, 12 * x[1] ** 2 + 4 * x[0] - 26]])


def rosenbrock_value(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_grad(x):
    g = np.zeros_like(x)
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    g[:-1] += -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    return g


def rosenbrock_hess(x):
    n = len(x)
    H = np.zeros((n, n))
    for i in range(n - 1):
        H[i, i] += 2 + 1200 * x[i] ** 2 - 400 * x[i + 1]
        H[i + 1, i + 1] += 200
        H[i, i + 1] = H[i + 1, i] = -400 * x[i]
    return H


#: every coefficient is a parameter, so that its rounding is counted
KINKED = ("a*Abs(x - 0.3) + Max(x*y, -b*y) + Piecewise((x**2, x < y), (c*x - d*y, True)) + y**4"
          " + e*Min(x, 2*y, 1) + k*sign(y)*x**2 + r*relu(x + y)")
A, B, C, D, E, KAPPA, R = COEFFICIENTS = (1.25, 0.9, 2.1, 1.1, 0.5, 0.375, 0.8)


def kinked_value(x):
    x, y = x
    piece = x**2 if x < y else C * x - D * y
    return (A * abs(x - 0.3) + max(x * y, -B * y) + piece + y**4 + E * min(x, 2 * y, 1)
            + KAPPA * np.sign(y) * x**2 + R * max(x + y, 0.0))


def kinked_grad(x):
    x, y = x
    g = np.array([A * np.sign(x - 0.3), 4 * y**3])
    g += [y, x] if x * y > -B * y else [0, -B]
    g += [2 * x, 0] if x < y else [C, -D]
    g += [[E, 0], [0, 2 * E], [0, 0]][int(np.argmin([x, 2 * y, 1]))]
    g += [2 * KAPPA * np.sign(y) * x, 0]
    return g + (R if x + y > 0 else 0.0)


def kinked_hess(x):
    x, y = x
    H = np.array([[2 * KAPPA * np.sign(y), 0.0], [0.0, 12 * y**2]])
    H += [[0, 1], [1, 0]] if x * y > -B * y else [[0, 0], [0, 0]]
    return H + ([[2, 0], [0, 0]] if x < y else [[0, 0], [0, 0]])


@numba.njit
def compiled_himmelblau(x, g):
    a, b = x[0] ** 2 + x[1] - 11, x[0] + x[1] ** 2 - 7
    g[0] = 4 * a * x[0] + 2 * b
    g[1] = 2 * a + 4 * b * x[1]
    return a * a + b * b


def plain_rosenbrock(x, g):
    g[:] = rosenbrock_grad(x)
    return float(rosenbrock_value(x))


def wrapped(f):
    return lambda x: np.atleast_1d(f(np.asarray(x)[0]))


# name -> (loss, value, gradient, Hessian, half width of the box of random points, its centre)
LOSSES = {
    "two_minima": (fo.losses.two_minima(), lambda x: reference.two_minima_loss(x[0]),
                   wrapped(reference.two_minima_grad),
                   lambda x: np.array([[reference.two_minima_hess(x[0])]]), 4.0, 3.0),
    "himmelblau": (fo.losses.himmelblau(), himmelblau_value, himmelblau_grad, himmelblau_hess, 5.0,
                   0.0),
    "rosenbrock": (fo.losses.rosenbrock(3), rosenbrock_value, rosenbrock_grad, rosenbrock_hess,
                   1.5, 1.0),
    "kinked": (fo.Loss(KINKED, parameters=dict(zip("abcdekr", COEFFICIENTS,
                                                   strict=True))), kinked_value, kinked_grad,
               kinked_hess, 1.5, 0.0),
    "compiled": (fo.Loss.from_kernel(compiled_himmelblau, 2), himmelblau_value, himmelblau_grad,
                 himmelblau_hess, 5.0, 0.0),
    "plain": (fo.Loss.from_kernel(plain_rosenbrock, 3), rosenbrock_value, rosenbrock_grad,
              rosenbrock_hess, 1.5, 1.0),
}
KERNELS = ("compiled", "plain")

# ----------------------------------------------------------------- flows and their twins
# A twin is made from (value, grad, hess) and is then f(t, y).

USER = fo.Flow({"theta": "-g/(1 + norm1(g)) - u/(1 + maxabs(g)) - eta*dot(g, u)*theta",
                "u": "(g - u)*exp(-t) - lam*unit(u) + Min(L, 3) + norm(theta)",
                "s": "dot(g, g)/(1 + s**2) - Abs(s - theta)"},
               parameters={"lam": 0.25, "eta": 0.01}, name="user")


def user_twin(value, grad, hess):
    def f(t, y):
        theta, u, s = np.split(y, 3)
        g, eta, lam = grad(theta), 0.01, 0.25
        return np.concatenate([
            -g / (1 + np.abs(g).sum()) - u / (1 + np.abs(g).max()) - eta * (g @ u) * theta,
            (g - u) * np.exp(-t) - lam * u / np.linalg.norm(u) + min(value(theta), 3)
            + np.linalg.norm(theta),
            (g @ g) / (1 + s**2) - np.abs(s - theta)])
    return f


def plain_rule(t, y, L, g, p, dy):
    n = len(g)
    dy[:n] = y[n:] * np.cos(t)
    dy[n:] = -p[0] * y[n:] - g * np.arctan(p[1] * L)


def plain_rule_twin(value, grad, hess):
    def f(t, y):
        theta, v = np.split(y, 2)
        return np.concatenate([v * np.cos(t), -0.5 * v - grad(theta) * np.arctan(2 * value(theta))])
    return f


FLOWS = {
    "gradient": (fo.flows.GradientFlow(), lambda v, g, h: reference.gradient_field(g)),
    "sign": (fo.flows.SignFlow(), lambda v, g, h: reference.sign_field(g)),
    "normalized": (fo.flows.NormalizedFlow(), lambda v, g, h: reference.normalized_field(g)),
    "norm clip": (fo.flows.LossNormalizedFlow(M=0.05, minimum=-2.0),
                  lambda v, g, h: reference.loss_normalized_field(v, g, 0.05, -2.0)),
    "rate clip": (fo.flows.LossNormalizedFlow(M=0.05, minimum=-2.0, clip="rate"),
                  lambda v, g, h: reference.loss_normalized_field(v, g, 0.05, -2.0, "rate")),
    "heavy ball": (fo.flows.HeavyBall(gamma=0.7),
                   lambda v, g, h: reference.heavy_ball_field(g, 0.7)),
    "user": (USER, user_twin),
    "newton": (fo.flows.NewtonFlow(),
               lambda v, g, h: lambda t, x: -np.linalg.solve(h(x), g(x))),
    "plain rule": (fo.Flow.from_kernel(plain_rule, states=("v",),
                                       parameters={"drag": 0.5, "gain": 2.0}), plain_rule_twin),
}
SYMBOLIC = ("gradient", "sign", "normalized", "norm clip", "rate clip", "heavy ball", "user")
PAIRS = [(flow, loss) for flow, loss in itertools.product(FLOWS, LOSSES)
         if not (flow == "newton" and loss in KERNELS)]
EXPRESSIONS = [(flow, loss) for flow, loss in PAIRS if flow in SYMBOLIC and loss not in KERNELS]
SWITCHING = [(flow, loss) for flow, loss in EXPRESSIONS if loss == "kinked"
             or flow in ("sign", "norm clip", "rate clip", "user")
             or (flow, loss) == ("normalized", "two_minima")]
BY_KERNEL = [pair for pair in PAIRS if pair not in EXPRESSIONS]


@cache
def field_of(flow, loss):
    return FLOWS[flow][0].on(LOSSES[loss][0])


@cache
def twin_of(flow, loss):
    _, value, grad, hess, _, _ = LOSSES[loss]
    return FLOWS[flow][1](value, grad, hess)


@cache
def points_of(flow, loss):
    """Return random points (N, m), the first few from different regimes, and how many those are."""
    field, (width, centre) = field_of(flow, loss), LOSSES[loss][4:]
    rng = np.random.default_rng(20_240_607)
    size = width * 10.0 ** rng.uniform(-2, 0, (400, 1))  # clips act near critical points
    y = centre + size * rng.uniform(-1, 1, (400, field.m))
    if not field.surfaces:
        return y[:150], 3
    sides = [field.sides(TIME, y[i:i + 10]) for i in range(0, len(y), 10)]  # one-lane kernels
    _, first = np.unique(np.concatenate(sides), axis=0, return_index=True)
    chosen = np.sort(first)[:MOST_REGIMES]
    rest = np.setdiff1d(np.arange(len(y)), chosen)[:150 - len(chosen)]
    return y[np.concatenate([chosen, rest])], len(chosen)


# ----------------------------------------------------------------- the judge: 60 digits


class Exact:
    """The equations and the switching functions of a field, at 60 digits."""

    def __init__(self, field):
        self.field, system = field, field.system
        arguments = [system.time, *system.variables, *system.parameters]
        helpers = {"Select": lambda s, a, b: a if s < 0 else b,
                   "Heaviside": lambda z: (mpmath.sign(z) + 1) / 2}
        self.F, self.psi = (sympy.lambdify(arguments, list(what), [helpers, "mpmath"], cse=True)
                            for what in (field.equations, field.switches))

    def inputs(self, t, y):
        return [mpmath.mpf(float(v)) for v in (t, *y, *self.field.p)]

    def derivatives(self, z):
        """Return dF_i/dz_j by central differences: their error is far below one rounding."""
        h = mpmath.mpf(10) ** -20
        columns = []
        for j in range(len(z)):
            ahead, behind = list(z), list(z)
            ahead[j] += h
            behind[j] -= h
            columns.append([(a - b) / (2 * h)
                            for a, b in zip(self.F(*ahead), self.F(*behind), strict=True)])
        return columns

    def at(self, t, y):
        """Return F (m,), its rounding unit (m,), J (m, m) and its rounding unit (m, m)."""
        m = self.field.m
        with mpmath.workdps(60):
            z = self.inputs(t, y)
            F, D = self.F(*z), self.derivatives(z)
            unit = [abs(F[i]) + sum(abs(D[j][i] * z[j]) for j in range(len(z))) for i in range(m)]
            h = mpmath.mpf(10) ** -12
            largest = max(abs(D[j + 1][i]) for i in range(m) for j in range(m))
            spread = [[largest for _ in range(m)] for _ in range(m)]
            for k in range(len(z)):
                ahead, behind = list(z), list(z)
                ahead[k] += h
                behind[k] -= h
                up, down = self.derivatives(ahead), self.derivatives(behind)
                for i, j in itertools.product(range(m), range(m)):
                    second = (up[j + 1][i] - down[j + 1][i]) / (2 * h)
                    spread[i][j] += abs(second * z[k])
            J = [[D[j + 1][i] for j in range(m)] for i in range(m)]
            return [np.array(v, dtype=float) for v in (F, unit, J, spread)]

    def values(self, t, y):
        with mpmath.workdps(40):
            return np.array(self.F(*self.inputs(t, y)), dtype=float)

    def signs(self, t, y):
        with mpmath.workdps(60):
            return np.array([float(mpmath.sign(v)) for v in self.psi(*self.inputs(t, y))])


@cache
def judged(flow, loss):
    field = field_of(flow, loss)
    y, few = points_of(flow, loss)
    exact = Exact(field)
    return exact, [(point, *exact.at(TIME, point)) for point in y[:few]]


named = pytest.mark.parametrize


# ----------------------------------------------------------------- tests


@named("flow, loss", PAIRS)
def test_every_way_to_call_gives_the_same_bits(flow, loss):
    field = field_of(flow, loss)
    y, _ = points_of(flow, loss)
    t = np.linspace(0.1, 2.0, len(y))
    one = np.array([field(a, b) for a, b in zip(t, y, strict=True)])
    assert np.isfinite(one).all()
    assert (one == np.array([field.rhs(a, b) for a, b in zip(t, y, strict=True)])).all()
    for count in (5, 64, 150):  # one-lane kernels, one full block, blocks with a partly filled one
        assert (field(t[:count], y[:count]) == one[:count]).all(), count
    assert (field(TIME, y) == field(np.full(len(y), TIME), y)).all()


@named("flow, loss", EXPRESSIONS)
def test_kernel_is_the_expression(flow, loss):
    field = field_of(flow, loss)
    for y, F, unit, _, _ in judged(flow, loss)[1]:
        assert (abs(field(TIME, y) - F) <= K * EPS * unit).all()


@named("flow, loss", EXPRESSIONS)
def test_regime_kernel_is_the_field_in_its_regime(flow, loss):
    field = field_of(flow, loss)
    seen = set()
    for y, F, unit, _, _ in judged(flow, loss)[1]:
        sides = field.sides(TIME, y)
        seen.add(tuple(sides))
        assert (abs(field.in_regime(TIME, y, sides) - F) <= K * EPS * unit).all()
        assert (field.in_regime(TIME, y, None) == field.in_regime(TIME, y, sides)).all()
    assert not any(0.0 in sides for sides in seen)
    assert len(seen) >= (2 if field.surfaces else 1)


@named("flow, loss", EXPRESSIONS)
def test_jacobian_is_the_derivative_in_each_regime(flow, loss):
    field = field_of(flow, loss)
    points = judged(flow, loss)[1]
    for y, _, _, J, unit in points:
        assert (abs(field.jacobian(TIME, y) - J) <= K * EPS * unit).all()
        regime = field.sides(TIME, y)
        assert (field.jacobian(TIME, y, regime=regime) == field.jacobian(TIME, y)).all()
    batch = np.array([p[0] for p in points])
    assert (field.jacobian(TIME, batch) == [field.jacobian(TIME, y) for y in batch]).all()


@named("flow, loss", EXPRESSIONS)
def test_sides_are_the_signs_of_the_switching_functions(flow, loss):
    field, exact = field_of(flow, loss), judged(flow, loss)[0]
    y, _ = points_of(flow, loss)
    assert len(field.switches) == field.surfaces
    assert bool(field.surfaces) is ((flow, loss) in SWITCHING)
    for i in (0, 15):
        assert (field.sides(TIME, y[i:i + 15])
                == [exact.signs(TIME, p) for p in y[i:i + 15]]).all()


@named("flow, loss", EXPRESSIONS)
def test_twin(flow, loss):
    field, twin = field_of(flow, loss), twin_of(flow, loss)
    for y, _, unit, _, _ in judged(flow, loss)[1]:
        assert (abs(field(TIME, y) - twin(TIME, y)) <= K * EPS * unit).all()


@named("flow, loss", BY_KERNEL)
def test_twin_of_kernels(flow, loss):
    """Twin and kernel both round: the bound is 2 K. A linear system has its condition too."""
    field, twin = field_of(flow, loss), twin_of(flow, loss)
    hess = LOSSES[loss][3]
    for point in points_of(flow, loss)[0][:20]:
        F = twin(TIME, point)
        moved = [twin(TIME, np.where(np.arange(field.m) == j, point * (1 + 1e-7), point)) - F
                 for j in range(field.m)]
        unit = abs(F) + np.sum(np.abs(moved), axis=0) * 1e7
        if flow == "newton":
            unit = unit + np.linalg.cond(hess(point)) * abs(F).max()
        assert (abs(field(TIME, point) - F) <= 2 * K * EPS * unit).all()


@named("flow, loss", BY_KERNEL)
def test_jacobian_of_kernels(flow, loss):
    """Differences of step h = EPS^(1/3): error h^2 F''' + EPS F/h, about EPS^(2/3) = 4e-11."""
    field, twin = field_of(flow, loss), twin_of(flow, loss)
    y, _ = points_of(flow, loss)
    close = 0
    for point in y[:4]:
        J = reference.fd_jacobian(lambda z: twin(TIME, z), point, h=1e-3)  # noqa: B023
        scale = max(1.0, abs(J).max(), abs(twin(TIME, point)).max())
        close += (abs(field.jacobian(TIME, point) - J) <= 1e-7 * scale).all()
    assert close >= 3  # a kink or a pole may lie within one difference, not within all


#: dL/dt along the flow, from L, g and y
DISSIPATION = {
    "gradient": lambda L, g, y: -g @ g,
    "sign": lambda L, g, y: -np.abs(g).sum(),
    "normalized": lambda L, g, y: -np.linalg.norm(g),
    "norm clip": lambda L, g, y: -min(1, 0.05 * np.linalg.norm(g)) * (L + 2),
    "rate clip": lambda L, g, y: -min(L + 2, 0.05 * (g @ g)),
    "heavy ball": lambda L, g, y: g @ y[len(g):],
}


@named("flow, loss", [pair for pair in PAIRS if pair[0] in DISSIPATION])
def test_dissipation(flow, loss):
    field = field_of(flow, loss)
    y, _ = points_of(flow, loss)
    rates = field.loss_rate(TIME, y[:20])
    for point, rate in zip(y[:20], rates, strict=True):
        theta = point[:field.n]
        L, g = field.loss.value(theta), field.loss.grad(theta)
        size = np.abs(g * field(TIME, point)[:field.n]).sum()
        assert abs(rate - DISSIPATION[flow](L, g, point)) <= K * EPS * size
        assert field.loss_rate(TIME, point) == rate


@named("flow, loss", [p for p in SWITCHING if p[1] != "rosenbrock"])  # no double lies on it
def test_no_jacobian_on_a_surface_without_a_regime(flow, loss):
    field, width = field_of(flow, loss), LOSSES[loss][4]
    assert field.surfaces
    rng = np.random.default_rng(7)
    for _ in range(200):  # bisect between two points until a switching function is exactly 0
        a, b = rng.uniform(-width, width, (2, field.m))
        sides = field.sides(TIME, a)
        while not (found := field.sides(TIME, (a + b) / 2) == 0).any():
            middle = (a + b) / 2
            if (middle == a).all() or (middle == b).all():
                break
            a, b = (middle, b) if (field.sides(TIME, middle) == sides).all() else (a, middle)
        if found.any():
            break
    assert found.any()
    point = (a + b) / 2
    which = int(np.nonzero(found)[0][0])
    with pytest.raises(ValueError, match=rf"on switching surface {which} .*regime=") as refused:
        field.jacobian(TIME, point)
    assert len(str(refused.value)) < 600
    near = np.where(found, 1.0, field.sides(TIME, point))
    both = []
    for side in (1.0, -1.0):
        regime = near.copy()
        regime[which] = side
        both.append(field.jacobian(TIME, point, regime=regime))
    assert np.isfinite(both).any()


@named("flow, loss", BY_KERNEL)
def test_kernels_say_that_they_have_no_expression(flow, loss):
    field = field_of(flow, loss)
    for symbolic in ("equations", "switches", "system"):
        with pytest.raises(ValueError, match="no expression"):
            getattr(field, symbolic)
    assert field.surfaces == 0 and field.sides(TIME, np.ones(field.m)).shape == (0,)
    with pytest.raises(ValueError, match="regime must be 0 sides"):
        field.jacobian(TIME, np.ones(field.m), regime=[1])


@named("flow", SYMBOLIC)
@named("kernel, expression", [("compiled", "himmelblau"), ("plain", "rosenbrock")])
def test_loss_as_kernel_and_as_expression_make_the_same_field(flow, kernel, expression):
    exact = judged(flow, expression)[1]
    for y, _, unit, _, _ in exact:
        difference = field_of(flow, kernel)(TIME, y) - field_of(flow, expression)(TIME, y)
        assert (abs(difference) <= K * EPS * unit).all()
