"""``latentknobs plugins trust``: which plugins of the current folder may run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentknobs.core.paths import LOCAL_PLUGINS
from latentknobs.errors import UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, say
from latentknobs.frontends.cli.output import as_json
from latentknobs.hooks import trust as trust_store


def trust(
    ctx: typer.Context,  # noqa: ARG001 - every command has it
    folder: Annotated[Path, typer.Argument(help="The folder, or one file of it.")] = LOCAL_PLUGINS,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Trust it no longer.")] = False,
    show: Annotated[bool, typer.Option("--list", help="List what is trusted.")] = False,
    json: options.Json = False,
) -> None:
    """Allow the plugins of a folder to run, now and later: they have all your rights."""
    if withdraw and show:
        raise UsageError("--withdraw and --list exclude each other; use one.")
    if withdraw:
        say(f"no longer trusted: {trust_store.withdraw(folder)}")
    elif not show:
        say(f"trusted: {trust_store.trust(folder)}")
    known = [str(path) for path in trust_store.trusted_paths()]
    if json:
        as_json(known)
    elif show:
        for path in known:
            echo(path)
