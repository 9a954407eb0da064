"""A piece in several time signatures: each stretch is steered by the model of its format."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve

from latentknobs.backends import loader
from latentknobs.core.backend import BackendFactory
from latentknobs.core.drum_format import DRUMS
from latentknobs.core.melody_format import MELODY, MELODY_3_4, MELODY_6_8, MelodyFormat
from latentknobs.errors import AmountError, ClipError, UnknownNameError, UsageError
from latentknobs.scores import read_piece, write_piece
from latentknobs.session import Session
from latentknobs.testing.tiny import TinyBackend, tiny_clips, tiny_spec
from tests.tiny_meters import MIXED, NAMES, TINY, WALTZ, exact_run, quarters


def opened(workbench, *stretches, models=NAMES, **more):
    """A session on a piece of quarter notes."""
    return Session.open(workbench, quarters(*stretches, **more), models)


def loaded(workbench):
    """Which models are in memory."""
    return {model.spec.name for model in workbench.models._loaded.values()}


def pitches(piece):
    """Of all its notes."""
    return [note.pitch for note in piece.notes]


@pytest.mark.parametrize("clip_format", [MELODY, MELODY_3_4, MELODY_6_8], ids=lambda one: one.name)
def test_a_tiny_model_reconstructs_clips_of_its_format(clip_format):
    """Of every time signature."""
    clips = tiny_clips(12, clip_format=clip_format)
    model = TinyBackend(tiny_spec(clip_format))

    assert np.array_equal(model.decode(model.encode(clips).mean), clips)


def test_each_stretch_is_turned_by_the_model_of_its_format(meters):
    """From 4/4 to 3/4 and back, all notes move alike, none by rule."""
    session = opened(meters, *MIXED)
    turned = session.turn({"pitch": 3})

    assert [part.model.spec.name for part in session.parts] == ["tiny", "tiny-3-4"]
    assert pitches(turned.after) == [pitch + 3 for pitch in pitches(session.piece)]
    assert str(turned.counts) == (
        "5 clips: 5 by model, 0 by rule, 0 left alone; the model reconstructs 100.0% of the steps in its time signature"
    )
    assert turned.ways == (("model",) * 3, ("model",) * 2)
    assert (turned.remarks, turned.left) == ((), ())


def test_only_the_models_that_stretches_need_are_loaded(meters):
    """Music in 4/4 needs one, though others were named too."""
    session = opened(meters, ("4/4", 16), ("2/4", 8))

    assert loaded(meters) == {"tiny"}
    assert len(session.parts) == 1


def test_the_shipped_models_that_are_there_are_the_default(meters, monkeypatch):
    """Where none is named, one for each format; what is not shipped is not missed."""
    monkeypatch.setattr(loader, "DEFAULT_MODELS", ("tiny", "tiny-3-4", "not-shipped-yet"))

    assert meters.models.defaults == ("tiny", "tiny-3-4")
    assert [part.model.spec.name for part in opened(meters, *MIXED, models=()).parts] == ["tiny", "tiny-3-4"]


def test_a_piece_in_one_other_time_signature_has_the_other_model_alone(meters):
    """A jig is opened like a reel."""
    session = opened(meters, ("6/8", 12))

    assert (session.model.spec.name, loaded(meters)) == ("tiny-6-8", {"tiny-6-8"})
    assert session.turn({"pitch": -7}).counts.by_model == 2


def test_three_eight_is_steered_as_half_a_bar_of_six_eight(meters):
    """Not as half a bar of the waltz, whose beats are no dotted ones."""
    session = opened(meters, ("3/8", 6), ("6/8", 12), models=("tiny-3-4", "tiny-6-8"))

    assert [part.model.spec.name for part in session.parts] == ["tiny-6-8"]


def test_what_no_model_has_is_turned_by_rule_and_said(meters):
    """Bars of 5/4 beside those of the models."""
    session = opened(meters, *MIXED, ("5/4", 10))
    turned = session.turn({"pitch": 2})

    assert session.remarks() == ("Bars 11-12: no model here is for 5/4, so knobs edit them by rule.",)
    assert (turned.counts.by_model, turned.counts.by_rule, turned.counts.reconstructed) == (5, 1, 1.0)
    assert pitches(turned.after) == [pitch + 2 for pitch in pitches(session.piece)]


@pytest.mark.parametrize(
    ("stretches", "says"),
    [
        (
            (("4/4", 6), ("6/8", 2), ("4/4", 8)),
            "Bar 2: less than a bar of 6/8, as the time signature changes inside a bar",
        ),
        ((("4/4", 2),), "Bar 1: less than a bar of 4/4, as the piece ends there"),
        ((("2/4", 2), ("3/4", 6)), "Bar 1: less than a bar of 4/4, as the models take 2/4 only in bars of 4/4"),
    ],
)
def test_incomplete_bars_are_said_to_be_that(meters, stretches, says):
    """And what to do, where a model of their time signature is named."""
    advice = "; read all in one time signature (--time-signature) or leave them out (--bars)."

    assert opened(meters, *stretches).remarks() == (f"{says}, so knobs edit them by rule{advice}",)


def test_incomplete_bars_are_no_end_of_a_way(meters):
    """The refusal names them."""
    session = opened(meters, ("4/4", 6), ("6/8", 2), ("4/4", 8))

    with pytest.raises(ClipError, match="tune cannot be one end of a way: bar 2: less than a bar of 6/8"):
        session.one_way(session, 2)


def test_a_knob_reaches_as_far_as_in_every_model(meters):
    """The range on the piece is what all models have in common; an amount outside of it is refused in a sentence."""
    session = opened(meters, *MIXED)

    with pytest.raises(
        AmountError, match=r"pitch=\+7 is outside the usable range of tiny and tiny-3-4 together, -5 to \+5"
    ):
        session.turn({"pitch": 7})
    assert opened(meters, ("4/4", 16)).turn({"pitch": 7}).counts.by_model == 2


def test_a_knob_that_one_model_lacks_is_done_by_rule_there(meters):
    """Its clips are edited by the knob's own edit, and that is said."""
    session = opened(meters, *MIXED)
    turned = session.turn({"rhythm": 1, "pitch": 2})

    assert turned.ways == (("model",) * 3, ("rule",) * 2)
    assert len(turned.after.notes) == 2 * len(session.piece.notes)
    assert turned.remarks == ("Bars 5-8: by rule, as tiny-3-4 has no knob rhythm.",)
    assert {note.pitch for note in turned.after.notes} == {pitch + 2 for pitch in pitches(session.piece)}


