"""``latentknobs runs show``: one discovery."""

from __future__ import annotations

import typer

from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program
from latentknobs.frontends.cli.output import as_json, knob_table, tree


def show(ctx: typer.Context, run: options.Run, registry: options.Registry = None, json: options.Json = False) -> None:
    """Show a run: its parameters, its counts, and every knob that was tried."""
    with program(ctx).workbench(registry) as workbench:
        stored_run = workbench.run(run)
    facts = {
        **stored_run.as_row(),
        "current": stored_run.current,
        "parameters": dict(stored_run.spec.parameters),
        "counts": dict(stored_run.counts),
    }
    if json:
        as_json({**facts, "knobs": [knob.as_dict() for knob in stored_run.knobs]})
        return
    tree({name: value for name, value in facts.items() if value is not None})
    knob_table(stored_run.knobs)
