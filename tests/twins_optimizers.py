"""Optimizers as they are published: x and some dictionaries, nothing of flows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from twins_types import Grad, Value


def optimizer_path(update, x0, grad: Grad, steps: int, value: Value | None = None, **hyper):
    """Return the iterates (steps + 1, n) of ``update(k, x, g, L, s, **hyper)``, k = 1, 2, ….

    s is a namespace that lives as long as the run: the states.
    """
    x, s, path = np.array(x0, dtype=float), {}, [np.array(x0, dtype=float)]
    for k in range(1, steps + 1):
        L = None if value is None else value(x)
        x = update(k, x, grad(x), L, s, **hyper)
        path.append(x)
    return np.array(path)


def sgd_step(k, x, g, L, s, lr, momentum=0.0, dampening=0.0, weight_decay=0.0, nesterov=False):
    """Gradient descent with momentum, as torch's documentation of SGD has it."""
    g = g + weight_decay * x
    if momentum:
        s["b"] = g if k == 1 else momentum * s["b"] + (1 - dampening) * g
        g = g + momentum * s["b"] if nesterov else s["b"]
    return x - lr * g


def heavy_ball_step(k, x, g, L, s, lr, momentum):
    """Polyak (1964): x+ = x - lr g + momentum (x - x_before)."""
    before = s.get("before", x)
    s["before"] = x
    return x - lr * g + momentum * (x - before)


def nesterov_path(x0, grad: Grad, steps: int, s: float, beta: Callable[[int], float]):
    """Nesterov: x_k = y - s g(y), y = x_k + beta(k) (x_k - x_{k-1}); return the x and the y."""
    x = y = np.array(x0, dtype=float)
    xs, ys = [x], [y]
    for k in range(1, steps + 1):
        x, before = y - s * grad(y), x
        y = x + beta(k) * (x - before)
        xs.append(x)
        ys.append(y)
    return np.array(xs), np.array(ys)


def adagrad_step(k, x, g, L, s, lr, lr_decay=0.0, weight_decay=0.0, initial_accumulator_value=0.0,
                 eps=1e-10, eps_inside=False):
    """Duchi et al. (2011), with the options of torch and optax."""
    g = g + weight_decay * x
    s["sum"] = s.get("sum", initial_accumulator_value) + g * g
    root = np.sqrt(s["sum"] + eps) if eps_inside else np.sqrt(s["sum"]) + eps
    return x - lr / (1 + (k - 1) * lr_decay) * g / root


def rmsprop_step(k, x, g, L, s, lr, alpha, eps=1e-8, weight_decay=0.0, momentum=0.0,
                 centered=False, eps_inside=False, initial_scale=0.0, bias_correction=False):
    """Graves (2013) Eq. 38-45, with the options of torch and optax."""
    g = g + weight_decay * x
    s["v"] = alpha * s.get("v", initial_scale) + (1 - alpha) * g * g
    s["m"] = alpha * s.get("m", 0.0) + (1 - alpha) * g
    correction = 1 - alpha**k if bias_correction else 1.0
    square = s["v"] / correction
    if centered:
        square = square - (s["m"] / correction) ** 2
    step = g / (np.sqrt(square + eps) if eps_inside else np.sqrt(square) + eps)
    if momentum:
        step = s["b"] = momentum * s.get("b", 0.0) + step
    return x - lr * step


def adadelta_step(k, x, g, L, s, lr, rho, eps, weight_decay=0.0):
    """Zeiler (2012), Algorithm 1, times lr."""
    g = g + weight_decay * x
    s["v"] = rho * s.get("v", 0.0) + (1 - rho) * g * g
    step = np.sqrt(s.get("u", 0.0) + eps) / np.sqrt(s["v"] + eps) * g
    s["u"] = rho * s.get("u", 0.0) + (1 - rho) * step * step
    return x - lr * step


def adam_step(k, x, g, L, s, lr, betas, eps, weight_decay=0.0, eps_root=0.0, decoupled=False,
              amsgrad="", nesterov=False):
    """Kingma & Ba (2015), Algorithm 1; AdamW, AMSGrad (of torch or optax), and optax's NAdam."""
    b1, b2 = betas
    if not decoupled:
        g = g + weight_decay * x
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g * g
    m, v = s["m"] / (1 - b1**k), s["v"] / (1 - b2**k)
    if nesterov:
        m = b1 * s["m"] / (1 - b1 ** (k + 1)) + (1 - b1) * g / (1 - b1**k)
    if amsgrad == "torch":
        s["w"] = np.maximum(s.get("w", 0.0), s["v"])
        v = s["w"] / (1 - b2**k)
    elif amsgrad == "optax":
        s["w"] = v = np.maximum(s.get("w", 0.0), v)
    decay = lr * weight_decay * x if decoupled else 0.0
    return x - lr * m / (np.sqrt(v + eps_root) + eps) - decay


