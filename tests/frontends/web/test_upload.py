"""Files that are sent: read in a process of their own, in the format of any model."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from latentknobs import scores
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.core.piece import Piece
from latentknobs.frontends.web import midi_worker, upload
from latentknobs.frontends.web.errors import RequestError
from latentknobs.frontends.web.piece_schema import piece_of
from latentknobs.frontends.web.requests import PieceMessage, ReadOptions
from latentknobs.frontends.web.upload import Reader, file_name
from latentknobs.hooks.manager import Plugins
from tests.frontends.web.conftest import rows

MELODIES = SimpleNamespace(spec=SimpleNamespace(clip_format=MELODY))
DRUMS = Path(__file__).parents[3] / "plugins" / "drums.py"


@pytest.fixture(scope="module")
def drums(tmp_path_factory):
    """A model of the drum example's format that carries every clip."""
    folder = tmp_path_factory.mktemp("plugins")
    shutil.copy(DRUMS, folder)
    plugins = Plugins.build([], plugins_dir=folder, entry_points=False, strict=True)
    clip_format = plugins.loaded("drums").DRUMS
    spec = SimpleNamespace(name="kit", clip_format=clip_format)
    return SimpleNamespace(spec=spec)


def read(data, model, file="beat.mid", **options):
    """What the server's reader makes of a file."""

    async def work():
        return await Reader().read(data, file, ReadOptions(**options), model.spec.clip_format)

    return asyncio.run(work())


def test_drums_are_read_in_their_format(drums):
    """Hits with their voices, several at a time, as they were written; and so they come back from a page."""
    clip_format = drums.spec.clip_format
    struck = [(0, 0), (0, 2), (4, 1), (10, 3), (clip_format.steps - 1, len(clip_format.drums) - 1)]
    notes = tuple(Note(on, clip_format.drums[voice].numbers[0], 1, voice) for on, voice in struck)
    piece = Piece(notes, clip_format.steps, name="beat")
    got = read(scores.midi_bytes(piece, clip_format=clip_format), drums)

    assert [list(row) for row in got.piece.notes] == rows(piece.notes)
    assert [track.drums for track in got.tracks] == [True]
    assert piece_of(got.piece, [clip_format]).notes == piece.notes


def test_a_voice_that_the_kit_does_not_have_is_refused(drums):
    """With those that it has."""
    voice = len(drums.spec.clip_format.drums)
    message = PieceMessage(steps=32, notes=[[0, 36, 1, voice]])

    with pytest.raises(RequestError, match=f"the voices 0 to {voice - 1}"):
        piece_of(message, [drums.spec.clip_format])


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("song.mid", "song.mid"),
        ("C:\\Music\\my song.MIDI", "my song.midi"),
        ("reel.abc", "reel.abc"),
        ("song.exe", "song.exe.mid"),
        ("../../etc/passwd", "passwd.mid"),
        ("\x00\n", "__.mid"),
        ("", "piece.mid"),
        ("...", "piece.mid"),
        ("-rf", "rf.mid"),
        ("ü" * 200, "_" * 80 + ".mid"),
    ],
)
def test_names_of_files_are_made_safe(given, name):
    """No folder, no hidden file, no option, no sign that a disk does not take."""
    assert file_name(given) == name


def test_the_process_holds_itself_to_its_limits(monkeypatch):
    """Time of the processor, memory and no core file."""
    import resource

    held = {}
    monkeypatch.setattr(resource, "setrlimit", held.__setitem__)
    midi_worker.limit_resources()

    assert held[resource.RLIMIT_CPU] == (midi_worker.CPU_SECONDS,) * 2
    assert held[resource.RLIMIT_AS] == (midi_worker.MEMORY,) * 2
    assert held[resource.RLIMIT_CORE] == (0, 0)


@pytest.mark.parametrize("seconds", [upload.SECONDS, 0.05])
def test_nothing_of_a_file_stays_on_disk(tmp_path, monkeypatch, seconds):
    """Neither where reading ends by itself nor where it is ended, wherever temporary files would go."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(upload, "SECONDS", seconds)
    with contextlib.suppress(RequestError):
        read(b"X:1\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|\n", MELODIES, "tune.abc")

    assert list(tmp_path.iterdir()) == []


def test_scores_are_read():
    """By their suffix, with the melody's notes."""
    tune = b"X:1\nM:3/4\nL:1/4\nK:C\nCDE|FGA|\n"
    got = read(tune, MELODIES, "tune.abc")

    assert [row[1] for row in got.piece.notes] == [60, 62, 64, 65, 67, 69]
    assert (got.piece.source.file, got.piece.stretches[0].beats) == ("tune.abc", 3)
