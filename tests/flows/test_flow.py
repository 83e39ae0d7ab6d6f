"""Flows: the rule language, parameters and their assumptions, states, rules given as functions."""

import numba
import numpy as np
import pytest
import sympy

import flowopt as fo

EPS = np.finfo(float).eps
LOSS = fo.Loss("x**2/2 + 2*y**2 + x*y + 1")
POINT = np.array([0.7, -1.2])
G = np.array([POINT[0] + POINT[1], 4 * POINT[1] + POINT[0]])
VALUE = POINT[0] ** 2 / 2 + 2 * POINT[1] ** 2 + POINT[0] * POINT[1] + 1
T = 0.6

# rule, value at POINT: every word of the language
RULES = [
    ("-g", -G),
    ("-L*g", -VALUE * G),
    ("theta - g", POINT - G),
    ("-t*g", -T * G),
    ("-dot(g, theta)*g", -(G @ POINT) * G),
    ("-dot(g, g)*theta", -(G @ G) * POINT),
    ("-g/norm(g)", -G / np.linalg.norm(G)),
    ("-unit(g)", -G / np.linalg.norm(G)),
    ("-unit(g + theta)", -(G + POINT) / np.linalg.norm(G + POINT)),
    ("-g/norm1(g)", -G / np.abs(G).sum()),
    ("-g/maxabs(g)", -G / np.abs(G).max()),
    ("-sign(g)*norm1(g - theta)", -np.sign(G) * np.abs(G - POINT).sum()),
    ("-Min(1, 1/norm(g))*g", -min(1, 1 / np.linalg.norm(G)) * G),
    ("-sign(g)*Max(Abs(g) - 0.5, 0)", -np.sign(G) * np.maximum(np.abs(G) - 0.5, 0)),
    ("-relu(g) + tanh(theta)*exp(-t)", -np.maximum(G, 0) + np.tanh(POINT) * np.exp(-T)),
    ("-norm(unit(g))*g", -G),
    ("-norm(g*norm(theta))*g", -np.linalg.norm(G * np.linalg.norm(POINT)) * G),
    ("Piecewise((-g, norm(g) < 1), (-unit(g), True))", -G / np.linalg.norm(G)),
]


def test_rules():
    for rule, value in RULES:
        field = fo.Flow(rule).on(LOSS)
        assert field(T, POINT) == pytest.approx(value, rel=32 * EPS), rule


@pytest.mark.parametrize("rule, value", [
    ("-norm(g)", -abs(1.5 * 2)), ("-unit(g)", -1.0), ("-norm1(g)", -3.0), ("-maxabs(g)", -3.0),
    ("-dot(g, g)", -9.0), ("-dot(g, theta)*g", -13.5)])
def test_reductions_in_one_dimension_need_no_roots(rule, value):
    field = fo.Flow(rule).on(fo.Loss("x**2"))
    assert field(0, [1.5]).tolist() == [value]
    assert not field.system.reductions and not field.equations[0].has(sympy.sqrt(2).func(2, 0.5))


@pytest.mark.parametrize("loss", ["x**2", "x**2 + y**2"])
def test_unit_of_zero_is_zero(loss):
    field = fo.flows.NormalizedFlow().on(loss)
    assert (field(0, np.zeros(field.n)) == 0).all()
    kernel = fo.Loss.from_kernel(lambda x, g: g.__setitem__(slice(None), 2 * x) or 0.0, field.n)
    assert (fo.flows.NormalizedFlow().on(kernel)(0, np.zeros(field.n)) == 0).all()


def test_states():
    flow = fo.Flow({"theta": "-m/(1 + norm(v))", "m": "g - m", "v": "g**2 - b*v + dot(m, v)"},
                   parameters={"b": 0.5}, name="two states")
    field = flow.on(LOSS)
    assert flow.states == ("m", "v") and (field.n, field.m) == (2, 6)
    assert field.names == ("x", "y", "m_x", "m_y", "v_x", "v_y")
    assert field.blocks == (("theta", 0, 2), ("m", 2, 4), ("v", 4, 6))
    m, v = np.array([0.3, -0.4]), np.array([1.5, 0.25])
    expected = np.concatenate([-m / (1 + np.linalg.norm(v)), G - m, G**2 - 0.5 * v + m @ v])
    assert field(0, np.concatenate([POINT, m, v])) == pytest.approx(expected, rel=32 * EPS)
    assert field.start(POINT).tolist() == [*POINT, 0, 0, 0, 0]


