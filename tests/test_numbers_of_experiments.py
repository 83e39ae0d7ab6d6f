"""The numbers that experiments offer to a text: names, and values as in the result."""

import math
import re
import statistics
import sys

import mpmath
import numpy as np
import pytest
import twins_escape as theory
from experiment_runs import quick

from flowopt import experiment
from flowopt.quoting import Number, Quotes, count, decimal

NAMES = ["atlas", "escape-methods", "optimizers-and-their-flows", "step-limits"]
SMALL = {"runs": 300, "budget": 1000}


@pytest.fixture(scope="module")
def two_minima():
    module = experiment.load(experiment.find("two-minima"))
    result = module.run(module.Config(**SMALL))
    return module, result, module.numbers(result)


def part(name):
    """A file beside two_minima.py, once that is loaded."""
    return sys.modules[f"two_minima_{name}"]


def leaves(value):
    """Every number and text of a nested result."""
    if isinstance(value, dict):
        return [x for item in value.values() for x in leaves(item)]
    if isinstance(value, (list, tuple, np.ndarray)):
        return [x for item in value for x in leaves(item)]
    return [value]


def check(result, numbers, made_here):
    """Names and values: each is in the result, but for those that are counted or differences."""
    known = set(leaves(result))
    assert numbers
    for name, number in numbers.items():
        assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)
        assert isinstance(number, Number) and number.tex and number.text
        if not isinstance(number.value, str):
            assert math.isfinite(number.value)
        if not re.search(made_here, name):
            assert number.value in known, name


@pytest.mark.parametrize("name, made_here", [
    ("atlas", "claims|rows|^proved|disproved|unknown|grade-.$|settled|checked|refused|equalities|"
              "seconds"),
    ("escape-methods", "^ways$|^landscapes$|^polish$|-gradients"),
    ("optimizers-and-their-flows", "^optimizers$|^losses$|^levels$|^slope-|^dictionary-"),
    ("step-limits", "^momenta$|^rules$|^methods$|^limits|gap|^optimizers"),
])
def test_values_are_those_of_the_result(name, made_here):
    module, result = quick(name)
    check(result, module.numbers(result), made_here)


def test_counts_of_the_atlas():
    module, result = quick("atlas")
    numbers = module.numbers(result)
    every = result["claims"]
    assert numbers["claims"].value == len(every)
    assert sum(numbers[s].value for s in ("proved", "disproved", "unknown")) == len(every)
    assert numbers["unknown"].value == 1 and numbers["disproved"].value == 2
    assert numbers["unknown-flows"].value == 1 and numbers["disproved-maps"].value == 2
    assert numbers["rows"].value == len(module.QUICK["rows"])
    assert numbers["grade-a"].value == numbers["checked"].value == numbers["settled"].value
    assert numbers["row-d13a-status"].text == "disproved"
    times = [c["seconds"] for c in every if c["status"] != "unknown"]
    assert numbers["seconds-median"].value == statistics.median(times)


def test_gaps_of_step_limits():
    module, result = quick("step-limits")
    numbers = module.numbers(result)
    of = result["rules"]["heavy ball"]
    gap = max(abs(m / e - 1) for m, e in zip(of["measured"], of["exact"], strict=True))
    assert numbers["heavy-ball-gap"].value == pytest.approx(gap, rel=1e-9)
    assert numbers["gap-greatest"].value == max(
        v.value for k, v in numbers.items() if k.endswith("-gap"))
    assert numbers["rk4-limit"].text == "2.7852935634"
    assert numbers["limits"].value == len(result["rules"]) * len(result["beta"]) + 3


def test_gradients_per_success():
    module, result = quick("escape-methods")
    numbers = module.numbers(result)
    for c in result["cells"].values():
        name = re.sub("[^a-z0-9]+", "-", f"{c['problem']} {c['way']}".lower()).strip("-")
        if c["successes"]:
            cost = numbers[f"{name}-gradients"].value
            assert cost == pytest.approx(c["cost"][0], rel=1e-3)
        else:
            assert f"{name}-gradients" not in numbers  # infinite
        low, high = (numbers[f"{name}-success-{end}"].value for end in ("low", "high"))
        assert low <= numbers[f"{name}-success"].value <= high
    assert module.share(0.9995).text == "99.95 %" and module.share(1.0).text == "100.0 %"


def test_slopes():
    module, result = quick("optimizers-and-their-flows")
    numbers = module.numbers(result)
    p = result["pairs"]["RMSprop on Himmelblau"]
    assert numbers["rmsprop-himmelblau-slope"].value == p["slope"]
    assert numbers["rmsprop-himmelblau-order"].text == "0.5"
    assert numbers["slope-off-most"].value == max(
        abs(p["slope"] - p["order"]) for p in result["pairs"].values())


