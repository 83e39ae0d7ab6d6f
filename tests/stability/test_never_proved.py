"""Controls: what is false, or does not follow, must never be proved.

Each row is a false claim, or a true one that the given V cannot show; the second kind must be
unknown, never disproved.
"""

import pytest
from stability.polynomial_cases import judge

XY, XYZ = ["x", "y"], ["x", "y", "z"]
VDP = (["-y", "x - y + x**2*y"], XY)
W = "1.5*x**2 - x*y + y**2"
HOLD = (["0*x", "0*y"], XY)  # a field for claims about V alone
HOLD3 = (["0*x", "0*y", "0*z"], XYZ)
MOTZKIN = "x**4*y**2 + x**2*y**4 - 3*x**2*y**2"
ROBINSON = ("x**6 + y**6 + z**6 - x**4*y**2 - x**2*y**4 - x**4*z**2 - x**2*z**4 - y**4*z**2"
            " - y**2*z**4 + 3*x**2*y**2*z**2")
CHOI_LAM = "x**4*y**2 + y**4*z**2 + z**4*x**2 - 3*x**2*y**2*z**2"

FALSE = [
    # near misses of nonnegativity
    (["0*y"], ["y"], "nonnegative", "y**4 - y**2 + 1/4 - 1/10**12", {}),
    (["0*y"], ["y"], "nonnegative", "y**6 - 3*y**2 + 2 - 1/10**15", {}),
    (*HOLD, "nonnegative", "x**4 - x**2 + 1/4 - 1/10**6 + y**2", {}),
    (*HOLD, "nonnegative", MOTZKIN + " + 1 - 1/10**6", {}),
    (*HOLD, "nonnegative", "(x*y - 1)**2 + x**2 - 1/10**4", {}),
    (*HOLD, "nonnegative", "x**2 - 2*x*y + (1 - 1/10**9)*y**2", {}),
    (*HOLD3, "nonnegative", ROBINSON + " - x**6/1000", {}),
    (*HOLD3, "nonnegative", CHOI_LAM + " - x**2*y**2*z**2/1000", {}),
    (*HOLD3, "nonnegative", "x**4 + y**4 + z**4 - 4*x*y*z + 1 - 1/10**6", {}),
    (*HOLD, "nonnegative", "x**3 + y**2", {}),
    (*HOLD, "nonnegative", "-(x**2 + y**2)", {}),
    # not positive off the point
    (*HOLD, "positive", "0*x", {}),
    (*HOLD, "positive", "x**2", {}),
    (*HOLD, "positive", "(x + 2*y)**2", {}),
    (*HOLD, "positive", "x**2*y**2 + x**2", {}),
    (*HOLD, "positive", "(x**2 + y**2)*(x**2 + y**2 - 1)**2", {}),
    (*HOLD, "positive", "x**2 + y**2 - 1/10**9", {}),
    (*HOLD, "positive", "x**2 + y**3", {}),
    (*HOLD, "positive", MOTZKIN + " + 1", {}),
    (["0*y"], ["y"], "positive", "y**2*(y**2 - 2)**2", {}),
    # rates: the edge is exact
    (["-x"], ["x"], "exponential", "x**2", {"rate": "2000000001/1000000000"}),
    (["-x + y", "-x - y"], XY, "exponential", "x**2 + y**2", {"rate": 2.00000001}),
    (["-x**3"], ["x"], "exponential", "x**2", {"rate": 0.001}),
    (["-x/(1 + x**2)"], ["x"], "exponential", "x**2", {"rate": 0.001}),
    (["-x"], ["x"], "nonincreasing", "x**2", {"bound": "-2*x**2 - x**4"}),
    # V rises somewhere
    (*VDP, "nonincreasing", W, {}),
    (["y", "-x + 0.0001*y"], XY, "nonincreasing", "x**2 + y**2", {}),
    (["-x + x*y", "-y"], XY, "nonincreasing", "x**2 + y**2", {}),
    (["y", "x - x**3 + 0.1*y"], XY, "nonincreasing", "y**2/2 + x**4/4 - x**2/2", {}),
    (["-x**3 + x**5/10**6"], ["x"], "nonincreasing", "x**2", {}),
    # V stands still off the equilibria
    (["y", "-x - y"], XY, "decreasing", "x**2 + y**2", {}),
    (["y", "-x"], XY, "decreasing", "x**2 + y**2", {}),
    (["-x", "-y"], XY, "decreasing", "x**2", {}),
    (["-x", "-y"], XY, "decreasing", "0*x", {}),
    (["-x*(x**2 - 2)**2"], ["x"], "decreasing", "x**2*(x**2 - 3)**2", {}),
    # not conserved
    (["y", "-x - 0.000001*y"], XY, "conserved", "x**2 + y**2", {}),
    (["y", "-x"], XY, "conserved", "x**2 + y**2 + x*y/10**9", {}),
    # heavy ball: friction that feeds, and the energy of two steps beyond 2(1 - beta)
    (["v", "-x + 0.001*v"], ["x", "v"], "stable", None, {}),
    (["v", "-x + 0.001*v"], ["x", "v"], "asymptotically_stable", None, {"scope": "global"}),
    (["0*x", "0*y"], XY, "nonnegative",
     "x**2/2 + 9/4*(x - y)**2 - (x - (2/10 + 1/10**6)*x + 9/10*(x - y))**2/2"
     " - 9/4*(-(2/10 + 1/10**6)*x + 9/10*(x - y))**2", {}),
    # a V that says nothing
    (["-x", "-y"], XY, "nonincreasing", "0*x", {}),
    (["-x", "-y"], XY, "nonincreasing", "x - x + 3", {}),
    (["-x", "-y"], XY, "conserved", "0*x", {}),
    (["-x", "-y"], XY, "exponential", "0*x", {"rate": 5}),
    (["-x", "-y"], XY, "converges_to_critical_set", "0*x", {}),
    (["-x", "-y"], XY, "region", "0*x", {"level": 1}),
    # stability that is not there
    (["x**2"], ["x"], "stable", None, {}),
    (["x**3"], ["x"], "stable", None, {}),
    (["0*x"], ["x"], "asymptotically_stable", None, {}),
    (["y", "-x"], XY, "asymptotically_stable", None, {}),
    (["y", "-x**3"], XY, "asymptotically_stable", None, {}),
    (["y", "0*x"], XY, "stable", None, {}),
    (["-x", "y**3"], XY, "stable", None, {}),
    (["-y + x*(x**2 + y**2)", "x + y*(x**2 + y**2)"], XY, "stable", None, {}),
    (["-x + 2*x**3"], ["x"], "asymptotically_stable", None, {"scope": "global"}),
    (["-x + x**2*y", "-y"], XY, "asymptotically_stable", None, {"scope": "global"}),
    (["y", "x - x**3 - y"], XY, "asymptotically_stable", None,
     {"scope": "global", "at": ["1", "0"]}),
    (["-x", "0*y"], XY, "asymptotically_stable", "x**2 + y**2", {}),
    (["-x", "0*y"], XY, "asymptotically_stable", None, {"scope": "global"}),
    (["1 - x", "-y"], XY, "stable", None, {}),
    # instability that is not there
    (["-x**3"], ["x"], "unstable", None, {}),
    (["-x**3", "-y**3"], XY, "unstable", None, {}),
    (["y", "-x"], XY, "unstable", None, {}),
    (["y", "-x - y**3"], XY, "unstable", "x**2 + y**2", {}),
    # regions
    (*VDP, "region", W, {"level": 2.31}),
    (*VDP, "region", W, {"level": 2.305}),
    (["-x + x**3"], ["x"], "region", "x**2", {"level": 1}),
    (["-x*(x - 10)*(x - 5)/50", "-y"], XY, "region", "x**2*(x - 10)**2/100 + y**2",
     {"level": 0.1}),
    (["-x + x**2*y", "-y"], XY, "region", "x**2 + y**2", {"level": 4}),
    (["y", "-x"], XY, "region", "x**2 + y**2", {"level": 1}),
    (["-x", "0*y"], XY, "region", "x**2 + y**2", {"level": 1}),
    # limits that are no equilibria
    (["y", "-x"], XY, "converges_to_critical_set", "x**2 + y**2", {}),
    (["y", "-x"], XY, "converges_to_critical_set", None, {}),
    (["y + x*(1 - x**2 - y**2)", "-x + y*(1 - x**2 - y**2)"], XY, "converges_to_critical_set",
     None, {}),
]


