"""Offers MusicVAE checkpoints of magenta.js; torch is loaded when one is used."""

from __future__ import annotations

from pathlib import Path

from latentknobs.core.backend import BackendFactory, VAEBackend
from latentknobs.hooks import hookimpl


def load(location: str, device: str) -> VAEBackend:
    """The model of a checkpoint folder, on a device."""
    from latentknobs.backends.magenta_js.backend import MagentaBackend

    return MagentaBackend.load(Path(location), device)


@hookimpl
def register_backends() -> list[BackendFactory]:
    """MusicVAE checkpoints by folder."""
    return [
        BackendFactory(
            name="magenta",
            doc="MusicVAE (Roberts et al., ICML 2018) of magenta.js: a checkpoint folder of 2-bar melodies.",
            load=load,
            recognises=lambda path: (path / "weights_manifest.json").is_file(),
        )
    ]
