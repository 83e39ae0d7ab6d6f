"""Training steps of two networks: Adam on mini-batches, each candidate on the same batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import numpy as np

from benchmarks.report import Result
from benchmarks.timing import Candidate, measure, time_ratio

NAME = "network"
QUESTION = ("Adam on shuffled mini-batches, float64: 1-20-1 ReLU on 1500 points of x^3 + noise, "
            "batch 20, and 784-128-10 ReLU on 1280 samples, cross-entropy, batch 128")
TARGETS = ("flowopt: a step of 1-20-1 takes at most 1 times that of jax + optax in a scan, and at "
           "most 1/100 of torch eager's; one of 784-128-10 at most 1.2 times that of torch eager",)


@dataclass(frozen=True)
class Problem:
    """A network, its data, and how it is trained.

    Parameters
    ----------
    sizes : tuple of int
    cost : {"mse", "cross_entropy"}
    batch, epochs : int
    """

    sizes: tuple[int, ...]
    cost: str
    batch: int
    epochs: int
    lr: float = 0.01

    @property
    def name(self) -> str:
        return f"{'-'.join(map(str, self.sizes))}, batch {self.batch}"

    @property
    def data(self) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(0)
        if self.cost == "mse":
            X = rng.uniform(-1.0, 1.0, (1500, 1))
            return X, X**3 + 0.1 * rng.normal(size=X.shape)
        labels = np.arange(1280) % 10
        X = rng.normal(size=(1280, self.sizes[0]))
        X[:, :10] += 2.0 * np.eye(10)[labels]
        return X, labels

    @cache  # noqa: B019 - a few problems that live as long as the process
    def loss(self) -> Any:
        import flowopt as fo

        X, y = self.data
        return fo.losses.network(self.sizes, "relu", self.cost, X=X, y=y)

    @cache  # noqa: B019
    def start(self) -> np.ndarray:
        return self.loss().initial(seed=0)

    @cache  # noqa: B019
    def steps(self) -> np.ndarray:
        """Return the samples of each step (steps, batch), in flowopt's order for seed 1."""
        from flowopt.losses.external import order

        count = len(self.data[0])
        return np.concatenate([order(count, e, 1).reshape(-1, self.batch)
                               for e in range(self.epochs)])


SMALL = Problem((1, 20, 1), "mse", 20, 100)
LARGE = Problem((784, 128, 10), "cross_entropy", 128, 10, lr=0.001)


def flowopt_prepare(problem: Problem) -> Callable[[], np.ndarray]:
    import flowopt as fo

    loss, x0, count = problem.loss().batches(problem.batch, seed=1), problem.start(), \
        len(problem.steps())
    opt = fo.optimizers.adam(lr=problem.lr)
    return lambda: opt.run(loss, x0, epochs=problem.epochs, save_every=count).x[-1]


def jax_prepare(unroll: int, problem: Problem) -> Callable[[], np.ndarray]:
    import jax
    import jax.numpy as jnp
    import optax

    jax.config.update("jax_enable_x64", True)
    layers = [(jnp.asarray(w), jnp.asarray(b)) for w, b in
              problem.loss().unflatten(problem.start())]
    X, y = (jnp.asarray(a) for a in problem.data)
    chosen, peer = jnp.asarray(problem.steps()), optax.adam(problem.lr)

    def value(layers: Any, a: Any, b: Any) -> Any:
        (w1, b1), (w2, b2) = layers
        z = jax.nn.relu(a @ w1.T + b1) @ w2.T + b2
        if problem.cost == "mse":
            return ((z - b) ** 2).mean()
        return optax.softmax_cross_entropy_with_integer_labels(z, b).mean()

    def step(carry: Any, rows: Any) -> Any:
        layers, state = carry
        g = jax.grad(value)(layers, X[rows], y[rows])
        change, state = peer.update(g, state, layers)
        return (optax.apply_updates(layers, change), state), None

    @jax.jit
    def train(layers: Any, state: Any) -> Any:
        return jax.lax.scan(step, (layers, state), chosen, unroll=unroll)[0][0]

    state = peer.init(layers)

    def run() -> np.ndarray:
        made = jax.block_until_ready(train(layers, state))
        return np.concatenate([np.asarray(a).ravel() for pair in made for a in pair])

    return run


def torch_prepare(problem: Problem) -> Callable[[], np.ndarray]:
    import torch

    X, y = (torch.from_numpy(a) for a in problem.data)
    chosen = torch.from_numpy(problem.steps().copy())
    d, hidden, out = problem.sizes
    cost = torch.nn.MSELoss() if problem.cost == "mse" else torch.nn.CrossEntropyLoss()

    def run() -> np.ndarray:
        model = torch.nn.Sequential(torch.nn.Linear(d, hidden), torch.nn.ReLU(),
                                    torch.nn.Linear(hidden, out)).double()
        torch.nn.utils.vector_to_parameters(torch.from_numpy(problem.start()), model.parameters())
        peer = torch.optim.Adam(model.parameters(), lr=problem.lr)
        for rows in chosen:
            peer.zero_grad()
            cost(model(X[rows]), y[rows]).backward()
            peer.step()
        return torch.nn.utils.parameters_to_vector(model.parameters()).detach().numpy()

    return run


def run(rounds: int, quick: bool) -> list[Result]:
    """Time every candidate on both networks."""
    results = []
    for problem in (SMALL, LARGE):
        if quick:
            problem = Problem(problem.sizes, problem.cost, problem.batch, 2, problem.lr)
        entries = {
            "flowopt adam": (flowopt_prepare, ("flowopt", "scipy.linalg"), ""),
            "jax + optax, scan": (partial(jax_prepare, 1), ("jax", "optax"), ""),
            "jax + optax, scan, unroll 8": (partial(jax_prepare, 8), ("jax", "optax"), ""),
            "torch eager": (torch_prepare, ("torch",), ""),
        }
        timings = measure([Candidate(name, partial(prepare, problem), needs, note)
                           for name, (prepare, needs, note) in entries.items()], rounds)
        own = timings["flowopt adam"]
        steps = len(problem.steps())
        for timing in timings.values():
            if timing.problem:
                results.append(timing.result(group=problem.name))
                continue
            off = np.abs(timing.value - own.value).max() / np.abs(own.value).max()
            results.append(timing.result(
                group=problem.name, ratios={"time / flowopt": time_ratio(timing, own)},
                extra={"µs per step": 1e6 * timing.median / steps, "steps": steps,
                       "off flowopt's x": float(off)}))
    return results
