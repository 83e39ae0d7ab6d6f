"""Plain NumPy twins of what optimizers are composed with, and of Metropolis' jumps."""

from __future__ import annotations

import numpy as np
import reference

#: the streams of the counter: of the coin of kicks (plus the number of the draw), of waiting times
COIN = 0x40000000


def uniform(stream, step, lane, seed):
    """The number in (0, 1) of a stream and a step."""
    words = reference.philox((stream, step & 0xFFFFFFFF, lane, step >> 32),
                             (seed & 0xFFFFFFFF, seed >> 32))
    return reference.polar(words)[0]


def normals(n, step, lane, seed, stream=0):
    return np.array([reference.normal(i, step, lane, seed, stream) for i in range(n)])


def soft(z, threshold):
    return np.sign(z) * np.maximum(np.abs(z) - threshold, 0.0)


def composed_path(update, x0, grad, steps, lr, l2=0.0, l1=0.0, decay=0.0, proximal=0.0,
                  noise=None, kick=None, seed=0, lane=0, **hyper):
    """The path (steps + 1, n) of an optimizer's step with everything around it.

    noise is (eta, gamma, stream), kick (size, every, probability, stream).
    """
    def step(k, x, g, L, s):
        g = g + l2 * x + l1 * np.sign(x)
        if noise is not None:
            eta, gamma, stream = noise
            g = g + np.sqrt(eta / k**gamma) * normals(len(x), k - 1, lane, seed, stream)
        new = update(k, x, g, L, s, lr=lr, **hyper) - lr * decay * x
        if proximal:
            new = soft(new, lr * proximal)
        if kick is not None:
            size, every, chance, stream = kick
            if k % every == 0 and (chance == 1.0
                                   or uniform(COIN + stream, k - 1, lane, seed) < chance):
                new = new + size * normals(len(x), k - 1, lane, seed, stream)
        return new

    return reference.optimizer_path(step, x0, grad, steps)


def exponential_average(path, decay):
    made = [path[0]]
    for x in path[1:]:
        made.append(decay * made[-1] + (1 - decay) * x)
    return np.array(made)


def tail_average(path, start, every=1):
    """Means of path[start], path[start + every], …; before that, the path itself."""
    return np.array([x if k < start else path[start:k + 1:every].mean(axis=0)
                     for k, x in enumerate(path)])


def stopped(values, patience, least=0.0, relative=0.0):
    """Return the look at which a rule says stop (or None), and that of the best value."""
    best, since, at = np.inf, 0, 0
    for i, value in enumerate(values):
        slack = least + (relative * abs(best) if np.isfinite(best) else 0.0)
        if value < best - slack:
            best, since, at = value, 0, i
        else:
            since += 1
        if since >= patience:
            return i, at
    return None, at


def metropolis_path(value, x0, steps, sigma, temperature, seed, lane=0):
    """The path (steps + 1, n) of Metropolis' steps; temperature is a function of k."""
    x, path = np.array(x0, dtype=float), [np.array(x0, dtype=float)]
    for k in range(steps):
        new = x + sigma * normals(len(x), k, lane, seed)
        rise = value(new) - value(x)
        if rise <= 0 or uniform(COIN, k, lane, seed) < np.exp(-rise / temperature(k)):
            x = new
        path.append(x)
    return np.array(path)


def jump_path(value, x0, end, sigma, temperature, rate, times, seed, lane=0):
    """The states at `times`, and at the end, of the jump process with Poisson times."""
    x, t, j, saved = np.array(x0, dtype=float), 0.0, 0, []
    left = list(times)
    while True:
        t -= np.log(uniform(COIN + 1, j, lane, seed)) / rate
        while left and left[0] < t:
            saved.append(x.copy())
            left.pop(0)
        if t > end:
            return np.array(saved), x, j
        new = x + sigma * normals(len(x), j, lane, seed)
        rise = value(new) - value(x)
        if rise <= 0 or uniform(COIN, j, lane, seed) < np.exp(-rise / temperature(t)):
            x = new
        j += 1
