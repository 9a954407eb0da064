"""``latentknobs knobs delete``: a knob is forgotten."""

from __future__ import annotations

import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say


def delete(
    ctx: typer.Context,
    name: options.KnobName,
    model: options.AnyModel = DEFAULT_MODEL,
    registry: options.Registry = None,
) -> None:
    """Delete a knob; its run keeps the evidence, and repeating the run restores the knob."""
    with program(ctx).workbench(registry) as workbench:
        knob = workbench.knob(name, model)
        workbench.registry.delete(knob.model_id, name)
    say(f"{name} is deleted; 'latentknobs runs repeat {knob.run_id}' finds it again")
