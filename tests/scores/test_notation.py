"""Scores in: ABC, MusicXML and MXL as they are played, and what is said of other programs' files."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from latentknobs.core.clip import Note
from latentknobs.errors import MidiError
from latentknobs.scores import MAX_BYTES, midi_bytes, read_piece
from latentknobs.scores.midi_file import MidiPart, load
from tests.scores.notation_files import PICK_UP, attributes, note, rest, score, zipped

FOUR = "".join(note(step, 4, 4) for step in "CDEF")


def written(tmp_path: Path, content: str | bytes, name: str = "tune.musicxml") -> Path:
    """A file with this content."""
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def quarters(part: MidiPart, division: int) -> list[tuple[float, int, float]]:
    """(start, pitch, length), times in quarter notes."""
    return [(n.start / division, n.pitch, (n.end - n.start) / division) for n in part.notes]


def lines(path: Path) -> list[list[tuple[float, int, float]]]:
    """The notes of each track."""
    read = load(path)
    return [quarters(part, read.ticks_per_beat) for part in read.parts]


def test_an_abc_tune_is_read_as_it_is_played(tmp_path):
    """Pick-up, dots, broken rhythm over a grace note, triplets, ties, both endings and the tempo are as written."""
    path = written(tmp_path, PICK_UP, "tune.abc")

    read = load(path)
    first = [(0, 62, 1), (1, 66, 1.5), (2.5, 67, 0.5), (3, 69, 1), (4, 74, 1), (5, 76, 1.5), (6.5, 78, 0.5)]
    triplet = [(7 + k / 3, pitch, 1 / 3) for k, pitch in enumerate((76, 74, 73))]

    got = quarters(read.parts[0], read.ticks_per_beat)
    assert got[:7] == first
    assert got[7:10] == [pytest.approx(one) for one in triplet]
    assert got[10:13] == [(8, 71, 1), (9, 69, 7), (16, 62, 1)]
    assert got[-2:] == [(25, 67, 4), (29, 74, 7)]
    assert [(one.tick, str(one)) for one in read.signatures] == [(0, "1/4"), (480, "4/4")]
    assert read.tempos == ((0, 600_000),)
    assert read.remarks == (
        "The file has 2 tunes, and the first was read: for another one, keep only its lines, from its X: to the next.",
        "Its repeats were written out: 8 measures printed, 10 played.",
        "1 grace note left out.",
        "Its chord symbols were not read.",
    )


def test_what_music21_guesses_is_told(tmp_path, capfd):
    """A letter that is no note becomes C with a remark, and nothing of music21 reaches the terminal."""
    read = load(written(tmp_path, "X:1\nL:1/4\nK:C\nCDEW|C4|D4|\n", "slip.abc"))

    assert "1 note of no pitch that can be read became C." in read.remarks
    assert capfd.readouterr() == ("", "")


def test_a_score_opens_like_a_midi_file(tmp_path):
    """A pick-up stands at the end of the first bar, and turned notes can be written as MIDI."""
    document = score([attributes() + note("G", 4, 4), FOUR, FOUR])
    piece = read_piece(written(tmp_path, document))

    assert piece.notes[:3] == (Note(12, 67, 4), Note(16, 60, 4), Note(20, 62, 4))
    assert piece.steps == 48
    again = read_piece(written(tmp_path, midi_bytes(piece), "again.mid"))
    assert again.notes == piece.notes


@pytest.mark.parametrize("name", ["tune.mxl", "tune.xml", "tune.mid", "tune"])
def test_the_content_says_what_a_file_is(tmp_path, name):
    """A score is read whatever its name, packed or not."""
    document = score([attributes() + FOUR])
    plain, packed = written(tmp_path, document, name), written(tmp_path, zipped(document), f"packed-{name}")

    assert lines(plain) == lines(packed) == [[(0, 60, 1), (1, 62, 1), (2, 64, 1), (3, 65, 1)]]


def test_each_voice_is_a_track(tmp_path):
    """Voices, staves and transposing parts become tracks of their own, with the part's name and instrument."""
    piano = (
        attributes(more="<staves>2</staves>")
        + note("C", 5, 8)
        + note("E", 5, 8)
        + note("G", 5, 8, "chord")
        + "<backup><duration>16</duration></backup>"
        + note("C", 4, 16, voice=2)
        + "<backup><duration>16</duration></backup>"
        + note("C", 3, 12, voice=5, staff=2)
        + "<forward><duration>4</duration></forward>"
    )
    clarinet = attributes(more="<transpose><chromatic>-2</chromatic></transpose>") + note("D", 5, 16)
    path = written(tmp_path, score([clarinet], [piano], names=("Clarinet", "Piano"), programs=(72, 1)))

    read = load(path)

    assert [(part.name, part.program, part.channel) for part in read.parts] == [
        ("Clarinet", 71, 0),
        ("Piano, voice 1", 0, 1),
        ("Piano, voice 2", 0, 1),
        ("Piano, voice 3", 0, 1),
    ]
    assert lines(path) == [
        [(0, 72, 4)],
        [(0, 72, 2), (2, 76, 2), (2, 79, 2)],
        [(0, 60, 4)],
        [(0, 48, 3)],
    ]


