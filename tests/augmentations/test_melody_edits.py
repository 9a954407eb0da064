"""The edits of the whole melody: inversion, reflection, retrograde, rotation, ornament, register fold and thinning."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.augmentations.inversion import Inversion
from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.ornament import Ornament
from latentknobs.augmentations.reflection import Reflection
from latentknobs.augmentations.register_fold import RegisterFold
from latentknobs.augmentations.retrograde import Retrograde
from latentknobs.augmentations.rotation import Rotation
from latentknobs.augmentations.thinning import Thinning
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.augmentation import Augmented, in_context
from latentknobs.core.clip import Note
from latentknobs.core.edit_context import EditContext, Key, contexts_of, lone_contexts
from latentknobs.core.melody_format import HOLD, MELODY, MelodyFormat
from latentknobs.core.meter import bars, steps_per_bar, steps_per_pulse, weights
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import AmountError
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins

RNG = np.random.default_rng(0)
MELODIC = (Inversion(), Reflection(), Retrograde(), Rotation(), Ornament(), RegisterFold(), Thinning())
EDITS = {edit.name: edit for edit in MELODIC}
SHIPPED = {edit.name: edit for edit in (Transpose(), NoteSplit(), *EDITS.values()) if edit.name != "reflection"}
"""Those of all knobs that come with the package."""
FORMATS = (
    MELODY,
    MelodyFormat(bars=1),
    MelodyFormat("3/4", bars=1),
    MelodyFormat("3/4"),
    MelodyFormat("6/8"),
    MelodyFormat("9/8"),
    MelodyFormat("5/4"),
    MelodyFormat("7/8"),
    MelodyFormat(steps_per_beat=8),
)
"""Members of the melody family."""
TUNE = [Note(0, 60, 4), Note(4, 64, 8), Note(16, 55, 2), Note(19, 75, 1)]
MORDENT = [Note(0, 60), Note(1, 62), Note(2, 60, 2)]
A_TURN = [Note(0, 62), Note(1, 60), Note(2, 59), Note(3, 60)]
"""Both on the first note of the tune, in C major."""
C_MAJOR = (EditContext(Key(0), TUNE[0], (55, 75), 0, 1, 0),)
BY_HAND = [
    ("inversion", 1, [Note(0, 60, 4), Note(4, 56, 8), Note(16, 65, 2), Note(19, 45, 1)]),
    ("reflection", 1, [Note(0, 68, 4), Note(4, 64, 8), Note(16, 73, 2), Note(19, 53, 1)]),
    ("retrograde", 1, [Note(12, 75, 1), Note(14, 55, 2), Note(20, 64, 8), Note(28, 60, 4)]),
    ("rotation", 1, [Note(2, 60, 4), Note(6, 64, 8), Note(18, 55, 2), Note(21, 75, 1)]),
    ("rotation", 0.5, [Note(1, 60, 4), Note(5, 64, 8), Note(17, 55, 2), Note(20, 75, 1)]),
    ("rotation", 8, [Note(0, 55, 2), Note(3, 75, 1), Note(16, 60, 4), Note(20, 64, 8)]),
    ("ornament", 1, [*MORDENT, *TUNE[1:]]),
    ("ornament", 2, [*MORDENT, Note(4, 64), Note(5, 65), Note(6, 64, 6), *TUNE[2:]]),
    ("ornament", 3, [*A_TURN, Note(4, 65), Note(5, 64), Note(6, 62), Note(7, 64, 5), *TUNE[2:]]),
    ("register-fold", 1, [Note(0, 60, 4), Note(4, 64, 8), Note(16, 67, 2), Note(19, 63, 1)]),
    ("thinning", -1, [Note(0, 60, 4), Note(16, 55, 2)]),
]
MASKED = [
    ("inversion", 1, [Note(0, 120), Note(1, 100)]),
    ("retrograde", 1, []),
    ("rotation", 1, [Note(28, 60, 4)]),
    ("ornament", 1, [Note(0, 60, 3)]),
    ("ornament", 1, [Note(0, 127, 4)]),
    ("ornament", 1, [Note(4, 60, 4)]),  # the second beat of four
    ("ornament", 2, [Note(4, 60, 3)]),
    ("register-fold", 1, [Note(0, 60), Note(4, 71)]),
    ("thinning", -1, [Note(0, 60), Note(4, 62)]),  # the second bar has none
    ("thinning", -2, [Note(0, 60), Note(4, 62), *(Note(k, 64) for k in range(16, 24))]),
]


@st.composite
def melodies(draw):
    """A format of the family and clips of it, from silence to a note on every step."""
    clip_format = draw(st.sampled_from(FORMATS))
    token = st.sampled_from([0, 48, 60, 62, 67, 76, 127, 128, 128, 128, 128, 129])
    row = st.lists(token, min_size=clip_format.steps, max_size=clip_format.steps)
    rows = draw(st.lists(row, max_size=3))
    return clip_format, clip_format.repair(np.array(rows, dtype=np.int16).reshape(-1, clip_format.steps))


def pairs(edit, drawn, amount=1.0):
    """The notes before and after of each clip that can be edited."""
    clip_format, clips = drawn
    out = run_augmentation(edit, clips, amount, RNG, clip_format)
    return [
        (clip_format.notes(before), clip_format.notes(after))
        for before, after in zip(clips[out.valid], out.clips[out.valid], strict=True)
    ]


def pitches(notes):
    """Those of notes, in order."""
    return [note.pitch for note in notes]


@pytest.mark.parametrize(("name", "amount", "wanted"), BY_HAND)
def test_an_edit_does_what_its_name_says(name, amount, wanted):
    """One melody, edited by hand."""
    out = run_augmentation(in_context(EDITS[name], C_MAJOR), MELODY.tokens(TUNE)[None], amount, RNG, MELODY)

    assert out.valid.all()
    assert list(MELODY.notes(out.clips[0])) == wanted


@pytest.mark.parametrize(("name", "amount", "notes"), MASKED)
def test_what_an_edit_cannot_do_is_masked(name, amount, notes):
    """Nothing is wrapped, and what is as it should be already is not counted as edited."""
    assert not EDITS[name](MELODY.tokens(notes)[None], amount, RNG).valid[0]


@pytest.mark.parametrize(
    ("name", "amount", "says"),
    [
        ("inversion", 0.5, "on/off"),
        ("ornament", 0.5, "ornament takes 1, 2 or 3, not 0.5"),
        ("register-fold", 0.5, "on/off"),
        ("retrograde", 0.5, "on/off"),
        ("rotation", 0.3, "rotation moves by whole steps of 0.5 eighths, not by 0.3"),
        ("thinning", 1, "thinning leaves out whole notes of each bar, and takes amounts below 0, not 1"),
        ("thinning", -0.5, "whole notes of each bar"),
    ],
)
def test_an_amount_that_fits_no_clip_is_refused(name, amount, says):
    """Half an inversion is refused with a sentence."""
    with pytest.raises(AmountError, match=says):
        EDITS[name](MELODY.tokens(TUNE)[None], amount, RNG)


@given(melodies())
def test_inversion_and_retrograde_are_their_own_inverses(drawn):
    """Twice is the melody again, in every time signature; once, steps or time have the opposite sign."""
    clip_format, _ = drawn
    for before, after in pairs(Inversion(), drawn):
        assert [(n.onset, n.length) for n in after] == [(n.onset, n.length) for n in before]
        assert np.array_equal(np.diff(pitches(after)), -np.diff(pitches(before)))
    for before, after in pairs(Retrograde(), drawn):
        assert pitches(after) == pitches(before)[::-1]
        assert [n.onset for n in after] == [clip_format.steps - n.end for n in reversed(before)]


@given(melodies(), st.integers(1, 4))
def test_rotation_goes_round_the_clip(drawn, eighths):
    """Each note starts so many eighths later, whatever the grid and the bar, and the opposite amount brings it back."""
    clip_format, _ = drawn
    late = eighths * clip_format.steps_per_beat // 2
    for before, after in pairs(Rotation(), drawn, eighths):
        moved = [Note((n.onset + late) % clip_format.steps, n.pitch, n.length) for n in before]
        assert list(after) == sorted(moved)
        clips = clip_format.tokens(after)[None]
        back = run_augmentation(Rotation(), clips, -eighths, RNG, clip_format)
        # A note that ended at the clip's end is there again, if nothing sounds across it on the way.
        assert not back.valid[0] or clip_format.notes(back.clips[0]) == before


@given(melodies(), st.sampled_from([1.0, 2.0, 3.0]))
def test_an_ornament_comes_back_to_its_note(drawn, amount):
    """Just notes of a beat or more get figures of sixteenths that end on them, with their neighbours in the key."""
    clip_format, _ = drawn
    beat, short = steps_per_pulse(clip_format), clip_format.steps_per_beat // 4
    for before, after in pairs(Ornament(), drawn, amount):
        key = contexts_of(clip_format.tokens(before)[None], clip_format)[0].key
        for note in before:
            figure = [n for n in after if note.onset <= n.onset < note.end]
            *graces, main = figure
            assert (main.pitch, main.end) == (note.pitch, note.end)
            assert not graces or note.length >= beat
            assert {n.length for n in graces} <= {short}
            assert len(graces) in ((0, 2) if amount < 3 else (0, 2, 3))
            near = {n.pitch for n in graces} - {note.pitch}
            assert all(pitch % 12 in key.scale and 1 <= abs(pitch - note.pitch) <= 3 for pitch in near)


@given(melodies())
def test_more_ornament_is_more_notes(drawn):
    """What 1 ornaments 2 does too, and 3 with as many notes or more."""
    clip_format, clips = drawn
    told = in_context(Ornament(), contexts_of(clips, clip_format))
    counts = [
        (run_augmentation(told, clips, amount, RNG, clip_format, exact=False).clips < HOLD).sum(axis=1)
        for amount in (0, 1, 2, 3)
    ]
    kept = run_augmentation(told, clips, 3, RNG, clip_format, exact=False).valid

    assert (np.diff(np.array(counts), axis=0) >= 0)[:, kept].all()


@pytest.mark.parametrize(("name", "beat"), [("3/4", 4), ("6/8", 6), ("9/8", 6), ("4/4", 4)])
def test_strong_beats_are_those_of_the_meter(name, beat):
    """A mordent of amount 1 stands on the first beat, in 4/4 on the third as well; beats of 6/8 and 9/8 are dotted."""
    form = MelodyFormat(name)
    clip = form.tokens([Note(start, 60, beat) for start in range(0, form.steps, beat)])[None]
    ornamented = [
        [n.onset // beat * beat for n in form.notes(run_augmentation(Ornament(), clip, a, RNG, form).clips[0])]
        for a in (1, 2)
    ]
    bar = form.steps // 2
    strong = {0, bar} | ({8, 24} if name == "4/4" else set())

    assert {start for start in ornamented[0] if ornamented[0].count(start) == 3} == strong
    assert all(ornamented[1].count(start) == 3 for start in range(0, form.steps, beat))
    short = form.tokens([Note(0, 60, beat - 1)])[None]
    assert not run_augmentation(Ornament(), short, 3, RNG, form).valid[0]


@given(melodies())
def test_register_fold_keeps_pitch_classes(drawn):
    """All notes lie within the octave above the first, and keep their names and places."""
    for before, after in pairs(RegisterFold(), drawn):
        assert {n.pitch - before[0].pitch for n in after} <= set(range(12))
        assert [(n.onset, n.length, n.pitch % 12) for n in after] == [(n.onset, n.length, n.pitch % 12) for n in before]


@given(melodies(), st.sampled_from([-3.0, -2.0, -1.0]))
def test_thinning_takes_the_weakest_of_the_time_signature(drawn, amount):
    """So many notes of each bar go, the others stay, and none that went was stronger than one that stayed."""
    clip_format, _ = drawn
    weight, bar = weights(clip_format), steps_per_bar(clip_format)
    for before, after in pairs(Thinning(), drawn, amount):
        assert set(after) <= set(before)
        for number in range(int(bars(clip_format))):
            here, left = ([n for n in notes if n.onset // bar == number] for notes in (before, after))
            gone = set(here) - set(left)
            assert len(gone) == -amount
            assert left
            assert max(weight[n.onset] for n in gone) <= min(weight[n.onset] for n in left)


@given(melodies(), st.sampled_from([-3.0, -2.0, -1.0]))
def test_by_rule_thinning_leaves_no_bar_empty(drawn, amount):
    """A bar that had a note has one, its strongest, and no bar loses more notes than asked for."""
    clip_format, clips = drawn
    bar = steps_per_bar(clip_format)
    out = run_augmentation(Thinning(), clips, amount, RNG, clip_format, exact=False)
    for before, after in zip(clips[out.valid], out.clips[out.valid], strict=True):
        for number in range(int(bars(clip_format))):
            here, left = ([n for n in clip_format.notes(clip) if n.onset // bar == number] for clip in (before, after))
            assert len(left) == (max(len(here) + amount, 1) if here else 0)


def test_a_part_of_a_bar_loses_its_part():
    """Of a bar and a half two notes go from the bar and one from the half, so that notes a bar go down by two."""
    form = MelodyFormat("4/4", bars=Fraction(3, 2))
    clip = form.tokens([Note(step, 60) for step in range(24)])[None]
    out = run_augmentation(Thinning(), clip, -2, RNG, form)

    assert [sum(n.onset // 16 == bar for n in form.notes(out.clips[0])) for bar in (0, 1)] == [14, 7]
    with pytest.raises(AmountError, match="whole notes of each bar"):
        run_augmentation(Thinning(), clip, -1, RNG, form)


BY_RULE = [
    ("rotation", 2, [Note(0, 62, 4), Note(20, 60, 12)], [Note(0, 60, 4), Note(4, 62, 4), Note(24, 60, 8)]),
    ("ornament", 1, [Note(0, 60, 3)], [Note(0, 60, 3)]),
    ("register-fold", 1, [Note(0, 60), Note(4, 71)], [Note(0, 60), Note(4, 71)]),
    ("thinning", -3, [Note(4, 60, 2), Note(6, 60), Note(16, 62)], [Note(4, 60, 2), Note(16, 62)]),
    ("note-split", 2, [Note(0, 60, 8), Note(8, 62, 6), Note(14, 64, 3)], None),
]


@pytest.mark.parametrize(("name", "amount", "notes", "wanted"), BY_RULE)
def test_by_rule_an_edit_goes_as_far_as_the_clip_allows(name, amount, notes, wanted):
    """What is masked where a knob is learned is edited in part, or stays, where one is turned."""
    clips = MELODY.tokens(notes)[None]
    edit = SHIPPED[name]
    split = [*(Note(2 * k, 60, 2) for k in range(4)), Note(8, 62, 3), Note(11, 62, 3), Note(14, 64, 3)]
    out = run_augmentation(edit, clips, amount, RNG, MELODY, exact=False)

    assert not edit(clips, amount, RNG).valid[0]
    assert out.valid[0]
    assert list(MELODY.notes(out.clips[0])) == (wanted or split)


@pytest.mark.parametrize(
    ("name", "exact", "by_rule"),
    [("inversion", [60, 58, 48, 44], [60, 58, 48, 44]), ("register-fold", [60, 62, 72, 76], [60, 62, 60, 64])],
)
def test_all_clips_of_a_piece_have_one_first_note(name, exact, by_rule):
    """Inversion always has that of the piece; a register fold is learned with each clip's own."""
    clips = np.stack([MELODY.tokens([Note(0, a, 4), Note(4, b, 8)]) for a, b in ((60, 62), (72, 76))])
    edit = in_context(EDITS[name], contexts_of(clips, MELODY))
    found = []
    for strictly in (True, False):
        out = run_augmentation(edit, clips, 1, RNG, MELODY, exact=strictly)
        found.append([note.pitch for clip in out.clips for note in MELODY.notes(clip)])

    assert found == [exact, by_rule]