@pytest.mark.parametrize("equations, names, claim, V, options", FALSE)
def test_false_claims(equations, names, claim, V, options):
    v = judge(equations, names, claim, V, seconds=6.0, **options)
    assert v is None or not v.proved


#: true, but not by this V: unknown, with no word of instability
TRUE_BUT_NOT_SHOWN = [
    (["y", "-x - y"], XY, "asymptotically_stable", "x**2 + 100*x*y + 2501*y**2",
     {"scope": "global"}),
    (["-x", "-y"], XY, "asymptotically_stable", "0*x", {"scope": "global"}),
    (["-x", "-y"], XY, "asymptotically_stable", "x**2", {"scope": "global"}),
    (["-x", "-y"], XY, "asymptotically_stable", "-x**2 - y**2", {}),
    (["-x", "-y"], XY, "asymptotically_stable", "x**2/(1 + x**2) + y**2", {"scope": "global"}),
    (["-x", "-y"], XY, "stable", "x**2*y**2", {}),
]


@pytest.mark.parametrize("equations, names, claim, V, options", TRUE_BUT_NOT_SHOWN)
def test_a_poor_v_settles_nothing(equations, names, claim, V, options):
    v = judge(equations, names, claim, V, seconds=6.0, **options)
    assert v.unknown and "instab" not in v.reason
    assert "unstable" not in v.reason


@pytest.mark.parametrize("V", [MOTZKIN + " + 1"])
def test_motzkin_is_nonnegative_with_a_multiplier(V):
    v = judge(*HOLD, "nonnegative", V)
    assert v.proved and v.certificate.data["parts"]["positive"]["power"] == 1


@pytest.mark.parametrize("status", ["stable", "asymptotically_stable", "unstable"])
def test_fields_that_are_not_polynomial_are_left_to_others(status):
    for equations in (["-sin(x)"], ["-abs(x)"], ["-sign(x)"], ["-x*sqrt(x**2)"], ["-tanh(x)"]):
        assert judge(equations, ["x"], status) is None