@pytest.mark.parametrize("stretches", [(("6/8", 12),), (("4/4", 4), ("6/8", 12)), (("3/4", 12), ("5/4", 10))])
def test_a_knob_of_any_named_model_is_done_by_rule_where_it_is_lacking(meters, stretches):
    """Whether or not the piece has bars of that model, and with a remark."""
    session = opened(meters, *stretches)
    turned = session.turn({"rhythm": 1})
    lacking = session.parts[-1].model.spec.name

    assert len(turned.after.notes) > len(session.piece.notes)
    assert turned.counts.left_alone == 0
    assert any(f"by rule, as {lacking} has no knob rhythm" in remark for remark in turned.remarks)


def test_an_edit_that_reverses_the_order_puts_the_last_clip_of_a_stretch_first(meters):
    """By model, here one that moves its clips by a semitone, and by rule, where every clip runs backwards too."""
    run = exact_run(tiny_spec(MELODY), "pitch", 12)
    spec = evolve(run.spec, augmentation="retrograde")
    knobs = (evolve(run.knobs[0], name="back", augmentation="retrograde", run_id=spec.run_id),)
    meters.registry.save_run(evolve(run, spec=spec, knobs=knobs))
    session = opened(meters, *MIXED)

    turned = session.turn({"back": 1})

    first, waltz, last = (pitches(session.piece)[start:end] for start, end in ((0, 16), (16, 28), (28, 36)))
    by_model = [[pitch + 1 for pitch in part] for part in (first[8:], first[:8], last)]
    assert pitches(turned.after) == [*by_model[0], *by_model[1], *reversed(waltz), *by_model[2]]
    assert turned.ways == (("model",) * 3, ("rule",) * 2)


