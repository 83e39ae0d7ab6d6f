"""Benchmarks of flowopt against its peers: ``python -m benchmarks [row ...]``.

Each row is one module here with ``NAME``, ``QUESTION`` and ``run(rounds, quick)``;
see README.md for the protocol and for how to add a row. Benchmarks report, they never assert.
"""
