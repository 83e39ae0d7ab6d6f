"""The Euler maps of the three flows: what one step does, and where sign steps end."""

from __future__ import annotations

from typing import Any

import numpy as np
from three_flows_exact import polyak_bounds

import flowopt as fo

#: steps of the sign map
STEPS = (0.4, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
#: those that are drawn, on the line from x = 1
DRAWN = (0.3, 0.16, 0.07)
#: steps of Polyak's map on an isotropic and on the coupled quadratic
POLYAK = (0.25, 0.5, 1.0, 1.5, 3.0)
#: steps that are looked at once the map has settled
TAIL = 64


def one_step_laws(config: Any) -> dict[str, Any]:
    """Gradient and loss-normalised Euler maps against their exact laws; what is proved of them."""
    H, x0 = np.array(config.H), np.array([config.x, config.y])
    values, vectors = np.linalg.eigh(H)
    bowl, h = fo.losses.quadratic(config.H), 0.1
    path = fo.optimizers.gradient_descent(lr=h).run(bowl, x0, steps=100)
    k = np.arange(101)
    exact = ((1 - h * values) ** k[:, None] * (vectors.T @ x0)) @ vectors.T
    gradient = float(np.abs(path.x - exact).max())
    kappa = float(values[1] / values[0])
    ratios, isotropic = {}, {}
    for step in POLYAK:
        make = fo.optimizers.polyak(lr=step, max_learning_rate=np.inf)
        low, high = polyak_bounds(kappa, step)
        L = make.run(bowl, x0, steps=12).loss
        L = L[L > 1e-10]  # below, the rule takes no step where |g|² < 2⁻⁵²
        ratios[f"{step:g}"] = {"low": low, "high": high, "least": float((L[1:] / L[:-1]).min()),
                               "most": float((L[1:] / L[:-1]).max())}
        L = make.run("3*(x**2 + y**2)/2", x0, steps=12).loss
        L = L[L > 1e-10]
        isotropic[f"{step:g}"] = {"exact": low, "off": float(np.abs(L[1:] / L[:-1] - low).max())}
    return {"gradient_off": gradient, "h": h, "kappa": kappa, "polyak": ratios,
            "isotropic": isotropic, "proofs": proofs(config)}


def proofs(config: Any) -> dict[str, Any]:
    """What is proved of the maps: each verdict is read back and checked again."""
    made = {"never rests": fo.stability.least_step(fo.optimizers.signsgd(lr=0.1)),
            "not stable": fo.stability.sign_cycle(fo.optimizers.signsgd(lr=0.1)),
            "gradient limit": fo.step_limit(fo.optimizers.gradient_descent(lr=0.1)).verdict}
    told = {name: {"status": v.status, "checked": fo.Verdict.from_json(v.to_json()).check()}
            for name, v in made.items()}
    told["gradient cycles"] = {"count": len(fo.stability.two_cycles("x**2/2", lr="1/10"))}
    return told


def settled(loss: Any, starts: np.ndarray, h: float, steps: int) -> np.ndarray:
    """The last TAIL + 1 states of each start, (N, TAIL + 1, n), after so many steps."""
    field = fo.flows.SignFlow().on(loss)
    begun = fo.ensemble(field, starts, (0.0, h * steps), fo.Euler(h=h), max_steps=10 * steps)
    tail = fo.ensemble(field, begun.x, (0.0, h * TAIL), fo.Euler(h=h),
                       save_at=h * np.arange(TAIL + 1))
    return tail.saved


def on_the_line(config: Any) -> dict[str, Any]:
    """x − h sign(x): the cycle that each start ends in, against its phase."""
    rng = np.random.default_rng(config.seed + 1)
    loss = fo.Loss("x**2/2")
    made: dict[str, Any] = {"h": np.array(STEPS), "amplitude_off": [], "phase_off": [],
                            "mean": [], "worst": [], "best": []}
    for h in STEPS:
        starts = 1.0 + h * rng.uniform(0.0, 1.0, (config.starts, 1))
        x = settled(loss, starts, h, int(np.ceil(1.0 / h)) + 4)[..., 0]
        high, low = x.max(axis=1), x.min(axis=1)
        phase = np.mod(starts[:, 0], h)
        made["amplitude_off"].append(float(np.abs((high - low) / h - 1).max()))
        off = np.abs(high - phase) / h
        made["phase_off"].append(float(np.minimum(off, 1 - off).max()))
        L = x**2 / 2
        made["mean"].append([float(L.mean()), float(L.mean(axis=1).std() / np.sqrt(len(L)))])
        made["worst"].append(float(L.max(axis=1).max()))
        made["best"].append(float(L.max(axis=1).min()))
    made = {k: np.array(v) for k, v in made.items()}
    made["paths"] = {f"{h:g}": fo.optimizers.signsgd(lr=h).run(loss, [1.0], steps=26).x[:, 0]
                     for h in DRAWN}
    return made


def on_the_plane(config: Any) -> dict[str, Any]:
    """The sign map on the coupled quadratic: amplitudes, periods and the loss in the long run."""
    rng = np.random.default_rng(config.seed + 2)
    bowl = fo.losses.quadratic(config.H)
    made: dict[str, Any] = {"h": np.array(STEPS), "least": [], "most": [], "amplitude": [],
                            "mean": [], "periods": []}
    for h in STEPS:
        starts = np.array([config.x, config.y]) + h * rng.uniform(-1.0, 1.0, (config.starts, 2))
        x = settled(bowl, starts, h, int(4 * (abs(config.x) + abs(config.y)) / h) + 200)
        span = (x.max(axis=1) - x.min(axis=1)) / h
        L = bowl.value(x.reshape(-1, 2)).reshape(x.shape[:2])
        made["least"].append(float(L.max(axis=1).min()) / h**2)
        made["most"].append(float(L.max(axis=1).max()) / h**2)
        made["mean"].append(float(L.mean()) / h**2)
        made["amplitude"].append([float(span.min()), float(span.max()),
                                  float((np.abs(span - 1) < 1e-6).all(axis=1).mean())])
        same = [np.abs(x[:, p:] - x[:, :-p]).max(axis=(1, 2)) < 1e-6 * h for p in (2, 4, 6, 8)]
        first = np.argmax(np.stack([*same, np.ones_like(same[0])]), axis=0)
        made["periods"].append(np.bincount(first, minlength=5) / len(x))
    return {k: np.array(v) for k, v in made.items()}
