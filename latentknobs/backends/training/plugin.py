"""The commands that make models: train, model import, model export; torch is loaded when one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from latentknobs.core.frontend_specs import CommandSpec, Host, Param
from latentknobs.errors import UsageError
from latentknobs.hooks import hookimpl


def train(
    host: Host,
    *,
    preset: Annotated[
        str, Param("Recipe to start from: broad (the default), broad-24, folk, folk-dense, lstm or paper.")
    ] = "",
    out: Annotated[Path | None, Param("Folder for checkpoints, log and the finished model.", short="-o")] = None,
    config: Annotated[Path | None, Param("TOML file whose settings go over the recipe's.")] = None,
    steps: Annotated[int, Param("Optimiser steps; 0 = as the recipe says.")] = 0,
    seed: Annotated[int | None, Param("Seed of weights, order and chance; the recipe's if left out.")] = None,
    device: Annotated[str, Param("auto, cpu or cuda.")] = "auto",
    resume: Annotated[bool, Param("Go on with the run in the folder.")] = False,
    after: Annotated[
        Path | None, Param("Folder of a finished run, or weights file of a model: start from what it learned.")
    ] = None,
) -> dict[str, Any]:
    """Train a model into a folder."""
    if out is None:
        raise UsageError("Name the folder to train into: latentknobs train -o FOLDER.")
    from latentknobs.backends.training import commands

    return commands.train(
        host, out=out, preset=preset, config=config, steps=steps, seed=seed, device=device, resume=resume, after=after
    )


def model_import(
    host: Host,
    weights: Annotated[Path, Param("The authors' weights (.pt).")],
    out: Annotated[Path, Param("The weights file to write (.safetensors).")],
) -> dict[str, Any]:
    """Take over weights of the paper's authors."""
    from latentknobs.backends.training import commands

    return commands.model_import(host, weights, out)


def model_export(
    host: Host,
    weights: Annotated[Path, Param("Weights of an LSTM network (.safetensors), its card beside them.")],
    folder: Annotated[Path, Param("The folder to make.")],
) -> dict[str, Any]:
    """Write an LSTM model as a checkpoint folder of magenta.js."""
    from latentknobs.backends.training import commands

    return commands.model_export(host, weights, folder)


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
