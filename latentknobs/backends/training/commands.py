"""What ``latentknobs train``, ``latentknobs model import`` and ``latentknobs model export`` do."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import attrs

from latentknobs.backends.devices import choose_device
from latentknobs.backends.gru_musicvae.weight_import import import_weights
from latentknobs.backends.magenta_js.lstm_backend import export
from latentknobs.backends.training import data as clips
from latentknobs.backends.training import likelihood
from latentknobs.backends.training.checkpoint import read_facts
from latentknobs.backends.training.config import Config
from latentknobs.backends.training.trainer import CHECKPOINT, LOG, MODEL, Trainer
from latentknobs.backends.weights import card_path, write_format_card
from latentknobs.core.frontend_specs import Host
from latentknobs.errors import TrainingError, UsageError

NOT_STATED = {
    "licence": "Not stated: see the licences of the corpora it was trained on.",
    "limits": "Not stated: what the corpora do not have, it does not know.",
}
"""The card's words where a preset is trained on other corpora than its own."""
DEFAULT_PRESET = "broad"
"""The recipe of the shipped model."""


def train(
    host: Host,
    *,
    out: Path,
    preset: str = "",
    config: Path | None = None,
    steps: int = 0,
    seed: int | None = None,
    device: str = "auto",
    resume: bool = False,
    after: Path | None = None,
) -> dict[str, Any]:
    """
    Train a model into a folder; returns the validation metrics of the stored weights.

    Args:
        host: The running program.
        out: The folder.
        preset: Preset to start from; the default is "broad", or, with ``resume``, the run's own config.
        config: TOML file with settings that go over the preset's.
        steps: Optimiser steps, over both; 0 = as there.
        seed: Seed, over both; None = as there.
        device: "auto", "cpu" or "cuda".
        resume: Go on with the run in the folder.
        after: Folder of a finished run, or weights file of a model, of the same network: start from what it learned.

    Raises:
        UsageError: A setting cannot be used, or ``after`` is told to a run that goes on.
        ModelError: ``after`` is the run of another network.
        TrainingError: The run cannot start or go on, or was interrupted; says how to resume.
    """
    choose_device(device)
    if resume and after is not None:
        raise UsageError("A run that is resumed knows what it started after: leave --after out.")
    if after is not None and not after.exists():  # told before clips are gathered
        raise TrainingError(f"{after} is no weights file and no run's folder: there is no checkpoint to start after.")
    changed = bool(preset or config or steps or seed is not None)
    if resume and not changed:
        settings: Config = read_facts(out / CHECKPOINT)["config"]
    else:
        settings = choose(preset or DEFAULT_PRESET, config, steps, seed)
    if settings.training.align and not resume and after is None:
        raise UsageError("This recipe goes on from a finished run (training.align): name its folder with --after.")
    host.note(f"Gathering training clips: {', '.join(source.corpus for source in settings.data.sources)}.")
    data = clips.load(host, settings)
    host.note("Clips: " + ", ".join(f"{name} {size}" for name, size in data.sizes.items()) + ".")
    trainer = Trainer(settings, data, out, device=device, resume=resume, after=after, progress=host.progress)
    if resume:
        host.note(f"Going on after step {trainer.progress.step} of {settings.training.steps}.")
    try:
        trainer.run()
    except KeyboardInterrupt:
        if not (out / CHECKPOINT).is_file():
            raise TrainingError("Training stopped before its first checkpoint: start it again.") from None
        # After a second Ctrl-C the last checkpoint may be of an earlier step.
        step = read_facts(out / CHECKPOINT)["progress"].step
        raise TrainingError(
            f"Training stopped after step {step}; go on with: latentknobs train -o {out} --resume"
        ) from None
    facts = {
        "corpus": "+".join(dict.fromkeys(source.corpus for source in settings.data.sources)),
        "licence": settings.data.licence,
        "limits": settings.data.limits,
    }
    identity, figures = trainer.finish(out / MODEL, facts)
    likelihood.of_clips(out / MODEL, likelihood.drawn(data, settings), device)
    others: dict[str, str] = {}
    for place, clip_format in enumerate(settings.formats[1:], start=1):
        card = write_format_card(out / MODEL, clip_format)
        likelihood.of_clips(card, likelihood.drawn(data, settings, place), device)
        others[clip_format.name] = str(card)
    return {
        "model": str(out / MODEL),
        **({"models": {settings.network.clip_format: str(out / MODEL), **others}} if others else {}),
        "model_id": identity,
        "steps": trainer.progress.step,
        "best_step": trainer.progress.best_step,
        "log": str(out / LOG),
        **figures,
    }


def choose(preset: str, config: Path | None, steps: int = 0, seed: int | None = None) -> Config:
    """
    A preset with a file's settings over it, and these flags over both.

    Raises:
        UsageError: The file cannot be read, or a setting cannot be used.
    """
    tables = Config.preset(preset).tables()
    where = f"preset {preset}"
    if config is not None:
        where = str(config)
        try:
            over = tomllib.loads(config.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{config} cannot be read as TOML: {error}.") from error
        for name, table in over.items():
            if not isinstance(table, dict):
                raise UsageError(f"{config}: {name!r} must stand in one of the tables [network], [training], [data].")
            tables[name] = {**tables.get(name, {}), **table}
        if "sources" in over.get("data", {}):
            # The preset's licence and limits describe the preset's corpora.
            tables["data"] |= {name: text for name, text in NOT_STATED.items() if name not in over["data"]}
    if steps:
        tables["training"]["steps"] = steps
    if seed is not None:
        tables["training"]["seed"] = seed
    return Config.from_tables(tables, where)


def model_import(host: Host, weights: Path, out: Path) -> dict[str, Any]:
    """
    Take over weights of the paper's authors; what was written.

    Args:
        host: The running program.
        weights: Their file (.pt), read without unpickling anything but tensors.
        out: The weights file to write (.safetensors); its card goes beside it.

    Raises:
        UsageError: ``out`` does not end in .safetensors, or it or its card is there already.
        ModelError: The file does not hold such weights.
    """
    if out.suffix != ".safetensors":
        raise UsageError(
            f"The weights are written as safetensors: name a file that ends in .safetensors, not {out.name}."
        )
    for path in (out, card_path(out)):
        if path.exists():
            raise UsageError(f"{path} is there already and was left as it is: name another file.")
    identity, network = import_weights(weights, out)
    host.note(f"Wrote {out} and its card; use it with --model {out}.")
    return {"model": str(out), "model_id": identity, "config": attrs.asdict(network)}


def model_export(host: Host, weights: Path, folder: Path) -> dict[str, Any]:
    """
    Write a trained LSTM model as a checkpoint folder of magenta.js; what was written.

    Args:
        host: The running program.
        weights: The weights file (.safetensors), its card beside it.
        folder: The folder to make.

    Raises:
        UsageError: The model is a GRU, or the folder is there already.
        ModelError: The file does not hold a working model, or the folder cannot be written.
    """
    export(weights, folder)
    host.note(f"Wrote {folder}; use it with --model magenta:{folder}, or give its address to magenta.js.")
    return {"folder": str(folder), "weights": str(weights)}
