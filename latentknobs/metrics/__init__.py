"""
The field's metrics of disentanglement and of control, one module each: pure functions of arrays.

docs/reference/metrics.md has their definitions. Every metric takes LabelledCodes or Traversals and returns a
MetricResult with an interval over resampled blocks of rows (:mod:`latentknobs.metrics.block_bootstrap`).
"""
