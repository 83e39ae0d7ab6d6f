"""Exact algebra and its helpers: polynomials, real roots, intervals, sums of squares."""
