"""Edits made of others: how a text is read, what the whole declares, and what it does to clips."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.augmentations.plugin import register_augmentations
from latentknobs.core.augmentation import NoteAugmentation
from latentknobs.core.composition import CompositeAugmentation, CompositionPart, compose, parts_of
from latentknobs.core.melody_format import MELODY
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import AmountError, PluginError, UnknownNameError, UsageError
from latentknobs.testing.checks import melody_kit
from latentknobs.testing.contracts import AugmentationContract


class Blink(NoteAugmentation):
    """Does nothing, on or off."""

    name = knob_name = "blink"

    def edit(self, notes, amount, rng):
        """The notes."""
        return notes


class Broken(Blink):
    """Breaks."""

    name = "broken"

    def edit(self, notes, amount, rng):
        """Nothing."""
        raise KeyError(0)


class Drums(Blink):
    """Edits drums."""

    name = "drums"
    clip_format = "drums-2bar"


class Bells(Blink):
    """Edits bells."""

    name = "bells"
    clip_format = "bells-2bar"


KNOWN = {edit.name: edit for edit in (*register_augmentations(), Blink(), Broken(), Drums(), Bells())}
CLIPS = melody_kit({}, {}).clips


def _rng():
    return np.random.default_rng(0)


class TestComposed(AugmentationContract):
    """Compositions of built-in edits keep the contract of every edit."""

    @pytest.fixture(
        params=[
            "transpose:2|note-split:1",
            "note-split|transpose:-3",
            "transpose:3|transpose:-2",
            "fill:1|delay:1",
        ]
    )
    def augmentation(self, request):
        """Each of them."""
        return compose(request.param, KNOWN)


@pytest.mark.parametrize(
    ("text", "name", "knob", "amounts"),
    [
        ("transpose:2|note-split:1", "transpose:2|note-split:1", "pitch-2-rhythm-1", (1, 2, 3, 4)),
        (" transpose : 2.0 | note-split ", "transpose:2|note-split:1", "pitch-2-rhythm-1", (1, 2, 3, 4)),
        ("note-split:1|transpose:2", "note-split:1|transpose:2", "rhythm-1-pitch-2", (1, 2, 3, 4)),
        ("transpose:5|octave", "transpose:5|octave:1", "pitch-5-octave-1", (-2, -1, 1, 2)),
        ("transpose:-5", "transpose:-5", "pitch-minus-5", (-2, -1, 1, 2)),
        ("alter:0.5|transpose:7", "alter:0.5|transpose:7", "chromaticism-0_5-pitch-7", (1,)),
        ("transpose:12|blink", "transpose:12|blink:1", "pitch-12-blink-1", (1,)),
        ("note-split:0.5", "note-split:0.5", "rhythm-0_5", (2, 4, 6, 8)),
    ],
)
def test_how_a_text_is_read(text, name, knob, amounts):
    """Names, factors and common whole amounts are as worked out by hand; spaces and a factor of 1 may be left out."""
    found = compose(text, KNOWN)

    assert (found.name, found.knob_name, found.amounts) == (name, knob, amounts)


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("transpose:2|", UsageError, "Part 2 .* has no name; write NAME:FACTOR"),
        ("|transpose:2", UsageError, "Part 1 .* has no name"),
        ("transpose:|note-split", UsageError, "Part 1 .* has no factor"),
        ("transpose:two", UsageError, "'two' of transpose .* is not a number; write"),
        ("transpose:2:3", UsageError, "'2:3' of transpose"),
        ("transpose:0|note-split", UsageError, "is 0; give a finite number other than 0"),
        ("transpose:inf", UsageError, "is inf; give a finite number"),
        ("transpose:2|notesplit:1", UnknownNameError, r"part 2 of .* did you mean 'note-split'\?"),
        ("bells:1|drums:1", UsageError, "bells edits bells-2bar, drums edits drums-2bar.*choose edits of one"),
        ("transpose:13|note-split", UsageError, "no whole number n.*note-split has 1, 2, 3, 4.*other factors"),
        ("note-split:-1", UsageError, "no whole number n"),
        ("transpose|transpose:-0.5|blink", UsageError, "no whole number n"),
    ],
)
def test_what_is_no_composition(text, error, says):
    """A text that cannot be read, or whose parts do not fit together, is refused with what, where and what to do."""
    with pytest.raises(error, match=says):
        compose(text, KNOWN)


def test_a_composition_has_parts():
    """Made by hand, without any part, it is refused; an edit alone is its own only part."""
    with pytest.raises(UsageError, match="at least one part"):
        CompositeAugmentation(())
    assert parts_of(KNOWN["tilt"]) == (KNOWN["tilt"],)
    assert parts_of(compose("tilt|fill", KNOWN)) == (KNOWN["tilt"], KNOWN["fill"])


def test_what_the_whole_declares():
    """It changes what any part changes or targets, keeps what all keep, and its texts name parts and factors."""
    found = compose("transpose:2|note-split:1", KNOWN)

    assert found.changes == {"mean-pitch", "mean-octave", "log2-onsets", "note-density", "onset-f1"}
    assert found.preserves == {"pitch-range", "contour"}
    assert (found.target, found.clip_format, found.needs) == (None, "", ("monophonic",))
    assert found.unit == "times (2 semitones, 1 doublings)"
    assert found.doc == ("For each unit of the amount, transpose by 2 semitones, then note-split by 1 doublings.")


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("transpose:3|transpose:-2", "mean-pitch"),
        ("transpose:1", "mean-pitch"),
        ("transpose:2", None),
        ("transpose:1|transpose:1", None),
        ("blink|blink", None),
    ],
)
def test_a_shared_target_that_moves_by_the_amount(text, target):
    """The parts' target is the whole's where its factors add up to 1: amount 1 of the whole then moves it by 1."""
    assert compose(text, KNOWN).target == target


@settings(max_examples=50)
@given(factor=st.floats(allow_nan=False, allow_infinity=False).filter(bool))
def test_any_factor_can_be_named(factor):
    """With any factor the knob's name is one that a knob may have, and the name is read as the same factor again."""
    edit = Blink()
    edit.amounts = (factor,)
    found = CompositeAugmentation((CompositionPart(edit, factor), CompositionPart(edit, factor)))
    known = {"blink": edit}

    assert re.fullmatch(r"[a-z0-9][a-z0-9_-]*", found.knob_name)
    assert [part.factor for part in compose(found.name, known).parts] == [factor, factor]


