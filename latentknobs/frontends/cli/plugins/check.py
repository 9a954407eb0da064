"""``latentknobs plugins check``: whether a plugin keeps its promises."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from attrs import asdict

from latentknobs.errors import PluginError, UsageError
from latentknobs.frontends.cli import options, plugin_check
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.output import as_json
from latentknobs.frontends.cli.plugin_check import TIME_LIMIT, failures, summary


def check(
    ctx: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="[NAME|FILE]", help="A plugin's name, or its file (FILE.py) [the model's plugin].")
    ] = "",
    model: Annotated[
        str,
        typer.Option(metavar="BACKEND:FILE", help="Also check the model that the plugin's backend loads from FILE."),
    ] = "",
    seconds: Annotated[float, typer.Option(min=1.0, help="Time limit for all checks.")] = TIME_LIMIT,
    json: options.Json = False,
) -> None:
    """Check that a plugin meets its contract, in a separate process with a time limit."""
    if target.endswith(".py") and not Path(target).is_file():
        raise UsageError(f"There is no file {target}; name a plugin's file, or a plugin as plugins list has it.")
    backend, _, location = model.partition(":")
    if model and not (backend and location):
        raise UsageError(f"--model names a backend and a file (mine:weights.pt), not {model!r}.")
    if not target and not model:
        raise UsageError("Name a plugin or its file, or a model (--model mine:weights.pt).")
    outcomes = plugin_check.check(target, model, plugins_dir=program(ctx).plugins_dir, seconds=seconds)
    target = target or model
    failed = failures(outcomes)
    if json:
        as_json([asdict(outcome) for outcome in outcomes])
    else:
        for outcome in outcomes:
            if outcome.state != "passed":
                echo(f"{outcome.state}: {outcome.name}: {outcome.message}")
        echo(f"{target}: {summary(outcomes)}")
    if failed:
        raise PluginError(f"{target} fails {len(failed)} of {len(outcomes)} checks.")
