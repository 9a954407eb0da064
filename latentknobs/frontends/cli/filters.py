"""The filters of the registry as options of a command."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import typer

from latentknobs.core.query_spec import FILTERS, Filter
from latentknobs.errors import UsageError


def with_filters(
    filters: Iterable[Filter] = FILTERS, docs: Mapping[str, str] | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """
    The command with an option for each filter in place of its ``**filters``.

    Args:
        filters: Those that it has.
        docs: Other help than the filters' own, by name.
    """

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        first, *others = (
            p for p in inspect.signature(command, eval_str=True).parameters.values() if p.kind is not p.VAR_KEYWORD
        )
        added = [_option(one, (docs or {}).get(one.name, one.doc), first.kind) for one in filters]
        command.__signature__ = inspect.Signature([first, *added, *others])  # type: ignore[attr-defined] # for typer
        command.__annotations__.update({option.name: option.annotation for option in added})
        return command

    return decorated


def _option(one: Filter, doc: str, kind: Any) -> inspect.Parameter:
    if one.type is bool:
        annotation: Any = Annotated[bool, typer.Option(f"--{one.name}", help=doc)]
    elif one.name == "name":
        annotation = Annotated[str | None, typer.Argument(help=doc, show_default=False)]
    else:
        help_ = f"{doc[:-1]}; may be repeated." if one.several else doc
        metavar = one.metavar or (None if one.several else f"<{one.type.__name__}>")
        shown = typer.Option(f"--{one.name}", metavar=metavar, help=help_, show_default=False)
        # A list also where one value is wanted: else the last of several would be taken, unsaid.
        annotation = Annotated[list[one.type] | None, shown]  # type: ignore[name-defined] # a value, for typer
    return inspect.Parameter(one.name, kind, default=False if one.type is bool else None, annotation=annotation)


def given(filters: Mapping[str, Any]) -> dict[str, Any]:
    """
    The filters that were given.

    Raises:
        UsageError: One that takes a single value was given several.
    """
    single = {one.name for one in FILTERS if not one.several}
    out = {}
    for name, values in filters.items():
        value = values
        if name in single and isinstance(values, list):
            if len(values) > 1:
                raise UsageError(f"--{name} takes one value, not {len(values)}: give it once.")
            value = values[0] if values else None
        if value not in ("", None, []):
            out[name] = value
    return out
