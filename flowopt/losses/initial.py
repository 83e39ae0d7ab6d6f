"""Where the training of a network starts: random weights from a seed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowopt import _check
from flowopt.losses.workspace import Layout

#: weights (out, d) of a layer with d inputs
RULES: dict[str, Callable[[np.random.Generator, int, int], np.ndarray]] = {
    "he": lambda rng, d, out: rng.normal(0.0, np.sqrt(2 / d), (out, d)),
    "he_uniform": lambda rng, d, out: rng.uniform(-np.sqrt(6 / d), np.sqrt(6 / d), (out, d)),
    "glorot": lambda rng, d, out: rng.uniform(-np.sqrt(6 / (d + out)), np.sqrt(6 / (d + out)),
                                              (out, d)),
    "glorot_normal": lambda rng, d, out: rng.normal(0.0, np.sqrt(2 / (d + out)), (out, d)),
    "torch": lambda rng, d, out: rng.uniform(-1 / np.sqrt(d), 1 / np.sqrt(d), (out, d)),
}


def initial(layout: Layout, seed: int, rule: str) -> np.ndarray:
    """Return x (n,) by one of the `RULES`; see `Network.initial`."""
    seed = _check.integer("seed", seed, at_least=0)
    if not isinstance(rule, str) or rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(map(repr, RULES))}, got "
                         f"{_check.shown(rule)}; {_check.nearest(str(rule), RULES)}")
    rng = np.random.default_rng(seed)
    x = np.zeros(layout.n)
    for place, d, out in zip(layout.places, layout.sizes, layout.sizes[1:], strict=False):
        weight, bias, gamma = place[0], place[1], place[2]
        x[weight:weight + d * out] = RULES[rule](rng, d, out).ravel()
        if bias >= 0 and rule == "torch":
            x[bias:bias + out] = rng.uniform(-1 / np.sqrt(d), 1 / np.sqrt(d), out)
        if gamma >= 0:
            x[gamma:gamma + out] = 1.0
    return x
