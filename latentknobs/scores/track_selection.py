"""Which track of a MIDI file is the melody."""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from latentknobs.errors import MidiError
from latentknobs.scores.general_midi import BASSES, PADS, SOLOISTS
from latentknobs.scores.import_warnings import count
from latentknobs.scores.midi_file import DRUM_CHANNEL, MidiPart, MidiScore
from latentknobs.scores.note_pairing import TickNote
from latentknobs.scores.voice_extraction import Policy

NEARLY = 0.9
"""Share of the sounding time with one note from which on a track is nearly monophonic."""
_LISTED = 24
_NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MELODY = re.compile(
    r"melod|vocal|\bvox\b|(?<!, )voice|sing|song|soprano(?! sax)|cantus|treble|theme|tune|tema|canto|gesang"
    r"|right hand|\brh\b",
    re.IGNORECASE,
)
_SOLO = re.compile(r"\blead\b|solo|flute|violin( ?[1I])?$|fiddle|\bsax|trumpet|clarinet|oboe|whistle", re.IGNORECASE)
_ACCOMPANIMENT = re.compile(
    r"bass\b|chord|\bpads?\b|\bacc|\bcomp|rhythm|harmony|strings|\barp|left hand|\blh\b|(alto|tenor|baritone)(?! sax)"
    r"|back|\bbg|choir|counter|guitar 2|organ|2nd|\bII\b",
    re.IGNORECASE,
)
_AHEAD = 1.0
"""By how much a track must be likelier than every other one to be taken without being named."""


@frozen
class Candidate:
    """
    A track as a possible melody.

    Attributes:
        part: The track.
        low: Its lowest pitch.
        high: Its highest.
        monophonic: Share of its sounding time with one note, 0 to 1.
        likelihood: How likely it is the melody, among the tracks of one file; None = it is drums or an effect.
    """

    part: MidiPart
    low: int
    high: int
    monophonic: float
    likelihood: float | None

    @property
    def kind(self) -> str:
        """What it is played with, or is good for."""
        effect = "" if self.part.pitched or self.part.drums else "effects"
        return effect or self.part.instrument

    def __str__(self) -> str:
        part = self.part
        kind = f", {self.kind}" if self.kind else ""
        return (
            f"{part.number} {part.name[:60] or 'without name'!r} ({count(len(part.notes), 'note')}, "
            f"{pitch_name(self.low)} to {pitch_name(self.high)}, {self.monophonic:.0%} monophonic{kind})"
        )


class TrackChoiceError(MidiError):
    """
    Raised when a file has several tracks and none is plainly the melody.

    Attributes:
        question: What is to be chosen, one sentence.
        candidates: Its tracks.
        likely: Number of the likeliest; None = none may be a melody.
    """

    def __init__(self, question: str, candidates: Sequence[Candidate], likely: int | None, policy: str = "") -> None:
        self.question = question
        self.candidates = tuple(candidates)
        self.likely = likely
        listed = "; ".join(map(str, self.candidates[:_LISTED]))
        more = f"; and {len(self.candidates) - _LISTED} more" if len(self.candidates) > _LISTED else ""
        options = [*(("--track", str(likely)) if likely else ()), *(("--policy", policy) if policy else ())]
        super().__init__(f"{question} There is: {listed}{more}.", options=options)


def candidates(score: MidiScore) -> tuple[Candidate, ...]:
    """The tracks of a file with how likely each is the melody."""
    busiest = max((len(part.notes) for part in score.parts if part.pitched), default=1)
    longest = max((_sounding(part.notes) for part in score.parts), default=1)
    middles = [_median(part.notes) for part in score.parts if part.pitched]
    lowest, highest = min(middles, default=0), max(middles, default=0)
    out = []
    for part in score.parts:
        alone = monophonic_share(part.notes, score.ticks_per_beat)
        likelihood = None
        if part.pitched:
            middle = _median(part.notes)
            likelihood = (
                2.5 * bool(_MELODY.search(part.name))
                + 1.0 * (bool(_SOLO.search(part.name)) and alone >= NEARLY)
                - 2.5 * bool(_ACCOMPANIMENT.search(part.name))
                + 3 * (alone if alone >= NEARLY else alone / 2)
                + 0.75 * (part.stated and part.program in SOLOISTS)
                - 1.5 * (part.program in BASSES and part.stated)
                - 1.0 * (part.program in PADS and part.stated)
                - 1.5 * (middle < 48)
                - 0.75 * (middle > 90)
                - 0.5 * (middle == lowest)
                + 0.6 * (middle == highest and len(middles) > 2)  # of two, not to be the lowest says as much
                + _sounding(part.notes) / longest
                + 0.5 * len(part.notes) / busiest
                - 1.0 * (len(part.notes) < 4)
                - 0.4 * (len({note.pitch for note in part.notes}) < 3)
            )
        low, high = min(n.pitch for n in part.notes), max(n.pitch for n in part.notes)
        out.append(Candidate(part, low, high, alone, likelihood))
    return tuple(out)


