"""One-variable inequalities: exact at any margin, against numpy's roots and known factors."""

import random
from fractions import Fraction

import numpy as np
import pytest
from stability.polynomial_cases import judge, survivors

from flowopt.stability.algebra import sturm
from flowopt.stability.checks import inequality
from flowopt.stability.checks.algebra import at, number, polynomial, ring
from flowopt.stability.exact import Refused

R = ring(("x",))
X = R.gens[0]
TINY = number("1/1000000000000")


def poly(text):
    return polynomial(text, R)


@pytest.mark.parametrize("p, relation, box, point, true", [
    ("x**4 - x**2 + 1/4", ">=", None, 0, True),
    ("x**4 - x**2 + 1/4", ">", None, 0, False),
    ("x**4 - x**2 + 1/4 - 1/10**12", ">=", None, 0, False),
    ("x**4 - x**2 + 1/4 + 1/10**12", ">", None, 0, True),
    ("x**2*(x**2 + 1)**2", "off", None, 0, True),
    ("x**2*(x - 1)**2", "off", None, 0, False),
    ("x**2*(x**2 - 2)**2", "off", None, 0, False),
    ("(x - 1)**6", "off", None, 1, True),
    ("(x - 1)**6", "off", None, 0, False),
    ("x*(1 - x)", ">=", (0, 1), 0, True),
    ("x*(1 - x)", ">", (0, 1), 0, False),
    ("x*(1 - x)", ">=", (0, "1000001/1000000"), 0, False),
    ("x**3", ">", (1, 2), 0, True),
    ("x**3", "off", (0, 2), 0, True),
    ("x**3", "off", (-2, 0), 0, False),
    ("-x**3", "off", (-2, 0), 0, True),
    ("x**3", "off", (-1, 2), 0, False),
    ("x**2 - 2", ">", ("3/2", 2), 0, True),
    ("x**2 - 2", ">", ("14/10", 2), 0, False),
    ("-x**2", ">=", None, 0, False),
    ("3", ">", None, 0, True),
    ("-3", ">=", None, 0, False),
    ("(x**2 - 2)**2", ">=", None, 0, True),
    ("(x**2 - 2)**2*(x - 5)", ">=", (-2, 5), 0, False),
    ("(x**2 - 2)**2*(x - 5)", ">=", (5, 6), 0, True),
    ("x**20 + x + 1", ">", None, 0, True),
    ("x**20 + 2*x + 1", ">", None, 0, False)])
def test_known(p, relation, box, point, true):
    box = [tuple(Fraction(a) for a in box)] if box else None
    point = [Fraction(point)]
    made = sturm.prove(poly(p), relation, point, box)
    assert (made is not None) == true
    broken = sturm.witness(poly(p), relation, point, box)
    assert (broken is None) == true
    if made:
        inequality.check(poly(p), relation, made, point, box)
        with pytest.raises(Refused):
            inequality.check(poly(p) - 1000, relation, made, point, box)
    elif "x" in broken:
        assert at(poly(p), [broken["x"]]) <= 0


@pytest.mark.parametrize("seed", range(60))
def test_fuzz_against_known_roots(seed):
    """Products of known factors: nonnegative exactly when every real root is double."""
    rng = random.Random(seed)
    roots = [(Fraction(rng.randint(-9, 9), rng.randint(1, 5)), rng.randint(1, 3))
             for _ in range(rng.randint(0, 3))]
    p = R.one * rng.choice([1, 2, number("1/3")])
    powers = {}
    for root, power in roots:
        p *= (X - number(root)) ** power
        powers[root] = powers.get(root, 0) + power
    for _ in range(rng.randint(0, 2)):
        p *= (X - rng.randint(-3, 3)) ** 2 + number(f"1/{rng.randint(1, 10**6)}")
    true = all(k % 2 == 0 for k in powers.values())
    assert (sturm.prove(p, ">=") is not None) == true
    assert (sturm.prove(p, ">") is not None) == (not powers)
    assert (sturm.witness(p, ">=") is None) == true
    assert len(sturm.isolated(p)) == len(powers)


@pytest.mark.parametrize("seed", range(20))
def test_number_of_roots_against_numpy(seed):
    rng = np.random.default_rng(seed)
    coefficients = [int(c) for c in rng.integers(-9, 10, size=7)]
    coefficients[0] = coefficients[0] or 1
    p = sum((c * X**(6 - k) for k, c in enumerate(coefficients)), R.zero)
    roots = np.roots(coefficients)
    real = np.unique(np.round(roots[np.abs(roots.imag) < 1e-7].real, 6))
    assert len(sturm.isolated(p)) == len(real)


def test_a_chain_that_is_not_one():
    for chain in ([["1", "0", "-2"]], [["1", "0", "-2"], ["1", "0"]],
                  [["1", "0", "-2"], ["2", "0"], ["-2"]], [["1", "0", "0"], ["2", "0"]]):
        with pytest.raises(Refused):
            inequality.verify_chain([[Fraction(c) for c in f] for f in chain])


def test_double_well_and_its_near_miss():
    assert judge("y", ["y"], "nonnegative", "y**4 - y**2 + 1/4").proved
    v = judge("y", ["y"], "nonnegative", "y**4 - y**2 + 1/4 - 1/10**12")
    assert v.disproved and v.trust == "A" and survivors(v) == []
    assert judge("y", ["y"], "nonnegative", "y**4 - y**2 + 0.25").proved
    assert judge("y", ["y"], "nonnegative", "y**4 - y**2 + 0.249999999999").disproved


def test_an_irrational_zero_is_a_counterexample():
    v = judge("y", ["y"], "positive", "y**2*(y**2 - 2)**2")
    assert v.disproved and v.counterexample.data["factor"] == "y**2 - 2"
    assert survivors(v) == []
    assert judge("y", ["y"], "positive", "y**2*(y**2 - 2)**2", box=(-1, 1)).proved
