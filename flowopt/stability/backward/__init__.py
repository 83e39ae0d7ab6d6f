"""Backward error analysis: the field that the steps of a method follow."""
