"""``latentknobs knobs similar``: the knobs most like one."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.analysis.knob_similarity import similar as most_similar
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.query_spec import KnobQuery
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program
from latentknobs.frontends.cli.output import as_json, table


def similar(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help=options.KNOB_AT)],
    model: options.AnyModel = DEFAULT_MODEL,
    history: Annotated[bool, typer.Option("--history", help="Also knobs of other fits and of earlier runs.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="Maximum number of rows.")] = 10,
    registry: options.Registry = None,
    json: options.Json = False,
) -> None:
    """List the knobs of all models with the most similar effects."""
    with program(ctx).workbench(registry) as workbench:
        knob = workbench.knob(name, model)
        others = workbench.registry.find(KnobQuery(history=history))
    key = (knob.model_id, knob.run_id, knob.kind, knob.fit, knob.operator_sha256)
    others = tuple(o for o in others if (o.model_id, o.run_id, o.kind, o.fit, o.operator_sha256) != key)
    neighbours = most_similar(knob, others)[:limit]
    if json:
        as_json([one.as_dict() for one in neighbours])
        return
    table(
        ("knob", "model", "fit", "run", "effects", "dimensions"),
        (
            (
                one.knob.name,
                one.knob.model_name,
                one.knob.fit,
                one.knob.run_id,
                f"{one.effects:+.3f}",
                "" if one.dimensions is None else f"{one.dimensions:.3f}",
            )
            for one in neighbours
        ),
    )