# ------------------------------------------------------------------ two-minima
def test_values_of_two_minima(two_minima):
    _, result, numbers = two_minima
    check(result, numbers, "^variants|-distance$|-delay-|arrival-error|x-at-.-error|^solvers-"
                           "|^left$|predicted|leave-step-(first|last)")
    assert numbers["published-last-distance"].value == abs(
        result["published"]["last_x"] - result["landscape"]["points"][0])
    assert numbers["left"].value == len(result["escape"]["steps"])
    assert numbers["leave-step-quantile-50"].value == result["escape"]["median"][0]
    assert sum(numbers[f"solvers-{v}"].value for v in (
        "right", "wrong", "no-end", "gives-up", "map")) == len(result["comparison"]["rows"])


def test_known_values_of_two_minima(two_minima):
    _, _, numbers = two_minima
    for name, text in (("good-x", "0.4069"), ("good-loss", "5.53e-7"), ("barrier-x", "1.8431"),
                       ("arrival-long", "2.12761354575"), ("least-hm", "0.7129"),
                       ("poor-curvature", "12.0000"), ("exponent-theory", "0.1320"),
                       ("well-cauchy-scale", "0.5201"), ("jitter-scale", "2.7e-4"),
                       ("jitter-cycle", "2.77e-6"), ("clip", "1000"), ("flow-status", "STUCK")):
        assert numbers[name].text == text
    assert all(numbers[f"noise-h10-t1-hot-{w}"].value <= 1 for w in ("well", "near"))


@pytest.mark.parametrize("hM", [1.0, 10.0, 1000.0])
def test_rate_of_leaving(two_minima, hM):
    """Against the twin, by mpmath's quadrature."""
    rate = part("theory").escape_rate
    assert rate(hM) == pytest.approx(theory.escape_rate(hM), rel=1e-6)
    assert rate(0.7) == 0.0


def test_law_in_the_well(two_minima):
    """Its density at two places by mpmath, in ratio to that at the bottom, L''/L(3)."""
    hM = 10.0
    kappa, reach = theory.escape_rate(hM), hM * 1.62276
    u, share = part("theory").law_in_well(hM)
    assert share[0] == 0.0 and share[-1] == pytest.approx(1.0) and (np.diff(share) >= 0).all()

    def ratio(v):
        return float(v**2 * (v**2 + 5 * v + 6) / 1.62276 + 1)

    def density(x):
        end, sign = (reach, 1) if x > 0 else (float(theory.BARRIER), -1)
        atom = ratio(reach) ** kappa / reach if x > 0 else 0.0
        beyond = mpmath.quad(lambda v: ratio(sign * v) ** kappa / v**2, [abs(x), end]) + atom
        slope = abs(4 * x**3 + 15 * x**2 + 12 * x)
        return float(slope / (ratio(x) * 1.62276) * ratio(x) ** -kappa * beyond)

    def measured(x):
        return float(np.diff(np.interp([x - 1e-3, x + 1e-3], u, share))[0])

    for x in (-0.8, 0.3, 2.0):
        assert measured(x) / measured(-0.3) == pytest.approx(density(x) / density(-0.3), rel=1e-3)


def test_iterates_follow_their_laws(two_minima):
    _, result, _ = two_minima
    for row in result["laws"]["rows"]:
        assert row["cauchy"] < row["critical"]
        assert row["law"] < 1.5 * row["law_critical"] < row["law_cauchy"] + 0.1
        half = row["rate"][2] - row["rate"][0]
        assert abs(row["rate"][0] - theory.escape_rate(row["h"] * 1000)) < 2 * half
    j = result["laws"]["jitter"]
    # the cycle of two points to the next order, u = h M (L0 + k u^2/2)/2
    k, level, u = 14.896054962258804, 5.533617681076653e-07, 0.0
    for _ in range(50):
        u = 10.0 * (level + k * u * u / 2) / 2
    assert j["amplitude"][0] == pytest.approx(u, rel=1e-4)


def test_distance_from_a_law(two_minima):
    """Against scipy's."""
    from scipy.stats import cauchy, kstest

    values = np.random.default_rng(3).normal(size=57)
    assert part("theory").distance_from(part("laws").cauchy, values) == pytest.approx(
        kstest(values, cauchy.cdf).statistic, abs=1e-14)


def test_variants_are_equal_in_exact_arithmetic(two_minima):
    _, result, _ = two_minima
    x = mpmath.mpf(17) / 7
    exact = 4 * x**3 - 21 * x**2 + 30 * x - 9
    for slope in part("digits").SLOPES.values():
        assert abs(slope(x) - exact) < 1e-12
    for of in result["published"]["variants"].values():
        assert 100 < of["differs_at_step"] <= of["parted_at_step"] < 400
    assert result["published"]["variants"]["products"]["last_x"] == 0.40692901144053784


# ------------------------------------------------------------------ quotes
def test_quotes_refuse_names():
    quotes = Quotes()
    quotes.add("h10-m1000", count, 3)
    with pytest.raises(ValueError, match="name must be one that is not taken"):
        quotes.add("h10-m1000", count, 3)
    for bad in ("H", "a_b", "a--b", "", "1a", "a-"):
        with pytest.raises(ValueError, match="name must be small letters"):
            quotes.add(bad, decimal, 1.0, 2)
    quotes.add("x", decimal, None, 2)
    quotes.add("y", decimal, math.inf, 2)
    assert list(quotes) == ["h10-m1000"]
