"""Rules of a folder of files of music as a corpus."""

import os
from collections import Counter

import mido
import numpy as np
import pytest

from latentknobs.core.clip import Note
from latentknobs.core.corpus import CorpusRequest
from latentknobs.core.melody_format import MELODY, MelodyFormat
from latentknobs.core.piece import Piece
from latentknobs.corpora import midi_folder
from latentknobs.corpora.corpus_spec import storable
from latentknobs.corpora.deduplication import seeded_order
from latentknobs.corpora.melody_clips import SongClips
from latentknobs.corpora.midi_folder import MidiFolder
from latentknobs.corpora.reading_process import ReadingProcess
from latentknobs.errors import CorpusError
from latentknobs.scores import write_piece
from tests.scores.notation_files import attributes, note, score

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
    told.pop("files in the folder")
    assert told.pop("songs in them") == told.pop("songs read") >= told.pop("songs with clips") == len(songs)
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


def test_what_gives_no_clips_is_counted_by_kind_with_the_first_name(tmp_path):
    """A file costs itself only."""
    write_piece(bars(60, 62), tmp_path / "a.mid", provenance=None)
    for name in "bc":
        (tmp_path / f"{name}.mid").write_bytes(b"MThd but no more")
    (tmp_path / "d.mid").write_bytes(b"\0" * 10_000_001)
    songs, told = read(tmp_path)
    assert list(songs) == ["midi/a.mid"]
    first = next(iter(seeded_order(("midi/b.mid", "midi/c.mid"), 0))).removeprefix("midi/")
    assert told == {f"files that are damaged or no score, as {first}": 2, "files over 10 MB, as d.mid": 1}


def midi(*tracks, signatures=((0, 4),)):
    """A file with tracks of (pitch, quarters) in turn, and signatures of (bar of 4/4 at which, quarters)."""
    file = mido.MidiFile(ticks_per_beat=480)
    for number, notes in enumerate(tracks):
        events = (
            [] if number else [(tick * 1920, mido.MetaMessage("time_signature", numerator=n)) for tick, n in signatures]
        )
        now = 0
        for pitch, quarters in notes:
            events.append((now, mido.Message("note_on", note=pitch, channel=number)))
            now += round(480 * quarters)
            events.append((now, mido.Message("note_off", note=pitch, channel=number)))
        track, last = mido.MidiTrack(), 0
        for tick, event in sorted(events, key=lambda one: (one[0], one[1].type == "note_on")):
            track.append(event.copy(time=tick - last))
            last = tick
        file.tracks.append(track)
    return file


def test_all_stretches_of_a_file_are_used(tmp_path):
    """No clip goes across a change, and bars in other time signatures are counted."""
    notes = [(60, 4), (62, 4), *[(64, 3)] * 4, (65, 4), (67, 4)]
    midi(notes, signatures=((0, 4), (2, 3), (5, 4))).save(tmp_path / "a.mid")
    assert read(tmp_path) == ({"midi/a.mid": [[60, 62], [65, 67]]}, {"bars in 3/4": 4})


def test_the_likeliest_of_several_tracks_is_taken(tmp_path):
    """Where none is plainly the melody; this is counted."""
    midi([(60, 4), (62, 4)] * 4, [(72, 4), (74, 4)] * 4).save(tmp_path / "a.mid")
    songs, told = read(tmp_path)
    assert len(songs) == 1
    assert told.pop("duplicate clips") > 0
    assert told == {"files of which the likeliest track was taken": 1}


def test_files_that_a_person_would_read_with_an_option_are_counted_by_it(tmp_path):
    """A chord, and playing without a grid, are no damage."""
    rng = np.random.default_rng(1)
    for name, notes in (
        ("rubato", [(60 + k % 5, float(length)) for k, length in enumerate(rng.uniform(0.4, 1.2, 64))]),
        ("good", [(60, 4), (62, 4)]),
    ):
        midi(notes).save(tmp_path / f"{name}.mid")
    file = midi([(60, 4), (62, 4)])
    file.tracks[0].insert(1, mido.Message("note_on", note=64))
    file.tracks[0].append(mido.Message("note_off", note=64))
    file.save(tmp_path / "chord.mid")
    songs, told = read(tmp_path)
    assert list(songs) == ["midi/good.mid"]
    assert told == {"files with chords in the melody, as chord.mid": 1, "files played without a grid, as rubato.mid": 1}


