"""The public face of the polynomial inequalities."""

import pytest
import sympy
from stability.polynomial_cases import survivors

import flowopt as fo
from flowopt.stability import prove_polynomial


@pytest.mark.parametrize("p, claim, options, status", [
    ("x**4 - x**2 + 1/4", "nonnegative", {}, "proved"),
    ("x**4 - x**2 + 0.25", "nonnegative", {}, "proved"),
    ("x**4 - x**2 + 1/4 - 1/10**12", "nonnegative", {}, "disproved"),
    ("x/(1 + x)", "nonnegative", {"domain": (0, 1)}, "proved"),
    ("x/(1 + x)", "nonnegative", {"domain": (-0.5, 1)}, "disproved"),
    ("1/(1 + x**2 + y**2)", "positive", {}, "proved"),
    ("(x - 1)**2 + (y + 2)**2", "positive", {"at": [1, -2]}, "proved"),
    ("(x - 1)**2 + (y + 2)**2", "positive", {}, "disproved"),
    ("x**2", "positive", {"variables": ["x", "y"]}, "disproved"),
    ("sin(x)", "nonnegative", {}, "unknown"), ("abs(x)", "nonnegative", {}, "unknown")])
def test_claims(p, claim, options, status):
    v = prove_polynomial(p, claim, **options)
    assert v.status == status
    if status != "unknown":
        assert v.check() and type(v).from_json(v.to_json()).check() and survivors(v) == []


def test_sympy_expressions_and_natural_order():
    a, b = sympy.symbols("x2 x10", real=True)
    v = prove_polynomial(a**2 + b**2 + 0.5)
    assert v.proved and v.statement["system"]["variables"] == ["x2", "x10"]


@pytest.mark.parametrize("args, options, words", [
    (("3",), {}, "p must hold a variable"), ((3,), {}, "p must be text or a sympy expression"),
    (("x",), {"at": [1, 2]}, "at must have a number for each of the 1 variables"),
    (("x", "convex"), {}, "claim must be"), (("x",), {"domain": (1, 0)}, "lower end first"),
    (("x",), {"seconds": 0}, "seconds must be"), (("x +",), {}, "add what is missing")])
def test_bad_input(args, options, words):
    with pytest.raises((ValueError, TypeError), match=words):
        prove_polynomial(*args, **options)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["x**2 + y**4", "(x**2 - 1)**2/4 + y**2", "x*y", "x**4 - y**2",
                                  "100*(y - x**2)**2 + (1 - x)**2", "x**3*y + y**4"])
def test_every_flow_of_the_catalogue(loss):
    """No flow on a polynomial loss makes an error, and what is proved or refuted checks."""
    for name in ("GradientFlow", "HeavyBall", "EMAMomentum", "SignFlow", "RMSPropFlow",
                 "NormalizedFlow", "LossNormalizedFlow"):
        if not hasattr(fo.flows, name):
            continue
        field = getattr(fo.flows, name)().on(loss)
        for claim in ("stable", "asymptotically_stable", "unstable", "converges_to_critical_set"):
            v = fo.prove(field, claim=claim, seconds=4.0)
            assert v.unknown or v.check()
