"""
The running examples: the theme of Mozart's variations K. 265 on "Ah vous dirai-je, Maman", a waltz and a jig.

The files in the package are what ``write_piece(EXAMPLES[name].piece, EXAMPLES[name].path, overwrite=True)`` writes.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from attrs import frozen

from latentknobs.core.clip import ClipFormat, Note
from latentknobs.core.melody_format import MELODY, MELODY_3_4, MELODY_6_8, MelodyFormat
from latentknobs.core.meter import signature_of
from latentknobs.core.piece import Piece, alike
from latentknobs.scores.midi_reader import read_piece

_PITCHES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@frozen
class ExampleMelody:
    """
    A melody that comes with the package.

    Attributes:
        name: Its file's name, without the ending.
        title: What people call it.
        clip_format: A format whose bars it has.
        unit: Steps of a sign of the melody.
        tempo: Quarter notes a minute.
        melody: Its notes as in ABC notation, without a key: C is middle C, c an octave above, "^" before a note raises
            it by a semitone and "-" holds the note before it by a unit.
    """

    name: str
    title: str
    clip_format: MelodyFormat
    unit: int
    tempo: float
    melody: str

    @property
    def piece(self) -> Piece:
        """The melody itself."""
        notes: list[Note] = []
        at = raised = 0
        for sign in self.melody.replace(" ", ""):
            if sign == "^":
                raised = 1
                continue
            if sign == "-":
                notes[-1] = Note(notes[-1].onset, notes[-1].pitch, notes[-1].length + self.unit)
            else:
                pitch = 60 + _PITCHES[sign.upper()] + 12 * sign.islower() + raised
                notes.append(Note(at, pitch, self.unit))
            at, raised = at + self.unit, 0
        return Piece(tuple(notes), at, self.tempo, self.name)

    @property
    def path(self) -> Path:
        """Where the package keeps it as a MIDI file."""
        return Path(str(resources.files("latentknobs") / "data" / f"{self.name}.mid"))

    def read(self) -> Piece:
        """The melody, read from its MIDI file."""
        return read_piece(self.path, clip_format=self.clip_format)


TWINKLE = ExampleMelody(
    "twinkle",
    "Twinkle, twinkle, little star",
    MELODY,
    4,
    120.0,
    "CCGG AAG- FFEE DDC- GGFF EED- GGFF EED- CCGG AAG- FFEE DDC-",
)
WALTZ = ExampleMelody(
    "waltz",
    "A waltz",
    MELODY_3_4,
    2,
    150.0,
    "d---B- G---B- d-e-d- B----- c---A- ^F---A- c-d-c- A----- d---B- G---B- e-g-e- d----- c-e-A- B-d-G- A--B^F- G-----",
)
JIG = ExampleMelody(
    "jig",
    "A jig",
    MELODY_6_8,
    2,
    180.0,
    "dA^F D^FA B-GB^cd A-^FD^FA E-^FE-- dA^F D^FA B-GB^cd e^cAG^FE ^FDDD--",
)
EXAMPLES = {one.name: one for one in (TWINKLE, WALTZ, JIG)}


def example_for(clip_format: ClipFormat) -> ExampleMelody | None:
    """The first example in a format's time signature; None where there is none."""
    wanted = signature_of(clip_format)
    return next((one for one in EXAMPLES.values() if alike(signature_of(one.clip_format), wanted)), None)


def twinkle() -> Piece:
    """The first example, in quarter notes of 4/4."""
    return TWINKLE.piece


def twinkle_path() -> Path:
    """Where the package keeps it as a MIDI file."""
    return TWINKLE.path
