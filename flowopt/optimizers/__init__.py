"""The dictionary: published optimizers as a flow, a splitting and a clock."""

from flowopt.optimizers import schedules
from flowopt.optimizers.adaptive import adadelta, adagrad, rmsprop
from flowopt.optimizers.averages import ExponentialAverage, TailAverage
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
from flowopt.optimizers.jumping import JumpProcess, metropolis
from flowopt.optimizers.moments import adam, adamax, adamw, amsgrad, nadam, radam
from flowopt.optimizers.noisy import annealing, sgld
from flowopt.optimizers.optimizer import Clock, Optimizer
from flowopt.optimizers.schedules import Schedule, scheduled
from flowopt.optimizers.starts import Best, best_of, random_starts
from flowopt.optimizers.stopping import EarlyStopping, Stall
from flowopt.optimizers.switching import Switched, switch
from flowopt.optimizers.table import dictionary

__all__ = ["Best", "Clock", "EarlyStopping", "ExponentialAverage", "JumpProcess", "Optimizer",
           "Schedule", "Stall", "Switched", "TailAverage", "adadelta", "adagrad", "adam",
           "adamax", "adamw", "amsgrad", "annealing", "best_of", "dictionary", "from_flow",
           "gradient_descent", "heavy_ball", "lion", "lookahead", "metropolis", "nadam",
           "nesterov", "newton", "normalized_gd", "polyak", "proximal_point", "radam",
           "random_starts", "rmsprop", "scheduled", "schedules", "sgd", "sgld", "signsgd",
           "signum", "switch"]