@given(melodies(), st.sampled_from(sorted(SHIPPED)), st.data())
def test_by_rule_what_can_be_done_exactly_is_the_same(drawn, name, data):
    """In every time signature; and of what can be done by rule nothing is left but pitches off the keyboard."""
    clip_format, clips = drawn
    amount = data.draw(st.sampled_from(SHIPPED[name].amounts))
    try:
        exact = run_augmentation(SHIPPED[name], clips, amount, RNG, clip_format)
    except AmountError:  # more doublings than the clip has steps
        exact = Augmented(clips, np.zeros(len(clips), dtype=bool))
    rule = run_augmentation(SHIPPED[name], clips, amount, RNG, clip_format, exact=False)

    assert np.array_equal(rule.clips[exact.valid], exact.clips[exact.valid])
    assert not (exact.valid & ~rule.valid).any()
    sounding = (clips < HOLD).any(axis=1)
    if name in ("note-split", "retrograde", "rotation", "thinning"):
        assert np.array_equal(rule.valid, sounding)


def test_the_shipped_evidence_is_of_these_edits(sample_clips):
    """They do to the byte what the files did that their knobs were found with; ornament and thinning are new."""
    folder = Path(__file__).parents[1] / "data" / "plugins" / "api_1"
    others = [name for name in BUILTINS if name != "latentknobs.augmentations.plugin"]
    files = Plugins.build(others, plugins_dir=folder, entry_points=False, strict=True).augmentations()
    facts = ("knob_name", "unit", "amounts", "target", "changes", "preserves", "doc")
    for name in ("inversion", "retrograde", "rotation", "register-fold"):
        edit = EDITS[name]
        # The first sentence of inversion says now whose first note it is.
        same = facts[:-1] if name == "inversion" else facts
        assert [getattr(edit, fact) for fact in same] == [getattr(files[name], fact) for fact in same]
        for amount in edit.amounts:
            told = in_context(edit, lone_contexts(sample_clips, MELODY))
            now, then = (run_augmentation(one, sample_clips, amount, RNG, MELODY) for one in (told, files[name]))
            assert np.array_equal(now.clips, then.clips)
            assert np.array_equal(now.valid, then.valid)
