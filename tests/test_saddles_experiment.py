"""The quick run of saddles, its laws by other routes, and options that are refused."""

import math

import numpy as np
import pytest
from experiment_runs import check_shape, quick

from flowopt import experiment
from flowopt.quoting import Number


def test_every_claim_holds():
    result, claims = check_shape("saddles")
    assert [c.line for c in claims.values() if not c.holds] == []
    assert len(result["langevin"]) == 3 and all(np.isfinite(m["times"]).all()
                                                for m in result["langevin"])
    module, _ = quick("saddles")
    made = module.numbers(result)
    assert made["heavy-ball-slope"].text == "1.6180"  # the golden ratio
    assert all(isinstance(n, Number) for n in made.values())


def test_flows_by_scipy():
    """The heavy ball and RMSProp's flow, written out and integrated by scipy."""
    from scipy.integrate import solve_ivp

    _, result = quick("saddles")

    def ball(t, y):
        return [y[1], -y[1] + y[0] - y[0] ** 3]

    def rms(t, y):
        g = -y[0] + y[0] ** 3
        return [-g / (math.sqrt(y[1]) + 0.05), g * g - y[1]]

    def left(t, y):
        return y[0] - 0.5

    left.terminal = True
    d = float(result["delta"][1])
    for name, f, second in (("heavy ball", ball, 0.0), ("RMSProp", rms, (d - d**3) ** 2)):
        end = solve_ivp(f, (0, 60), [d, second], events=left, rtol=1e-11, atol=1e-16,
                        method="DOP853").t_events[0][0]
        assert result["flows"][name]["time"][1] == pytest.approx(end, abs=1e-8)


def test_chaotic_map_by_numpy():
    """The growth of y along Boole's map, from many starts, and as an integral of Cauchy's law."""
    from scipy.integrate import quad

    quick("saddles")
    from saddles_maps import chaos_slope

    h, L0 = 0.1, 0.25
    x = np.random.default_rng(1).standard_cauchy(20_000) * math.sqrt(2 * L0)
    growth = np.zeros_like(x)
    for _ in range(100):
        growth += np.log1p(h * (L0 + x * x / 2) / x**2)
        x = (1 - h / 2) * x - h * L0 / x
    growth /= 100
    error = growth.std() / math.sqrt(len(x))
    assert abs(growth.mean() - h / chaos_slope(h)) < 4 * error
    s = math.sqrt(2 * L0)  # x = s tan(phi), phi uniform
    integral = quad(lambda phi: math.log1p(h * (L0 / (s * math.tan(phi)) ** 2 + 0.5)),
                    0.0, math.pi / 2)[0] * 2 / math.pi
    assert h / chaos_slope(h) == pytest.approx(integral, rel=1e-7)


def test_cycle_of_the_normalised_map_by_numpy():
    quick("saddles")
    from saddles_maps import cycle_slope

    h = 0.1
    x = h * (np.arange(2000) + 0.5) / 2000 + 0.7  # beyond the cycle at first
    growth = np.zeros_like(x)
    for k in range(408):
        growth += np.log1p(h / np.abs(x)) * (k >= 8)
        x = x - h * np.sign(x)  # y is far below x
    assert np.abs(x).max() < h
    assert cycle_slope(h) == pytest.approx(float((400 * h / growth).mean()), rel=1e-4)


@pytest.mark.parametrize("temperature", [0.3, 0.02, 1e-3])
def test_mean_times_by_other_quadratures(temperature):
    """The mean as the solution of F' = 1 - (y - y^3) F/T, by scipy."""
    from scipy.integrate import solve_ivp

    quick("saddles")
    from saddles_noise import exact_mean

    def slopes(y, z):
        return [1 - (y - y**3) * z[0] / temperature, z[0] / temperature]

    done = solve_ivp(slopes, (0.0, 0.5), [0.0, 0.0], rtol=1e-10, atol=1e-14, method="Radau")
    assert exact_mean(temperature) == pytest.approx(done.y[1, -1], rel=1e-7)


def test_kicks_by_numpy():
    quick("saddles")
    from saddles_noise import kicked_mean

    h, size = 0.1, 0.01
    y = np.abs(np.random.default_rng(2).standard_normal(200_000) * size)
    total = np.zeros_like(y)
    while (inside := y <= 0.5).any():
        total += h * inside
        y = np.where(inside, y + h * (y - y**3), y)
    assert abs(total.mean() - kicked_mean(size, h)) < 4 * total.std() / math.sqrt(len(y))


def test_a_law_that_is_wrong_would_be_told():
    module, result = quick("saddles")
    flows = {name: of | {"slope_law": 1.1 * of["slope_law"] + 0.01}
             for name, of in result["flows"].items()}
    mixed = {name: of | {"law": 1.2 * of["law"]} for name, of in result["mixed"].items()}
    bad = [c.text for c in module.claims(result | {"flows": flows, "mixed": mixed})
           if c.holds is False]
    assert len(bad) == 4 and sum("map" in text for text in bad) == 2


@pytest.mark.parametrize("values, message", [
    ({"points": 3}, "points must be an integer >= 4"), ({"step": 0.0}, "step must be"),
    ({"step": 5e-324}, "step must be a finite number >= 0.0001"),
    ({"levels": 13}, "levels must be an integer >= 3 and <= 12"), ({"runs": 5}, "runs must be")])
def test_bad_values(values, message):
    module = experiment.load(experiment.find("saddles"))
    with pytest.raises(ValueError, match=message):
        module.Config(**values)
