"""GRU MusicVAEs trained here; torch is loaded when one is used."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from latentknobs.hooks import hookimpl

if TYPE_CHECKING:
    from latentknobs.core.backend import BackendFactory, VAEBackend

SUFFIX = ".safetensors"


def load(location: str, device: str, precision: str = "float32") -> VAEBackend:
    """The model of a weights file, on a device, computing in this precision."""
    from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend

    return GruMusicVaeBackend.load(Path(location), device, precision)


def recognises(path: Path) -> bool:
    """Whether it is a weights file, or a card that names one; those of LSTM networks belong to the magenta backend."""
    from latentknobs.backends.format_card import CARD
    from latentknobs.backends.loader import TORCH

    if path.suffix == CARD:
        from latentknobs.backends.weights import names_weights

        return path.is_file() and names_weights(path)
    if path.suffix in TORCH:
        from latentknobs.backends.gru_musicvae.weight_import import holds_network

        return holds_network(path)
    if path.suffix != SUFFIX:
        return False
    from latentknobs.backends.weights import is_lstm

    return not is_lstm(path)


def _models(folder: Path) -> dict[str, str]:
    """Names and locations: a model of each weights file, and of each card without one of its own."""
    from latentknobs.backends.format_card import CARD

    cards = {path.stem: str(path) for path in sorted(folder.glob(f"*{CARD}"))}
    return cards | {path.stem: str(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}


@hookimpl
def register_backends() -> list[BackendFactory]:
    """Models by weights file, and those that come with the package."""
    from importlib import resources

    from latentknobs.core.backend import BackendFactory

    folder = Path(str(resources.files(__package__))) / "models"
    return [
        BackendFactory(
            name="gru-musicvae",
            doc="GRU MusicVAEs (Yang et al., NIME 2019) trained here, or weights in the authors' names.",
            load=load,
            shipped=_models(folder),
            recognises=recognises,
            precisions=("float32", "bf16", "int8"),
        )
    ]
