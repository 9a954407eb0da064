"""``latentknobs knobs list``: the knobs that meet conditions, as a table, JSON or CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from latentknobs.core.knob_rows import PART_COLUMNS
from latentknobs.core.query_spec import KnobQuery
from latentknobs.errors import UnknownNameError, UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.filters import given, with_filters
from latentknobs.frontends.cli.output import as_csv, as_json, cell, knob_table, one_of, table
from latentknobs.registry.knob_results import COLUMNS


@with_filters()
def list_(
    ctx: typer.Context,
    registry: options.Registry = None,
    rows: Annotated[
        str,
        typer.Option(metavar="PART", help=f"Rows of another view: {', '.join(PART_COLUMNS)}; --limit counts them."),
    ] = "",
    only: Annotated[
        str, typer.Option(metavar="CONDITION", help="Only rows that meet this condition on their columns.")
    ] = "",
    show: Annotated[
        list[str] | None,
        typer.Option(help="Also this column, as in --where (equivariance@3); may be repeated.", show_default=False),
    ] = None,
    json: options.Json = False,
    csv: options.Csv = False,
    **filters: Any,
) -> None:
    """List current knobs, of every model, or those that meet every condition."""
    one_of(json, csv)
    if rows and rows not in PART_COLUMNS:
        raise UnknownNameError("part", rows, PART_COLUMNS)
    if only and not rows:
        raise UsageError("A condition on rows needs rows: add --rows effects, or ask for knobs with --where.")
    asked = given(filters)
    # JSON has the dimensions anyway, and CSV the columns of the API's.
    shares = [f"share of {asked['uses']}"] if "uses" in asked and not (json or csv) else []
    numbers = tuple(dict.fromkeys([*shares, *(show or ())]))
    # Rows are counted after their own condition.
    most = KnobQuery(limit=asked.pop("limit", None)).limit if rows else None
    with program(ctx).workbench(registry) as workbench:
        # JSON has reasons, which evidence tells.
        knobs = workbench.knobs(evidence=json or bool(rows or numbers), **asked)
        if not knobs:
            others = workbench.registry.page(workbench.query(**{**asked, "history": True}), 0, 1).total
            more = f"; {others} of other fits and earlier runs do: add --history" if others else ""
            say(f"No {'current ' if others else ''}knob meets the conditions{more}.")
        formats = workbench.models.format_names({knob.model_name for knob in knobs})
    if rows:
        parts = next(knobs.parts(part) for part in PART_COLUMNS if part == rows)
        parts = parts.only(only) if only else parts
        if knobs and not parts:
            say("No row meets the conditions.")
        _print(parts.rows()[:most], parts.columns, parts.shown, json=json, csv=csv)
        return
    more_columns = {name: knobs.values(name) for name in numbers}
    if json:
        # What a knob has as a list (tags, dimensions) stays one.
        as_json(
            [
                {n: v[i] for n, v in more_columns.items()} | knob.as_dict() | {"format": formats.get(knob.model_name)}
                for i, knob in enumerate(knobs)
            ]
        )
    elif csv or numbers:
        flat = [
            row | {n: v[i] for n, v in more_columns.items()} | {"format": formats.get(row["model"]) or ""}
            for i, row in enumerate(knobs.rows())
        ]
        columns, shown = (
            tuple(dict.fromkeys([*own, *numbers]))
            for own in ((*COLUMNS, "format"), ("name", "verdict", "fit", "model"))
        )
        _print(flat, columns, shown, json=False, csv=csv)
    elif knobs:
        knob_table(knobs, first=asked.get("moves"), formats=formats)


def _print(
    rows: Sequence[Mapping[str, Any]], columns: Sequence[str], shown: Sequence[str], *, json: bool, csv: bool
) -> None:
    if json:
        as_json(rows)
    elif csv:
        as_csv(rows, columns)
    elif rows:
        table(shown, ([cell(row[name]) for name in shown] for row in rows))
