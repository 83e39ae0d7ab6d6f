"""Signs over boxes by intervals, and that what is false is never proved."""

from dataclasses import replace
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy

import flowopt as fo
from flowopt.stability.algebra.intervals import Interval
from flowopt.stability.algebra.programs import Program
from flowopt.stability.number_sign import number_sign
from flowopt.stability.proving import Problem
from flowopt.stability.rational import branch
from flowopt.stability.statement import box_domain, field_system, statement
from flowopt.stability.verdict import Evidence, Verdict

X, Y = sympy.symbols("x y", real=True)
PENDULUM = fo.VectorField(["y", "-sin(x) - y"], ["x", "y"])


def asked(field, V, claim, box, seconds=20.0, **options):
    import time

    made = statement(claim, field_system(field), V, domain=box_domain(box, field.m), **options)
    return branch.attempt(Problem(field, made, V, time.monotonic() + seconds))


def test_intervals_hold_values():
    exprs = [sympy.exp(-X * Y) + sympy.sin(3 * X) * sympy.cos(Y) - X**3,
             sympy.sqrt(1 + X**2) / (2 + Y**2), sympy.tanh(X * Y) + sympy.cosh(X) - sympy.sinh(Y),
             sympy.Min(X, Y) * sympy.Abs(X - Y), sympy.log(3 + X * X) ** 2 * sympy.pi]
    program, exact = Program(exprs, [X, Y]), sympy.lambdify([X, Y], exprs, "mpmath")
    rng = np.random.default_rng(1)
    with mpmath.workdps(40):
        for _ in range(150):
            a, b = rng.uniform(-4, 4, 2)
            width = 10 ** rng.uniform(-9, 0.5)
            box = [Interval(a, a + width), Interval(b, b + width)]
            out = program(box)
            for u, v in ((a, b), (a + width, b + width), (a + width / 3, b + width / 7)):
                for o, truth in zip(out, exact(mpmath.mpf(u), mpmath.mpf(v)), strict=True):
                    assert o.low <= truth <= o.high


def test_intervals_without_flint(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "flint", None)
    test_intervals_hold_values()
    assert asked(PENDULUM, "y**2 + 2*(1 - cos(x)) + x*y/2 + x**2/4", "decreasing",
                 [(-1, 1)] * 2).proved


def test_powers_and_zero():
    square = Interval(-1.0, 2.0) ** 2
    assert square.low == 0 and square.high >= 4
    assert (Interval(0.0, 1.0) * Interval(2.0)).low == 0
    assert (1 / Interval(-1.0, 1.0)).high == np.inf
    assert number_sign(sympy.sqrt(2) + sympy.sqrt(3) - sympy.sqrt(10)) == -1


def test_terms_of_one_sign():
    damped = fo.VectorField(["y", "-sin(x) - c*y*exp(x)"], ["x", "y"], parameters={"c": 0.3})
    made = statement("nonincreasing", field_system(damped), "y**2/2 + 1 - cos(x)")
    verdict = branch.attempt(Problem(damped, made))
    assert verdict.proved and verdict.trust == "A" and verdict.check() and verdict.explain()
    assert verdict.certificate.data == {"rate": "3*y**2*exp(x)/10"}
    for rate in ("3*y**2*exp(x)/10 + x**2", "y**2", "-3*y**2*exp(x)/10", "0", "y"):
        forged = replace(verdict, certificate=Evidence("termwise", {"rate": rate}))
        assert not replace(forged, digest=forged._digest()).check()
    driven = statement("nonincreasing", field_system(damped.with_parameters(c=-0.3)),
                       "y**2/2 + 1 - cos(x)")
    assert branch.attempt(Problem(damped, driven)) is None


