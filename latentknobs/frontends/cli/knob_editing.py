"""``latentknobs knobs tag``, ``note``, ``rename``, ``delete``, ``export`` and ``import``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Optional

import typer

from latentknobs.core.atomic_write import write_file
from latentknobs.core.knob import Knob
from latentknobs.errors import RegistryError
from latentknobs.frontends.cli.context import MODEL, ForceOption, JsonOption, RegistryOption, guarded, program, say
from latentknobs.frontends.cli.knob_lookup import AnyModelOption, named, stored
from latentknobs.frontends.cli.melody_files import check_target
from latentknobs.frontends.cli.output import as_json, table
from latentknobs.workbench import Workbench

NameArgument = Annotated[str, typer.Argument(help="The knob's name.")]


def _knob(workbench: Workbench, name: str, model: str) -> Knob:
    return named(stored(workbench, model), name, model)


@guarded
def tag(
    ctx: typer.Context,
    name: NameArgument,
    tags: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer before 0.16 reads no "| None" inside Annotated
        typer.Argument(help="Words to give it.", show_default=False),
    ] = None,
    remove: Annotated[
        Optional[list[str]],  # noqa: UP045 - the same
        typer.Option("--remove", help="A word to take from it; may be given several times.", show_default=False),
    ] = None,
    model: AnyModelOption = MODEL,
    registry: RegistryOption = None,
    json: JsonOption = False,
) -> None:
    """Give a knob tags, or take them from it; without either, print those that it has."""
    with program(ctx).workbench(registry) as workbench:
        knob = _knob(workbench, name, model)
        if tags or remove:
            workbench.registry.change_tags(knob.model_id, name, add=tags or (), remove=remove or ())
            knob = _knob(workbench, name, model)
    if json:
        as_json({"name": name, "tags": sorted(knob.tags)})
    else:
        for word in sorted(knob.tags):
            typer.echo(word)


@guarded
def note(
    ctx: typer.Context,
    name: NameArgument,
    text: Annotated[
        Optional[str],  # noqa: UP045 - the same
        typer.Argument(help='What to write in place of what is there; "" takes it away.', show_default=False),
    ] = None,
    model: AnyModelOption = MODEL,
    registry: RegistryOption = None,
    json: JsonOption = False,
) -> None:
    """Write a note on a knob; without a text, print the one that it has."""
    with program(ctx).workbench(registry) as workbench:
        knob = _knob(workbench, name, model)
        if text is not None:
            workbench.registry.write_note(knob.model_id, name, text)
    written = knob.note if text is None else text
    if json:
        as_json({"name": name, "note": written})
    elif written:
        typer.echo(written)


@guarded
def rename(
    ctx: typer.Context,
    name: NameArgument,
    new: Annotated[str, typer.Argument(help="The name that it is to have.")],
    model: AnyModelOption = MODEL,
    registry: RegistryOption = None,
) -> None:
    """Call a knob by another name; its run goes on calling it as it did."""
    with program(ctx).workbench(registry) as workbench:
        workbench.registry.rename(_knob(workbench, name, model).model_id, name, new)
    say(f"{name} is now called {new}")


@guarded
def delete(
    ctx: typer.Context,
    name: NameArgument,
    model: AnyModelOption = MODEL,
    registry: RegistryOption = None,
) -> None:
    """Forget a knob; its run keeps the evidence, and repeating that brings the knob back."""
    with program(ctx).workbench(registry) as workbench:
        knob = _knob(workbench, name, model)
        workbench.registry.delete(knob.model_id, name)
    say(f"{name} is deleted; 'latentknobs runs repeat {knob.run_id}' finds it again")


@guarded
def export(
    ctx: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", metavar="OUT.json", help="The file to write.")],
    names: Annotated[
        Optional[list[str]],  # noqa: UP045 - the same
        typer.Argument(help="Knobs [all of the model].", show_default=False),
    ] = None,
    model: AnyModelOption = MODEL,
    registry: RegistryOption = None,
    force: ForceOption = False,
) -> None:
    """Write knobs into one file, with their runs and all evidence, for another registry."""
    check_target(output, force=force, suffixes=(".json",))
    with program(ctx).workbench(registry) as workbench:
        knobs = stored(workbench, model)
        if names:
            knobs = tuple(named(knobs, name, model) for name in dict.fromkeys(names))
        if not knobs:
            raise RegistryError(f"The model {model} has no knob to export: discover one first.")
        text = workbench.registry.export(knobs)
    write_file(output, text.encode(), overwrite=force)
    say(f"{', '.join(knob.name for knob in knobs)} written to {output}")


@guarded
def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="IN.json", help="A file of knobs export.")],
    conflict: Annotated[
        str, typer.Option(help="Where a name means another knob: refuse all, keep that one, or replace it.")
    ] = "refuse",
    registry: RegistryOption = None,
    json: JsonOption = False,
) -> None:
    """Store the knobs of a file; every name that means another knob is said."""
    with program(ctx).workbench(registry) as workbench:
        text = _text(file)
        found = workbench.registry.take(text, str(file), conflict=conflict)  # type: ignore[arg-type] # it is checked there
    if json:
        as_json([_facts(one) for one in found])
    else:
        table(
            ("knob", "verdict", "what became of it", "because"),
            ((one.name, one.verdict, one.outcome, one.why) for one in found),
        )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise RegistryError(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeError as error:
        raise RegistryError(f"{file} is no file of knobs that can be imported: it is no UTF-8 text.") from error


def _facts(one: Any) -> dict[str, Any]:
    return {name: getattr(one, name) for name in ("name", "model_id", "verdict", "outcome", "why")}
