"""``latentknobs knobs list``: the knobs that meet conditions, as a table, JSON or CSV."""

from __future__ import annotations

import csv as comma
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Optional

import typer

from latentknobs.core.query_spec import FILTERS
from latentknobs.errors import UsageError
from latentknobs.frontends.cli.context import JsonOption, RegistryOption, guarded, program
from latentknobs.frontends.cli.output import as_json, knob_table

CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV on stdout.")]


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as CSV; the one thing on stdout."""
    writer = comma.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def one_of(json: bool, csv: bool) -> None:
    """Refuse two forms of output at once."""
    if json and csv:
        raise UsageError("The result is printed once: give --json or --csv, not both.")


def _with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each filter of the registry in place of its ``**filters``."""
    first, *others = (p for p in inspect.signature(command).parameters.values() if p.kind is not p.VAR_KEYWORD)
    options = []
    for one in FILTERS:
        if one.type is bool:
            annotation: Any = Annotated[bool, typer.Option(f"--{one.name}", help=one.doc)]
        elif one.name == "name":
            annotation = Annotated[Optional[str], typer.Argument(help=one.doc, show_default=False)]  # noqa: UP045 - typer before 0.16 reads no "| None" inside Annotated
        else:
            shown = typer.Option(f"--{one.name}", metavar=one.metavar, help=one.doc, show_default=False)
            annotation = Annotated[Optional[one.type], shown]  # noqa: UP045 - the same
        default = False if one.type is bool else None
        options.append(inspect.Parameter(one.name, first.kind, default=default, annotation=annotation))
    command.__signature__ = inspect.Signature([first, *options, *others])  # type: ignore[attr-defined] # what typer reads
    command.__annotations__.update({option.name: option.annotation for option in options})
    return command


@guarded
@_with_filters
def list_knobs(
    ctx: typer.Context,
    registry: RegistryOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
    **filters: Any,
) -> None:
    """The current knobs, of every model, or those that meet every condition."""
    from latentknobs.registry.knob_results import COLUMNS

    one_of(json, csv)
    with program(ctx).workbench(registry) as workbench:
        knobs = workbench.knobs(**{name: value for name, value in filters.items() if value != ""})
    if json:
        as_json([knob.as_dict() for knob in knobs])
    elif csv:
        as_csv(knobs.rows(), COLUMNS)
    else:
        knob_table(knobs)
