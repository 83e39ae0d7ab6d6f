"""Compiled steppers of the analyses."""
