"""``latentknobs plugins``: which plugins there are and what became of them."""

from __future__ import annotations

import typer

from latentknobs.frontends.cli.program import JsonOption, guarded, program
from latentknobs.frontends.cli.show import as_json, table

group = typer.Typer(no_args_is_help=True, help="Look at the plugins.")


@group.command("list")
@guarded
def list_(ctx: typer.Context, json: JsonOption = False) -> None:
    """Every plugin: loaded, skipped, failed or disabled, and why."""
    reports = program(ctx).plugins.reports()
    if json:
        as_json([report.as_dict() for report in reports])
        return
    table(
        ("plugin", "state", "origin", "version", "hooks", "reason"),
        ((r.name, r.state, r.origin, r.version or "", ", ".join(r.hooks), r.error or "") for r in reports),
    )
