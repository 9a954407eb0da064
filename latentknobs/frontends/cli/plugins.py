"""``latentknobs plugins``: which plugins there are, what became of them, new ones, and checking them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from latentknobs.core.atomic_write import write_file
from latentknobs.errors import OutputError, PluginError, UsageError
from latentknobs.frontends.cli.context import JsonOption, guarded, program, say
from latentknobs.frontends.cli.output import as_json, table
from latentknobs.frontends.cli.plugin_check import TIME_LIMIT, check, failures, summary
from latentknobs.hooks.manager import Plugins
from latentknobs.scaffold import HOOKS, new_plugin

group = typer.Typer(no_args_is_help=True, help="Look at the plugins, write new ones, and check them.")


@group.command("list")
@guarded
def list_(ctx: typer.Context, json: JsonOption = False) -> None:
    """Every plugin: loaded, skipped, failed or disabled, and why."""
    reports = program(ctx).plugins.reports()
    if json:
        as_json([report.as_dict() for report in reports])
        return
    table(
        ("plugin", "state", "origin", "version", "hooks", "reason"),
        ((r.name, r.state, r.origin, r.version or "", ", ".join(r.hooks), r.error or "") for r in reports),
    )


@group.command()
@guarded
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The plugin's name, as plugins list has it.")],
    json: JsonOption = False,
) -> None:
    """One plugin: where it comes from, what became of it, and what it offers."""
    plugins = program(ctx).plugins
    report = plugins.report(name)
    offers = list(_offers(plugins, name))
    if json:
        as_json({**report.as_dict(), "offers": offers})
        return
    facts = {**report.as_dict(), "hooks": ", ".join(report.hooks)}
    width = max(map(len, facts))
    for fact, value in facts.items():
        if value:
            typer.echo(f"{fact:<{width}}  {value}")
    if offers:
        table(("offers", "name", "what it is"), ((o["kind"], o["name"], o["doc"]) for o in offers))


def _offers(plugins: Plugins, plugin: str) -> Iterator[dict[str, Any]]:
    for kind, offers in plugins.offered_by(plugin).items():
        for name, offer in offers.items():
            yield {"kind": kind, "name": name, "doc": offer.help if kind == "commands" else offer.doc}


@group.command()
@guarded
def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What it will be called: small letters, digits and -.")],
    kind: Annotated[str, typer.Option(help=f"What it offers: {', '.join(HOOKS)}.")] = "augmentation",
    package: Annotated[
        bool, typer.Option("--package", help="A package to install, in place of a file in plugins/.")
    ] = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")] = Path(),
) -> None:
    """Write a plugin that works as it stands, and its test: a file to change, or a package."""
    texts = new_plugin(name, kind, package=package)
    _check_free(program(ctx).plugins, name, kind)
    paths = {output / place: text for place, text in texts.items()}
    there = [str(path) for path in paths if path.exists()]
    if there:
        raise UsageError(f"{', '.join(there)} is there already and was left as it is: choose another name or folder.")
    for path, text in paths.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent} could not be made: {error.strerror or error}.") from error
        write_file(path, text.encode())
        typer.echo(str(path))
    first = next(iter(paths))
    if package:
        say(f"next: pip install {first.parent}, then latentknobs plugins check {name}")
    else:
        say(f"next: latentknobs plugins check {first}")


def _check_free(plugins: Plugins, name: str, kind: str) -> None:
    """Refuse a name that something has: the new plugin would fail at once."""
    taken = {report.name: f"a plugin ({report.origin})" for report in plugins.reports()}
    taken |= dict.fromkeys(getattr(plugins, HOOKS[kind])(), f"one of the {HOOKS[kind]}")
    if kind == "augmentation":
        taken |= {edit.knob_name: f"the knob of {other!r}" for other, edit in plugins.augmentations().items()}
    if kind == "backend":
        taken |= {model: f"a model of {other!r}" for other, b in plugins.backends().items() for model in b.shipped}
    if name in taken:
        raise UsageError(f"The name {name!r} is taken: it is {taken[name]}; choose another.")


@group.command("check")
@guarded
def check_(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A plugin's name, or its file (FILE.py).")],
    seconds: Annotated[float, typer.Option(min=1.0, help="Time limit for all checks.")] = TIME_LIMIT,
    json: JsonOption = False,
) -> None:
    """Whether a plugin keeps its promises; it runs in a process of its own, with a time limit."""
    if target.endswith(".py") and not Path(target).is_file():
        raise UsageError(f"There is no file {target}; name a plugin's file, or a plugin as plugins list has it.")
    found = check(target, plugins_dir=program(ctx).plugins_dir, seconds=seconds)
    failed = failures(found)
    if json:
        as_json([{"name": one.name, "state": one.state, "message": one.message} for one in found])
    else:
        for one in found:
            if one.state != "passed":
                typer.echo(f"{one.state}: {one.name}: {one.message}")
        typer.echo(f"{target}: {summary(found)}")
    if failed:
        raise PluginError(f"{target} fails {len(failed)} of {len(found)} checks.")
