"""Offers MusicVAE models trained here, and the commands that make them; torch is loaded when one is used."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Annotated, Any

from latentknobs.core.backend import BackendFactory, VAEBackend
from latentknobs.core.frontend_specs import CommandSpec, Host, Param
from latentknobs.errors import UsageError
from latentknobs.hooks import hookimpl

SUFFIX = ".safetensors"


def load(location: str, device: str, precision: str = "float32") -> VAEBackend:
    """The model of a weights file, on a device, computing in these numbers."""
    from latentknobs.backends.gru_musicvae.checkpoint import is_lstm

    path = Path(location)
    if is_lstm(path):
        from latentknobs.backends.gru_musicvae.lstm_backend import LstmMusicVaeBackend

        return LstmMusicVaeBackend.load(path, device, precision)
    from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend

    return GruMusicVaeBackend.load(path, device, precision)


def train(
    host: Host,
    *,
    preset: Annotated[str, Param("Recipe to start from: folk (the default), folk-dense, lstm or paper.")] = "",
    out: Annotated[Path | None, Param("Folder for checkpoints, log and the finished model.", short="-o")] = None,
    config: Annotated[Path | None, Param("TOML file whose settings go over the recipe's.")] = None,
    steps: Annotated[int, Param("Optimiser steps; 0 = as the recipe says.")] = 0,
    seed: Annotated[int | None, Param("Seed of weights, order and chance; the recipe's if left out.")] = None,
    device: Annotated[str, Param("auto, cpu or cuda.")] = "auto",
    resume: Annotated[bool, Param("Go on with the run in the folder.")] = False,
    after: Annotated[Path | None, Param("Folder of a finished run: start from what it learned.")] = None,
) -> dict[str, Any]:
    """Train a model into a folder."""
    if out is None:
        raise UsageError("Name the folder to train into: latentknobs train -o FOLDER.")
    from latentknobs.backends.gru_musicvae import commands

    return commands.train(
        host, out=out, preset=preset, config=config, steps=steps, seed=seed, device=device, resume=resume, after=after
    )


def model_import(
    host: Host,
    weights: Annotated[Path, Param("The authors' weights (.pt).")],
    out: Annotated[Path, Param("The weights file to write (.safetensors).")],
) -> dict[str, Any]:
    """Take over weights of the paper's authors."""
    from latentknobs.backends.gru_musicvae import commands

    return commands.model_import(host, weights, out)


def model_export(
    host: Host,
    weights: Annotated[Path, Param("Weights of an LSTM network (.safetensors), its card beside them.")],
    folder: Annotated[Path, Param("The folder to make.")],
) -> dict[str, Any]:
    """Write an LSTM model as a checkpoint folder of magenta.js."""
    from latentknobs.backends.gru_musicvae import commands

    return commands.model_export(host, weights, folder)


@hookimpl
def register_backends() -> list[BackendFactory]:
    """Models by weights file, and those that come with the package."""
    folder = Path(str(resources.files(__package__))) / "models"
    return [
        BackendFactory(
            name="gru-musicvae",
            doc="MusicVAEs trained here, GRU (Yang et al., NIME 2019) or LSTM: safetensors with a card beside them.",
            load=load,
            shipped={path.stem: str(path) for path in sorted(folder.glob(f"*{SUFFIX}"))},
            recognises=lambda path: path.suffix == SUFFIX,
            precisions=("float32", "bf16", "int8"),
        )
    ]


@hookimpl
def register_commands() -> list[CommandSpec]:
    """Training, taking over the authors' weights, and giving LSTM models to magenta.js."""
    return [
        CommandSpec(("train",), "Train a MusicVAE; interrupt it with Ctrl-C and go on later with --resume.", train),
        CommandSpec(
            ("model", "import"), "Take over weights (.pt) that the paper's authors saved with torch.", model_import
        ),
        CommandSpec(("model", "export"), "Write an LSTM model as a checkpoint folder of magenta.js.", model_export),
    ]
