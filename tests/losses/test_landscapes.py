"""Landscapes against plain formulas, mpmath at 40 digits, and searches for a lower point."""

import mpmath
import numpy as np
import pytest
from scipy.optimize import minimize

from flowopt.losses import landscapes
from flowopt.losses.landscapes import catalogue, quadratic, rastrigin, rosenbrock, styblinski_tang

EPS = np.finfo(float).eps
A = [[2.0, -0.5], [-0.5, 1.0]]
B = [1.0, -2.0]
A4 = [[4.0, 1.0, 0.0, -0.3], [1.0, 3.0, 0.25, 0.0], [0.0, 0.25, 2.0, 0.1], [-0.3, 0.0, 0.1, 0.5]]
B4 = [0.1, -0.2, 0.0, 7e-4]


# Twins: each takes a list of coordinates (arrays, numbers or mpmath numbers), expanded or ordered
# differently from the text in landscapes.py; `lib` gives cos and pi.
def two_minima(x, lib):
    return lib.mpf("1.62276") - 9 * x[0] + 15 * x[0] ** 2 - 7 * x[0] ** 3 + x[0] ** 4


def form(matrix, vector):
    def twin(x, lib):
        n = len(x)
        square = sum(lib.mpf(repr(matrix[i][j])) * x[i] * x[j] for i in range(n) for j in range(n))
        return square / 2 - sum(lib.mpf(repr(vector[i])) * x[i] for i in range(n))

    return twin


def double_well(x, lib):
    return x[0] ** 4 / 4 - x[0] ** 2 / 2 + lib.mpf("0.25")


def rosenbrock_twin(x, lib):
    return sum((1 - x[i]) ** 2 + (10 * x[i + 1] - 10 * x[i] * x[i]) ** 2 for i in range(len(x) - 1))


def himmelblau(x, lib):
    a, b = x
    top = a**4 + b**4 + 2 * a * b * (a + b)
    return top - 21 * a**2 - 13 * b**2 - 14 * a - 22 * b + 170


def beale(x, lib):
    targets = enumerate(("1.5", "2.25", "2.625"), start=1)
    return sum((lib.mpf(c) - x[0] * (1 - x[1] ** k)) ** 2 for k, c in targets)


def styblinski(x, lib):
    return sum(v * (5 + v * (v * v - 16)) for v in x) / 2


def rastrigin_twin(x, lib):  # 1 - cos 2a = 2 sin^2 a
    return sum(v * v + 20 * lib.sin(lib.pi * v) ** 2 for v in x)


def saddle(x, lib):
    return (x[0] - x[1]) * (x[0] + x[1]) / 2


def camel(x, lib):
    a, b = x
    return 4 * a**2 - lib.mpf("2.1") * a**4 + a**6 / 3 + a * b - 4 * b**2 + 4 * b**4


def goldstein_price(x, lib):
    s, d = x[0] + x[1], 2 * x[0] - 3 * x[1]
    return (1 + (s + 1) ** 2 * (19 - 14 * s + 3 * s * s)) * (30 + d * d * (18 - 16 * d + 3 * d * d))


class _Numpy:
    mpf, sin, pi = float, staticmethod(np.sin), np.pi


# (loss, twin, half width of the box that is searched)
CASES = [
    (landscapes.two_minima(), two_minima, 5.0),
    (quadratic(A, b=B), form(A, B), 5.0),
    (quadratic(A4, b=B4), form(A4, B4), 5.0),
    (quadratic(3.0), form([[3.0]], [0.0]), 5.0),
    (landscapes.double_well(), double_well, 3.0),
    (rosenbrock(), rosenbrock_twin, 3.0),
    (rosenbrock(5), rosenbrock_twin, 2.0),
    (landscapes.himmelblau(), himmelblau, 6.0),
    (landscapes.beale(), beale, 4.5),
    (styblinski_tang(1), styblinski, 5.0),
    (styblinski_tang(), styblinski, 5.0),
    (styblinski_tang(3), styblinski, 5.0),
    (rastrigin(1), rastrigin_twin, 5.12),
    (rastrigin(), rastrigin_twin, 5.12),
    (rastrigin(3), rastrigin_twin, 1.5),
    (landscapes.saddle(), saddle, 3.0),
    (landscapes.six_hump_camel(), camel, 3.0),
    (landscapes.goldstein_price(), goldstein_price, 2.0),
]


