"""Bad input: one sentence that names the argument, says what it must be, and comes before work."""

import re
import time

import numpy as np
import pytest
import sympy

import flowopt as fo
from flowopt import _native

nan, inf = float("nan"), float("inf")
LOSS = fo.Loss("x**2 + y**2")
FLOW = fo.flows.GradientFlow()
FIELD = fo.VectorField(["-x", "-y"], ["x", "y"])
ONE = fo.VectorField(["-x"], ["x"])
BALL = fo.flows.HeavyBall().on(LOSS)
SIGN = fo.flows.SignFlow().on(LOSS)
KERNEL = fo.VectorField.from_kernel(lambda t, y, p, dy: None, 2)
x = sympy.Symbol("x")


def go(field=FIELD, x0=(1.0, 2.0), t=(0.0, 1.0), **options):
    return lambda: fo.integrate(field, x0, t, **options)


# what is called, the error, and what the sentence must hold: the argument, and what it was

INTEGRATE = {
    # x0
    "x0 too short": (go(x0=[1.0]), ValueError, "x0", "(2,)", "(1,)"),
    "x0 two axes": (go(x0=[[1.0, 2.0]]), ValueError, "x0", "(2,)", "(1, 2)"),
    "x0 a number": (go(x0=1.0), ValueError, "x0", "(2,)"),
    "x0 empty": (go(x0=[]), ValueError, "x0", "(0,)"),
    "x0 ragged": (go(x0=[[1.0], [1.0, 2.0]]), ValueError, "x0", "different lengths"),
    "x0 text": (go(x0="ab"), TypeError, "x0", "'ab'"),
    "x0 texts": (go(x0=["1", "2"]), TypeError, "x0", "'1'"),
    "x0 complex": (go(x0=[1j, 2.0]), TypeError, "x0", "1j"),
    "x0 bool": (go(x0=[True, False]), TypeError, "x0", "True"),
    "x0 nan": (go(x0=[1.0, nan]), ValueError, "x0", "finite", "nan", "index (1,)"),
    "x0 inf": (go(x0=[-inf, 0.0]), ValueError, "x0", "finite", "-inf"),
    "x0 mapping": (go(x0={"x": 1.0, "y": 2.0}), TypeError, "x0"),
    "x0 between θ and all states": (go(BALL, x0=[1.0, 2.0, 3.0]), ValueError, "x0", "(2,)",
                                    "(4,)", "(3,)"),
    # t
    "t of no length": (go(t=(1.0, 1.0)), ValueError, "t ", "not zero", "(1, 1)"),
    "t a number": (go(t=5.0), TypeError, "t ", "pair", "5.0"),
    "t of three": (go(t=(0, 1, 2)), TypeError, "t ", "pair", "(0, 1, 2)"),
    "t nan": (go(t=(0, nan)), ValueError, "t[1]", "finite", "nan"),
    "t inf": (go(t=(-inf, 0)), ValueError, "t[0]", "finite", "-inf"),
    "t text": (go(t="01"), TypeError, "t[0]", "'0'"),
    "t none": (go(t=None), TypeError, "t ", "None"),
    # save_at
    "save_at unsorted": (go(save_at=[0.5, 0.2]), ValueError, "save_at", "increasing"),
    "save_at twice": (go(save_at=[0.5, 0.5]), ValueError, "save_at", "strictly increasing"),
    "save_at after": (go(save_at=[0.5, 1.2]), ValueError, "save_at", "span", "1.2"),
    "save_at before": (go(save_at=[-0.5, 0.2]), ValueError, "save_at", "span", "-0.5"),
    "save_at empty": (go(save_at=[]), ValueError, "save_at", "(k,)", "(0,)"),
    "save_at nan": (go(save_at=[nan]), ValueError, "save_at", "finite", "nan"),
    "save_at a number": (go(save_at=0.5), ValueError, "save_at", "(k,)"),
    "save_at two axes": (go(save_at=[[0.5]]), ValueError, "save_at", "(1, 1)"),
    "save_at against the run": (go(t=(1, 0), save_at=[0.2, 0.5]), ValueError, "save_at",
                                "decreasing"),
    "save_at text": (go(save_at="all"), TypeError, "save_at", "'all'"),
    # method
    "method class": (go(method=fo.Euler), TypeError, "method", "instance", "Euler"),
    "method name": (go(method="RK45"), TypeError, "method", "fo.DOP853", "'RK45'"),
    "method tableau": (go(method=fo.RK4.tableau), TypeError, "method"),
    "atol for three": (go(method=fo.DOP853(atol=[1e-3] * 3)), ValueError, "atol", "(2,)", "(3,)"),
    "too many steps": (go(method=fo.Euler(h=1e-300)), ValueError, "h ", "larger", "1e-300"),
    "path too long": (go(method=fo.Euler(h=1e-12)), ValueError, "h=1e-12", "save_at"),
    "no states": (go(method=fo.SequentialEuler(h=0.1)), ValueError, "SequentialEuler", "states"),
    "odd": (go(ONE, x0=[1.0], method=fo.SymplecticEuler(h=0.1)), ValueError, "SymplecticEuler",
            "1 equation"),
    "no velocities": (go(FLOW.on(LOSS), method=fo.SymplecticEuler(h=0.1)), ValueError,
                      "SymplecticEuler", "velocities"),
    # field
    "field is a flow": (go(FLOW), TypeError, "field", "gradient flow", "flow.on(loss)"),
    "field is a loss": (go(LOSS), TypeError, "field", "loss", ".on(loss)"),
    "field is a function": (go(lambda t, y: -y), TypeError, "field", "function"),
    "field is none": (go(None), TypeError, "field", "None"),
    "field is text": (go("x**2"), TypeError, "field", "'x**2'"),
    # options
    "max_steps zero": (go(max_steps=0), ValueError, "max_steps", ">= 1", "0"),
    "max_steps float": (go(max_steps=1e6), TypeError, "max_steps", "integer"),
    "max_steps bool": (go(max_steps=True), TypeError, "max_steps", "True"),
    "dense text": (go(dense="yes"), TypeError, "dense", "'yes'"),
    "events text": (go(events="x"), TypeError, "events", "list", "'x'"),
    "events number": (go(events=[3]), TypeError, "event", "3"),
    "events unknown": (go(events=["x - q"]), ValueError, "events", "q"),
    "rest negative": (go(rest=-1.0), ValueError, "rest", "> 0", "-1"),
    "rest of a kernel": (go(KERNEL, rest=1e-3), ValueError, "rest", "expressions"),
    # options without effect
    "seed without noise": (go(seed=1), ValueError, "seed", "no effect", "DOP853"),
    "events of a map": (go(method=fo.Euler(h=0.1), events=["x"]), ValueError, "events", "adaptive",
                        "Euler"),
    "rest of a map": (go(method=fo.RK4(h=0.1), rest=1e-3), ValueError, "rest", "adaptive", "RK4"),
    "dense noise": (go(FLOW.on(LOSS), method=fo.EulerMaruyama(h=0.1, temperature=0.1),
                       dense=True), ValueError, "dense=True", "Brownian"),
    "jumps of a kernel": (go(fo.flows.SignFlow().on(fo.Loss.from_kernel(lambda x, g: 0.0, 2))),
                          ValueError, "surfaces", "expression"),
    "unit of a kernel in 1-D": (go(fo.flows.NormalizedFlow().on(
        fo.Loss.from_kernel(lambda x, g: 0.0, 1)), x0=[1.0]), ValueError, "surfaces"),
}

