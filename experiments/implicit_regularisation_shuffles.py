"""SGD without replacement: the mean over all orders of every epoch, exactly.

On quadratic losses of m batches a step is an affine map, and so is the mean of an epoch over all m!
orders: the mean iterate is its power. It follows the flow of L + (h/4m) sum |grad L_k|^2 (Smith,
Dherin, Barrett & De 2021), and to first order only that of gradient descent, L + (h/4) |grad L|^2.
"""

from __future__ import annotations

from itertools import permutations
from typing import Any

import numpy as np

import flowopt as fo

#: the batches: Hessians and minima, with L_k = (θ - c)' A (θ - c)/2
HESSIANS = np.array([[[3.0, 1.0], [1.0, 1.0]], [[1.0, -0.5], [-0.5, 2.0]],
                     [[0.5, 0.0], [0.0, 1.5]]])
MINIMA = np.array([[0.5, 0.0], [-0.5, 1.0], [1.0, -0.5]])
START = np.array([2.0, -1.5])
END, FIRST = 0.75, 2.0**-4  # epochs last 3 h: 4 of them at the first step


def mean_epoch(h: float, hessians: np.ndarray = HESSIANS, minima: np.ndarray = MINIMA
               ) -> np.ndarray:
    """The mean epoch on (θ, 1), (n + 1, n + 1)."""
    n = len(minima[0])
    steps = []
    for matrix, centre in zip(hessians, minima, strict=True):
        step = np.eye(n + 1)
        step[:n, :n] -= h * matrix
        step[:n, n] = h * matrix @ centre
        steps.append(step)
    orders = [np.linalg.multi_dot([steps[k] for k in order])
              for order in permutations(range(len(steps)))]
    return np.mean(orders, axis=0)


def mean_end(h: float, epochs: int) -> np.ndarray:
    """The mean iterate after so many epochs."""
    return (np.linalg.matrix_power(mean_epoch(h), epochs) @ [*START, 1.0])[:-1]


def losses() -> dict[str, fo.Loss]:
    """The mean loss with no term, with the term of the shuffles, and with that of descent."""
    import sympy

    x, y, h = sympy.symbols("x y h", real=True)
    at = sympy.Matrix([x, y])
    parts = []
    for matrix, centre in zip(HESSIANS, MINIMA, strict=True):
        off = at - sympy.Matrix([sympy.Rational(c) for c in centre])
        A = sympy.Matrix(2, 2, [sympy.Rational(v) for v in matrix.ravel()])
        parts.append((off.T * A * off)[0] / 2)
    mean = sum(parts) / len(parts)

    def square(part: Any) -> Any:
        return sympy.diff(part, x) ** 2 + sympy.diff(part, y) ** 2

    terms = {"flow": None, "one-term": sum(map(square, parts)) / (4 * len(parts)),
             "term-of-descent": square(mean) / 4}
    return {name: fo.Loss(sympy.expand(mean if term is None else mean + h * term),
                          variables=[x, y], parameters={} if term is None else {"h": 0.1})
            for name, term in terms.items()}


def shuffled(levels: int) -> dict[str, Any]:
    """The distances of the mean iterate from the flows."""
    labels = {"flow": ("its flow", 1), "one-term": ("the flow with one term", 2),
              "term-of-descent": ("the flow with the term of descent", 1)}
    h = FIRST / 2.0 ** np.arange(levels)
    fields = {name: fo.flows.GradientFlow().on(loss) for name, loss in losses().items()}
    sharp = fo.DOP853(rtol=1e-13, atol=1e-15)
    lines = {}
    for name, field in fields.items():
        distance = []
        for step in h:
            mean = mean_end(float(step), round(END / (len(MINIMA) * step)))
            on = field if name == "flow" else field.with_parameters(h=float(step))
            distance.append(np.linalg.norm(
                fo.integrate(on, START, (0.0, END), sharp).x[-1] - mean))
        lines[name] = {"label": labels[name][0], "order": labels[name][1],
                       "distance": np.array(distance)}
    return {"h": h, "end": END, "lines": lines}
