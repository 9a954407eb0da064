"""``latentknobs disentangle``: knobs without an edit."""

from __future__ import annotations

from typing import Annotated

import typer
from attrs import asdict

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.experiment import MOVES, UnsupervisedSettings
from latentknobs.core.run import Run
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program, say
from latentknobs.frontends.cli.output import as_json, candidate_table, failed_criteria, knob_table, run_facts, table
from latentknobs.workbench import DEFAULT_CLIPS

FOUND = ("accepted", "provisional")
"""Verdicts of knobs that were found; the others were refused."""


def disentangle(
    ctx: typer.Context,
    corpus: Annotated[str, typer.Option(help="Corpora joined with +, as in folk+essen or midi:FOLDER.")] = "folk",
    clips: options.Clips = DEFAULT_CLIPS,
    candidates: Annotated[
        int, typer.Option(min=1, help="Candidate directions from each source.")
    ] = UnsupervisedSettings().candidates,
    moves: Annotated[
        str, typer.Option(help=f"How moves are learned, of {','.join(MOVES)}; none = straight directions only.")
    ] = ",".join(MOVES),
    model: options.Model = DEFAULT_MODEL,
    seed: options.Seed = 0,
    registry: options.Registry = None,
    device: options.Device = "auto",
    precision: options.Precision = "",
    executor: options.Executor = "serial",
    workers: options.Workers = None,
    json: options.Json = False,
) -> None:
    """Find knobs without an edit: moves of the codes named by the attribute that they change, and evaluated."""
    with program(ctx).workbench(registry, device, precision, executor=executor, workers=workers) as workbench:
        learned = () if moves == "none" else tuple(moves.split(","))
        settings = UnsupervisedSettings(candidates=candidates, moves=learned)
        run = workbench.disentangle(model, corpus, clips=clips, seed=seed, settings=settings)
    if json:
        evidence = run.knobs[0].evidence
        shared = {
            "candidates": [asdict(candidate) for candidate in evidence.candidates],
            "left_out": dict(evidence.left_out),
            "sources_left_out": dict(evidence.sources_left_out),
        }
        refused = {knob.name: failed_criteria(knob) for knob in run.knobs if knob.verdict not in FOUND}
        as_json({"runs": [{**run_facts(run), **shared, "refused": refused}]})
    else:
        _report(run)


def _report(run: Run) -> None:
    usable = [knob for knob in run.knobs if knob.verdict in FOUND]
    refused = [knob for knob in run.knobs if knob.verdict not in FOUND]
    evidence = run.knobs[0].evidence
    if usable:
        knob_table(usable, f"knobs found: {len(usable)}")
    else:
        echo("knobs found: none")
    if refused:
        rows = ((k.name, f"{k.fit} {k.evidence.rank}", k.verdict, failed_criteria(k)) for k in refused)
        table(("knob", "direction", "verdict", "why"), rows, "named but refused")
    candidate_table(evidence.candidates)
    nameless = sum(candidate.attribute is None for candidate in evidence.candidates)
    say(f"directions: {len(evidence.candidates)}, of which {nameless} move no attribute steadily")
    for reason in evidence.sources_left_out.values():
        say(reason)
    for criterion, reason in evidence.left_out.items():
        say(f"acceptance criterion {criterion} left out: {reason}")
    for what, n in run.counts.items():
        say(f"{what}: {n}")
