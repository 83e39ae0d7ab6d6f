"""Figures: a leaf that takes numbers and returns matplotlib figures, and computes nothing."""

from flowopt.plotting.exponents import exponent_spectrum
from flowopt.plotting.figures import COLOURS, interval, label_line, new_figure, style

__all__ = ["COLOURS", "exponent_spectrum", "interval", "label_line", "new_figure", "style"]
