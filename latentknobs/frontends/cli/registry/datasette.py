"""``latentknobs registry datasette``: titles, units and queries for browsing a registry with Datasette."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Annotated

import typer

from latentknobs.core.atomic_write import write_file
from latentknobs.errors import UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import say
from latentknobs.frontends.cli.melody_files import check_target
from latentknobs.registry.store import KnobStore


def datasette(
    ctx: typer.Context,  # noqa: ARG001 - guarded reads it
    file: Annotated[str, typer.Argument(help="The registry that is to be browsed, a file.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.json", help="The file to write.")],
    force: options.Force = False,
) -> None:
    """Write titles, units and queries for 'datasette REGISTRY --metadata OUT.json'."""
    check_target(output, force=force, suffixes=(".json",))
    store = KnobStore.open(file)  # refuses what is no registry, or has older views
    path = store.path
    if not store.exists:
        raise UsageError(f"There is no registry {path}; latentknobs registry datasette browses a file that is there.")
    metadata = json.loads(resources.files("latentknobs.registry").joinpath("datasette.json").read_text("utf-8"))
    of_file = {name: metadata.pop(name) for name in ("tables", "queries")}
    text = json.dumps({**metadata, "databases": {path.stem: of_file}}, indent=1)
    write_file(output, text.encode(), overwrite=force)
    say(f"written to {output}; 'datasette {path} --metadata {output}' shows the registry")
