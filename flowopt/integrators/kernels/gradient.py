"""Steps of discrete gradients: z = y − h DG(y, z) with DG(y, z)·(z − y) = U(z) − U(y).

Then U(z) − U(y) = −|z − y|²/h, whatever the step.
"""

import math

from flowopt._language import Int, Ints, Real, Reals, Truth, doubles
from flowopt.integrators.kernels.block import finite
from flowopt.integrators.kernels.lanes import copy
from flowopt.integrators.kernels.midway import midway
from flowopt.integrators.kernels.newton import (
    field,
    jacobian,
    largest,
    linear,
    move,
    potential,
    scale,
    total,
)
from flowopt.integrators.kernels.newton_places import *
from flowopt.integrators.kernels.proximal import proximal

#: U(z) − U(y) is known to so many parts of |U(z)| + |U(y)|
ROUNDING = 4.440892098500626e-16


# --------------------------------------------------------------------------- Gonzalez
def gonzalez(at: Ints, h: Real) -> Int:
    """Solve the step of length h from Y with Gonzalez's discrete gradient; the result is Z.

    DG = g(m) + ρ d/|d|², with d = z − y, m = (y + z)/2 and ρ = U(z) − U(y) − g(m)·d. A solution
    exists for every U that is bounded below (Brouwer). Newton's method looks for it from y, then
    from the point to which the curve of midway.py leads, from implicit Euler's point and from Itoh
    and Abe's; if all fail, h grows from 0 to its value.
    """
    z = doubles(at[Z])
    copy(z, doubles(at[Y]), at[ROWS])
    if not finite(gradient_residual(at, h, False)):
        return NOT_FINITE
    if gradient_newton(at, h) == SOLVED:
        return SOLVED
    for guess in range(3):
        outcome = SOLVED
        if guess == 0:
            outcome = midway(at, h)
        elif guess == 1:
            outcome = proximal(at, h)
        else:
            outcome = itoh_abe(at, h)
        if outcome == SOLVED and gradient_newton(at, h) == SOLVED:
            return SOLVED
    return grown(at, h)


def grown(at: Ints, h: Real) -> Int:
    """Follow the solution from y at h = 0 to the whole step."""
    done, part = 0.0, 0.5
    kept = doubles(at[D] + 8 * at[ROWS])
    copy(doubles(at[Z]), doubles(at[Y]), at[ROWS])
    while True:
        copy(kept, doubles(at[Z]), at[ROWS])
        if gradient_newton(at, h * min(1.0, done + part)) == SOLVED:
            done = min(1.0, done + part)
            part = 2.0 * part
            if done == 1.0:
                return SOLVED
        else:
            copy(doubles(at[Z]), kept, at[ROWS])
            part = 0.25 * part
            if part < 1e-6:
                return NOT_CONVERGED


def defect(at: Ints, z: Reals) -> Real:
    """Set F at the middle and return ρ; 0 where rounding is all there is of it."""
    m, y, f = at[ROWS], doubles(at[Y]), doubles(at[F])
    middle = doubles(at[SPARE] + 24 * m)
    for i in range(m):
        middle[i] = 0.5 * (y[i] + z[i])
    field(at, middle, f)
    here, there = potential(at, y), potential(at, z)
    along = 0.0
    for i in range(m):
        along += f[i] * (z[i] - y[i])
    rho = (there - here) + along
    return 0.0 if abs(rho) <= ROUNDING * (abs(there) + abs(here)) else rho


def square_distance(at: Ints, z: Reals) -> Real:
    """Return |z − y|²."""
    y, made = doubles(at[Y]), 0.0
    for i in range(at[ROWS]):
        made += (z[i] - y[i]) * (z[i] - y[i])
    return made


def gradient_residual(at: Ints, h: Real, tried: Truth) -> Real:
    """Set G = z − y + h DG(y, z) at TRIAL or Z and return Σ |G|."""
    m, y, f, g = at[ROWS], doubles(at[Y]), doubles(at[F]), doubles(at[G])
    z = doubles(at[TRIAL] if tried else at[Z])
    rho, square = defect(at, z), square_distance(at, z)
    share = 0.0
    if rho != 0.0:
        share = rho / square
    for i in range(m):
        d = z[i] - y[i]
        g[i] = d - h * f[i] + h * share * d
    return total(g, m)


def gradient_newton(at: Ints, h: Real) -> Int:
    """Find a zero of the residual from Z by Newton with a line search; the result is Z."""
    m, z = at[ROWS], doubles(at[Z])
    norm = gradient_residual(at, h, False)
    before = 1e300
    for _ in range(60):
        if norm == 0.0:
            return SOLVED
        if not gradient_direction(at, h):
            return NOT_CONVERGED
        size, whole = largest(doubles(at[D]), m), scale(at)
        if size <= TIGHT * whole:
            move(at, 1.0)
            if gradient_residual(at, h, True) <= norm:
                copy(z, doubles(at[TRIAL]), m)
            return SOLVED
        if size <= LOOSE * whole and size >= 0.25 * before:
            return SOLVED
        before = size
        length = 1.0
        while True:
            move(at, length)
            moved = gradient_residual(at, h, True)
            if finite(moved) and moved <= (1.0 - 1e-4 * length) * norm:
                break
            length = 0.5 * length
            if length < 1e-6:
                return SOLVED if size <= LOOSE * whole else NOT_CONVERGED
        copy(z, doubles(at[TRIAL]), m)
        norm = moved
    return NOT_CONVERGED


