"""``latentknobs knobs transfer``: which knobs of one model another has too."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from latentknobs.analysis import knob_transfer
from latentknobs.errors import UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.knob_lookup import stored
from latentknobs.frontends.cli.output import as_json, table

COLUMNS = ("knob", "model", "verdict", "fit", "range", "dimensions", "equivariance", "least", "slope", "R2")


def transfer(
    ctx: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help="The model whose knobs are looked for: name, hash or path.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The model in which they are: name, path or KIND:LOCATION.")],
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Knobs of A [all].", show_default=False),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Store the knobs found in B.")] = False,
    registry: options.Registry = None,
    device: options.Device = "auto",
    json: options.Json = False,
) -> None:
    """Repeat the discoveries of model A on model B and compare the knobs side by side."""
    with program(ctx).workbench(registry, device) as workbench:
        knobs = stored(workbench, a, names)
        if not knobs:
            raise UsageError(f"The model {a} has no knobs in the registry: find some with 'latentknobs discover'.")
        results = [result.as_dict() for result in knob_transfer.transfer(workbench, knobs, b, keep=keep)]
    if json:
        as_json(results)
        return
    table(COLUMNS, (_row(result["name"], side) for result in results for side in (result["a"], result["b"]) if side))
    for result in results:
        echo(f"{result['name']}: {result['why'] or ('in both' if result['exists'] else f'not in {b}')}")


def _row(name: str, side: dict[str, Any]) -> tuple[str, ...]:
    span = f"{side['low']:+g} to {side['high']:+g} {side['unit']}".rstrip()
    numbers = (side[key] for key in ("equivariance", "least_equivariance", "slope", "r2"))
    shown = ("" if number is None else f"{number:.3f}" for number in numbers)
    return (name, side["model"], side["verdict"], side["fit"], span, str(side["dimensions"]), *shown)
