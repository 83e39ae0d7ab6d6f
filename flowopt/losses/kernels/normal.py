"""Batch normalisation of a unit over the samples, its derivative and its second derivative.

ẑ = r (z − mean z), r = 1/√(var z + ε), u = γ ẑ + β (Ioffe & Szegedy, ICML 2015, Algorithm 1). With
δ = ∂L/∂u: ∂L/∂γ = Σ δ ẑ, ∂L/∂β = Σ δ, and with d = γ δ
∂L/∂z = r (d − mean d − ẑ mean(d ẑ)).
Along a direction, marked by a dot: ẑ˙ = r (c − ẑ mean(ẑ c)) with c = ż − mean ż, and
ṙ/r = −r mean(ẑ c).
"""

import math

from flowopt._language import Int, Real, Reals, muladd
from flowopt.losses.kernels.products import dot, total


def blank(row: Reals, count: Int, length: Int):
    """Set what only fills the row up to 0."""
    for s in range(count, length):
        row[s] = 0.0


def statistics(z: Reals, mean: Reals, rate: Reals, epsilon: Real, count: Int, length: Int):
    """Set mean and rate to the mean of z and 1/√(variance + ε); z becomes z − mean."""
    blank(z, count, length)
    mean[0] = total(z, length) / float(count)
    lower(z, mean[0], length)
    blank(z, count, length)
    rate[0] = 1.0 / math.sqrt(dot(z, z, length) / float(count) + epsilon)


def lower(row: Reals, by: Real, length: Int):
    for s in range(length):
        row[s] = row[s] - by


def apply(z: Reals, u: Reals, rate: Real, gamma: Real, beta: Real, length: Int):
    """Set z to ẑ (z is centred before), and u to γ ẑ + β."""
    for s in range(length):
        z[s] = rate * z[s]
        u[s] = muladd(gamma, z[s], beta)


def back(g: Reals, at_gamma: Int, at_beta: Int, delta: Reals, z: Reals, rate: Real, gamma: Real,
         count: Int, length: Int):
    """Set delta from ∂L/∂u to ∂L/∂z, and add what γ and β get to g."""
    summed, along = total(delta, length), dot(delta, z, length)
    g[at_beta] += summed
    g[at_gamma] += along
    mean = gamma * summed / float(count)
    along = gamma * along / float(count)
    for s in range(length):
        delta[s] = rate * (gamma * delta[s] - mean - z[s] * along)
    blank(delta, count, length)


def directed(rz: Reals, ru: Reals, z: Reals, r_rate: Reals, rate: Real, gamma: Real, r_gamma: Real,
             r_beta: Real, count: Int, length: Int):
    """Set rz from ż to ẑ˙, ru to u˙, and r_rate to ṙ/r."""
    blank(rz, count, length)
    lower(rz, total(rz, length) / float(count), length)
    blank(rz, count, length)
    along = dot(rz, z, length) / float(count)
    r_rate[0] = -rate * along
    for s in range(length):
        rz[s] = rate * (rz[s] - z[s] * along)
        ru[s] = gamma * rz[s] + r_gamma * z[s] + r_beta


def directed_back(r_delta: Reals, delta: Reals, z: Reals, rz: Reals, rate: Real, r_rate: Real,
                  gamma: Real, r_gamma: Real, count: Int, length: Int):
    """Set delta from ∂L/∂u to ∂L/∂z, and r_delta to the derivative of that."""
    share = 1.0 / float(count)
    mean = share * gamma * total(delta, length)
    along = share * gamma * dot(delta, z, length)
    r_mean = share * (gamma * total(r_delta, length) + r_gamma * total(delta, length))
    r_along = share * (gamma * (dot(r_delta, z, length) + dot(delta, rz, length))
                       + r_gamma * dot(delta, z, length))
    for s in range(length):
        r_d = gamma * r_delta[s] + r_gamma * delta[s]
        made = rate * (gamma * delta[s] - mean - z[s] * along)
        r_delta[s] = (r_rate * made
                      + rate * (r_d - r_mean - rz[s] * along - z[s] * r_along))
        delta[s] = made
    blank(delta, count, length)
    blank(r_delta, count, length)