METHODS = {
    **{f"h={bad!r}": (lambda bad=bad: fo.RK4(h=bad), error, "h ", "> 0", repr(bad))
       for bad, error in [(0, ValueError), (-0.1, ValueError), (nan, ValueError),
                          (inf, ValueError), ("0.1", TypeError), (True, TypeError),
                          ([0.1], TypeError), (None, TypeError), (1j, TypeError)]},
    **{f"rtol={bad!r}": (lambda bad=bad: fo.Tsit5(rtol=bad), error, "rtol", repr(bad))
       for bad, error in [(0, ValueError), (-1.0, ValueError), (1e-16, ValueError),
                          (1, ValueError), (nan, ValueError), ("a", TypeError)]},
    **{f"atol={bad!r}": (lambda bad=bad: fo.Dopri5(atol=bad), error, "atol")
       for bad, error in [(0, ValueError), ([1e-3, -1.0], ValueError), (nan, ValueError),
                          ([[1e-3]], ValueError), ("a", TypeError), ([], ValueError)]},
    **{f"{name}={bad!r}": (lambda name=name, bad=bad: fo.DOP853(**{name: bad}), ValueError, name,
                           "> 0") for name in ("h0", "max_step") for bad in (0, -1.0, nan)},
    "first": (lambda: fo.SymplecticEuler(h=0.1, first="p"), ValueError, "first", "'v'", "'p'"),
    "h of an adaptive method": (lambda: fo.DOP853(h=0.1), TypeError, "'h'"),
    "rtol of a fixed step": (lambda: fo.Euler(h=0.1, rtol=1e-3), TypeError, "'rtol'"),
    "no h": (lambda: fo.Euler(), TypeError, "'h'"),
    "direction": (lambda: fo.Event("x", direction=2), ValueError, "direction", "2"),
}

