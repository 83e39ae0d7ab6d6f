"""Loops over a block that the steppers with noise take: drift, kicks and amplitudes."""

import math

from flowopt._language import Int, Real, Reals, Truth, muladd, shift
from flowopt.integrators.kernels.block import finite

W = 1


def fill_rows(block: Reals, value: Real, rows: Int):
    for q in range(rows * W):
        block[q] = value


def fades(fade: Reals, kick: Reals, friction: Reals, length: Real):
    """Set e^{−x} and √(1 − e^{−2x}) for x = γ h; 1 − e^{−2x} = (1 + e^{−2x}) tanh x."""
    for lane in range(W):
        x = friction[lane] * length
        f = math.exp(-x)
        fade[lane] = f
        kick[lane] = math.sqrt((1.0 + f * f) * math.tanh(x))


def roots(out: Reals, temperature: Reals):
    """Set √T; a T that rounding made negative counts as 0."""
    for lane in range(W):
        out[lane] = math.sqrt(max(temperature[lane], 0.0))


def amplitudes(out: Reals, temperature: Reals):
    """Set √(2T); a T that rounding made negative counts as 0."""
    for lane in range(W):
        out[lane] = math.sqrt(2.0 * max(temperature[lane], 0.0))


def drifted(y: Reals, slope: Reals, h: Real, m: Int) -> Truth:
    """Set y = y + h F; return whether all numbers are finite."""
    good = True
    for q in range(m * W):
        value = y[q] + h * slope[q]
        y[q] = value
        good = good & finite(value)
    return good


def kicked(y: Reals, size: Reals, dw: Reals, n: Int) -> Truth:
    """Set y = y + g ΔW in the coordinates with noise; return whether they are finite."""
    good = True
    for i in range(n):
        row, add = shift(y, i * W), shift(dw, i * W)
        for lane in range(W):
            value = muladd(size[lane], add[lane], row[lane])
            row[lane] = value
            good = good & finite(value)
    return good


def stage(out: Reals, y: Reals, slope: Reals, size: Reals, dz: Reals, h: Real, weight: Real,
          m: Int, n: Int):
    """Set out = y + h F + weight g ΔZ."""
    for q in range(m * W):
        out[q] = y[q] + h * slope[q]
    for i in range(n):
        row, add = shift(out, i * W), shift(dz, i * W)
        for lane in range(W):
            row[lane] = muladd(size[lane], weight * add[lane], row[lane])


def joined(y: Reals, slope: Reals, other: Reals, third: Real, m: Int) -> Truth:
    """Set y = y + h/3 (F₁ + 2 F₂); return whether all numbers are finite."""
    good = True
    for q in range(m * W):
        value = y[q] + third * muladd(2.0, other[q], slope[q])
        y[q] = value
        good = good & finite(value)
    return good


def kicked_twice(y: Reals, size: Reals, later: Reals, dw: Reals, dz: Reals, rate: Real, n: Int
                 ) -> Truth:
    """Set y = y + g(t + h) ΔW + (g(t) − g(t + h)) ΔZ/h; return whether y is finite."""
    good = True
    for i in range(n):
        row, one, two = shift(y, i * W), shift(dw, i * W), shift(dz, i * W)
        for lane in range(W):
            value = muladd(later[lane], one[lane], row[lane])
            value = muladd(size[lane] - later[lane], rate * two[lane], value)
            row[lane] = value
            good = good & finite(value)
    return good


def thrown(q: Reals, v: Reals, force: Reals, root: Reals, fade: Reals, xi: Reals, half: Real,
           n: Int):
    """Take B, A, O and A; `half` is half a step."""
    for i in range(n):
        a, b, f, x = shift(q, i * W), shift(v, i * W), shift(force, i * W), shift(xi, i * W)
        for lane in range(W):
            speed = b[lane] + half * f[lane]
            middle = a[lane] + half * speed
            speed = muladd(fade[lane], speed, root[lane] * x[lane])
            a[lane] = middle + half * speed
            b[lane] = speed


def add_rows(y: Reals, slope: Reals, h: Real, count: Int):
    for q in range(count):
        y[q] = y[q] + h * slope[q]
