"""``latentknobs turn``: turn knobs on a melody."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.clip import Piece
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.amount_parser import label, parse_assignments
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.melody_files import check_target, piece_writer
from latentknobs.frontends.cli.output import as_json, reconstruction, rolls
from latentknobs.session import Session, TurnResult


def turn(
    ctx: typer.Context,
    source: options.Input = None,
    knob: Annotated[
        list[str] | None,
        typer.Option(
            "--knob",
            "-k",
            help="NAME=AMOUNT, as in pitch=+3; once for each knob. The controls random and others are the paper's.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="OUT.mid or OUT.wav, or a folder, where the name says what was turned."),
    ] = None,
    like: Annotated[str, typer.Option(help="The knob whose length the controls have [the first that is turned].")] = "",
    policy: options.Policy = "auto",
    track: options.Track = "",
    offset: options.Offset = 0.0,
    regroup: options.Regroup = False,
    model: options.Model = DEFAULT_MODEL,
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
    if target is not None:
        if target.is_dir():
            target = target / f"{source.stem if source else 'twinkle'}__{label(amounts)}.mid"
        check_target(target, force=force)
    with program(ctx).workbench(registry, device, precision) as workbench:
        session = Session.open(workbench, source, model, **options.reading(policy, track, offset, regroup=regroup))
        turned = session.turn(amounts, like=like or None, seed=seed)
    for remark in session.remarks():
        say(f"{session.piece.name}: {remark}")
    for remark in turned.remarks:
        say(remark)
    if target is not None:
        piece_writer(turned.after, session.model.spec.clip_format, turned.provenance, overwrite=force)(target)
    if json:
        as_json(_facts(session, turned, target))
        return
    rolls(session.cut.clips, turned.clips, session.model.spec.clip_format)
    say(reconstruction(session))
    say(f"written to {target}" if target else "nothing written: name a file with -o OUT.mid or -o OUT.wav")


def _facts(session: Session, turned: TurnResult, target: Path | None) -> dict[str, Any]:
    return {
        "piece": session.piece.name,
        "clips": len(session.codes),
        "accepted": np.flatnonzero(session.accepted).tolist(),
        "remarks": [*session.remarks(), *turned.remarks],
        "reconstruction": {"accuracy": session.accuracy, "steps_that_differ": session.differing.tolist()},
        "amounts": dict(turned.amounts),
        "before": _notes(turned.before),
        "after": _notes(turned.after),
        "provenance": dict(turned.provenance),
        "output": None if target is None else str(target),
    }


def _notes(piece: Piece) -> list[dict[str, int]]:
    return [{"onset": n.onset, "pitch": n.pitch, "length": n.length} for n in piece.notes]
