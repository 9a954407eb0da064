"""A pack as values: everything of it is checked, and none of its code is run."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

import numpy as np
from attrs import frozen
from safetensors import SafetensorError
from safetensors.numpy import load

from latentknobs.core.knob import Knob
from latentknobs.errors import PackError, RegistryError
from latentknobs.hooks.plugin_discovery import API_LINE
from latentknobs.packs.manifest import Manifest, PackedKnob, PackedPlugin, read_manifest
from latentknobs.packs.pack_files import MANIFEST, read_files, visible
from latentknobs.registry import import_export, serialization


@frozen(eq=False)
class Pack:
    """
    A pack that has been read and checked.

    Attributes:
        where: Its folder or zip, for messages.
        manifest: What it says of itself.
        files: All its files by name.
        knobs: Its knobs with their operators, by the names that mean them.
        exchange: The same as a registry imports them, an exchange file of version 3.
    """

    where: str
    manifest: Manifest
    files: Mapping[str, bytes]
    knobs: tuple[Knob, ...]
    exchange: str

    def source(self, plugin: PackedPlugin) -> str:
        """The source of one of its plugins; it is UTF-8."""
        return self.files[plugin.path].decode()


def read_pack(path: Path) -> Pack:
    """
    Read a pack and check all of it: names, sizes, hashes, the manifest, the knobs and their operators.

    Args:
        path: Its folder or zip.

    Raises:
        PackError: The first thing that is wrong.
    """
    return pack_of(read_files(path), visible(str(path)))


def pack_of(files: Mapping[str, bytes], where: str) -> Pack:
    """The pack of these files by name; ``where`` is what messages call it, and errors are as above."""
    if MANIFEST not in files:
        raise PackError(f"{where} is no pack: it has no {MANIFEST} at its top.")
    manifest = read_manifest(files[MANIFEST], where)
    manifest.check_files(files, where)
    for plugin in manifest.plugins:
        _check_plugin(plugin, files[plugin.path])
    exchange = _exchange(manifest, files)
    try:
        knobs = import_export.knobs_in(exchange, where)
    except RegistryError as error:
        raise PackError(str(error)) from error
    for knob in knobs:
        size, model = knob.require_operator().size, manifest.model
        if (knob.model_id, size) != (model.model_id, model.latent_size):
            raise PackError(
                f"The knob {knob.name} of {where} is of another model than the pack's: {knob.model_id[:12]} with "
                f"{size} dimensions, not {model.model_id[:12]} with {model.latent_size}."
            )
    return Pack(where, manifest, files, knobs, exchange)


def _check_plugin(plugin: PackedPlugin, data: bytes) -> None:
    name = PurePosixPath(plugin.path).name
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise PackError(f"The plugin {name} of the pack is no UTF-8 text.") from error
    if API_LINE.search(text) is None or "\0" in text:
        raise PackError(f"The plugin {name} of the pack has no line that says LATENTKNOBS_API, so it is no plugin.")


def _exchange(manifest: Manifest, files: Mapping[str, bytes]) -> str:
    """The exchange file that a pack stands for."""
    knobs = [
        {"run": one.run, "position": one.position, "name": one.name, "operator": _arrays(one, files[one.operator])}
        for one in manifest.knobs
    ]
    head = {"format": "latentknobs-knobs", "version": 3, "latentknobs": manifest.latentknobs}
    return json.dumps({**head, "runs": list(manifest.runs), "knobs": knobs})


def _arrays(knob: PackedKnob, data: bytes) -> dict[str, dict[str, object]]:
    try:
        arrays = load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:  # what it raises of types that numpy lacks
        reason = visible(str(error)[:200].rstrip("."))
        raise PackError(f"{knob.operator} of the pack is no whole safetensors file: {reason}.") from error
    out: dict[str, dict[str, object]] = {}
    for name, array in sorted(arrays.items()):
        if array.dtype != np.float32:
            raise PackError(
                f"{knob.operator} of the pack has numbers of type {array.dtype}; an operator's are float32."
            )
        values = base64.b64encode(array.astype("<f4").tobytes()).decode()
        out[name] = {"shape": list(array.shape), "packing": serialization.PLAIN, "data": values}
    return out