LOSSES = {
    "nothing": (lambda: fo.Loss(None), TypeError, "expr", "NoneType"),
    "list": (lambda: fo.Loss([1, 2]), TypeError, "expr", "list"),
    "function": (lambda: fo.Loss(lambda x: x), TypeError, "expr", "from_kernel"),
    "matrix": (lambda: fo.Loss(sympy.Matrix([x])), TypeError, "expr", "Matrix"),
    "equation": (lambda: fo.Loss(sympy.Eq(x, 1)), TypeError, "expr", "Equality"),
    "constant": (lambda: fo.Loss("3"), ValueError, "at least one variable", "3"),
    "code": (lambda: fo.Loss("x.__class__"), ValueError, "attributes"),
    "import": (lambda: fo.Loss('__import__("os")'), ValueError, "__import__"),
    "open bracket": (lambda: fo.Loss("(x"), ValueError, "open"),
    "a megabyte": (lambda: fo.Loss("x+" * 500_000 + "x"), ValueError, "1000001 characters"),
    "long power": (lambda: fo.Loss("x**99999999"), ValueError, "99999999"),
    "tower": (lambda: fo.Loss("9**9**9**9*x"), ValueError, "loss"),
    "undeclared": (lambda: fo.Loss("x + y", variables=["x"]), ValueError, "y", "variables"),
    "variable twice": (lambda: fo.Loss("x", variables=["x", "x"]), ValueError, "variables", "x"),
    "variable with a space": (lambda: fo.Loss("x", variables=["x y"]), ValueError, "variables"),
    "both": (lambda: fo.Loss("x + a", variables=["x", "a"], parameters={"a": 1.0}), ValueError,
             "a ", "parameter"),
    "minimum": (lambda: fo.Loss("x", minimum="low"), TypeError, "minimum", "'low'"),
    "minima": (lambda: fo.Loss("x", minima=[["a"]]), TypeError, "minima", "'a'"),
    "minima of another size": (lambda: fo.Loss("x", minima=[[1.0, 2.0]]), ValueError, "minima",
                               "(k, 1)"),
    "parameter without effect": (lambda: fo.Loss("x", parameters={"a": 1.0}), ValueError,
                                 "parameters", "a", "does not occur"),
    "parameter's name": (lambda: fo.Loss("x", parameters={"a b": 1.0}), ValueError, "parameters",
                         "a b"),
    "parameter's value": (lambda: fo.Loss("a*x", parameters={"a": "1"}), TypeError, "'a'", "'1'"),
    "parameter nan": (lambda: fo.Loss("a*x", parameters={"a": nan}), ValueError, "'a'", "nan"),
    "parameter list": (lambda: fo.Loss("a*x", parameters={"a": [1]}), TypeError, "'a'", "[1]"),
    "parameters list": (lambda: fo.Loss("a*x", parameters=["a"]), TypeError, "parameters",
                        "mapping"),
    "unknown parameter": (lambda: LOSS.with_parameters(q=1.0), ValueError, "parameter q"),
    "no function": (lambda: fo.Loss.from_kernel(3, 1), TypeError, "f ", "3"),
    "no coordinates": (lambda: fo.Loss.from_kernel(lambda x, g: 0.0, 0), ValueError, "n ", "0"),
    "half a coordinate": (lambda: fo.Loss.from_kernel(lambda x, g: 0.0, 1.5), TypeError, "n "),
    "gamma": (lambda: fo.Loss(sympy.gamma(x)).value(1.0), ValueError, "gamma", "no compiled form"),
    "complex": (lambda: fo.Loss(sympy.I * x).value(1.0), ValueError, "ImaginaryUnit"),
    "infinite": (lambda: fo.Loss(x + sympy.zoo * x**2).value(1.0), ValueError, "finite"),
    "value of the wrong shape": (lambda: LOSS.value([1.0]), ValueError, "x ", "(2,)", "(1,)"),
    "value of three axes": (lambda: LOSS.value(np.zeros((1, 1, 2))), ValueError, "x ", "(1, 1, 2)"),
    "value of a number": (lambda: LOSS.grad(1.0), ValueError, "x ", "(2,)"),
    "value of text": (lambda: LOSS.hess("x"), TypeError, "x ", "'x'"),
    "value of nothing": (lambda: LOSS.value(np.zeros((0, 2))), ValueError, "x ", "(0, 2)"),
}

