"""Scores: in ABC and MusicXML, of the corpus of music21, and rendered by mma."""

from __future__ import annotations

import io
import random
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import Any

import mido

from benchmarks.real_files.performances import MelodyTruth, PlayedNote
from benchmarks.real_files.song_files import TUNE
from benchmarks.real_files.songs import Song, compose
from benchmarks.real_files.truth import Maker, RealFile, SkippedError, melody_track


def _of_song(song: Song, name: str, data: bytes) -> RealFile:
    """The truth of notation: the melody as written, in 480ths of a quarter."""
    notes = tuple(PlayedNote(int(n.start * 480), int((n.start + n.length) * 480), n.pitch) for n in song.melody.notes)
    return RealFile(name, data, MelodyTruth(-1, 0, notes))


def abc_text(song: Song) -> str:
    """A tune in ABC: L:1/16, every note with its own accidental, notes over a bar line tied."""
    names = ("C", "^C", "D", "^D", "E", "F", "^F", "G", "^G", "A", "^A", "B")

    def note(pitch: int, length: Fraction) -> str:
        name, octave = names[pitch % 12], pitch // 12 - 5
        head = "" if name[0] == "^" else "="
        text = head + (name if octave <= 0 else name.lower()) + "," * -octave + "'" * (octave - 1)
        return text + str(int(length * 4))

    lines, bars, starts = [], [], song.starts()
    for k, start in enumerate(starts[:-1]):
        now, out = start, []
        for one in song.melody.notes:
            begin, end = max(one.start, start), min(one.start + one.length, starts[k + 1])
            if begin >= end:
                continue
            if begin > now:
                out.append(f"z{int((begin - now) * 4)}")
            out.append(note(one.pitch, end - begin) + ("-" if one.start + one.length > starts[k + 1] else ""))
            now = end
        if now < starts[k + 1]:
            out.append(f"z{int((starts[k + 1] - now) * 4)}")
        bars.append(" ".join(out))
    lines = [" | ".join(bars[k : k + 4]) + " |" for k in range(0, len(bars), 4)]
    meter = song.bars[0]
    return "\n".join(["X:1", f"T:{song.title}", f"M:{meter.beats}/{meter.unit}", "L:1/16", "K:C", *lines]) + "]\n"


def in_abc(style: str, seed: int) -> Maker:
    """A tune in ABC."""

    def make(name: str) -> RealFile:
        song = compose(style, seed, form=TUNE)
        return _of_song(song, name, abc_text(song).encode())

    return make


def _music21_score(song: Song) -> Any:
    from music21 import instrument, key, metadata, meter, note, stream

    score = stream.Score()
    score.metadata = metadata.Metadata(title=song.title)
    for part in (song.melody, *(p for p in song.parts if not p.drums)):
        staff = stream.Part(id=part.name)
        staff.partName = part.name
        staff.insert(0, instrument.instrumentFromMidiProgram(part.program))
        staff.insert(0, meter.TimeSignature(f"{song.bars[0].beats}/{song.bars[0].unit}"))
        staff.insert(0, key.Key("C"))
        for one in part.notes:
            staff.insert(one.start, note.Note(one.pitch, quarterLength=one.length))
        score.insert(0, staff)
    return score