def test_sympy_rules():
    g, theta, k = sympy.symbols("g theta k")
    flow = fo.Flow(-k * g + 0.1 * theta, parameters={"k": 2.0})
    assert flow.on(LOSS)(0, POINT) == pytest.approx(-2 * G + 0.1 * POINT, rel=8 * EPS)


# ----------------------------------------------------------------- parameters


def test_parameters_never_compile_again(monkeypatch):
    from flowopt.symbolic import source

    flow = fo.Flow("-a*g + b", parameters={"a": 1.0, "b": 0.25})
    flow.on(LOSS)(0, POINT)
    monkeypatch.setattr(source, "compile_kernel", None)
    other = flow.with_parameters(a=3.0)
    assert other.on(LOSS)(0, POINT) == pytest.approx(-3 * G + 0.25, rel=8 * EPS)
    assert flow.parameters == {"a": 1.0, "b": 0.25} and other.parameters["a"] == 3.0
    field = flow.on(LOSS).with_parameters(b=-1.0)
    assert field(0, POINT) == pytest.approx(-G - 1, rel=8 * EPS)
    assert field.flow.parameters["b"] == -1.0 and field.p.tolist() == [1.0, -1.0]


def test_parameters_of_loss_and_flow_live_together():
    loss = fo.Loss("a*x**2/2", parameters={"a": 3.0})
    field = fo.Flow("-b*g", parameters={"b": 2.0}).on(loss)
    assert dict(field.parameters) == {"a": 3.0, "b": 2.0} and field(0, [1.0]).tolist() == [-6.0]
    changed = field.with_parameters(a=5.0, b=-1.0)
    assert changed(0, [1.0]).tolist() == [5.0] and changed.loss.value([2.0]) == 10.0
    assert field(0, [1.0]).tolist() == [-6.0] and field.loss.value([2.0]) == 6.0
    with pytest.raises(ValueError, match="both have a parameter a"):
        fo.Flow("-a*g", parameters={"a": 2.0}).on(loss)


def test_positive_parameters_are_assumed_and_checked():
    flow = fo.Flow("-Min(1/norm(g), M)*g", parameters={"M": 2.0}, positive=["M"])
    assert flow.parameter_symbols()["M"].is_positive
    for bad in (0.0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="M must be a number"):
            flow.with_parameters(M=bad)
        with pytest.raises(ValueError, match="M must be a number"):
            flow.on(LOSS).with_parameters(M=bad)
    assert flow.with_parameters(M=float("inf")).parameters["M"] == float("inf")


def test_names_of_the_loss_may_be_words_of_the_rule_language():
    """A loss over L, g, theta or t keeps its names; the words of the rule keep their meaning."""
    loss = fo.Loss("L**2 + 3*g**2/2 + theta*t + t**2")  # variables L, g, t, theta
    field = fo.Flow("-g + 0*L + 0*t").on(loss)
    y = np.array([1.0, 2.0, 3.0, 4.0])
    assert field.names == ("L", "g", "t", "theta")
    assert field(0, y) == pytest.approx([-2.0, -6.0, -(4 + 6), -3.0], rel=8 * EPS)
    timed = fo.Flow("-t*g").on(fo.Loss("t**2 + time**2"))
    assert timed(3.0, [1.0, 2.0]).tolist() == [-6.0, -12.0]
    assert timed.time_name not in timed.names and not timed.autonomous


# ----------------------------------------------------------------- rules given as functions


@numba.njit
def compiled_rule(t, y, L, g, p, dy):
    n = g.shape[0]
    for i in range(n):
        dy[i] = y[n + i] + t
        dy[n + i] = -p[0] * y[n + i] - p[1] * L * g[i]


def plain_rule(t, y, L, g, p, dy):
    n = len(g)
    dy[:n] = y[n:] + t
    dy[n:] = -p[0] * y[n:] - p[1] * L * g


def hessian_rule(t, y, L, g, H, p, dy):
    for i in range(len(g)):
        dy[i] = 0.0
        for j in range(len(g)):
            dy[i] -= H[i, j] * g[j]


@pytest.mark.parametrize("rule", [compiled_rule, plain_rule], ids=["compiled", "plain"])
@pytest.mark.parametrize("loss", [LOSS, fo.Loss("a*x**2/2 + 2*y**2 + x*y + c",
                                                parameters={"c": 1.0, "a": 1.0})],
                         ids=["loss", "loss with parameters"])
