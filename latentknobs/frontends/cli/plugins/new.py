"""``latentknobs plugins new``: a plugin that works, to change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentknobs.core.atomic_write import write_file
from latentknobs.errors import OutputError, UsageError
from latentknobs.frontends.cli.context import echo, program, say
from latentknobs.hooks.manager import Plugins
from latentknobs.hooks.trust import trust
from latentknobs.scaffold import HOOKS, new_plugin


def new(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="Its name: lowercase letters, digits and -.")],
    kind: Annotated[str, typer.Option(help=f"What it offers: {', '.join(HOOKS)}.")] = "augmentation",
    package: Annotated[
        bool, typer.Option("--package", help="Create an installable package instead of a file in plugins/.")
    ] = False,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write to.")] = Path(),
) -> None:
    """Create a working plugin and its test, as a file, which is trusted, or as a package."""
    texts = new_plugin(name, kind, package=package)
    _check_free(program(ctx).plugins, name, kind)
    paths = {output / place: text for place, text in texts.items()}
    existing = [str(path) for path in paths if path.exists()]
    if existing:
        raise UsageError(
            f"{', '.join(existing)} is there already and was left as it is: choose another name or folder."
        )
    for path, text in paths.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{path.parent} could not be made: {error.strerror or error}.") from error
        write_file(path, text.encode())
        echo(str(path))
    first = next(iter(paths))
    if not package:
        trust(first)
    if package:
        top = first.parent if len(first.parts) > 2 else f"./{first.parent}"  # a plain name would be looked up
        say(f"next: pip install {top}, then latentknobs plugins check {name}")
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
