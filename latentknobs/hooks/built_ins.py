"""Which plugins come with the package; naming them imports none."""

from __future__ import annotations

BUILTINS = (
    "latentknobs.backends.gru_musicvae.plugin",
    "latentknobs.backends.magenta_js.plugin",
    "latentknobs.backends.training.plugin",
    "latentknobs.augmentations.plugin",
    "latentknobs.attributes.plugin",
    "latentknobs.corpora.plugin",
    "latentknobs.discovery.plugin",
    "latentknobs.metrics.plugin",
    "latentknobs.executors.plugin",
    "latentknobs.frontends.cli.plugin",
    "latentknobs.frontends.notebook.plugin",
    "latentknobs.frontends.web.plugin",
    "latentknobs.frontends.osc.plugin",
    "latentknobs.frontends.midi.plugin",
)
"""The plugins that come with the package, by name: they use nothing that a stranger's plugin cannot."""
