"""LU with partial pivoting: compiled, run as Python, and judged by numpy."""

import numpy as np
import pytest

from flowopt import _native
from flowopt._compiler import compiled
from flowopt._language import Int, Ints, Reals
from flowopt.integrators.kernels.linear import factor, solve


def both(a: Reals, pivots: Ints, b: Reals, n: Int) -> Int:
    if not factor(a, pivots, n):
        return 0
    solve(a, pivots, b, n)
    return 1


@pytest.fixture(scope="module")
def machine():
    made = compiled(both, {}, vectorise=False)
    unit = _native.resident({}, {"both": made})
    return unit, _native.Function(unit.addresses["both"], "pppi")


@pytest.mark.parametrize("n", [1, 2, 3, 7, 40])
def test_solves_as_numpy_does(machine, n):
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=(n, n)), rng.normal(size=n)
    expected = np.linalg.solve(a, b)
    for run in (machine[1], both):
        matrix, right = a.copy(), b.copy()
        flat = matrix.ravel() if run is both else matrix
        assert run(flat, np.zeros(n, dtype=np.int64), right, n) == 1
        assert np.abs(right - expected).max() <= 1e-13 * np.linalg.cond(a) * np.abs(expected).max()


def test_rows_are_exchanged(machine):
    a = np.array([[1e-20, 1.0, 0.0], [1.0, 1.0, 2.0], [0.0, 3.0, 1.0]])
    x = np.array([1.0, 2.0, 3.0])
    b = a @ x
    assert machine[1](a, np.zeros(3, dtype=np.int64), b, 3) == 1
    assert np.allclose(b, x, rtol=1e-15)


@pytest.mark.parametrize("a", [
    [[0.0]], [[np.nan]], [[np.inf]], [[1.0, 2.0], [2.0, 4.0]], [[1.0, np.nan], [0.0, 1.0]],
    [[1.0, 0.0], [np.nan, 1.0]], [[1.0, np.inf], [0.0, 1.0]], [[0.0, 1.0], [0.0, 1.0]]])
def test_a_singular_or_broken_matrix_is_told(machine, a):
    matrix = np.array(a)
    n = len(matrix)
    assert machine[1](matrix, np.zeros(n, dtype=np.int64), np.ones(n), n) == 0
