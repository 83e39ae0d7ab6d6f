"""Losses: expressions, kernels, training problems, and landscapes with known minima."""

from flowopt.losses.external import from_jax, from_torch
from flowopt.losses.fully_connected import network
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
from flowopt.losses.networks import Network
from flowopt.losses.quadratic import quadratic
from flowopt.losses.regression import least_squares, logistic, softmax_regression

__all__ = ["Loss", "Network", "beale", "catalogue", "double_well", "from_jax", "from_torch",
           "goldstein_price", "himmelblau", "least_squares", "logistic", "network", "quadratic",
           "rastrigin", "rosenbrock", "saddle", "six_hump_camel", "softmax_regression",
           "styblinski_tang", "two_minima"]
