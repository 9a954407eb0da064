"""The drum example: a format, a model, a corpus and edits of one's own, through the same commands as melodies."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mido
import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.core.clip import Note
from latentknobs.core.corpus import CorpusRequest
from latentknobs.core.piece import Piece
from latentknobs.errors import ClipError, MidiError, ModelError
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.hooks.manager import Plugins
from latentknobs.plots.roll import draw_rolls
from latentknobs.plots.text_roll import text_roll
from latentknobs.scores import midi_bytes, read_piece, read_provenance, write_piece
from latentknobs.testing.checks import CheckFixtures
from latentknobs.testing.contracts import AugmentationContract, BackendContract

FILE = Path(__file__).parents[2] / "plugins" / "drums.py"


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """What the one file offers, with no other plugin beside it."""
    folder = tmp_path_factory.mktemp("plugins")
    shutil.copy(FILE, folder)
    return Plugins.build([], plugins_dir=folder, entry_points=False, strict=True)


@pytest.fixture(scope="module")
def weights(plugins, tmp_path_factory):
    """A model of a hundred steps of training."""
    path = tmp_path_factory.mktemp("kit") / "kit.npz"

    class Host:
        def progress(self, what, done, of):
            pass

    (command,) = plugins.commands()
    command.run(Host(), path, steps=100)
    return path


@pytest.fixture(scope="module")
def model(plugins, weights):
    """That model."""
    return plugins.backends()["drums"].load(str(weights), "cpu")


@pytest.fixture(scope="module")
def drums(model):
    """The clip format."""
    return model.spec.clip_format


@pytest.fixture(scope="module")
def patterns(plugins):
    """Sixty-four clips of the corpus."""
    songs = plugins.corpora()["patterns"].songs(CorpusRequest(clips=64, seed=1))
    return np.concatenate([song.clips for song in songs])


@pytest.fixture
def kit(plugins, patterns, drums):
    """What its edits are checked with."""
    full = np.ones(drums.shape, dtype=np.int16)
    edges = {"silence": full * 0, "every hit": full, "one hit": drums.tokens([Note(31, 51, 1, 8)])}
    return CheckFixtures(patterns, edges, drums, plugins.attributes(), plugins.comparisons())


class TestThinHits(AugmentationContract):
    """Thinning keeps the contract of an edit."""

    @pytest.fixture
    def augmentation(self, plugins):
        """The edit."""
        return plugins.augmentations()["thin-hits"]

    @pytest.fixture
    def kit(self, kit):
        """Of drums."""
        return kit


class TestShiftVoices(AugmentationContract):
    """Shifting keeps the contract of an edit."""

    @pytest.fixture
    def augmentation(self, plugins):
        """The edit."""
        return plugins.augmentations()["shift-voices"]

    @pytest.fixture
    def kit(self, kit):
        """Of drums."""
        return kit


class TestDrumContract(BackendContract):
    """The model keeps the contract of a backend, on clips of two dimensions."""

    @pytest.fixture
    def backend(self, model):
        """The model."""
        return model

    @pytest.fixture
    def clips(self, patterns):
        """Drum patterns."""
        return patterns[:12]


def test_thinning_takes_the_weak_hits(plugins, drums):
    """Of sixteen equal hits of one voice half go, those between the eighths; of two voices each keeps its strongest."""
    edit = plugins.augmentations()["thin-hits"]
    clips = np.zeros((2, 32, 9), dtype=np.int16)
    clips[0, :, 2] = 1
    clips[1, [1, 3], 0] = clips[1, [5, 7], 8] = 1

    out = edit(clips, 1.0, np.random.default_rng(0))
    twice = edit(clips, 2.0, np.random.default_rng(0))

    assert out.valid.tolist() == [True, True]
    assert np.flatnonzero(out.clips[0, :, 2]).tolist() == list(range(0, 32, 2))
    assert np.argwhere(out.clips[1]).tolist() == [[1, 0], [5, 8]]
    assert np.flatnonzero(twice.clips[0, :, 2]).tolist() == list(range(0, 32, 4))
    assert not twice.valid[1]


@given(st.sets(st.tuples(st.integers(0, 63), st.integers(0, 8)), min_size=1))
def test_midi_gives_every_hit_back(plugins, drums, tmp_path_factory, hits):
    """A piece of drums written to MIDI's drum channel is read back hit by hit, several at a time."""
    notes = [Note(step, drums.drums[voice].numbers[0], 1, voice) for step, voice in hits]
    piece = Piece(notes, 64, name="drums")
    path = tmp_path_factory.mktemp("midi") / "drums.mid"
    write_piece(piece, path, clip_format=drums)

    assert read_piece(path, clip_format=drums).notes == piece.notes
    assert {m.channel for m in mido.MidiFile(path).tracks[0] if m.type == "note_on"} == {9}


