"""Exponents, fitted rates, and times of arrival."""