def test_bars_that_no_rule_edits_are_not_said_to_be_by_rule(meters):
    """A control has no rule, so that bars of a model without the knob are left alone."""
    turned = opened(meters, *MIXED).turn({"random": 1, "rhythm": 1}, like="pitch")

    assert not any("by rule" in remark for remark in turned.remarks)
    assert turned.left[-1].startswith("Bars 5-8: random was learned from no edit")


def test_a_knob_that_no_model_has_is_unknown(meters):
    """As of one model, with those that there are."""
    with pytest.raises(
        UnknownNameError, match=r"no knob named 'pich' for the models tiny or tiny-3-4 or tiny-6-8.*'pitch'"
    ):
        opened(meters, *MIXED).turn({"pich": 1})


def test_controls_are_as_long_as_the_same_knob_of_each_model(meters):
    """A knob that one of them lacks measures no control of both."""
    session = opened(meters, *MIXED)
    turned = session.turn({"random": 2}, seed=1)

    assert turned.provenance["like"] == "pitch"
    assert all((new != part.codes).any() for new, part in zip(turned.codes_by_model, session.parts, strict=True))
    with pytest.raises(UnknownNameError, match="for the model tiny-3-4"):
        session.turn({"random": 1}, like="rhythm")


def test_style_and_remarks_are_of_all_stretches_in_order(meters):
    """Clip by clip, as the bars are counted in the piece."""
    session = opened(meters, *MIXED)

    assert session.style.bars == ((1, 2), (3, 4), (5, 6), (7, 8), (9, 10))
    assert str(session.style).startswith("5 of 5 clips come back exactly")
    assert (session.accuracy, session.differing.tolist()) == (1.0, [0] * 5)


def test_provenance_names_every_model(meters):
    """With the operators of each."""
    facts = opened(meters, *MIXED).turn({"pitch": 1}).provenance

    assert facts["models"] == {"tiny": TINY.model_id, "tiny-3-4": WALTZ.model_id}
    assert set(facts["operators"]["pitch"]) == {"tiny", "tiny-3-4"}
    assert "models" not in opened(meters, ("3/4", 12)).turn({"pitch": 1}).provenance


def test_variations_are_of_all_stretches(meters):
    """Each model draws codes of its own; at similarity 1 the piece is itself."""
    session = opened(meters, *MIXED)
    (same,), (near,) = session.similar(1.0, 1, 0), session.similar(0.3, 1, 0)

    assert same.after.notes == session.piece.notes
    assert (near.clips != same.clips).any()
    assert (near.others[0] != same.others[0]).any()


def test_a_grid_goes_between_pieces_of_the_same_stretches(meters):
    """Its corners are the two pieces, in their time signatures."""
    a, b = opened(meters, *MIXED), opened(meters, *MIXED, shift=7)
    way = a.one_way(b, 3)
    steered = a.on(a.turn({"pitch": 2})).one_way(b, 2)

    assert (way[0].piece.notes, way[-1].piece.notes) == (a.piece.notes, b.piece.notes)
    assert way[1].piece.stretches == a.piece.stretches
    assert pitches(steered[0].piece) == [pitch + 2 for pitch in pitches(a.piece)]