FLOWS = {
    "on text": (lambda: FLOW.on("x +"), ValueError, "loss", "ends after '+'"),
    "on a function": (lambda: FLOW.on(abs), TypeError, "loss", "abs"),
    "on a flow": (lambda: FLOW.on(FLOW), TypeError, "loss", "gradient flow"),
    "Newton on a function": (lambda: fo.flows.NewtonFlow().on(abs), TypeError, "loss"),
    "unknown name": (lambda: fo.Flow("-h*g"), ValueError, "rule of theta", "h"),
    "no theta": (lambda: fo.Flow({"v": "-g"}), ValueError, "'theta'", "v"),
    "empty": (lambda: fo.Flow({}), ValueError, "'theta'", "nothing"),
    "number": (lambda: fo.Flow(3), TypeError, "rule of theta", "3"),
    "reserved state": (lambda: fo.Flow({"theta": "-g", "L": "g"}), ValueError, "L ", "rename"),
    "reserved parameter": (lambda: fo.Flow("-t*g", parameters={"t": 1.0}), ValueError, "t ",
                           "rename"),
    "clash": (lambda: fo.Flow({"theta": "-v", "v": "g"}, parameters={"v": 1.0}), ValueError, "v"),
    "parameter without effect": (lambda: fo.Flow("-g", parameters={"a": 1.0}), ValueError, "a",
                                 "does not occur"),
    "positive unknown": (lambda: fo.Flow("-a*g", parameters={"a": 1.0}, positive=["b"]),
                         ValueError, "positive", "b"),
    "positive text": (lambda: fo.Flow("-a*g", parameters={"a": 1.0}, positive="a"), TypeError,
                      "positive", "'a'"),
    "not positive": (lambda: fo.Flow("-a*g", parameters={"a": -1.0}, positive=["a"]), ValueError,
                     "a ", "> 0", "-1"),
    "no function": (lambda: fo.Flow.from_kernel("-g"), TypeError, "f ", "'-g'"),
    "wrong reduction": (lambda: fo.Flow("-nrom(g)"), ValueError, "nrom", "norm"),
    "norm of two": (lambda: fo.Flow("-norm(g, g)"), ValueError, "norm", "takes 1"),
    "dot of one": (lambda: fo.Flow("-dot(g)*g"), ValueError, "dot", "takes 2"),
    "M": (lambda: fo.flows.LossNormalizedFlow(M=-1), ValueError, "M ", "> 0", "-1"),
    "M text": (lambda: fo.flows.LossNormalizedFlow(M="a"), TypeError, "M ", "'a'"),
    "minimum": (lambda: fo.flows.LossNormalizedFlow(minimum=inf), ValueError, "minimum", "inf"),
    "clip": (lambda: fo.flows.LossNormalizedFlow(clip="nrm"), ValueError, "clip", "'norm'"),
    "gamma": (lambda: fo.flows.HeavyBall(gamma=-0.1), ValueError, "gamma", ">= 0", "-0.1"),
    "M later": (lambda: fo.flows.LossNormalizedFlow().with_parameters(M=0.0), ValueError, "M "),
    "M of a field": (lambda: fo.flows.LossNormalizedFlow().on(LOSS).with_parameters(M=-2.0),
                     ValueError, "M "),
    "unknown parameter": (lambda: FLOW.with_parameters(eta=1.0), ValueError, "parameter eta"),
    "unknown parameter of a field": (lambda: BALL.with_parameters(gama=1.0), ValueError, "gama",
                                     "gamma"),
    "same parameter": (lambda: fo.flows.HeavyBall().on(fo.Loss("gamma*x**2",
                                                               parameters={"gamma": 1.0})),
                       ValueError, "gamma", "rename"),
    "same name": (lambda: fo.flows.HeavyBall().on("x + v_x"), ValueError, "v_x", "rename"),
}