def test_rule_of_a_function(rule, loss):
    flow = fo.Flow.from_kernel(rule, states=("v",), parameters={"gamma": 0.5, "eta": 2.0})
    field = flow.on(loss)
    v = np.array([0.3, -0.4])
    expected = np.concatenate([v + T, -0.5 * v - 2 * VALUE * G])
    assert field(T, [*POINT, *v]) == pytest.approx(expected, rel=16 * EPS)
    points = np.random.default_rng(2).normal(size=(70, 4))
    assert (field(T, points) == [field(T, p) for p in points]).all()
    faster = field.with_parameters(eta=4.0)
    assert faster(T, [*POINT, *v])[2:] == pytest.approx(-0.5 * v - 4 * VALUE * G, rel=16 * EPS)
    with pytest.raises(ValueError, match="is a kernel and has no expression"):
        flow.abstract_rules()


@pytest.mark.parametrize("rule", [hessian_rule, numba.njit(hessian_rule)],
                         ids=["plain", "compiled"])
def test_rule_with_a_hessian(rule):
    field = fo.Flow.from_kernel(rule, hessian=True).on(LOSS)
    H = np.array([[1.0, 1.0], [1.0, 4.0]])
    assert field(0, POINT) == pytest.approx(-H @ G, rel=16 * EPS)
    with pytest.raises(ValueError, match="has no Hessian"):
        fo.Flow.from_kernel(rule, hessian=True).on(
            fo.Loss.from_kernel(lambda x, g: 0.0, 2))(0, POINT)


def test_what_a_plain_rule_raises_is_told():
    def bad(t, y, L, g, p, dy):
        raise ZeroDivisionError("by hand")

    with pytest.raises(RuntimeError, match="raised ZeroDivisionError: by hand"):
        fo.Flow.from_kernel(bad).on(LOSS)(0, POINT)


def test_newton_flow_solves_any_system():
    """Also where elimination must exchange rows: H = [[0, 1], [1, 0]] and a 4 x 4 of both signs."""
    assert fo.flows.NewtonFlow().on(fo.Loss("x*y"))(0, [2.0, 3.0]).tolist() == [-2.0, -3.0]
    rng = np.random.default_rng(4)
    A = rng.normal(size=(4, 4))
    A = A + A.T
    A[0, 0] = A[1, 1] = 0.0
    x = rng.normal(size=4)
    field = fo.flows.NewtonFlow().on(fo.losses.quadratic(A.tolist()))
    bound = 16 * EPS * np.linalg.cond(A) * abs(x).max()
    assert abs(field(0, x) + x).max() <= bound  # ½ xᵀAx: the step is -x whatever A
    assert not np.isfinite(fo.flows.NewtonFlow().on(fo.Loss("x**3 + y"))(0, [1.0, 1.0])).all()


# ----------------------------------------------------------------- the catalogue

CATALOGUE = [fo.flows.GradientFlow(), fo.flows.SignFlow(), fo.flows.NormalizedFlow(),
             fo.flows.LossNormalizedFlow(), fo.flows.LossNormalizedFlow(clip="rate"),
             fo.flows.HeavyBall(), fo.flows.NewtonFlow()]


def test_every_flow_has_a_name_and_a_source():
    for flow in CATALOGUE:
        assert flow.name and flow.reference and repr(flow).startswith(f"<Flow {flow.name}")
        assert flow.on("x**2 + y**2").name == f"{flow.name} on L"
        assert fo.flows.GradientFlow().on(LOSS).m == 2


def test_abstract_rules_know_no_loss():
    g, L = sympy.Symbol("g", real=True), sympy.Symbol("L", real=True)
    assert fo.flows.GradientFlow().abstract_rules() == {"theta": -g}
    rule = fo.flows.LossNormalizedFlow(M=2.0).abstract_rules()["theta"]
    M = sympy.Symbol("M", positive=True)
    assert {g, L, M} <= rule.free_symbols
    assert {f.func.__name__ for f in rule.atoms(sympy.core.function.AppliedUndef)} == {"unit",
                                                                                       "norm"}


def test_clips():
    """Both clips, on both sides of the switch, with and without a known minimum."""
    loss = fo.Loss("x**2/2 + y**2/2 + 3")
    for x in ([3.0, 4.0], [0.03, 0.04]):
        g = np.array(x)
        norm, gap = np.linalg.norm(g), g @ g / 2 + 3 - 1
        for clip, value in (("norm", -g / norm * min(1 / norm, 10) * gap),
                            ("rate", -min(gap / norm**2, 10) * g)):
            field = fo.flows.LossNormalizedFlow(M=10.0, minimum=1.0, clip=clip).on(loss)
            assert field(0, x) == pytest.approx(value, rel=16 * EPS)
    assert (fo.flows.LossNormalizedFlow().on(loss)(0, [0.0, 0.0]) == 0).all()
