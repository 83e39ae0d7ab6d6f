"""The frame of the proofs: exact numbers, texts, statements, and verdicts that can be checked."""

import json
import random
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy

import flowopt as fo
from flowopt.stability.exact import (
    NotPSD,
    Refused,
    fraction,
    ldl,
    psd,
    rational,
    read,
    symbol,
    write,
)
from flowopt.stability.statement import (
    box_domain,
    field_system,
    flow_system,
    map_system,
    sentence,
    statement,
)
from flowopt.stability.verdict import Verdict, unknown

X, A = symbol("x"), symbol("a", ["a"])


@pytest.mark.parametrize("given, made", [
    (0.1, Fraction(1, 10)), ("-3/6", Fraction(-1, 2)), (7, Fraction(7)), ("0", Fraction(0)),
    (sympy.Rational(2, 3), Fraction(2, 3)), (np.float64(0.3), Fraction(3, 10)),
    (1e-300, Fraction(1, 10**300)), ("-0/3", Fraction(0))])
def test_fraction(given, made):
    assert fraction(given) == made
    assert rational(given) == sympy.Rational(made.numerator, made.denominator)


@pytest.mark.parametrize("bad", ["1/0", "1//2", "abc", "1e5", " 1", "", "3/-1", "nan", "1.5", True,
                                 float("nan"), float("inf"), None, [1], "9" * 5000])
def test_fraction_refuses(bad):
    with pytest.raises(Refused):
        fraction(bad)


@pytest.mark.parametrize("expr", [
    X**2 / 3 + sympy.sqrt(A), abs(X) * sympy.sign(X - 1), sympy.Min(X, A, 3),
    sympy.exp(-X) * sympy.log(A), sympy.Piecewise((X, X < 0), (X**2, True)),
    A * X**sympy.Rational(-1, 3), A**-2, sympy.pi * X, sympy.E**X, -((X - 1) ** 3) / 7,
    sympy.Integer(-5), sympy.Heaviside(X), sympy.tanh(X), sympy.Rational(10**30 + 1, 7) * X])
def test_text_reads_back(expr):
    assert read(write(expr), ["x", "a"], ["a"]) == expr


@pytest.mark.parametrize("bad", ["y", "x +", "__import__('os')", "x.real", 3, None, "x[0]"])
def test_read_refuses(bad):
    with pytest.raises(Refused):
        read(bad, ["x"])


def test_floats_are_written_by_their_decimals():
    assert write(0.1 * X) == "x/10"


def test_ldl_rebuilds_and_agrees_with_eigenvalues():
    rng = random.Random(7)
    seen = set()
    for _ in range(200):
        n = rng.randint(1, 6)
        rank = rng.randint(0, n)
        b = [[rng.randint(-3, 3) for _ in range(rank)] for _ in range(n)]
        q = [[Fraction(sum(b[i][k] * b[j][k] for k in range(rank))) for j in range(n)]
             for i in range(n)]
        k = rng.randrange(n)
        q[k][k] += rng.choice([0, 0, Fraction(1, 10**9), Fraction(-1, 10**9)])
        # exact reference: a symmetric matrix is psd iff (-1)^k e_k of its char. polynomial >= 0
        coefficients = sympy.Matrix(q).charpoly().all_coeffs()
        truth = all((-1) ** k * c >= 0 for k, c in enumerate(coefficients))
        assert psd(q) is truth
        seen.add(truth)
        if truth:
            lower, diagonal = ldl(q)
            for i in range(n):
                for j in range(n):
                    assert sum(lower[i][k] * diagonal[k] * lower[j][k] for k in range(n)) == q[i][j]
    assert seen == {True, False}


def test_ldl_without_flint(monkeypatch):
    monkeypatch.setattr("flowopt.stability.exact._number", lambda: Fraction)
    assert ldl([[2, 1], [1, 2]])[1] == [2, Fraction(3, 2)]
    with pytest.raises(NotPSD):
        ldl([[0, 1], [1, 0]])


@pytest.mark.parametrize("bad", [[[1, 2]], [[1, 2], [3, 4]], [[1], [2, 3]], [["x"]]])
def test_ldl_refuses(bad):
    with pytest.raises(Refused):
        ldl(bad)


