"""``latentknobs pack check``: what a pack holds, and whether it is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.output import as_json, knob_table
from latentknobs.packs.adding import check_weights, model_here
from latentknobs.packs.pack_files import visible
from latentknobs.packs.pack_reader import Pack, read_pack

FIRST_LINES = 40
"""Lines of a source that are shown where not all of it is asked for."""


def check(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="The pack's folder or zip.")],
    source: Annotated[bool, typer.Option("--source", help="Print all source of its plugins.")] = False,
    json: options.Json = False,
) -> None:
    """Check a pack: names, sizes, hashes, knobs and operators; nothing is stored, and no code of it is run."""
    with program(ctx).workbench() as workbench:
        pack = read_pack(path)
        check_weights(workbench, pack)
        model = model_here(workbench, pack, program(ctx).places())
    if json:
        as_json(pack_facts(pack, model))
    else:
        show_pack(pack, model, lines=None if source else FIRST_LINES)
        echo(f"{pack.where} is whole: {len(pack.files)} files.")


def pack_facts(pack: Pack, model: str | None) -> dict[str, Any]:
    """What ``--json`` prints of a pack; ``model`` is what ``--model`` is given for its knobs, None = not here."""
    manifest = pack.manifest
    return {
        "knobs": [knob.as_dict() for knob in pack.knobs],
        "license": manifest.license,
        "model": {"name": manifest.model.name, "model_id": manifest.model.model_id, "here": model},
        "plugins": [
            {"path": one.path, "augmentations": list(one.augmentations), "size": stated.size, "sha256": stated.sha256}
            for one in manifest.plugins
            for stated in [manifest.files[one.path]]
        ],
        "requires": list(manifest.requires),
    }


def show_pack(pack: Pack, model: str | None, *, lines: int | None) -> None:
    """Print what a pack holds, and so many lines of its plugins' source (None = all)."""
    manifest = pack.manifest
    knob_table(pack.knobs)
    name = f"{manifest.model.name} ({manifest.model.model_id[:12]})"
    here = "is not here: get its weights from the pack's author" if model is None else f"is here: --model {model}"
    if model is None and manifest.model.weights:
        here = f"comes with the pack: {manifest.model.weights}"
    echo(f"The model {name} {here}.")
    for one in manifest.requires:
        echo(f"Needs the plugin {one}, which is installed with pip.")
    for plugin in manifest.plugins:
        stated = manifest.files[plugin.path]
        echo("")
        echo(f"CODE {plugin.path} ({', '.join(plugin.augmentations)}): {stated.size:,} bytes")
        echo(f"sha256 {stated.sha256}")
        text = visible(pack.source(plugin), keep="\n\t").split("\n")
        for number, line in enumerate(text[:lines], start=1):
            echo(f"{number:4}  {line}")
        if lines is not None and len(text) > lines:
            echo(f"... and {len(text) - lines} lines more: latentknobs pack check {pack.where} --source")
