"""Newton's rule as a kernel: dy = −H⁻¹ g by elimination with partial pivoting.

Imported only when the flow is used: it needs numba.
"""

import numba


@numba.njit(error_model="numpy")
def newton_rule(t, y, L, g, H, p, dy):
    """Fill dy with the solution of H dy = −g; H is overwritten by its factors."""
    n = g.shape[0]
    for i in range(n):
        dy[i] = -g[i]
    for k in range(n):
        pivot = k
        for i in range(k + 1, n):
            if abs(H[i, k]) > abs(H[pivot, k]):
                pivot = i
        if pivot != k:
            for j in range(n):
                H[k, j], H[pivot, j] = H[pivot, j], H[k, j]
            dy[k], dy[pivot] = dy[pivot], dy[k]
        for i in range(k + 1, n):
            factor = H[i, k] / H[k, k]
            for j in range(k + 1, n):
                H[i, j] -= factor * H[k, j]
            dy[i] -= factor * dy[k]
    for k in range(n - 1, -1, -1):
        for j in range(k + 1, n):
            dy[k] -= H[k, j] * dy[j]
        dy[k] /= H[k, k]


@numba.njit(error_model="numpy")
def penalised_rule(t, y, L, g, H, p, dy):
    """Fill dy as `newton_rule` does for L + ½ p[0] ‖θ‖²."""
    for i in range(g.shape[0]):
        g[i] += p[0] * y[i]
        H[i, i] += p[0]
    newton_rule(t, y, L, g, H, p, dy)
