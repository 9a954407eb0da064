"""The edits within a key: degree, diatonic inversion, the parallel mode, smaller and larger intervals."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs import MELODY, EditContext, Key, MelodyFormat, Note
from latentknobs.augmentations.degree import Degree
from latentknobs.augmentations.diatonic_inversion import DiatonicInversion
from latentknobs.augmentations.leap import Leap
from latentknobs.augmentations.scale_places import Scales
from latentknobs.augmentations.smooth import Smooth
from latentknobs.augmentations.swap_mode import SwapMode
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.augmentation import in_context
from latentknobs.core.edit_context import contexts_of
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import AmountError

RNG = np.random.default_rng(0)
EDITS = {edit.name: edit for edit in (Degree(), DiatonicInversion(), SwapMode(), Smooth(), Leap())}
KEYS = [Key(tonic, mode) for mode in ("major", "minor") for tonic in range(12)]
FORMATS = (MELODY, MelodyFormat("3/4"), MelodyFormat("6/8"), MelodyFormat("9/8"))
C, AM = Key(0), Key(9, "minor")
ODE = [64, 64, 65, 67, 67, 65, 64, 62]
"""Beethoven's Ode to Joy, in C."""
TWINKLE = [60, 60, 67, 67, 69, 69, 67]
BY_HAND = [
    ("degree", 2, C, TWINKLE, [64, 64, 71, 71, 72, 72, 71]),
    ("degree", -1, C, ODE, [62, 62, 64, 65, 65, 64, 62, 60]),
    ("degree", 1, AM, [69, 68, 69, 71, 72], [71, 70, 71, 72, 74]),  # the leading note stays one
    ("degree", 2, C, [67, 66, 67], [71, 70, 71]),
    ("diatonic-inversion", 1, C, TWINKLE, [64, 64, 57, 57, 55, 55, 57]),
    ("diatonic-inversion", 1, AM, [69, 72, 71, 69], [79, 76, 77, 79]),
    ("diatonic-inversion", 1, C, [60, 67, 66, 67], [64, 57, 58, 57]),  # a raised note becomes a lowered one
    ("diatonic-inversion", 1, C, [66, 67, 69, 65], [58, 57, 55, 59]),  # as near to one C as to the other: the lower
    ("diatonic-inversion", 1, C, [67, 60], [81, 88]),  # nearer to the upper one
    ("swap-mode", -1, C, ODE, [63, 63, 65, 67, 67, 65, 63, 62]),
    ("swap-mode", -1, C, [60, 69, 71, 72], [60, 68, 70, 72]),
    ("swap-mode", 1, AM, [69, 72, 76, 77, 79], [69, 73, 76, 78, 80]),
    ("smooth", 1, C, [60, 64, 67, 72, 67, 60], [60, 62, 64, 67, 64, 60]),  # a bugle call
    ("smooth", 1, C, TWINKLE, [60, 60, 64, 64, 65, 65, 64]),
    ("smooth", 1, C, [60, 65, 66, 67, 72], [60, 64, 65, 65, 69]),
    ("leap", 1, C, [60, 62, 64, 62, 60], [60, 62, 65, 62, 60]),
    ("leap", 2, C, [60, 62, 60, 62], [60, 65, 57, 62]),
    ("leap", 1, C, TWINKLE, [60, 60, 67, 67, 71, 71, 67]),
]
"""Edit, amount, key, and melodies before and after, by rule."""
MASKED = [
    ("degree", 1, C, []),
    ("degree", 2, AM, [69, 68, 69]),  # C and the note a semitone above B are one
    ("degree", 7, C, [120]),
    ("diatonic-inversion", 1, C, [60, 127]),
    ("diatonic-inversion", 1, C, []),
    ("diatonic-inversion", 1, None, ODE),
    ("swap-mode", -1, C, [60, 62, 67, 65]),
    ("swap-mode", -1, None, ODE),
    ("swap-mode", 1, C, ODE),  # is in major
    ("swap-mode", -1, AM, [69, 72]),
    ("degree", 1, None, ODE),
    ("smooth", 1, C, [60, 62, 60]),
    ("smooth", 1, C, [60]),
    ("leap", 1, C, [60, 62, 64]),
    ("leap", 1, C, [60]),
    ("leap", 2, C, [60, 127, 60]),
]


