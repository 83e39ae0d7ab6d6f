"""What the numba steppers share."""

import numba

from flowopt._native import options

LARGEST = 1.7976931348623157e308


@numba.njit(**options())
def finite(value):
    """Return whether `value` is a finite number."""
    return abs(value) <= LARGEST
