"""``latentknobs registry copy``: a whole registry, from a file to a server or back."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import say
from latentknobs.frontends.cli.output import as_json
from latentknobs.frontends.cli.progress import Bars


def copy(
    ctx: typer.Context,  # noqa: ARG001 - guarded reads it
    source: Annotated[str, typer.Argument(metavar="FROM", help="Registry file or URL.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="Registry file or URL; empty, or not there yet.")],
    json: options.Json = False,
) -> None:
    """Copy a whole registry into an empty one, and compare every row."""
    from latentknobs.registry import copying
    from latentknobs.registry.addresses import without_password

    with Bars() as bars:
        rows = copying.copy(source, target, progress=bars)
    there = without_password(target)
    if json:
        as_json({"from": without_password(source), "to": there, "rows": rows})
    else:
        say(f"{rows['run']} runs with {rows['knob']} knobs are in {there}; every row was compared")