def told(key, first=60):
    """The context of a clip in this key, of a piece that begins so."""
    return EditContext(key, Note(0, first), (0, 127), 0, 1, 0)


def clip_of(pitches, form=MELODY):
    """Equal notes, int16 (1, steps)."""
    return form.tokens([Note(k, pitch) for k, pitch in enumerate(pitches)])[None]


def pitches(clip, form=MELODY):
    """Those of its notes."""
    return [note.pitch for note in form.notes(clip)]


def edited(name, pitches_before, amount, key, *, exact):
    """The pitches after an edit, None where it is masked."""
    edit = in_context(EDITS[name], (told(key, *pitches_before[:1]),))
    out = run_augmentation(edit, clip_of(pitches_before), amount, RNG, MELODY, exact=exact)
    return pitches(out.clips[0]) if out.valid[0] else None


@st.composite
def melodies(draw):
    """A format, clips of it from silence to a note on every step, and the context of each."""
    form = draw(st.sampled_from(FORMATS))
    token = st.one_of(st.integers(48, 84), st.sampled_from([0, 127, 128, 128, 129]))
    row = st.lists(token, min_size=form.steps, max_size=form.steps)
    rows = draw(st.lists(row, min_size=1, max_size=3))
    clips = form.repair(np.array(rows, dtype=np.int16))
    keys = draw(st.lists(st.sampled_from(KEYS), min_size=len(rows), max_size=len(rows)))
    return form, clips, tuple(told(key, draw(st.integers(48, 84))) for key in keys)


def pairs(edit, drawn, amount=1.0, *, exact=True):
    """Key, pitches before and after of each clip that can be edited."""
    form, clips, contexts = drawn
    out = run_augmentation(in_context(edit, contexts), clips, amount, RNG, form, exact=exact)
    for row in np.flatnonzero(out.valid):
        yield contexts[row].key, pitches(clips[row], form), pitches(out.clips[row], form)


def steps(melody, key):
    """The scale step of each pitch, from 7 * (octave) of the tonic."""
    scale = sorted((pitch - key.tonic) % 12 for pitch in key.scale)
    out = []
    for pitch in melody:
        octave, above = divmod(pitch - key.tonic, 12)
        out.append(7 * octave + max(k for k, semitones in enumerate(scale) if semitones <= above))
    return out


@pytest.mark.parametrize(("name", "amount", "key", "before", "after"), BY_HAND)
def test_a_known_melody_becomes_what_musicians_call_it(name, amount, key, before, after):
    """Tunes and figures, edited by hand."""
    assert edited(name, before, amount, key, exact=False) == after


@pytest.mark.parametrize(("name", "amount", "key", "notes"), MASKED)
def test_what_cannot_be_done_just_so_is_masked(name, amount, key, notes):
    """Nothing is wrapped, no chromatic note is lost, and what stays as it is does not count as edited."""
    assert edited(name, notes, amount, key, exact=True) is None


@pytest.mark.parametrize(
    ("name", "amount", "key", "before", "after"),
    [
        ("degree", 2, AM, [69, 68, 69], [72, 72, 72]),
        ("swap-mode", -1, C, [60, 62, 67], [60, 62, 67]),
        ("swap-mode", 1, C, ODE, ODE),
        ("smooth", 1, C, [60, 62, 60], [60, 62, 60]),
        ("leap", 1, C, [60, 62, 64], [60, 62, 64]),
    ],
)
def test_by_rule_the_nearest_is_done(name, amount, key, before, after):
    """A chromatic note without a place gets the pitch of the note above; what has nothing to edit stays."""
    assert edited(name, before, amount, key, exact=False) == after


