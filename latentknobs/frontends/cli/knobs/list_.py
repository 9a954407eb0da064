"""``latentknobs knobs list``: the knobs that meet conditions, as a table, JSON or CSV."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from latentknobs.core.query_spec import FILTERS
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.output import as_csv, as_json, knob_table, one_of
from latentknobs.registry.knob_results import COLUMNS


def _with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """The command with an option for each filter of the registry in place of its ``**filters``."""
    first, *others = (
        p for p in inspect.signature(command, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD
    )
    added = []
    for filter_ in FILTERS:
        if filter_.type is bool:
            annotation: Any = Annotated[bool, typer.Option(f"--{filter_.name}", help=filter_.doc)]
        elif filter_.name == "name":
            annotation = Annotated[str | None, typer.Argument(help=filter_.doc, show_default=False)]
        else:
            help_ = f"{filter_.doc[:-1]}; may be repeated." if filter_.several else filter_.doc
            shown = typer.Option(f"--{filter_.name}", metavar=filter_.metavar, help=help_, show_default=False)
            one: Any = list[filter_.type] if filter_.several else filter_.type  # type: ignore[name-defined] # for typer
            annotation = Annotated[one | None, shown]
        default = False if filter_.type is bool else None
        added.append(inspect.Parameter(filter_.name, first.kind, default=default, annotation=annotation))
    command.__signature__ = inspect.Signature([first, *added, *others])  # type: ignore[attr-defined] # what typer reads
    command.__annotations__.update({option.name: option.annotation for option in added})
    return command


@_with_filters
def list_(
    ctx: typer.Context,
    registry: options.Registry = None,
    json: options.Json = False,
    csv: options.Csv = False,
    **filters: Any,
) -> None:
    """List current knobs, of every model, or those that meet every condition."""
    one_of(json, csv)
    with program(ctx).workbench(registry) as workbench:
        given = {name: value for name, value in filters.items() if value not in ("", None)}
        knobs = workbench.knobs(evidence=json, **given)  # JSON has reasons, which evidence tells
        if not knobs:
            others = workbench.registry.page(workbench.query(**{**given, "history": True}), 0, 1).total
            more = f"; {others} of other fits and earlier runs do: add --history" if others else ""
            say(f"No {'current knob meets' if others else 'knob meets'} the conditions{more}.")
    if json:
        as_json([knob.as_dict() for knob in knobs])
    elif csv:
        as_csv(knobs.rows(), COLUMNS)
    else:
        knob_table(knobs)
