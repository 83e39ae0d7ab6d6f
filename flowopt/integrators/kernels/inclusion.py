"""Implicit Euler of a field that jumps: z − y ∈ h F(z), F Filippov's set on the surfaces.

The weight u of a surface is 1 where ψ > 0, −1 where ψ < 0, and any number between on ψ = 0, where
it mixes the fields of the two sides:

    z = y + h (F(z, s) + Σ (uᵢ − sᵢ) jumpᵢ),   jumpᵢ = (F with sᵢ = 1, less F with sᵢ = −1)/2,
    uᵢ = the number of [−1, 1] next to uᵢ + ρᵢ ψᵢ(z),      ρᵢ > 0.

Newton's method for this pair (semismooth: the second line is piecewise linear) finds the surfaces
on which z lies; for the sign flow it is the primal–dual active set method for the least L in the
box |z − y| ≤ h. A surface where F only kinks has its side by the sign of ψ. With weights inside
(−1, 1) for several surfaces the mixture is Filippov's only if their jumps add up, which is looked
at in the end.
"""

from flowopt._language import Int, Ints, Real, Reals, Truth, call_kernel, doubles, integers, shift
from flowopt.integrators.kernels.block import finite
from flowopt.integrators.kernels.lanes import copy
from flowopt.integrators.kernels.newton import field, jacobian, largest, linear, move, scale
from flowopt.integrators.kernels.newton_places import *


def inclusion(at: Ints, h: Real) -> Int:
    """Solve the step of length h from Y; the result is Z.

    When Newton's method fails from y, or passes a surface, h grows from 0 to its value: this
    follows the solution that is y at h = 0.
    """
    m, count = at[ROWS], at[SURFACES]
    z, u = doubles(at[Z]), doubles(at[U])
    copy(z, doubles(at[Y]), m)
    for i in range(count):
        u[i] = 1.0
    switches(at, z, u)
    for i in range(count):
        psi = doubles(at[PSI])[i]
        u[i] = 1.0 if psi > 0.0 else (-1.0 if psi < 0.0 else 0.0)
    field(at, z, doubles(at[F]))
    for i in range(m):
        if not finite(doubles(at[F])[i]):
            return NOT_FINITE
    done, part = 0.0, 1.0
    kept, kept_u = doubles(at[D] + 8 * (m + count)), doubles(at[D] + 8 * (2 * m + count))
    while True:
        copy(kept, z, m)
        copy(kept_u, u, count)
        solved = semismooth(at, h * min(1.0, done + part)) == SOLVED
        if solved and (part < 1e-3 or not jumped_over(at, kept, kept_u)):
            done = min(1.0, done + part)
            part = 2.0 * part
            if done == 1.0:
                return SOLVED if jumps_add_up(at) else NOT_CONVERGED
        else:
            copy(z, kept, m)
            copy(u, kept_u, count)
            part = 0.25 * part
            if part < 1e-6:
                return NOT_CONVERGED


def jumped_over(at: Ints, start: Reals, before: Reals) -> Truth:
    """Return whether z has passed a surface: a shorter step may find it held there.

    The way from `start` to z is looked at in four places.
    """
    point, psi, u = doubles(at[TRIAL]), doubles(at[PSI]), doubles(at[U])
    for part in range(1, 5):
        for k in range(at[ROWS]):
            point[k] = start[k] + 0.25 * part * (doubles(at[Z])[k] - start[k])
        functions(at, point)
        for i in range(at[SURFACES]):
            if at[JUMPS + i] != 0 and abs(u[i]) == 1.0 and before[i] * psi[i] < 0.0:
                return True
    return False


def switches(at: Ints, z: Reals, u: Reals):
    """Set SIDE to the sides that go with the weights, and PSI; inner surfaces come first."""
    side, psi = doubles(at[SIDE]), doubles(at[PSI])
    for i in range(at[SURFACES]):
        side[i] = 1.0 if u[i] >= 0.0 else -1.0
    for i in range(at[SURFACES]):
        if at[JUMPS + i] == 0:
            functions(at, z)
            side[i] = 1.0 if psi[i] >= 0.0 else -1.0
    functions(at, z)


