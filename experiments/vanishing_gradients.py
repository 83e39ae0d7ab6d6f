"""Gradients by layer against depth for sigmoid, tanh and ReLU, beside the product formula.

delta_l = dL/dz_l is the gradient of the bias of layer l. For a chain of one-neuron layers
delta_l = delta_(l+1) w_(l+1) s'(z_l), a product over the layers behind l, exactly. In wide networks
with weights N(0, 2/d) the squares of the norms follow a product on the average:
E|delta_l|^2 = chi_l E|delta_(l+1)|^2 with chi_l = 2 E s'(z)^2, z ~ N(0, q_l), and the variances
q_l = 2 E s(z)^2, z ~ N(0, q_(l-1)) (Poole et al., NeurIPS 2016; Schoenholz et al., ICLR 2017,
Eq. (5)). Each network sees one sample, inputs N(0, 1), so that delta is that of the sample.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from vanishing_gradients_figures import figures

import flowopt as fo
from flowopt import estimates
from flowopt.experiment import SILENT, Claim
from flowopt.options import Options, option
from flowopt.reporting import Reporter, Table

__all__ = ["NAME", "QUESTION", "QUICK", "Config", "claims", "figures", "run", "table"]

NAME = "vanishing-gradients"
QUESTION = "How does the gradient of the first layer shrink with the depth of a network?"
QUICK = {"seeds": 40, "width": 50}

DEPTHS = (2, 4, 6, 8, 12, 16, 20)  # hidden layers
ACTIVATIONS = {
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda z: 0.25 / np.cosh(z / 2) ** 2),
    "tanh": (np.tanh, lambda z: 1 / np.cosh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
}


@dataclass(frozen=True)
class Config(Options):
    seeds: int = option(300, "networks of each kind", at_least=5, at_most=100_000)
    width: int = option(100, "units of each hidden layer, and inputs", at_least=2, at_most=1000)
    seed: int = option(0, "the first seed", at_least=0, at_most=2**31)


def run(config: Config, progress: Reporter = SILENT) -> dict[str, Any]:
    names = [f"{activation}, depth {depth}" for activation in ACTIVATIONS for depth in DEPTHS]
    made = progress.pieces(names, lambda name: measured(
        config, name.split(", ")[0], int(name.split()[-1])), end=0.8)
    chains = progress.pieces([f"chain of {a}" for a in ACTIVATIONS],
                             lambda name: chain(config, name.split()[-1]), 0.8)
    return {"ratio": {a: {str(d): made[f"{a}, depth {d}"] for d in DEPTHS} for a in ACTIVATIONS},
            "theory": {a: theory(a, max(DEPTHS)) for a in ACTIVATIONS},
            "chain": {a: chains[f"chain of {a}"] for a in ACTIVATIONS}, "width": config.width,
            "seeds": {"seed": config.seed, "count": config.seeds}}


def deltas(loss: Any, x: np.ndarray) -> np.ndarray:
    """|delta_l| of each layer, the last one too."""
    return np.array([np.linalg.norm(parts[1]) for parts in loss.layer_gradients(x).arrays])


def measured(config: Config, activation: str, depth: int) -> np.ndarray:
    """|delta_l|/|delta_last| of each hidden layer: (seeds, depth)."""
    made = np.empty((config.seeds, depth))
    for i in range(config.seeds):
        rng = np.random.default_rng([config.seed, i])
        loss = fo.losses.network([config.width] * (depth + 1) + [1], activation,
                                 X=rng.normal(size=(1, config.width)), y=[100.0])
        size = deltas(loss, loss.initial(seed=config.seed + i))
        made[i] = size[:-1] / size[-1]
    return made


def theory(activation: str, depth: int) -> dict[str, np.ndarray]:
    """q_l and chi_l of wide networks, by Gauss and Hermite's quadrature (ReLU: exactly)."""
    s, slope = ACTIVATIONS[activation]
    if activation == "relu":
        return {"q": np.full(depth, 2.0), "chi": np.ones(depth)}
    nodes, weights = np.polynomial.hermite_e.hermegauss(101)
    weights = weights / weights.sum()
    q = [2.0]  # 2/d times the sum of d squares of N(0, 1)
    while len(q) < depth:
        q.append(float(2 * weights @ s(np.sqrt(q[-1]) * nodes) ** 2))
    return {"q": np.array(q),
            "chi": np.array([2 * weights @ slope(np.sqrt(v) * nodes) ** 2 for v in q])}


