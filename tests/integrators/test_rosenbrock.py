"""The coefficients of the Rosenbrock methods against the theory, in 50 digits."""

from itertools import combinations_with_replacement
from math import factorial

import mpmath
import pytest

from flowopt.integrators.tableaus import RODAS5P

mpmath.mp.dps = 50
S = RODAS5P.stages


def number(text):
    return mpmath.mpf(text)


def lower(rows):
    return mpmath.matrix([[number(v) for v in row] + [0] * (S - len(row)) for row in rows])


GAMMA = mpmath.inverse(mpmath.eye(S) / number(RODAS5P.gamma) - lower(RODAS5P.coupling))
ALPHA = lower(RODAS5P.a) * GAMMA
BETA = ALPHA + GAMMA
B = mpmath.matrix([[number(v) for v in RODAS5P.b]])
ERROR = mpmath.matrix([[number(v) for v in RODAS5P.error]])
BEND = [mpmath.matrix([[number(v) for v in row]]) for row in RODAS5P.bend]


def trees(order):
    """All rooted trees with `order` vertices, as sorted tuples of subtrees."""
    if order == 1:
        return [()]
    found = set()

    def parts(left, most):
        if left == 0:
            yield []
        for size in range(min(left, most), 0, -1):
            for rest in parts(left - size, size):
                yield [size, *rest]

    for split in parts(order - 1, order - 1):
        made = [()]
        for size in sorted(set(split)):
            groups = combinations_with_replacement(trees(size), split.count(size))
            groups = list(groups)
            made = [old + new for old in made for new in groups]
        found |= {tuple(sorted(t)) for t in made}
    return sorted(found)


def size(tree):
    return 1 + sum(map(size, tree))


def density(tree):
    made = size(tree)
    for child in tree:
        made *= density(child)
    return made


def weights(tree):
    """Φ_i of a tree (Hairer & Wanner II, Theorem IV.7.?): β at a vertex with one child, else α."""
    made = mpmath.ones(S, 1)
    for child in tree:
        inner = (BETA if len(tree) == 1 else ALPHA) * weights(child)
        made = mpmath.matrix([a * b for a, b in zip(made, inner, strict=True)])
    return made


def defect(row, tree, theta=1):
    """What is missing in the order condition Σ b_i Φ_i = θ^ρ/γ of a tree."""
    return abs((row * GAMMA * weights(tree))[0] - mpmath.mpf(theta)**size(tree) / density(tree))


def test_the_trees_are_all_there():
    assert [len(trees(q)) for q in range(1, 6)] == [1, 1, 2, 4, 9]
    assert [sum(factorial(q) // density(t) for t in trees(q)) >= 1 for q in range(1, 6)]


@pytest.mark.parametrize("order", [1, 2, 3, 4, 5])
def test_order_conditions(order):
    assert max(defect(B, t) for t in trees(order)) < 2e-14
    if order <= 4:
        assert max(defect(B - ERROR, t) for t in trees(order)) < 2e-14
        for theta in (mpmath.mpf(1) / 7, mpmath.mpf("0.5"), mpmath.mpf("0.9")):
            bent = theta * B + theta * (1 - theta) * (BEND[0] + theta * BEND[1]
                                                      + theta**2 * BEND[2])
            assert max(defect(bent, t, theta) for t in trees(order)) < 2e-14


def test_orders_are_not_higher_than_told():
    assert max(defect(B, t) for t in trees(6)) > 1e-5
    assert max(defect(B - ERROR, t) for t in trees(5)) > 1e-5
    half = mpmath.mpf("0.5")
    bent = half * B + half**2 * (BEND[0] + half * BEND[1] + half**2 * BEND[2])
    assert max(defect(bent, t, half) for t in trees(5)) > 1e-5


def stability(z):
    """R(z) = 1 + z bᵀ(I − zβ)⁻¹1: the step on ẏ = λy, with z = hλ."""
    inner = mpmath.lu_solve(mpmath.eye(S) - z * BETA, mpmath.ones(S, 1))
    return 1 + z * (B * GAMMA * inner)[0]


def test_a_stable_and_l_stable():
    """|R| ≤ 1 on the imaginary axis and R has no pole on the left: A-stable; R(∞) = 0."""
    for k in range(-30, 31):
        y = mpmath.mpf(10) ** (mpmath.mpf(k) / 10)
        assert abs(stability(mpmath.mpc(0, y))) <= 1 + mpmath.mpf(10) ** -14
    for k in range(1, 9):
        assert abs(stability(-mpmath.mpf(10)**k)) < 1
    assert abs(stability(-mpmath.mpf(10)**9)) < 1e-6  # R(∞) = 0 to the digits that are printed
    assert number(RODAS5P.gamma) > 0  # the only pole is 1/γ
