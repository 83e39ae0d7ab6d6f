"""The quick run of escape-map, and its theory against plain NumPy."""

import sys

import numpy as np
import pytest
from experiment_runs import check_shape, quick
from twins_escape import escape_rate, escape_threshold
from twins_two_minima import two_minima_grad, two_minima_hess, two_minima_loss

from flowopt import quoting

BARRIER, GOOD = (9 + 33**0.5) / 8, (9 - 33**0.5) / 8


def theory():
    quick("escape-map")
    return sys.modules["escape_map_theory"]


def step(x, h, M):
    """One step of the published map."""
    g = two_minima_grad(x)
    with np.errstate(divide="ignore", invalid="ignore"):
        return x - h * np.sign(g) * np.minimum(1 / np.abs(g), M) * two_minima_loss(x)


def test_shape_and_claims():
    result, claims = check_shape("escape-map")
    assert all(claim.holds is not False for claim in claims.values())
    proved = [c for c in claims.values() if c.note.startswith("proved")]
    assert len(proved) == 3 and all(c.holds and c.computed == 0 for c in proved)
    module, _ = quick("escape-map")
    made = module.numbers(result)
    assert all(isinstance(v, quoting.Number) for v in made.values())
    assert made["wall"].text == "0.7129" and made["kappa"].text == "0.0742"


def test_walls_are_where_a_step_reaches_the_barrier():
    """The farthest jump from a fine grid of the well, just below and just above the wall."""
    t = theory()
    x = 3 + np.geomspace(1e-12, 1e3, 200_001)
    rest = np.linspace(BARRIER + 1e-9, 3 - 1e-9, 20_001)
    for h in (1e-3, 0.1, 1.0, 2.1, 3.0, 3.8):
        M = float(t.wall_curve(np.array([h]))[0])
        assert step(x, h, 0.9999 * M).min() > BARRIER > step(x, h, 1.002 * M).min()
        assert step(rest, h, 0.9999 * M).min() > BARRIER
        assert t.walls(h, 0.0)[0] == pytest.approx(h * M, rel=2e-3)
    assert escape_threshold() == pytest.approx(t.WALL, rel=1e-14)
    x1 = t.second_root()
    assert (x1 - BARRIER) / two_minima_loss(x1) == pytest.approx(t.WALL, rel=1e-12)
    for h, held in ((0.999 * t.wall_holds(), True), (1.001 * t.wall_holds(), False)):
        assert bool(step(x, h, t.WALL / h * (1 - 1e-9)).min() > BARRIER) == held


def test_walls_of_the_good_well():
    t = theory()
    x = GOOD - np.geomspace(1e-12, 1e3, 200_001)
    for c in (0.1, 3.0):
        for factor, held in ((0.9999, True), (1.002, False)):
            M = factor * t.walls(0.1, c)[1] / 0.1
            g = np.abs(two_minima_grad(x))
            ahead = x + 0.1 * np.minimum(1 / g, M) * (two_minima_loss(x) + c)
            assert bool((ahead < BARRIER).all()) == held


def test_no_run_arrives_before_its_time():
    t = theory()
    x0, steps = 3.7, 60
    for h, held in ((t.first_arrival(x0, steps), True), (1.3 * t.first_arrival(x0, steps), False)):
        x = np.array([x0])
        low = x0
        for _ in range(steps):
            x = step(x, h, 1e9)
            low = min(low, float(x[0]))
        assert (low > 3) == held


def test_law_of_leaving():
    """The rate against mpmath's, the prefactor against the slope of the balance of kicks."""
    t = theory()
    for hM in (0.75, 10.0):
        kappa, share = t.escape_law(hM)
        assert kappa == pytest.approx(escape_rate(hM), rel=1e-7)
        e = 1e-5
        slope = (t._over_kicks(hM, kappa + e, 0) - t._over_kicks(hM, kappa - e, 0)) / (2 * e)
        assert share == pytest.approx(1 / (t.GAP * kappa * slope), rel=1e-6)
    assert t.escape_law(0.7) == (0.0, 1.0)


def test_cycles():
    t = theory()
    hs, clips = t.two_cycle_onset(20)
    for h, M in list(zip(hs, clips, strict=True))[8:16:2]:
        for factor, cycle in ((0.97, True), (1.03, False)):
            x = np.linspace(3.05, 3.6, 50)
            for _ in range(6000):
                x = step(x, h, factor * M)
            moved = np.abs(step(step(x, h, factor * M), h, factor * M) - x)
            assert bool((moved < 1e-3 * np.abs(step(x, h, factor * M) - x)).all()) == cycle
    low, high, M = t.three_cycle_window()
    for h, stable in ((low * 0.99, False), (1.53, True), (high * 1.01, False)):
        x, multiplier = t.three_cycle(h)
        e = 1e-6
        far, near = x[0] + e, x[0] - e
        for _ in range(3):
            far, near = step(far, h, 2 * M), step(near, h, 2 * M)
        assert (far - near) / (2 * e) == pytest.approx(multiplier, rel=1e-6)
        assert bool(abs(multiplier) < 1) == stable
    assert two_minima_hess(3.0) == 12.0


def test_counts_against_plain_numpy():
    """As many runs leave as with the published formula, within 99.9 % of chance."""
    module, _ = quick("escape-map")
    config = module.Config(**module.QUICK | {"starts": 2000, "steps": 200})
    row = module.map_row(config, 0.05, np.array([10.0, 1000.0]), 3)
    x0 = 4 + 0.3 * np.random.default_rng(7).uniform(-1, 1, 2000)
    for j, M in enumerate((10.0, 1000.0)):
        x, left = x0.copy(), np.zeros(2000, bool)
        for _ in range(200):
            x = step(x, 0.05, M)
            left |= x < BARRIER
        for key, count in (("left", left.sum()), ("near", (np.abs(x - GOOD) < 0.1).sum())):
            p = count / 2000
            assert abs(row[key][j] / 2000 - p) < 3.3 * np.sqrt(2 * p * (1 - p) / 2000) + 1e-3


def test_numbers_when_no_run_is_left_to_leave():
    """From one start all runs arrive at once: a rate is not known then, and is not told."""
    module, _ = quick("escape-map")
    made = module.numbers(module.run(module.Config(**module.QUICK | {"spread": 5e-324})))
    assert "wall" in made and "mean-steps" not in made
    assert not any("nan" in number.tex for number in made.values())


def test_the_same_again():
    module, result = quick("escape-map")
    config = module.Config(**module.QUICK)
    again = module.map_row(config, float(result["h"][9]), result["M"], 9)
    assert all((again[key] == result["map"][key][9]).all() for key in again)


@pytest.mark.parametrize(("values", "words"), [
    ({"x0": 3.0}, "x0 must be"), ({"points": 2}, "points must be an integer >= 4"),
    ({"h": 0.5}, "h must be"), ({"M": 1.0}, "M must be"), ({"spread": -1.0}, "spread must be"),
    ({"seed": -1}, "seed must be")])
def test_refusals(values, words):
    module, _ = quick("escape-map")
    with pytest.raises(ValueError, match=words):
        module.Config(**values)
