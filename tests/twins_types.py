"""What the twins take: right-hand sides, losses and their gradients."""

from collections.abc import Callable

import numpy as np

Rhs = Callable[[float, np.ndarray], np.ndarray]
Value = Callable[[np.ndarray], float]
Grad = Callable[[np.ndarray], np.ndarray]
