"""``latentknobs sweep``: discoveries by the dozen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from latentknobs.analysis.sweeps import Sweep, SweepResult, run_sweep
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.output import as_json, best_knobs, run_facts, table


def sweep(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="SWEEP.toml", help="The models, augmentations, corpora and seeds.")],
    registry: options.Registry = None,
    device: options.Device = "auto",
    precision: options.Precision = "",
    executor: options.Executor = "serial",
    workers: options.Workers = None,
    json: options.Json = False,
) -> None:
    """Find the knobs of every model, edit, corpus and seed of a file; what is stored is not made again."""
    results: list[SweepResult] = []
    with program(ctx).workbench(registry, device, precision, executor=executor, workers=workers) as workbench:
        asked = Sweep.read(file)
        try:
            run_sweep(workbench, asked, results.append)
        finally:  # what was found before a failure or Ctrl-C is stored, and shown
            if not json and results:
                _show(results)
    if json:
        as_json({"runs": [_facts(one) for one in results]})
    failed = [one for one in results if one.run is None]
    for one in failed:
        say(f"{one.point}: {one.reason}")
    if failed:
        raise typer.Exit(1)


def _facts(one: SweepResult) -> dict[str, Any]:
    if one.run is None:
        point = one.point
        return {
            "model": point.model,
            "augmentation": point.augmentation,
            "corpus": point.corpus,
            "seed": point.seed,
            "error": one.reason,
        }
    return {**run_facts(one.run), "stored": one.stored}


def _show(results: list[SweepResult]) -> None:
    rows = []
    for one in results:
        if one.run is None:
            rows.append(
                (one.point.model, one.point.augmentation, one.point.corpus or "", str(one.point.seed), *[""] * 4)
            )
            continue
        spec = one.run.spec
        for knob in best_knobs([one.run]):
            fits = {fit.fit: fit for fit in knob.evidence.fits}
            mean = fits[knob.fit].mean if knob.fit in fits else None
            verdict, span = knob.verdict, f"{knob.low:+g} to {knob.high:+g}" if knob.low < knob.high else "none"
            said = "" if mean is None else f"{mean:.3f}"
            rows.append(
                (spec.model_name, str(spec.augmentation), spec.corpus, str(spec.seed), verdict, span, knob.fit, said)
            )
    table(("model", "augmentation", "corpus", "seed", "verdict", "usable", "fit", "equivariance"), rows)
