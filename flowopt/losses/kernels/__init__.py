"""Compiled losses of data: networks, their derivatives, batches and masks (numbers only)."""
