"""Every tableau satisfies its order conditions, in rational arithmetic, and no more.

A rooted tree t gives one order condition, sum_s b_s u_s(t) = 1/gamma(t) (Hairer, Norsett, Wanner,
Solving Ordinary Differential Equations I, Theorem II.2.13); for an interpolant the right side is
theta^|t| / gamma(t). The tableaus given as ratios satisfy them exactly. The largest residuals
measured for the other two: Tsit5, given to 40 decimals, 2.2e-40 (step and error) and 4.7e-39
(dense); DOP853, whose source prints 30 digits, 2.9e-29 (step), 4.7e-28 (error) and 3.1e-26 (dense).
"""

import pickle
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

from flowopt.integrators.tableaus import (
    DOP853,
    DOPRI5,
    EULER,
    HEUN,
    MIDPOINT,
    RK4,
    TSIT5,
    Tableau,
)

TABLEAUS = [EULER, HEUN, MIDPOINT, RK4, DOPRI5, TSIT5, DOP853]
ADAPTIVE = [DOPRI5, TSIT5, DOP853]
TOLERANCE = {"Tsit5": Fraction(1, 10**38), "DOP853": Fraction(1, 10**25)}  # else 0: exact

Tree = tuple  # the tuple of the subtrees at the root, sorted; () is a single node

every = pytest.mark.parametrize("tableau", TABLEAUS, ids=lambda tableau: tableau.name)
adaptive = pytest.mark.parametrize("tableau", ADAPTIVE, ids=lambda tableau: tableau.name)


def grafts(tree: Tree) -> Iterator[Tree]:
    """Yield the trees with one leaf more."""
    yield tuple(sorted((*tree, ())))
    for i, child in enumerate(tree):
        for grown in grafts(child):
            yield tuple(sorted((*tree[:i], grown, *tree[i + 1:])))


@cache
def trees(order: int) -> tuple[Tree, ...]:
    """Return all rooted trees with `order` nodes."""
    if order == 1:
        return ((),)
    return tuple(sorted({grown for tree in trees(order - 1) for grown in grafts(tree)}))


def size(tree: Tree) -> int:
    return 1 + sum(map(size, tree))


def gamma(tree: Tree) -> int:
    product = size(tree)
    for child in tree:
        product *= gamma(child)
    return product


def rational(row) -> list[Fraction]:
    return [Fraction(entry) for entry in row]


@cache
def all_rows(tableau: Tableau) -> list[list[Fraction]]:
    """Return the rows of a over all stages: y_1 is the argument of stage S, then dense ones."""
    return [rational(row) for row in
            (*tableau.a, *([tableau.b] if tableau.fsal else []), *tableau.dense_a)]


@cache
def stage_weights(tableau: Tableau, tree: Tree) -> list[Fraction]:
    """Return u_s(tree) = prod over children of sum_r a_sr u_r(child)."""
    weights = [Fraction(1)] * tableau.total_stages
    for child in tree:
        inner = stage_weights(tableau, child)
        weights = [
            weight * sum((a * u for a, u in zip(row, inner, strict=False) if a), Fraction(0))
            for weight, row in zip(weights, all_rows(tableau), strict=True)
        ]
    return weights


def elementary(tableau: Tableau, weights: list[Fraction], tree: Tree) -> Fraction:
    return sum((w * u for w, u in zip(weights, stage_weights(tableau, tree), strict=False)),
               Fraction(0))


def step_residual(tableau: Tableau, weights: list[Fraction], order: int) -> Fraction:
    """Return the worst residual of the conditions of this order alone."""
    return max(abs(elementary(tableau, weights, tree) - Fraction(1, gamma(tree)))
               for tree in trees(order))


def dense_residual(tableau: Tableau, order: int) -> Fraction:
    """Return the worst coefficient of sum_s P_s(theta) u_s(t) - theta^order / gamma(t)."""
    columns = list(zip(*map(rational, tableau.dense), strict=True))
    columns += [(Fraction(0),) * tableau.total_stages] * (order - len(columns))
    return max(
        abs(elementary(tableau, column, tree) - (Fraction(1, gamma(tree)) if power == order else 0))
        for tree in trees(order) for power, column in enumerate(columns, start=1)
    )


def tolerance(tableau: Tableau) -> Fraction:
    return TOLERANCE.get(tableau.name, Fraction(0))


def test_number_of_rooted_trees():
    assert [len(trees(order)) for order in range(1, 10)] == [1, 1, 2, 4, 9, 20, 48, 115, 286]


@every
def test_row_sums_are_nodes(tableau):
    first = tableau.stages + tableau.fsal
    rows, nodes = list(tableau.a), rational(tableau.c)
    sums = [sum(rational(row)) for row in rows + list(tableau.dense_a)]
    for total, node in zip(sums, nodes + rational(tableau.dense_c), strict=True):
        assert abs(total - node) <= tolerance(tableau)
    assert [len(row) for row in rows] == list(range(tableau.stages))
    assert [len(row) for row in tableau.dense_a] == list(range(first, tableau.total_stages))


