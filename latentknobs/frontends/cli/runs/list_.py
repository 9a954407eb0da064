"""``latentknobs runs list``: the discoveries that are stored."""

from __future__ import annotations

from typing import Any

import typer

from latentknobs.core.query_spec import FILTERS, RUN_FILTERS
from latentknobs.core.run import RUN_COLUMNS
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.filters import given, with_filters
from latentknobs.frontends.cli.output import as_csv, as_json, one_of, table
from latentknobs.registry.knob_results import Runs

DOCS = {
    "augmentation": "Of this edit; none = without one.",
    "corpus": "On this corpus.",
    "seed": "With this seed.",
    "plugin": "That used this plugin, NAME or NAME@VERSION.",
    "since": "Ended on this day or later.",
    "until": "Ended on this day or before.",
}


@with_filters([one for one in FILTERS if one.name in RUN_FILTERS], DOCS)
def list_(
    ctx: typer.Context,
    registry: options.Registry = None,
    json: options.Json = False,
    csv: options.Csv = False,
    **filters: Any,
) -> None:
    """List stored runs, oldest first."""
    one_of(json, csv)
    with program(ctx).workbench(registry) as workbench:
        runs = workbench.runs(**given(filters))
    if not runs:
        say("No run meets the conditions.")
    if json:
        as_json(runs.rows())
    elif csv:
        as_csv(runs.rows(), RUN_COLUMNS)
    elif runs:
        shown = Runs.shown
        table(shown, (["" if row[name] is None else str(row[name]) for name in shown] for row in runs.rows()))
