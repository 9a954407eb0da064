"""Knobs that are learned in one key, and turned in it between two turns of the pitch knob."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from latentknobs import NoteAugmentation, Session
from latentknobs.core.clip import Note
from latentknobs.core.corpus import Song
from latentknobs.core.experiment import Settings
from latentknobs.core.run import RunSpec
from latentknobs.errors import PluginError, UsageError
from latentknobs.testing.tiny import BEAT, TinyBackend
from tests.tiny_meters import TINY, exact_run, quarters


class Mirror(NoteAugmentation):
    """Mirrors the pitches around the first note of the piece."""

    name = knob_name = "mirror"
    relative_to = "first-note"

    def edit(self, notes, amount, rng, context):
        return [Note(note.onset, 2 * context.first.pitch - note.pitch, note.length) for note in notes]


@pytest.fixture(scope="module")
def mirror_runs(find):
    """The knob of this edit, learned in one key and in all: songs of four clips that begin anywhere."""
    rng = np.random.default_rng(1)
    songs = []
    for k in range(260):
        pitches = 64 + int(rng.integers(-8, 9)) + rng.integers(-7, 8, size=(4, 8))
        clips = [TINY.clip_format.tokens([Note(BEAT * i, int(p), BEAT) for i, p in enumerate(row)]) for row in pitches]
        songs.append(Song(f"song {k}", np.stack(clips), ("train", "train", "validation", "test")[k % 4]))
    wanted = {"fits": ("ridge",), "trial_clips": 80, "controls": 100, "control_clips": 32}
    return {one_key: find(Mirror(), corpus=songs, one_key=one_key, **wanted) for one_key in (True, False)}


def test_in_one_key_it_is_exact_and_in_all_keys_it_is_not(mirror_runs):
    """A code does not say where its piece began."""
    ours, theirs = (mirror_runs[one_key].knobs[0] for one_key in (True, False))

    assert (ours.verdict, ours.evidence.relative_to) == ("accepted", "first-note")
    assert ours.evidence.test.amounts[0].equivariance.value == pytest.approx(1)
    assert (theirs.verdict, theirs.evidence.relative_to) == ("rejected", "")


def test_run_parameters_say_so_only_where_no_key_was_chosen():
    """Runs of earlier versions stay the same runs."""
    assert "one_key" not in Settings().as_dict()
    assert Settings(one_key=False).as_dict()["one_key"] is False


def stored(workbench, run, name="mirror"):
    """The knob of a run in a registry, as learned from no edit, so that nothing is done by rule."""
    spec = RunSpec(TINY.model_id, TINY.name, None, "tiny", 0, {"of": name})
    knob = evolve(run.knobs[0], name=name, augmentation=None, run_id=spec.run_id)
    workbench.registry.save_run(evolve(run, spec=spec, knobs=(knob,), current=0))


def test_in_a_session_the_axis_is_the_pieces_first_note(meters, mirror_runs):
    """Of a piece that begins on C4 and of one that begins a fifth higher, clips of both and later ones."""
    stored(meters, mirror_runs[True])

    for shift in (0, 7, -20, 40):
        session = Session.open(meters, quarters(("4/4", 24), shift=shift), "tiny")
        turned = session.turn({"mirror": 1})
        assert turned.counts.by_model == 3
        first = session.piece.notes[0].pitch
        assert [n.pitch for n in turned.after.notes] == [2 * first - n.pitch for n in session.piece.notes]


def test_another_axis_is_taken_as_it_is_given(meters, mirror_runs):
    """The melody is mirrored there, and told that it is."""
    stored(meters, mirror_runs[True])

    session = Session.open(meters, quarters(("4/4", 16)), "tiny", axis="G4")
    turned = session.turn({"mirror": 1})

    assert [n.pitch for n in turned.after.notes] == [2 * 67 - n.pitch for n in session.piece.notes]
    assert "The axis is G4." in turned.remarks


@pytest.mark.parametrize("given", [{"key": "H major"}, {"key": "C dorian"}, {"axis": "E"}, {"axis": "128"}])
def test_no_key_and_no_pitch_is_refused(meters, given):
    """One sentence says how they are written."""
    with pytest.raises(UsageError, match=r"is no (key|pitch): write it as"):
        Session.open(meters, quarters(("4/4", 8)), "tiny", **given)


def test_without_a_pitch_knob_the_model_cannot_turn_it(meters, mirror_runs):
    """A session says so, and leaves the clips to rules."""
    stored(meters, mirror_runs[True])
    meters.registry.save_run(evolve(exact_run(TINY, "pitch", 0.5), current=0))
    session = Session.open(meters, quarters(("4/4", 8)), "tiny")

    turned = session.turn({"mirror": 1})

    assert turned.counts.by_model == 0
    assert any("mirror" in remark for remark in (*turned.remarks, *turned.left))
    assert np.array_equal(TinyBackend().decode(session.codes), session.plain)


def test_what_it_cannot_be_relative_to_is_told(find):
    """Before anything is learned."""

    class Odd(Mirror):
        """Mirrors the pitches around the first note of the piece."""

        relative_to = "chord"

    with pytest.raises(PluginError, match="'mirror' is relative to 'chord'; it can be to key, tonic or first-note"):
        find(Odd(), fits=("ridge",))
