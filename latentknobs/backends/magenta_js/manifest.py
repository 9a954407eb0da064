"""
The weights of a checkpoint folder of TensorFlow.js, or of its forerunner deeplearn.js, with numpy alone.

``weights_manifest.json`` is a list of groups; each names its shards, whose bytes follow one another, and the tensors
that lie in them in that order, little-endian: float32 plain, or quantised to uint8 or uint16 (value = number * scale +
min, in double precision) or float16.

The older ``manifest.json`` gives each tensor's file and shape under its name in the TensorFlow checkpoint; the file
holds its numbers, float32, little-endian. What only training needs (Adam's moments, the step) is left out.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from reprlib import repr as short
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.backends.file_kinds import HEAD, TEXT, what_else
from latentknobs.errors import ModelError

MANIFEST = "weights_manifest.json"
OLDER = "manifest.json"
_OF_TRAINING = re.compile(r"global_step$|(.*/)?beta[12]_power|.*/Adam(_1)?$")
QUANTISED: Mapping[str, np.dtype[Any]] = {
    "uint8": np.dtype("<u1"),
    "uint16": np.dtype("<u2"),
    "float16": np.dtype("<f2"),
}
PLAIN: np.dtype[Any] = np.dtype("<f4")


@frozen
class Entry:
    """
    One tensor of the manifest.

    Attributes:
        name: As TensorFlow calls it ("encoder/mu/kernel").
        shape: Its shape.
        stored: Type of its numbers in the shards.
        scale: What a quantised number is multiplied by.
        least: What is added then.
    """

    name: str
    shape: tuple[int, ...]
    stored: np.dtype[Any]
    scale: float = 1.0
    least: float = 0.0

    @property
    def size(self) -> int:
        """Its bytes in the shards."""
        return math.prod(self.shape) * self.stored.itemsize

    def values(self, data: bytes) -> NDArray[np.float32]:
        """Its numbers, float32 (*shape)."""
        raw = np.frombuffer(data, dtype=self.stored).reshape(self.shape)
        if self.stored.kind == "f":
            return raw.astype(np.float32)
        return (raw.astype(np.float64) * self.scale + self.least).astype(np.float32)


def read_json(path: Path, what: str) -> Any:
    """
    A JSON file of a checkpoint.

    Raises:
        ModelError: It is missing or no JSON.
    """
    if not path.is_file():
        raise ModelError(
            f"There is no {path}: the folder of a magenta.js checkpoint holds {what}; download the folder whole."
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error}): make it readable.") from error
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        clause = what_else(data[:HEAD])
        if clause in ("", TEXT):
            clause = f"is not JSON ({error}): download it again"
        raise ModelError(f"{path} {clause}.") from error


def read_tensors(folder: Path) -> dict[str, NDArray[np.float32]]:
    """
    The tensors of a checkpoint folder, float32, by name.

    Raises:
        ModelError: The manifest is none, a shard is missing, truncated or too long, a tensor's type is unknown or its
            numbers are not finite; names the file and the tensor.
    """
    path = manifest_of(folder)
    groups = read_json(path, f"{MANIFEST} and the shards that it names")
    if path.name == OLDER:
        groups = _as_groups(groups, path)
    if not isinstance(groups, list) or not all(_is_group(group) for group in groups):
        raise ModelError(f'{path} is no weights manifest: it must be a list of groups with "paths" and "weights".')
    out: dict[str, NDArray[np.float32]] = {}
    for group in groups:
        entries = [_entry(weight, path) for weight in group["weights"]]
        for entry, data in _cut(folder, group["paths"], entries):
            if _OF_TRAINING.match(entry.name):
                continue
            if entry.name in out:
                raise ModelError(f"{path} lists the tensor {entry.name!r} twice: download it again.")
            values = entry.values(data)
            if bad := values.size - int(np.isfinite(values).sum()):
                raise ModelError(
                    f"{folder}: tensor {entry.name!r} must be finite; {bad} of its {values.size} numbers are NaN or "
                    "infinite. Download the shards again; if they are the same, training failed there."
                )
            out[entry.name] = values
    return out


def manifest_of(folder: Path) -> Path:
    """A folder's manifest: the older kind where it alone is there."""
    older = folder / OLDER
    return older if older.is_file() and not (folder / MANIFEST).is_file() else folder / MANIFEST


