"""The numeric floor: functions on addresses and numbers, compiled by numba. No classes, no strings.

Import this package only to compile: it imports numba. The arrays of a block of W lanes are laid
out with the lane as the last axis: entry i of lane l stands at ``i*W + l``.
"""
