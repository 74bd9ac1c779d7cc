"""Measurements behind the README's claims: each module has ``main()``, prints a table and writes
its section.

``python -m benchmarks.throughput`` runs one of them; the sections stand in
``benchmarks/RESULTS.md``.
"""