def choose(score: MidiScore, policy: Policy, track: int | str | None) -> tuple[MidiPart, ...]:
    """
    The tracks to read as one melody.

    Args:
        score: The file.
        policy: With "highest-onset" and "skyline" several tracks may be read as one.
        track: Number or name of the one that is wanted; None = the one that is plainly the melody: the only one that
            may be one, or one that is nearly monophonic and by its name, range, instrument and length likelier than
            every other.

    Raises:
        TrackChoiceError: There are several and none is plainly the melody.
        MidiError: There is no such track, or none with pitches.
    """
    path = score.path
    if not score.parts:
        raise MidiError(f"{path} has no notes: export the track that holds the melody.")
    if track is not None:
        part = named(score, track)
        if part.drums:
            where = "on channel 10" if part.channel == DRUM_CHANNEL else "by its name or notes"
            raise _choice(score, f"track {str(track).strip()} is drums ({where}), which have no pitch: choose another.")
        return (part,)
    if all(part.drums for part in score.parts):
        raise MidiError(f"{path} has only drums: export the track that holds the melody.")
    pitched = tuple(part for part in score.parts if part.pitched)
    if len(pitched) == 1 or (pitched and policy in ("highest-onset", "skyline")):
        return pitched
    every = candidates(score)
    ranked = sorted((one for one in every if one.likelihood is not None), key=lambda one: -(one.likelihood or 0))
    if ranked:
        first, second = ranked[0], ranked[1]
        ahead = (first.likelihood or 0) - (second.likelihood or 0)
        if ahead >= _AHEAD and (first.monophonic >= NEARLY or policy == "error"):
            return (first.part,)
    together = "" if len(ranked) < 2 else ", or read all with pitches as one with --policy skyline"
    raise _choice(score, f"which track is the melody? Choose it with --track{together}.")


def _choice(score: MidiScore, question: str) -> TrackChoiceError:
    every = candidates(score)
    best = max((one for one in every if one.likelihood is not None), key=lambda one: one.likelihood or 0, default=None)
    likely = best.part.number if best else None
    policy = "skyline" if best and best.monophonic < NEARLY else ""
    guess = f" Most likely: {likely}." if likely else ""
    return TrackChoiceError(f"{score.path}: {question}{guess}", every, likely, policy)


def named(score: MidiScore, track: int | str) -> MidiPart:
    """
    The track of that number or name.

    Raises:
        TrackChoiceError: There is none, or several have the name.
    """
    wanted = str(track).strip()
    if wanted.isascii() and wanted.isdigit():
        matches = [part for part in score.parts if part.number == int(wanted)]
    else:
        matches = [part for part in score.parts if part.name.casefold() == wanted.casefold()]
    if len(matches) != 1:
        raise _choice(score, f"{'several tracks are' if matches else 'no track is'} {wanted!r}.")
    return matches[0]


def monophonic_share(notes: Sequence[TickNote], ticks_per_beat: int) -> float:
    """Share of the sounding time with exactly one note, overlaps under a sixteenth not counted."""
    edges = sorted(
        edge for note in notes for edge in ((note.start, 1), (max(note.end - ticks_per_beat // 4, note.start + 1), -1))
    )
    sounding = alone = together = last = 0
    for tick, change in edges:
        sounding += (tick - last) * (together > 0)
        alone += (tick - last) * (together == 1)
        together, last = together + change, tick
    return alone / sounding


def pitch_name(pitch: int) -> str:
    """A MIDI pitch as people call it, 60 = C4."""
    return f"{_NAMES[pitch % 12]}{pitch // 12 - 1}"


def _sounding(notes: Sequence[TickNote]) -> int:
    """From the first start to the last end, in ticks, without rests of more than their share: at least 1."""
    return max(sum(note.end - note.start for note in notes), 1)


def _median(notes: Sequence[TickNote]) -> int:
    return sorted(note.pitch for note in notes)[len(notes) // 2]
