"""Losses: expressions, kernels, and a catalogue of landscapes with known minima."""

from flowopt.losses.landscapes import (
    beale,
    catalogue,
    double_well,
    goldstein_price,
    himmelblau,
    rastrigin,
    rosenbrock,
    saddle,
    six_hump_camel,
    styblinski_tang,
    two_minima,
)
from flowopt.losses.loss import Loss
from flowopt.losses.quadratic import quadratic

__all__ = ["Loss", "beale", "catalogue", "double_well", "goldstein_price", "himmelblau",
           "quadratic", "rastrigin", "rosenbrock", "saddle", "six_hump_camel", "styblinski_tang",
           "two_minima"]
