"""Claims about polynomial and rational fields: proved, refuted by a point, or unknown."""

import pytest
from stability.polynomial_cases import judge, survivors

import flowopt as fo
from flowopt.stability.exact import Refused

XY = ["x", "y"]
SPIRAL = (["-x**3 + y", "-x - y"], XY)
CENTRE = (["y", "-x"], XY)
DAMPED = (["y", "-x - y"], XY)
VAN_DER_POL = (["-y", "x - y + x**2*y"], XY)

PROVED = [
    (*SPIRAL, "nonincreasing", "x**2 + y**2", {}, "lyapunov"),
    (*SPIRAL, "decreasing", "x**2 + y**2", {}, "lyapunov"),
    (*SPIRAL, "decreasing", None, {}, "lyapunov"),
    (*SPIRAL, "asymptotically_stable", "x**2 + y**2", {"scope": "global"}, "lyapunov"),
    (*SPIRAL, "asymptotically_stable", None, {"scope": "global"}, "lyapunov"),
    (*SPIRAL, "asymptotically_stable", None, {}, "hurwitz"),
    (*DAMPED, "asymptotically_stable", "x**2 + y**2", {"scope": "global"}, "lasalle"),
    (*DAMPED, "asymptotically_stable", "3*x**2 + 2*x*y + 2*y**2", {}, "lyapunov"),
    (*CENTRE, "conserved", "x**2 + y**2", {}, "lyapunov"),
    (*CENTRE, "stable", None, {}, "lyapunov"),
    (*CENTRE, "stable", "x**2 + y**2", {}, "lyapunov"),
    (["y", "x - x**3 - y"], XY, "converges_to_critical_set", "y**2/2 + x**4/4 - x**2/2", {},
     "lasalle"),
    (["y", "-x**3 - y**3"], XY, "asymptotically_stable", None, {"scope": "global"}, "lasalle"),
    (["-x**3", "y**3"], XY, "unstable", None, {}, "chetaev"),
    (["-y + x*(x**2 + y**2)", "x + y*(x**2 + y**2)"], XY, "unstable", None, {}, "chetaev"),
    (["-y - x*(x**2 + y**2)", "x - y*(x**2 + y**2)"], XY, "asymptotically_stable", None,
     {"scope": "global"}, "lyapunov"),
    (["x", "-y"], XY, "unstable", None, {}, "hurwitz"),
    (["x**2"], ["x"], "unstable", None, {}, "line"),
    (["-x**5/7"], ["x"], "asymptotically_stable", None, {}, "line"),
    (["-x**5/7"], ["x"], "asymptotically_stable", None, {"scope": "global"}, "lyapunov"),
    (["-(x - 1)**3"], ["x"], "asymptotically_stable", None, {"scope": "global", "at": ["1"]},
     "lyapunov"),
    (["-x/(1 + x**2)", "-y"], XY, "decreasing", "x**2 + y**2", {}, "lyapunov"),
    (["-x/(1 + x**2)", "-y"], XY, "nonincreasing", "(x**2 + y**2)/(1 + x**2 + y**2)", {},
     "lyapunov"),
    (["-x"], ["x"], "exponential", "x**2", {"rate": 2}, "lyapunov"),
    (["-x + y", "-x - y"], XY, "exponential", "x**2 + y**2", {"rate": 2}, "lyapunov"),
    (["-x*(x**2 - 2)**2"], ["x"], "decreasing", "x**2", {}, "lyapunov"),
    (["-x - x**3"], ["x"], "nonincreasing", "x**2", {"bound": "-2*x**2"}, "lyapunov"),
    (["y", "x"], XY, "positive", "x**4*y**2 + x**2*y**4 - 3*x**2*y**2 + 1 + x**2", {},
     "lyapunov"),
    (["y", "x"], XY, "nonnegative", "x**4*y**2 + x**2*y**4 - 3*x**2*y**2 + 1", {}, "lyapunov"),
    (["-x + x**3"], ["x"], "region", "x**2", {"level": 0.99}, "region"),
    # Papachristodoulou and Prajna (2002), section 4.1: a quadratic V exists
    (["-x**3 - x*z**2", "-y - x**2*y", "-z - 3*z/(z**2 + 1) + 3*x**2*z"], ["x", "y", "z"],
     "asymptotically_stable", None, {"scope": "global"}, "lyapunov"),
    # Lorenz below its first bifurcation
    (["10*(y - x)", "x*(1/2 - z) - y", "x*y - 8*z/3"], ["x", "y", "z"],
     "asymptotically_stable", None, {"scope": "global"}, "lyapunov"),
    # Krstic's jet engine in feedback: a quartic V
    (["-y - 3*x**2/2 - x**3/2", "3*x - y"], XY, "asymptotically_stable", None,
     {"scope": "global"}, "lyapunov"),
    (["y", "-x**3 - y"], XY, "asymptotically_stable", None, {"scope": "global"}, "lasalle"),
]


