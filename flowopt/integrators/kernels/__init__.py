"""The numeric floor: functions on addresses and numbers. No classes, no strings.

The arrays of a block of W lanes are laid out with the lane as the last axis: entry i of lane l
stands at ``i*W + l``.
"""