def test_systems_hold_exact_numbers():
    field = fo.flows.HeavyBall(gamma=0.1).on(fo.Loss("a*x**2", parameters={"a": 0.3}))
    made = field_system(field)
    assert made["parameters"] == {"a": "3/10", "gamma": "1/10"}
    assert made["variables"] == ["x", "v_x"] and made["equations"][0] == "v_x"
    unclipped = fo.flows.LossNormalizedFlow(M=float("inf")).on("x**2 + 1")
    assert "M" not in field_system(unclipped)["parameters"]
    assert map_system([X / 2], [X])["equations"] == ["x/2"]


def test_a_kernel_cannot_be_proved_about():
    def f(t, y, p, dy):
        dy[:] = -y

    with pytest.raises(ValueError, match="given by expressions"):
        fo.prove(fo.VectorField.from_kernel(f, 1), "y")
    with pytest.raises(ValueError, match="given by rules"):
        fo.prove(fo.flows.NewtonFlow(), "L")


@pytest.mark.parametrize("box, message", [
    ([(0, 1)], "a pair .* each of the 2"), ([(1, 0), (0, 1)], "lower end first"),
    ([(0, float("inf")), (0, 1)], "pair of finite numbers"),
    ([(0, 1), 3], r"domain\[1\] must be a pair \(low, high\)")])
def test_bad_boxes(box, message):
    with pytest.raises(ValueError, match=message):
        box_domain(box, 2)


def test_boxes_of_one_variable():
    assert box_domain((0, 1), 1) == box_domain([(0, 1)], 1) == box_domain({"x": (0, 1)}, 1)
    with pytest.raises(TypeError, match="domain must be a sequence of pairs"):
        box_domain(3, 1)


def test_sentences():
    made = statement("decreasing", flow_system(fo.flows.SignFlow()), "L",
                     assumptions=["convex"], bound="-norm1(g)")
    assert sentence(made) == (
        "For all n >= 1, every C1 loss L and every state, given convex: V = L has dV/dt < 0 off "
        "the equilibria, and dV/dt <= -norm1(g) along theta' = -sign(g).")
    field = fo.VectorField(["-k*x"], ["x"], parameters={"k": 0.5})
    made = statement("exponential", field_system(field), "x**2", domain=box_domain([(-1, 1)], 1),
                     rate=1)
    assert sentence(made) == (
        "For all x in [-1, 1]: V = x**2 has dV/dt <= -(1)*V along x' = -k*x (k = 1/2), so that "
        "V(t) <= V(0)*exp(-(1)*t) as long as it stays in the box.")


def test_unknown_has_nothing_to_check():
    made = unknown(statement("nonnegative", {"kind": "none"}, "x**4"), "no time",
                   evidence={"least value met": "1e-9"})
    assert made.unknown and not made.check() and made.trust == ""
    assert "proves nothing" in made.explain()
    assert Verdict.from_json(made.to_json()) == made


def test_a_verdict_cannot_be_forged():
    made = unknown(statement("nonnegative", {"kind": "none"}, "x**4 - 1"), "no time")
    for forged in (replace(made, status="proved"), replace(made, status="proved", trust="A"),
                   replace(made, status="no such status"), replace(made, status="disproved")):
        assert not forged.check() and forged.refusal()


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", json.dumps({"flowopt": "verdict"}),
                                  json.dumps({"flowopt": "verdict", "claim": "", "x": 1})])
def test_bad_json(text):
    with pytest.raises(ValueError, match="what Verdict.to_json wrote"):
        Verdict.from_json(text)


@pytest.mark.parametrize("arguments, error, message", [
    (dict(flow_or_field=3), TypeError, "must be a Flow, a VectorField or an Optimizer"),
    (dict(claim="good"), ValueError, "claim must be one of"),
    (dict(seconds=0), ValueError, "seconds must be a finite number > 0")])
def test_bad_arguments_of_prove(arguments, error, message):
    given = {"flow_or_field": fo.flows.GradientFlow(), "V": "L", **arguments}
    with pytest.raises(error, match=message):
        fo.prove(**given)
