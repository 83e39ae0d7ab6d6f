"""Implicit Euler of a smooth field: z = y + h F(t + h, z), by Newton with a line search.

For F = −∇U and h > 0 the steps descend on Φ(z) = U(z) + |z − y|²/(2h), whose gradient is
(z − y)/h − F: where the matrix is not positive definite (Φ is not convex there), it is shifted by
a multiple of the identity, as Levenberg does. The other fields descend on the residual.
"""

import math

from flowopt._language import Int, Ints, Real, Truth, doubles, muladd
from flowopt.integrators.kernels.block import finite
from flowopt.integrators.kernels.lanes import copy
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


def proximal(at: Ints, h: Real) -> Int:
    """Solve the step of length h from Y; the result is Z (an outcome of newton_places.py).

    The descent on Φ starts at y and needs no more. Where the residual is what descends and that
    fails, h grows from 0 to its value: this follows the solution that is y at h = 0.
    """
    copy(doubles(at[Z]), doubles(at[Y]), at[ROWS])
    if not finite(euler_residual(at, h, False)):
        return NOT_FINITE
    descends = at[DESCENDS] == 1 and h > 0.0
    done, part = 0.0, 1.0
    kept = doubles(at[D] + 8 * at[ROWS])
    while True:
        copy(kept, doubles(at[Z]), at[ROWS])
        if euler_newton(at, h * min(1.0, done + part), descends) == SOLVED:
            done = min(1.0, done + part)
            part = 2.0 * part
            if done == 1.0:
                return SOLVED
        else:
            copy(doubles(at[Z]), kept, at[ROWS])
            part = 0.25 * part
            if descends or part < 1e-6:
                return NOT_CONVERGED


def euler_residual(at: Ints, h: Real, tried: Truth) -> Real:
    """Set G = z − y − h F(z) at TRIAL or Z and return Σ |G|."""
    m, y, f, g = at[ROWS], doubles(at[Y]), doubles(at[F]), doubles(at[G])
    z = doubles(at[TRIAL] if tried else at[Z])
    field(at, z, f)
    for i in range(m):
        g[i] = z[i] - y[i] - h * f[i]
    return total(g, m)


def objective(at: Ints, h: Real, tried: Truth) -> Real:
    """Return Φ = U(z) + |z − y|²/(2h) at TRIAL or Z."""
    y, square = doubles(at[Y]), 0.0
    z = doubles(at[TRIAL] if tried else at[Z])
    for i in range(at[ROWS]):
        square += (z[i] - y[i]) * (z[i] - y[i])
    return potential(at, z) + 0.5 * square / h


def euler_newton(at: Ints, h: Real, descends: Truth) -> Int:
    """Find a zero of the residual from Z; the result is Z."""
    m, z = at[ROWS], doubles(at[Z])
    norm = euler_residual(at, h, False)
    phi = 0.0
    if descends:
        phi = objective(at, h, False)
    before = 1e300
    for _ in range(200):
        if norm == 0.0:
            return SOLVED
        slope = euler_direction(at, h, descends)
        if not finite(slope):
            return NOT_CONVERGED
        size = largest(doubles(at[D]), m)
        whole = scale(at)
        if size <= TIGHT * whole:
            move(at, 1.0)
            copy(z, doubles(at[TRIAL]), m)
            return SOLVED
        if size <= LOOSE * whole and size >= 0.25 * before:
            return SOLVED  # rounding is all that is left
        before = size
        length = 1.0
        while True:
            move(at, length)
            moved = euler_residual(at, h, True)
            lower = moved <= (1.0 - 1e-4 * length) * norm
            if descends:
                new = objective(at, h, True)
                flat = abs(slope) <= 1e-12 * abs(phi)  # Φ cannot tell any more
                lower = (lower and flat) or new <= phi + 1e-4 * length * slope
                if lower:
                    phi = new
            if lower and finite(moved):
                break
            length = 0.5 * length
            if length < 1e-12:
                return SOLVED if size <= LOOSE * whole else NOT_CONVERGED
        copy(z, doubles(at[TRIAL]), m)
        norm = moved
    return NOT_CONVERGED


def definite(at: Ints, n: Int) -> Truth:
    """Return whether A, which is symmetric, is positive definite, by Cholesky on a copy."""
    a = doubles(at[J] + 8 * n * n)
    copy(a, doubles(at[A]), n * n)
    for k in range(n):
        for i in range(k, n):
            value = a[i * n + k]
            for j in range(k):
                value = muladd(-a[i * n + j], a[k * n + j], value)
            if i == k:
                if not value > 0.0:
                    return False
                a[k * n + k] = math.sqrt(value)
            else:
                a[i * n + k] = value / a[k * n + k]
    return True


def euler_direction(at: Ints, h: Real, descends: Truth) -> Real:
    """Set D to Newton's direction and return the slope of Φ along it (NaN: there is none)."""
    m = at[ROWS]
    a, j, d, g = doubles(at[A]), doubles(at[J]), doubles(at[D]), doubles(at[G])
    euler_residual(at, h, False)
    jacobian(at, doubles(at[Z]), j)
    shift = 0.0
    for _ in range(80):
        for q in range(m * m):
            a[q] = -h * j[q]
        for i in range(m):
            a[i * m + i] += 1.0 + shift
            d[i] = -g[i]
        regular = (not descends or definite(at, m)) and linear(at, m)
        slope = 0.0
        for i in range(m):
            slope += g[i] * d[i]
        if regular and (not descends or slope < 0.0):
            return slope / h
        if not descends:
            break
        shift = max(4.0 * shift, 1e-3 * (1.0 + abs(h) * largest(j, m * m)))
    return math.nan
