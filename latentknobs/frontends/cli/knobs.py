"""``latentknobs discover`` and ``latentknobs knobs``: finding knobs and looking at them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Optional

import numpy as np
import typer
from attrs import evolve

from latentknobs.core.evidence import Evidence, unstructure_evidence
from latentknobs.core.experiment import QUICK, Settings
from latentknobs.core.knob import Knob
from latentknobs.core.run import Run
from latentknobs.errors import UsageError
from latentknobs.frontends.cli.algebra import algebra
from latentknobs.frontends.cli.context import (
    MODEL,
    DeviceOption,
    ForceOption,
    JsonOption,
    ModelOption,
    PrecisionOption,
    RegistryOption,
    SeedOption,
    guarded,
    program,
    say,
)
from latentknobs.frontends.cli.decouple import decouple
from latentknobs.frontends.cli.diff import diff, similar, verify
from latentknobs.frontends.cli.knob_editing import delete, export, import_, note, rename, tag
from latentknobs.frontends.cli.knob_listing import list_knobs
from latentknobs.frontends.cli.knob_lookup import AnyModelOption, named, stored
from latentknobs.frontends.cli.melody_files import check_target
from latentknobs.frontends.cli.output import as_json, knob_card, knob_table
from latentknobs.frontends.cli.spectrum import spectrum
from latentknobs.frontends.cli.transfer import transfer
from latentknobs.plots import draw_mean_change
from latentknobs.workbench import DEFAULT_CLIPS

DEFAULT_AUGMENTATIONS = ("transpose", "note-split")
"""What ``discover`` finds when no augmentation is named: the paper's two."""
NAMED = 8
"""Dimensions of S that the picture of a knob names; with more, their names would cover one another."""


@guarded
def discover(
    ctx: typer.Context,
    augmentations: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer before 0.16 reads no "| None" inside Annotated
        typer.Argument(
            help="Augmentations, or compositions as in 'transpose:2|note-split:1' [transpose and note-split].",
            show_default=False,
        ),
    ] = None,
    corpus: Annotated[
        str,
        typer.Option(help="Corpora joined with +, as in folk+whole-notes or midi:FOLDER [the augmentation's own]."),
    ] = "",
    clips: Annotated[int, typer.Option(min=1, help="Clips to look at, all splits together.")] = DEFAULT_CLIPS,
    model: ModelOption = MODEL,
    seed: SeedOption = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="A first look: fewer fits, controls and clips; provisional at best.")
    ] = False,
    fit: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer before 0.16 reads no "| None" inside Annotated
        typer.Option("--fit", help="Make only this fit; may be given several times [all].", show_default=False),
    ] = None,
    selector: Annotated[str, typer.Option(help="The rule that gives S; the others stand beside it.")] = "effect",
    basis: Annotated[str, typer.Option(help="A basis in which selectors are asked as well.")] = "standard",
    resume: Annotated[
        bool, typer.Option("--resume", help="Leave out what is stored already: the same edit, asked in the same way.")
    ] = False,
    registry: RegistryOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "",
    json: JsonOption = False,
) -> None:
    """Find the knob of each augmentation on real music, prove it, and store it."""
    settings = evolve(QUICK if quick else Settings(), selector=selector, basis=basis)
    if fit:
        settings = evolve(settings, fits=tuple(dict.fromkeys(fit)))
    with program(ctx).workbench(registry, device, precision) as workbench:
        if quick:
            _say_what_is_skipped(list(workbench.plugins.fits()), settings)
        names = list(dict.fromkeys(augmentations or DEFAULT_AUGMENTATIONS))
        for name in names:
            workbench.augment(name)
        runs: list[Run] = []
        try:
            for name in names:
                run = workbench.discover(
                    name, corpus=corpus or None, model=model, clips=clips, seed=seed, settings=settings, resume=resume
                )
                runs.append(run)
        finally:  # what was found before a failure or Ctrl-C is stored, and shown
            if runs and not json:
                _report(runs)
    if json:
        as_json({"runs": [run_facts(run) for run in runs]})