def _file(path, *tracks):
    """A MIDI file of (channel, [(drum, ticks it lasts)]) one after the other, 120 ticks a sixteenth."""
    file = mido.MidiFile(ticks_per_beat=480)
    for channel, notes in tracks:
        track = mido.MidiTrack()
        for number, ticks in notes:
            track.append(mido.Message("note_on", channel=channel, note=number, velocity=90))
            track.append(mido.Message("note_off", channel=channel, note=number, time=ticks))
        file.tracks.append(track)
    file.save(path)
    return path


def test_other_drums_of_the_same_voice_are_read_as_it(drums, tmp_path):
    """Both kicks are the kick, once where both are struck, however long; drums without a voice are told."""
    path = _file(tmp_path / "d.mid", (9, [(35, 240), (56, 240), (40, 960)]), (9, [(36, 10)]), (0, [(60, 480)]))

    piece = read_piece(path, clip_format=drums)

    assert piece.notes == (Note(0, 36, 1, 0), Note(4, 38, 1, 1))
    assert "1 hit of drums without a voice left out (General MIDI 56)." in piece.remarks
    assert "Tracks 1-2 were read as one." in piece.remarks


def test_hits_go_back_into_their_file(drums, tmp_path):
    """Hits that stay are the file's own, one that goes takes all that was read as it along, and a new one is a drum."""
    path = _file(tmp_path / "d.mid", (9, [(35, 240), (40, 240), (42, 480)]), (9, [(36, 10)]), (0, [(60, 480)]))
    piece = read_piece(path, clip_format=drums)
    assert midi_bytes(piece, clip_format=drums) == path.read_bytes()
    kick, snare, hat = piece.notes
    path.write_bytes(midi_bytes(evolve(piece, notes=(snare, hat, Note(6, 49, 1, 7))), clip_format=drums))
    back = mido.MidiFile(path)

    starts = [(m.channel, m.note, m.velocity) for track in back.tracks for m in track if m.type == "note_on"]
    assert starts == [(9, 40, 90), (9, 42, 90), (9, 49, 90), (0, 60, 90)]
    assert kick not in read_piece(path, clip_format=drums).notes


@pytest.mark.parametrize(
    ("tracks", "track", "wanted"),
    [
        ([(0, [(60, 480)])], None, r"no drums \(channel 10\), and drum-grid is drums: choose another file, or name"),
        ([(9, [(56, 480), (57, 1), (70, 1)])], "x", "no track is 'x'"),
        ([(9, [(56, 480), (70, 480)])], None, r"no voice for \(General MIDI 56, 70\): choose"),
    ],
)
def test_a_file_without_these_drums_is_one_sentence(drums, tmp_path, tracks, track, wanted):
    """It says what the file lacks and what to do."""
    with pytest.raises(MidiError, match=wanted):
        read_piece(_file(tmp_path / "d.mid", *tracks), clip_format=drums, track=track)


