"""The quick run of langevin-versus-clip, and its theory against quadrature and plain NumPy."""

import sys

import numpy as np
import pytest
from experiment_runs import check_shape, quick
from twins_two_minima import two_minima_grad, two_minima_loss

from flowopt import quoting

BARRIER, GOOD = (9 + 33**0.5) / 8, (9 - 33**0.5) / 8


def theory():
    quick("langevin-versus-clip")
    return sys.modules["noise_theory"]


def test_shape_and_claims():
    result, claims = check_shape("langevin-versus-clip")
    walled = [c for text, c in claims.items() if " wall" in text and "leave" in text]
    assert len(walled) == 2 and all(c.holds and c.computed == 0 for c in walled)
    assert all(c.holds is None for c in claims.values() if "verdict" in c.text)  # too few runs
    module, _ = quick("langevin-versus-clip")
    assert all(isinstance(v, quoting.Number) for v in module.numbers(result).values())
    for way, of in result["ways"].items():
        for budget, made in of.items():
            p, low, high = made["best"]["p"]
            assert low <= p <= high and made["best"]["cost"][0] == (
                int(budget) / p if p else np.inf), way
    shapes = {np.shape(of["2500"]["count"]) for of in result["ways"].values()}
    assert shapes == {(6, module.QUICK["values"])}  # as many settings for each way


def test_passage_time_is_the_double_integral():
    from scipy.integrate import dblquad

    t = theory()
    for T in (0.8, 2.0):
        value, _ = dblquad(
            lambda z, y, T=T: np.exp((two_minima_loss(y) - two_minima_loss(z)) / T), BARRIER, 3.0,
            lambda y: y, lambda y: 7.0, epsabs=1e-10, epsrel=1e-10)
        assert t.passage_time(T) == pytest.approx(value / T, rel=1e-9)
    assert t.passage_time(0.1) / t.kramers_time(0.1) == pytest.approx(1, abs=0.05)  # T -> 0
    assert t.shifted_time(1.0, 0.001) > t.passage_time(1.0)


def test_law_of_the_diffusion_against_plain_noise():
    """Euler-Maruyama in NumPy with a small step: P(near) and P(well) at one time."""
    t = theory()
    T, h, n = 1.0, 0.002, 20_000
    rng = np.random.default_rng(3)
    x = rng.uniform(2, 4, n)
    for _ in range(1000):
        x += -h * two_minima_grad(x) + np.sqrt(2 * T * h) * rng.standard_normal(n)
    law = t.Diffusion(T)
    for low, high in ((GOOD - 0.1, GOOD + 0.1), (-4.0, BARRIER)):
        p = law.share(2.0, (2.0, 4.0), low, high)
        assert ((low < x) & (x < high)).mean() == pytest.approx(p, abs=3.3 * (p / n) ** 0.5 + 4e-3)
    assert law.share(2.0, (2.0, 4.0), -4.0, 7.0) == pytest.approx(1.0, abs=1e-9)


def test_the_diffusion_forgets_its_start():
    t = theory()
    x = np.linspace(-4, 7, 400_001)
    for T in (0.5, 2.0):
        weight = np.exp(-two_minima_loss(x) / T)
        known = weight[x < BARRIER].sum() / weight.sum()
        assert t.Diffusion(T).share(1e5, (2.0, 4.0), -4.0, BARRIER) == pytest.approx(known,
                                                                                     abs=1e-3)


def test_mean_of_times_that_are_cut_off():
    module, _ = quick("langevin-versus-clip")
    t = np.random.default_rng(0).exponential(3.0, 40_000)
    made = module.mean_time(np.where(t > 6.0, np.inf, t), 3.0, 6.0)
    assert made["mean"] == pytest.approx(3.0, abs=4 * made["error"])
    assert made["seen"] == int((t <= 6).sum())


def test_every_way_spends_the_same():
    """The steps of the search and of the descent behind it add up to the budget."""
    module, _ = quick("langevin-versus-clip")
    spent = []

    def count(problem, starts, setting, seed, steps):
        spent.append(steps)
        return starts

    for descent in (False, True):
        way = module.Way(count, lambda h, v: {}, (0.1,), (1.0, 2.0), descent)
        module.search(module.problems(2500)["two minima"], way, 0.1, 1.0, np.full((3, 1), GOOD), 0,
                      2500)
    assert spent == [2500, 2250]


def test_the_same_again():
    module, result = quick("langevin-versus-clip")
    config = module.Config(**module.QUICK)
    for way in ("noise, then descent", "clip"):
        again = module.successes(config, way, 400, 2)
        assert (again["count"] == result["ways"][way]["400"]["count"][2]).all()


@pytest.mark.parametrize(("values", "words"), [
    ({"runs": 1}, "runs must be an integer >= 20"), ({"values": 2}, "values must be"),
    ({"passages": 1}, "passages must be"), ({"best_runs": 1.5}, "best_runs must be"),
    ({"seed": -1}, "seed must be")])
def test_refusals(values, words):
    module, _ = quick("langevin-versus-clip")
    with pytest.raises((ValueError, TypeError), match=words):
        module.Config(**values)