def test_a_line_that_crosses_the_staves_stays_one(tmp_path):
    """A voice is divided by staff only where both staves have one of that name."""
    crossing = note("C", 5, 8) + note("C", 3, 8, staff=2)
    both = note("C", 5, 16) + "<backup><duration>16</duration></backup>" + note("C", 3, 16, staff=2)

    assert len(lines(written(tmp_path, score([attributes() + crossing])))) == 1
    assert len(lines(written(tmp_path, score([attributes() + both])))) == 2


def test_bars_that_a_repeat_sign_divides_are_whole_again(tmp_path):
    """3/4 before a repeat sign and 1/4 after it are one bar of 4/4, each time."""
    end = '<barline location="right"><repeat direction="backward"/></barline>'
    start = '<barline location="left"><repeat direction="forward"/></barline>'
    three = "".join(note(step, 4, 4) for step in "CDE")
    document = score([attributes() + note("G", 4, 4), FOUR, three + end, start + note("A", 4, 4), FOUR, three + end])

    read = load(written(tmp_path, document))

    assert [(one.tick, str(one)) for one in read.signatures] == [(0, "1/4"), (480, "4/4")]
    assert len(read.parts[0].notes) == 32


def test_da_capo_al_fine_takes_no_repeats(tmp_path):
    """After a da capo each section is played once, to the fine."""
    end = '<barline location="right"><repeat direction="backward"/></barline>'
    fine = '<direction><sound fine="yes"/></direction>'
    capo = "<direction><direction-type><words>D.C. al Fine</words></direction-type></direction>"
    bars = [note(step, 4, 16) for step in "CDE"]
    document = score([attributes() + bars[0] + end, bars[1] + fine, bars[2] + capo])

    assert [pitch for _start, pitch, _length in lines(written(tmp_path, document))[0]] == [60, 60, 62, 64, 60, 62]


def test_odd_bars_are_told_to_the_reader(tmp_path):
    """A bar of another length than its signature has one of its own, and the next goes on as before."""
    document = score([attributes() + FOUR, note("C", 4, 6), FOUR, FOUR])

    read = load(written(tmp_path, document))

    assert [(one.tick, str(one)) for one in read.signatures] == [(0, "4/4"), (1920, "3/8"), (2640, "4/4")]


def test_lyrics_and_keys_are_kept(tmp_path):
    """Syllables, key and title are events of the MIDI file, and ties are joined over bar lines."""
    sung = note("C", 4, 16, "start").replace("</note>", "<lyric><text>la</text></lyric></note>")
    document = score([attributes(more="<key><fifths>-3</fifths></key>") + sung, note("C", 4, 16, "stop")])

    path = written(tmp_path, document)
    data = load(path).file.data

    assert lines(path) == [[(0, 60, 8)]]
    assert b"\xff\x05\x02la" in data
    assert b"\xff\x59\x02\xfd\x00" in data


def test_a_document_by_measures_is_read(tmp_path):
    """score-timewise is what score-partwise is."""
    document = score([attributes() + FOUR])
    body = document[document.index("<measure") : document.index("</part>")]
    inner = body[len('<measure number="1">') : -len("</measure>")]
    timewise = document.replace(body, "").replace(
        '<part id="P0"></part>', f'<measure><part id="P0">{inner}</part></measure>'
    )

    path = written(tmp_path, timewise.replace("score-partwise", "score-timewise"))

    assert lines(path) == lines(written(tmp_path, document, "same.xml"))


def _bomb() -> bytes:
    return zipped(b"<score-partwise>" + b" " * (MAX_BYTES + 1))


