"""``latentknobs interpolate``: the way from one melody to another, or the grid between them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import numpy as np
import typer

from latentknobs.core.seed import MOST_SEED
from latentknobs.errors import UsageError
from latentknobs.frontends.cli.amount_parser import parse_assignments
from latentknobs.frontends.cli.context import (
    MODEL,
    DeviceOption,
    FolderOption,
    ForceOption,
    JsonOption,
    ModelOption,
    OffsetOption,
    PolicyOption,
    PrecisionOption,
    RegistryOption,
    RegroupOption,
    TrackOption,
    guarded,
    program,
    reading,
    say,
)
from latentknobs.frontends.cli.melody_files import Writer, check_folder, piece_writer, write_folder
from latentknobs.frontends.cli.output import as_json
from latentknobs.plots import draw_rolls
from latentknobs.session import GridCell, Session
from latentknobs.steering.interpolation import RESTS

MOST = 16
"""Largest size of a grid: 256 files."""
KnobsOption = Optional[list[str]]  # noqa: UP045 - typer before 0.16 reads no "| None" inside Annotated


@guarded
def interpolate(
    ctx: typer.Context,
    first: Annotated[Path, typer.Argument(metavar="A.mid", help="Top left.")],
    second: Annotated[Path, typer.Argument(metavar="B.mid", help="Bottom right.")],
    output: FolderOption,
    size: Annotated[int, typer.Option(min=2, max=MOST, help="Melodies each way.")] = 5,
    rows: Annotated[str, typer.Option(help="The knob that changes from top to bottom.")] = "pitch",
    columns: Annotated[str, typer.Option(help="The knob that changes from left to right.")] = "rhythm",
    rest: Annotated[str, typer.Option(help="How the other dimensions go: mean, source, rows or columns.")] = "mean",
    one_way: Annotated[bool, typer.Option("--one-way", help="One way instead of a grid.")] = False,
    dims: Annotated[str, typer.Option(help="One way: what changes: all, others, or a knob's name.")] = "all",
    first_knob: Annotated[
        KnobsOption,
        typer.Option("--first-knob", help="NAME=AMOUNT: start from A as this knob turns it; may be repeated."),
    ] = None,
    second_knob: Annotated[KnobsOption, typer.Option("--second-knob", help="The same of B, where it ends.")] = None,
    first_like: Annotated[str, typer.Option(help="A: the knob whose length the controls have, as in turn.")] = "",
    second_like: Annotated[str, typer.Option(help="The same of B.")] = "",
    first_seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="A: seed of the controls.")] = 0,
    second_seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="The same of B.")] = 0,
    policy: PolicyOption = "auto",
    track: TrackOption = "",
    offset: OffsetOption = 0.0,
    regroup: RegroupOption = False,
    model: ModelOption = MODEL,
    registry: RegistryOption = None,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "",
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Write the melodies between two melodies: MIDI files, and one picture of all of them."""
    if rest not in RESTS:
        raise UsageError(f"--rest is one of {', '.join(RESTS)}, not {rest!r}.")
    check_folder(output, force=force)
    turns = (
        (parse_assignments(first_knob or []), first_like, first_seed),
        (parse_assignments(second_knob or []), second_like, second_seed),
    )
    how = reading(policy, track, offset, regroup=regroup)
    with program(ctx).workbench(registry, device, precision) as workbench:
        sessions = []
        for path, (amounts, like, seed) in zip((first, second), turns, strict=True):
            session = Session.open(workbench, path, model, **how)
            for remark in session.remarks():
                say(f"{session.piece.name}: {remark}")
            sessions.append(session.on(session.turn(amounts, like=like or None, seed=seed)) if amounts else session)
        a, b = sessions
        if len(a.codes) != len(b.codes):
            say(f"one is longer: the first {min(len(a.codes), len(b.codes))} clips of each are used")
        grid = [a.one_way(b, size, dims)] if one_way else a.two_way(b, size, rows, columns, rest)
    clip_format = a.model.spec.clip_format
    spots = [spot for row in grid for spot in row]
    writers: dict[str, Writer] = {
        f"{name(spot)}.mid": piece_writer(spot.piece, clip_format, spot.provenance) for spot in spots
    }
    ways = ("", dims) if one_way else (rows, columns)
    pictures = _pictures(grid, a, b, ways, "way" if one_way else "grid")
    write_folder(output, writers | pictures)
    if json:
        files = [{"file": f"{name(spot)}.mid", "at": dict(spot.at)} for spot in spots]
        as_json({"folder": str(output), "pictures": list(pictures), "files": files})
    else:
        typer.echo(f"{len(writers)} MIDI files and {' '.join(pictures)} in {output}")


def name(spot: GridCell) -> str:
    """A spot's name without suffix: ``a_to_b__pitch0.25_rhythm0.50``."""
    return f"{spot.piece.name}__" + "_".join(f"{way}{t:.2f}" for way, t in spot.at)


def _pictures(
    grid: list[list[GridCell]], a: Session, b: Session, ways: tuple[str, str], stem: str
) -> dict[str, Writer]:
    """One picture for each clip of the pieces: most pieces here have one."""
    count = len(grid[0][0].clips)

    def picture(clip: int) -> Writer:
        def write(path: Path) -> None:
            draw_rolls(
                np.stack([[spot.clips[clip] for spot in row] for row in grid]),
                a.model.spec.clip_format,
                path,
                row_label=ways[0],
                column_label=ways[1],
                first=a.piece.name,
                last=b.piece.name,
            )

        return write

    return {f"{stem}.png" if count == 1 else f"{stem}_clip{k + 1}.png": picture(k) for k in range(count)}
