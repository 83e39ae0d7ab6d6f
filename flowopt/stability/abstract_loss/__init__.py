"""Proofs for every loss in any dimension, and the atlas of Lyapunov functions."""
