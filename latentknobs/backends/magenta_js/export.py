"""Writing a checkpoint folder of magenta.js: config, manifest and one shard, float32."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latentknobs.backends.magenta_js.manifest import MANIFEST, PLAIN
from latentknobs.backends.magenta_js.vocabulary import MelodyVocabulary
from latentknobs.errors import ModelError, UsageError

CONFIG = "config.json"
MELODIES = "MelodyConverter"
SHARD = "group1-shard1of1"


def config_of(vocabulary: MelodyVocabulary) -> dict[str, Any]:
    """The config.json of a flat model of melodies."""
    args = {"numSteps": vocabulary.clip_format.steps, "minPitch": vocabulary.low, "maxPitch": vocabulary.high}
    return {"type": "MusicVAE", "dataConverter": {"type": MELODIES, "args": args}}


def write_folder(folder: Path, tensors: Mapping[str, NDArray[np.float32]], vocabulary: MelodyVocabulary) -> None:
    """
    Write a checkpoint whole or not at all.

    Args:
        folder: Made; its parents as well.
        tensors: By their names in magenta.
        vocabulary: The tokens.

    Raises:
        UsageError: The folder is there already.
        ModelError: It cannot be written.
    """
    if folder.exists():
        raise UsageError(f"{folder} is there already and was left as it is: name another folder.")
    weights = [{"name": name, "shape": list(tensors[name].shape), "dtype": "float32"} for name in sorted(tensors)]
    shard = b"".join(tensors[name].astype(PLAIN).tobytes() for name in sorted(tensors))
    part = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        part.mkdir(parents=True)
        (part / SHARD).write_bytes(shard)
        (part / CONFIG).write_text(json.dumps(config_of(vocabulary)) + "\n", encoding="utf-8")
        (part / MANIFEST).write_text(json.dumps([{"paths": [SHARD], "weights": weights}]) + "\n", encoding="utf-8")
        part.replace(folder)
    except OSError as error:
        raise ModelError(f"{folder} cannot be written ({error}): make room or name another place.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