@pytest.mark.parametrize("field, V, claim, box", [
    (PENDULUM, "y**2 + 2*(1 - cos(x)) + x*y/2 + x**2/4", "decreasing", [(-1, 1), (-1, 1)]),
    (PENDULUM, "y**2/2 + 1 - cos(x)", "positive", [(-1, 1), (-3, 2)]),
    (fo.VectorField(["-tanh(x) + y/4", "-y - sin(x)/4"], ["x", "y"]), "x**2 + y**2",
     "decreasing", [(-2, 2), (-2, 3)]),
    (fo.VectorField(["-sin(x)"], ["x"]), "x**2", "decreasing", [(-3, 3)]),
    (fo.VectorField(["1 - exp(x)"], ["x"]), "x**2", "decreasing", [(1, 2)]),
    (fo.VectorField(["-sin(x - 1)"], ["x"]), "(x - 1)**2", "decreasing", [(0, 3)]),
    (fo.VectorField(["-sign(x)*exp(x)"], ["x"]), "x**2", "nonincreasing", [(-1, 1)]),
])
def test_proved(field, V, claim, box):
    options = {"at": ["1"]} if "x - 1" in str(V) else {}
    verdict = asked(field, V, claim, box, **options)
    assert verdict.proved and verdict.trust == "C" and verdict.check(), verdict.reason
    assert Verdict.from_json(verdict.to_json()).check() and verdict.explain() and verdict.latex()
    tree = verdict.certificate.data["tree"]
    for k in {0, len(tree) // 2, len(tree) - 1}:
        forged = tree[:k] + str(1 - int(tree[k])) + tree[k + 1:]
        made = replace(verdict, certificate=Evidence("cover", {"tree": forged}))
        assert not replace(made, digest=made._digest()).check()
    for forged in ("", "1" + tree, tree + "0", tree[:-1], "2", "0" if tree != "0" else "1"):
        made = replace(verdict, certificate=Evidence("cover", {"tree": forged}))
        assert not replace(made, digest=made._digest()).check()


@pytest.mark.parametrize("field, V, claim, box", [
    (PENDULUM, "x**2 + y**2", "nonincreasing", [(-1, 1), (-1, 1)]),
    (fo.VectorField(["-sin(x)"], ["x"]), "x**2", "decreasing", [(-4, 4)]),
    (PENDULUM, "cos(x) - 1 + y**2", "positive", [(-1, 1), (-1, 1)]),
    (fo.VectorField(["x - sin(x)"], ["x"]), "x**2", "nonincreasing", [(-1, 1)])])
def test_disproved(field, V, claim, box):
    verdict = asked(field, V, claim, box)
    assert verdict.disproved and verdict.check() and verdict.trust == "C"
    data = verdict.counterexample.data
    at = dict(zip(field.symbols, map(sympy.Rational, data["point"]), strict=True))
    symbols = {n: s for n, s in zip(field.names, field.symbols, strict=True)}
    expr = fo.symbolic.parse.parse(V).to_sympy(symbols)
    value = expr if claim == "positive" else sum(
        expr.diff(v) * f for v, f in zip(field.symbols, field.equations, strict=True))
    truth = float(value.subs(at))
    assert truth == pytest.approx(float(data["value"]), rel=1e-8)
    assert truth < 0 if claim == "positive" else truth > 0
    for forged in ({"point": ["9"] * field.m, "value": data["value"]},
                   {"point": data["point"], "value": "-1"},
                   {"point": [str(Fraction(v) + Fraction(1, 64)) for v in data["point"]],
                    "value": data["value"]}):
        made = replace(verdict, counterexample=Evidence("cover", forged))
        assert not replace(made, digest=made._digest()).check()


@pytest.mark.parametrize("field, V, claim, box", [
    # V̇ = −x² sin(x)² /... touches 0 off the equilibrium: at pi, and along a line
    (fo.VectorField(["-sin(x)**2*x"], ["x"]), "x**2", "decreasing", [(-4, 4)]),
    (PENDULUM, "y**2/2 + 1 - cos(x)", "decreasing", [(-1, 1), (-1, 1)]),
    (PENDULUM, "0*x", "positive", [(-1, 1), (-1, 1)]),
    (PENDULUM, "sin(x)**4 + y**4 - 1/1000000000", "positive", [(1, 2), (0, 1)]),
    (fo.VectorField(["-sin(x)"], ["x"]), "x**2 - 1/1000000", "positive", [(-1, 1)])])
def test_never_proved_when_false_or_touching(field, V, claim, box):
    verdict = asked(field, V, claim, box, seconds=2.0)
    truth = V.startswith("sin(x)**4")
    assert verdict.proved is truth
    if not truth:
        assert verdict.reason


def test_what_does_not_apply():
    assert asked(PENDULUM, "x**2", "conserved", [(-1, 1)] * 2) is None
    made = statement("decreasing", field_system(PENDULUM), "x**2")
    assert branch.attempt(Problem(PENDULUM, made)) is None
    assert asked(PENDULUM, "abs(x)", "decreasing", [(-1, 1)] * 2).unknown