@pytest.mark.parametrize("equations, names, claim, V, options, kind", PROVED)
def test_proved(equations, names, claim, V, options, kind):
    v = judge(equations, names, claim, V, **options)
    assert v.proved and v.trust == "A" and v.certificate.kind == kind
    assert survivors(v) == []


DISPROVED = [
    (*SPIRAL, "unstable", None, {}, "hurwitz"),
    (["x", "-y"], XY, "stable", None, {}, "hurwitz"),
    (["x", "-y"], XY, "asymptotically_stable", None, {"scope": "global"}, "hurwitz"),
    (["x**2"], ["x"], "stable", None, {}, "line"),
    (["-x**3"], ["x"], "unstable", None, {}, "line"),
    (*CENTRE, "asymptotically_stable", None, {}, "divergence"),
    (["y", "-sin(0)*x - x**3"], XY, "asymptotically_stable", None, {}, "divergence"),
    (["-x + x**3"], ["x"], "asymptotically_stable", None, {"scope": "global"}, "equilibria"),
    (["-x + 2*x**3"], ["x"], "asymptotically_stable", None, {"scope": "global"}, "equilibria"),
    (["-x + x*y", "-y"], XY, "nonincreasing", "x**2 + y**2", {}, "point"),
    (["-x"], ["x"], "exponential", "x**2", {"rate": "20000001/10000000"}, "point"),
    (["-x + y", "-x - y"], XY, "exponential", "x**2 + y**2", {"rate": 2.000001}, "point"),
    (*DAMPED, "decreasing", "x**2 + y**2", {}, "point"),
    (*DAMPED, "conserved", "x**2 + y**2", {}, "point"),
    (["-x*(x**2 - 2)**2"], ["x"], "decreasing", "x**2*(x**2 - 3)**2", {}, "point"),
    (["-x"], ["x"], "decreasing", "(x**2 - 2)**2*x**2", {}, "point"),
    (["y", "x"], XY, "positive", "(x + 2*y)**2", {}, "point"),
    (["y", "x"], XY, "nonnegative", "x**4 - x**2 + 1/4 - 1/1000 + y**2", {}, "point"),
    (["-x + x**3"], ["x"], "region", "x**2", {"level": 1}, "region"),
    (*CENTRE, "region", "x**2 + y**2", {"level": 1}, "region"),
    (["-x", "0*y"], XY, "asymptotically_stable", None, {}, "equilibria"),
    (["y - x", "x - y"], XY, "asymptotically_stable", None, {}, "equilibria"),
    (["-x", "y**3"], XY, "stable", None, {}, "chetaev"),
    (["-x**3", "-y**3"], XY, "unstable", None, {}, "rest"),
    (["-x"], ["x"], "nonincreasing", "x**2", {"bound": "-2*x**2 - x**4"}, "point"),
    (["-x", "-y"], XY, "nonincreasing", "x**2 + y**2", {"bound": "-2*x**2 - 3*y**2"}, "point"),
    (["y", "x"], XY, "nonnegative", "(x*y - 1)**2 + x**2 - 1/10**4", {}, "point"),
]


@pytest.mark.parametrize("equations, names, claim, V, options, kind", DISPROVED)
def test_disproved(equations, names, claim, V, options, kind):
    v = judge(equations, names, claim, V, **options)
    assert v.disproved and v.counterexample.kind == kind
    assert survivors(v) == []


@pytest.mark.parametrize("equations, names", [
    (["-sin(x)"], ["x"]), (["-abs(x)*x"], ["x"]), (["-x*exp(-x)"], ["x"]), (["-sign(x)"], ["x"]),
    (["-sqrt(x**2)"], ["x"]), (["-x + t"], ["x"]), (["y", "-sin(x) - y"], XY)])
def test_what_is_not_rational_is_not_for_this_rung(equations, names):
    assert judge(equations, names, "stable") is None
    assert judge(equations, names, "nonincreasing", "+".join(f"{n}**2" for n in names)) is None


