"""``latentknobs knobs import``: the knobs of an exported file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentknobs.errors import RegistryError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program
from latentknobs.frontends.cli.output import as_json, table

COLUMNS = ("name", "model_id", "verdict", "outcome", "why")


def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="IN.json", help="A file of knobs export.")],
    conflict: options.OnConflict = "refuse",
    registry: options.Registry = None,
    json: options.Json = False,
) -> None:
    """Import the knobs of a file; name conflicts are reported."""
    with program(ctx).workbench(registry) as workbench:
        text = _text(file)
        outcomes = workbench.registry.take(text, str(file), conflict=conflict)  # type: ignore[arg-type] # it is checked there
    if json:
        as_json([{name: getattr(one, name) for name in COLUMNS} for one in outcomes])
    else:
        table(
            ("knob", "verdict", "what became of it", "because"),
            ((one.name, one.verdict, one.outcome, one.why) for one in outcomes),
        )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise RegistryError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeError as error:
        raise RegistryError(f"{file} is no file of knobs that can be imported: it is no UTF-8 text.") from error