def functions(at: Ints, z: Reals):
    """Set PSI to the switching functions at z."""
    call_kernel(at[SURFACE], integers(at[CONTEXT]), doubles(at[T1]), z, doubles(at[P1]),
                doubles(at[SIDE]), doubles(at[PSI]))


def across(at: Ints, z: Reals, f: Reals):
    """Set JUMP to half the jump of F across each surface on which it jumps; F has SIDE."""
    m, side, other = at[ROWS], doubles(at[SIDE]), doubles(at[SPARE])
    for i in range(at[SURFACES]):
        jump = doubles(at[JUMP] + 8 * m * i)
        for k in range(m):
            jump[k] = 0.0
        if at[JUMPS + i] != 0:
            side[i] = -side[i]
            field(at, z, other)
            side[i] = -side[i]
            for k in range(m):
                jump[k] = 0.5 * side[i] * (f[k] - other[k])


def mixed_residual(at: Ints, h: Real, tried: Truth) -> Real:
    """Set G to the residuals of both equations at a point and return their norm.

    That of a weight is measured by what it moves: h |jump|. RHO stays as it is.
    """
    m, count = at[ROWS], at[SURFACES]
    z, u = doubles(at[TRIAL] if tried else at[Z]), doubles(at[TRIAL_U] if tried else at[U])
    y, f, g, side = doubles(at[Y]), doubles(at[F]), doubles(at[G]), doubles(at[SIDE])
    switches(at, z, u)
    field(at, z, f)
    across(at, z, f)
    for k in range(m):
        value = f[k]
        for i in range(count):
            if at[JUMPS + i] != 0:
                value += (u[i] - side[i]) * doubles(at[JUMP] + 8 * m * i)[k]
        g[k] = z[k] - y[k] - h * value
    norm = 0.0
    for k in range(m):
        norm += abs(g[k])
    for i in range(count):
        g[m + i] = 0.0
        if at[JUMPS + i] != 0:
            g[m + i] = u[i] - nearest(u[i] + doubles(at[RHO])[i] * doubles(at[PSI])[i])
            norm += abs(g[m + i]) * abs(h) * largest(doubles(at[JUMP] + 8 * m * i), m)
    return norm


def nearest(value: Real) -> Real:
    """Return the number of [−1, 1] next to a value."""
    return min(max(value, -1.0), 1.0)


def scales(at: Ints, h: Real):
    """Set RHO and the rates of the switching functions: ρ = 1/|h ∇ψ·jump|.

    A surface that the two fields do not push z to keeps the side of ψ: its ρ is infinite.
    """
    m, rates, rho = at[ROWS], doubles(at[PSI_RATES]), doubles(at[RHO])
    call_kernel(at[RATES], integers(at[CONTEXT]), doubles(at[T1]), doubles(at[Z]), doubles(at[P1]),
                doubles(at[SIDE]), rates)
    for i in range(at[SURFACES]):
        jump = doubles(at[JUMP] + 8 * m * i)
        speed = 0.0
        for k in range(m):
            speed += rates[i * (m + 1) + k] * jump[k]
        push = -h * speed
        rho[i] = 1.0 / push if push > 1e-300 else 1e300


def semismooth(at: Ints, h: Real) -> Int:
    """Find a solution from Z and U by Newton's method; steps that do not go down are few."""
    m, count = at[ROWS], at[SURFACES]
    z, u = doubles(at[Z]), doubles(at[U])
    before, free = 1e300, 20
    for _ in range(200):
        mixed_residual(at, h, False)
        scales(at, h)
        norm = mixed_residual(at, h, False)
        if not mixed_direction(at, h):
            return NOT_CONVERGED
        size = largest(doubles(at[D]), m)
        turned = largest(shift(doubles(at[D]), m), count)
        whole = max(scale(at), abs(h) * largest(doubles(at[F]), m))
        if turned <= 1e-7 and size <= LOOSE * whole and (
                size <= TIGHT * whole or size >= 0.25 * before):
            if size <= TIGHT * whole:
                mix(at, 1.0)
                copy(z, doubles(at[TRIAL]), m)
                copy(u, doubles(at[TRIAL_U]), count)
            return SOLVED
        before = size
        length = 1.0
        while True:
            mix(at, length)
            moved = mixed_residual(at, h, True)
            if finite(moved) and moved <= (1.0 - 1e-4 * length) * norm:
                break
            length = 0.5 * length
            if length < 1e-3:
                if free == 0:
                    return NOT_CONVERGED
                free -= 1
                mix(at, 1.0)
                break
        copy(z, doubles(at[TRIAL]), m)
        copy(u, doubles(at[TRIAL_U]), count)
    return NOT_CONVERGED