def test_flows_on_a_polynomial_loss():
    flow = fo.flows.GradientFlow().on("(x - 1)**4 + x*y + y**4")
    v = judge(flow, None, "decreasing")
    assert v.proved and v.certificate.data["epsilon"] == "1"  # dL/dt = -|F|^2 exactly
    wells = "(x**2 - 1)**2/4 + y**2/2"
    for made in (fo.flows.GradientFlow().on(wells), fo.flows.HeavyBall().on(wells)):
        v = judge(made, None, "converges_to_critical_set")
        assert v.proved and v.certificate.kind == "lasalle" and survivors(v) == []
    ball = fo.flows.HeavyBall().on("(x**2 - 1)**2/4 + y**2/2")
    assert judge(ball, None, "asymptotically_stable", at=["1", "0", "0", "0"]).proved
    assert judge(ball, None, "asymptotically_stable", at=["0", "0", "0", "0"]).disproved
    v = judge(ball, None, "asymptotically_stable", scope="global", at=["1", "0", "0", "0"])
    assert v.disproved and v.counterexample.kind == "equilibria"


def test_parameters_are_rationals():
    """0.1 is 1/10: at the edge the claim is decided exactly."""
    field = fo.VectorField(["-a*x"], ["x"], parameters={"a": 0.1})
    assert judge(field, None, "exponential", "x**2", rate=0.2).proved
    assert judge(field, None, "exponential", "x**2", rate="2*a").proved
    assert judge(field, None, "exponential", "x**2", rate=0.2000000000000001).disproved


def test_on_a_box_only():
    field = (["-x + x**3", "-y"], XY)
    assert judge(*field, "nonincreasing", "x**2 + y**2").disproved
    v = judge(*field, "nonincreasing", "x**2 + y**2", box=[(-1, 1), (-5, 5)])
    assert v.proved and survivors(v) == []
    assert judge(*field, "nonincreasing", "x**2 + y**2",
                 box=[(-1.000001, 1), (-5, 5)]).disproved
    assert judge(["-x + x**3"], ["x"], "nonincreasing", "x**2", box=(-1, 1)).proved
    assert judge(["-x + x**3"], ["x"], "nonincreasing", "x**2", box=(-1, 1.0000001)).disproved


def test_local_stability_without_a_hyperbolic_linearisation():
    v = judge(["-x**3 + x**4 + y**2*x**2", "-y**3"], XY, "asymptotically_stable",
              "x**2 + y**2")
    assert v.proved and "ball" in v.certificate.data and survivors(v) == []


def test_v_that_fails_is_no_instability():
    """A poor V for a stable point: unknown, and the sentence says so."""
    v = judge(*DAMPED, "asymptotically_stable", "x**2 + 100*x*y + 2501*y**2", scope="global")
    assert v.unknown and "says nothing about stability" in v.reason
    v = judge(["-x + 10*y", "-y"], XY, "stable", "x**2 + y**2")
    assert v.unknown and "says nothing" in v.reason


def test_assumptions_forbid_a_counterexample():
    """Under an assumption that it cannot read the rung proves, but does not refute."""
    v = judge(["x"], ["x"], "nonincreasing", "x**2", assumptions=["convex"])
    assert v.unknown
    assert judge(["-x"], ["x"], "nonincreasing", "x**2", assumptions=["convex"]).proved
    assert not judge(["x", "-y"], XY, "stable", assumptions=["convex"]).disproved


def test_smt_is_trust_b(monkeypatch):
    """What no sum of squares shows an SMT solver may, and it says so."""
    pytest.importorskip("z3")
    from flowopt.stability.rational import lyapunov

    monkeypatch.setattr(lyapunov, "prove", lambda *a, **k: (None, "nothing was found"))
    v = judge(["y", "x"], XY, "positive", "x**2 - x*y + y**2")
    assert v.proved and v.trust == "B" and v.certificate.kind == "smt"
    v = judge(*SPIRAL, "decreasing", "x**2 + y**2")
    assert v.proved and v.trust == "B"
    monkeypatch.setattr(lyapunov, "refute", lambda *a, **k: None)
    v = judge(["y", "x"], XY, "nonnegative", "x*y")
    assert v.disproved and v.trust == "A" and v.counterexample.kind == "point"


