"""``latentknobs knobs tag``: a knob's tags."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.output import as_json


def tag(
    ctx: typer.Context,
    name: options.KnobName,
    tags: Annotated[
        list[str] | None,
        typer.Argument(help="Tags to add.", show_default=False),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option("--remove", help="Tag to remove; may be repeated.", show_default=False),
    ] = None,
    model: options.AnyModel = DEFAULT_MODEL,
    registry: options.Registry = None,
    json: options.Json = False,
) -> None:
    """Add or remove tags of a knob; without either, print its tags."""
    with program(ctx).workbench(registry) as workbench:
        knob = workbench.knob(name, model)
        if tags or remove:
            workbench.registry.change_tags(knob.model_id, name, add=tags or (), remove=remove or ())
            knob = workbench.knob(name, model)
    if json:
        as_json({"name": name, "tags": sorted(knob.tags)})
    else:
        for word in sorted(knob.tags):
            echo(word)
