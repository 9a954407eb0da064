"""``latentknobs knobs rename``: another name for a knob."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say


def rename(
    ctx: typer.Context,
    name: options.KnobName,
    new: Annotated[str, typer.Argument(help="The new name.")],
    model: options.AnyModel = DEFAULT_MODEL,
    registry: options.Registry = None,
) -> None:
    """Rename a knob; its run keeps the old name."""
    with program(ctx).workbench(registry) as workbench:
        workbench.registry.rename(workbench.knob(name, model).model_id, name, new)
    say(f"{name} is now called {new}")