def adamax_step(k, x, g, L, s, lr, betas, eps, weight_decay=0.0):
    """Kingma & Ba (2015), Algorithm 2, with eps added to |g|."""
    b1, b2 = betas
    g = g + weight_decay * x
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["u"] = np.maximum(b2 * s.get("u", 0.0), np.abs(g) + eps)
    return x - lr / (1 - b1**k) * s["m"] / s["u"]


def nadam_step(k, x, g, L, s, lr, betas, eps, weight_decay=0.0, momentum_decay=4e-3):
    """Dozat (2016) with the momentum schedule of torch."""
    b1, b2 = betas
    g = g + weight_decay * x
    mu, after = (b1 * (1 - 0.5 * 0.96 ** (j * momentum_decay)) for j in (k, k + 1))
    s["p"] = s.get("p", 1.0) * mu
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g * g
    m = (1 - mu) * g / (1 - s["p"]) + after * s["m"] / (1 - s["p"] * after)
    return x - lr * m / (np.sqrt(s["v"] / (1 - b2**k)) + eps)


def radam_step(k, x, g, L, s, lr, betas, eps, weight_decay=0.0, convention="torch"):
    """Liu et al. (2020), Algorithm 2; torch and optax differ in eps, and at rho = 5."""
    b1, b2 = betas
    g = g + weight_decay * x
    s["m"] = b1 * s.get("m", 0.0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0.0) + (1 - b2) * g * g
    m, d, most = s["m"] / (1 - b1**k), 1 - b2**k, 2 / (1 - b2) - 1
    rho = most - 2 * k * b2**k / d
    if rho < 5 or (rho == 5 and convention == "torch"):
        return x - lr * m
    r = np.sqrt((rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho))
    if convention == "torch":
        return x - lr * m * r * np.sqrt(d) / (np.sqrt(s["v"]) + eps)
    return x - lr * r * m / (np.sqrt(s["v"] / d) + eps)


def lion_step(k, x, g, L, s, lr, betas, weight_decay=0.0):
    """Chen et al. (2023), Algorithm 2."""
    b1, b2 = betas
    m = s.get("m", np.zeros_like(x))
    s["m"] = b2 * m + (1 - b2) * g
    return x - lr * (np.sign(b1 * m + (1 - b1) * g) + weight_decay * x)


def signsgd_step(k, x, g, L, s, lr):
    """Bernstein et al. (2018)."""
    return x - lr * np.sign(g)


def signum_step(k, x, g, L, s, lr, momentum):
    """Bernstein et al. (2018), Algorithm 2."""
    s["m"] = momentum * s.get("m", 0.0) + (1 - momentum) * g
    return x - lr * np.sign(s["m"])


def normalized_step(k, x, g, L, s, lr):
    """A step of length lr along the gradient."""
    return x - lr * g / np.sqrt(g @ g)


def polyak_step(k, x, g, L, s, lr, minimum, max_learning_rate, eps=0.0, clip="rate",
                variant="sps"):
    """Polyak (1987) Eq. (5.3.8), clipped as in optax ("rate") or as in the two-minima example."""
    gap = L - minimum if variant == "sps" else max(L - minimum, 0.0)
    if clip == "norm":
        norm = np.sqrt(g @ g)
        return x - lr * (g / norm) * min(1 / norm, max_learning_rate) * gap
    square = g @ g + eps
    if square <= 2.0**-52:
        return x
    return x - lr * min(gap / square, max_learning_rate) * g


def lookahead_path(update, x0, grad: Grad, steps: int, period: int, alpha: float, **hyper):
    """Zhang et al. (2019), Algorithm 1, around any step; the fast weights (steps + 1, n)."""
    fast, slow, s = np.array(x0, dtype=float), np.array(x0, dtype=float), {}
    path = [fast]
    for k in range(1, steps + 1):
        fast = update(k, fast, grad(fast), None, s, **hyper)
        if k % period == 0:
            fast = slow = slow + alpha * (fast - slow)
        path.append(fast)
    return np.array(path)
