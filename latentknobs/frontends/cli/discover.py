"""``latentknobs discover``: the knobs of augmentations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer
from attrs import evolve

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.evidence import Evidence
from latentknobs.core.experiment import EVERY_FIT, LEAST_LAYERS, MOST_LAYERS, QUICK, Settings
from latentknobs.core.format_capabilities import check_serves
from latentknobs.core.run import Run
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.output import as_json, best_knobs, failed_criteria, knob_table, run_facts
from latentknobs.workbench import DEFAULT_CLIPS

DEFAULT_AUGMENTATIONS = ("transpose", "note-split")
"""What ``discover`` finds when no augmentation is named: the paper's two."""


def discover(
    ctx: typer.Context,
    augmentations: Annotated[
        list[str] | None,
        typer.Argument(
            help="Augmentations, or compositions as in 'transpose:2|note-split:1' [transpose and note-split].",
            show_default=False,
        ),
    ] = None,
    corpus: Annotated[
        str,
        typer.Option(help="Corpora joined with +, as in folk+whole-notes or midi:FOLDER [the augmentation's own]."),
    ] = "",
    clips: options.Clips = DEFAULT_CLIPS,
    model: options.Model = DEFAULT_MODEL,
    seed: options.Seed = 0,
    quick: Annotated[
        bool, typer.Option("--quick", help="Quick run: fewer fits, random controls and clips; provisional at best.")
    ] = False,
    fit: Annotated[
        list[str] | None,
        typer.Option(
            "--fit",
            "--fits",
            help="Make and judge this fit, or all; may be repeated [those that can win; the best is judged].",
            show_default=False,
        ),
    ] = None,
    selector: Annotated[str, typer.Option(help="The rule that selects dimensions; others stand beside it.")] = "effect",
    basis: Annotated[str, typer.Option(help="Another basis in which selectors are run.")] = "standard",
    recombined: Annotated[
        int, typer.Option(min=0, help="Further clips for networks, made of the beginnings and ends of training clips.")
    ] = 0,
    layers: Annotated[int, typer.Option(min=LEAST_LAYERS, max=MOST_LAYERS, help="Hidden layers of networks.")] = (
        LEAST_LAYERS
    ),
    all_keys: Annotated[
        bool, typer.Option("--all-keys", help="Learn edits that depend on the key or first note in all keys at once.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Skip runs that are stored already with the same parameters.")
    ] = False,
    registry: options.Registry = None,
    device: options.Device = "auto",
    precision: options.Precision = "",
    executor: options.Executor = "serial",
    workers: options.Workers = None,
    json: options.Json = False,
) -> None:
    """Find the knob of each augmentation on real music, evaluate it, and store it."""
    settings = evolve(
        QUICK if quick else Settings(),
        selector=selector,
        basis=basis,
        layers=layers,
        recombined=recombined,
        one_key=not all_keys,
    )
    if fit:
        settings = evolve(settings, fits=tuple(dict.fromkeys(fit)))
    with program(ctx).workbench(registry, device, precision, executor=executor, workers=workers) as workbench:
        if quick:
            _say_what_is_skipped(list(workbench.plugins.fits()), settings)
        names = list(dict.fromkeys(augmentations or DEFAULT_AUGMENTATIONS))
        known = workbench.plugins.augmentations()
        for edit in [workbench.augment(name) for name in names]:  # all, before the first takes minutes
            check_serves(edit, workbench.model(model).spec.clip_format, known)
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
    skipped = ", ".join(name for name in fits if name not in settings.fits and EVERY_FIT not in settings.fits)
    say(
        f"Quick: {QUICK.controls} random controls for {full.controls}, {QUICK.trial_clips} clips to judge on for "
        f"{full.trial_clips}, {QUICK.halves} halves of the songs for {full.halves}; fits left out: "
        f"{skipped or 'none'}. No verdict is better than provisional.",
    )


def _report(runs: Sequence[Run]) -> None:
    knob_table(best_knobs(runs))
    for run in runs:
        evidence = run.knobs[0].evidence if run.knobs else Evidence()
        if evidence.not_fitted:
            amounts = ", ".join(f"{amount} ({pairs} pairs)" for amount, pairs in evidence.not_fitted.items())
            say(f"{run.spec.augmentation}: not fitted for too few pairs: {amounts}")
        for knob in best_knobs([run]):
            if reasons := failed_criteria(knob):
                say(f"{knob.name}: {knob.verdict}: {reasons}")
        for fit, reason in evidence.declined.items():
            say(f"{run.spec.augmentation}: fit {fit}: {reason}")
        for what, n in run.counts.items():
            say(f"{run.spec.augmentation}: {what}: {n}")
