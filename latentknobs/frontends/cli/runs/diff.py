"""``latentknobs runs diff``: two discoveries side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.analysis.run_comparison import ROW, compare_runs
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.output import as_json, table


def diff(
    ctx: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help="Run ID, as printed by runs list.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other.")],
    registry: options.Registry = None,
    json: options.Json = False,
) -> None:
    """What differs between two runs: settings, counts, verdicts, dimensions and effects, and what explains it."""
    with program(ctx).workbench(registry) as workbench:
        result = compare_runs(a, b, workbench)
    if json:
        as_json(result.as_dict())
        return
    for title, pairs in (("settings that differ", result.settings), ("counts that differ", result.counts)):
        if pairs:
            table(
                ("", f"A {result.a.run_id}", f"B {result.b.run_id}"),
                ((n, *map(_shown, pair)) for n, pair in pairs.items()),
                title,
            )
    table(ROW, result.rows(), "knobs (A then B where they differ)")
    for sentence in result.explained:
        echo(sentence)


def _shown(value: object) -> str:
    return "" if value is None else str(value)
