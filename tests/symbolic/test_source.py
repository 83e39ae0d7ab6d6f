"""Kernel source: every node of the closed table has the value that mpmath gives it."""

import math
import os
import re
import subprocess
import sys

import mpmath
import numpy as np
import pytest
import sympy

from flowopt import _native
from flowopt._evaluate import LANES, evaluate
from flowopt.symbolic.source import (
    FUNCTIONS,
    Printer,
    UnknownNode,
    compile_kernel,
    kernel_source,
    ordered_steps,
)

EPS = np.finfo(float).eps
x, y, p = sympy.symbols("x y p", real=True)
SLOTS = {sympy.Symbol("t", real=True): ("t", 0), x: ("y", 0), y: ("y", 1), p: ("p", 0)}
R = sympy.Rational


def kernel(outputs, width, definitions=None):
    source = kernel_source(outputs, SLOTS, definitions or {}, width)
    return _native.resident({}, {"kernel": compile_kernel(source)})


def values(outputs, points, parameter=1.5, widths=(1, LANES), definitions=None):
    """Return the outputs at points (N, 2): (N, len(outputs)), the same bits for every width."""
    points = np.asarray(points, dtype=float)
    made = []
    for width in widths:
        unit = kernel(outputs, width, definitions)
        rows = [evaluate(lambda _: unit.addresses["kernel"], len(outputs),  # noqa: B023
                         np.full(len(batch), 0.25), batch, np.array([parameter]))
                for batch in ([points[i:i + 1] for i in range(len(points))] if width == 1
                              else [np.resize(points, (LANES, 2))])]
        made.append(np.concatenate(rows)[:len(points)])
    for other in made[1:]:
        assert ((made[0] == other) | (np.isnan(made[0]) & np.isnan(other))).all()
    return made[0]


# ----------------------------------------------------------------- the table

NODES = [
    x + y + 3, x - y - R(1, 3), -x, x * y * p, x / y, x / (y * p), R(2, 7) * x, -x / 3, 3 / x,
    x**2, x**3, x**5, x**12, x**64, x**65, x**-1, x**-4, x**-65, sympy.sqrt(x), 1 / sympy.sqrt(x),
    x**R(3, 2), x**R(-5, 2), x**R(1, 3), x**y, 2**x, x**p, sympy.exp(x), sympy.exp(-x**2 / 2),
    sympy.E**2 * x, sympy.pi * x, sympy.log(x), sympy.sin(x), sympy.cos(x), sympy.tan(x),
    sympy.asin(y), sympy.acos(y), sympy.atan(x), sympy.sinh(x), sympy.cosh(x), sympy.tanh(x),
    sympy.asinh(x), sympy.acosh(1 + x), sympy.atanh(y), sympy.erf(x), sympy.atan2(y, x),
    sympy.floor(3 * x), sympy.ceiling(3 * x), sympy.Abs(x - 1), sympy.sign(x - 1),
    sympy.Heaviside(x - 1), sympy.Min(x, y, p), sympy.Max(x, y, 1), sympy.Min(x, 2 * y),
    sympy.Piecewise((x**2, x < y), (y, x < 1), (x + y, True)),
    sympy.Piecewise((1, sympy.And(x > 0, y > 0)), (2, True)),
    sympy.Piecewise((1, sympy.Or(x > 1, y > 0.5)), (2, x >= y), (3, True)),
    sympy.Piecewise((x, sympy.ITE(x < y, y > 0.5, x > 1)), (y, sympy.Not(sympy.And(x > 2, y > 0))),
                    (3, True)),
    (x - 1) ** 2 * (x + 1) ** 3 / (1 + y**2) ** 2, sympy.Symbol("t", real=True) * x,
]
POINTS = [(0.3, 0.6), (0.75, -0.4), (1.7, 0.25), (2.5, 0.9)]


@pytest.fixture(scope="module")
def table():
    return values(NODES, POINTS)


@pytest.mark.parametrize("index", range(len(NODES)), ids=lambda i: str(NODES[i]))
def test_node(table, index):
    """A node is a few roundings off, times its condition |x f'(x)|/|f| (x**64: 64 factors)."""
    expr = NODES[index]
    arguments = [*SLOTS]
    exact = sympy.lambdify(arguments, expr, "mpmath")
    for point, row in zip(POINTS, table, strict=True):
        z = [0.25, *point, 1.5]
        with mpmath.workdps(40):
            value = exact(*[mpmath.mpf(v) for v in z])
            spread = 0
            for k in range(4):
                near = [mpmath.mpf(v) * (1 + (mpmath.mpf(10) ** -15 if k == i else 0))
                        for i, v in enumerate(z)]
                spread += abs(exact(*near) - value) * 10**15
        assert abs(row[index] - value) <= 4 * EPS * float(abs(value) + spread)


def test_every_function_of_the_table_is_tried():
    tried = {type(node).__name__ for e in NODES for node in sympy.preorder_traversal(e)}
    assert set(FUNCTIONS) <= tried


# ----------------------------------------------------------------- special values


def test_nan_infinity_and_zero():
    outputs = [sympy.sign(x), sympy.Heaviside(x), sympy.Abs(x), sympy.Min(x, y), sympy.Max(x, y),
               sympy.Min(y, x), sympy.Max(y, x), x**2, 1 / x, sympy.sqrt(x), sympy.log(x),
               sympy.exp(x), sympy.Piecewise((1, x < 0), (2, x > 0))]
    nan, inf = math.nan, math.inf
    got = values(outputs, [(nan, 1.0), (inf, 1.0), (-inf, 1.0), (0.0, 1.0)])
    expected = [
        [nan, nan, nan, 1, 1, 1, 1, nan, nan, nan, nan, nan, nan],
        [1, 1, inf, 1, inf, 1, inf, inf, 0, inf, inf, inf, 2],
        [-1, 0, inf, -inf, 1, -inf, 1, inf, 0, nan, nan, 0, 1],
        [0, 0.5, 0, 0, 1, 0, 1, 0, inf, 0, -inf, 1, nan],
    ]
    assert np.array_equal(got, np.array(expected, dtype=float), equal_nan=True)


