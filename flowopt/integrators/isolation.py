"""Real roots of a polynomial on [0, 1], isolated in the Bernstein basis.

A polynomial with coefficients b_0 … b_n in the basis C(n, j) θ^j (1 − θ)^(n−j) has at most as many
roots in (0, 1) as the b_j change sign, and exactly one when they change sign once (Descartes' rule;
Lane & Riesenfeld, BIT 21 (1981) 112). De Casteljau's algorithm halves the interval.
"""

from __future__ import annotations

import functools

import numpy as np

#: nodes of the interpolation: a polynomial of degree 8 is found exactly
NODES = 9
#: halvings after which an interval with several sign changes is left as it is
DEEPEST = 40


@functools.cache
def nodes() -> np.ndarray:
    """Return the Chebyshev nodes of the second kind on [0, 1], ends included."""
    return 0.5 - 0.5 * np.cos(np.pi * np.arange(NODES) / (NODES - 1))


@functools.cache
def to_bernstein() -> np.ndarray:
    """Return the matrix from values at the nodes to Bernstein coefficients."""
    from math import comb

    n, x = NODES - 1, nodes()
    basis = np.array([[comb(n, j) * v**j * (1 - v)**(n - j) for j in range(NODES)] for v in x])
    return np.linalg.inv(basis)


def variations(b: np.ndarray) -> int:
    """Return how often the sign changes along b, zeros left out."""
    signs = np.sign(b[b != 0.0])
    return int((signs[1:] != signs[:-1]).sum())


def halved(b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the coefficients on the two halves of the interval."""
    left, right = [b[0]], [b[-1]]
    while len(b) > 1:
        b = (b[:-1] + b[1:]) / 2
        left.append(b[0])
        right.append(b[-1])
    return np.array(left), np.array(right[::-1])


def isolated(b: np.ndarray) -> list[float]:
    """Return points between which the polynomial changes sign once or not at all.

    They are the ends of [0, 1] and of each interval found to hold one root, in increasing order.
    """
    points = {0.0, 1.0}
    stack = [(0.0, 1.0, b, 0)]
    while stack:
        low, high, part, depth = stack.pop()
        count = variations(part)
        if count == 0:
            continue
        if count == 1 or depth == DEEPEST:
            points |= {low, high}
            continue
        left, right = halved(part)
        middle = (low + high) / 2
        stack += [(low, middle, left, depth + 1), (middle, high, right, depth + 1)]
    return sorted(points)
