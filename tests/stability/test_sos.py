"""Sums of squares: what is true is proved, what is false or no sum of squares never is."""

import copy
from fractions import Fraction

import numpy as np
import pytest
from stability.polynomial_cases import leaves

from flowopt.stability.algebra import bases, conic, gram, sos, witness
from flowopt.stability.checks import inequality
from flowopt.stability.checks.algebra import at, number, polynomial, ring, shifted
from flowopt.stability.exact import Refused

R2, R3 = ring(("x", "y")), ring(("x", "y", "z"))


def poly(text, R=R2):
    return polynomial(text, R)


MOTZKIN = "x**4*y**2 + x**2*y**4 - 3*x**2*y**2 + 1"
MOTZKIN_FORM = "x**4*y**2 + x**2*y**4 - 3*x**2*y**2*z**2 + z**6"
ROBINSON = ("x**6 + y**6 + z**6 - (x**4*y**2 + x**2*y**4 + x**4*z**2 + x**2*z**4 + y**4*z**2"
            " + y**2*z**4) + 3*x**2*y**2*z**2")
CHOI_LAM = "x**4*y**2 + y**4*z**2 + z**4*x**2 - 3*x**2*y**2*z**2"
SCHMUEDGEN = ("200*((x**3 - 4*x)**2 + (y**3 - 4*y)**2) + (y**2 - x**2)*x*(x + 2)*(x*(x - 2)"
              " + 2*(y**2 - 4))")


@pytest.mark.parametrize("text, R", [
    (MOTZKIN, R2), (MOTZKIN_FORM, R3), (ROBINSON, R3), (CHOI_LAM, R3), (SCHMUEDGEN, R2)])
def test_nonnegative_but_no_sum_of_squares(text, R):
    """Published forms that are nonnegative and no sums of squares: never a plain one."""
    p = poly(text, R)
    assert sos.prove(p, ">=", powers=(0,)) is None
    assert witness.below(p, starts=10) is None


@pytest.mark.parametrize("text, R", [(MOTZKIN, R2), (MOTZKIN_FORM, R3), (ROBINSON, R3)])
def test_with_a_multiplier(text, R):
    """Times x² + y² (+ z²) they are sums of squares (Reznick 1995)."""
    made = sos.prove(poly(text, R), ">=", powers=(1, 2))
    assert made["power"] >= 1
    with pytest.raises(Refused):
        inequality.check(poly(text, R), ">=", {**made, "power": 0})


@pytest.mark.parametrize("text, relation", [
    ("x**2 - x*y + y**2", "off"), ("x**4 + y**2", "off"), ("(x - y)**2 + y**4", "off"),
    ("(x + 2*y)**2", ">="), ("x**4 + y**4 - 3*x*y + 3", ">"), ("(x*y - 1)**2 + x**2", ">="),
    ("x**4 + y**4 + 1 - 4*x*y + 2", ">"), ("(x**2 + y**2 - 1)**2", ">="),
    ("x**2*y**2 + (x - 1)**2 + (y - 2)**2", ">="),
    ("2*x**4 + 2*x**3*y - x**2*y**2 + 5*y**4", ">="),  # Parrilo's thesis, example 3.5
    ("x**6 + y**6 - x**3*y**3", "off"), ("x**2/10**12 + 10**12*y**2 + x*y", ">=")])
def test_true(text, relation):
    made = sos.prove(poly(text), relation)
    assert made is not None
    inequality.check(poly(text), relation, made)


@pytest.mark.parametrize("text, relation", [
    ("x**2 - 3*x*y + y**2", ">="), ("x**4 - x**2 + 1/4 - 1/10**12", ">="), ("x*y", ">="),
    ("x**4 - x**2 + 1/4 - 1/10**9 + y**2", ">="), ("(x + 2*y)**2", "off"), ("x**3", ">="),
    ("x**2*y**2", "off"), ("(x**2 + y**2 - 1)**2", ">"), ("x**2 + y**2", ">"), ("0", ">"),
    ("0", "off"), ("-1", ">="), ("x**2 - 1/10**15", ">="), ("(x*y - 1)**2 + x**2 - 1/10**6", ">="),
    ("x**4*y**2 + x**2*y**4 - 3*x**2*y**2 + 1 - 1/10**8", ">="), ("x**2 + y**3", "off"),
    ("x**4 + y**4 - 4*x*y + 2 - 1/10**10", ">=")])
