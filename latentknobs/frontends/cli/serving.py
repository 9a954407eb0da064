"""``latentknobs serve``: starts a front end, ours or a plugin's."""

from __future__ import annotations

import os

import typer

from latentknobs.errors import UnknownNameError
from latentknobs.frontends.cli.program import guarded, program

DEFAULT = "web"
SETTINGS = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}
"""The words after the name are the front end's, --help among them."""


@guarded
def serve(ctx: typer.Context) -> None:
    """Start a front end, serve [NAME] [OPTIONS]: the page in a browser (web), or one that a plugin brings."""
    words = list(ctx.args)
    name = words.pop(0) if words and not words[0].startswith("-") else DEFAULT
    running = program(ctx)
    known = running.plugins.frontends()
    if name not in known:
        raise UnknownNameError("front end", name, known)
    if running.plugins_dir is not None:  # a front end is a program of its own: it reads what the environment says
        os.environ["LATENTKNOBS_PLUGINS_DIR"] = str(running.plugins_dir)
    raise typer.Exit(known[name].serve(words))
