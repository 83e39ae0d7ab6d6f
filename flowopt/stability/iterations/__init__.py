"""Optimizers as maps: rates in the worst case, cycles, and the table in discrete time."""
