"""Training pairs of clips that begin as one training clip and go on as another."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from latentknobs.augmentations.inversion import Inversion
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.augmentation import TokenAugmentation, in_context
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.drum_format import DRUMS
from latentknobs.core.edit_context import lone_contexts
from latentknobs.core.experiment import Experiment, Methods, Settings
from latentknobs.core.melody_format import MELODY, MelodyFormat
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.discovery.recombination import Recombination
from latentknobs.errors import UsageError
from latentknobs.testing.tiny import LATENT_SIZE, TinyBackend, tiny_clips

CLIPS = tiny_clips(30)
UNITS = CodeUnits(np.zeros(LATENT_SIZE), np.ones(LATENT_SIZE))
BY_THREE = type("ByThree", (Transpose,), {"amounts": (3.0,)})()


def made(augmentation, count=50, contexts=(), seed=0):
    """The new clips before and after the edit, as the tiny model decodes them."""
    experiment = Experiment.without_methods(TinyBackend(), augmentation, seed)
    sample = Recombination(experiment, MELODY, CLIPS, contexts, adds_up=False, units=UNITS)(count)
    before, after = (TinyBackend().decode(sample.codes[:, k]) for k in (0, 1))
    return before, after, sample


def test_a_clip_begins_as_one_and_goes_on_as_another():
    """They meet at a beat, and clips that were not there before are among them."""
    before, _, _ = made(BY_THREE)
    beat, known = MELODY.steps_per_beat, {clip.tobytes() for clip in CLIPS}

    assert len(before) == 50
    for clip in before:
        cuts = range(beat, MELODY.steps, beat)
        assert any((CLIPS[:, :k] == clip[:k]).all(1).any() and (CLIPS[:, k:] == clip[k:]).all(1).any() for k in cuts)
    assert sum(clip.tobytes() not in known for clip in before) > 25


def test_it_has_the_codes_of_its_edit():
    """Before at amount 0, after at the edit's, where the edit can be done."""
    before, after, sample = made(BY_THREE)
    edited = run_augmentation(BY_THREE, before, 3.0, np.random.default_rng(0), MELODY)

    assert sample.knots == (0.0, 3.0)
    assert sample.mask[:, 0].all()
    assert sample.mask[:, 1].any()
    assert np.array_equal(after[sample.mask[:, 1]], edited.clips[sample.mask[:, 1]])


def test_it_is_in_the_piece_of_its_beginning():
    """An edit that is told of the piece mirrors around the first note of the clip that the new one begins as."""
    before, after, sample = made(Inversion(), contexts=lone_contexts(CLIPS, MELODY))
    rows = np.flatnonzero(sample.mask[:, 1])
    edit = in_context(Inversion(), lone_contexts(before[rows], MELODY))

    assert len(rows)
    assert np.array_equal(
        after[rows], run_augmentation(edit, before[rows], 1.0, np.random.default_rng(0), MELODY).clips
    )


def test_clips_that_cannot_be_joined_are_refused():
    """Before anything is read, with what to leave out."""
    methods = Methods((), {"effect": None}, {"standard": None}, (), ())
    drums = SimpleNamespace(spec=SimpleNamespace(clip_format=DRUMS))
    edit = type("Any", (TokenAugmentation,), {"name": "any", "knob_name": "any", "needs": (), "edit_tokens": None})()

    with pytest.raises(UsageError, match=r"Clips of drums-2bar cannot be recombined.* leave out --recombined"):
        Experiment.of(drums, edit, Settings(recombined=10), methods)


def test_the_same_seed_makes_the_same():
    """And another seed other clips."""
    one, again, other = (made(BY_THREE, seed=seed)[2].codes for seed in (0, 0, 1))

    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("clip_format", [MELODY, MelodyFormat("6/8"), MelodyFormat("1/4", 1)], ids=lambda one: one.name)
def test_joined_clips_are_valid(clip_format):
    """A note that the beginning did not hold is not held on; of one beat the first clip stays."""
    clips = tiny_clips(40, clip_format=MELODY)[:, : clip_format.steps]
    clips = clip_format.repair(clips)
    joined = clip_format.joined(clips, clips[::-1], np.random.default_rng(0))

    assert clip_format.valid(joined).all()
    assert np.array_equal(joined[:, : clip_format.steps_per_beat], clips[:, : clip_format.steps_per_beat])
    assert (joined == clips).all() == (clip_format.steps == clip_format.steps_per_beat)
