"""The dictionary: published optimizers as a flow, a splitting and a clock."""

from flowopt.optimizers import schedules
from flowopt.optimizers.adaptive import adadelta, adagrad, rmsprop
from flowopt.optimizers.compose import from_flow, lookahead
from flowopt.optimizers.first_order import (
    gradient_descent,
    heavy_ball,
    lion,
    nesterov,
    newton,
    normalized_gd,
    polyak,
    proximal_point,
    sgd,
    signsgd,
    signum,
)
from flowopt.optimizers.moments import adam, adamax, adamw, amsgrad, nadam, radam
from flowopt.optimizers.noisy import annealing, sgld
from flowopt.optimizers.optimizer import Clock, Optimizer
from flowopt.optimizers.schedules import Schedule, scheduled
from flowopt.optimizers.table import dictionary

__all__ = ["Clock", "Optimizer", "Schedule", "adadelta", "adagrad", "adam", "adamax", "adamw",
           "amsgrad", "annealing", "dictionary", "from_flow", "gradient_descent", "heavy_ball",
           "lion", "lookahead", "nadam", "nesterov", "newton", "normalized_gd", "polyak",
           "proximal_point", "radam", "rmsprop", "scheduled", "schedules", "sgd", "sgld",
           "signsgd", "signum"]
