"""Symbols and what is made of them: safe parsing, regimes of a rule, kernels from expressions."""
