"""Routh's array, one variable and LaSalle's ideals, against numpy and known answers."""

from fractions import Fraction

import numpy as np
import pytest
import sympy
from stability.polynomial_cases import judge, survivors

import flowopt as fo
from flowopt.stability.checks import chetaev, hurwitz, lasalle
from flowopt.stability.checks.algebra import field, polynomial, ring
from flowopt.stability.exact import Refused
from flowopt.stability.rational.lasalle import limit_set


@pytest.mark.parametrize("seed", range(40))
def test_column_counts_what_numpy_counts(seed):
    rng = np.random.default_rng(seed)
    n = 1 + seed % 5
    J = rng.integers(-5, 6, size=(n, n))
    p = hurwitz.characteristic([[Fraction(int(v)) for v in row] for row in J])
    assert [int(c) for c in p] == [int(c) for c in sympy.Matrix(J.tolist()).charpoly().all_coeffs()]
    for shift in (Fraction(0), Fraction(1, 3), Fraction(7, 5)):
        try:
            column = hurwitz.column(p, shift)
        except Refused:
            continue
        changes = sum((a > 0) != (b > 0) for a, b in zip(column, column[1:], strict=False))
        assert changes == int((np.linalg.eigvals(J).real > float(shift)).sum())


@pytest.mark.parametrize("seed", range(12))
def test_linear_fields(seed):
    """Stable and unstable exactly as the eigenvalues say; on the axis nothing is proved so."""
    rng = np.random.default_rng(seed)
    A = rng.integers(-4, 3, size=(3, 3))
    equations = [" + ".join(f"({a})*{n}" for a, n in zip(row, "xyz", strict=True)) for row in A]
    top = np.linalg.eigvals(A).real.max()
    v = judge(equations, list("xyz"), "asymptotically_stable")
    if abs(top) > 1e-9:
        assert v.proved == (top < 0) and v.disproved == (top > 0)
        assert survivors(v) == []
    v = judge(equations, list("xyz"), "unstable")
    if abs(top) > 1e-9:
        assert v.proved == (top > 0) and v.disproved == (top < 0)


def test_a_margin_of_one_part_in_10_to_15():
    edge = ["y", "-x + {}*y"]
    for sign, stable in (("-1/10**15", True), ("1/10**15", False)):
        v = judge([e.format(f"({sign})") for e in edge], ["x", "y"], "asymptotically_stable")
        assert v.proved == stable and v.disproved != stable
    v = judge(["y", "-x"], ["x", "y"], "unstable")
    assert v.disproved and v.counterexample.kind == "rest"


def test_a_centre_is_not_settled_by_its_spectrum():
    """x' = y + s x r², y' = −x + s y r²: the linearisation is the same for both signs."""
    for s, status in (("-1", "proved"), ("1", "disproved")):
        equations = [f"y + ({s})*x*(x**2 + y**2)", f"-x + ({s})*y*(x**2 + y**2)"]
        v = judge(equations, ["x", "y"], "asymptotically_stable")
        assert v.status == status and v.trust == "A"
        assert (v.certificate or v.counterexample).kind in ("lyapunov", "chetaev")


@pytest.mark.parametrize("power, sign, status", [
    (1, "-", "proved"), (1, "", "disproved"), (2, "", "disproved"), (2, "-", "disproved"),
    (3, "-", "proved"), (3, "", "disproved"), (7, "-", "proved"), (8, "-", "disproved")])
def test_one_variable(power, sign, status):
    v = judge([f"{sign}(x - 1/3)**{power}*(2 + x)"], ["x"], "asymptotically_stable", at=["1/3"])
    assert v.status == status
    v = judge([f"{sign}(x - 1/3)**{power}*(2 + x)"], ["x"], "stable", at=["1/3"])
    assert v.status == status
    v = judge([f"{sign}(x - 1/3)**{power}*(2 + x)"], ["x"], "unstable", at=["1/3"])
    assert v.status == {"proved": "disproved", "disproved": "proved"}[status]


def test_chetaev_needs_a_v_that_rises_near_the_point():
    V = polynomial("x**2 - y**2 + x**3", ring(("x", "y")))
    assert chetaev.along(V, (0, 0), (1, 0)) == (2, 1)
    assert chetaev.along(V, (0, 0), (0, 1)) == (2, -1)
    assert chetaev.along(V, (0, 0), (1, 1)) == (3, 1)
    with pytest.raises(Refused):
        chetaev.along(V * 0, (0, 0), (1, 1))


def test_limit_sets():
    x, y, v = (sympy.Symbol(n, real=True) for n in "xyv")
    wells = fo.VectorField(["v", "x - x**3 - v"], ["x", "v"])
    names = [{str(s) for s in e.free_symbols} for e in limit_set(wells, "v**2/2 + x**4/4 - x**2/2")]
    assert names == [{"x"}, {"v"}]
    line = fo.VectorField(["-x - y", "-x - y"], ["x", "y"])
    assert [str(e) for e in limit_set(line, "(x + y)**2")] == ["x + y"]
    with pytest.raises(ValueError, match="not proved"):
        limit_set(fo.VectorField(["x"], ["x"]), "x**2")
    with pytest.raises(ValueError, match="polynomials"):
        limit_set(fo.VectorField(["-x/(1 + x**2)"], ["x"]), "x**2")


def test_real_zeros_without_the_complex_ones():
    R = ring(("x", "y"))
    x, y = R.gens
    made = lasalle.basis([x * (x**2 + 1), y**2])
    assert sorted(map(str, made)) == ["x", "y"]
    assert lasalle.holds(made, [x, y]) and lasalle.finite(made)
    assert lasalle.basis([x**2 + y**4 + 1]) == [1]
    assert sorted(map(str, lasalle.basis([x**2 + y**4]))) == ["x", "y"]
    assert not lasalle.finite(lasalle.basis([x * y]))
    assert not lasalle.holds(lasalle.basis([x**2 - 2]), [x])


def test_jacobian_of_a_rational_field():
    made = field({"V": None, "system": {"kind": "field", "parameters": {"a": "1/2"},
                                        "equations": ["a*x/(1 + y**2)", "-y/(2 - x)"],
                                        "variables": ["x", "y"]}})
    assert hurwitz.jacobian(made, (0, 0)) == [[Fraction(1, 2), 0], [0, Fraction(-1, 2)]]
    with pytest.raises(Refused):
        hurwitz.jacobian(made, (1, 0))
    with pytest.raises(Refused):
        hurwitz.jacobian(made, (2, 0))