def test_false_is_never_proved(text, relation):
    assert sos.prove(poly(text), relation) is None


def test_infimum_that_is_not_attained():
    """(xy − 1)² + x² > 0 has the infimum 0: no constant can be taken off, and none is."""
    p = poly("(x*y - 1)**2 + x**2")
    made = sos.prove(p, ">")
    assert made["constant"] == "0" and made["power"] == 1
    inequality.check(p, ">", made)
    assert sos.prove(p - number("1/1000000000"), ">") is None


@pytest.mark.parametrize("text, relation, box, true", [
    ("x", ">=", [(0, 1), (0, 1)], True), ("x - 1/10**6", ">=", [(0, 1), (0, 1)], False),
    ("x*(1 - x) + y", ">", [("1/2", "3/4"), ("1/10", 1)], True),
    ("2 - x**2 - y**2", ">=", [(-1, 1), (-1, 1)], True),
    ("2 - x**2 - y**2", ">", [(-1, 1), (-1, 1)], False),
    ("x**2*(2 - x) + y**2", "off", [(-1, 1), (-1, 1)], True),
    ("x**2*(1/2 - x) + y**2", "off", [(-1, 1), (-1, 1)], False)])
def test_on_a_box(text, relation, box, true):
    box = [(Fraction(a), Fraction(b)) for a, b in box]
    assert (sos.prove(poly(text), relation, None, box) is not None) == true


def test_off_a_point():
    p = poly("(x - 1)**2 + (y - 2)**2 + (x - 1)**4*y**2")
    made = sos.prove(p, "off", [1, 2])
    inequality.check(p, "off", made, [1, 2])
    with pytest.raises(Refused):
        inequality.check(p, "off", made, [0, 0])
    assert sos.prove(p, "off", [0, 0]) is None


@pytest.mark.parametrize("seed", range(40))
def test_fuzz_quadratic_forms(seed):
    """Integer quadratic forms: the truth by the signs of exact leading minors (Sylvester)."""
    import sympy

    rng = np.random.default_rng(seed)
    n = 2 + seed % 3
    A = rng.integers(-3, 4, size=(n, n))
    H = A @ A.T + int(rng.integers(-2, 3)) * np.eye(n, dtype=int)
    R = ring(tuple("xyzw"[:n]))
    p = sum((int(H[i, j]) * R.gens[i] * R.gens[j] for i in range(n) for j in range(n)), R.zero)
    S = sympy.Matrix(H.tolist())
    definite = all(S[:k, :k].det() > 0 for k in range(1, n + 1))
    semi = all(c * (-1) ** k >= 0 for k, c in enumerate(S.charpoly().all_coeffs()))
    assert (sos.prove(p, "off") is not None) == definite
    if p:
        assert (sos.prove(p, ">=") is not None) == semi
        assert (witness.below(p) is None) == semi


@pytest.mark.parametrize("seed", range(30))
def test_fuzz_binary_quartic_forms(seed):
    """Binary quartics: nonnegative exactly when a sum of squares; the truth by Sturm at y = 1."""
    from flowopt.stability.algebra import sturm

    rng = np.random.default_rng(100 + seed)
    x, y = R2.gens
    c = [int(v) for v in rng.integers(-4, 5, size=5)]
    c[0], c[4] = abs(c[0]) + 2, abs(c[4]) + 2
    p = sum((v * x**(4 - k) * y**k for k, v in enumerate(c)), R2.zero)
    t = ring(("t",)).gens[0]
    q = sum((v * t**(4 - k) for k, v in enumerate(c)), t.ring.zero)
    true = sturm.prove(q, ">=") is not None
    assert (sos.prove(p, ">=") is not None) == true
    assert (witness.below(p, starts=20) is None) == true


