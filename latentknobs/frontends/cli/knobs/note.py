"""``latentknobs knobs note``: the note on a knob."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.output import as_json


def note(
    ctx: typer.Context,
    name: options.KnobName,
    text: Annotated[
        str | None,
        typer.Argument(help='The new note; "" removes it.', show_default=False),
    ] = None,
    model: options.AnyModel = DEFAULT_MODEL,
    registry: options.Registry = None,
    json: options.Json = False,
) -> None:
    """Write a note on a knob; without a text, print its note."""
    with program(ctx).workbench(registry) as workbench:
        knob = workbench.knob(name, model)
        if text is not None:
            workbench.registry.write_note(knob.model_id, name, text)
    written = knob.note if text is None else text
    if json:
        as_json({"name": name, "note": written})
    elif written:
        echo(written)
