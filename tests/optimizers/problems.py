"""The three problems on which optimizers are compared, each as a loss of ours and in NumPy."""

import numba
import numpy as np
import reference

import flowopt as fo

_rng = np.random.default_rng(20)
_B = _rng.normal(size=(20, 20))
A = _B @ _B.T / 20 + 0.1 * np.eye(20)
POINTS, VALUES = reference.network_data()


@numba.njit
def _quadratic(x, g):
    n, value = len(x), 0.0
    for i in range(n):
        g[i] = 0.0
        for j in range(n):
            g[i] += A[i, j] * x[j]
        value += 0.5 * x[i] * g[i]
    return value


@numba.njit
def _network(x, g):
    value, many = 0.0, len(VALUES)
    hidden = np.empty(6)
    g[:] = 0.0
    for p in range(many):
        out = x[24]
        for j in range(6):
            hidden[j] = np.tanh(POINTS[p, 0] * x[j] + POINTS[p, 1] * x[6 + j] + x[12 + j])
            out += x[18 + j] * hidden[j]
        error = (out - VALUES[p]) / many
        value += 0.5 * error * error * many
        for j in range(6):
            back = error * x[18 + j] * (1.0 - hidden[j] ** 2)
            g[j] += back * POINTS[p, 0]
            g[6 + j] += back * POINTS[p, 1]
            g[12 + j] += back
            g[18 + j] += error * hidden[j]
        g[24] += error
    return value


def rosenbrock_value(x):
    return (1 - x[0]) ** 2 + 100 * (x[1] - x[0] ** 2) ** 2


def rosenbrock_grad(x):
    return np.array([-2 * (1 - x[0]) - 400 * x[0] * (x[1] - x[0] ** 2), 200 * (x[1] - x[0] ** 2)])


#: name: our loss, its value and gradient in NumPy, and a start
PROBLEMS = {
    "rosenbrock": (fo.losses.rosenbrock(), rosenbrock_value, rosenbrock_grad,
                   np.array([-1.2, 1.0])),
    "quadratic": (fo.Loss.from_kernel(_quadratic, 20), lambda x: x @ A @ x / 2, lambda x: A @ x,
                  _rng.normal(size=20)),
    "network": (fo.Loss.from_kernel(_network, 25), reference.network_value,
                reference.network_grad, 0.5 * _rng.normal(size=25)),
}
#: where each lies in the three starts written one after another
SLICES = {"rosenbrock": slice(0, 2), "quadratic": slice(2, 22), "network": slice(22, 47)}


def all_grads(x):
    """The gradient of the sum of the three: rules that act coordinate by coordinate run at once."""
    return np.concatenate([PROBLEMS[k][2](x[part]) for k, part in SLICES.items()])


def all_starts():
    return np.concatenate([p[3] for p in PROBLEMS.values()])


def deviation(ours, theirs):
    """The largest difference of two paths (k, n), relative to the largest |x| of each step."""
    scale = np.maximum(np.abs(theirs).max(axis=1), 1e-300)
    return float((np.abs(ours - theirs).max(axis=1) / scale).max())
