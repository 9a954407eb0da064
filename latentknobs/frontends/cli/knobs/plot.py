"""``latentknobs knobs plot``: what was measured of knobs, as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.knob_lookup import stored
from latentknobs.frontends.cli.melody_files import check_target
from latentknobs.plots.knob_picture import FIGURES, MOST_PANELS, knob_picture


def plot(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(help=f"{options.KNOB_AT[:-1]} [all of the model].", show_default=False),
    ] = None,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Picture to write, .png or .svg.")
    ] = Path("knobs.png"),
    figure: Annotated[
        list[str] | None,
        typer.Option(
            help=f"{', '.join(FIGURES)}; may be repeated [all; effects of more than {MOST_PANELS} knobs].",
            show_default=False,
        ),
    ] = None,
    model: options.AnyModel = DEFAULT_MODEL,
    registry: options.Registry = None,
    force: options.Force = False,
) -> None:
    """Draw the response, criteria by amount, dimensions by share, and effects of knobs."""
    check_target(output, force=force, suffixes=(".png", ".svg"))
    with program(ctx).workbench(registry) as workbench:
        knobs = stored(workbench, model, names)
    knob_picture(knobs, figure or ()).save(output, overwrite=force)
    say(f"written to {output}")
