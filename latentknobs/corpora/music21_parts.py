"""
Parts of the scores in MusicXML that come with music21, Bach to Joplin, and their clips.

They are for measuring how models generalise; no model that comes with the package has learned from them. Reading all
of them takes half a minute, from the cache a second.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.corpus import CorpusRequest, Song
from latentknobs.core.melody_format import MELODY, MELODY_FORMATS, MelodyFormat
from latentknobs.core.time_signature import MOST_BEATS, UNITS, TimeSignature
from latentknobs.corpora.cache import ClipCaches
from latentknobs.corpora.deduplication import read_songs
from latentknobs.corpora.music21_corpora import music21_corpus, unused_name
from latentknobs.corpora.windowing import windows
from latentknobs.errors import CorpusError, MidiError, UnknownNameError
from latentknobs.scores.abc_reader import CHORD, REST, Event, Measure
from latentknobs.scores.input_bytes import read_bytes
from latentknobs.scores.musicxml_reader import PrintedMeasure, PrintedScore, ScoreNote, ScoreVoice
from latentknobs.scores.notation import printed_score

_SUFFIXES = (".mxl", ".musicxml", ".xml")
_NO_MUSIC = ("demos", "theoryExercises")
_STEPS_PER_QUARTER = 4


@frozen
class ScoreParts:
    """
    The parts of scores as a corpus: the voices of each part, in a format's meter or (two bars joined) half of it.

    A song is a score with all of its parts, named "parts/bach/bwv1.6" by its place in the folder, so parts of one score
    are in one split; movements of a work, and Bach's settings of one chorale, are songs of their own. The rules for
    bars are those of the tune books (:mod:`.windowing`): repeats are not played out, and a bar with a chord or off the
    grid is left out, not its voice. So a voice counts however few bars of it are monophonic: a piano's staff gives
    those that have one line. Percussion, grace notes and cue notes are left out, and bars in which parts have different
    time signatures.

    Attributes:
        folder: Where the composers' folders lie, None = in the installed music21.
    """

    folder: Path | None = None
    name: str = "parts"
    doc: str = (
        "Monophonic bars of every voice of the scores in the installed music21, Bach to Joplin, or of one composer's."
    )
    licence: str = (
        "The music is out of copyright or licensed; some encodings may not be used commercially, as each says itself: "
        "read them here, do not pass clips of them on."
    )
    clip_format: str = MELODY.name
    clip_formats: tuple[str, ...] = tuple(MELODY_FORMATS)
    takes: str = "[a composer, as bach]"

    def scores(self) -> dict[str, Path]:
        """
        Name to file of every score.

        Raises:
            CorpusError: music21 or its scores are not there.
        """
        root = self.folder or music21_corpus()
        files = {
            path.relative_to(root): path
            for path in root.glob("*/**/*")
            if path.suffix in _SUFFIXES and path.relative_to(root).parts[0] not in _NO_MUSIC
        }
        if not files:
            raise CorpusError(f"No scores in {root}: install music21 again (pip install music21).")
        out: dict[str, Path] = {}
        for place in sorted(files):
            out[unused_name(f"{self.name}/{place.with_suffix('').as_posix()}", out)] = files[place]
        return out

    def songs(self, request: CorpusRequest, argument: str = "") -> Iterator[Song]:
        """
        The scores that have clips, in an order fixed by the seed.

        Args:
            request: What is wanted.
            argument: A composer, by the name of the folder in music21's corpus; "" = all.

        Raises:
            CorpusError: music21 or its scores are not there, or no clip is in the pitch range.
            UnknownNameError: No score is by that composer.
        """
        scores = self.scores()
        composers = {name: name.split("/")[1] for name in scores}
        if argument and argument not in composers.values():
            raise UnknownNameError("composer", argument, set(composers.values()), f"in the corpus {self.name}")
        names = [name for name, composer in composers.items() if argument in ("", composer)]
        with ClipCaches(request.cache, self.name) as caches:

            def clips_of(name: str, clip_format: MelodyFormat) -> tuple[ClipBatch, Counter[str]]:
                try:
                    content = read_bytes(scores[name])
                except MidiError:
                    return _unreadable(clip_format)
                # Its other clips of as many steps will be asked for too, and reading it is what takes time.
                for other in MELODY_FORMATS.values():
                    if other.steps == clip_format.steps:
                        caches[other].get(name, content, partial(cut, scores[name], content, other))
                return caches[clip_format].get(name, content, partial(cut, scores[name], content, clip_format))

            corpus = f"{self.name}:{argument}" if argument else self.name
            sieve = read_songs(corpus, lambda _format: names, clips_of, request)
        yield from sieve.songs()


def cut(path: Path, content: bytes, clip_format: MelodyFormat = MELODY) -> tuple[ClipBatch, Counter[str]]:
    """
    The clips of a score, int16 (n, steps), and the counts of what was left out or joined.

    Args:
        path: Its file, for the suffix.
        content: What is in the file.
        clip_format: Of the clips.
    """
    try:
        score = _printed(path, content)
    except MidiError:
        return _unreadable(clip_format)
    clips: list[ClipBatch] = []
    counts: Counter[str] = Counter()
    for voice in score.voices:
        if score.parts[voice.part].drums:
            counts["percussion voices"] += 1
            continue
        own, left_out = windows(measures(score, voice), clip_format)
        clips.append(own)
        counts += left_out
    return np.concatenate([np.zeros((0, clip_format.steps), dtype=np.int16), *clips]), counts


@lru_cache(maxsize=1)
def _printed(path: Path, content: bytes) -> PrintedScore:
    return printed_score(path, content)


def measures(score: PrintedScore, voice: ScoreVoice) -> tuple[Measure, ...]:
    """The measures of a voice, as printed; one with notes that sound together is one chord."""
    out: list[Measure] = []
    tied: frozenset[int] = frozenset()
    section = False
    for k, printed in enumerate(score.measures):
        signature = None if printed.mixed else _signature(printed)
        notes = sorted(score.voices[voice].get(k, ()), key=lambda note: note.start)
        length = _length(printed)
        later_ending = "ending starts" in printed.signs and min(printed.endings, default=1) > 1
        out.append(Measure(signature, _events(notes, length, tied), section or printed.start, later_ending))
        end = max([length, *(note.start + note.length for note in notes)])
        tied = frozenset(note.pitch for note in notes if note.ties[1] and note.start + note.length == end)
        section = printed.double or printed.times > 0
    return tuple(out)


def _events(notes: Sequence[ScoreNote], length: Fraction, tied: frozenset[int]) -> tuple[Event, ...]:
    """
    The notes of a measure, and rests between them.

    Args:
        notes: By start, in quarter notes.
        length: Of the measure, in quarter notes.
        tied: Pitches of notes before it that are tied to what follows them.
    """
    out: list[Event] = []
    now = Fraction(0)
    for note in notes:
        if note.start < now:
            return (Event(length * _STEPS_PER_QUARTER, CHORD),)
        if note.start > now:
            out.append(Event((note.start - now) * _STEPS_PER_QUARTER, REST))
            tied = frozenset()
        out.append(Event(note.length * _STEPS_PER_QUARTER, note.pitch, held=note.ties[0] and note.pitch in tied))
        now = note.start + note.length
        tied = frozenset([note.pitch] if note.ties[1] else [])
    if now < length:
        out.append(Event((length - now) * _STEPS_PER_QUARTER, REST))
    return tuple(out)


def _length(measure: PrintedMeasure) -> Fraction:
    """What a measure lasts, in quarter notes: a bar where nothing is in it."""
    if measure.length or measure.signature is None:
        return measure.length
    return Fraction(4 * measure.signature[0], measure.signature[1])


def _signature(measure: PrintedMeasure) -> TimeSignature | None:
    """The time signature of a measure; None where it is free, or none that MIDI could write."""
    beats, unit = measure.signature or (0, 0)
    return TimeSignature(beats, unit) if 1 <= beats <= MOST_BEATS and unit in UNITS else None


def _unreadable(clip_format: MelodyFormat) -> tuple[ClipBatch, Counter[str]]:
    return np.zeros((0, clip_format.steps), dtype=np.int16), Counter({"scores that cannot be read": 1})