def _say_what_is_skipped(fits: Sequence[str], settings: Settings) -> None:
    full = Settings()
    skipped = ", ".join(name for name in fits if name not in settings.fits)
    typer.echo(
        f"Quick: {QUICK.controls} random controls for {full.controls}, {QUICK.trial_clips} clips to judge on for "
        f"{full.trial_clips}, {QUICK.halves} halves of the songs for {full.halves}; fits left out: "
        f"{skipped or 'none'}. No verdict is better than provisional.",
        err=True,
    )


def _report(runs: Sequence[Run]) -> None:
    knob_table(best_knobs(runs))
    for run in runs:
        evidence = run.knobs[0].evidence if run.knobs else Evidence()
        if evidence.not_fitted:
            amounts = ", ".join(f"{amount} ({pairs} pairs)" for amount, pairs in evidence.not_fitted.items())
            typer.echo(f"{run.spec.augmentation}: not fitted for too few pairs: {amounts}", err=True)
        for fit, reason in evidence.declined.items():
            typer.echo(f"{run.spec.augmentation}: not fitted by {fit}: {reason}", err=True)
        for what, n in run.counts.items():
            typer.echo(f"{run.spec.augmentation}: {what}: {n}", err=True)


def best_knobs(runs: Iterable[Run]) -> list[Knob]:
    """Of each run the knob that may become current, else its first."""
    return [run.knobs[run.current or 0] for run in runs if run.knobs]


def run_facts(run: Run) -> dict[str, Any]:
    """What ``--json`` prints of a run."""
    return {
        "run": run.run_id,
        "model": run.spec.model_name,
        "augmentation": run.spec.augmentation,
        "corpus": run.spec.corpus,
        "seed": run.spec.seed,
        "counts": dict(run.counts),
        "current": None if run.current is None else run.knobs[run.current].kind,
        "knobs": [knob.as_dict() for knob in run.knobs],
    }


group = typer.Typer(no_args_is_help=True, help="Look at the knobs that are stored, compare them, and look after them.")


@group.command()
@guarded
def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The knob's name.")],
    model: AnyModelOption = MODEL,
    registry: RegistryOption = None,
    mean_change: Annotated[
        Optional[Path],  # noqa: UP045 - the same
        typer.Option(
            "--mean-change",
            metavar="OUT.png",
            help="Draw how far the edit moves each dimension on average, at every amount.",
        ),
    ] = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """One knob's card: what it does, what was measured, and where it comes from."""
    if mean_change is not None:
        check_target(mean_change, force=force, suffixes=(".png",))
    with program(ctx).workbench(registry) as workbench:
        knob = named(stored(workbench, model), name, model)
    if mean_change is not None:
        _draw(knob, mean_change, overwrite=force)
    if json:
        as_json({**knob.as_dict(), "evidence": unstructure_evidence(knob.evidence)})
    else:
        knob_card(knob)


def _draw(knob: Knob, path: Path, *, overwrite: bool) -> None:
    if knob.augmentation is None:
        raise UsageError(f"The knob {knob.name!r} was found without an edit: there is no mean change to draw.")
    if not knob.evidence.mean_change:
        raise UsageError(f"The evidence of the knob {knob.name!r} holds no mean change: discover it again.")
    draw_mean_change(
        np.asarray(knob.evidence.mean_change),
        knob.evidence.fitted,
        path,
        title=f"{knob.name}: what {knob.augmentation} does to the codes of {knob.model_name}",
        unit=knob.unit,
        selected=[d.dim for d in knob.dimensions[:NAMED]],
        overwrite=overwrite,
    )
    say(f"written to {path}")


group.command("list")(list_knobs)
for command in (diff, similar, verify, transfer, tag, note, rename, delete, export):
    group.command()(command)
group.command("import")(import_)
group.command()(spectrum)
group.command()(algebra)
group.command()(decouple)
