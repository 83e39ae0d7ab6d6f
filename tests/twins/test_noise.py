"""The twins of random numbers and of methods with noise."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import reference as ref


def test_sra1_meets_the_order_conditions():
    """Rossler (2010), order 1.5 for additive noise, in rational arithmetic."""
    a, b1, b2, A0, B0, c0, c1 = ([[Fraction(v).limit_denominator(12) for v in np.atleast_1d(row)]
                                  for row in ref.SRA1[k]]
                                 for k in ("alpha", "beta1", "beta2", "A0", "B0", "c0", "c1"))
    a, b1, b2, c0, c1 = ([row[0] for row in rows] for rows in (a, b1, b2, c0, c1))

    def dot(x, y):
        return sum(p * q for p, q in zip(x, y, strict=True))

    inner = [sum(row) for row in B0]
    assert sum(a) == 1 and sum(b1) == 1 and sum(b2) == 0
    assert dot(a, inner) == 1 and dot(a, [v * v for v in inner]) == Fraction(3, 2)
    assert dot(a, [sum(row) for row in A0]) == Fraction(1, 2) and c0 == [sum(row) for row in A0]
    assert dot(b1, c1) == 1 and dot(b2, c1) == -1


def test_normal_twin():
    """The two numbers of a counter are Box and Muller's, and far places give other numbers."""
    u, quarter, f = ref.polar((2**31, 0, 3 << 30, 0))
    assert u == 0.5 + 2.0**-53 and quarter == 3 and f == -0.5 + 2.0**-53
    got = ref.box_muller((2**31, 0, 2**30 + 2**29, 0))  # a quarter turn, f = 2**-53
    assert got == pytest.approx((-np.sqrt(2 * np.log(2)) * np.pi * 2.0**-54,
                                 np.sqrt(2 * np.log(2))), rel=1e-14)
    places = [(0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 2, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1),
              (0, 2**33, 0, 0), (0, 0, 0, 2**32), (0, 0, 0, 0, 1)]
    assert len({ref.normal(*place) for place in places}) == len(places)


@pytest.mark.parametrize("fine", [1, 6])
def test_brownian_twin(fine):
    """The covariance of dW and dZ over a step is [[h, h**2/2], [h**2/2, h**3/3]]."""
    h, count = 0.8, 1500
    dW, dZ = ref.brownian(1, count, h, 0, 7, fine)
    exact = np.array([[h, h**2 / 2], [h**2 / 2, h**3 / 3]])
    both = np.hstack([dW, dZ])
    error = np.sqrt((np.outer(exact.diagonal(), exact.diagonal()) + exact**2) / count)
    assert (abs(both.T @ both / count - exact) < 4 * error).all()
