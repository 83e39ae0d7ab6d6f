"""The way to Gonzalez's step along the implicit midpoint rule.

With d = z − y and ρ as in gradient.py the step's equation says d (1/h + ρ/|d|²) = −g(y + d/2): z
is a point 2w − y of the curve

    g(w) + 2 r (w − y) = 0,      E(r) = U(2w − y) − U(y) + 4 |w − y|²/h = 0,

with r = 1/h + ρ/|d|², where for r > 0 w is the proximal point of the step 1/(2r). E < 0 for large
r; at r = 0, w is critical, and E grows beyond all bounds where 2r meets an eigenvalue of −H. The
curve is followed down in r until E changes sign, and the place is bisected.
"""

from flowopt._language import Int, Ints, Real, Truth, doubles
from flowopt.integrators.kernels.block import finite
from flowopt.integrators.kernels.lanes import copy
from flowopt.integrators.kernels.newton import field, jacobian, largest, linear, potential, scale
from flowopt.integrators.kernels.newton_places import *
from flowopt.integrators.kernels.proximal import proximal


def midway(at: Ints, h: Real) -> Int:
    """Set Z to a point near a solution of Gonzalez's step of length h > 0."""
    m, z, y, kept = at[ROWS], doubles(at[Z]), doubles(at[Y]), doubles(at[U])
    if not h > 0.0 or proximal(at, 0.5 * h) != SOLVED:
        return NOT_CONVERGED
    r, less = 1.0 / h, 0.25 / h
    while excess(at, h) > 0.0:  # the solution lies nearer to y
        r = 2.0 * r
        less = 0.25 * r
        if r * h > 1e12 or proximal(at, 0.5 / r) != SOLVED:
            return NOT_CONVERGED
    high = r
    found = False
    for _ in range(400):
        copy(kept, z, m)
        if along(at, r - less):
            high = r - less
            found = excess(at, h) >= 0.0
            if found:
                break
            r = high
            less = 1.5 * less
        else:
            copy(z, kept, m)
            less = 0.25 * less
            if less < 1e-12 * (abs(r) + 1.0 / h):
                break
    if not found:
        return NOT_CONVERGED
    for _ in range(40):
        copy(z, kept, m)
        middle = 0.5 * (r + high)
        if not along(at, middle):
            break
        if excess(at, h) >= 0.0:
            high = middle
        else:
            r = middle
            copy(kept, z, m)
    for i in range(m):
        z[i] = 2.0 * kept[i] - y[i]
    return SOLVED


def excess(at: Ints, h: Real) -> Real:
    """Return E for w in Z; what is not finite counts as too far."""
    y, w, other, square = doubles(at[Y]), doubles(at[Z]), doubles(at[D]), 0.0
    for i in range(at[ROWS]):
        other[i] = 2.0 * w[i] - y[i]
        square += (w[i] - y[i]) * (w[i] - y[i])
    made = (potential(at, other) - potential(at, y)) + 4.0 * square / h
    return made if finite(made) else 1e300


def along(at: Ints, r: Real) -> Truth:
    """Solve g(w) + 2 r (w − y) = 0 from Z by some steps of Newton; return whether they converge."""
    m, w, y, f = at[ROWS], doubles(at[Z]), doubles(at[Y]), doubles(at[F])
    a, d, j = doubles(at[A]), doubles(at[D]), doubles(at[J])
    before = 1e300
    for _ in range(12):
        field(at, w, f)
        jacobian(at, w, j)
        for q in range(m * m):
            a[q] = -j[q]
        for i in range(m):
            a[i * m + i] += 2.0 * r
            d[i] = f[i] - 2.0 * r * (w[i] - y[i])
        if not linear(at, m):
            return False
        size = largest(d, m)
        if size > before:
            return size <= LOOSE * scale(at)
        before = size
        for i in range(m):
            w[i] = w[i] + d[i]
        if size <= TIGHT * scale(at):
            return True
    return False
