"""``latentknobs registry upgrade``: a registry of an older version, brought up to date."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import say
from latentknobs.frontends.cli.output import as_json


def upgrade(
    ctx: typer.Context,  # noqa: ARG001 - guarded reads it
    url: Annotated[str, typer.Argument(help="Registry file or URL.")],
    json: options.Json = False,
) -> None:
    """Upgrade a registry of an older version; a file is backed up first."""
    from latentknobs.registry import migrate
    from latentknobs.registry.addresses import without_password

    backup = migrate.upgrade(url)
    shown = without_password(url)
    if json:
        as_json({"registry": shown, "backup": None if backup is None else str(backup)})
    else:
        say(f"{shown} is up to date" + ("" if backup is None else f"; what it was is kept in {backup}"))