@every
def test_step_has_its_order_and_no_more(tableau):
    weights = rational(tableau.b)
    for order in range(1, tableau.order + 1):
        assert step_residual(tableau, weights, order) <= tolerance(tableau), order
    # DOP853 comes closest to one order more: 2.7e-5.
    assert step_residual(tableau, weights, tableau.order + 1) > 1e-5


@adaptive
def test_embedded_weights_have_their_order_and_no_more(tableau):
    b = rational(tableau.b) + [Fraction(0)]
    assert len(tableau.error) == len(tableau.error_orders)
    for row, order in zip(tableau.error, tableau.error_orders, strict=True):
        error = rational(row)
        assert abs(sum(error)) <= tolerance(tableau)
        hat = [weight - e for weight, e in zip(b, error, strict=True)]
        for k in range(1, order + 1):
            assert step_residual(tableau, hat, k) <= tolerance(tableau), k
        assert step_residual(tableau, hat, order + 1) > 1e-4


@every
def test_interpolant_has_its_order_and_no_more(tableau):
    for order in range(1, tableau.dense_order + 1):
        assert dense_residual(tableau, order) <= tolerance(tableau), order
    assert dense_residual(tableau, tableau.dense_order + 1) > 1e-4


@every
def test_interpolant_joins_the_steps(tableau):
    matrix = [rational(row) for row in tableau.dense]
    b = rational(tableau.b)
    padded = b + [Fraction(0)] * (tableau.total_stages - tableau.stages)
    assert [sum(row) for row in matrix] == padded  # y(t + h) = y_1, exactly

    def unit(stage):
        return [int(s == stage) for s in range(tableau.total_stages)]

    assert [row[0] for row in matrix] == unit(0)  # slope K_0 at theta = 0
    if tableau.fsal:
        slope = [sum(power * p for power, p in enumerate(row, start=1)) for row in matrix]
        assert slope == unit(tableau.stages)  # slope f(t + h, y_1) at theta = 1: C1


ARRAYS = ["c", "a", "b", "error", "dense", "dense_c", "dense_a"]


@every
@pytest.mark.parametrize("part", ARRAYS)
def test_arrays_are_the_nearest_floats_and_cannot_be_written(tableau, part):
    array = getattr(tableau, f"{part}_array")
    assert array.dtype == np.float64
    assert array.flags.c_contiguous and not array.flags.writeable
    assert getattr(tableau, f"{part}_array") is array
    rows = getattr(tableau, part)
    if part in ("c", "b", "dense_c"):
        array, rows = array[np.newaxis], (rows,)
    for values, row in zip(array, rows, strict=True):
        assert values[:len(row)].tolist() == [float(Fraction(entry)) for entry in row]
        assert not values[len(row):].any()
    with pytest.raises(ValueError, match="read-only"):
        array[...] = 0.0


@pytest.mark.parametrize(("tableau", "stages", "extra", "degree", "rows"), [
    (EULER, 1, 0, 1, 0), (HEUN, 2, 0, 2, 0), (MIDPOINT, 2, 0, 2, 0), (RK4, 4, 0, 3, 0),
    (DOPRI5, 6, 0, 4, 1), (TSIT5, 6, 0, 4, 1), (DOP853, 12, 3, 7, 2),
], ids=lambda value: getattr(value, "name", None))
def test_shapes(tableau, stages, extra, degree, rows):
    total = stages + (rows > 0) + extra
    assert (tableau.stages, tableau.total_stages) == (stages, total)
    assert tableau.adaptive is tableau.fsal is (rows > 0)
    assert tableau.c_array.shape == tableau.b_array.shape == (stages,)
    assert tableau.a_array.shape == (stages, stages)
    assert tableau.error_array.shape == (rows, stages + 1)
    assert tableau.dense_array.shape == (total, degree)
    assert tableau.dense_c_array.shape == (extra,)
    assert tableau.dense_a_array.shape == (extra, total)


def test_step_control():
    assert [t.error_order for t in TABLEAUS] == [0, 0, 0, 0, 4, 4, 7]
    for tableau in ADAPTIVE:
        alpha, beta = tableau.alpha64 / 64, tableau.beta64 / 64
        # Between them the two exponents must not exceed the deadbeat 1/(q + 1) by much (stability
        # of the controller), and alpha - beta is the gain that removes a lasting error.
        assert 0 < alpha - beta < alpha <= 1 / (tableau.error_order + 1)
    for tableau in (EULER, HEUN, MIDPOINT, RK4):
        assert (tableau.alpha64, tableau.beta64) == (0, 0)


def test_scipy_has_the_same_dopri5():
    rk45 = pytest.importorskip("scipy.integrate").RK45
    np.testing.assert_array_equal(DOPRI5.c_array, rk45.C)
    np.testing.assert_allclose(DOPRI5.a_array[:, :5], rk45.A, rtol=1e-15)
    np.testing.assert_allclose(DOPRI5.b_array, rk45.B, rtol=1e-15)
    np.testing.assert_allclose(DOPRI5.error_array[0], -rk45.E, rtol=1e-15)
    np.testing.assert_allclose(DOPRI5.dense_array, rk45.P, rtol=1e-15)