FIELDS = {
    "too few": (lambda: fo.VectorField(["x"], ["x", "y"]), ValueError, "equations", "2", "1"),
    "none": (lambda: fo.VectorField([], []), ValueError, "at least one"),
    "unknown name": (lambda: fo.VectorField(["x + q"], ["x"]), ValueError, "equation 1", "q"),
    "nothing": (lambda: fo.VectorField([None], ["x"]), TypeError, "equation 1", "None"),
    "time is a variable": (lambda: fo.VectorField(["x"], ["x"], time="x"), ValueError, "time"),
    "parameter is a variable": (lambda: fo.VectorField(["x"], ["x"], parameters={"x": 1.0}),
                                ValueError, "parameters"),
    "parameter without effect": (lambda: fo.VectorField(["x"], ["x"], parameters={"a": 1.0}),
                                 ValueError, "a", "does not occur"),
    "no function": (lambda: fo.VectorField.from_kernel(3, 1), TypeError, "rhs", "3"),
    "dimension": (lambda: fo.VectorField.from_kernel(abs, 1.5), TypeError, "n ", "1.5"),
    "y too short": (lambda: FIELD(0, [1.0]), ValueError, "y ", "(2,)", "(1,)"),
    "y text": (lambda: FIELD(0, "ab"), TypeError, "y ", "'ab'"),
    "t of another length": (lambda: FIELD([0.0, 1.0], [1.0, 2.0]), ValueError, "t ", "(2,)"),
    "t text": (lambda: FIELD("now", [1.0, 2.0]), TypeError, "t ", "'now'"),
    "rhs": (lambda: FIELD.rhs(0, np.ones(3)), ValueError, "y ", "(2,)", "(3,)"),
    "regime without surfaces": (lambda: FIELD.jacobian(0, [1.0, 2.0], regime=[1]), ValueError,
                                "regime", "0 sides"),
    "regime too short": (lambda: SIGN.jacobian(0, [1.0, 2.0], regime=[1]), ValueError, "regime",
                         "2 sides", "[1]"),
    "regime of zero": (lambda: SIGN.in_regime(0, [1.0, 2.0], [0, 1]), ValueError, "regime",
                       "1 or -1"),
    "regime text": (lambda: SIGN.jacobian(0, [1.0, 2.0], regime="++"), TypeError, "regime", "'++'"),
    "on a surface": (lambda: SIGN.jacobian(0, [0.0, 2.0]), ValueError, "surface 0", "regime="),
}

RUN = {
    "outside": (lambda run: run(2.0), ValueError, "t ", "from 0 to 1", "2"),
    "one outside": (lambda run: run([0.5, -0.1]), ValueError, "t ", "-0.1"),
    "nan": (lambda run: run(nan), ValueError, "t ", "nan"),
    "text": (lambda run: run("a"), TypeError, "t ", "'a'"),
    "two axes": (lambda run: run([[0.5]]), ValueError, "t ", "(1, 1)"),
    "no loss": (lambda run: run.loss, ValueError, "no loss"),
}


def check(call, error, *pieces):
    """One line, short, quick, and it names what is wrong."""
    start = time.perf_counter()
    with pytest.raises(error) as refused:
        call()
    assert time.perf_counter() - start < 2.0
    message = str(refused.value)
    for piece in pieces:
        assert piece in message, message
    assert 10 < len(message) < 300 and "\n" not in message
    assert not re.search(r"[a-z)]{3}\. [A-Z]", message), "one sentence"
    assert refused.value.__cause__ is None or error is RuntimeError


def table(cases):
    return pytest.mark.parametrize("case", cases.values(), ids=cases.keys())


@table(INTEGRATE)
def test_integrate_refuses_before_any_work(case, monkeypatch):
    def work(*_):
        raise AssertionError("work was started")

    monkeypatch.setattr(_native, "unit", work)
    monkeypatch.setattr(_native, "resident", work)
    check(*case)


@table(METHODS)
def test_methods(case):
    check(*case)


@table(LOSSES)
def test_losses(case):
    check(*case)


@table(FLOWS)
def test_flows(case):
    check(*case)


@table(FIELDS)
def test_fields(case):
    check(*case)


@table(RUN)
def test_runs(case):
    call, *rest = case
    run = fo.integrate(FIELD, [1.0, 2.0], (0.0, 1.0))
    check(lambda: call(run), *rest)


def test_a_run_without_its_steps():
    run = fo.integrate(FIELD, [1.0, 2.0], (0.0, 1.0), save_at=[0.5])
    check(lambda: run(0.5), ValueError, "dense=True")
    run = fo.integrate(FIELD, [1.0, 2.0], (0.0, 1.0), dense=False)
    check(lambda: run(0.5), ValueError, "dense=True")


def test_unknown_names_of_the_package():
    with pytest.raises(AttributeError, match="no attribute 'Eular'"):
        fo.Eular  # noqa: B018
    assert {"integrate", "Loss", "Flow", "VectorField", "Euler", "DOP853", "load"} <= set(dir(fo))
