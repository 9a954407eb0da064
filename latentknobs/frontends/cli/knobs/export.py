"""``latentknobs knobs export``: knobs in a file, for another registry."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.atomic_write import write_file
from latentknobs.errors import RegistryError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.knob_lookup import stored
from latentknobs.frontends.cli.melody_files import check_target


def export(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.json", help="The file to write.")],
    names: options.KnobNames = None,
    model: options.AnyModel = DEFAULT_MODEL,
    registry: options.Registry = None,
    force: options.Force = False,
) -> None:
    """Export knobs with their runs and evidence to a file, for another registry."""
    check_target(output, force=force, suffixes=(".json",))
    with program(ctx).workbench(registry) as workbench:
        knobs = stored(workbench, model, names)
        if not knobs:
            raise RegistryError(f"The model {model} has no knob to export: discover one first.")
        text = workbench.registry.export(knobs)
    write_file(output, text.encode(), overwrite=force)
    say(f"{', '.join(knob.name for knob in knobs)} written to {output}")
