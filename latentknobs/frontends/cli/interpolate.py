"""``latentknobs interpolate``: the way from one melody to another, or the grid between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from attrs import frozen
from numpy.typing import NDArray

from latentknobs.core.seed import MOST_SEED
from latentknobs.errors import MidiError, UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.amount_parser import parse_assignments
from latentknobs.frontends.cli.context import echo, program, say
from latentknobs.frontends.cli.melody_files import Writer, check_folder, piece_writer, write_folder
from latentknobs.frontends.cli.output import as_json, tell_style
from latentknobs.plots import draw_rolls
from latentknobs.scores import ReadingOptions
from latentknobs.session import Session
from latentknobs.steering.interpolation import RESTS
from latentknobs.steering.turn_result import GridCell
from latentknobs.workbench import Workbench

PER_FILE = ("--track", "--policy", "--offset", "--bars", "--time-signature")
MOST = 16
"""Largest size of a grid: 256 files."""


@frozen
class Endpoint:
    """
    One of the two melodies, as the command line names it.

    Attributes:
        path: Its MIDI file.
        amounts: Knob name to amount: what it is turned by first.
        like: The knob whose length the controls have, "" for the default.
        seed: Of the controls.
        reading: How the file is read.
        which: What the names of its options begin with: "first" or "second".
    """

    path: Path
    amounts: Mapping[str, float]
    like: str
    seed: int
    reading: ReadingOptions
    which: str

    def open(self, workbench: Workbench, model: Sequence[str]) -> Session:
        """The melody in a session, with its knobs turned."""
        try:
            session = Session.open(workbench, self.path, model, **self.reading)
        except MidiError as error:
            error.options = tuple(
                word.replace("--", f"--{self.which}-", 1) if word in PER_FILE else word for word in error.options
            )
            raise
        tell_style(session)
        if not self.amounts:
            return session
        return session.on(session.turn(self.amounts, like=self.like or None, seed=self.seed))


def interpolate(
    ctx: typer.Context,
    first: Annotated[Path, typer.Argument(metavar="A.mid", help="Top left.")],
    second: Annotated[Path, typer.Argument(metavar="B.mid", help="Bottom right.")],
    output: options.Folder,
    size: Annotated[int, typer.Option(min=2, max=MOST, help="Melodies each way.")] = 5,
    rows: Annotated[str, typer.Option(help="The knob that changes from top to bottom.")] = "pitch",
    columns: Annotated[str, typer.Option(help="The knob that changes from left to right.")] = "rhythm",
    rest: Annotated[
        str, typer.Option(help="How the other dimensions interpolate: mean, source, rows or columns.")
    ] = "mean",
    one_way: Annotated[bool, typer.Option("--one-way", help="One way instead of a grid.")] = False,
    dims: Annotated[str, typer.Option(help="One way: what changes: all, others, or a knob's name.")] = "all",
    first_knob: Annotated[
        list[str] | None,
        typer.Option("--first-knob", help="NAME=AMOUNT: start from A as this knob turns it; may be repeated."),
    ] = None,
    second_knob: Annotated[
        list[str] | None, typer.Option("--second-knob", help="The same of B, where it ends.")
    ] = None,
    first_like: Annotated[str, typer.Option(help="A: the knob whose length the controls have, as in turn.")] = "",
    second_like: Annotated[str, typer.Option(help="The same of B.")] = "",
    first_seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="A: seed of the controls.")] = 0,
    second_seed: Annotated[int, typer.Option(min=0, max=MOST_SEED, help="The same of B.")] = 0,
    first_track: Annotated[str, typer.Option("--first-track", help="A: number or name of the track to read.")] = "",
    second_track: Annotated[str, typer.Option("--second-track", help="The same of B.")] = "",
    first_policy: Annotated[str, typer.Option("--first-policy", help="A: as --policy of turn.")] = "auto",
    second_policy: Annotated[str, typer.Option("--second-policy", help="The same of B.")] = "auto",
    first_offset: Annotated[float, typer.Option("--first-offset", help="A: as --offset of turn.")] = 0.0,
    second_offset: Annotated[float, typer.Option("--second-offset", help="The same of B.")] = 0.0,
    first_bars: Annotated[str, typer.Option("--first-bars", help="A: only these bars, as in 9-16.")] = "",
    second_bars: Annotated[str, typer.Option("--second-bars", help="The same of B.")] = "",
    first_time_signature: Annotated[
        str, typer.Option("--first-time-signature", help="A: as --time-signature of turn.")
    ] = "",
    second_time_signature: Annotated[str, typer.Option("--second-time-signature", help="The same of B.")] = "",
    quantize: options.Quantize = False,
    model: options.Models = None,
    registry: options.Registry = None,
    device: options.Device = "auto",
    precision: options.Precision = "",
    force: options.Force = False,
    json: options.Json = False,
) -> None:
    """Write the melodies between two melodies as MIDI files, and a picture of all of them."""
    if rest not in RESTS:
        raise UsageError(f"--rest is one of {', '.join(RESTS)}, not {rest!r}.")
    check_folder(output, force=force)
    read_first = options.reading(
        first_policy, first_track, first_offset, first_bars, first_time_signature, quantize=quantize
    )
    read_second = options.reading(
        second_policy, second_track, second_offset, second_bars, second_time_signature, quantize=quantize
    )
    ends = (
        Endpoint(first, parse_assignments(first_knob or []), first_like, first_seed, read_first, "first"),
        Endpoint(second, parse_assignments(second_knob or []), second_like, second_seed, read_second, "second"),
    )
    with program(ctx).workbench(registry, device, precision) as workbench:
        a, b = (end.open(workbench, model or ()) for end in ends)
        grid = [a.one_way(b, size, dims)] if one_way else a.two_way(b, size, rows, columns, rest)
    cells = [cell for row in grid for cell in row]
    used = sum(map(len, (cells[0].clips, *cells[0].others)))
    if any(sum(len(part.codes) for part in end.parts) > used for end in (a, b)):
        say(f"one is longer: the first {'clip of each is' if used == 1 else f'{used} clips of each are'} used")
    clip_format = a.model.spec.clip_format
    melodies = {f"{_name(cell)}.mid": piece_writer(cell.piece, clip_format, cell.provenance) for cell in cells}
    ways = ("", dims) if one_way else (rows, columns)
    stem = "way" if one_way else "grid"
    clips = [clip for one in (cells[0].clips, *cells[0].others) for clip in one]
    places = a.in_order if len(a.parts) > 1 else range(len(clips))
    pictures = {
        f"{stem}{suffix}.png": _picture([[_clip(cell, k) for cell in row] for row in grid], (a, b), ways)
        for k, suffix in zip(places, _suffixes(len(clips)), strict=False)
    }
    write_folder(output, melodies | pictures)
    if json:
        files = [{"file": f"{_name(cell)}.mid", "at": dict(cell.at)} for cell in cells]
        styles = [end.style.as_dict() for end in (a, b)]
        as_json({"folder": str(output), "pictures": list(pictures), "files": files, "styles": styles})
    else:
        echo(f"{len(melodies)} MIDI files and {' '.join(pictures)} in {output}")


def _name(cell: GridCell) -> str:
    """A cell's file name without suffix: ``a_to_b__pitch0.25_rhythm0.50``."""
    return f"{cell.piece.name}__" + "_".join(f"{way}{t:.2f}" for way, t in cell.at)


def _suffixes(clips: int) -> list[str]:
    """One picture for each clip of the pieces: most pieces here have one."""
    return [""] if clips == 1 else [f"_clip{k + 1}" for k in range(clips)]


def _clip(cell: GridCell, k: int) -> tuple[int, NDArray[np.int16]]:
    """The number of the model of a clip of a cell, and the clip; they are counted model by model."""
    flat = [(model, clip) for model, clips in enumerate((cell.clips, *cell.others)) for clip in clips]
    return flat[k]


def _picture(
    cells: Sequence[Sequence[tuple[int, NDArray[np.int16]]]], ends: tuple[Session, Session], ways: tuple[str, str]
) -> Writer:
    """Draws cells, row by row: clips (*shape), each with the number of its model."""
    (first, last), (rows, columns) = ends, ways
    return lambda path: draw_rolls(
        np.stack([[clip for _model, clip in row] for row in cells]),
        first.parts[cells[0][0][0]].cut.clip_format,
        path,
        row_label=rows,
        column_label=columns,
        first=first.piece.name,
        last=last.piece.name,
    )
