"""``latentknobs turn``: turn knobs on a melody."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from attrs import asdict, evolve

from latentknobs.core.piece import Piece
from latentknobs.errors import UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.amount_parser import label, parse_assignments
from latentknobs.frontends.cli.context import program, say, with_options
from latentknobs.frontends.cli.melody_files import check_target, melody_alone, piece_writer
from latentknobs.frontends.cli.output import as_json, rolls, tell_style
from latentknobs.scores import Reading
from latentknobs.session import Session
from latentknobs.steering.turn_result import TurnResult
from latentknobs.studio.knob_settings import KnobSettings
from latentknobs.studio.knob_settings import turned as turned_by
from latentknobs.studio.project import SUFFIX, Project


def turn(
    ctx: typer.Context,
    source: options.Input = None,
    knob: Annotated[
        list[str] | None,
        typer.Option(
            "--knob",
            "-k",
            help="NAME=AMOUNT, as in pitch=+3, or for bars pitch@5-8=-2; once for each. The controls random and others "
            "are the paper's.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="OUT.mid or OUT.wav, or a folder, where the name says what was turned."),
    ] = None,
    like: Annotated[str, typer.Option(help="The knob whose length the controls have [the first that is turned].")] = "",
    project: Annotated[
        Path | None, typer.Option("--project", help="OUT.lkproject: the melody and its knobs, to be opened again.")
    ] = None,
    policy: options.Policy = "auto",
    track: options.Track = "",
    offset: options.Offset = 0.0,
    bars: options.Bars = "",
    time_signature: options.TimeSignature = "",
    quantize: options.Quantize = False,
    key: Annotated[str, typer.Option(help="The key of the piece, as 'D minor' [estimated from its notes].")] = "",
    axis: Annotated[str, typer.Option(help="The pitch that inversion mirrors at, as E4 [its first note].")] = "",
    only_melody: Annotated[
        bool, typer.Option("--only-melody", help="Write the melody alone, without the other parts of the file.")
    ] = False,
    by_model: Annotated[
        bool, typer.Option("--by-model", help="Have the model turn clips outside its style too, not their rule.")
    ] = False,
    partial: Annotated[
        bool, typer.Option("--partial", help="Write although some bars are left as they are, since nothing fits them.")
    ] = False,
    soundfont: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="SoundFont that WAV files are played with [LATENTKNOBS_SOUNDFONT]."
        ),
    ] = None,
    model: options.Models = None,
    seed: options.Seed = 0,
    registry: options.Registry = None,
    device: options.Device = "auto",
    precision: options.Precision = "",
    force: options.Force = False,
    json: options.Json = False,
) -> None:
    """Turn knobs on a melody and show it before and after."""
    amounts = parse_assignments(knob or [])
    target = output
    if target is not None and not target.is_dir():
        check_target(target, force=force)
    if project is not None:
        check_target(project, force=force, suffixes=(SUFFIX,))
    reading = options.reading(policy, track, offset, bars, time_signature, quantize=quantize)
    is_project = source is not None and source.suffix.lower() == SUFFIX
    if is_project and (Reading(**reading) != Reading() or key or axis or by_model):
        raise UsageError(f"{source} says itself how its melody is read and turned: leave out the options of reading.")
    with program(ctx).workbench(registry, device, precision) as workbench:
        opened = Project.read(source) if source is not None and is_project else None
        settings = KnobSettings.of(amounts, seed, like or None)
        if opened is not None:
            session, own = opened.open(workbench, model or ()), opened.settings.settings
            told = ctx.get_parameter_source("seed")
            if told is None or told.name == "DEFAULT":
                seed = own.seed
            settings = KnobSettings.of({**own.named, **amounts}, seed, like or own.like)
        else:
            session = Session.open(workbench, source, model or (), all_by_model=by_model, key=key, axis=axis, **reading)
        if target is not None and target.is_dir():
            target = (
                target
                / f"{source.stem if source else session.piece.name}__{label(settings.named if opened else amounts)}.mid"
            )
            check_target(target, force=force)
        tell_style(session)
        turned = (
            turned_by(session, settings)
            if opened or settings.ranges
            else session.turn(amounts, like=settings.like, seed=settings.seed)
        )
    for remark in (*turned.remarks, *turned.left):
        say(remark)
    stopped = bool(turned.left) and not partial
    if target is not None and not stopped:
        after = melody_alone(turned.after, target) if only_melody else turned.after
        piece_writer(after, session.model.spec.clip_format, turned.provenance, overwrite=force, soundfont=soundfont)(
            target
        )
    if project is not None and not stopped:
        # Of several knobs the one that the controls are like is known now.
        settings = evolve(settings, like=turned.provenance.get("like", settings.like))
        saved = Project.of(session, settings)
        if opened is not None:
            saved = evolve(opened, settings=saved.settings, latentknobs=saved.latentknobs)
        saved.write(project, overwrite=force)
        say(f"project written to {project}")
    if json:
        as_json(_facts(session, turned, None if stopped else target))
    else:
        rolls(session, turned)
        if target is None and project is None:
            say("nothing written: name a file with -o OUT.mid or -o OUT.wav")
        elif target is not None and not stopped:
            say(f"written to {target}")
    if stopped:
        say("Error: nothing written, as part of the melody would stay as it is. This writes it all the same:")
        say(f"  {shlex.join(['latentknobs', *with_options(program(ctx).words, ['--partial'])])}")
    say(str(turned.counts))
    if stopped:
        raise typer.Exit(1)


def _facts(session: Session, turned: TurnResult, target: Path | None) -> dict[str, Any]:
    return {
        "piece": session.piece.name,
        "clips": sum(len(part.codes) for part in session.parts),
        "accepted": np.flatnonzero(np.concatenate([part.accepted for part in session.parts])).tolist(),
        "counts": asdict(turned.counts),
        "remarks": [*session.remarks(), *turned.remarks, *turned.left],
        "style": session.style.as_dict(),
        "reconstruction": {"accuracy": session.accuracy, "steps_that_differ": session.differing.tolist()},
        "amounts": dict(turned.amounts),
        "before": _notes(turned.before),
        "after": _notes(turned.after),
        "provenance": dict(turned.provenance),
        "output": None if target is None else str(target),
    }


def _notes(piece: Piece) -> list[dict[str, int]]:
    return [{"onset": n.onset, "pitch": n.pitch, "length": n.length} for n in piece.notes]