def test_without_extras(monkeypatch):
    """No conic solver and no SMT solver is needed for small claims; what is skipped is named."""
    import sys

    for name in ("clarabel", "cvxpy", "z3", "flint"):
        monkeypatch.setitem(sys.modules, name, None)
    assert judge(*SPIRAL, "asymptotically_stable", None, scope="global").proved
    from flowopt.stability.rational import lyapunov

    monkeypatch.setattr(lyapunov, "prove", lambda *a, **k: (None, "nothing was found"))
    v = judge(["y", "x"], XY, "positive", "x**2 - x*y + y**2")
    assert v.unknown and v.skipped == ("smt: z3-solver is not installed",)


def test_no_time_is_unknown():
    v = judge(["-x + y*z", "-y + x*z", "-z - x*y"], ["x", "y", "z"], "asymptotically_stable",
              scope="global", seconds=1e-9)
    assert not v.disproved and (v.unknown or v.check())


@pytest.mark.parametrize("equations, names, claim, V, options, kind", PROVED[:26])
def test_a_certificate_belongs_to_its_statement(equations, names, claim, V, options, kind):
    """The same certificate for another field, another V or another point is refused."""
    v = judge(equations, names, claim, V, **options)
    checker, data = v.certificate.checker, v.certificate.data
    others = [{"system": {**v.statement["system"], "equations": [
        f"{e} + 3*{n}**3 + 2*{n}" if i == k else e for i, (e, n) in enumerate(zip(
            v.statement["system"]["equations"], names, strict=True))]}} for k in range(len(names))]
    if V is not None:
        others.append({"V": None})
        if claim not in ("conserved", "exponential"):  # of -V these stay true
            others.append({"V": f"-({V})"})
        if kind != "hurwitz":
            others.append({"V": f"{V} + 5*x**6 - x"})
    if claim not in ("conserved", "nonincreasing", "decreasing", "exponential", "positive",
                     "converges_to_critical_set"):
        others.append({"options": {**v.statement["options"], "at": ["7/3"] * len(names)}})
    for other in others:
        made = {**v.statement, **other}
        with pytest.raises((Refused, TypeError, KeyError, ValueError)):
            if len(getattr(checker, "SHOWS", ("proved",))) > 1:
                checker.check(made, data, "proved")
            else:
                checker.check(made, data)


def test_poles():
    """A denominator must be shown to be positive where the claim is made."""
    assert judge(["-1/x"], ["x"], "nonincreasing", "x**2").unknown
    assert judge(["1/x"], ["x"], "nonincreasing", "x**2").disproved
    assert judge(["-x/(2 - x)"], ["x"], "nonincreasing", "x**2").disproved
    assert judge(["-x/(2 - x)"], ["x"], "nonincreasing", "x**2", box=(-1, 1)).proved
    assert judge(["-x/(2 - x)"], ["x"], "nonincreasing", "x**2", box=(-1, 2)).unknown
    v = judge(["-x/(2 - x)", "-y"], XY, "asymptotically_stable", "x**2 + y**4")
    assert v.proved and "ball" in v.certificate.data and survivors(v) == []
    v = judge(["-x/(2 - x)", "-y"], XY, "region", "x**2/(3 - x) + y**2", level=0.1,
              box=[(-1.5, 1.5), (-2, 2)])
    assert v.proved and survivors(v) == []
    assert judge(["-x/(1 - x**2)"], ["x"], "unstable").disproved
    assert judge(["x/(1 - x**2)"], ["x"], "stable").disproved


def test_many_variables():
    """A Gröbner basis of many zeros is not begun; gradients and energies do not need one."""
    loss = "+".join(f"{i + 1}*x{i}**2 + x{i}**4" for i in range(5)) + "+x0*x1*x2"
    assert judge(fo.flows.GradientFlow().on(loss), None, "decreasing").proved
    assert judge(fo.flows.HeavyBall().on(loss), None, "converges_to_critical_set").proved
    v = judge(fo.flows.GradientFlow().on(loss), None, "asymptotically_stable", scope="global",
              seconds=3.0)
    assert v.proved or v.unknown


def test_a_linear_field_is_stable_everywhere_or_nowhere():
    v = judge(["-x + 5*y", "-y"], XY, "asymptotically_stable", scope="global")
    assert v.proved and v.certificate.kind == "hurwitz"
    assert not judge(["-x + 5*y", "-y + x**2"], XY, "asymptotically_stable",
                     scope="global").proved
