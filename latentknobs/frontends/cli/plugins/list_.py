"""``latentknobs plugins list``: the plugins, and what became of them."""

from __future__ import annotations

import typer
from attrs import asdict

from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program
from latentknobs.frontends.cli.output import as_json, table


def list_(ctx: typer.Context, json: options.Json = False) -> None:
    """List all plugins: loaded, skipped, failed or disabled, and why."""
    reports = program(ctx).plugins.reports()
    if json:
        as_json([asdict(report) for report in reports])
        return
    table(
        ("plugin", "state", "origin", "version", "hooks", "reason"),
        ((r.name, r.state, r.origin, r.version or "", ", ".join(r.hooks), r.error or "") for r in reports),
    )
