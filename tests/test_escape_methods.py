"""The quick run of escape-methods, and the facts that it stands on."""

import sys

import numpy as np
import pytest
from experiment_runs import check_shape, quick

import flowopt as fo


def ways():
    quick("escape-methods")
    return sys.modules["escape_methods_ways"]


def test_shape_and_claims():
    result, claims = check_shape("escape-methods")
    assert len(result["cells"]) == 24 and set(result["paths"]) == set(ways().WAYS)
    exact = [c for text, c in claims.items() if "plain descent" in text or "many starts" in text]
    assert len(exact) == 4 and all(c.holds for c in exact)
    for c in result["cells"].values():
        p, low, high = c["p"]
        assert p == c["successes"] / result["runs"] and low <= p <= high
        budget = result["landscapes"][c["problem"]]["budget"]
        assert c["cost"][0] == (budget / p if p else np.inf) and c["cost"][1] == budget / high
        assert len(c["tuning"]) in (0, 8, 12)


def test_the_same_again():
    module, result = quick("escape-methods")
    config = module.Config(**module.QUICK)
    problem = ways().problems(config.budget)["two minima"]
    again = module.cell_of(config, problem, ways().WAYS["annealing (Langevin)"], 2)
    assert again == result["cells"]["two minima: annealing (Langevin)"]


def test_every_way_takes_its_budget():
    """A path has a start and one gradient for each step; many starts use them up to a remainder."""
    problem = ways().problems(500)["Rastrigin, n = 2"]
    start = problem.starts(1, np.random.default_rng(0))
    for way in ways().WAYS.values():
        path = way.search(problem, start, way.grid(problem)[-1], 1, 400, path=True)
        assert path.shape[1] == 2 and 400 - 200 < len(path) <= 401, way.name


def test_tuning_and_evaluation_see_other_starts():
    module, _ = quick("escape-methods")
    config = module.Config(**module.QUICK)
    starts = [module.stream(config, number, use)[0].random() for number, use in
              ((2, 0), (3, 0), (2, 1), (2, 2))]
    noise = {module.stream(config, number, use)[1] for number in (2, 3) for use in (0, 1, 2)}
    assert starts[0] == starts[1] != starts[2] == starts[3]  # the ways share starts
    assert len(noise) == 6


def test_share_of_the_global_well():
    """Descent from a fine grid ends at the global minimum from exactly the stated share."""
    for name, problem in ways().problems(2500).items():
        if problem.n > 2:
            continue
        line = fo.losses.rastrigin(1) if problem.n == 2 else problem.loss
        x = np.linspace(problem.low, problem.high, 4001)[:, None]
        ends = fo.ensemble(fo.flows.GradientFlow().on(line), x, t=(0, 2000 * problem.rate),
                           method=fo.Euler(problem.rate)).x[:, 0]
        goal = 0.0 if problem.n == 2 else problem.loss.minima[0][0]
        share = (np.abs(ends - goal) < 0.05).mean() ** problem.n
        assert share == pytest.approx(problem.share, abs=5e-4), name


def test_window_of_rastrigin():
    """Just below a rate of the window the well holds, just above orbits leave it."""
    one, zero = ways().window()
    assert 0.011 < one < zero < 0.012
    field = fo.flows.GradientFlow().on(fo.losses.rastrigin(1))
    for rate, low, high in ((one, 0.5025, 1.5077), (zero, -0.5026, 0.5026)):
        x = np.linspace(low + 0.01, high - 0.01, 401)[:, None]
        for factor, stays in ((0.9999, True), (1.002, False)):
            h = rate * factor
            ends = fo.ensemble(field, x, t=(0, 20_000 * h), method=fo.Euler(h)).x[:, 0]
            assert bool(((low < ends) & (ends < high)).all()) is stays, (rate, factor)


@pytest.mark.parametrize(("values", "words"), [
    ({"runs": 1}, "runs must be an integer >= 10"),
    ({"budget": 10}, "budget must be an integer >= 400"),
    ({"tuning_runs": 0}, "tuning_runs must be"), ({"seed": -1}, "seed must be"),
])
def test_refusals(values, words):
    module, _ = quick("escape-methods")
    with pytest.raises(ValueError, match=words):
        module.Config(**values)
