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
from numpy.typing import NDArray

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.arrays import ClipBatch
from latentknobs.core.augmentation import in_context
from latentknobs.core.clip import Note
from latentknobs.core.edit_context import PITCH_CLASSES, EditContext, Key, contexts_of
from latentknobs.core.knob import Knob
from latentknobs.core.melody_format import MELODY
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.plots.roll import draw_rolls
from latentknobs.steering.turning import Frame, turn
from latentknobs.workbench import Workbench

MELODIES: Mapping[str, tuple[Key, str]] = {
    "march": (Key(0), "C5:4 G4:2 G4:2 A4:4 G4:4 E4:2 F4:2 G4:2 A4:2 G4:8"),
    "hymn": (Key(7), "G4:4 B4:4 A4:4 D5:4 C5:4 B4:4 A4:8"),
    "baroque": (
        Key(9, "minor"),
        (
            "A4:1 C5:1 B4:1 A4:1 E5:1 C5:1 B4:1 A4:1 Ab4:1 B4:1 D5:1 B4:1 Ab4:1 F4:1 E4:2 "
            "A4:1 B4:1 C5:1 D5:1 E5:2 C5:2 B4:1 A4:1 B4:1 Ab4:1 A4:4"
        ),
    ),
    "ragtime": (Key(5), "F4:1 A4:2 C5:1 A4:2 D5:2 C5:1 A4:2 G4:1 F4:4 E4:1 G4:2 Bb4:1 G4:2 C5:2 F4:8"),
    "pop": (Key(2, "minor"), "D4:2 D4:2 F4:3 G4:3 A4:2 G4:4 F4:2 F4:2 E4:3 D4:3 C4:2 D4:4"),
    "blues": (Key(9, "minor"), "A4:3 C5:1 D5:3 Eb5:1 D5:2 C5:2 A4:4 G4:3 A4:1 C5:4 A4:3 G4:1 A4:4"),
}
"""Key, and pitch and length in sixteenths of each note."""
AMOUNTS: Mapping[str, float] = {
    "pitch": 5, "rhythm": 2, "rotation": 1, "degree": 2, "swap-mode": -1, "thinning": -2, "ornament": 1,
}  # fmt: skip
"""Where each knob is turned to; the others are on or off."""


def clip_of(text: str) -> NDArray[np.int16]:
    """A melody as a clip."""
    notes, at = [], 0
    for word in text.split():
        name, length = word.split(":")
        pitch = 12 * (int(name[-1]) + 1) + PITCH_CLASSES.index(name[:-1])
        notes.append(Note(at, pitch, int(length)))
        at += int(length)
    assert at == len(MELODY.tokens(())), text
    return MELODY.tokens(notes)


def named(notes: Sequence[Note]) -> str:
    """Notes as they are written above."""
    return " ".join(f"{PITCH_CLASSES[n.pitch % 12]}{n.pitch // 12 - 1}:{n.length}" for n in notes)


def turned(
    workbench: Workbench, knob: Knob, amount: float, clips: ClipBatch, contexts: Sequence[EditContext]
) -> ClipBatch:
    """The melodies after a knob."""
    model = workbench.model()
    frames = {}
    if knob.evidence.relative_to:
        still = np.zeros(len(clips), dtype=np.int64)
        frames[knob.name] = Frame.of(knob.evidence.relative_to, workbench.knob("pitch"), tuple(contexts), still)
    return model.decode(turn(model.encode(clips).mean, [(knob, amount)], frames))


def main() -> None:
    """Print the notes, and draw."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--plot", type=Path, help="PNG to draw: a row for each knob, a column for each melody")
    options = parser.parse_args()
    clips = np.stack([clip_of(text) for _, text in MELODIES.values()])
    with Workbench.open() as workbench:
        contexts = [
            contexts_of(clip[None], MELODY, key=key)[0] for clip, (key, _) in zip(clips, MELODIES.values(), strict=True)
        ]
        rows, labels = [clips], ["as written"]
        accepted = [one for one in workbench.knobs(model=DEFAULT_MODEL) if one.verdict == "accepted"]
        for knob in (workbench.knob(one.name) for one in accepted if one.augmentation):
            assert knob.augmentation is not None  # none is without one here
            amount = AMOUNTS.get(knob.name, 1.0)
            result = turned(workbench, knob, amount, clips, contexts)
            rule = in_context(workbench.augment(knob.augmentation), contexts)
            edited = run_augmentation(rule, clips, amount, default_rng(0), MELODY, exact=False).clips
            print(f"\n{knob.name} {amount:+g}")
            for name, context, whole, out in zip(MELODIES, contexts, edited, result, strict=True):
                wanted = {(n.onset, n.pitch) for n in MELODY.notes(whole)}
                notes = MELODY.notes(out)
                same = len(wanted & {(n.onset, n.pitch) for n in notes})
                print(f"  {name} ({context.key}) {same}/{len(wanted)}: {named(notes)}")
            rows.append(result)
            labels.append(f"{knob.name} {amount:+g}")
    if options.plot:
        draw_rolls(np.stack(rows), MELODY, options.plot, column_label=", ".join(MELODIES), names=labels, overwrite=True)


if __name__ == "__main__":
    main()
