"""The example of blocks and a condition: a format with chords, its corpus, and a model of pitch and rhythm."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from latentknobs import MELODY, Note, NoteAugmentation
from latentknobs.augmentations.plugin import register_augmentations
from latentknobs.core.corpus import CorpusRequest
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import CorpusError, ModelError
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.hooks.manager import Plugins
from latentknobs.testing.contracts import BackendContract, PluginContract

FILE = Path(__file__).parents[2] / "plugins" / "chord_melody.py"
STEPS = 32
EDITS = {edit.name: edit for edit in register_augmentations()}


class Host:
    """Hears nothing."""

    def progress(self, what, done, of):
        """Of the training."""


class TestChordMelody(PluginContract):
    """It keeps every promise."""

    plugin = FILE


@pytest.fixture(scope="module")
def plugins(tmp_path_factory):
    """What the one file offers, with no other plugin beside it."""
    folder = tmp_path_factory.mktemp("plugins")
    shutil.copy(FILE, folder)
    return Plugins.build([], plugins_dir=folder, entry_points=False, strict=True)


def trained(plugins, path, **how):
    """A model of so many steps of training."""
    (command,) = plugins.commands()
    command.run(Host(), path, **how)
    return plugins.backends()["chord-melody"].load(str(path), "cpu")


@pytest.fixture(scope="module")
def model(plugins, tmp_path_factory):
    """A model that has hardly learned anything."""
    return trained(plugins, tmp_path_factory.mktemp("model") / "chords.npz", steps=2, clips=400)


@pytest.fixture(scope="module")
def songs(plugins):
    """Two hundred songs that the training did not see."""
    return list(plugins.corpora()["chord-songs"].songs(CorpusRequest(clips=800, seed=7)))


@pytest.fixture(scope="module")
def clips(songs):
    """Their clips."""
    return np.concatenate([song.clips for song in songs])


class TestChordModel(BackendContract):
    """A model with a condition keeps the contract of a backend."""

    @pytest.fixture
    def backend(self, model):
        """The model."""
        return model

    @pytest.fixture
    def clips(self, clips):
        """Melodies over chords."""
        return clips[:12]


@pytest.mark.parametrize("name", ["transpose", "note-split", "octave"])
def test_a_built_in_edit_leaves_the_chords(model, clips, name):
    """The melody becomes what the edit makes of it as a melody, and the chords are those from before."""
    edit, rng = EDITS[name], np.random.default_rng(0)
    out = run_augmentation(edit, clips, 1.0, rng, model.spec.clip_format)
    alone = edit(clips[:, :STEPS], 1.0, rng)

    assert out.valid.sum() > 100
    assert np.array_equal(out.clips[out.valid][:, :STEPS], alone.clips[out.valid])
    assert np.array_equal(out.clips[:, STEPS:], clips[:, STEPS:])


def test_an_edit_of_the_notes_of_this_format_leaves_the_chords(model, clips):
    """One that names the format and gives notes need know nothing of chords."""

    class Staccato(NoteAugmentation):
        """Shortens every note."""

        name = knob_name = "staccato"
        clip_format, format = model.spec.clip_format.name, model.spec.clip_format

        def edit(self, notes, amount, rng):
            return [Note(note.onset, note.pitch) for note in notes]

    edited = Staccato()(clips, 1.0, np.random.default_rng(0)).clips

    assert np.array_equal(edited[:, STEPS:], clips[:, STEPS:])
    assert not (edited[:, :STEPS] == 128).any()


def test_the_chords_travel_in_the_code(model, clips):
    """Whatever the rest of a code is, the decoded clip has the chords of the clip whose condition the code holds."""
    z = model.encode(clips).mean
    z[:, :128] = np.random.default_rng(0).standard_normal((len(clips), 128))

    assert np.array_equal(model.decode(z)[:, STEPS:], clips[:, STEPS:])
    assert len(np.unique(clips[:, STEPS:])) == 25


def test_the_corpus_has_songs_of_every_split_and_the_same_for_a_seed(plugins, songs):
    """Songs are endless, seeded, and split by their name."""
    again = plugins.corpora()["chord-songs"].songs(CorpusRequest(clips=80, seed=7))

    assert {song.split for song in songs} == {"train", "validation", "test"}
    assert all(np.array_equal(one.clips, two.clips) for one, two in zip(again, songs, strict=False))
    assert not np.array_equal(songs[0].clips, songs[1].clips)


def test_melodies_lie_on_their_chords(clips, plugins):
    """Of the notes on a beat with a chord nearly all are tones of it; of the others fewer."""
    on, tones = MELODY.onsets(clips[:, :STEPS]), np.zeros((25, 12), dtype=bool)
    for root in range(12):
        tones[1 + 2 * root, [root, (root + 4) % 12, (root + 7) % 12]] = True
        tones[2 + 2 * root, [root, (root + 3) % 12, (root + 7) % 12]] = True
    chord = np.repeat(clips[:, STEPS:], 4, axis=1)
    fits = tones[chord, clips[:, :STEPS] % 12]
    beat = np.arange(STEPS) % 4 == 0

    assert fits[on & beat & (chord > 0)].mean() > 0.9
    assert fits[on & ~beat & (chord > 0)].mean() < 0.8


def test_a_range_without_its_pitches_is_said(plugins):
    """The corpus names its own pitches."""
    with pytest.raises(CorpusError, match="pitches 52 to 84"):
        next(plugins.corpora()["chord-songs"].songs(CorpusRequest(clips=4, pitch_range=(0, 20))))


def test_weights_that_are_none_say_so(plugins, tmp_path):
    """A file of something else names the file and the command that makes one."""
    (tmp_path / "other.npz").write_bytes(b"no zip")

    with pytest.raises(ModelError, match=r"other\.npz holds no weights of it .*chords train"):
        plugins.backends()["chord-melody"].load(str(tmp_path / "other.npz"), "cpu")


@pytest.fixture(scope="module")
def weights(plugins, tmp_path_factory):
    """Weights trained as the example says, in about three minutes."""
    path = tmp_path_factory.mktemp("good") / "chords.npz"
    trained(plugins, path)
    return path


@pytest.fixture(scope="module")
def good(plugins, weights):
    """The model of them."""
    return plugins.backends()["chord-melody"].load(str(weights), "cpu")


@pytest.fixture(scope="module")
def held_out(songs):
    """The clips of the test songs."""
    return np.concatenate([song.clips for song in songs if song.split == "test"])


def rhythm(clips):
    """0 = a note starts, 1 = it is held, 2 = rest."""
    return np.maximum(clips[:, :STEPS].astype(int) - 127, 0)


def last_pitch(clips):
    """The pitch of each step, through rests that of the note before; -1 before the first."""
    pitch = MELODY.sounding(clips[:, :STEPS])
    step = np.maximum.accumulate(np.where(pitch >= 0, np.arange(STEPS), 0), axis=1)
    return np.take_along_axis(pitch, step, axis=1)


@pytest.mark.slow
def test_melodies_of_songs_that_it_did_not_see_come_back(good, held_out):
    """Of their tokens at least 97 % are the same."""
    back = good.decode(good.encode(held_out).mean)

    assert (back == held_out)[:, :STEPS].mean() > 0.97


@pytest.mark.slow
def test_exchanging_a_block_exchanges_what_it_stands_for(good, held_out):
    """With the rhythm block of another clip a clip has that rhythm, and its own pitches at the new onsets."""
    other = np.roll(held_out, 37, axis=0)
    z = good.encode(held_out).mean
    z[:, 64:128] = good.encode(other).mean[:, 64:128]
    mixed = good.decode(z)
    on = MELODY.onsets(mixed[:, :STEPS])

    def agrees(clips):
        pitch = last_pitch(clips)
        counted = on & (pitch >= 0)
        return (mixed[:, :STEPS] == pitch)[counted].mean()

    assert (rhythm(mixed) == rhythm(other)).mean() > 0.97
    assert (rhythm(mixed) == rhythm(held_out)).mean() < 0.7
    assert agrees(held_out) > 0.9
    assert agrees(other) < 0.2
    assert np.array_equal(mixed[:, STEPS:], held_out[:, STEPS:])


@pytest.mark.slow
def test_knobs_move_their_own_block(weights, own, monkeypatch, capfd):
    """Transposing moves pitch and splitting rhythm, with nine tenths of the energy; of the two, rhythm is accepted."""
    shutil.copy(FILE, own / "plugins")
    monkeypatch.chdir(own)

    def run(line):
        capfd.readouterr()
        assert run_command_line(line.split()) == 0, capfd.readouterr().err
        return capfd.readouterr().out

    model = f"--model chord-melody:{weights}"
    run(f"discover transpose note-split {model} --corpus chord-songs --fit mean --fit ridge")
    knobs = {knob["name"]: knob for knob in json.loads(run(f"knobs list {model} --json"))}
    blocks = json.loads(run(f"knobs list {model} --rows blocks --json"))
    share = {(row["name"], row["block"]): row["share"] for row in blocks if row["current"]}

    # No affine map of this latent transposes every contour: nothing in its training asks for one.
    assert {name: knob["verdict"] for name, knob in knobs.items()} == {"pitch": "rejected", "rhythm": "accepted"}
    assert share["pitch", "pitch"] > 0.9
    assert share["rhythm", "rhythm"] > 0.9
    assert share["pitch", "chords"] is None