@pytest.mark.parametrize(
    ("name", "amount", "says"),
    [
        ("degree", 0.5, "degree moves by whole scale steps, at most 70, not 0.5"),
        ("leap", 8, "leap takes whole scale steps from 1 to 7, not 8"),
        ("leap", -1, "not -1"),
        ("smooth", 2, "on/off"),
        ("swap-mode", 2, r"takes -1 \(to minor\) or 1 \(to major\), not 2"),
    ],
)
def test_an_amount_that_fits_no_clip_is_refused(name, amount, says):
    """Half a step is refused with a sentence."""
    with pytest.raises(AmountError, match=says):
        EDITS[name](clip_of(ODE), amount, RNG)


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_every_pitch_has_one_place_in_a_key(key):
    """A pitch comes back from its place, a higher one has a higher place, and those of the scale the even ones."""
    keyboard = np.arange(-24, 152)[None]
    scales = Scales.of([key])
    places = scales.places(keyboard)

    assert np.array_equal(scales.pitches(places), keyboard)
    assert (np.diff(places) > 0).all()
    assert [pitch for pitch, place in zip(keyboard[0], places[0], strict=True) if place % 2 == 0] == [
        pitch for pitch in keyboard[0] if pitch % 12 in key.scale
    ]
    assert np.array_equal(np.diff(places[places % 2 == 0]), np.full((places % 2 == 0).sum() - 1, 2))


@settings(max_examples=25)
@given(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4), st.integers(-200, 200), st.integers(1, 5))
def test_clips_of_many_keys_are_placed_as_each_alone(keys, first, size):
    """The rows of a batch do not know of each other."""
    some = np.tile(np.arange(first, first + size), (len(keys), 1))
    together = Scales.of(keys).places(some)

    assert np.array_equal(together, np.concatenate([Scales.of([key]).places(some[:1]) for key in keys]))
    assert np.array_equal(Scales.of(keys).pitches(together), some)


@settings(max_examples=25)
@given(melodies(), st.sampled_from(Degree().amounts))
def test_the_opposite_degree_gives_the_melody_back(drawn, amount):
    """Scale notes move by so many steps to scale notes; the order of pitches stays; the opposite undoes it."""
    form, _, contexts = drawn
    for key, before, after in pairs(Degree(), drawn, amount):
        assert np.array_equal(np.sign(np.subtract.outer(before, before)), np.sign(np.subtract.outer(after, after)))
        assert [pitch % 12 in key.scale for pitch in after] == [pitch % 12 in key.scale for pitch in before]
        assert steps(after, key) == [step + amount for step in steps(before, key)]
        context = (next(one for one in contexts if one.key == key),)
        (back,) = pairs(Degree(), (form, clip_of(after, form), context), -amount)
        assert back[2] == before


@settings(max_examples=25)
@given(melodies())
def test_seven_degrees_are_an_octave(drawn):
    """On every clip that the octave does not take off the keyboard, by rule or not."""
    form, clips, contexts = drawn
    for amount in (-1, 1):
        for exact in (True, False):
            seven = run_augmentation(in_context(Degree(), contexts), clips, 7 * amount, RNG, form, exact=exact)
            twelve = run_augmentation(Transpose(), clips, 12 * amount, RNG, form)
            assert np.array_equal(seven.valid, twelve.valid)
            assert np.array_equal(seven.clips, twelve.clips)


@settings(max_examples=25)
@given(melodies())
def test_diatonic_inversion_undoes_itself(drawn):
    """Scale notes become scale notes, intervals their opposites, and twice is the melody again, in the same piece."""
    form, clips, contexts = drawn
    out = run_augmentation(in_context(DiatonicInversion(), contexts), clips, 1, RNG, form)
    back = run_augmentation(in_context(DiatonicInversion(), contexts), out.clips, 1, RNG, form)

    assert back.valid[out.valid].all()
    assert np.array_equal(back.clips[out.valid], clips[out.valid])
    for key, before, after in pairs(DiatonicInversion(), drawn):
        assert np.array_equal(np.diff(after), -np.diff(before))
        assert [pitch % 12 in key.scale for pitch in after] == [pitch % 12 in key.scale for pitch in before]