def test_numbers_are_the_nearest_doubles():
    outputs = [x + R("0.1") - x, R(1, 3) + 0 * x + x - x, sympy.pi + 0 * x, sympy.Float(0.1) * x,
               sympy.Integer(10) ** 30 * x, R(1, 10**30) * x, x + 12345678901234567890]
    got = values(outputs, [(1.0, 0.0)])[0]
    assert got.tolist() == [0.1, 1 / 3, math.pi, 0.1, 1e30, 1e-30, 12345678901234567891.0]


# ----------------------------------------------------------------- sharing and order


def test_definitions_are_written_once_and_before_their_use():
    u, v, w = sympy.symbols("u v w", real=True)
    definitions = {w: sympy.sin(u) + v, u: x * y, v: u**2, sympy.Symbol("unused", real=True): x}
    outputs = [w + u, w * v]
    steps, final = ordered_steps(outputs, definitions)
    known = set(SLOTS)
    for symbol, expr in steps:
        assert expr.free_symbols <= known
        known.add(symbol)
    assert all(e.free_symbols <= known for e in final)
    source = kernel_source(outputs, SLOTS, definitions, 1)
    assert source.count("math.sin") == 1 and "a1*a2" in source and "unused" not in source
    X, Y = 0.7, -1.3
    u_, v_ = X * Y, (X * Y) ** 2
    assert values(outputs, [(X, Y)], definitions=definitions)[0] == pytest.approx(
        [math.sin(u_) + v_ + u_, (math.sin(u_) + v_) * v_], rel=4 * EPS)


def test_the_source_is_deterministic():
    """The cache is keyed by the definition, so equal definitions must give equal source."""
    outputs = [sympy.sin(x * y) + x * y + sympy.cos(p * y) ** 2, x * y * sympy.cos(p * y)]
    again = [sympy.sympify(str(e), locals={"x": x, "y": y, "p": p}) for e in outputs]
    assert kernel_source(outputs, SLOTS, {}, 8) == kernel_source(again, SLOTS, {}, 8)


def test_only_the_inputs_that_are_used_are_read():
    source = kernel_source([x**2], SLOTS, {}, 1)
    assert re.findall(r"\b[typs]_\[\d\]", source) == ["y_[0]"]
    assert values([sympy.Integer(7)], [(0.0, 0.0)])[0].tolist() == [7.0]


@pytest.mark.parametrize("power, products", [(2, 1), (4, 2), (8, 3), (64, 6)])
def test_powers_are_products_by_squaring(power, products):
    printer = Printer({x: "x"})
    text = "\n".join([*printer.lines, printer.print(x**power), *printer.lines])
    assert text.count("*") == products and "pow" not in text


# ----------------------------------------------------------------- what has no compiled form

UNKNOWN = [
    (sympy.gamma(x), "gamma"),
    (sympy.besselj(0, x), "besselj"),
    (sympy.I * x, "ImaginaryUnit"),
    (sympy.Symbol("q") + x, "symbol q"),
    (sympy.DiracDelta(x), "DiracDelta"),
    (sympy.Derivative(sympy.Function("f")(x), x), "Derivative"),
    (sympy.Function("f")(x), "f"),
    (sympy.Integral(sympy.exp(-(x**2) * y**4), (y, 0, x)), "Integral"),
    (x + sympy.zoo, "not a finite number"),
    (sympy.Piecewise((x, sympy.Not(sympy.Eq(sympy.Mod(x, 2), 0))), (y, True)), "Mod"),
]


@pytest.mark.parametrize("expr, piece", UNKNOWN, ids=lambda v: str(v)[:20])
def test_an_unknown_node_is_named(expr, piece):
    with pytest.raises(UnknownNode, match=re.escape(piece)) as refused:
        kernel_source([expr], SLOTS, {}, 1)
    message = str(refused.value)
    assert len(message) < 300 and "\n" not in message


@pytest.mark.parametrize("number", [p, R(3, 2)], ids=["parameter", "number"])
def test_an_extremum_with_a_number_ignores_a_nan_on_the_other_side(number):
    points = [[math.nan, 9.0], [1.0, 9.0], [2.0, math.nan], [math.inf, 9.0], [-math.inf, 9.0]]
    found = values([sympy.Min(x, number), sympy.Max(number, x), sympy.Min(x, y, number)], points)
    assert np.array_equal(found[:, 0], [1.5, 1.0, 1.5, 1.5, -math.inf])
    assert np.array_equal(found[:, 1], [1.5, 1.5, 2.0, math.inf, 1.5])
    assert np.array_equal(found[:, 2], [1.5, 1.0, 1.5, 1.5, -math.inf])


def test_the_source_does_not_depend_on_the_process():
    """Python orders sets of names anew in each process; kernels of two widths must round alike."""
    code = ("import flowopt as fo\n"
            "f = fo.flows.LossNormalizedFlow(M=9.0).on(fo.losses.two_minima()).system\n"
            "print(f.kernel('rhs', 1), f.kernel('jacobian', 1), f.series(5, 1))")
    made = {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True,
                           env={**os.environ, "PYTHONHASHSEED": seed}).stdout
            for seed in ("0", "1", "2")}
    assert len(made) == 1