def over(cases):
    names = [f"{loss.name}-{loss.n}" for loss, _, _ in cases]
    return pytest.mark.parametrize("loss, twin, width", cases, ids=names)


every = over(CASES)
bounded = over([case for case in CASES if case[0].name != "saddle"])


def refined(twin, start):
    """Critical point of the twin next to `start` and its value, to 40 digits."""
    with mpmath.workdps(60):

        def gradient(*x):
            orders = [tuple(int(i == k) for i in range(len(x))) for k in range(len(x))]
            if len(x) == 1:
                return mpmath.diff(lambda v: twin([v], mpmath), x[0])
            return [mpmath.diff(lambda *v: twin(v, mpmath), x, order) for order in orders]

        root = mpmath.findroot(gradient, tuple(start) if len(start) > 1 else start[0], tol=1e-80)
        point = [root] if len(start) == 1 else list(root)
        return point, twin(point, mpmath)


@every
def test_value_is_the_formula(loss, twin, width):
    points = np.random.default_rng(1).uniform(-width, width, (500, loss.n))
    expected = twin(list(points.T), _Numpy)
    scale = np.abs(points).max(axis=1) ** 2 + np.abs(expected).max()
    assert np.all(np.abs(loss.value(points) - expected) <= 1e-13 * scale)