def test_every_leaf_counts():
    for text, relation, box in (("x**2 - x*y + y**2", "off", None), (MOTZKIN, ">=", None),
                                ("x**4 + y**4 - 3*x*y + 3", ">", None),
                                ("(x - y)**2 + y**4", "off", None),
                                ("x*(1 - x) + y", ">", [("1/2", "3/4"), ("1/10", 1)])):
        box = [(Fraction(a), Fraction(b)) for a, b in box] if box else None
        p = poly(text)
        made = sos.prove(p, relation, None, box)
        inequality.check(p, relation, made, None, box)
        for path, value in leaves(made):
            data = copy.deepcopy(made)
            inner = data
            for key in path[:-1]:
                inner = inner[key]
            inner[path[-1]] = value + 1 if isinstance(value, int) else f"{value} + 1" if not (
                value.lstrip("-").replace("/", "").isdigit()) else str(Fraction(value) + 1)
            with pytest.raises((Refused, ValueError, TypeError)):
                inequality.check(p, relation, data, None, box)


def test_a_lying_solver_changes_nothing(monkeypatch):
    """A false "infeasible" is no disproof, and a false "feasible" is no proof."""
    true, false = poly("x**4 + y**4 + 1"), poly("x**4 - x**2 + 1/4 - 1/1000")

    def hopeless(blocks, *args, **kwargs):
        return conic.Margin(np.zeros(blocks[0].slopes.shape[0]), -1.0, 0.0)

    def optimist(blocks, *args, **kwargs):
        rng = np.random.default_rng(0)
        return conic.Margin(rng.normal(size=blocks[0].slopes.shape[0]), 1.0, 0.0)

    for liar in (hopeless, optimist):
        monkeypatch.setattr(gram, "maximise_margin", liar)
        assert sos.prove(false, ">=") is None
    monkeypatch.setattr(gram, "maximise_margin", hopeless)
    from stability.polynomial_cases import judge

    v = judge(["y", "x"], ["x", "y"], "nonnegative", "x**4 - x**2 + x*y + y**4 + 1")
    assert not v.disproved and (v.unknown or v.trust == "B")
    assert sos.prove(true, ">") is None


def test_margin_against_a_second_solver():
    """The barrier method and clarabel find the same largest margin."""
    pytest.importorskip("clarabel")
    rng = np.random.default_rng(3)
    F = rng.normal(size=(12, 6, 6))
    F = F + F.transpose(0, 2, 1)
    F[1:] -= np.trace(F[1:], axis1=1, axis2=2)[:, None, None] * np.eye(6) / 6
    block = conic.Block(F[0] + 20 * np.eye(6), F[1:])
    ours = conic.maximise_margin([block])
    theirs = conic._clarabel([block], 1e4, np.inf)
    assert ours.t <= theirs.t + 1e-6 <= ours.t + ours.gap + 2e-6
    least = np.linalg.eigvalsh(block.constant + np.tensordot(ours.y, block.slopes, 1))[0]
    assert least >= ours.t - 1e-9


def test_half_newton_polytope():
    assert bases.half_newton(set(poly(MOTZKIN)), 2) == [(0, 0), (1, 1), (2, 1), (1, 2)]
    assert bases.half_newton(set(poly("x**4 + y**2")), 2) == [(0, 1), (2, 0)]


def test_shift_and_value():
    p = poly("x**3*y - y**2 + 2")
    q = shifted(p, [Fraction(1, 3), Fraction(-2)])
    for u in ((0, 0), (1, 2), (Fraction(1, 7), Fraction(-3, 5))):
        assert at(q, u) == at(p, [Fraction(1, 3) + u[0], Fraction(-2) + u[1]])
    assert q.ring is p.ring and number("2/4") == number("1/2")


@pytest.mark.parametrize("gram_", [[["1", "2"], ["2", "1"]], [["0", "1"], ["1", "5"]],
                                   [["1", "0"], ["1", "1"]], [["1"]]])
def test_squares_refuses(gram_):
    with pytest.raises(Refused):
        inequality.squares(R2, ["x", "y"], gram_)