@settings(max_examples=25)
@given(melodies())
def test_the_mode_comes_back_unless_a_note_stood_in_the_way(drawn):
    """With the key of the result, if no note was already a third, sixth or seventh of the parallel key."""
    form, _, _ = drawn
    for by, mode, own, other in ((-1, "major", (4, 9, 11), (3, 8, 10)), (1, "minor", (3, 8, 10), (4, 9, 11))):
        for key, before, after in pairs(SwapMode(), drawn, by):
            degrees = [(pitch - key.tonic) % 12 for pitch in before]
            assert key.mode == mode
            assert after == [pitch + by * (above in own) for pitch, above in zip(before, degrees, strict=True)]
            parallel = told(Key(key.tonic, "minor" if mode == "major" else "major"))
            for _, _, back in pairs(SwapMode(), (form, clip_of(after, form), (parallel,)), -by):  # not off the keyboard
                assert (back == before) == (not set(degrees) & set(other))


@settings(max_examples=25)
@given(melodies())
def test_smooth_keeps_the_contour_and_halves_the_steps(drawn):
    """The first note stays, each interval is half as large rounded up, and rises, falls and repeats stay."""
    for key, before, after in pairs(Smooth(), drawn):
        assert after[0] == before[0]
        assert np.array_equal(np.sign(np.diff(after)), np.sign(np.diff(before)))
        was, now = (np.abs(np.diff(steps(melody, key))) for melody in (before, after))
        assert np.array_equal(now, -(-was // 2))


@settings(max_examples=25)
@given(melodies(), st.sampled_from(Leap().amounts))
def test_leap_keeps_the_contour_and_stays_near(drawn, amount):
    """Every interval is as large or larger, no note moves further than the amount, and the ends stay."""
    for key, before, after in pairs(Leap(), drawn, amount):
        was, now = (np.asarray(steps(melody, key)) for melody in (before, after))
        assert (after[0], after[-1]) == (before[0], before[-1])
        assert np.array_equal(np.sign(np.diff(after)), np.sign(np.diff(before)))
        assert (np.abs(np.diff(now)) >= np.abs(np.diff(was))).all()
        assert set(np.abs(now - was)) == {0, amount}


@settings(max_examples=25)
@given(melodies(), st.sampled_from(sorted(EDITS)))
def test_by_rule_what_can_be_done_exactly_is_the_same(drawn, name):
    """And what is masked still is off the keyboard or silent."""
    form, clips, contexts = drawn
    amount = EDITS[name].amounts[-1]
    exact, rule = (
        run_augmentation(in_context(EDITS[name], contexts), clips, amount, RNG, form, exact=strictly)
        for strictly in (True, False)
    )

    assert np.array_equal(rule.clips[exact.valid], exact.clips[exact.valid])
    assert not (exact.valid & ~rule.valid).any()
    inside = ((clips > 24) & (clips < 103)).any(axis=1) & ~((clips <= 24) | ((clips >= 103) & (clips < 128))).any(
        axis=1
    )
    assert rule.valid[inside].all() or name == "diatonic-inversion"  # which mirrors around a note near an end too


@pytest.mark.parametrize("name", sorted(EDITS))
def test_all_clips_of_a_piece_are_in_one_key(name):
    """A clip whose own notes are of another key is edited in the key of the piece, both ways."""
    chord, other = [60, 64, 67, 72, 67, 64, 60, 71] * 2, [69, 72, 76, 72, 69, 72, 69, 76]
    clips = np.concatenate([clip_of(chord), clip_of(other)])
    contexts = contexts_of(clips, MELODY)
    alone = contexts_of(clips[1:], MELODY)

    assert (str(contexts[1].key), str(alone[0].key)) == ("C major", "A minor")
    for exact in (True, False):
        together = run_augmentation(in_context(EDITS[name], contexts), clips, 1, RNG, MELODY, exact=exact)
        stated = run_augmentation(in_context(EDITS[name], (told(Key(0), 60),)), clips[1:], 1, RNG, MELODY, exact=exact)
        assert np.array_equal(together.clips[1:], stated.clips)
