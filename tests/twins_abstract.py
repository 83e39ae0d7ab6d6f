"""A NumPy twin of flows on an abstract loss: texts evaluated on an actual loss in R^4.

Nothing here is shared with the prover: the loss is logsumexp(Bθ) + ½ θᵀQθ, the texts are evaluated
by Python on arrays, and V̇ is a central difference along the field.
"""

import numpy as np

N = 4


class Twin:
    """One loss with its functions, and the names of the rule language as numbers."""

    def __init__(self, seed=0, half_square=False):
        random = np.random.default_rng(seed)
        self.random = random
        self.B = random.normal(size=(6, N))
        root = random.normal(size=(N, N))
        self.Q = root @ root.T / 2 + 0.3 * np.eye(N)
        self.half = half_square
        spectrum = np.linalg.eigvalsh(self.Q)
        self.mu = 1.0 if half_square else float(spectrum[0])
        self.ell = 1.0 if half_square else float(spectrum[-1]
                                                 + np.linalg.norm(self.B, 2)**2 / 2)
        self.P = root.T @ root + np.eye(N)
        self.A = random.normal(size=(N, N))
        theta = np.zeros(N)
        for _ in range(50):
            theta = theta - np.linalg.solve(self.hessian(theta), self.gradient(theta))
        self.minimiser, self.least = theta, self.loss(theta)

    def loss(self, x):
        if self.half:
            return float((x - 0.5) @ (x - 0.5)) / 2
        z = self.B @ x
        return float(np.log(np.sum(np.exp(z - z.max()))) + z.max() + x @ self.Q @ x / 2)

    def weights(self, x):
        z = np.exp(self.B @ x - (self.B @ x).max())
        return z / z.sum()

    def gradient(self, x):
        return x - 0.5 if self.half else self.B.T @ self.weights(x) + self.Q @ x

    def hessian(self, x):
        if self.half:
            return np.eye(N)
        w = self.weights(x)
        return self.B.T @ (np.diag(w) - np.outer(w, w)) @ self.B + self.Q

    def names(self, theta, states, t, parameters):
        """Return everything that a text may hold; K, phi, h are Σ (cosh − 1)."""
        g, hessian = self.gradient(theta), self.hessian(theta)
        made = {"g": g, "theta": theta, "e": theta - self.minimiser, "L": self.loss(theta),
                "thetastar": self.minimiser, "Lstar": self.least, "t": t, "mu": self.mu,
                "ell": self.ell, "sqrt": np.sqrt, "exp": np.exp, "log": np.log, "sign": np.sign,
                "Min": min, "dot": lambda a, b: float(np.dot(a, b)), "sum": np.sum,
                "norm": np.linalg.norm, "norm1": lambda a: np.abs(a).sum(),
                "unit": lambda a: a / np.linalg.norm(a), "H": lambda a: hessian @ a,
                "Hinv": lambda a: np.linalg.solve(hessian, a), "P": lambda a: self.P @ a,
                "A": lambda a: self.A @ a, "AT": lambda a: self.A.T @ a,
                "lmo": lambda a: -9 * a / np.linalg.norm(a)}
        for name in ("K", "phi", "h"):
            made |= {name: lambda a: np.sum(np.cosh(a) - 1), f"d{name}": np.sinh,
                     f"H{name}inv": lambda a, b: b / np.cosh(a),
                     f"{name}c": lambda y: np.sum(y * np.arcsinh(y) - np.sqrt(1 + y**2) + 1)}
        return {**made, **parameters, **states}

    def value(self, text, theta, states, t, parameters):
        return eval(text, {"__builtins__": {}}, self.names(theta, states, t, parameters))

    def rate(self, entry, theta, states, t, parameters):
        """Return (V, V̇): the derivative of V along the field, by a central difference."""
        field = {k: np.asarray(self.value(r, theta, states, t, parameters)) * np.ones(N)
                 for k, r in entry.rules.items()}
        step = 1e-6 / (1 + max(np.abs(v).max() for v in field.values()))

        def moved(h):
            return self.value(entry.V, theta + h * field["theta"],
                              {k: v + h * field[k] for k, v in states.items()}, t + h, parameters)

        return moved(0.0), (moved(step) - moved(-step)) / (2 * step)
