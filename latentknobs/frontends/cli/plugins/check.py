"""``latentknobs plugins check``: whether a plugin keeps its promises."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentknobs.errors import PluginError, UsageError
from latentknobs.frontends.cli import options, plugin_check
from latentknobs.frontends.cli.context import guarded, program
from latentknobs.frontends.cli.output import as_json
from latentknobs.frontends.cli.plugin_check import TIME_LIMIT, failures, summary


@guarded
def check(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A plugin's name, or its file (FILE.py).")],
    seconds: Annotated[float, typer.Option(min=1.0, help="Time limit for all checks.")] = TIME_LIMIT,
    json: options.Json = False,
) -> None:
    """Whether a plugin keeps its promises; it runs in a process of its own, with a time limit."""
    if target.endswith(".py") and not Path(target).is_file():
        raise UsageError(f"There is no file {target}; name a plugin's file, or a plugin as plugins list has it.")
    found = plugin_check.check(target, plugins_dir=program(ctx).plugins_dir, seconds=seconds)
    failed = failures(found)
    if json:
        as_json([{"name": one.name, "state": one.state, "message": one.message} for one in found])
    else:
        for one in found:
            if one.state != "passed":
                typer.echo(f"{one.state}: {one.name}: {one.message}")
        typer.echo(f"{target}: {summary(found)}")
    if failed:
        raise PluginError(f"{target} fails {len(failed)} of {len(found)} checks.")