def chain(config: Config, activation: str) -> dict[str, np.ndarray]:
    """A chain of 8 one-neuron layers: delta as measured, and as the product, by plain NumPy."""
    s, slope = ACTIVATIONS[activation]
    found, product = [], []
    for i in range(20):
        rng = np.random.default_rng([config.seed, 7, i])
        loss = fo.losses.network([1] * 10, activation, X=[[1.0]], y=[3.0])
        w, b = np.abs(rng.normal(0, 1.4, 9)), rng.normal(0, 0.3, 9)
        x = loss.flatten([(np.array([[u]]), np.array([v])) for u, v in zip(w, b, strict=True)])
        a, z = 1.0, []
        for u, v in zip(w, b, strict=True):
            z.append(u * a + v)
            a = s(z[-1])
        delta = [2 * (z[-1] - 3.0)]
        for layer in range(7, -1, -1):
            delta.insert(0, delta[0] * w[layer + 1] * float(slope(z[layer])))
        found.append([float(parts[1][0]) for parts in loss.layer_gradients(x).arrays])
        product.append(delta)
    return {"measured": np.array(found), "product": np.array(product)}


def predicted(theory: dict[str, Any], depth: int) -> np.ndarray:
    """sqrt(E|delta_l|^2)/|delta_last| of each hidden layer: the root of the product of chi."""
    return np.sqrt(np.cumprod(np.asarray(theory["chi"])[:depth][::-1])[::-1])


def squares(ratio: np.ndarray) -> tuple[float, float, float]:
    """The root mean square with its 95 % interval."""
    middle, low, high = estimates.mean(np.asarray(ratio) ** 2)
    return middle**0.5, max(low, 0.0) ** 0.5, high**0.5


def table(result: dict[str, Any]) -> Table:
    rows = []
    for activation, by_depth in result["ratio"].items():
        for depth in (4, 8, 16, 20):
            made = squares(np.asarray(by_depth[str(depth)])[:, 0])
            rows.append((activation, depth, made,
                         float(predicted(result["theory"][activation], depth)[0])))
    return Table(f"Gradient of the first layer over that of the last, |delta_1|/|delta_last|, root "
                 f"mean square over {result['seeds']['count']} networks of width "
                 f"{result['width']}, weights N(0, 2/d)",
                 ("activation", "hidden layers", "measured", "product formula"), rows)


def claims(result: dict[str, Any]) -> list[Claim]:
    made = []
    for activation, of in result["chain"].items():
        found, product = np.asarray(of["measured"]), np.asarray(of["product"])
        off = float((np.abs(found - product) / (np.abs(product) + 1e-300)).max())
        made.append(Claim(f"chain of one-neuron {activation} layers: largest relative distance of "
                          "the gradients from the product", off, "< 1e-12", off < 1e-12))
    for activation, by_depth in result["ratio"].items():
        last = str(max(map(int, by_depth)))
        ratio = np.asarray(by_depth[last])
        rate = np.exp(np.polyfit(np.arange(len(ratio[0]) - 4), np.log(
            np.sqrt((ratio**2).mean(axis=0)))[3:-1], 1)[0] * -1)
        chi = float(np.sqrt(np.asarray(result["theory"][activation]["chi"])[-1]))
        made.append(Claim(f"{activation}: factor of the gradient for each layer",
                          round(float(rate), 4), f"{chi:.4f}", bool(abs(rate / chi - 1) < 0.05),
                          "to 5 %, at a depth of " + last))
    chi = float(np.sqrt(np.asarray(result["theory"]["sigmoid"]["chi"])[-1]))
    made.append(Claim("sigmoid: the factor is below the bound sqrt(2) max s' = sqrt(2)/4",
                      round(chi, 4), "< 0.3536", chi < 2**0.5 / 4))
    return made
