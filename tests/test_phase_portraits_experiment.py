"""The quick run of phase-portraits, and its facts by other computations."""

import numpy as np
import pytest
from experiment_runs import check_shape, quick
from scipy.integrate import solve_ivp

import flowopt as fo
from flowopt import experiment
from flowopt.quoting import Number


def test_claims_hold():
    result, claims = check_shape("phase-portraits")
    assert all(claim.holds is not False for claim in claims.values())
    module, _ = quick("phase-portraits")
    assert all(isinstance(n, Number) for n in module.numbers(result).values())
    assert claims["saddle: critical points that attract under Newton's flow"].computed == 1


def test_a_missing_rest_would_be_told():
    module, result = quick("phase-portraits")
    of = result["rests"]["double-well"]
    cut = {k: v[:2] if isinstance(v, list) else v for k, v in of["sign"].items()}
    wrong = {**result, "rests": {"double-well": {**of, "sign": cut}}, "basins": {}}
    told = {c.text: c for c in module.claims(wrong) if c.holds is False}
    assert next(iter(told.values())).computed == "sign"


def test_critical_points_of_himmelblau():
    """Newton's method from a grid finds no others than those that are listed as complete."""
    loss = fo.losses.himmelblau()
    known = np.array([e.x for e in fo.equilibria(loss)])
    side = np.linspace(-6.0, 6.0, 25)
    x = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    for _ in range(60):
        x = np.array([p - np.linalg.solve(loss.hess(p), loss.grad(p)) for p in x])
    ends = x[np.abs(loss.grad(x)).max(axis=1) < 1e-9]
    assert len(ends) > 600
    away = np.abs(ends[:, None] - known).max(axis=2)
    assert away.min(axis=1).max() < 1e-9
    assert set(away.argmin(axis=1)) == set(range(9))


def test_newton_orbits_end_where_newton_flow_ends():
    """The clock without poles against scipy on H x' = -g, on the oblique double well."""
    quick("phase-portraits")
    from phase_portraits import newton_basins
    from phase_portraits_flows import LANDSCAPES

    loss = LANDSCAPES["double-well"]()
    places = np.array([e.x for e in fo.equilibria(loss)])
    starts = np.array([[1.7, -0.4], [0.3, 1.2], [-0.9, 1.5], [-0.2, -1.9], [0.65, 0.1]])
    labels = newton_basins(loss, starts, places)["labels"]
    for x, label in zip(starts, labels, strict=True):
        run = solve_ivp(lambda t, p: -np.linalg.solve(loss.hess(p), loss.grad(p)), (0.0, 12.0), x,
                        rtol=1e-9, atol=1e-11, max_step=0.05)
        if label >= 0:
            np.testing.assert_allclose(run.y[:, -1], places[label], atol=1e-3)
    assert set(labels) == {0, 1, 2} or set(labels) == {-1, 0, 1, 2}


@pytest.mark.parametrize("values, message", [
    ({"landscapes": ("himmelbau",)}, "landscapes must be some of"),
    ({"landscapes": ()}, "landscapes must be some of"),
    ({"landscapes": ("saddle", "saddle")}, "landscapes must be named once each"),
    ({"points": 2}, "points must be an integer >= 5"),
    ({"runs": 1}, "runs must be an integer >= 3")])
def test_bad_values(values, message):
    module = experiment.load(experiment.find("phase-portraits"))
    with pytest.raises(ValueError, match=message):
        module.Config(**values)