@pytest.mark.parametrize("amount", [1.0, 2.0])
def test_parts_are_applied_from_left_to_right(amount):
    """It gives what one edit after the other gives, each at its factor; a clip that either masks is masked."""
    clips = np.concatenate([CLIPS, MELODY.tokens([])[None]])
    kept = clips.copy()
    first = KNOWN["transpose"](clips, 2 * amount, _rng())
    second = KNOWN["note-split"](first.clips, amount, _rng())

    out = compose("transpose:2|note-split:1", KNOWN)(clips, amount, _rng())

    valid = first.valid & second.valid
    assert valid.any()
    assert not valid.all()
    assert np.array_equal(out.valid, valid)
    assert np.array_equal(out.clips[valid], second.clips[valid])
    assert np.array_equal(out.clips[~valid], clips[~valid])
    assert np.array_equal(clips, kept)


def test_amounts_that_it_cannot_do():
    """A number that is none, another amount of an on/off edit, and one that a part cannot do are refused."""
    with pytest.raises(AmountError, match="takes a number"):
        compose("transpose:2", KNOWN)(CLIPS, float("nan"), _rng())
    with pytest.raises(AmountError, match=r"on/off edit: its amount is 0 or 1, not 2"):
        compose("transpose|blink", KNOWN)(CLIPS, 2.0, _rng())
    with pytest.raises(AmountError, match="note-split takes whole doublings"):
        run_augmentation(compose("transpose:2|note-split", KNOWN), CLIPS, 0.5, _rng(), MELODY)


def test_a_broken_part_is_named():
    """The guard stands around each part: the one that breaks is named, not the whole."""
    with pytest.raises(PluginError, match="augmentation 'broken' at amount 1"):
        run_augmentation(compose("transpose:2|broken:1", KNOWN), CLIPS, 1.0, _rng(), MELODY)
