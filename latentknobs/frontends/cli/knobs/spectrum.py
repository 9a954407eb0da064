"""``latentknobs knobs spectrum``: the eigenvalues of a knob's one-step map, as a table and as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray

from latentknobs.analysis.eigenspectrum import Mode, along, by_character, in_units, on_plane, one_step, plane
from latentknobs.analysis.eigenspectrum import spectrum as modes_of
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.clip import ClipFormat
from latentknobs.core.knob import Knob, Operator
from latentknobs.core.model_calls import encode
from latentknobs.errors import UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program, say
from latentknobs.frontends.cli.melody_files import check_target
from latentknobs.frontends.cli.output import as_json, table
from latentknobs.plots import ClipsOnModes, draw_spectrum
from latentknobs.workbench import Workbench

PITCH_CLASSES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
FIFTH = 7
"""Semitones of a fifth: pitch class p has place 7 p on the circle of fifths."""
TWELVE = 12
CIRCLE_OF_FIFTHS = 150.0
"""Degrees a semitone by which the circle of fifths turns, one way round."""
MOST_ROWS = 24
TOGETHER = 512
"""Clips encoded in one call of the model."""


def spectrum(
    ctx: typer.Context,
    name: options.KnobName,
    model: options.AnyModel = DEFAULT_MODEL,
    registry: options.Registry = None,
    divisions: Annotated[
        int, typer.Option(min=1, help="Divisions of the circle that angles are compared with.")
    ] = TWELVE,
    corpus: Annotated[
        str, typer.Option(help="Clips for shares of variance and for the picture, as in folk or midi:FOLDER [none].")
    ] = "",
    clips: Annotated[int, typer.Option(min=1, help="Number of clips of the corpus.")] = 1000,
    angle: Annotated[
        float, typer.Option(min=0, max=180, help="Degrees a step of the plane that clips are drawn on.")
    ] = CIRCLE_OF_FIFTHS,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="OUT.png", help="Draw the eigenvalues, and the corpus' clips."),
    ] = None,
    force: options.Force = False,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "",
    json: options.Json = False,
) -> None:
    """Show the eigenvalues of one step of an affine or group knob: which planes of the codes rotate, and how far."""
    if output is not None:
        check_target(output, force=force, suffixes=(".png",))
    with program(ctx).workbench(registry, device, precision) as workbench:
        knob = workbench.knob(name, model)
        operator, variance, units = in_units(knob)
        step, _, _ = one_step(operator)
        read = _clips(workbench, knob, model, corpus, clips, seed) if corpus else None
    if read is not None:
        read = (read[0], units.inward(read[1]).astype(np.float64), read[2])
    covariance = variance if read is None else np.cov(read[1].T, bias=True)
    modes = modes_of(operator, covariance, divisions)
    characters = by_character(modes, covariance)
    if output is not None:
        shown = None if read is None else _on_modes(modes, (knob, operator), read, angle, 90.0 / divisions)
        values, shares = np.asarray([mode.value for mode in modes]), np.asarray([mode.share for mode in modes])
        title = f"{name}: eigenvalues of {step:+g} {knob.unit}".rstrip() + f" ({knob.kind}, {knob.model_name})"
        draw_spectrum(values, shares, divisions, output, title=title, clips=shown, overwrite=force)
        say(f"written to {output}")
    if json:
        as_json(
            {
                "knob": name, "model": knob.model_name, "kind": knob.kind, "fit": knob.fit, "step": step,
                "unit": knob.unit, "divisions": divisions, "modes": [_facts(mode, divisions) for mode in modes],
                "characters": [
                    {"character": k * 360 / divisions, "dimensions": count, "share": share}
                    for k, (count, share) in characters.items()
                ],
            }
        )  # fmt: skip
        return
    _print(modes, knob, step, divisions)
    rows = ((f"{k * 360 / divisions:g}", str(count), f"{share:.2%}") for k, (count, share) in characters.items())
    table((f"nearest of {divisions}", "dimensions", "part of variance"), rows)
    if read is None:
        say("shares are of the variance of single dimensions; with --corpus, of the clips' codes")


def _facts(mode: Mode, divisions: int) -> dict[str, Any]:
    return {
        "modulus": mode.modulus,
        "angle": mode.angle,
        "dimensions": mode.dimensions,
        "character": mode.character * 360 / divisions,
        "distance": mode.distance,
        "share": mode.share,
    }


def _print(modes: tuple[Mode, ...], knob: Knob, step: float, divisions: int) -> None:
    rows = [
        (
            f"{mode.modulus:.3f}",
            f"{mode.angle:.1f}",
            f"{mode.character * 360 / divisions:g}",
            f"{mode.distance:.1f}",
            f"{mode.share:.2%}",
            str(mode.dimensions),
        )
        for mode in modes[:MOST_ROWS]
    ]
    headings = ("modulus", "angle", f"nearest of {divisions}", "distance", "share of variance", "dimensions")
    table(headings, rows, title=f"{knob.name}: one step of {step:+g} {knob.unit} ({knob.kind}, {knob.fit})")
    if len(modes) > MOST_ROWS:
        echo(f"({len(modes) - MOST_ROWS} more; --json prints all of them)")


def _clips(
    workbench: Workbench, knob: Knob, model: str, corpus: str, clips: int, seed: int
) -> tuple[ClipBatch, Floats, ClipFormat]:
    """Clips of a corpus, their codes in float64, and their format."""
    backend = workbench.model(model)
    if backend.spec.model_id != knob.model_id:
        raise UsageError(
            f"The knob {knob.name!r} is of other weights than the model {model} has now; discover it anew."
        )
    batch = workbench.clips(corpus, model, clips=clips, seed=seed)
    codes = [encode(backend, batch[i : i + TOGETHER]) for i in range(0, len(batch), TOGETHER)]
    return batch, np.concatenate(codes).astype(np.float64), backend.spec.clip_format


def _on_modes(
    modes: tuple[Mode, ...],
    steered: tuple[Knob, Operator],
    read: tuple[ClipBatch, Floats, ClipFormat],
    angle: float,
    within: float,
) -> ClipsOnModes | None:
    """Where the clips lie on the plane and along the way that does not turn; None where the knob has neither."""
    (knob, operator), (batch, codes, clip_format) = steered, read
    circle = plane(modes, angle, within)
    height = along(modes, operator, codes.astype(np.float32))
    pitch_class, pitch = _pitches(batch, clip_format)
    sounding = pitch_class >= 0
    if circle is None or height is None or not sounding.any():
        say("no picture of clips: the knob has no plane that turns, or none of the clips sounds")
        return None
    at = on_plane(circle, one_step(operator)[2], codes.astype(np.float32))
    return ClipsOnModes(
        plane=at[sounding],
        label=pitch_class[sounding],
        names=PITCH_CLASSES,
        order=tuple(FIFTH * p % TWELVE for p in range(TWELVE)),
        along=height[sounding],
        level=pitch[sounding],
        plane_title=f"plane of {circle.angle:.1f} degrees a step, modulus {circle.modulus:.3f}",
        label_title="longest pitch class",
        along_title=f"along the way that does not turn ({knob.unit or 'steps'})",
        level_title="mean pitch (MIDI)",
    )


def _pitches(batch: ClipBatch, clip_format: ClipFormat) -> tuple[NDArray[np.int64], Floats]:
    """The pitch class that sounds longest in each clip (-1 = none), and the mean pitch by duration."""
    lengths = np.zeros((len(batch), 128))
    for row, clip in zip(lengths, batch, strict=True):
        for note in clip_format.notes(clip):
            row[note.pitch] += note.length
    total = lengths.sum(axis=1)
    classes = np.stack([lengths[:, p::TWELVE].sum(axis=1) for p in range(TWELVE)], axis=1)
    longest = np.where(total > 0, classes.argmax(axis=1), -1).astype(np.int64)
    return longest, lengths @ np.arange(128.0) / np.maximum(total, 1.0)
