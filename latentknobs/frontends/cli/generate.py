"""``latentknobs sample`` and ``latentknobs similar``: melodies from the prior, and near a melody."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from latentknobs import session as sessions
from latentknobs.frontends.cli.context import (
    MODEL,
    DeviceOption,
    FolderOption,
    ForceOption,
    InputArgument,
    JsonOption,
    ModelOption,
    OffsetOption,
    PolicyOption,
    PrecisionOption,
    RegroupOption,
    SeedOption,
    TrackOption,
    guarded,
    program,
    reading,
    say,
)
from latentknobs.frontends.cli.melody_files import Writer, check_folder, piece_writer, write_folder
from latentknobs.frontends.cli.output import as_json
from latentknobs.frontends.cli.turn import reconstruction

MOST = 1000
"""Most files at a time."""

CountOption = Annotated[int, typer.Option(min=1, max=MOST, help="How many melodies.")]


@guarded
def sample(
    ctx: typer.Context,
    output: FolderOption,
    count: CountOption = 4,
    temperature: Annotated[float, typer.Option(min=0.0, max=10.0, help="0 = likeliest tokens, above: drawn.")] = 0.0,
    model: ModelOption = MODEL,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "",
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Write melodies drawn from the model's prior."""
    check_folder(output, force=force)
    with program(ctx).workbench(device=device, precision=precision) as workbench:
        backend = workbench.model(model)
        drawn = sessions.sample(backend, count, seed, temperature)
    clip_format = backend.spec.clip_format
    writers = {f"sample_{k + 1:03d}.mid": piece_writer(d.piece, clip_format, d.provenance) for k, d in enumerate(drawn)}
    _write(output, writers, json=json)


@guarded
def similar(
    ctx: typer.Context,
    output: FolderOption,
    source: InputArgument = None,
    policy: PolicyOption = "auto",
    track: TrackOption = "",
    offset: OffsetOption = 0.0,
    regroup: RegroupOption = False,
    similarity: Annotated[float, typer.Option(min=0.0, max=1.0, help="1 = the melody itself, 0 = any melody.")] = 0.8,
    count: CountOption = 4,
    model: ModelOption = MODEL,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "",
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Write melodies near a melody: on the arc from its code to draws from the prior."""
    check_folder(output, force=force)
    with program(ctx).workbench(device=device, precision=precision) as workbench:
        session = sessions.Session.open(workbench, source, model, **reading(policy, track, offset, regroup=regroup))
        near = session.similar(similarity, count, seed)
    for remark in session.remarks():
        say(f"{session.piece.name}: {remark}")
    say(reconstruction(session))
    stem = f"{session.piece.name}__similar{similarity:g}"
    clip_format = session.model.spec.clip_format
    writers = {f"{stem}_{k + 1:03d}.mid": piece_writer(t.after, clip_format, t.provenance) for k, t in enumerate(near)}
    _write(output, writers, json=json)


def _write(folder: Path, writers: Mapping[str, Writer], *, json: bool) -> None:
    write_folder(folder, writers)
    if json:
        as_json({"folder": str(folder), "files": list(writers)})
    else:
        typer.echo(f"{len(writers)} MIDI files in {folder}")
