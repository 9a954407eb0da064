"""``latentknobs model list``: the models there are."""

from __future__ import annotations

from typing import Any

import typer

from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program
from latentknobs.frontends.cli.output import as_json, table


def list_(
    ctx: typer.Context,
    registry: options.Registry = None,
    json: options.Json = False,
) -> None:
    """List the models of the plugins, and those with knobs in the registry."""
    with program(ctx).workbench(registry) as workbench:
        rows: dict[str, dict[str, Any]] = {}
        for kind, factory in workbench.models.factories.items():
            for name in factory.shipped:
                rows[name] = {"name": name, "backend": kind, "model_id": None, "knobs": []}
        for knob in workbench.registry.knobs(operators=False):
            key = knob.model_name if knob.model_name in rows else knob.model_id
            row = rows.setdefault(key, {"name": knob.model_name, "backend": None, "model_id": None, "knobs": []})
            row["model_id"] = knob.model_id
            row["knobs"].append(knob.name)
    if json:
        as_json(list(rows.values()))
        return
    table(
        ("model", "backend", "hash", "knobs"),
        (
            (r["name"], r["backend"] or "", (r["model_id"] or "")[:12], ", ".join(r["knobs"]) or "none yet")
            for r in rows.values()
        ),
    )
