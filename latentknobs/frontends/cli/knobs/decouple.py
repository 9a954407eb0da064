"""``latentknobs knobs decouple``: knobs that leave one another's targets alone, with the numbers before and after."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.analysis.decoupling_result import CrossLeakage, DecoupledKnob, Decoupling
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program, say
from latentknobs.frontends.cli.output import as_json, table
from latentknobs.workbench import DEFAULT_CLIPS


def decouple(
    ctx: typer.Context,
    names: Annotated[list[str], typer.Argument(help="Names of two knobs or more.", show_default=False)],
    model: options.Model = DEFAULT_MODEL,
    corpus: Annotated[str, typer.Option(help="Clips for all of them, as in folk [those each was found on].")] = "",
    clips: options.Clips = DEFAULT_CLIPS,
    every_clip: Annotated[
        bool, typer.Option("--every-clip", help="Measure leakage also on clips that the edit cannot be applied to.")
    ] = False,
    save: Annotated[bool, typer.Option("--save", help="Evaluate and store the knobs that changed.")] = False,
    seed: options.Seed = 0,
    registry: options.Registry = None,
    device: options.Device = "auto",
    precision: options.Precision = "",
    json: options.Json = False,
) -> None:
    """Decouple knobs from one another's targets, with leakage on test songs before and after."""
    from latentknobs.analysis.decoupling import decouple as decoupled
    from latentknobs.analysis.decoupling_data import DecouplingConfig

    with program(ctx).workbench(registry, device, precision) as workbench:
        selection = CorpusSelection(corpus or None, clips, seed)
        result = decoupled(workbench, names, model, selection, DecouplingConfig(every_clip=every_clip), save=save)
    if json:
        as_json({"model": result.knobs[0].knob.model_name, **result.as_dict()})
        return
    _print(result)
    clips_measured = "all test clips" if result.every_clip else "test clips that the edit can be applied to"
    say(f"leakage in standard deviations over training clips, with 95 % intervals, on {clips_measured}")
    for one in result.knobs:
        say(_outcome(one, save=save))
    for run in result.runs:
        for knob in run.knobs:
            say(f"{knob.name}: stored as {knob.fit}, {knob.verdict} (run {run.run_id})")


def _print(result: Decoupling) -> None:
    rows = [
        (one.knob.name, f"{leak.into} ({leak.attribute})", f"{leak.amount:+g}", _leak(leak), _leak(after))
        for one in result.knobs
        for leak, after in zip(one.before, one.after, strict=True)
    ]
    table(("knob", "leaks into", "at", "before", "after"), rows)
    table(
        ("knob", "kind", "way", "dropped", "effect kept", "dimensions", "effect in these alone"),
        (
            (
                one.knob.name,
                one.knob.kind,
                one.way,
                str(one.dropped),
                f"{one.kept.value:.0%}",
                f"{len(one.dims_before)}, now {len(one.dims_after)}" if one.changed else str(len(one.dims_before)),
                f"{one.kept_by_dims.value:.0%} ({one.kept_by_dims.low:.0%} to {one.kept_by_dims.high:.0%})",
            )
            for one in result.knobs
        ),
    )
    names = [one.knob.name for one in result.knobs]
    pairs = [
        (f"{a}, {b}", f"{cosine:+.3f}", f"{alike:.3f}", f"{before:.2f}", f"{after:.2f}")
        for a, b, before, after in result.overlaps()
        for cosine, alike in [
            (m[names.index(a), names.index(b)] for m in (result.cosines, result.alignment)),
        ]
    ]
    table(("knobs", "cosine of mean moves", "alike in all moves", "overlap of dimensions", "after"), pairs)
    echo(f"condition number of the mean moves: {result.condition:.4g}")


def _leak(leak: CrossLeakage) -> str:
    lost = f", lost on {leak.lost:.0%}" if leak.lost else ""
    return f"{leak.change.value:+.3f} ({leak.change.low:+.3f} to {leak.change.high:+.3f}){lost}"


def _outcome(one: DecoupledKnob, *, save: bool) -> str:
    met = "within the limit on test songs" if one.meets else "not within the limit on test songs"
    if one.changed:
        doubt = "" if one.enough else " (over the limit on validation songs too, but the least that was found)"
        return f"{one.knob.name}: {one.way}{doubt}, {met}"
    reason = "within the limit on validation songs, nothing to decouple" if one.enough else "nothing tried helps"
    return f"{one.knob.name}: left as it is ({reason}), {met}" + ("; not stored again" if save else "")
