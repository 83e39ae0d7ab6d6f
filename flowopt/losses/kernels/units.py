"""Activations: from u to a = σ(u), its slope σ′(u) and its bend σ″(u), a row of samples at a time.

sigmoid a = 1/(1 + e⁻ᵘ): σ′ = a(1 − a), σ″ = σ′(1 − 2a). tanh: σ′ = 1 − a², σ″ = −2aσ′.
ReLU max(u, 0) and leaky ReLU: at the kink the slope is that of u < 0, and σ″ = 0.
softplus log(1 + eᵘ): σ′ = s(u), σ″ = s(1 − s) with the sigmoid s.
"""

from flowopt._elementary import hyperbolic_tangent, logistic, soft_plus
from flowopt._language import Int, Real, Reals
from flowopt.losses.kernels.places import LEAKY_RELU, RELU, SIGMOID, SOFTPLUS, TANH
from flowopt.losses.kernels.products import fill


def activate(kind: Int, leak: Real, u: Reals, a: Reals, slope: Reals, length: Int):
    """Set a and slope of a row from u, what the activation is applied to."""
    if kind == RELU:
        for s in range(length):
            a[s] = max(u[s], 0.0)
            slope[s] = 1.0 if u[s] > 0.0 else 0.0
    elif kind == LEAKY_RELU:
        for s in range(length):
            slope[s] = 1.0 if u[s] > 0.0 else leak
            a[s] = (1.0 if u[s] > 0.0 else leak) * u[s]
    elif kind == TANH:
        for s in range(length):
            value = hyperbolic_tangent(u[s])
            a[s] = value
            slope[s] = 1.0 - value * value
    elif kind == SIGMOID:
        for s in range(length):
            value = logistic(u[s])
            a[s] = value
            slope[s] = value * logistic(-u[s])
    elif kind == SOFTPLUS:
        for s in range(length):
            a[s] = soft_plus(u[s])
            slope[s] = logistic(u[s])
    else:
        for s in range(length):
            a[s] = u[s]
            slope[s] = 1.0


def bend_of(kind: Int, a: Reals, slope: Reals, bend: Reals, length: Int):
    """Set the bend of a row from what `activate` has left."""
    if kind == TANH:
        for s in range(length):
            bend[s] = -2.0 * a[s] * slope[s]
    elif kind == SIGMOID:
        for s in range(length):
            bend[s] = slope[s] * (1.0 - 2.0 * a[s])
    elif kind == SOFTPLUS:
        for s in range(length):
            bend[s] = slope[s] * (1.0 - slope[s])
    else:
        fill(bend, 0.0, length)
