"""Rules of a folder of MIDI files as a corpus."""

from collections import Counter

import pytest

from latentknobs.core.clip import Note, Piece
from latentknobs.core.corpus import CorpusRequest
from latentknobs.core.melody_format import MELODY
from latentknobs.corpora.midi_folder import MidiFolder
from latentknobs.errors import CorpusError
from latentknobs.scores import write_piece

MIDI = MidiFolder()


def bars(*pitches, length=16):
    """A piece with one note a bar."""
    notes = tuple(Note(16 * k, pitch, length) for k, pitch in enumerate(pitches))
    return Piece(notes=notes, steps=16 * len(pitches))


def read(folder, **wanted):
    """First pitches of each clip by song, and what was told."""
    told = Counter()
    request = CorpusRequest(tally=lambda what, count: told.update({what: count}), **wanted)
    songs = {
        song.name: [[note.pitch for note in MELODY.notes(clip)] for clip in song.clips]
        for song in MIDI.songs(request, str(folder))
    }
    return songs, dict(told)


def test_every_bar_starts_a_clip(tmp_path):
    """Files in sub-folders count, whatever their suffix; the last clip is included."""
    (tmp_path / "sub").mkdir()
    write_piece(bars(60, 62, 65, 71), tmp_path / "sub" / "one.MID", provenance=None)
    write_piece(bars(57, 50), tmp_path / "two.kar", provenance=None)
    (tmp_path / "notes.txt").write_text("not music")
    songs, told = read(tmp_path)
    assert songs == {"midi/sub/one.MID": [[60, 62], [62, 65], [65, 71]], "midi/two.kar": [[57, 50]]}
    assert told == {}


def test_held_and_silent_clips_are_left_out(tmp_path):
    """A clip does not start inside a note, and has one."""
    piece = Piece(notes=(Note(0, 60, 24), Note(80, 70, 4)), steps=96)
    write_piece(piece, tmp_path / "a.mid", provenance=None)
    songs, told = read(tmp_path)
    assert songs == {"midi/a.mid": [[60], [70]]}
    assert told == {"windows that start with a held note": 1, "windows without a note": 2}


def test_short_piece_is_filled_with_silence(tmp_path):
    """One bar makes one clip."""
    write_piece(bars(60), tmp_path / "a.mid", provenance=None)
    assert read(tmp_path)[0] == {"midi/a.mid": [[60]]}


def test_unreadable_file_is_counted(tmp_path):
    """A damaged file costs itself only."""
    write_piece(bars(60, 62), tmp_path / "a.mid", provenance=None)
    (tmp_path / "b.mid").write_bytes(b"MThd but no more")
    songs, told = read(tmp_path)
    assert list(songs) == ["midi/a.mid"]
    assert told == {"files that cannot be read as a melody": 1}


def test_folders_without_melodies_are_sentences(tmp_path):
    """No folder, no file, no readable file, no argument: each is said, with the first reason."""
    for argument, words in (
        ("", "write midi:FOLDER"),
        (str(tmp_path / "no"), "not a folder"),
        (str(tmp_path), "no .mid"),
    ):
        with pytest.raises(CorpusError, match=words):
            list(MIDI.songs(CorpusRequest(), argument))
    (tmp_path / "b.mid").write_bytes(b"")
    with pytest.raises(CorpusError, match="None of the 1 files"):
        read(tmp_path)
