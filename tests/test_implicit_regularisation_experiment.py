"""The quick run of implicit-regularisation, its core by other routes, and refused options."""

import math
from itertools import permutations, product

import numpy as np
import pytest
from experiment_runs import check_shape, quick

from flowopt import experiment
from flowopt.quoting import Number


def test_every_claim_holds():
    result, claims = check_shape("implicit-regularisation")
    assert [c.line for c in claims.values() if not c.holds] == []
    assert set(result["cases"]) == {"gradient descent", "symplectic Euler", "heavy ball",
                                    "Nesterov", "Adam", "SGD, shuffled"}
    module, _ = quick("implicit-regularisation")
    made = module.numbers(result)
    assert made["descent-flow-h-0-1"].text == "0.030"
    assert all(isinstance(n, Number) for n in made.values())


def gradient(z):
    x, y = z
    return np.array([x + x * y * y / 2 + y / 3 + x * x / 2, 2 * y + x * x * y / 2 + x / 3])


def hessian(z):
    x, y = z
    return np.array([[1 + y * y / 2 + x, x * y + 1 / 3], [x * y + 1 / 3, 2 + x * x / 2]])


def scipy_end(field, end):
    from scipy.integrate import solve_ivp

    return solve_ivp(lambda t, z: field(z), (0, end), [0.6, -0.4], rtol=1e-12, atol=1e-14,
                     method="DOP853").y[:, -1]


def test_published_terms_by_hand():
    """Barrett & Dherin, Ghosh et al. and Cattaneo et al. as they print them, by NumPy and scipy."""
    _, result = quick("implicit-regularisation")
    cases = result["cases"]

    h, steps = float(cases["gradient descent"]["h"][0]), 16
    z = np.array([0.6, -0.4])
    for _ in range(steps):
        z = z - h * gradient(z)
    end = scipy_end(lambda z: -gradient(z) - h / 2 * hessian(z) @ gradient(z), 0.5)
    assert cases["gradient descent"]["lines"]["one-term"]["distance"][0] == pytest.approx(
        np.linalg.norm(z - end), rel=1e-6)

    lr, beta, of = float(cases["heavy ball"]["h"][0]), 0.8, cases["heavy ball"]
    z, v = np.array([0.6, -0.4]), np.zeros(2)
    for _ in range(round(0.125 / lr)):  # from rest
        v = beta * v + gradient(z)
        z = z - lr * v
    end = scipy_end(lambda z: -(gradient(z) + lr / 2 * (1 + beta) / (1 - beta) ** 2
                                * hessian(z) @ gradient(z)) / (1 - beta), 0.125)
    assert of["lines"]["from-rest"]["distance"][0] == pytest.approx(
        np.linalg.norm(z - end), rel=1e-6)

    h, b, r, e = float(cases["Adam"]["h"][0]), 0.6, 0.8, 0.1

    def adam(z):
        g = gradient(z)
        root = np.sqrt(g * g + e)
        factor = (1 + b) / (1 - b) - (1 + r) / (1 - r) + (1 + r) / (1 - r) * e / (g * g + e)
        return -(g + h / 2 * factor * (hessian(z) @ (g / root))) / root

    # Adam by NumPy, settled to first order: its averages lag by the step times beta/(1 - beta)
    flow = scipy_end(adam, 0.5)
    z0 = np.array([0.6, -0.4])
    g, slope = gradient(z0), hessian(z0) @ (-gradient(z0) / np.sqrt(gradient(z0) ** 2 + e))
    m, v, z = g - h * slope / (1 - b), g * g - 2 * h * g * slope / (1 - r), z0
    for _ in range(round(0.5 / h)):
        g = gradient(z)
        m, v = b * m + (1 - b) * g, r * v + (1 - r) * g * g
        z = z - h * m / np.sqrt(v + e)
    mine, theirs = np.linalg.norm(z - flow), cases["Adam"]["lines"]["one-term"]["distance"][0]
    assert mine == pytest.approx(theirs, rel=0.3)  # they settle to another O(h^2)


def test_mean_of_shuffles_by_enumeration():
    """Two epochs in all 36 pairs of orders, step by step."""
    quick("implicit-regularisation")
    from implicit_regularisation_shuffles import HESSIANS, MINIMA, START, mean_end

    ends = []
    for orders in product(permutations(range(3)), repeat=2):
        z = START
        for k in (k for order in orders for k in order):
            z = z - 0.1 * HESSIANS[k] @ (z - MINIMA[k])
        ends.append(z)
    assert len(ends) == 36
    assert np.allclose(np.mean(ends, axis=0), mean_end(0.1, 2), rtol=1e-13)


def test_valley_by_scipy():
    """Descent by NumPy; the first order by the flow of r, integrated in time."""
    from scipy.integrate import solve_ivp

    _, result = quick("implicit-regularisation")
    valley = result["valley"]
    h = float(valley["h"][2])
    a, b = 3.0, 1.5
    for _ in range(math.ceil(15 / h)):
        r = a * b - 1
        a, b = a - h * r * b, b - h * r * a
    assert valley["end"][2] == pytest.approx(a * a - b * b, rel=1e-12)
    done = solve_ivp(lambda t, s: [-(s[0] * s[1] - 1) * s[1], -(s[0] * s[1] - 1) * s[0],
                                   (s[0] * s[1] - 1) ** 2], (0, 15), [3.0, 1.5, 0.0], rtol=1e-11,
                     atol=1e-13).y[2, -1]
    assert valley["predicted"]["the first order in h"][2] == pytest.approx(
        6.75 * math.exp(-h * done), rel=1e-9)


def test_a_wrong_order_would_be_told():
    module, result = quick("implicit-regularisation")
    cases = {name: {**case, "lines": {k: {**line, "distance": np.asarray(line["distance"])
                                          * np.asarray(case["h"]) ** 0.5}
                                      for k, line in case["lines"].items()}}
             for name, case in result["cases"].items()}
    lines = sum(len(case["lines"]) for case in cases.values())
    failed = [c for c in module.claims(result | {"cases": cases}) if c.holds is False]
    assert len(failed) == lines


@pytest.mark.parametrize("values, message", [
    ({"levels": 3}, "levels must be an integer >= 4 and <= 8"),
    ({"steps": 5}, "steps must be an integer >= 6")])
def test_bad_values(values, message):
    module = experiment.load(experiment.find("implicit-regularisation"))
    with pytest.raises(ValueError, match=message):
        module.Config(**values)
