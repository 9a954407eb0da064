import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.core.clip import Note
from latentknobs.core.melody_format import HOLD, MELODY, REST
from latentknobs.errors import ClipError

tokens = st.lists(st.one_of(st.integers(0, 129), st.sampled_from([HOLD, REST])), min_size=32, max_size=32).map(
    lambda values: np.array([values], dtype=np.int16)
)


@settings(deadline=None)
@given(tokens)
def test_repair_gives_a_valid_clip_and_leaves_a_valid_one_alone(clips):
    """What is repaired is valid; repairing it again, or repairing a valid clip, changes nothing."""
    repaired = MELODY.repair(clips)

    assert MELODY.valid(repaired).all()
    assert repaired.dtype == np.int16
    assert (MELODY.repair(repaired) == repaired).all()
    if MELODY.valid(clips).all():
        assert (repaired == clips).all()


@settings(deadline=None)
@given(tokens)
def test_repair_turns_only_holds_without_a_note_into_rests(clips):
    """A hold with nothing to hold becomes a rest, never a pitch, and no other token is touched."""
    repaired = MELODY.repair(clips)

    changed = repaired != clips
    assert (clips[changed] == HOLD).all()
    assert (repaired[changed] == REST).all()
    assert (MELODY.onsets(repaired) == MELODY.onsets(clips)).all()


@settings(deadline=None)
@given(tokens)
def test_tokens_to_notes_and_back_is_the_repaired_clip(clips):
    """Notes carry all that a valid clip says."""
    repaired = MELODY.repair(clips)

    assert (MELODY.tokens(MELODY.notes(clips[0])) == repaired[0]).all()
    assert MELODY.notes(repaired[0]) == MELODY.notes(clips[0])


@settings(deadline=None)
@given(tokens)
def test_sounding_agrees_with_the_notes(clips):
    """A step sounds the pitch of the note that covers it, -1 where there is none."""
    expected = np.full(32, -1)
    for note in MELODY.notes(clips[0]):
        expected[note.onset : note.end] = note.pitch

    assert (MELODY.sounding(clips)[0] == expected).all()


def test_a_hold_first_and_a_hold_after_a_rest_are_rests():
    """The holds that the demo gave a random pitch are silence."""
    clip = np.full((1, 32), HOLD, dtype=np.int16)
    clip[0, 8], clip[0, 12], clip[0, 20] = 60, REST, 64

    assert not MELODY.valid(clip).any()
    assert MELODY.notes(clip[0]) == (Note(8, 60, 4), Note(20, 64, 12))
    assert (MELODY.repair(clip)[0, :8] == REST).all()
    assert (MELODY.repair(clip)[0, 12:20] == REST).all()


def test_tokens_refuse_two_notes_at_a_time_and_a_note_past_the_end():
    """What the format cannot carry is an error that names the step."""
    with pytest.raises(ClipError, match="step 3 starts before"):
        MELODY.tokens([Note(0, 60, 4), Note(3, 62)])
    with pytest.raises(ClipError, match="ends on step 33"):
        MELODY.tokens([Note(31, 60, 2)])


def test_the_last_note_that_ends_on_the_bar_line_is_kept():
    """A note may end exactly where the clip ends."""
    clip = MELODY.tokens([Note(28, 72, 4)])

    assert clip.tolist() == [REST] * 28 + [72, HOLD, HOLD, HOLD]


def test_output_groups_split_onset_from_pitch():
    """Each token is an onset, a hold or a rest; only onsets have a pitch."""
    onset, pitch = MELODY.groups
    clips = MELODY.tokens([Note(0, 60, 2)])[None]

    assert [onset.classes[c] for c in onset.of(clips)[0, :3]] == ["onset", "hold", "rest"]
    assert pitch.of(clips)[0, :3].tolist() == [60, -1, -1]
