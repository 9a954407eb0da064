"""Swing, on grids that have halves and thirds of a beat."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs import MELODY, MelodyFormat, Note
from latentknobs.attributes.plugin import register_attributes, register_comparisons
from latentknobs.augmentations.swing import SwingEighths
from latentknobs.core.format_capabilities import misfit, offered_by, serves
from latentknobs.core.melody_format import MELODY_FORMATS
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.testing.checks import sample_kit
from latentknobs.testing.contracts import AugmentationContract

RNG = np.random.default_rng(0)
SIXTHS = MelodyFormat("4/4", bars=2, steps_per_beat=6)
TWELFTHS = MelodyFormat("4/4", bars=2, steps_per_beat=12)
GRIDS = (SIXTHS, TWELFTHS, MelodyFormat("3/4", steps_per_beat=6))


def swung(notes, form=SIXTHS, *, exact=True):
    """The notes after the edit, None where they are masked."""
    out = run_augmentation(SwingEighths(), form.tokens(notes)[None], 1, RNG, form, exact=exact)
    return list(form.notes(out.clips[0])) if out.valid[0] else None


class TestPromises(AugmentationContract):
    """Every promise of an augmentation, on grids of sixths and twelfths."""

    @pytest.fixture
    def augmentation(self):
        """Swing."""
        return SwingEighths()

    @pytest.fixture(params=GRIDS, ids=lambda form: form.name)
    def kit(self, request):
        """Samples of a grid that no built-in format has."""
        attributes, comparisons = register_attributes(), register_comparisons()
        return sample_kit(request.param, {a.name: a for a in attributes}, {c.name: c for c in comparisons})


def test_straight_eighths_become_long_and_short():
    """Two thirds and one third of a beat, on a grid of sixths as on one of twelfths."""
    for form, unit in ((SIXTHS, 1), (TWELFTHS, 2)):
        straight = [Note(3 * unit * k, 60 + k, 3 * unit) for k in range(4)]
        long_short = [(0, 4), (4, 2), (6, 4), (10, 2)]

        wanted = [Note(unit * at, 60 + k, unit * length) for k, (at, length) in enumerate(long_short)]
        assert swung(straight, form) == wanted


def test_an_eighth_after_a_rest_is_late_and_one_that_is_tied_keeps_its_end():
    """The rest is longer; what sounds over the beat still does."""
    assert swung([Note(3, 60, 9), Note(15, 62, 3)]) == [Note(4, 60, 8), Note(16, 62, 2)]


@pytest.mark.parametrize(
    "notes",
    [
        [],
        [Note(0, 60, 6), Note(6, 62, 6)],
        [Note(0, 60, 2), Note(2, 62, 2), Note(4, 64, 2)],  # triplets
        [Note(0, 60, 3), Note(3, 62), Note(4, 64, 2)],
        [Note(0, 60, 3), Note(3, 62)],  # over before two thirds
    ],
)
def test_other_beats_stay_straight(notes):
    """A clip without pairs of eighths is masked; by rule it stays, unless it has no notes."""
    assert swung(notes) is None
    assert swung(notes, exact=False) == (notes or None)


@settings(max_examples=25)
@given(st.sampled_from(GRIDS), st.data())
def test_every_note_keeps_its_pitch_and_end_unless_it_waits_for_the_next(form, data):
    """Only notes on the half of a beat move, by a sixth of it; silence stays before a late note."""
    token = st.sampled_from([60, 64, 67, 128, 128, 128, 129])
    row = data.draw(st.lists(token, min_size=form.steps, max_size=form.steps))
    clip = form.repair(np.array([row], dtype=np.int16))
    before, after = form.notes(clip[0]), swung(form.notes(clip[0]), form, exact=False)
    beat, by = form.steps_per_beat, form.steps_per_beat // 6
    for was, now in zip(before, after or before, strict=True):
        assert now.pitch == was.pitch
        assert now.onset in ({was.onset, was.onset + by} if was.onset % beat == beat // 2 else {was.onset})
        assert now.end in (was.end, was.end + by)


def test_only_grids_with_halves_and_thirds_of_a_simple_beat_swing():
    """No built-in format has one; in 6/8 and 5/8 there is no such beat, and sixteenths are told apart."""
    assert not any(serves(SwingEighths(), form) for form in MELODY_FORMATS.values())
    assert all(serves(SwingEighths(), form) for form in GRIDS)
    assert offered_by(SIXTHS) == ("monophonic", "thirds")
    assert offered_by(TWELFTHS) == ("monophonic", "sixteenths", "thirds")
    assert "thirds" not in offered_by(MelodyFormat("6/8", steps_per_beat=12))
    assert "thirds" not in offered_by(MelodyFormat("5/8", steps_per_beat=12))
    assert misfit(SwingEighths(), MELODY, {}) == (
        "swing-eighths needs monophonic, thirds, and melody-2bar offers monophonic, sixteenths."
    )
