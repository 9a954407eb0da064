"""MusicVAE checkpoints of magenta.js, and LSTM networks trained here; torch is loaded when one is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latentknobs.errors import ModelError
from latentknobs.hooks import hookimpl

if TYPE_CHECKING:
    from latentknobs.core.backend import BackendFactory, VAEBackend

SUFFIX = ".safetensors"


def load(location: str, device: str) -> VAEBackend:
    """The model of a checkpoint folder or of a weights file, on a device."""
    path = Path(location)
    if path.suffix == SUFFIX and not path.is_dir():
        from latentknobs.backends.magenta_js.lstm_backend import LstmMusicVaeBackend

        return LstmMusicVaeBackend.load(path, device)
    from latentknobs.backends.magenta_js.backend import MagentaBackend

    return MagentaBackend.load(path, device)


def recognises(path: Path) -> bool:
    """Whether it is a checkpoint folder, or the weights file of an LSTM network."""
    if path.suffix == SUFFIX and path.is_file():
        from latentknobs.backends.weights import is_lstm

        return is_lstm(path)
    from latentknobs.backends.magenta_js.manifest import MANIFEST, OLDER, is_older, read_json

    if (path / MANIFEST).is_file():
        return True
    try:
        return (path / OLDER).is_file() and is_older(read_json(path / OLDER, OLDER))
    except ModelError:
        return False


@hookimpl
def register_backends() -> list[BackendFactory]:
    """MusicVAE checkpoints by folder, LSTM networks by weights file."""
    from latentknobs.core.backend import BackendFactory

    return [
        BackendFactory(
            name="magenta",
            doc="MusicVAE (Roberts et al., ICML 2018): a checkpoint folder of magenta.js, or an LSTM trained here.",
            load=load,
            recognises=recognises,
        )
    ]
