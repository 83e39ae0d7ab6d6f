"""What is known exactly of the three flows, and of their Euler maps, on quadratic losses.

L = ½ xᵀHx, g = Hx. Nothing here integrates: exponentials, fractions and inequalities.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

import flowopt as fo


def gradient_loss(H: np.ndarray, x0: np.ndarray, t: np.ndarray) -> np.ndarray:
    """L(t) of gradient flow, ½ Σ λᵢ cᵢ² e^{−2λᵢt} with cᵢ the start in the eigenvectors of H."""
    values, vectors = np.linalg.eigh(H)
    c = vectors.T @ x0
    return 0.5 * np.exp(-2.0 * np.outer(t, values)) @ (values * c**2)


def sign_path(H: list[list[str]], x0: list[str]) -> dict[str, Any]:
    """The motion of sign flow in rationals: times and places of its corners, and what it does.

    Between corners ẋ = −u and ġ = −Hu, with u from the complementarity problem on the surfaces
    that are met (`fo.stability.sliding`), until the next coordinate of g is 0.
    """
    h = [[Fraction(v) for v in row] for row in H]
    n = len(h)
    x, t = [Fraction(v) for v in x0], Fraction(0)
    times, places, speeds, kinds = [t], [list(x)], [], []
    for _ in range(64):
        g = [sum(a * b for a, b in zip(row, x, strict=True)) for row in h]
        if not any(g):
            break
        found = fo.stability.sliding(h, g)
        u = found.u[0]
        rate = [sum(a * b for a, b in zip(row, u, strict=True)) for row in h]  # −ġ
        wait = min(g[i] / rate[i] for i in range(n) if rate[i] and g[i] / rate[i] > 0)
        t, x = t + wait, [a - wait * b for a, b in zip(x, u, strict=True)]
        times.append(t)
        places.append(list(x))
        speeds.append(u)
        kinds.append("slide" if found.slides else "free")
    return {"t": np.array([float(v) for v in times]),
            "x": np.array([[float(v) for v in p] for p in places]),
            "u": np.array([[float(v) for v in p] for p in speeds]),
            "kinds": kinds, "texts": [str(v) for v in times],
            "slopes": [[str(v) for v in p] for p in speeds]}


def sign_loss(H: np.ndarray, path: dict[str, Any], t: np.ndarray) -> np.ndarray:
    """L(t) of sign flow along its exact path, 0 from its arrival on."""
    x = np.stack([np.interp(t, path["t"], path["x"][:, i]) for i in range(len(H))], axis=1)
    return 0.5 * np.einsum("ki,ij,kj->k", x, H, x)


def signs(n: int) -> np.ndarray:
    """All vectors of ±1."""
    return np.array(np.meshgrid(*[[-1.0, 1.0]] * n)).reshape(n, -1).T


def floor_bounds(H: np.ndarray) -> tuple[float, float]:
    """The range of the larger loss of the cycles of two of x − h sign(g), over h².

    Every motion that meets no g_i = 0 ends in a cycle of two: the polar form F = xᵀHx⁺ changes by
    xᵀ⁺H(x⁺⁺ − x) = −h g⁺ᵀ(s⁺ + s) = −h(‖g⁺‖₁ + g⁺ᵀs) ≤ 0, with 0 only if s⁺ = −s, and on the
    lattice x₀ + hZⁿ it has finitely many values below F₀, as 4F = (x + x⁺)ᵀH(x + x⁺) − h² sᵀHs.
    (The energy of symmetric threshold networks: Goles-Chacc et al., Discrete Appl. Math. 12, 1985.)
    A cycle (x, x − h s) has 0 < sᵢgᵢ < h sᵢ(Hs)ᵢ. The larger loss is least at x = h s/2, which
    gives sᵀHs/8, and nears its least upper bound, of a convex function, at a corner of that box.
    """
    inverse, n = np.linalg.inv(H), len(H)
    low, high = np.inf, 0.0
    for s in signs(n):
        Hs = H @ s
        if (s * Hs > 0).all():
            corners = Hs * (signs(n) + 1) / 2
            low = min(low, float(s @ Hs) / 8)
            high = max(high, float(np.einsum("ki,ij,kj->k", corners, inverse, corners).max()) / 2)
    return float(low), high


def polyak_bounds(kappa: float, h: float) -> tuple[float, float]:
    """Bounds of L⁺/L for an Euler step h of the loss-normalised flow on a quadratic.

    L⁺/L = 1 − h + ¼h² (gᵀH⁻¹g)(gᵀHg)/‖g‖⁴, and Kantorovich's inequality bounds the product
    between 1 and (κ + 1)²/(4κ); κ = 1 gives (1 − h/2)².
    """
    return (1 - h / 2) ** 2, 1 - h + h * h * (kappa + 1) ** 2 / (16 * kappa)