def test_a_track_on_another_channel_can_be_named(drums, tmp_path):
    """Drums that an editor wrote to another channel are read when the track is named."""
    path = _file(tmp_path / "d.mid", (0, [(36, 480), (38, 480)]))

    assert [note.voice for note in read_piece(path, clip_format=drums, track=1).notes] == [0, 1]


def test_two_voices_of_a_melody_are_still_refused(tmp_path):
    """What a format of drums may write, one of melodies may not."""
    with pytest.raises(ClipError, match="only one voice can be written"):
        midi_bytes(Piece((Note(0, 60), Note(0, 64)), 32))


def test_rolls_have_a_row_for_each_voice(drums, tmp_path):
    """In text the voices that are hit, by name, the lowest last; as a picture all of them."""
    clip = drums.tokens([Note(0, 36, 1, 0), Note(4, 42, 1, 2), Note(0, 51, 1, 8)])
    rows = text_roll(clip, clip_format=drums, ascii_only=True).splitlines()

    assert [row.split("|")[0].strip() for row in rows] == ["ride", "closed hat", "kick"]
    assert rows[1].split("|")[1].index("#") == 4
    draw_rolls([[clip, clip]], drums, tmp_path / "rolls.png")
    assert (tmp_path / "rolls.png").stat().st_size > 1000


def test_weights_that_are_none_say_so(plugins, tmp_path):
    """A file of something else names the file and the command that makes one."""
    (tmp_path / "other.npz").write_bytes(b"no zip")

    with pytest.raises(ModelError, match=r"other\.npz holds no weights of it .*drums train"):
        plugins.backends()["drums"].load(str(tmp_path / "other.npz"), "cpu")


@pytest.fixture
def run(own, monkeypatch, capfd):
    """Runs the command line in the test's own folder, with the drum plugin; gives what it printed."""
    shutil.copy(FILE, own / "plugins")
    monkeypatch.chdir(own)

    def command(line):
        capfd.readouterr()
        code = run_command_line(line.split())
        captured = capfd.readouterr()
        assert code == 0, captured.err
        return captured.out

    return command


def test_drums_are_turned_by_the_commands_of_melodies(run, own, weights):
    """Discovered, stored, queried, drawn and turned: every command takes the model of drums as it takes any other."""
    shutil.copy(weights, own)
    drums = "--model kit.npz --corpus patterns"
    run(f"discover shift-voices {drums} --quick --clips 640")
    (knob,) = json.loads(run("knobs list --model kit.npz --json"))
    found = json.loads(run("knobs show voice --model kit.npz --json"))
    _file(own / "beat.mid", (9, [(42, 240), (46, 240)] * 8))
    turned = json.loads(run("turn beat.mid --model kit.npz --json -o out.mid"))

    assert (knob["name"], found["augmentation"]) == ("voice", "shift-voices")
    assert knob["verdict"] in {"provisional", "rejected"}
    assert found["evidence"]["criteria"]
    assert [note["pitch"] for note in turned["before"]][:4] == [42, 46, 42, 46]
    assert read_provenance(own / "out.mid")["model"] == "kit"
    assert "closed hat" in run("turn beat.mid --model kit.npz")
    run("sample --model kit.npz -o samples --count 2")
    assert len(list((own / "samples").glob("*.mid"))) == 2


@pytest.mark.evidence
def test_the_knobs_of_the_drum_model_are_accepted(run, own):
    """Trained as the example says, moving every hit to the next voice is a knob that meets every gate."""
    run("drums train kit.npz")
    run("discover shift-voices --model kit.npz --corpus patterns --clips 6000")
    (knob,) = json.loads(run("knobs list --model kit.npz --json"))
    _file(own / "beat.mid", (9, [(42, 240), (46, 240)] * 8))
    turned = json.loads(run("turn beat.mid -k voice=+1 --model kit.npz --json"))

    assert knob["verdict"] == "accepted"
    assert {note["pitch"] for note in turned["after"]} != {42, 46}