@every
def test_derivatives_are_those_of_the_formula(loss, twin, width):
    point = np.random.default_rng(2).uniform(-width, width, loss.n)

    def partial(*orders):
        return float(mpmath.diff(lambda *v: twin(v, mpmath), tuple(point), orders))

    with mpmath.workdps(40):
        unit = np.eye(loss.n, dtype=int).tolist()
        gradient = [partial(*e) for e in unit]
        hessian = [[partial(*np.add(e, f).tolist()) for f in unit] for e in unit]
    np.testing.assert_allclose(loss.grad(point), gradient, rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(loss.hess(point), hessian, rtol=1e-11, atol=1e-11)


@bounded
def test_stated_minima_are_minima_to_the_last_digit(loss, twin, width):
    assert len(set(loss.minima)) == len(loss.minima) > 0
    for stated in loss.minima:
        x = np.array(stated)
        point, value = refined(twin, stated)
        for number, truth in zip(stated, point, strict=True):
            assert abs(number - truth) <= 2 * EPS * max(abs(truth), mpmath.mpf(1e-20))
        assert abs(loss.minimum - value) <= 2 * EPS * max(abs(value), mpmath.mpf(1e-20))
        # rounding x moves the gradient by |H| ulp(x); so do the sums inside L and its gradient
        hessian = loss.hess(x)
        size = np.linalg.norm(hessian, 2) * max(1.0, np.abs(x).max())
        assert np.abs(loss.grad(x)).max() <= 16 * EPS * size
        assert abs(loss.value(x) - loss.minimum) <= 16 * EPS * max(size, abs(loss.minimum))
        assert np.linalg.eigvalsh(hessian)[0] > -16 * EPS * size


@bounded
def test_nothing_lies_below_the_minimum(loss, twin, width):
    random = np.random.default_rng(3)
    points = random.uniform(-width, width, (20_000, loss.n))
    values = loss.value(points)
    starts = points[np.r_[np.argsort(values)[:10], :40]]
    ends = np.array([minimize(loss.value, x, jac=loss.grad, tol=1e-10).x for x in starts])
    reached = loss.value(ends)
    assert min(values.min(), reached.min()) >= loss.minimum - 1e-9
    # the search finds the stated value, and only at the stated points
    best = ends[reached < loss.minimum + 1e-10]
    assert len(best) > 0
    distance = np.linalg.norm(best[:, None] - np.array(loss.minima), axis=2)
    assert distance.min(axis=1).max() < 1e-2
    assert set(distance.argmin(axis=1)) == set(range(len(loss.minima)))


def test_two_minima_critical_points():
    loss = landscapes.two_minima()
    root = np.sqrt(33)
    points = np.array([[(9 - root) / 8], [(9 + root) / 8], [3.0]])
    np.testing.assert_allclose(loss.grad(points), 0.0, atol=1e-13)
    heights = [loss.minimum, 1.62276 + (117 + 165 * root) / 512, 1.62276]
    np.testing.assert_allclose(loss.value(points), heights, rtol=0, atol=1e-14)
    assert (np.sign(loss.hess(points).ravel()) == [1, -1, 1]).all()
    assert loss.minimum == pytest.approx(5.5336e-7, rel=1e-4)


def test_double_well_curvatures_and_barrier():
    loss = landscapes.double_well()
    np.testing.assert_allclose(loss.hess(np.array([[-1.0], [0.0], [1.0]])).ravel(), [2, -1, 2])
    assert loss.value([0.0]) == 0.25


def test_saddle_has_no_minimum():
    loss = landscapes.saddle()
    assert loss.minimum is None and not loss.minima
    assert loss.value([0.0, 1e6]) < -1e11
    np.testing.assert_array_equal(loss.grad([0.0, 0.0]), [0, 0])
    np.testing.assert_array_equal(loss.hess([0.3, 0.2]), [[1, 0], [0, -1]])


def test_rosenbrock_from_four_variables_has_a_second_minimum():
    loss = rosenbrock(4)
    end = minimize(loss.value, [-0.8, 0.6, 0.4, 0.2], jac=loss.grad, method="BFGS", tol=1e-9).x
    assert np.abs(loss.grad(end)).max() < 1e-5 and np.linalg.eigvalsh(loss.hess(end))[0] > 0
    assert end[0] < -0.7 and loss.value(end) > 3


@pytest.mark.parametrize(
    "make, twin",
    [(rosenbrock, rosenbrock_twin), (styblinski_tang, styblinski), (rastrigin, rastrigin_twin)],
)
def test_families_take_many_variables(make, twin):
    loss = make(np.int64(40))
    assert loss.n == 40 and [str(v) for v in loss.variables] == [f"x{i}" for i in range(1, 41)]
    points = np.random.default_rng(4).uniform(-2, 2, (20, 40))
    np.testing.assert_allclose(loss.value(points), twin(list(points.T), _Numpy), rtol=1e-12)
    assert loss.value(loss.minima[0]) == pytest.approx(loss.minimum, rel=1e-14, abs=1e-12)


class TestQuadratic:
    def test_any_matrix_and_vector(self):
        random = np.random.default_rng(5)
        for n in (1, 2, 6):
            matrix = random.normal(size=(n, n))
            matrix, vector = matrix + matrix.T, random.normal(size=n)
            loss = quadratic(matrix, vector)
            x = random.normal(size=(7, n))
            expected = 0.5 * np.einsum("ki,ij,kj->k", x, matrix, x) - x @ vector
            np.testing.assert_allclose(loss.value(x), expected, rtol=1e-12, atol=1e-13)
            np.testing.assert_allclose(loss.grad(x), x @ matrix - vector, rtol=1e-12, atol=1e-13)
            np.testing.assert_allclose(loss.hess(x[0]), matrix, rtol=1e-15)

    def test_ill_conditioned_minimiser_keeps_its_digits(self):
        n = 8
        hilbert = [[1.0 / (i + j + 1) for j in range(n)] for i in range(n)]  # condition 1.5e10
        vector = [1.0] * n
        loss = quadratic(hilbert, vector)
        with mpmath.workdps(60):
            matrix = mpmath.matrix([[mpmath.mpf(repr(a)) for a in row] for row in hilbert])
            x = mpmath.lu_solve(matrix, mpmath.matrix(vector))
            for number, truth in zip(loss.minima[0], x, strict=True):
                assert abs(number - truth) <= 2 * EPS * abs(truth)
            least = -mpmath.fdot(vector, x) / 2
            assert abs(loss.minimum - least) <= 2 * EPS * abs(least)

    def test_scale_does_not_hide_definiteness(self):
        loss = quadratic(np.diag([1.0, 1e-30, 1e30]), b=[1.0, 1e-30, 1e30])
        assert loss.minima == ((1.0, 1.0, 1.0),)
        assert loss.minimum == pytest.approx(-5e29)

    @pytest.mark.parametrize("matrix", [np.zeros((2, 2)), [[1, 1], [1, 1]], [[1, 2], [2, 1]], -1.0])
    def test_no_minimum_unless_positive_definite(self, matrix):
        loss = quadratic(matrix)
        assert loss.minimum is None and not loss.minima
        assert loss.n == len(np.atleast_2d(matrix))
        assert loss.value(np.ones(loss.n)) == np.sum(matrix) / 2

    def test_minimiser_outside_the_doubles_is_not_stated(self):
        assert quadratic(1e-300, b=1e300).minimum is None

    def test_zero_vector_and_scalar(self):
        loss = quadratic(2)
        assert (loss.minimum, loss.minima) == (0.0, ((0.0,),))
        assert quadratic(2, b=3).minima == ((1.5,),)

    def test_dense_matrix_of_full_decimals(self):
        n = 33
        matrix = np.random.default_rng(6).normal(size=(n, n)) / 100  # exponents make long decimals
        matrix = matrix + matrix.T + np.eye(n)
        loss = quadratic(matrix, matrix @ np.ones(n))
        np.testing.assert_allclose(loss.minima[0], np.ones(n), rtol=1e-13)

    def test_long_diagonal(self):
        spectrum = np.linspace(1.0, 9.0, 60)
        loss = quadratic(np.diag(spectrum), b=spectrum)
        assert loss.minima == ((1.0,) * 60,)
        assert loss.value(np.zeros(60)) == 0.0

    @pytest.mark.parametrize(
        "arguments, error, message",
        [
            (([[1.0, 2.0]],), ValueError, r"^A must have shape \(n, n\)"),
            (([1.0, 2.0],), ValueError, r"^A must have shape \(n, n\)"),
            ((np.zeros((0, 0)),), ValueError, r"^A must have shape \(n, n\)"),
            (([[1.0, 2.0], [3.0]],), ValueError, "^A must .*different lengths"),
            (([[1.0, 2.0], [2.5, 1.0]],), ValueError, r"^A must be symmetric.* 0\.5; \(A"),
            (([[1.0, np.nan], [np.nan, 1.0]],), ValueError, "^A must be finite"),
            (([[np.inf]],), ValueError, "^A must be finite"),
            (([["a"]],), TypeError, "^A must be real"),
            (([[1j]],), TypeError, "^A must be real"),
            ((True,), TypeError, "^A must be real"),
            ((np.eye(2), [1.0]), ValueError, r"^b must have shape \(2,\)"),
            ((np.eye(2), [[1.0, 2.0]]), ValueError, r"^b must have shape \(2,\)"),
            ((np.eye(2), [1.0, np.inf]), ValueError, "^b must be finite"),
            ((np.eye(2), "ab"), TypeError, "^b must be real"),
            ((np.ones((200, 200)),), ValueError, r"^A must have fewer .*Loss\.from_kernel"),
            ((np.eye(201),), ValueError, r"^A must have n <= 200, got n = 201; .*from_kernel"),
        ],
    )
    def test_refusals(self, arguments, error, message):
        with pytest.raises(error, match=message):
            quadratic(*arguments)


@pytest.mark.parametrize("make, least", [(rosenbrock, 2), (styblinski_tang, 1), (rastrigin, 1)])
@pytest.mark.parametrize("bad", [True, np.True_, 2.0, "2", None, [2]])
def test_dimension_must_be_an_integer(make, least, bad):
    with pytest.raises(TypeError, match=f"^n must be an integer >= {least}, got "):
        make(bad)


@pytest.mark.parametrize("make, least", [(rosenbrock, 2), (styblinski_tang, 1), (rastrigin, 1)])
def test_dimension_has_a_range(make, least):
    for bad in (least - 1, -3):
        with pytest.raises(ValueError, match=f"^n must be an integer >= {least}, got {bad}"):
            make(bad)
    with pytest.raises(ValueError, match=r"^n must be at most 200, got 201; .*Loss\.from_kernel"):
        make(201)
    assert make(200).n == 200


def test_catalogue_names_every_landscape_and_its_source():
    losses = catalogue()
    makers = [name for name in landscapes.__all__ if name != "catalogue"]
    assert sorted(loss.name for loss in losses) == sorted(makers)
    for loss in losses:
        assert len(loss.reference) > 10
        assert (loss.minimum is None) == (loss.name == "saddle")
        assert all(len(x) == loss.n and all(type(v) is float for v in x) for x in loss.minima or ())