def _written(score: Any, suffix: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        form = {".mid": "midi", ".musicxml": "musicxml", ".mxl": "mxl"}[suffix]
        return Path(score.write(form, fp=Path(folder) / f"score{suffix}")).read_bytes()


def in_music_xml(style: str, seed: int, suffix: str, **options: Any) -> Maker:
    """A song in MusicXML, without its drums."""

    def make(name: str) -> RealFile:
        song = compose(style, seed, **options)
        return _of_song(song, name, _written(_music21_score(song), suffix))

    return make


def _corpus_score(path: str) -> tuple[Path, Any]:
    import music21

    place = Path(str(music21.corpus.getWork(path)))
    return place, parse_score(place)


def parse_score(path: Path) -> Any:
    """A score by music21."""
    import music21

    return music21.converter.parse(path, forceSource=True)


def played_notes(score: Any, part: int) -> tuple[PlayedNote, ...]:
    """The notes of a part, the highest of chords, repeats played, in 480ths of a quarter."""
    if score.recurse().getElementsByClass("RepeatMark"):
        score = score.expandRepeats()
    notes = []
    for one in score.parts[part].stripTies().flatten().notes:
        if "Harmony" not in one.classes and not one.duration.isGrace:
            start, end = (Fraction(time).limit_denominator(96) for time in (one.offset, one.offset + one.quarterLength))
            notes.append(PlayedNote(round(start * 480), round(end * 480), max(p.midi for p in one.pitches)))
    return tuple(sorted(notes))


def corpus_score(path: str, part: int = 0) -> Maker:
    """A score of the corpus as it lies there."""

    def make(name: str) -> RealFile:
        place, score = _corpus_score(path)
        truth = MelodyTruth(-1, 0, played_notes(score, part))
        return RealFile(name, place.read_bytes(), truth, part=part)

    return make


def corpus_export(path: str, part: int = 0) -> Maker:
    """A score of the corpus as notation programs export it."""

    def make(name: str) -> RealFile:
        _place, score = _corpus_score(path)
        data = _written(score, ".mid")
        file = mido.MidiFile(file=io.BytesIO(data))
        with_notes = [k for k, track in enumerate(file.tracks) if any(m.type == "note_on" for m in track)]
        return melody_track(name, data, with_notes[part])

    return make


def with_mma(groove: str, chords: str, seed: int, *, meter: str = "4/4") -> Maker:
    """An accompaniment by mma over chords, with a melody composed for them as a solo track."""

    def make(name: str) -> RealFile:
        rng = random.Random(seed)
        bars, text, melody = chords.split(), [f"Tempo {rng.randint(92, 140)}", f"Groove {groove}"], []
        roots = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
        per_bar = 3 if meter == "3/4" else 4
        pitch = 67
        for chord in bars * 4:
            triad = [(roots[chord[0]] + k) % 12 for k in (0, 3 if "m" in chord else 4, 7)]
            cells = (
                ((4, 4, 8, 8, 4), (4.0, 8, 8, 4, 4), (2, 4, 4)) if per_bar == 4 else ((4, 4, 4), (2, 4), (4, 8, 8, 4))
            )
            line = []
            for k, length in enumerate(rng.choice(cells)):
                pitch = (
                    min(
                        (p for p in range(60, 80) if p % 12 in triad),
                        key=lambda p: abs(p - pitch - rng.choice((-3, 2, 3))),
                    )
                    if not k
                    else min(max(pitch + rng.choice((-2, -1, 1, 2)), 60), 79)
                )
                letter = ("c", "c#", "d", "d#", "e", "f", "f#", "g", "g#", "a", "a#", "b")[pitch % 12]
                line.append(f"{int(length)}{letter}{'+' if pitch >= 72 else ''}")
            melody.append(";".join(line) + ";")
        text += ["Begin Solo", "  Voice Flute", "  Octave 5", "  Articulate 95", "End"]
        text += [f"{k + 1} {chord} {{{line}}}" for k, (chord, line) in enumerate(zip(bars * 4, melody, strict=True))]
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "song.mma"
            source.write_text("\n".join(text) + "\n")
            try:
                done = subprocess.run(
                    ["mma", source.name], cwd=folder, capture_output=True, text=True, check=False, timeout=60
                )
            except FileNotFoundError:
                raise SkippedError("mma is not installed (apt-get install mma)") from None
            made = source.with_suffix(".mid")
            if not made.is_file():
                raise SkippedError(f"mma: {done.stdout.strip()[-200:]}")
            data = made.read_bytes()
        return melody_track(name, data, "Solo")

    return make
