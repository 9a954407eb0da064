"""A training run on disk: everything needed to resume, in one safetensors file that is replaced atomically."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
from attrs import field, frozen, validators
from torch import Tensor, nn
from torch.optim import Adam

from latentknobs.backends.network import count
from latentknobs.backends.training.config import Config
from latentknobs.backends.weights import check_tensors, read_tensors, write_atomically
from latentknobs.errors import ModelError, TrainingError

MOMENTS = ("exp_avg", "exp_avg_sq")


@frozen
class TrainingProgress:
    """
    Progress of a run, besides its tensors.

    Attributes:
        step: Steps done.
        best_loss: Lowest validation loss so far, None before the first evaluation.
        best_step: Steps done when it was measured.
        waited: Evaluations since.
        after: model_id of the model whose run this one continues, "" for a run from scratch.
    """

    step: int = field(default=0, validator=count(0))
    best_loss: float | None = field(default=None, validator=validators.optional(validators.instance_of(float)))
    best_step: int = field(default=0, validator=count(0))
    waited: int = field(default=0, validator=count(0))
    after: str = field(default="", validator=validators.instance_of(str))


def write_state(
    path: Path, trained: nn.ModuleDict, optimiser: Adam, progress: TrainingProgress, *, config: Config, fingerprint: str
) -> None:
    """Write a checkpoint atomically: weights, Adam's moments, progress, config and data."""
    tensors: dict[str, Tensor] = dict(trained.state_dict())
    for name, parameter in trained.named_parameters():
        for moment in MOMENTS:
            if moment in optimiser.state[parameter]:
                tensors[f"{moment}.{name}"] = optimiser.state[parameter][moment]
    facts = {
        "step": progress.step,
        "best_loss": progress.best_loss,
        "best_step": progress.best_step,
        "waited": progress.waited,
        "after": progress.after,
        "config": config.tables(),
        "data": fingerprint,
    }
    write_atomically(tensors, path, {"latentknobs": json.dumps(facts, sort_keys=True)})


def read_facts(path: Path) -> dict[str, Any]:
    """
    Config, data fingerprint and progress of a checkpoint.

    Raises:
        TrainingError: There is none, or the file is not a checkpoint of a training run.
    """
    if not path.is_file():
        raise TrainingError(f"There is no checkpoint {path}: start the run without --resume.")
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata: Mapping[str, str] = file.metadata() or {}
        facts = json.loads(metadata["latentknobs"])
        return {
            "config": Config.from_tables(facts["config"], str(path)),
            "data": facts["data"],
            "progress": _progress(facts),
        }
    except (safetensors.SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        reason = error.args[0] if isinstance(error, TypeError) else error  # attrs adds more arguments
        raise TrainingError(f"{path} is not a checkpoint of this version ({reason}): start a new run.") from error


def _progress(facts: Mapping[str, Any]) -> TrainingProgress:
    after = facts.get("after", "")  # runs of 0.1.0 may be from before it
    return TrainingProgress(facts["step"], facts["best_loss"], facts["best_step"], facts["waited"], after)


def take_over(path: Path, trained: nn.ModuleDict) -> None:
    """
    Load a checkpoint's weights.

    Raises:
        ModelError: The tensors are not those of such a network, or of such maps.
    """
    _load(read_tensors(path), path, trained)


def restore(path: Path, trained: nn.ModuleDict, optimiser: Adam, step: int) -> None:
    """
    Load a checkpoint's weights and the optimiser's state.

    Raises:
        ModelError: The tensors are not those of this run.
        TrainingError: The optimiser's state is incomplete.
    """
    tensors = read_tensors(path)
    _load(tensors, path, trained)
    state: dict[int, dict[str, Any]] = {}
    for index, (name, parameter) in enumerate(trained.named_parameters() if step else ()):
        moments = {moment: tensors.get(f"{moment}.{name}") for moment in MOMENTS}
        if any(value is None or value.shape != parameter.shape for value in moments.values()):
            raise TrainingError(
                f"{path} is not a checkpoint of this version (Adam's moments of {name} are missing): start a new run."
            )
        state[index] = {"step": parameter.new_tensor(float(step)), **moments}
    optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})


def _load(tensors: Mapping[str, Tensor], path: Path, trained: nn.ModuleDict) -> None:
    network = {name.removeprefix("network."): t for name, t in tensors.items() if name.startswith("network.")}
    check_tensors(network, trained["network"].state_dict(), str(path))
    expected = {name: tuple(value.shape) for name, value in trained.state_dict().items()}
    weights = {name: value for name, value in tensors.items() if name in expected}
    if {name: tuple(value.shape) for name, value in weights.items()} != expected:
        raise ModelError(f"{path} lacks the maps of the edits in data.follow: start a new run.")
    trained.load_state_dict(weights)
