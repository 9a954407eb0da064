"""``latentknobs runs list``: the discoveries that are stored."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program
from latentknobs.frontends.cli.output import as_csv, as_json, one_of, table

COLUMNS = (
    "run",
    "model",
    "model_id",
    "augmentation",
    "corpus",
    "seed",
    "version",
    "started",
    "finished",
    "knobs",
    "accepted",
)


def list_(
    ctx: typer.Context,
    model: options.AnyModel = "",
    augmentation: Annotated[str, typer.Option(help="Of this edit.")] = "",
    registry: options.Registry = None,
    json: options.Json = False,
    csv: options.Csv = False,
) -> None:
    """List stored runs, oldest first."""
    one_of(json, csv)
    with program(ctx).workbench(registry) as workbench:
        runs = sorted(workbench.registry.runs(), key=lambda run: run.started)
    rows = [run.as_row() for run in runs if not model or model in (run.spec.model_name, run.spec.model_id)]
    rows = [row for row in rows if not augmentation or row["augmentation"] == augmentation]
    if json:
        as_json(rows)
    elif csv:
        as_csv(rows, COLUMNS)
    else:
        shown = ("run", "model", "augmentation", "corpus", "seed", "finished", "knobs", "accepted")
        table(shown, (["" if row[name] is None else str(row[name]) for name in shown] for row in rows))
