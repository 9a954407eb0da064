"""``latentknobs similar``: melodies near a melody."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs import session as sessions
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program
from latentknobs.frontends.cli.melody_files import check_folder, piece_writer, write_melodies
from latentknobs.frontends.cli.output import tell_style


def similar(
    ctx: typer.Context,
    output: options.Folder,
    source: options.Input = None,
    policy: options.Policy = "auto",
    track: options.Track = "",
    offset: options.Offset = 0.0,
    bars: options.Bars = "",
    time_signature: options.TimeSignature = "",
    quantize: options.Quantize = False,
    similarity: Annotated[float, typer.Option(min=0.0, max=1.0, help="1 = the melody itself, 0 = any melody.")] = 0.8,
    count: options.Count = 4,
    model: options.Models = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "",
    force: options.Force = False,
    json: options.Json = False,
) -> None:
    """Write variations of a melody: codes on the arc from its own to prior samples."""
    check_folder(output, force=force)
    with program(ctx).workbench(device=device, precision=precision) as workbench:
        session = sessions.Session.open(
            workbench,
            source,
            model or (),
            **options.reading(policy, track, offset, bars, time_signature, quantize=quantize),
        )
        tell_style(session)
        near = session.similar(similarity, count, seed)
    stem = f"{session.piece.name}__similar{similarity:g}"
    clip_format = session.model.spec.clip_format
    writers = {f"{stem}_{k + 1:03d}.mid": piece_writer(t.after, clip_format, t.provenance) for k, t in enumerate(near)}
    write_melodies(output, writers, json=json, style=session.style.as_dict())