def test_tunes_and_scores_are_songs(tmp_path):
    """Each tune of an ABC file is one; those that are not in 4/4, 2/2 or 2/4 are counted."""
    tunes = "X:1\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|\n\nX:2\nM:C|\nL:1/4\nK:C\nEEFG|AAGF|\n\nX:3\nM:6/8\nK:C\nCDE FGA|\n"
    (tmp_path / "book.abc").write_text(tunes, encoding="utf-8")
    quarters = "".join(note(step, 5, 4) for step in "CDEF")
    (tmp_path / "score.musicxml").write_text(score([attributes() + quarters, quarters]), encoding="utf-8")
    songs, told = read(tmp_path)
    assert {name: clips[0][:2] for name, clips in songs.items()} == {
        "midi/book.abc/0001": [60, 62],
        "midi/book.abc/0002": [64, 64],
        "midi/score.musicxml": [72, 74],
    }
    assert told == {"tunes in other time signatures, as book.abc/0003": 1}


def test_what_is_no_file_of_midi_is_counted(tmp_path):
    """A folder, a loop of links, a pipe and other scores stop nothing, whatever their names end with."""
    (tmp_path / "folder.mid").mkdir()
    write_piece(bars(60, 62), tmp_path / "folder.mid" / "a.mid", provenance=None)
    (tmp_path / "folder.mid" / "loop.mid").symlink_to(tmp_path)
    (tmp_path / "gone.mid").symlink_to(tmp_path / "nothing")
    os.mkfifo(tmp_path / "pipe.mid")
    (tmp_path / "tab.gp5").write_bytes(b"FICHIER GUITAR PRO")
    songs, told = read(tmp_path)
    assert list(songs) == ["midi/folder.mid/a.mid"]
    assert told == {
        "links to folders, not followed, as folder.mid/loop.mid": 1,
        "broken links, as gone.mid": 1,
        "pipes and devices, as pipe.mid": 1,
        ".gp5 files, not read, as tab.gp5": 1,
    }


def test_a_song_is_called_the_same_on_every_file_system(tmp_path):
    """Some keep accents apart from their letters; bytes that are no text, and control characters, are written out."""
    for pitch, name in enumerate((b"caf\xe9.mid", "cafe\u0301.mid".encode(), b"line\nbreak.mid"), start=60):
        write_piece(bars(pitch, 62 - pitch % 60), tmp_path / "a.mid", provenance=None)
        (tmp_path / "a.mid").rename(tmp_path / os.fsdecode(name))
    assert set(read(tmp_path)[0]) == {"midi/caf\\xe9.mid", "midi/caf\u00e9.mid", "midi/line\\x0abreak.mid"}


def test_a_folder_that_is_no_utf_8_is_found_by_what_is_stored(tmp_path):
    """A run's corpus is text in a registry."""
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    write_piece(bars(60, 62), folder / "a.mid", provenance=None)
    assert read(storable(str(folder))) == read(folder)


def test_a_file_that_takes_too_long_is_left_and_the_next_one_read(tmp_path):
    """The process that reads is ended and made anew."""
    os.mkfifo(tmp_path / "endless.mid")
    write_piece(bars(60, 62), tmp_path / "a.mid", provenance=None)
    with ReadingProcess(seconds=0.2) as process:
        assert process.read(tmp_path / "endless.mid").fault == "files that take over 0.2 seconds to read"
    with ReadingProcess() as process:
        assert len(process.read(tmp_path / "a.mid").clips) == 1


def test_folders_without_melodies_are_sentences(tmp_path):
    """No folder, no file, no readable file, no argument: each is said, with the first reason."""
    for argument, words in (
        ("", "write midi:FOLDER"),
        (str(tmp_path / "no"), "not a folder"),
        (str(tmp_path), "no MIDI, MusicXML or ABC file"),
    ):
        with pytest.raises(CorpusError, match=words):
            list(MIDI.songs(CorpusRequest(), argument))
    (tmp_path / "b.mid").write_bytes(b"")
    with pytest.raises(CorpusError, match=r"no score, as b\.mid: 1\. .*b\.mid is empty"):
        read(tmp_path)


def test_a_file_on_which_the_reader_fails_stops_no_corpus(tmp_path, monkeypatch):
    """It is counted, and the others give their clips."""

    class Failing(ReadingProcess):
        def read(self, path, *more):
            return SongClips(fault="files on which the reader fails") if path.stem == "b" else super().read(path, *more)

    for stem in "ab":
        write_piece(bars(60, 62), tmp_path / f"{stem}.mid", provenance=None)
    monkeypatch.setattr(midi_folder, "ReadingProcess", Failing)

    assert [song.name for song in MidiFolder().songs(CorpusRequest(), str(tmp_path))] == ["midi/a.mid"]


def test_a_format_that_no_corpus_has_is_a_sentence(tmp_path):
    """Those that are known by name are."""
    write_piece(bars(60, 62), tmp_path / "a.mid", provenance=None)

    with pytest.raises(CorpusError, match="not of melody-2bar-5-4"):
        list(MidiFolder().songs(CorpusRequest(clip_format=MelodyFormat("5/4")), str(tmp_path)))
