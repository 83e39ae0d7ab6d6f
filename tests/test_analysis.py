"""The report of what is known of a flow on a loss, as a function and as a command."""

import json
import math
import time
from fractions import Fraction

import numpy as np
import pytest
import sympy
from typer.testing import CliRunner

import flowopt as fo
from flowopt.cli import app
from flowopt.deadline import TimeSpent, time_limit
from flowopt.stability.iterations.no_stable_step import no_stable_step

TWO = "x*(x-1)*(x-3)**2 + 1.62276"


@pytest.fixture(scope="module")
def reports():
    """The three flows of the essay on its loss."""
    flows = {"gradient": fo.flows.GradientFlow(), "sign": fo.flows.SignFlow(),
             "clipped": fo.flows.LossNormalizedFlow(M=1000.0)}
    return {name: fo.analyze(TWO, flow, x0=[4.0]) for name, flow in flows.items()}


def test_equilibria_of_the_two_minima(reports):
    for name, first in (("gradient", "minimum"), ("sign", "sliding rest"),
                        ("clipped", "sliding rest")):
        found = reports[name].equilibria
        assert found.complete and len(found) == 3 and found[2].kind == first
        assert found[2].x[0] == 3.0 and found[2].verdict.proved and found[2].verdict.check()
        claim = found[2].verdict.statement["claim"]
        assert claim == ("asymptotically_stable" if name == "gradient" else "finite_time_stable")


def test_steps_at_irrational_minima_in_the_plane_are_not_decided():
    report = fo.analyze("(x**2 - 2)**2 + y**2", fo.flows.SignFlow(), seconds=20)
    assert "not decided: the point is irrational" in report.text
    assert "at must be" not in report.text


def test_what_is_proved(reports):
    for report in reports.values():
        assert report.any_loss[0].proved and report.this_loss[0].proved
        assert all(v.check() for v in (*report.any_loss, *report.this_loss) if not v.unknown)
    assert "L >= minimum" in reports["clipped"].any_loss[0].assumptions


def test_basins_arrivals_and_steps(reports):
    for report in reports.values():
        assert "1.843070331" in str(report.basins)
    (arrival,) = reports["clipped"].arrivals
    first, last = (float(fo.Loss(TWO).value([x])) for x in (4.0, 3.0))
    assert arrival["status"] == "STUCK" and arrival["x"] == pytest.approx([3.0])
    # the clip acts where |g| < 1/M alone, and delays the arrival by less than 1e-7
    assert arrival["law"] == pytest.approx(math.log(first / last), abs=1e-12)
    assert 0 < arrival["t"] - arrival["law"] < 1e-7
    assert reports["sign"].arrivals[0]["t"] == pytest.approx(1.0, abs=1e-12)  # |4 - 3| at speed 1
    steps = {(m, round(float(x[0]))): s for m, x, s in reports["gradient"].steps}
    assert steps["Euler", 3].value == pytest.approx(2 / 12)  # 2/L''(3)
    assert steps["RK4", 3].value == pytest.approx(2.785293563405282 / 12)


def test_steps_that_never_rest_are_said_to_be_unstable(reports):
    for name, bound in (("sign", "lr"), ("clipped", None)):
        steps = {(m, round(float(x[0]))): s for m, x, s in reports[name].steps}
        for at in (0, 3):
            found = steps["Euler", at]
            assert found.verdict.proved and found.verdict.check()
            assert str(found).startswith("no step: the map never rests there")
            options = found.verdict.statement["options"]
            assert bound is None or options["bound"] == bound
        assert "no step: the map never rests" in reports[name].text
        assert "the rule has no linearisation" not in reports[name].text
    below = steps["Euler", 3].least_loss
    (assumed,) = steps["Euler", 3].verdict.assumptions
    low = Fraction(assumed.removesuffix(" <= L"))
    assert below.proved and below.check() and below.statement["claim"] == "nonnegative"
    # the bound lies between the clip's minimum 0 and the least value, and is what V >= 0 says
    assert 0 < low < float(fo.Loss(TWO).value([0.4069296691827464]))
    expr = sympy.expand(sympy.sympify(below.statement["V"], rational=True))
    x = next(iter(expr.free_symbols))
    stated = sympy.sympify(TWO, rational=True).subs("x", x) - sympy.Rational(str(low))
    assert sympy.expand(expr - stated) == 0
    # the words hold of the steps: near x = 3 each is at least as long as they say
    words = steps["Euler", 3].verdict.statement["options"]["bound"]
    size = float(sympy.sympify(words).subs("lr", 0.01))
    field = reports["clipped"].field
    for gap in (1e-5, -1e-6, 1e-9):
        assert 0.01 * abs(field(0.0, [3 + gap])[0]) >= size > 0
    made = json.loads(reports["clipped"].to_json())["steps"]
    (kept,) = [s for s in made if s["method"] == "Euler" and round(s["x"][0]) == 3]
    assert kept["stable"] == [] and all(
        fo.Verdict.from_json(json.dumps(kept[k])).check() for k in ("verdict", "least_loss"))


@pytest.mark.parametrize("flow, loss, least", [
    (fo.flows.GradientFlow(), "x**2", 0.0), (fo.flows.NormalizedFlow(), "x**2", 0.0),
    (fo.flows.SignFlow(), "abs(x)", 0.0), (fo.flows.SignFlow(), "exp(x) - x", 1.0),
    (fo.flows.LossNormalizedFlow(M=10.0), "x**2", 0.0),  # the step shrinks with the loss
    (fo.flows.LossNormalizedFlow(M=10.0, minimum=1.0), "x**2 + 1", 1.0),
    (fo.flows.LossNormalizedFlow(M=10.0), "x**2 + 1", 3.0),  # a wrong least value
    (fo.flows.LossNormalizedFlow(M=10.0), "x**3 + 1", 1.0),  # no least value
    (fo.flows.LossNormalizedFlow(M=10.0), "x**2 + 1", None),
    (fo.flows.LossNormalizedFlow(M=math.inf), "x**2 + 1", 1.0)])
