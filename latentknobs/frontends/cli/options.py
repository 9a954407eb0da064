"""Options and arguments that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, cast

import typer

from latentknobs.core.seed import MOST_SEED
from latentknobs.scores import Policy as Policies
from latentknobs.scores import ReadingOptions

KNOB_AT = "NAME, or NAME@RUN or NAME@RUN/FIT for one of an earlier run."

Bars = Annotated[str, typer.Option("--bars", help="Only these bars, as in 9-16; the others stay as they are.")]
AnyModel = Annotated[str, typer.Option("--model", help="Only this model's knobs: its name, hash or path.")]
Clips = Annotated[int, typer.Option("--clips", min=1, help="Number of clips, all splits together.")]
OnConflict = Annotated[
    str,
    typer.Option(
        "--conflict", help="When a name is taken by another knob: refuse all, keep the stored one, or replace it."
    ),
]
Csv = Annotated[bool, typer.Option("--csv", help="Print CSV on stdout.")]
Device = Annotated[str, typer.Option("--device", help="cpu, cuda or auto.")]
Executor = Annotated[
    str, typer.Option("--executor", help="Where the work is done: serial, processes, dask or dask:ADDRESS.")
]
Folder = Annotated[Path, typer.Option("--output", "-o", help="Folder to write to; created if missing.")]
Force = Annotated[bool, typer.Option("--force", help="Overwrite existing files.")]
Input = Annotated[
    Path | None,
    typer.Argument(metavar="[IN.mid]", help="A MIDI, ABC or MusicXML file [the Twinkle theme].", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on stdout.")]
KnobName = Annotated[str, typer.Argument(help="The knob's name.")]
KnobNames = Annotated[list[str] | None, typer.Argument(help="Knobs [all of the model].", show_default=False)]
Model = Annotated[str, typer.Option("--model", help="Shipped name, path, or KIND:LOCATION of the model.")]
Models = Annotated[
    list[str] | None,
    typer.Option(
        "--model",
        help="Shipped name, path, or KIND:LOCATION of the model; once for each clip format [those of the package].",
        show_default=False,
    ),
]
ModelName = Annotated[str, typer.Argument(help="Shipped name, path, or KIND:LOCATION of the model.")]
Count = Annotated[int, typer.Option("--count", min=1, max=1000, help="How many melodies.")]
Offset = Annotated[float, typer.Option("--offset", help="Quarter notes to move the music right, for a pick-up.")]
Policy = Annotated[
    str, typer.Option("--policy", help="What to do with simultaneous notes: auto, error, highest-onset or skyline.")
]
Precision = Annotated[
    str, typer.Option("--precision", help="float32, bf16 or int8, if the model's backend has it [as trained].")
]
Quantize = Annotated[
    bool, typer.Option("--quantize", help="Leave the melody on the grid, and read what was played without one.")
]
Registry = Annotated[
    str | None, typer.Option("--registry", help="Registry file or URL [LATENTKNOBS_REGISTRY, else registry.db here].")
]
Run = Annotated[str, typer.Argument(metavar="RUN", help="Run ID, as printed by runs list.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=MOST_SEED, help="The same seed gives the same result.")]
Split = Annotated[str, typer.Option("--split", help="train, validation or test.")]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, help="How many work there [all cores].", show_default=False)
]
TimeSignature = Annotated[
    str, typer.Option("--time-signature", help="That of the whole file, whatever it says itself, as in 3/4.")
]
Track = Annotated[str, typer.Option("--track", help="Number or name of the track to read.")]


def reading(
    policy: str, track: str, offset: float, bars: str, time_signature: str, *, quantize: bool
) -> ReadingOptions:
    """The options that say how a file is read, as :func:`latentknobs.scores.read_piece` takes them."""
    return {
        "policy": cast(Policies, policy),  # refused by name where it is none
        "track": int(track) if track.isdecimal() else track or None,
        "offset": offset,
        "bars": bars,
        "time_signature": time_signature,
        "quantize": quantize,
    }
