"""``latentknobs registry build``: the package's own registry, rebuilt."""

from __future__ import annotations

from typing import Annotated

import typer
from attrs import evolve

from latentknobs.analysis.build_registry import SHIPPED_CLIPS
from latentknobs.analysis.build_registry import build as build_shipped
from latentknobs.analysis.build_registry import plugins as shipped_plugins
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.output import as_json, best_knobs, knob_table, run_facts


def build(
    ctx: typer.Context,
    clips: Annotated[int, typer.Option(min=1, help="Clips to look at for each knob.")] = SHIPPED_CLIPS,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    executor: options.Executor = "serial",
    workers: options.Workers = None,
    json: options.Json = False,
) -> None:
    """Rebuild the knobs that come with the package (make registry; in a checkout only)."""
    with evolve(program(ctx), plugins=shipped_plugins()).workbench(
        device=device, executor=executor, workers=workers
    ) as workbench:
        path, runs = build_shipped(workbench, clips=clips, seed=seed)
    say(f"written to {path}")
    if json:
        as_json({"files": [str(path)], "runs": [run_facts(run) for run in runs]})
    else:
        knob_table(best_knobs(runs))