def test_what_is_not_proved_of_steps(flow, loss, least):
    assert no_stable_step(flow, fo.Loss(loss), least) is None


def test_bounds_stand_beside_the_arrival():
    report = fo.analyze(fo.losses.quadratic([[1.0, 0.5], [0.5, 2.0]]), fo.flows.SignFlow(),
                        x0=[1.0, 0.4])
    (arrival,) = report.arrivals
    low, high = arrival["bounds"]
    assert low <= arrival["t"] <= high and low == pytest.approx(1.0)  # the largest coordinate
    assert f"[{low:.8g}, {high:.8g}]" in report.text


def test_the_report_reads(reports):
    text = reports["clipped"].text
    for words in ("3 equilibria", "finite-time stable", "Proved for any loss", "Basins",
                  "reaches 3 in finite time", "Stable steps at the minima", "2.1276135"):
        assert words in text, words
    made = json.loads(reports["clipped"].to_json())
    assert made["equilibria"]["complete"] and len(made["equilibria"]["points"]) == 3
    again = fo.Verdict.from_json(json.dumps(made["any_loss"][0]))
    assert again.check()


def test_figures(reports):
    assert set(reports["gradient"].figures()) == {"portrait"}
    with pytest.raises(ValueError, match="one or two variables"):
        fo.analyze("x**2 + y**2 + z**2", fo.flows.GradientFlow(), seconds=5).figures()


def test_a_budget_is_kept():
    begun = time.monotonic()
    report = fo.analyze("x**6 + y**6 + x**3*y**2 - x*y + z**4 - z*x + y*z**2 + u**4 - u*x*y",
                        fo.flows.GradientFlow(), seconds=2.0)
    assert time.monotonic() - begun < 60  # it does not hang
    assert report.unsettled and "Unknown" in report.text


def test_time_limit():
    begun = time.monotonic()
    with pytest.raises(TimeSpent), time_limit(0.1):
        while True:
            pass
    assert time.monotonic() - begun < 60
    with time_limit(5.0):
        pass
    with pytest.raises(TimeSpent), time_limit(0.0):
        raise AssertionError("the block is not entered")
    time.sleep(0.6)  # nothing fires later


# ------------------------------------------------------------------ the command
def call(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


def test_the_command(tmp_path):
    made = call("analyze", "x**4/4 - x**2/2", "--flow", "heavy-ball", "--gamma", "0.5", "--box",
                "-2,2", "--figures", "--out", tmp_path / "out")
    assert made.exit_code == 0, made.output
    assert "focus" in made.stdout and "saddle" in made.stdout
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == ["levels.pdf", "levels.png", "portrait.pdf", "portrait.png"]


def test_json_on_stdout():
    made = call("analyze", "x**2", "--flow", "gradient", "--json")
    assert made.exit_code == 0
    assert json.loads(made.stdout)["equilibria"]["points"][0]["x"] == [0.0]


@pytest.mark.parametrize("arguments, message", [
    (["x**2 +", "--flow", "gradient"], "the loss"),
    (["__import__('os')", "--flow", "gradient"], "the loss"),
    (["x**2", "--flow", "gradeint"], "did you mean gradient?"),
    (["x**2", "--flow", "gradient", "--M", "5"], "--M has no effect on gradient"),
    (["x**2", "--flow", "heavy-ball", "--gamma", "-1"], "gamma must be"),
    (["x**2", "--flow", "gradient", "--box", "2,1"], "lower end first"),
    (["x**2", "--flow", "gradient", "--box", "1,1"], "lower end first"),
    (["x**2", "--flow", "gradient", "--box", "a,1"], "--box must be two numbers"),
    (["x**2", "--flow", "gradient", "--box", "0,1", "--box", "0,1"], "box must have a pair"),
    (["x**2", "--flow", "gradient", "--x0", "1,2"], "x0 must have shape"),
    (["x**2", "--flow", "gradient", "--seconds", "0"], "seconds must be"),
    (["5", "--flow", "gradient"], "at least one variable")])
def test_bad_input(arguments, message):
    made = call("analyze", *arguments)
    assert made.exit_code == 2, made.output
    assert message in made.stderr and made.stderr.startswith("Error: ")
    assert made.stderr.count("\n") == 1 and "Traceback" not in made.output


def test_figures_into_a_file(tmp_path):
    (tmp_path / "file").write_text("x")
    made = call("analyze", "x**2", "--flow", "gradient", "--figures", "--out", tmp_path / "file")
    assert made.exit_code == 2 and "out must be a folder" in made.stderr


def test_bad_arguments():
    with pytest.raises(TypeError, match="flow must be a Flow given by rules"):
        fo.analyze("x**2", fo.flows.NewtonFlow())
    with pytest.raises(TypeError, match="loss must be given by an expression"):
        fo.analyze(fo.losses.logistic(np.eye(2), [0, 1]), fo.flows.GradientFlow())


def test_the_atlas_command():
    made = call("atlas", "15a", "5b")
    assert made.exit_code == 0 and made.stdout.count("proved (A)") == 2
    assert "| 15a |" in call("atlas", "15a", "--format", "markdown").stdout
    assert json.loads(call("atlas", "15a", "--format", "json").stdout)
    for wrong in (["99"], ["--format", "pdf"]):
        refused = call("atlas", *wrong)
        assert refused.exit_code == 2 and refused.stderr.startswith("Error: ")