@pytest.mark.parametrize("other", [(("4/4", 16),), (("3/4", 12),), (("4/4", 16), ("3/4", 12), ("4/4", 12))])
def test_pieces_of_other_stretches_have_no_way_between_them(meters, other):
    """One sentence with what to choose."""
    with pytest.raises(ClipError, match="there is a way only between pieces with as many bars in each time signature"):
        opened(meters, *MIXED).one_way(opened(meters, *other), 3)


LAME = (("4/4", 12), ("2/4", 8))
"""Two stretches of one model, of which the first ends inside a clip."""


def test_a_way_keeps_stretches_that_one_model_steers(meters):
    """Its ends are the two pieces, in their time signatures, with no silence between them."""
    a, b = opened(meters, *LAME), opened(meters, *LAME, shift=5)
    cells = a.one_way(b, 2)

    assert [cell.piece.notes for cell in cells] == [a.piece.notes, b.piece.notes]
    assert cells[0].piece.stretches == a.piece.stretches


def test_stretches_of_one_model_are_compared_too(meters):
    """A piece of two has no way to a piece of one, in either direction."""
    a, b = opened(meters, *LAME), opened(meters, ("4/4", 32))

    for first, last in ((a, b), (b, a)):
        with pytest.raises(ClipError, match="there is a way only between pieces with as many bars"):
            first.one_way(last, 2)


def test_a_way_between_pieces_of_one_stretch_has_what_both_have(meters):
    """The shorter one's clips, with all their notes at either end."""
    a, b = opened(meters, ("4/4", 12)), opened(meters, ("4/4", 32), shift=5)
    first, last = a.one_way(b, 2)

    assert first.piece.notes == a.piece.notes
    assert last.piece.notes == b.piece.notes[:16]


def test_models_in_another_order_have_a_way(meters):
    """Clips are paired by their model."""
    mixed = [*MIXED[1:], *MIXED[:2]]
    a = opened(meters, *mixed)
    b = opened(meters, *mixed, models=tuple(reversed(NAMES)), shift=5)

    assert [cell.piece.notes for cell in a.one_way(b, 2)] == [a.piece.notes, b.piece.notes]


def test_reading_a_file_tells_of_the_formats_of_all_models(meters, tmp_path):
    """Of silence in a clip of any of them, and of bars taken together only where that is done."""
    for text, count in (("3/4", 9), ("2/4", 8)):
        write_piece(quarters((text, count)), tmp_path / f"{text[0]}.mid")
    pairs = MelodyFormat("2/4", 2)

    assert Session.open(meters, tmp_path / "3.mid", NAMES).remarks() == ("1 bar of silence fills the last clip.",)
    assert read_piece(tmp_path / "2.mid").remarks == ("Bars of 2/4 are taken together as bars of 4/4.",)
    assert read_piece(tmp_path / "2.mid", others=(pairs,)).remarks == ()


def test_two_models_of_one_time_signature_are_refused(meters):
    """One model for each clip format is to be named."""
    with pytest.raises(UsageError, match=r"tiny-6-8 and tiny-6-8 are both for bars of 6/8: name one model for each"):
        opened(meters, *MIXED, models=("tiny", "tiny-6-8", "tiny-6-8"))


def test_models_of_other_grids_do_not_steer_one_piece(meters):
    """A piece is on one grid of melodies."""
    other = BackendFactory(
        "thirds", "In thirds.", None, {"thirds": ""}, formats={"thirds": MelodyFormat("2/4", steps_per_beat=3)}
    )
    drums = BackendFactory("drums", "Drums.", None, {"drums": ""}, formats={"drums": DRUMS})
    models = evolve(meters.models, factories={**meters.models.factories, "thirds": other, "drums": drums})

    with pytest.raises(UsageError, match="tiny has 4 steps a quarter note and thirds 3: name models of one grid"):
        models.formats(("tiny", "thirds"), meters.model)
    with pytest.raises(UsageError, match="and drums is of drum"):
        models.formats(("tiny", "drums"), meters.model)
