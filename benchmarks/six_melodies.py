"""
Six melodies of six styles under every accepted knob of the 4/4 model: notes, and a picture.

    python -m benchmarks.six_melodies [--plot FILE.png]

The melodies are two bars each and were written for this page. Beside each result stands how many of the edit's own
notes (onset and pitch) it has.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.random import default_rng

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.augmentation import in_context
from latentknobs.core.clip import Note
from latentknobs.core.edit_context import PITCH_CLASSES, contexts_of
from latentknobs.core.melody_format import MELODY
from latentknobs.core.piece import Piece
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.plots.roll import draw_rolls
from latentknobs.session import Session
from latentknobs.workbench import Workbench

MELODIES: Mapping[str, str] = {
    "march": "C5:4 G4:2 G4:2 A4:4 F4:4 E4:2 F4:2 D4:2 G4:2 C4:8",
    "hymn": "G4:4 B4:4 A4:4 D5:4 C5:4 B4:4 A4:8",
    "baroque": (
        "A4:1 C5:1 B4:1 A4:1 E5:1 C5:1 B4:1 A4:1 Ab4:1 B4:1 D5:1 B4:1 Ab4:1 F4:1 E4:2 "
        "A4:1 B4:1 C5:1 D5:1 E5:2 C5:2 B4:1 A4:1 B4:1 Ab4:1 A4:4"
    ),
    "ragtime": "F4:1 A4:2 C5:1 A4:2 D5:2 C5:1 A4:2 G4:1 F4:4 E4:1 G4:2 Bb4:1 G4:2 C5:2 F4:8",
    "pop": "D4:2 D4:2 F4:3 G4:3 A4:2 G4:4 F4:2 F4:2 E4:3 D4:3 C4:2 D4:4",
    "blues": "A4:3 C5:1 D5:3 Eb5:1 D5:2 C5:2 A4:4 G4:3 A4:1 C5:4 A4:3 G4:1 A4:4",
}
"""Pitch and length in sixteenths of each note."""
AMOUNTS: Mapping[str, float] = {
    "pitch": 5, "rhythm": 2, "rotation": 1, "degree": 2, "mode": -1, "thinning": -2, "ornament": 1,
}  # fmt: skip
"""Where each knob is turned to; the others are on or off."""


def piece_of(name: str, text: str) -> Piece:
    """A melody as a piece."""
    notes, at = [], 0
    for word in text.split():
        pitch, length = word.split(":")
        notes.append(Note(at, 12 * (int(pitch[-1]) + 1) + PITCH_CLASSES.index(pitch[:-1]), int(length)))
        at += int(length)
    return Piece(tuple(notes), at, name=name)


def named(notes: Sequence[Note]) -> str:
    """Notes as they are written above."""
    return " ".join(f"{PITCH_CLASSES[n.pitch % 12]}{n.pitch // 12 - 1}:{n.length}" for n in notes)


def main() -> None:
    """Print the notes, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", type=Path, help="PNG to draw: a row for each knob, a column for each melody")
    options = parser.parse_args()
    with Workbench.open() as workbench:
        sessions = [Session.open(workbench, piece_of(*item), DEFAULT_MODEL) for item in MELODIES.items()]
        clips = np.stack([session.cut.clips for session in sessions])
        rows, labels = [clips[:, 0]], ["as written"]
        for knob in workbench.knobs(model=DEFAULT_MODEL):
            if knob.verdict != "accepted" or knob.augmentation is None:
                continue
            amount, edit = AMOUNTS.get(knob.name, 1.0), workbench.augment(knob.augmentation)
            turned = [session.turn({knob.name: amount}) for session in sessions]
            print(f"\n{knob.name} {amount:+g}")
            for before, result in zip(clips, turned, strict=True):
                (context,) = contexts_of(before, MELODY)
                rule = in_context(edit, [context])
                edited = run_augmentation(rule, before, amount, default_rng(0), MELODY, exact=False)
                wanted = {(note.onset, note.pitch) for note in MELODY.notes(edited.clips[0])}
                notes = result.after.notes
                same = len(wanted & {(note.onset, note.pitch) for note in notes})
                print(f"  {result.before.name} ({context.key}) {same}/{len(wanted)}: {named(notes)}")
            rows.append(np.stack([result.clips[0] for result in turned]))
            labels.append(f"{knob.name} {amount:+g}")
    if options.plot:
        draw_rolls(np.stack(rows), MELODY, options.plot, column_label=", ".join(MELODIES), names=labels, overwrite=True)


if __name__ == "__main__":
    main()
