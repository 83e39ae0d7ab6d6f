"""The two-minima experiment, from its command to its folder, judged by the reference."""

from __future__ import annotations

import io
import json
import math
import platform

import numpy as np
import pytest
import reference as ref
from scipy.integrate import quad
from typer.testing import CliRunner

from flowopt import experiment, results
from flowopt.cli import app

ENTRY = experiment.find("two-minima")
MODULE = experiment.load(ENTRY)
LAST_X, LAST_LOSS = 0.4073933876787569, 2.1544115380578432e-06
needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc",
                                 reason="the published digits are those of glibc's pow")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The command, with fewer starts and a small budget for scipy."""
    out = tmp_path_factory.mktemp("two-minima") / "out"
    result = CliRunner().invoke(app, ["run", "two-minima", "--runs", "200", "--budget", "9000",
                                      "--out", str(out)])
    assert result.exit_code == 0, result.output
    (out / "printed").write_text(result.stdout)
    return out


@pytest.fixture(scope="module")
def record(folder):
    return json.loads((folder / "two-minima.json").read_text())


@pytest.fixture(scope="module")
def result(record):
    return record["result"]


# ------------------------------------------------------------------ 1. as published
@needs_glibc
def test_published_digits(result):
    assert result["published"]["last_x"] == LAST_X
    assert result["published"]["last_loss"] == LAST_LOSS
    assert result["published"]["left_at_step"] == 1210


def test_published_path_is_that_of_the_reference(result):
    assert result["published"]["path"] == ref.published_two_minima().tolist()
    for x0, h, M, steps in [(3.9, 0.02, 100.0, 300), (-1.0, 0.01, 1e4, 200), (3.0, 0.1, 5.0, 3)]:
        mine, theirs = MODULE.published_path(x0, h, M, steps), ref.published_two_minima(
            x0, h, M, steps)
        assert np.array_equal(mine, theirs, equal_nan=True)


def test_compiled_run_parts_from_the_published_one(result):
    made = result["published"]
    assert 150 < made["parted_at_step"] < 600
    assert np.allclose(made["compiled"][:100], made["path"][:100], rtol=1e-12)


# ------------------------------------------------------------------ 2. the flow itself
def test_flow_rests_on_the_poor_minimum(result):
    flow = result["flow"]
    assert flow["status"] == "STUCK"
    assert abs(flow["x"] - 3.0) < 1e-12
    assert abs(flow["t"] - float(ref.clipped_arrival_time(1000))) < 1e-9
    assert abs(flow["arrival_exact"] - float(ref.clipped_arrival_time(1000))) < 1e-12
    assert abs(flow["arrival_unclipped"] - math.log(13.62276 / 1.62276)) < 1e-14
    facts = ref.two_minima_facts(30)
    for t, name in (("1", "x1"), ("2", "x2")):
        assert abs(flow["x_at"][t]["x"] - float(facts[name])) < 1e-9
        assert abs(flow["x_at"][t]["exact"] - float(facts[name])) < 1e-13
    assert flow["path_x"][-1] == flow["x"] and flow["path_t"][-1] == 25.0


@pytest.mark.parametrize("M", [0.01, 1.0, 10.0, 1000.0, 1e6])
def test_exact_arrival(M):
    free, clipped = MODULE.exact_arrival(4.0, M)
    assert clipped == pytest.approx(float(ref.clipped_arrival_time(M)), abs=1e-11)
    assert free <= clipped


def test_exact_arrival_at_the_good_minimum():
    x = float(ref.two_minima_facts(30)["points"][0])
    least = float(ref.two_minima_facts(40)["losses"][0])
    free, clipped = MODULE.exact_arrival(1.0, 1000.0)
    assert free == pytest.approx(math.log(1.62276 / least), rel=1e-12)
    corner = x + 1e-3 / 14.896055  # |L'| = 1/M
    near = quad(lambda u: 1e-3 / (least + 14.896055 * u * u / 2), 0.0, corner - x)[0]
    far = math.log(1.62276 / (least + 14.896055 * (corner - x) ** 2 / 2))
    assert clipped == pytest.approx(far + near, abs=1e-5)


# ------------------------------------------------------------------ 3. the comparison
def test_comparison(result):
    rows = {row["label"]: row for row in result["comparison"]["rows"]}
    assert len(rows) == 16
    for name in ("Dopri5, rtol 1e-8", "Tsit5, rtol 1e-8", "DOP853, rtol 1e-8",
                 "DOP853, rtol 1e-12"):
        assert rows[name]["verdict"] == "right" and rows[name]["reports"] == "STUCK"
        assert rows[name]["error"] < 1e-9 and rows[name]["dissipation"] < 1e-6
    assert rows["Euler, h = 0.01"]["verdict"] == "map"
    for solver in ("RK45", "DOP853", "LSODA", "Radau", "BDF"):
        for rtol in ("1e-3", "1e-10"):
            row = rows[f"scipy {solver}, rtol {rtol}"]
            assert row["verdict"] in ("gives up", "no end", "wrong") and not row["trustworthy"]
            assert row["success"] == (row["verdict"] == "wrong")
            assert row["n_rhs"] <= 9000
    assert result["comparison"]["table"].count("\n") >= 17


# ------------------------------------------------------------------ 4. the distribution
def test_distribution(result):
    made = result["escape"]
    p, low, high = made["probability"]
    assert [low, high] == pytest.approx(ref.wilson_interval(round(200 * p), 200), abs=1e-12)
    assert low < 0.833 < high  # the value of 4000 runs
    assert len(made["steps"]) == round(200 * p)
    assert min(made["steps"]) > 212 and max(made["steps"]) <= 2500
    assert made["median"][0] == np.median(made["steps"])
    assert made["median"][1] <= made["median"][0] <= made["median"][2]
    assert made["mean"][0] == pytest.approx(np.mean(made["steps"]))
    assert made["h"] == [0.001, 0.003, 0.01, 0.03, 0.1] and made["M"] == [10, 100, 1000, 10000]
    grid = np.array(made["grid"])
    assert grid.shape == (3, 5, 4) and ((0 <= grid) & (grid <= 1)).all()
    assert (grid[1] <= grid[0]).all() and (grid[0] <= grid[2]).all()
    stays = np.multiply.outer(made["h"], made["M"]) < ref.escape_threshold()
    assert stays.sum() == 6 and (grid[0][stays] == 0).all() and (grid[0][~stays] > 0.3).all()
    i, j = made["h"].index(0.01), made["M"].index(1000)
    assert grid[:, i, j].tolist() == made["probability"]
    assert result["well"]["least_hM"] == pytest.approx(ref.escape_threshold(), rel=1e-14)
    assert (np.array(made["apart"])[0] > 0.7).all()


def test_rate_of_leaving(result):
    """The spread starts leave at the rate of the small-step theory."""
    made = result["escape"]
    for h, p in zip(made["h"], made["apart"][0], strict=True):
        expected = 1 - math.exp(-ref.escape_rate(1000 * h) * (25 - 2.13))
        assert abs(p - expected) < 0.12  # 200 runs: +-0.06, and O(sqrt h)


def test_lyapunov_exponents(result):
    rows = result["lyapunov"]["rows"]
    assert [row["h"] for row in rows] == [0.001, 0.003, 0.01, 0.03, 0.1]
    for row in rows:
        assert row["theory"] == pytest.approx(ref.boole_exponent(row["h"]), rel=1e-13)
        value, low, high = row["quadratic"]
        assert abs(value - row["theory"]) < 1.75 * (high - low)  # seven standard deviations
        value, low, high = row["run"]
        assert low < value < high
        if row["h"] <= 0.01:  # the leading order in sqrt(h)
            expected = ref.exponent_in_well(row["h"], 1000 * row["h"])
            assert abs(value - expected) < 0.2 * expected + (high - low)


# ------------------------------------------------------------------ 5. noise
def test_noise(result):
    rows = result["noise"]["rows"]
    clipped = result["escape"]["end"]
    assert clipped["near"][0] <= clipped["well"][0]
    for row in rows:
        assert row["hot"]["near"][0] <= row["hot"]["well"][0] and row["diverged"] == 0
        if row["T"] == 0:  # plain gradient descent ends at the poor minimum
            assert row["hot"]["well"][0] == row["cooled"]["well"][0] == 0
        if row["T"] >= 1.5:  # mixed by then: the law of Gibbs
            low, high = ref.wilson_interval(round(200 * row["hot"]["well"][0]), 200, 0.9999)
            assert low < row["gibbs_well"] < high
    assert max(row["cooled"]["near"][0] for row in rows) > 0.7


@pytest.mark.parametrize("T", [0.3, 1.0, 3.0])
def test_gibbs(T):
    def weight(x):
        return math.exp(-ref.two_minima_loss(x) / T)

    total = quad(weight, -6, 9, limit=200)[0]
    good, barrier = MODULE.GOOD, MODULE.BARRIER
    assert MODULE.gibbs(T, -np.inf, barrier) == pytest.approx(quad(weight, -6, barrier)[0] / total,
                                                             abs=1e-4)
    assert MODULE.gibbs(T, good - 0.1, good + 0.1) == pytest.approx(
        quad(weight, good - 0.1, good + 0.1)[0] / total, abs=1e-3)


# ------------------------------------------------------------------ the folder
def test_claims_hold(record):
    libc = platform.libc_ver()[0]
    for claim in record["claims"]:
        if claim["text"] in ("last iterate as published", "its loss") and libc != "glibc":
            assert claim["holds"] or "glibc" in claim["note"]
        else:
            assert claim["holds"] is True, claim


def test_another_pow_is_named(result):
    again = {**result, "published": {**result["published"], "last_x": 0.5}}
    claim = MODULE.claims(again)[0]
    assert claim.holds is False and "glibc" in claim.note
    other = {**result, "setting": {**result["setting"], "h": 0.02}}
    assert MODULE.claims(other)[0].holds is None


def test_folder(folder, record):
    names = ["1-function", "2-path", "3-comparison", "4-escape", "5-noise", "6-lyapunov"]
    assert record["files"] == sorted(f"{name}.{kind}" for name in names for kind in ("png", "pdf"))
    for name in names:
        png = (folder / f"{name}.png").read_bytes()
        assert png.startswith(b"\x89PNG") and len(png) > 10_000
        width, height = (int.from_bytes(png[i:i + 4], "big") for i in (16, 20))
        assert width >= 1000 and height >= 600
        pdf = (folder / f"{name}.pdf").read_bytes()
        assert pdf.startswith(b"%PDF") and len(pdf) > 5_000
    assert record["config"] == {"x0": 4.0, "h": 0.01, "M": 1000.0, "steps": 2500, "seed": 0,
                                "runs": 200, "spread": 1e-9, "budget": 9000}
    assert record["seeds"]["starts"] == 0 and len(set(record["seeds"]["noise"])) == len(
        record["result"]["noise"]["rows"])
    assert record["provenance"]["source"] == "two_minima.py"
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == [".kept"]


def test_summary_is_complete(folder):
    text = (folder / "summary.txt").read_text()
    assert text.strip() in (folder / "printed").read_text()
    for words in ("THE TWO-MINIMA EXAMPLE", "1. The run as published", "2. The flow itself",
                  "3. Solvers on this flow", "4. The distribution", "5. Noise instead of clipping",
                  "Checks", "STUCK", "2.1276135", "reports success", "Lyapunov"):
        assert words in text
    assert " nan" not in text


def numbers(value):
    """Every number of a nested result, in order."""
    if isinstance(value, dict):
        return [x for item in value.values() for x in numbers(item)]
    if isinstance(value, (list, tuple)):
        return [x for item in value for x in numbers(item)]
    return [value] if isinstance(value, (int, float)) and not isinstance(value, bool) else []


TINY = {"runs": 8, "budget": 100, "steps": 200}


def test_same_seed_same_numbers():
    def made(seed):
        out = MODULE.run(MODULE.Config(seed=seed, **TINY))
        for row in out["comparison"]["rows"]:
            row["seconds"] = 0.0
        out["comparison"]["table"] = ""
        return json.dumps(results.plain(out))

    assert made(3) == made(3)
    assert numbers(json.loads(made(3)))[20:] != numbers(json.loads(made(4)))[20:]


def test_every_number_is_in_the_json(tmp_path):
    done = experiment.execute(ENTRY, MODULE, MODULE.Config(**TINY), tmp_path)
    stored = json.loads((tmp_path / "two-minima.json").read_text())["result"]
    assert numbers(stored) == numbers(results.plain(done.result))
    assert len(numbers(stored)) > 500


@pytest.mark.parametrize("setting", [
    {"x0": 3.0}, {"x0": 1.0}, {"x0": -5.0, "steps": 1}, {"x0": 1e6}, {"h": 0.5, "steps": 120},
    {"h": 1e6, "steps": 10}, {"h": 1e-12, "steps": 2}, {"M": 1e-300},
], ids=str)
@pytest.mark.filterwarnings("error::UserWarning")
def test_odd_settings_give_an_answer(setting):
    made = MODULE.run(MODULE.Config(**{**TINY, **setting}))
    assert MODULE.summary(made)
    assert not [claim for claim in MODULE.claims(made) if claim.holds is False]
    for figure in MODULE.figures(made).values():
        figure.savefig(io.BytesIO(), dpi=30)


@pytest.mark.parametrize(("bad", "error"), [
    ({"h": 0.0}, ValueError), ({"M": -1.0}, ValueError), ({"steps": 0}, ValueError),
    ({"steps": 2.0}, TypeError), ({"x0": math.inf}, ValueError), ({"seed": True}, TypeError),
    ({"x0": "4"}, TypeError), ({"spread": -1.0}, ValueError),
])
def test_config_refuses(bad, error):
    with pytest.raises(error, match=f"{next(iter(bad))} must be"):
        MODULE.Config(**bad)
