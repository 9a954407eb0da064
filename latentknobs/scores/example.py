"""
The running examples: melodies that nobody owns or that were made for this package, written as text.

Those that commands read where no file is named are in the package as MIDI files too, one for each time signature that
the shipped models have: what ``write_piece(EXAMPLES[name].piece, EXAMPLES[name].path, overwrite=True)`` writes.
"""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

from attrs import evolve, frozen

from latentknobs.core.clip import ClipFormat, Note
from latentknobs.core.melody_format import MELODY, MELODY_3_4, MELODY_6_8, MelodyFormat
from latentknobs.core.meter import signature_of
from latentknobs.core.piece import Piece, PieceStretch, alike

_NOTE = re.compile(r"(\^?)([A-Ga-gz])(,?)(-*)")
_PITCHES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


@frozen
class ExampleMelody:
    """
    A melody that comes with the package.

    Attributes:
        name: What programs call it; its file's name, without the ending.
        title: What people call it.
        style: What kind of music it is, in a word or two.
        about: Where it comes from, one sentence.
        clip_format: A format whose bars it has.
        unit: Steps of a sign of the melody.
        tempo: Quarter notes a minute.
        melody: Its notes as in ABC notation, without a key: C is middle C, c an octave above and "C," one below, "^"
            before a note raises it by a semitone, "z" is a rest, and "-" holds what is before it by a unit.
    """

    name: str
    title: str
    style: str
    about: str
    clip_format: MelodyFormat
    unit: int
    tempo: float
    melody: str

    @property
    def piece(self) -> Piece:
        """The melody itself."""
        notes: list[Note] = []
        at = 0
        for raised, letter, lower, held in _NOTE.findall(self.melody.replace(" ", "")):
            length = self.unit * (1 + len(held))
            if letter != "z":
                pitch = 60 + _PITCHES[letter.upper()] + 12 * (letter.islower() - len(lower)) + len(raised)
                notes.append(Note(at, pitch, length))
            at += length
        return Piece(tuple(notes), at, self.tempo, self.name)

    @property
    def path(self) -> Path:
        """Where the package keeps it as a MIDI file, if it does."""
        return Path(str(resources.files("latentknobs") / "data" / f"{self.name}.mid"))

    def read(self) -> Piece:
        """The melody in its time signature."""
        piece = self.piece
        return evolve(piece, stretches=(PieceStretch(0, piece.steps, signature_of(self.clip_format)),))


TWINKLE = ExampleMelody(
    "twinkle",
    "Twinkle, twinkle, little star",
    "nursery song",
    "A French tune of the 1760s, the theme of Mozart's variations K. 265.",
    MELODY,
    4,
    120.0,
    "CCGG AAG- FFEE DDC- GGFF EED- GGFF EED- CCGG AAG- FFEE DDC-",
)
WALTZ = ExampleMelody(
    "waltz",
    "A waltz",
    "dance",
    "Made for this program: a tune in G that turns round and round.",
    MELODY_3_4,
    2,
    150.0,
    "d---B- G---B- d-e-d- B----- c---A- ^F---A- c-d-c- A----- d---B- G---B- e-g-e- d----- c-e-A- B-d-G- A--B^F- G-----",
)
JIG = ExampleMelody(
    "jig",
    "A jig",
    "Irish dance",
    "Made for this program, in D, as fiddlers play them.",
    MELODY_6_8,
    2,
    180.0,
    "dA^F D^FA B-GB^cd A-^FD^FA E-^FE-- dA^F D^FA B-GB^cd e^cAG^FE ^FDDD--",
)
ODE = ExampleMelody(
    "ode",
    "Ode to Joy",
    "classical theme",
    "From the last movement of Beethoven's ninth symphony, 1824.",
    MELODY,
    2,
    126.0,
    "E-E-F-G- G-F-E-D- C-C-D-E- E--DD--- E-E-F-G- G-F-E-D- C-C-D-E- D--CC--- "
    "D-D-E-C- D-EFE-C- D-EFE-D- C-D-G,--- E-E-F-G- G-F-E-D- C-C-D-E- D--CC---",
)
MINUET = ExampleMelody(
    "minuet",
    "Minuet in G",
    "baroque dance",
    "By Christian Petzold, from Anna Magdalena Bach's notebook of 1725.",
    MELODY_3_4,
    2,
    120.0,
    "d-GABc d-G-G- e-cde^f g-G-G- c-dcBA B-cBAG ^F-GABG A----- "
    "d-GABc d-G-G- e-cde^f g-G-G- c-dcBA B-cBAG A-BAG^F G-----",
)
SILENT_NIGHT = ExampleMelody(
    "silent-night",
    "Silent Night",
    "carol",
    "By Franz Xaver Gruber, sung first at Christmas 1818.",
    MELODY_6_8,
    1,
    72.0,
    "G--AG-E----- G--AG-E----- d---d-B----- c---c-G----- A---A-c--BA- G--AG-E----- "
    "A---A-c--BA- G--AG-E----- d---d-f--dB- c-----e----- c-G-E-G--FD- C-----------",
)
KOROBEINIKI = ExampleMelody(
    "korobeiniki",
    "Korobeiniki",
    "Russian folk song",
    "The pedlars' song of the 1860s, in A minor.",
    MELODY,
    2,
    138.0,
    "e-Bcd-cB A-Ace-dc B--cd-e- c-A-A--- d--fa-gf e--ce-dc B-Bcd-e- c-A-A---",
)
SAKURA = ExampleMelody(
    "sakura",
    "Sakura, sakura",
    "Japanese folk song",
    "Cherry blossoms, a tune for the koto in a scale of five notes.",
    MELODY,
    2,
    84.0,
    "A-A-B--- A-A-B--- A-B-c-B- A-BAF--- E-C-E-F- E-ECB,--- A-B-c-B- "
    "A-BAF--- E-C-E-F- E-ECB,--- A-A-B--- A-A-B--- E-F-BAF- E-------",
)
SKIP = ExampleMelody(
    "skip",
    "Skip to my Lou",
    "American play party",
    "A game of stealing partners, danced since the 1840s.",
    MelodyFormat("2/4"),
    1,
    100.0,
    "E-E-C-C- E-E-G--- D-D-B,-B,- D-D-F--- E-E-C-C- E-E-G--- D-EFE-D- C---C---",
)
BLUES = ExampleMelody(
    "blues",
    "A blues",
    "blues",
    "Made for this program: a riff through the twelve bars in C.",
    MELODY,
    2,
    116.0,
    "C^DEGA-G- ^A-A-G--- C^DEGA-G- G-E-C-z- F^GAcd-c- ^d-d-c--- "
    "C^DEGA-G- ^A-A-G--- G^ABdf-d- F^GAc^d-c- C^DEGA-^A- G-E-C---",
)
ALL = (TWINKLE, WALTZ, JIG, ODE, MINUET, SILENT_NIGHT, KOROBEINIKI, SAKURA, SKIP, BLUES)
EXAMPLES = {one.name: one for one in ALL}


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
