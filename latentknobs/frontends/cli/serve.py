"""``latentknobs serve``: starts a front end, ours or a plugin's."""

from __future__ import annotations

import os

import typer

from latentknobs.errors import UnknownNameError
from latentknobs.frontends.cli.context import program

DEFAULT = "web"


def serve(ctx: typer.Context) -> None:
    """
    Start a front end: the page in a browser (web), or one that a plugin brings.

    serve [NAME] [ITS OPTIONS]; the page's are shown by serve web --help.
    """
    words = list(ctx.args)
    name = words.pop(0) if words and not words[0].startswith("-") else DEFAULT
    context = program(ctx)
    known = context.plugins.frontends()
    if name not in known:
        raise UnknownNameError("front end", name, known)
    if context.plugins_dir is not None:  # a front end is a program of its own: it reads what the environment says
        os.environ["LATENTKNOBS_PLUGINS_DIR"] = str(context.plugins_dir)
    raise typer.Exit(known[name].serve(words))
