"""The sample of codes at every amount, and whether an edit's amounts add up."""

import numpy as np
import pytest

from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.corpus import Tally
from latentknobs.core.experiment import Experiment
from latentknobs.core.method_specs import CodeSample
from latentknobs.core.model_calls import encode
from latentknobs.corpora.sharding import Shard
from latentknobs.discovery.code_sample import CodeReservoir, adds_up
from latentknobs.discovery.pairs import edit_clips, encode_pairs
from latentknobs.testing.tiny import TinyBackend, tiny_clips

BACKEND = TinyBackend()


class Once(TokenAugmentation):
    """Set the first step to a pitch that depends on the amount, whatever was there before."""

    name = "once"
    knob_name = "once"
    amounts = (1.0, 2.0, 3.0)

    def edit_tokens(self, clips, amount, rng):
        clips[:, 0] = 60 + int(amount) + clips[:, 0] % 2
        return clips, np.ones(len(clips), dtype=bool)


def _filled(edit, size, seed=0, parts=1, clips=40):
    experiment = Experiment.without_methods(BACKEND, edit, seed)
    reservoir = CodeReservoir(experiment, size)
    tokens = tiny_clips(clips, seed=3, low=60, high=72)
    for part in np.array_split(np.arange(clips), parts):
        names = tuple(f"song {k}" for k in part)
        shard = Shard(tokens[part], names, "train")
        codes = encode(BACKEND, shard.clips)
        edits = edit_clips(experiment, shard.clips, np.random.default_rng(0))
        reservoir.add(shard, codes, list(encode_pairs(experiment, edits, codes, Tally())))
    return reservoir


@pytest.mark.parametrize("edit", [Transpose(), NoteSplit()], ids=["transpose", "note-split"])
def test_built_in_edits_add_up(edit):
    """Transposing twice and splitting twice are transposing and splitting by the sum."""
    clips = tiny_clips(64, seed=0, low=60, high=72)
    experiment = Experiment.without_methods(BACKEND, edit)
    knots = CodeReservoir(experiment, 4).knots

    assert adds_up(experiment, clips, knots, np.random.default_rng(0))


def test_an_edit_that_forgets_does_not_add_up():
    """An edit whose second turn undoes the first is found out."""
    clips = tiny_clips(32, seed=0, low=60, high=72)

    assert not adds_up(
        Experiment.without_methods(BACKEND, Once()), clips, (0.0, 1.0, 2.0, 3.0), np.random.default_rng(0)
    )


def test_an_edit_that_was_never_tried_twice_does_not_add_up():
    """Without a clip on which two turns fit, nothing is claimed."""
    clips = tiny_clips(8, seed=0, low=60, high=72)

    assert not adds_up(Experiment.without_methods(BACKEND, Transpose()), clips, (0.0, 12.0), np.random.default_rng(0))


def test_the_sample_is_the_same_in_whatever_parts_it_comes():
    """Which clips are kept, and in which order, depends on the seed and the songs' names alone."""
    whole = _filled(Transpose(), 16).sample(adds_up=True)
    parts = _filled(Transpose(), 16, parts=5).sample(adds_up=True)

    assert len(whole.codes) == 16
    np.testing.assert_array_equal(whole.codes, parts.codes)
    np.testing.assert_array_equal(whole.mask, parts.mask)


def test_codes_are_those_of_the_edited_clips():
    """At every knot the code is the model's code of the edited clip: in the tiny model dimension 0 moves by n / 12."""
    sample = _filled(Transpose(), 40).sample(adds_up=True)
    zero = sample.knots.index(0.0)
    for j, amount in enumerate(sample.knots):
        rows = sample.mask[:, j]
        moved = sample.codes[rows, j, 0] - sample.codes[rows, zero, 0]

        np.testing.assert_allclose(moved, amount / 12, atol=1e-5)


def test_routes_lead_from_knot_to_knot_by_the_amount():
    """Every route of an amount spans it; an edit that adds up has all of them, another only those of the clips."""
    reservoir = _filled(Transpose(), 8)
    every, few = reservoir.sample(adds_up=True), reservoir.sample(adds_up=False)
    zero = every.knots.index(0.0)
    for amount in Transpose().amounts:
        spans = {every.knots[j] - every.knots[i] for i, j in every.routes[amount]}

        assert spans == {amount}
        assert len(every.routes[amount]) == 25 - abs(amount)
        assert [i for i, _ in few.routes[amount]] == [zero]


def test_a_swapped_amount_leads_back():
    """The negative amounts of an edit without its own go from the edited clip to the clip."""
    sample = _filled(NoteSplit(), 8).sample(adds_up=False)
    zero = sample.knots.index(0.0)

    assert sample.knots == (0.0, 1.0, 2.0, 3.0, 4.0)
    assert sample.routes[-2.0] == ((sample.knots.index(2.0), zero),)


def test_routes_back_are_of_clips_that_the_edit_took_whole():
    """Of a clip that takes an amount in part there is a pair to that amount, and none back from it."""
    mask = np.ones((3, 2), dtype=bool)
    exact = mask.copy()
    exact[1, 1] = False
    sample = CodeSample((0.0, 1.0), np.zeros((3, 2, 4), np.float32), mask, {}, exact=exact)

    assert sample.paired(0, 1).tolist() == [True, True, True]
    assert sample.paired(1, 0).tolist() == [True, False, True]
