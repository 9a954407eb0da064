import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.augmentations.anticipate import Anticipate
from latentknobs.augmentations.delay import Delay
from latentknobs.augmentations.detach import Detach
from latentknobs.augmentations.fill import Fill
from latentknobs.core.clip import Note
from latentknobs.core.melody_format import MELODY
from latentknobs.core.meter import order, syncopation
from latentknobs.errors import AmountError

RNG = np.random.default_rng(0)
melodies = st.lists(
    st.lists(st.sampled_from([60, 62, 67, 128, 128, 128, 129]), min_size=32, max_size=32), max_size=4
).map(lambda rows: MELODY.repair(np.array(rows, dtype=np.int16).reshape(-1, 32)))


def clip(*notes):
    """A batch of one clip with notes (onset, pitch, length)."""
    return MELODY.tokens([Note(*note) for note in notes])[None]


def edited(edit, clips, amount):
    """The notes (onset, pitch, length) of the one clip after the edit, or None where it is masked."""
    out = edit(clips, amount, RNG)
    return [(n.onset, n.pitch, n.length) for n in MELODY.notes(out.clips[0])] if out.valid[0] else None


def test_fill_by_hand():
    """The strongest held step gets a note first: bar 2, then the half bars; thinned again it is what it was."""
    long = clip((0, 60, 32))
    halves = [(0, 60, 8), (8, 60, 8), (16, 60, 16)]

    assert edited(Fill(), long, 0.5) == [(0, 60, 16), (16, 60, 16)]
    assert edited(Fill(), long, 1) == halves
    assert edited(Fill(), clip(*halves), -1) == [(0, 60, 32)]
    assert edited(Fill(), long, 15.5) == [(step, 60, 1) for step in range(32)]


def test_fill_ties_over_the_weakest_and_keeps_the_extremes():
    """The weakest note goes first, but none after a rest, nor the strongest of the highest and of the lowest."""
    tune = clip((0, 60, 2), (2, 64, 2), (4, 62, 3), (7, 67, 1), (10, 62, 2))

    assert edited(Fill(), tune, -0.5) == [(0, 60, 4), (4, 62, 3), (7, 67, 1), (10, 62, 2)]
    assert edited(Fill(), tune, -1) == [(0, 60, 7), (7, 67, 1), (10, 62, 2)]
    assert edited(Fill(), tune, -1.5) is None


@given(melodies, st.integers(1, 31))
def test_fill_is_its_definition(clips, notes):
    """So many held steps become notes of what sounds there, none of them weaker than one that stays held."""
    out = Fill()(clips, notes / 2, RNG)
    held = clips == 128

    assert np.array_equal(out.valid, held.sum(axis=1) >= notes)
    for before, after in zip(clips[out.valid], out.clips[out.valid], strict=True):
        new = before != after
        assert new.sum() == notes
        assert np.array_equal(MELODY.sounding(after[None]), MELODY.sounding(before[None]))
        assert max(order(MELODY)[new]) < min(order(MELODY)[(before == 128) & ~new], default=32)


@pytest.mark.parametrize("amount", [-3, -0.5, 0.5, 2])
@given(clips=melodies)
def test_fill_changes_the_number_of_notes_and_no_rest(
    clips,
    amount,
):
    """Two times the amount of notes come or go, silence stays silence, and the range stays."""
    out = Fill()(clips, amount, RNG)

    for before, after in zip(clips[out.valid], out.clips[out.valid], strict=True):
        first, second = MELODY.notes(before), MELODY.notes(after)
        assert len(second) - len(first) == 2 * amount
        assert np.array_equal(before == 129, after == 129)
        assert np.ptp([n.pitch for n in second]) == np.ptp([n.pitch for n in first])