def test_scipy_has_the_same_dop853():
    dop853 = pytest.importorskip("scipy.integrate").DOP853
    np.testing.assert_allclose(DOP853.c_array, dop853.C, rtol=1e-15)
    np.testing.assert_allclose(DOP853.a_array, dop853.A, rtol=1e-15)
    np.testing.assert_allclose(DOP853.b_array, dop853.B, rtol=1e-15)
    np.testing.assert_allclose(DOP853.error_array, [dop853.E5, dop853.E3], rtol=1e-14)
    np.testing.assert_allclose(DOP853.dense_c_array, dop853.C_EXTRA, rtol=1e-15)
    np.testing.assert_allclose(DOP853.dense_a_array, dop853.A_EXTRA, rtol=1e-15)
    # The nested form of the interpolant (dop853.f, contd8) against the powers, at one theta.
    theta, end = 0.3, np.eye(16)[12]
    b, start = np.pad(DOP853.b_array, (0, 4)), np.eye(16)[0]
    factors = [b, start - b, 2 * b - start - end, *dop853.D]
    nested = np.zeros(16)
    for i, factor in enumerate(reversed(factors)):
        nested = (nested + factor) * (theta if i % 2 == 0 else 1 - theta)
    powers = DOP853.dense_array @ theta ** np.arange(1, 8)
    np.testing.assert_allclose(powers, nested, atol=1e-12)


def test_published_interpolant_of_tsit5():
    # The factored polynomials as printed in the paper, to the digits printed.
    def poly(*factors):
        product = np.polynomial.Polynomial([1.0])
        for factor in factors:
            product *= np.polynomial.Polynomial(factor)
        return product.coef[1:]

    square = [0, 0, 1]
    printed = [
        poly([-1.0530884977290216], [0, 1], [-1.3299890189751412, 1],
             [0.7139816917074209, -1.4364028541716351, 1]),
        poly([0.1017], square, [1.2949852507374631, -2.1966568338249754, 1]),
        poly([2.490627285651252793], square, [1.57803468208092486, -2.38535645472061657, 1]),
        poly([-16.54810288924490272], [-1.21712927295533244, 1], [-0.61620406037800089, 1], square),
        poly([47.37952196281928122], [-1.203071208372362603, 1], [-0.658047292653547382, 1],
             square),
        poly([-34.87065786149660974], [-1.2, 1], [-0.666666666666666667, 1], square),
        poly([2.5], [-1, 1], [-0.6, 1], square),
    ]
    np.testing.assert_allclose(TSIT5.dense_array, printed, rtol=2e-15, atol=1e-16)


def test_a_copy_is_equal_and_still_cannot_be_written():
    again = pickle.loads(pickle.dumps(DOP853))
    assert again == DOP853 and hash(again) == hash(DOP853)
    assert not again.dense_array.flags.writeable


@pytest.mark.parametrize(("change", "error", "message"), [
    ({"order": 0}, ValueError, "order of tableau 'Heun' must be an integer >= 1"),
    ({"b": ("1/2", 0.5)}, TypeError, r"b of tableau 'Heun' must be text such as '1/6'.*0\.5"),
    ({"b": ("1/2", "half")}, ValueError, "b of tableau 'Heun' must be a number.*'half'"),
    ({"b": ("1/2", "1/0")}, ValueError, "must be a number.*'1/0'"),
    ({"b": ("1/2", "inf")}, ValueError, "must be a number.*'inf'"),
    ({"b": ("1/2",)}, ValueError, r"b of tableau 'Heun' must have rows of length \[2\], got \[1\]"),
    ({"b": ("1/2", "1/3"), "dense": (("1", "-1/2"), ("0", "1/3"))}, ValueError, "must have sum 1"),
    ({"a": ((), ("1/2",))}, ValueError, "rows that sum to c, but is off by 0.5"),
    ({"a": (("1",),)}, ValueError, r"must have rows of length \[0, 1\], got \[1\]"),
    ({"dense": (("1", "-1/2"),)}, ValueError, r"dense .* length \[2, 2\], got \[2\]"),
    ({"dense": (("1", "-1/2"), ("0", "1"))}, ValueError, "rows that sum to b"),
    ({"error": (("1/2", "-1/2"),)}, ValueError, "one entry of error_orders for each"),
    ({"error": (("1/2", "-1/2"),), "error_orders": (1,)}, ValueError, "must be > 0 with an error"),
    ({"error": (("1/2", "1/2"),), "error_orders": (1,), "alpha64": 32}, ValueError,
     "rows that sum to 0"),
    ({"alpha64": 32}, ValueError, "0 without"),
    ({"dense_c": ("1/2",)}, ValueError, "must have rows of length"),
])
def test_a_wrong_tableau_is_refused(change, error, message):
    with pytest.raises(error, match=message):
        replace(HEUN, **change)
