import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.core.clip import Note
from latentknobs.core.melody_format import HOLD, MELODY, MELODY_FORMATS, REST, MelodyFormat
from latentknobs.core.meter import bars, weights
from latentknobs.errors import ClipError, UsageError

tokens = st.lists(st.one_of(st.integers(0, 129), st.sampled_from([HOLD, REST])), min_size=32, max_size=32).map(
    lambda values: np.array([values], dtype=np.int16)
)


@given(tokens)
def test_repair_gives_a_valid_clip_and_leaves_a_valid_one_alone(clips):
    """What is repaired is valid; repairing it again, or repairing a valid clip, changes nothing."""
    repaired = MELODY.repair(clips)

    assert MELODY.valid(repaired).all()
    assert repaired.dtype == np.int16
    assert (MELODY.repair(repaired) == repaired).all()
    if MELODY.valid(clips).all():
        assert (repaired == clips).all()


@given(tokens)
def test_repair_turns_only_holds_without_a_note_into_rests(clips):
    """A hold with nothing to hold becomes a rest, never a pitch, and no other token is touched."""
    repaired = MELODY.repair(clips)

    changed = repaired != clips
    assert (clips[changed] == HOLD).all()
    assert (repaired[changed] == REST).all()
    assert (MELODY.onsets(repaired) == MELODY.onsets(clips)).all()


@given(tokens)
def test_tokens_to_notes_and_back_is_the_repaired_clip(clips):
    """Notes carry all that a valid clip says."""
    repaired = MELODY.repair(clips)

    assert (MELODY.tokens(MELODY.notes(clips[0])) == repaired[0]).all()
    assert MELODY.notes(repaired[0]) == MELODY.notes(clips[0])


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


def test_the_family_has_its_sizes():
    """Two bars each, in sixteenths, and four of 4/4."""
    sizes = {name: one.steps for name, one in MELODY_FORMATS.items()}

    assert sizes == {
        "melody-2bar": 32,
        "melody-2bar-3-4": 24,
        "melody-2bar-6-8": 24,
        "melody-2bar-9-8": 36,
        "melody-4bar": 64,
    }


@given(
    signature=st.sampled_from(["2/4", "3/4", "4/4", "5/4", "7/8", "3/8", "6/8", "9/8", "12/8", "2/2", "3/2"]),
    count=st.integers(1, 4),
    per_beat=st.sampled_from([2, 4, 8, 12]),
)
def test_a_format_has_whole_bars_that_begin_with_its_strongest_step(signature, count, per_beat):
    """As many bars as were asked for, and the first step of each weighs 0, no other does."""
    form = MelodyFormat(signature, 2 * count, per_beat)
    bar = form.steps // (2 * count)

    assert bars(form) == 2 * count
    assert np.flatnonzero(weights(form) == 0).tolist() == list(range(0, form.steps, bar))


@given(data=st.data(), name=st.sampled_from(list(MELODY_FORMATS)))
def test_notes_and_tokens_of_every_member_are_each_others_inverse(data, name):
    """Tokens to notes and back are the tokens, for valid clips."""
    form = MELODY_FORMATS[name]
    drawn = data.draw(
        st.lists(st.sampled_from([0, 21, 60, 61, 127, HOLD, HOLD, REST]), min_size=form.steps, max_size=form.steps)
    )
    clips = form.repair(np.array([drawn], dtype=np.int16))

    assert (form.tokens(form.notes(clips[0])) == clips[0]).all()


@pytest.mark.parametrize(
    ("values", "error", "match"),
    [
        ({"time_signature": "5/3"}, UsageError, "no time signature"),
        ({"time_signature": 3}, UsageError, "no time signature"),
        ({"bars": 0}, ClipError, "a number of bars, above 0"),
        ({"bars": 0.5}, ClipError, "a number of bars, above 0"),
        ({"bars": 1, "time_signature": "3/8", "steps_per_beat": 1}, ClipError, "1.5 steps"),
        ({"bars": 1000}, ClipError, "16000 steps"),
        ({"steps_per_beat": 0}, ClipError, "1 to 24 whole steps"),
        ({"steps_per_beat": 4.0}, ClipError, "1 to 24 whole steps"),
        ({"name": ""}, ClipError, "A format's name must be words"),
        ({"name": 5}, ClipError, "A format's name must be words"),
    ],
)
def test_a_format_that_cannot_be_is_refused_when_it_is_made(values, error, match):
    """One sentence says what is wrong with it."""
    with pytest.raises(error, match=match):
        MelodyFormat(**values)
