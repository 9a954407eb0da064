"""Commands that plugins bring: a CommandSpec becomes a command of the command line."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import typer

from latentknobs.core.frontend_specs import CommandSpec, Param
from latentknobs.errors import PluginError
from latentknobs.frontends.cli.context import program

TYPES = (str, int, float, bool, Path)


def as_command(spec: CommandSpec) -> Callable[..., None]:
    """
    A function for typer that runs the spec on a workbench and prints what it returns.

    A parameter without a default becomes an argument, one with a default an option; ``Param`` gives its help.

    Raises:
        PluginError: The function takes no host, or a parameter of a kind or type that the command line cannot read.
    """
    words = " ".join(spec.path)
    try:
        _host, *own = inspect.signature(spec.run).parameters.values()
        hints = get_type_hints(spec.run, include_extras=True)
    except (TypeError, ValueError, NameError) as error:
        raise PluginError(f"The command {words!r} cannot be read: it is run as run(host, ...), {error}.") from error
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD, p.POSITIONAL_ONLY) for p in own):
        raise PluginError(f"The command {words!r} has a parameter without a name of its own; name each one.")
    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=typer.Context)
    parameters = [context, *(_parameter(spec, p, hints.get(p.name, str)) for p in own)]

    def run(ctx: typer.Context, **values: Any) -> None:
        with program(ctx).workbench() as workbench:
            result = spec.run(workbench, **values)
        if result is not None:
            from latentknobs.frontends.cli.output import as_json

            as_json(result)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # read by inspect.signature
    run.__annotations__ = {p.name: p.annotation for p in parameters}
    run.__doc__ = spec.help
    return run


def _parameter(spec: CommandSpec, parameter: inspect.Parameter, hint: Any) -> inspect.Parameter:
    param = Param("")
    if get_origin(hint) is Annotated:
        hint, *extras = get_args(hint)
        param = next((extra for extra in extras if isinstance(extra, Param)), param)
    if not _readable(hint):
        raise PluginError(
            f"The command {' '.join(spec.path)!r} has a parameter {parameter.name!r} of type {hint}; "
            f"a command's parameters are {', '.join(t.__name__ for t in TYPES)}, each maybe with '| None'."
        )
    if parameter.default is inspect.Parameter.empty:
        return _keyword(parameter.name, Annotated[hint, typer.Argument(help=param.help, show_default=False)])
    shown = parameter.default is not None and parameter.default != ""
    option = f"--{parameter.name.replace('_', '-')}"
    info = typer.Option(
        f"{option}/--no-{option[2:]}" if parameter.default is True else option,
        *filter(None, [param.short]),
        help=param.help,
        show_default=shown,
    )
    return _keyword(parameter.name, Annotated[hint, info], parameter.default)


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _readable(hint: Any) -> bool:
    if get_origin(hint) in (Union, types.UnionType):
        rest = [t for t in get_args(hint) if t is not type(None)]
        return len(rest) == 1 and rest[0] in TYPES
    return hint in TYPES
