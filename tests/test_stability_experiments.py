"""Quick runs of the experiments on stability, each with a fact that is known otherwise."""

import importlib
import json

import numpy as np
import pytest
from experiment_runs import check_shape, quick

import flowopt as fo
from flowopt import experiment


def test_atlas():
    result, claims = check_shape("atlas")
    assert all(claim.holds for claim in claims.values())
    found = {c["number"]: c for c in result["claims"]}
    assert found["15a"]["status"] == "proved" and found["d13a"]["status"] == "disproved"
    again = fo.Verdict.from_json(json.dumps(found["28a"]["verdict"]))
    assert again.proved and again.check() and "b <= 4*a" in again.assumptions


def test_a_broken_certificate_would_be_told():
    module, result = quick("atlas")
    bad = [{**c, "checked": c["number"] != "1"} for c in result["claims"]]
    first = module.claims({"claims": bad})[0]
    assert first.holds is False and first.note == "1"


def test_step_limits():
    result, claims = check_shape("step-limits")
    assert all(claim.holds for claim in claims.values())
    assert result["methods"]["RK4"]["exact"] == pytest.approx(2.785293563405282)


def test_the_measured_limit_is_where_the_spectral_radius_is_one():
    """Heavy ball at one momentum: the eigenvalues of its two-term recurrence, by NumPy."""
    _, result = quick("step-limits")
    k = len(result["beta"]) // 2
    beta = float(result["beta"][k])
    for factor, stable in ((0.99, True), (1.01, False)):
        lr = factor * float(result["rules"]["heavy ball"]["measured"][k])
        radius = np.abs(np.linalg.eigvals([[1 + beta - lr, -beta], [1.0, 0.0]])).max()
        assert bool(radius < 1) == stable


def test_divergence_is_seen():
    experiment.load(experiment.find("step-limits"))  # its folder is on the path now
    module = importlib.import_module("step_limits_every")
    k = np.arange(1000)
    assert module.diverges(1.001**k) and not module.diverges(0.999**k)
    assert module.diverges(np.array([1.0, np.inf, np.nan] * 100))


@pytest.mark.parametrize("name, values, message", [
    ("atlas", {"rows": ("99",)}, "rows must be numbers of the atlas"),
    ("atlas", {"seconds": 0.0}, "seconds must be"),
    ("step-limits", {"points": 1}, "points must be an integer >= 2"),
    ("step-limits", {"halvings": 100}, "halvings must be an integer")])
def test_bad_values(name, values, message):
    entry = experiment.find(name)
    module = experiment.load(entry)
    with pytest.raises((ValueError, TypeError), match=message):
        module.run(module.Config(**values))
