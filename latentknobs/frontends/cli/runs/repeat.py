"""``latentknobs runs repeat``: a discovery, made again."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.analysis import reproduction
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program, say
from latentknobs.frontends.cli.output import as_json, numbers_table, table


def repeat(
    ctx: typer.Context,
    run: options.Run,
    model: Annotated[str, typer.Option(help="Where the run's model is [the name that the run has for it].")] = "",
    fits: Annotated[
        list[str] | None,
        typer.Option("--fit", "--fits", help="Make and judge this fit, or all; may be repeated [those of the run]."),
    ] = None,
    registry: options.Registry = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Repeat a stored run, store the result, and report what differs."""
    with program(ctx).workbench(registry, device) as workbench:
        result = reproduction.repeat(workbench, run, model=model or None, fits=fits or ())
    if json:
        as_json(result.as_dict())
        return
    say(f"Run {run} " + ("gives the same again." if result.same else "does not give the same again."))
    for name, (then, now) in result.parameters.items():
        say(f"{name}: {then} then, {now} now")
    table(
        ("knob", "kind", "fit", "verdict", "operator", "numbers that moved"),
        (
            (
                knob["name"],
                knob["kind"],
                knob["fit"],
                " then ".join(dict.fromkeys(knob["verdict"] or ())),
                "the same" if knob["same_operator"] else "another",
                str(len(knob["moved"])),
            )
            for knob in result.knobs
        ),
    )
    for knob in result.knobs:
        if knob["moved"]:
            echo(f"{knob['name']} ({knob['fit']})")
            numbers_table(knob["moved"], "stored", "again")
