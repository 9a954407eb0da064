"""MusicXML out: the score that came in with one voice changed, or a score of the melody alone."""

from __future__ import annotations

import itertools
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY, MelodyFormat
from latentknobs.core.piece import Piece, PieceStretch
from latentknobs.core.time_signature import TimeSignature
from latentknobs.scores import midi_bytes, read_piece, read_provenance, twinkle, write_piece
from latentknobs.scores.midi_file import MidiScore, load, parse_score
from latentknobs.scores.musicxml_writer import musicxml_bytes
from latentknobs.scores.notation import notation_of
from tests.scores.notation_files import PICK_UP, attributes, note, score
from tests.scores.test_notation import written

WALTZ = MelodyFormat("3/4", name="waltz-2bar")
END = '<barline location="right"><repeat direction="backward"/></barline>'


@st.composite
def melodies(draw: st.DrawFn, steps: int = 64) -> tuple[Note, ...]:
    """One voice."""
    edges = sorted(draw(st.sets(st.integers(0, steps), min_size=2, max_size=24)))
    notes = []
    for start, end in itertools.pairwise(edges):
        length = draw(st.integers(0, end - start))
        if length or not notes:
            notes.append(Note(start, draw(st.integers(0, 127)), max(length, 1)))
    return tuple(notes)


def sounds(read: MidiScore) -> list[list[tuple[float, float, int]]]:
    """(start, end, pitch) in each track, times in quarter notes."""
    division = read.ticks_per_beat
    return [[(n.start / division, n.end / division, n.pitch) for n in part.notes] for part in read.parts]


def reread(data: bytes) -> list[list[tuple[float, float, int]]]:
    """The same of the bytes of a score."""
    notation = notation_of(Path("again.musicxml"), data)
    assert notation is not None
    return sounds(parse_score(notation.played.data, Path("again.mid")))


@settings(max_examples=50)
@given(notes=melodies(), signature=st.sampled_from(["4/4", "3/4", "6/8", "5/8"]), tempo=st.sampled_from([60.0, 143.21]))
def test_any_melody_comes_back_from_musicxml(notes, signature, tempo):
    """Ties, rests and note values of a new score give the same notes, bars and tempo."""
    stretch = PieceStretch(0, 72, TimeSignature.parse(signature))
    piece = Piece(notes, 72, tempo, "any", stretches=(stretch,))

    notation = notation_of(Path("any.musicxml"), musicxml_bytes(piece, clip_format=MELODY))
    assert notation is not None
    read = parse_score(notation.played.data, Path("any.mid"))

    assert sounds(read) == [[(n.onset / 4, n.end / 4, n.pitch) for n in notes]]
    assert [(one.tick, str(one)) for one in read.signatures] == [(0, signature)]
    assert read.tempo_at(0) == pytest.approx(60e6 / tempo, abs=1)


def test_music21_reads_what_is_written(tmp_path):
    """The theme's pitches, lengths, key and time signature are what music21 finds in the file."""
    from music21 import converter

    write_piece(twinkle(), tmp_path / "theme.musicxml")

    read = converter.parse(tmp_path / "theme.musicxml")
    found = [(float(n.offset * 4), n.pitch.midi, float(n.quarterLength * 4)) for n in read.flatten().notes]
    assert found == [(n.onset, n.pitch, n.length) for n in twinkle().notes]
    assert read.recurse().getElementsByClass("KeySignature").first().sharps == 0
    assert read.recurse().getElementsByClass("TimeSignature").first().ratioString == "4/4"


def test_a_packed_score_and_its_provenance_come_back(tmp_path):
    """MXL has the same bytes each time, and says where it comes from."""
    for name in ("one.mxl", "two.mxl"):
        write_piece(twinkle(), tmp_path / name, provenance={"seed": 3})

    assert (tmp_path / "one.mxl").read_bytes() == (tmp_path / "two.mxl").read_bytes()
    assert read_provenance(tmp_path / "one.mxl") == {"seed": 3}
    assert read_piece(tmp_path / "one.mxl").notes == twinkle().notes


def duet(tmp_path: Path) -> Path:
    """Two parts, the first with a slur, a direction, a transposition and a repeat."""
    slur = '<notations><slur type="start"/></notations></note>'
    first = (
        attributes(more="<key><fifths>2</fifths></key><transpose><chromatic>-2</chromatic></transpose>")
        + note("D", 5, 6).replace("</note>", slur)
        + "<direction><direction-type><words>dolce</words></direction-type></direction>"
        + note("F", 5, 10, alter=1)
    )
    second = "".join(note(step, 5, 4) for step in "ABAG") + END
    bass = [attributes() + note("C", 3, 16, voice=2), note("G", 2, 16, voice=2) + END]
    return written(tmp_path, score([first, second], bass), "duet.musicxml")


@pytest.mark.parametrize("tune", ["duet", "abc"])
def test_an_unchanged_piece_gives_the_same_document(tmp_path, tune):
    """Nothing but the place of the provenance changes in a score whose notes stay."""
    path = duet(tmp_path) if tune == "duet" else written(tmp_path, PICK_UP, "tune.abc")
    piece = read_piece(path, track=1)

    root = ET.fromstring(musicxml_bytes(piece, clip_format=MELODY))

    before = load(path).notation
    assert before is not None
    assert ET.tostring(root) == ET.tostring(before.root)


def test_a_transposed_voice_keeps_all_but_its_pitches(tmp_path):
    """Slurs, directions, repeats and the other part stay, and pitches are spelled in the new key."""
    path = duet(tmp_path)
    piece = read_piece(path, track=1)
    up = evolve(piece, notes=tuple(evolve(n, pitch=n.pitch + 3) for n in piece.notes))

    data = musicxml_bytes(up, clip_format=MELODY)
    root, old = ET.fromstring(data), ET.fromstring(path.read_bytes())

    assert [(n.findtext("step"), n.findtext("alter"), n.findtext("octave")) for n in root.iterfind("part[1]//pitch")][
        :3
    ] == [("F", None, "5"), ("A", None, "5"), ("C", None, "6")]
    for changed, kept in zip(root.iter(), old.iter(), strict=False):
        if changed.tag != "pitch" and kept.tag == changed.tag:
            assert changed.attrib == kept.attrib
    assert ET.tostring(root.findall("part")[1]) == ET.tostring(old.findall("part")[1])
    assert len(root.findall(".//slur")) == 1
    assert reread(data) == sounds(parse_score(midi_bytes(up), path))


@settings(max_examples=25)
@given(notes=melodies(), beats=st.sampled_from([3, 4]))
def test_any_melody_goes_back_into_its_score(notes, beats, tmp_path_factory):
    """A score with pick-up, repeat, a second voice and a transposition sounds as the MIDI file with the same notes."""
    bar = 4 * beats
    low = f"<backup><duration>{bar}</duration></backup>" + note("C", 3, bar, voice=2)
    head = attributes(beats, more="<transpose><chromatic>3</chromatic></transpose>")
    measures = [head + note("G", 4, 4), *(note(step, 4, bar) + low for step in "CDEF")]
    measures[2] += END
    path = written(tmp_path_factory.mktemp("scores"), score(measures))
    clip_format = WALTZ if beats == 3 else MELODY
    piece = read_piece(path, track=1, clip_format=clip_format)
    after = evolve(piece, notes=tuple(one for one in notes if one.end <= piece.steps))

    data = musicxml_bytes(after, clip_format=clip_format)

    both = (reread(data), sounds(parse_score(midi_bytes(after), path)))
    again, midi = (sorted(itertools.chain.from_iterable(tracks)) for tracks in both)
    assert again == midi
