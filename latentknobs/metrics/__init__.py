"""
The field's metrics of disentanglement and of control, one module each: pure functions of arrays.

docs/reference/metrics.md has their definitions. Every metric takes one value of :mod:`latentknobs.core.metric_specs`
and gives a MetricResult with an interval over resampled blocks of rows (:mod:`latentknobs.metrics.block_bootstrap`).
"""
