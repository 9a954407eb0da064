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
from latentknobs.scores.example import ExampleMelody
from latentknobs.session import Session
from latentknobs.workbench import Workbench

MELODIES: Mapping[str, str] = {
    "march": "c---G-G-A---F---E-F-D-G-C-------",
    "hymn": "G---B---A---d---c---B---A-------",
    "baroque": "AcBAecBA^GBdB^GFE-ABcde-c-BAB^GA---",
    "ragtime": "FA-cA-d-cA-GF---EG-^AG-c-F-------",
    "pop": "D-D-F--G--A-G---F-F-E--D--C-D---",
    "blues": "A--cd--^dd-c-A---G--Ac---A--GA---",
}
"""As in ABC notation (:class:`latentknobs.scores.example.ExampleMelody`), a sign a sixteenth."""
AMOUNTS: Mapping[str, float] = {
    "pitch": 5, "rhythm": 2, "rotation": 1, "degree": 2, "mode": -1, "thinning": -2, "ornament": 1,
    "mean-pitch-auto": 5,
}  # fmt: skip
"""Where each knob is turned to; the others are on or off."""


def piece_of(name: str, melody: str) -> Piece:
    """A melody as a piece."""
    return ExampleMelody(name, name, name, "", MELODY, 1, 120.0, melody).piece


def named(notes: Sequence[Note]) -> str:
    """Pitch and length in sixteenths of each note."""
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
            if knob.verdict != "accepted":
                continue
            amount = AMOUNTS.get(knob.name, 1.0)
            edit = workbench.augment(knob.augmentation or "transpose")  # without an edit, pitch alone was found
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
