"""Figures: a leaf that takes numbers and returns matplotlib figures, and computes nothing."""

from flowopt.plotting.figures import COLOURS, interval, label_line, new_figure, style

__all__ = ["COLOURS", "interval", "label_line", "new_figure", "style"]
