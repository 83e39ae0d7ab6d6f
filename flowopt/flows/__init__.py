"""Flows: rules without a loss, and the vector fields they make on one."""

from flowopt.flows.catalogue import (
    GradientFlow,
    HeavyBall,
    LossNormalizedFlow,
    NewtonFlow,
    NormalizedFlow,
    SignFlow,
)
from flowopt.flows.flow import Flow

__all__ = ["Flow", "GradientFlow", "HeavyBall", "LossNormalizedFlow", "NewtonFlow",
           "NormalizedFlow", "SignFlow"]
