"""The complementarity problem of sliding: solutions, uniqueness, and the failing sides."""

import itertools

import numpy as np
import pytest

from flowopt.integrators.filippov import choices


def solves(q, R, u, tolerance=1e-9):
    w = q + R @ u
    size = np.abs(q) + np.abs(R).sum(axis=1)
    return all(abs(w[i]) <= tolerance * size[i] or (u[i] == 1 and w[i] > 0)
               or (u[i] == -1 and w[i] < 0) for i in range(len(q))) and np.abs(u).max() <= 1


def box_minimum(q, M):
    """The minimiser of ½ uᵀMu − qᵀu over the box, by projected coordinate descent."""
    u = np.zeros(len(q))
    for _ in range(20_000):
        before = u.copy()
        for i in range(len(q)):
            u[i] = np.clip(u[i] + (q[i] - M[i] @ u) / M[i, i], -1.0, 1.0)
        if np.abs(u - before).max() < 1e-15:
            break
    return u


@pytest.mark.parametrize("k", [1, 2, 3, 5, 12, 50])
def test_symmetric_definite_problems_are_box_minima(k):
    """For w = q − M u with M > 0 the solution minimises ½ uᵀMu − qᵀu over the box."""
    rng = np.random.default_rng(k)
    for scale in (0.1, 1.0, 10.0):
        factor = rng.normal(size=(k, k))
        M = factor @ factor.T + 0.3 * np.eye(k)
        q = scale * rng.normal(size=k)
        found = choices(q, -M, np.ones(k))
        assert len(found.u) == 1 and found.complete
        assert solves(q, -M, found.u[0])
        assert np.abs(found.u[0] - box_minimum(q, M)).max() < 1e-8


@pytest.mark.parametrize("seed", range(30))
def test_small_problems_against_all_cases_by_hand(seed):
    """Random R, not symmetric nor definite: exactly the solutions of the 27 cases."""
    rng = np.random.default_rng(seed)
    q, R = rng.normal(size=3), rng.normal(size=(3, 3))
    expected = []
    for case in itertools.product((0, 1, -1), repeat=3):
        u = np.array(case, dtype=float)
        s = u == 0
        if s.any():
            u[s] = np.linalg.solve(R[np.ix_(s, s)], -(q + R @ u)[s])
        if solves(q, R, u):
            expected.append(u)
    found = choices(q, R, np.ones(3))
    assert len(found.u) == len(expected)
    for u in expected:
        assert min(np.abs(u - v).max() for v in found.u) < 1e-9


def test_a_p_matrix_that_is_not_definite_has_one_solution():
    M = np.array([[1.0, 3.0], [0.0, 1.0]])  # both principal minors positive; not positive definite
    for q in np.random.default_rng(0).normal(size=(50, 2)) * 3:
        found = choices(q, -M, np.ones(2))
        assert len(found.u) == 1 and solves(q, -M, found.u[0])


def test_crossing_is_decided_without_a_case():
    found = choices(np.array([3.0, -5.0]), np.array([[-1.0, 1.0], [1.0, -1.0]]), np.ones(2))
    assert [u.tolist() for u in found.u] == [[1.0, -1.0]]


def test_a_surface_that_repels_has_three_choices():
    found = choices(np.zeros(1), np.ones((1, 1)), np.ones(1))
    assert sorted(u[0] for u in found.u) == [-1.0, 0.0, 1.0]


def test_no_choice():
    """w1 = u2, w2 = −u1 has u = 0 only; with q = (2, 0): u1 = 1, then w2 = −1, u2 = −1."""
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    assert [u.tolist() for u in choices(np.zeros(2), turn, np.ones(2)).u] == [[0.0, 0.0]]
    assert [u.tolist() for u in choices(np.array([2.0, 0.0]), turn, np.ones(2)).u] == [[1.0, -1.0]]


def test_a_surface_along_which_the_motion_runs_keeps_its_side():
    found = choices(np.zeros(1), np.zeros((1, 1)), -np.ones(1))
    assert [u.tolist() for u in found.u] == [[-1.0]]
