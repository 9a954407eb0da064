"""``latentknobs knobs list``: the knobs that meet conditions, as a table, JSON or CSV."""

from __future__ import annotations

from typing import Any

import typer

from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.filters import given, with_filters
from latentknobs.frontends.cli.output import as_csv, as_json, knob_table, one_of
from latentknobs.registry.knob_results import COLUMNS


@with_filters()
def list_(
    ctx: typer.Context,
    registry: options.Registry = None,
    json: options.Json = False,
    csv: options.Csv = False,
    **filters: Any,
) -> None:
    """List current knobs, of every model, or those that meet every condition."""
    one_of(json, csv)
    asked = given(filters)
    with program(ctx).workbench(registry) as workbench:
        knobs = workbench.knobs(evidence=json, **asked)  # JSON has reasons, which evidence tells
        if not knobs:
            others = workbench.registry.page(workbench.query(**{**asked, "history": True}), 0, 1).total
            more = f"; {others} of other fits and earlier runs do: add --history" if others else ""
            say(f"No {'current ' if others else ''}knob meets the conditions{more}.")
    if json:
        as_json([knob.as_dict() for knob in knobs])
    elif csv:
        as_csv(knobs.rows(), COLUMNS)
    elif knobs:
        knob_table(knobs)
