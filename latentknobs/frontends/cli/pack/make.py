"""``latentknobs pack KNOB...``: knobs, with all that others need, as a folder or a zip."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say


def make(
    ctx: typer.Context,
    knobs: Annotated[list[str], typer.Argument(metavar="KNOB", help="The knobs' names.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="DIR|ZIP", help="A folder, or a zip by its ending.")
    ],
    licence: Annotated[
        str, typer.Option("--license", help="Of the knobs, as a model card names it: mit, cc-by-4.0, ...")
    ] = "unknown",
    weights: Annotated[
        bool, typer.Option("--weights", help="Put the model's weights in too, if its card's licence allows it.")
    ] = False,
    model: options.Model = DEFAULT_MODEL,
    registry: options.Registry = None,
    force: options.Force = False,
) -> None:
    """Pack knobs for others: operators, evidence, the edits' plugins, a melody before and after, and a README."""
    from latentknobs.packs.pack_files import check_place, write_files
    from latentknobs.packs.pack_writer import make_pack

    check_place(output, overwrite=force)
    with program(ctx).workbench(registry) as workbench:
        files = make_pack(workbench, knobs, model, licence=licence, weights=weights)
    write_files(output, files, overwrite=force)
    size = sum(map(len, files.values()))
    say(f"{', '.join(sorted(set(knobs)))} written to {output}: {len(files)} files, {size:,} bytes")
