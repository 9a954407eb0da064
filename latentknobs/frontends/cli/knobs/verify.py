"""``latentknobs knobs verify``: stored knobs, measured again."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.analysis import reproduction
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.knob_lookup import stored
from latentknobs.frontends.cli.output import as_json, numbers_table, table


def verify(
    ctx: typer.Context,
    names: options.KnobNames = None,
    of: Annotated[str, typer.Option(help="The model whose knobs are measured.")] = DEFAULT_MODEL,
    model: Annotated[
        str, typer.Option(help="Another model, of the same latent size, to measure them on [their own].")
    ] = "",
    clips: Annotated[
        int | None,
        typer.Option(min=1, help="Number of clips [as many as its run].", show_default=False),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, help="Seed of the songs [that of its run].", show_default=False),
    ] = None,
    registry: options.Registry = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Measure stored knobs again, with their stored operators, by all acceptance criteria; nothing is stored."""
    with program(ctx).workbench(registry, device) as workbench:
        knobs = stored(workbench, of, names)
        results = [reproduction.verify(workbench, knob, model=model or None, clips=clips, seed=seed) for knob in knobs]
    if json:
        as_json([result.as_dict() for result in results])
        return
    table(("knob", "verdict", "again", "survives", "because"), map(_row, results))
    for result in results:
        if result.again is not None:
            echo(f"{result.knob.name}: what was measured, stored and again")
            numbers_table(result.moved, "stored", "again")


def _row(one: reproduction.Verification) -> tuple[str, ...]:
    again = "not measured" if one.again is None else one.again.verdict
    return one.knob.name, one.knob.verdict, again, "yes" if one.survives else "NO", one.reason
