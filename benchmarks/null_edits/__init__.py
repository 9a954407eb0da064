"""Null edits and the runner that judges many edits on the same encoded songs; see :mod:`benchmarks.nulls`."""