def test_anticipate_by_hand():
    """The half bar brings 2 an eighth early (-1 less -3), beat 2 a sixteenth early (-2 less -4) where no more fits."""
    quarters = [(4 * i, 60 + i, 4) for i in range(8)]
    two = [(0, 60, 4), (4, 61, 2), (6, 62, 6), (12, 63, 4), *quarters[4:]]

    assert edited(Anticipate(), clip(*quarters), 1) == two  # the half bar brings 2 at once
    assert edited(Anticipate(), clip((0, 60, 2), (2, 61, 2), (4, 62, 4)), 1) == [(0, 60, 2), (2, 61, 1), (3, 62, 5)]
    assert edited(Anticipate(), clip((0, 60, 2), (2, 61, 1), (3, 61, 1), (4, 62, 4)), 1) is None  # nothing to shorten
    assert edited(Anticipate(), clip((0, 60, 2), (4, 62, 4)), 1) is None  # a rest before the beat
    assert edited(Anticipate(), clip(), 1) is None


@given(melodies, st.integers(1, 10))
def test_anticipate_raises_syncopation_by_the_amount(clips, strength):
    """The strength in two bars grows by two times the amount; the order of the pitches and the rests stay."""
    out = Anticipate()(clips, strength / 2, RNG)
    kept, after = clips[out.valid], out.clips[out.valid]

    assert np.array_equal(syncopation(after), syncopation(kept) + strength)
    assert np.array_equal(kept == 129, after == 129)
    for one, two in zip(kept, after, strict=True):
        assert one[one < 128].tolist() == two[two < 128].tolist()


def test_detach_by_hand():
    """The longest note is shortened first; of equally long ones the one before the strongest step."""
    tune = clip((0, 60, 4), (4, 62, 4), (8, 64, 8), (16, 60, 16))

    assert edited(Detach(), tune, 4) == [(0, 60, 4), (4, 62, 4), (8, 64, 8), (16, 60, 8)]
    assert edited(Detach(), tune, 4.5)[2:] == [(8, 64, 7), (16, 60, 8)]
    assert edited(Detach(), clip((0, 60, 2), (2, 60, 2), (4, 60, 2), (6, 60, 2)), 0.5)[3] == (6, 60, 1)
    assert edited(Detach(), clip((0, 60, 1), (1, 60, 2)), 1) is None


@given(melodies, st.integers(1, 31))
def test_detach_shortens_the_longest(clips, steps):
    """Notes lose so many steps in all and none its first, and none that lost one is shorter than another by two."""
    out = Detach()(clips, steps / 2, RNG)

    assert np.array_equal(out.valid, (clips == 128).sum(axis=1) >= steps)
    for before, after in zip(clips[out.valid], out.clips[out.valid], strict=True):
        first, second = MELODY.notes(before), MELODY.notes(after)
        lost = [a.length - b.length for a, b in zip(first, second, strict=True)]
        assert [(n.onset, n.pitch) for n in first] == [(n.onset, n.pitch) for n in second]
        assert min(lost) >= 0
        assert sum(lost) == steps
        cut = [b.length for b, less in zip(second, lost, strict=True) if less]
        assert max(b.length for b in second) <= min(cut) + 1


def test_delay_by_hand():
    """All starts later after a rest; the last note loses what passes the end, but never its start."""
    tune = clip((0, 60, 16), (16, 62, 14), (30, 64, 2))

    assert edited(Delay(), tune, 1) == [(1, 60, 16), (17, 62, 14), (31, 64, 1)]
    assert edited(Delay(), tune, 2) is None
    assert edited(Delay(), clip((0, 60, 4)), 28) == [(28, 60, 4)]
    assert edited(Delay(), clip(), 1) is None


@pytest.mark.parametrize(
    ("edit", "amount"),
    [
        (Fill(), 0.3), (Fill(), 16), (Anticipate(), -1), (Anticipate(), 0.25), (Detach(), -1), (Detach(), 16),
        (Delay(), -1), (Delay(), 32), (Delay(), 0.5),
    ],
)  # fmt: skip
def test_amounts_that_no_clip_can_take_are_refused(edit, amount):
    """The edit says what it takes instead of masking every clip."""
    with pytest.raises(AmountError, match=edit.name):
        edit(clip((0, 60, 4), (4, 62, 4)), amount, RNG)