def mix(at: Ints, length: Real):
    """Set TRIAL and TRIAL_U to the point at a length along the direction."""
    move(at, length)
    u, d, trial = doubles(at[U]), doubles(at[D] + 8 * at[ROWS]), doubles(at[TRIAL_U])
    for i in range(at[SURFACES]):
        trial[i] = nearest(u[i] + length * d[i])


def mixed_jacobian(at: Ints):
    """Set J to the Jacobian of the mixture at Z."""
    m, j, u, side = at[ROWS], doubles(at[J]), doubles(at[U]), doubles(at[SIDE])
    other = doubles(at[J] + 8 * m * m)
    first = doubles(at[J] + 16 * m * m)
    jacobian(at, doubles(at[Z]), first)
    copy(j, first, m * m)
    for i in range(at[SURFACES]):
        share = 0.5 * (1.0 - u[i] * side[i])  # of the other side
        if at[JUMPS + i] != 0 and share > 0.0:
            side[i] = -side[i]
            jacobian(at, doubles(at[Z]), other)
            side[i] = -side[i]
            for q in range(m * m):
                j[q] += share * (other[q] - first[q])


def mixed_direction(at: Ints, h: Real) -> Truth:
    """Set D to Newton's direction of both equations; return whether there is one.

    A weight whose u + ρψ lies inside (−1, 1) is free, and ψ is to be 0; the others are ±1.
    """
    m, count = at[ROWS], at[SURFACES]
    n = m + count
    a, j, d, g = doubles(at[A]), doubles(at[J]), doubles(at[D]), doubles(at[G])
    u, psi, rates = doubles(at[U]), doubles(at[PSI]), doubles(at[PSI_RATES])
    mixed_jacobian(at)
    for q in range(n * n):
        a[q] = 0.0
    for k in range(m):
        for q in range(m):
            a[k * n + q] = (1.0 if k == q else 0.0) - h * j[k * m + q]
        for i in range(count):
            a[k * n + m + i] = -h * doubles(at[JUMP] + 8 * m * i)[k]
        d[k] = -g[k]
    for i in range(count):
        row = (m + i) * n
        value = u[i] + doubles(at[RHO])[i] * psi[i]
        if at[JUMPS + i] != 0 and abs(value) < 1.0:
            for k in range(m):
                a[row + k] = rates[i * (m + 1) + k]
            d[m + i] = -psi[i]
        else:
            a[row + m + i] = 1.0
            d[m + i] = -g[m + i]
    return linear(at, n)


def jumps_add_up(at: Ints) -> Truth:
    """Return whether F across all surfaces that hold z is the sum of the single jumps."""
    m, u, side, f = at[ROWS], doubles(at[U]), doubles(at[SIDE]), doubles(at[F])
    z, other = doubles(at[Z]), doubles(at[SPARE])
    switches(at, z, u)
    field(at, z, f)
    across(at, z, f)
    free = 0
    for i in range(at[SURFACES]):
        if at[JUMPS + i] != 0 and abs(u[i]) < 1.0:
            side[i] = -side[i]
            free += 1
    if free < 2:
        return True
    field(at, z, other)
    size = max(largest(f, m), largest(other, m))
    for k in range(m):
        expected = f[k]
        for i in range(at[SURFACES]):
            if at[JUMPS + i] != 0 and abs(u[i]) < 1.0:
                expected += 2.0 * side[i] * doubles(at[JUMP] + 8 * m * i)[k]
        if not abs(other[k] - expected) <= 1e-9 * size:
            return False
    return True