def is_older(manifest: object) -> bool:
    """Whether it is what deeplearn.js writes: file and shape of each tensor, by name."""
    return (
        isinstance(manifest, dict)
        and bool(manifest)
        and all(isinstance(one, dict) and isinstance(one.get("filename"), str) for one in manifest.values())
    )


def _as_groups(manifest: Any, path: Path) -> list[dict[str, Any]]:
    """The older manifest in the form of the other: a group for each tensor."""
    if not is_older(manifest):
        raise ModelError(
            f'{path} is no manifest of weights: it must give "filename" and "shape" of each tensor by name.'
        )
    return [
        {"paths": [one["filename"]], "weights": [{"name": name, "shape": one.get("shape"), "dtype": "float32"}]}
        for name, one in manifest.items()
        if not _OF_TRAINING.match(name)
    ]


def _is_group(group: object) -> bool:
    if not isinstance(group, dict):
        return False
    paths, weights = group.get("paths"), group.get("weights")
    words = isinstance(paths, list) and bool(paths) and all(isinstance(name, str) for name in paths)
    return words and isinstance(weights, list) and all(isinstance(weight, dict) for weight in weights)


def _entry(weight: Mapping[str, Any], path: Path) -> Entry:
    name, shape, dtype = weight.get("name"), weight.get("shape"), weight.get("dtype")
    if not isinstance(name, str):
        raise ModelError(f"{path} lists a tensor without a name: download it again.")
    whole = isinstance(shape, list) and all(isinstance(n, int) and not isinstance(n, bool) and n >= 0 for n in shape)
    if not isinstance(shape, list) or not whole:
        raise ModelError(f"{path}: the shape of tensor {name!r} must be a list of whole numbers, not {short(shape)}.")
    if dtype != "float32":
        raise ModelError(
            f"{path}: tensor {name!r} has the type {short(dtype)}; float32 is read, plain or quantised: "
            "convert the checkpoint with float32 weights."
        )
    if "quantization" not in weight:
        return Entry(name, tuple(shape), PLAIN)
    told = weight["quantization"]
    kind = told.get("dtype") if isinstance(told, dict) else told
    if not isinstance(kind, str) or kind not in QUANTISED:
        raise ModelError(
            f"{path}: tensor {name!r} is quantised as {short(kind)}; {', '.join(QUANTISED)} are read: "
            "convert the checkpoint again with one of them, or without."
        )
    if kind == "float16":
        return Entry(name, tuple(shape), QUANTISED[kind])
    numbers = [told.get(key) for key in ("scale", "min")]
    if not all(isinstance(n, int | float) and not isinstance(n, bool) and math.isfinite(n) for n in numbers):
        raise ModelError(
            f"{path}: tensor {name!r} is quantised as {kind} and needs finite numbers as its scale and min, "
            f"not {short(numbers[0])} and {short(numbers[1])}: convert the checkpoint again."
        )
    return Entry(name, tuple(shape), QUANTISED[kind], float(told["scale"]), float(told["min"]))


def _cut(folder: Path, shards: list[str], entries: list[Entry]) -> Iterator[tuple[Entry, bytes]]:
    """Each tensor with its bytes."""
    data = b"".join(_shard(folder, name) for name in shards)
    named = shards[0] if len(shards) == 1 else f"{shards[0]} to {shards[-1]}"
    start = 0
    for entry in entries:
        if start + entry.size > len(data):
            raise ModelError(
                f"{folder}: {named} end within tensor {entry.name!r}: {len(data)} bytes are there and the manifest "
                f"asks for {sum(one.size for one in entries)}. A shard is truncated: download the shards again."
            )
        yield entry, data[start : start + entry.size]
        start += entry.size
    if start < len(data):
        last = f" (the last is {entries[-1].name!r})" if entries else ""
        raise ModelError(
            f"{folder}: {named} hold {len(data)} bytes and the manifest's tensors{last} take {start}: the shards are "
            "of another checkpoint than the manifest; download the folder again."
        )


def _shard(folder: Path, name: str) -> bytes:
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ModelError(f"{manifest_of(folder)} names a shard outside its folder, {name!r}: such a file is not read.")
    if not path.is_file():
        raise ModelError(f"The shard {path} is missing: download it into the folder, it holds a part of the weights.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"The shard {path} cannot be read ({error}): make it readable.") from error
    clause = what_else(data[:HEAD])
    # Numbers may begin as any binary file does, and for a while read as text; not as a pointer or a page.
    if clause and clause != TEXT and data[:8].isascii():
        raise ModelError(f"The shard {path} {clause}.")
    return data
