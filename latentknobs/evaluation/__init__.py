"""Measuring knobs: evaluation sets, metrics, random controls, acceptance criteria and the bootstrap."""