def _garbage(packed: bytes) -> bytes:
    return packed[:60] + b"\xff" * 40 + packed[100:]


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("bomb.mxl", _bomb(), "larger than 10 MB when unpacked"),
        ("broken.mxl", _garbage(zipped(score([FOUR]))), "cannot be unpacked"),
        ("empty.mxl", b"", "no zip archive"),
        ("entities.xml", b'<!DOCTYPE a [<!ENTITY b "c">]><score-partwise>&b;</score-partwise>', "XML entities"),
        ("cut.xml", score([FOUR])[:300], "is damaged in line 1"),
        ("page.xml", "<html/>", "no MusicXML (it starts with <html>)"),
        ("text.musicxml", "hello", "but no XML"),
        ("silence.xml", score([attributes() + rest(16)]), "has no notes"),
        ("free.abc", "X:1\nCDEF|", "without a key"),
        ("slip.abc", "X:1\nL:1/4\nK:C\n[M:0/0]C4|D4|", ""),
        ("meter.abc", "X:1\nM:99999999/4\nK:C\nC4|D4|", "correct its M: line"),
        ("long.abc", "X:1\nK:C\nC99999999|D4|", "longer than any"),
        ("song.gp5", b"\x1eFICHIER GUITAR PRO v5.00", "export MusicXML or MIDI"),
        ("song.gpx", b"BCFZ....", "export MusicXML or MIDI"),
        ("song.krn", b"**kern\n4c\n*-", "convert it with music21"),
        ("kern.mid", b"!!!COM: me\n**kern\n4c\n*-", "convert it with music21"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_sentence(tmp_path, name, content, told):
    """A sentence names the file and what to do, and nothing of a library."""
    path = written(tmp_path, content, name)

    with pytest.raises(MidiError, match=r"\.$") as error:
        load(path)

    assert told in str(error.value)
    assert name in str(error.value)


def test_the_way_for_humdrum_works(tmp_path):
    """The command that the sentence names makes a file that can be read."""
    path = written(tmp_path, "**kern\n*M4/4\n=1\n4c\n4d\n4e\n4f\n=\n*-\n", "song.krn")
    with pytest.raises(MidiError) as error:
        load(path)
    code = str(error.value).partition('-c "')[2].partition('"')[0]
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)

    assert [pitch for _start, pitch, _length in lines(tmp_path / "song.musicxml")[0]] == [60, 62, 64, 65]


def test_reading_midi_and_musicxml_leaves_music21_alone(tmp_path):
    """music21, which takes a while to import, is loaded for ABC only."""
    path = written(tmp_path, score([attributes() + FOUR]))
    code = f"from latentknobs.scores import read_piece; read_piece({str(path)!r})"
    code = f"import sys; {code}; print('music21' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"


@pytest.mark.parametrize(
    "name", ["bach/bwv78.7.mxl", "joplin/maple_leaf_rag.mxl", "schumann_clara/polonaise_op1n3.mxl"]
)
def test_notes_are_those_that_music21_reads(name):
    """Of a chorale, a rag and a polonaise every measure, start, pitch and length as printed is music21's."""
    from music21 import chord, corpus, harmony, stream

    from latentknobs.scores.musicxml_reader import read_score

    path = Path(corpus.getWork(name))
    notation = load(path).notation
    assert notation is not None
    got = Counter(
        (k, one.start, one.length, one.pitch)
        for voice in read_score(notation.root).voices.values()
        for k, notes in voice.items()
        for one in notes
    )
    wanted: Counter[tuple[object, ...]] = Counter()
    for part in corpus.parse(name).parts:
        for k, measure in enumerate(part.getElementsByClass(stream.Measure)):
            for sound in measure.recurse().notes:
                if sound.duration.isGrace or isinstance(sound, harmony.Harmony):
                    continue
                for one in sound.notes if isinstance(sound, chord.Chord) else [sound]:
                    at = sound.getOffsetInHierarchy(measure)
                    wanted[k, at, one.quarterLength, one.pitch.midi] += 1

    assert got == wanted


def test_an_abc_tune_of_very_many_bars_is_refused_with_a_way(tmp_path):
    """music21's time grows with the square of the bars."""
    (tmp_path / "long.abc").write_text("X:1\nT:long\nM:4/4\nL:1/4\nK:C\n" + "CDEF|GABc|\n" * 200)

    with pytest.raises(MidiError, match=r"about 400 bars.*abc2midi"):
        read_piece(tmp_path / "long.abc")