def gradient_direction(at: Ints, h: Real) -> Truth:
    """Set D to Newton's direction; return whether the matrix is regular.

    ∂G/∂z = I + h (H/2 + d ∇ρᵀ/|d|² + ρ/|d|² (I − 2 d dᵀ/|d|²)), ∇ρ = g(z) − g(m) − H d/2, with
    the Hessian H at m.
    """
    m, z, y = at[ROWS], doubles(at[Z]), doubles(at[Y])
    a, j, d, g, f = doubles(at[A]), doubles(at[J]), doubles(at[D]), doubles(at[G]), doubles(at[F])
    gradient_residual(at, h, False)
    rho, square = defect(at, z), square_distance(at, z)
    middle, slope = doubles(at[SPARE] + 24 * m), doubles(at[SPARE] + 32 * m)
    jacobian(at, middle, j)
    field(at, z, slope)
    for i in range(m):  # ∇ρ, with F = −g and ∂F/∂y = −H
        value = f[i] - slope[i]
        for k in range(m):
            value += 0.5 * j[i * m + k] * (z[k] - y[k])
        d[i] = value
    for i in range(m):
        for k in range(m):
            entry = -0.5 * j[i * m + k]
            if rho != 0.0:
                turn = d[k] - 2.0 * rho * (z[k] - y[k]) / square
                entry += (z[i] - y[i]) * turn / square
                entry += rho / square if i == k else 0.0
            a[i * m + k] = h * entry + (1.0 if i == k else 0.0)
    for i in range(m):
        d[i] = -g[i]
    return linear(at, m)


# ---------------------------------------------------------------------------- Itoh and Abe
def itoh_abe(at: Ints, h: Real) -> Int:
    """Solve the step of length h from Y coordinate by coordinate; the result is Z.

    Coordinate i moves by a ≠ 0 with U(z + a eᵢ) − U(z) + a²/h = 0, z holding the new coordinates
    before it and the old ones behind; it rests where ∂ᵢU = 0.
    """
    m, z, f = at[ROWS], doubles(at[Z]), doubles(at[F])
    copy(z, doubles(at[Y]), m)
    for i in range(m):
        field(at, z, f)
        start = potential(at, z)
        if not finite(f[i]) or not finite(start):
            return NOT_FINITE
        if f[i] != 0.0:
            moved = coordinate(at, i, h, start)
            if not finite(moved):
                return NOT_CONVERGED
            z[i] = moved
    return SOLVED


def gain(at: Ints, i: Int, value: Real, h: Real, start: Real) -> Real:
    """Return ±(U − U(z)) + a²/|h| with coordinate i at `value`: negative while a is too short."""
    z, trial = doubles(at[Z]), doubles(at[TRIAL])
    copy(trial, z, at[ROWS])
    trial[i] = value
    a = value - z[i]
    change = potential(at, trial) - start
    return (change if h > 0.0 else -change) + a * a / abs(h)


def coordinate(at: Ints, i: Int, h: Real, start: Real) -> Real:
    """Return the new coordinate i, bracketed by doubling and found by bisection (or NaN)."""
    here = doubles(at[Z])[i]
    steepness = abs(doubles(at[F])[i])
    reach = h * doubles(at[F])[i]  # explicit Euler's step
    low, high = here, here + reach
    floor = 4.0 * ROUNDING * abs(start)
    if gain(at, i, high, h, start) < 0.0:
        while gain(at, i, high, h, start) < 0.0:
            low = high
            reach = 2.0 * reach
            high = here + reach
            if not finite(high):
                return high
    else:
        while not gain(at, i, here + 0.5 * reach, h, start) < 0.0:
            reach = 0.5 * reach
            if abs(reach) * steepness <= floor or here + 0.5 * reach == here:
                return here + reach  # U does not see a step so short
        low, high = here + 0.5 * reach, here + reach
    for _ in range(2100):
        middle = 0.5 * (low + high)
        if middle == low or middle == high:
            break
        if gain(at, i, middle, h, start) < 0.0:
            low = middle
        else:
            high = middle
    short, far = gain(at, i, low, h, start), gain(at, i, high, h, start)
    best = low if abs(short) < abs(far) or not finite(far) else high
    a = best - here
    allowed = 1e-8 * a * a / abs(h) + 64.0 * floor
    off = min(abs(short), abs(far))
    if not off <= allowed and not off <= 16.0 * wobble(at, i, low, high, h, start):
        return math.nan  # U jumps here
    return best


def wobble(at: Ints, i: Int, low: Real, high: Real, h: Real, start: Real) -> Real:
    """Return how much the gain changes between neighbours below `low` and above `high`."""
    step = max(high - low, low - high) + 4.0 * ROUNDING * abs(high)
    away = step if low > high else -step
    made = 0.0
    below, above = gain(at, i, low, h, start), gain(at, i, high, h, start)
    for k in range(1, 9):
        next_below = gain(at, i, low + k * away, h, start)
        next_above = gain(at, i, high - k * away, h, start)
        made = max(made, max(abs(next_below - below), abs(next_above - above)))
        below, above = next_below, next_above
    return made
