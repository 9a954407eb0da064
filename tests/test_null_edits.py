"""Null edits, and the verdict without the evidence: the same gates, asked in another order."""

from __future__ import annotations

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from benchmarks.null_edits.cached_backend import CachedBackend
from benchmarks.null_edits.edits import ClipPool, OneAmount, RandomClip, drawn, flipped, swap_pairs, swap_set
from benchmarks.null_edits.encoded_corpus import EncodedCorpus, EncodedPairs
from benchmarks.nulls import Jitter
from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.augmentation import TokenAugmentation
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.experiment import Experiment, Settings
from latentknobs.core.model_calls import decode, encode
from latentknobs.discovery import discover as whole
from latentknobs.discovery.pairs import Pairs
from latentknobs.evaluation.evaluation_set import AmountBatch, EvaluationSet
from latentknobs.evaluation.knob_metrics import measure, turned_clips
from latentknobs.evaluation.lazy_criteria import ALONE, LazyEvaluation
from latentknobs.testing.tiny import TinyBackend, tiny_clips

CLOSED = ("mean", "ridge", "attribute-vector", "ridge-reading", "discriminant")
SHORT = ("mean", "ridge")
ENOUGH = {"trial_clips": 80, "controls": 100, "control_clips": 16}


class Leaps(Transpose):
    """Transposition at six amounts, for speed."""

    amounts = (-12.0, -5.0, -1.0, 1.0, 5.0, 12.0)


class Leaky(Leaps):
    """An edit without a target that says it keeps what it moves, at every amount by more than a limit allows."""

    amounts = (-12.0, -5.0, 5.0, 12.0)
    target, changes = None, frozenset()
    preserves = frozenset({"mean-pitch", "onset-f1"})


class Idle(TokenAugmentation):
    """An edit that does nothing."""

    name = knob_name = "idle"
    amounts = (1.0, 2.0)
    target = "mean-pitch"

    def edit_tokens(self, clips, amount, rng):
        return clips, np.ones(len(clips), dtype=bool)


class Octave(Leaps):
    """An on/off edit."""

    amounts = (12.0,)


class Torn(Leaps):
    """Upwards it transposes; downwards it also silences the second half, which no limit lets pass."""

    def edit_tokens(self, clips, amount, rng):
        moved, valid = super().edit_tokens(clips, amount, rng)
        if amount < 0:
            moved[:, 16:] = 129
        return moved, valid


@pytest.fixture(scope="module")
def look(methods, songs):
    """The pairs of an edit on the tiny model's songs, six amounts and enough clips for a verdict unless told."""

    def make(edit=None, **settings):
        edit = edit or Leaps()
        experiment = Experiment.of(TinyBackend(), edit, Settings(**{**ENOUGH, **settings}), methods)
        return EncodedPairs(EncodedCorpus.of(experiment, songs), edit)

    return make


@pytest.fixture(scope="module")
def real(look):
    """The pairs of transposition."""
    return look()


@pytest.fixture(scope="module")
def verdicts(methods):
    """What each closed fit's verdict is."""

    def ask(pairing, fits):
        test = pairing.control_test()
        return {fit.name: LazyEvaluation(pairing, fit, test).verdict() for fit in methods.fits if fit.name in fits}

    return ask


def _crowd(pairing):
    return ClipPool.of(pairing.corpus.shards.values())


def _of_discovery(find, edit, fits):
    run = find(edit, fits_made=fits, **ENOUGH)
    return {knob.fit: knob.verdict for knob in run.knobs}


@pytest.mark.parametrize(
    ("edit", "fits", "there"),
    [
        (Leaps(), CLOSED, "accepted"),
        (Leaky(), SHORT, "rejected"),
        (Torn(), SHORT, "accepted"),
        (Idle(), SHORT, "not measurable"),
        (Octave(), SHORT, "accepted"),
        (NoteSplit(), SHORT, "provisional"),
    ],
    ids=lambda x: type(x).__name__,
)
def test_the_verdict_is_the_discoverys(find, look, verdicts, edit, fits, there):
    """Whatever the verdict, edit and kind of amounts: the quick one is that of a full discovery, fit by fit."""
    found = verdicts(look(edit), fits)

    assert found == _of_discovery(find, edit, fits)
    assert there in found.values()


def test_a_strangers_verdict_is_the_discoverys(find, real, verdicts):
    """Another song's clip in place of the edited one is rejected for every fit, by a full discovery as well."""
    null = RandomClip(Leaps(), _crowd(real), 0)

    found = verdicts(EncodedPairs(real.corpus, null), CLOSED)

    assert set(found.values()) == {"rejected"}
    assert found == _of_discovery(find, null, CLOSED)


def test_jitters_verdict_is_the_discoverys(find, real, verdicts):
    """Zero-mean noise on the pitches is rejected for every fit, by a full discovery as well."""
    null = Jitter(Leaps(), 0)

    found = verdicts(EncodedPairs(real.corpus, null), SHORT)

    assert set(found.values()) == {"rejected"}
    assert found == _of_discovery(find, null, SHORT)


def test_a_swaps_verdict_is_the_discoverys(find, real, verdicts, monkeypatch):
    """Pairs swapped song by song are rejected for every fit, by a full discovery that is given them as well."""
    build = whole.build_evaluation_set

    class SwappedEdits:
        """The codes of a shard, the pairs of some songs swapped."""

        def __init__(self, encoded, songs):
            self.posterior, self.counts, self.encoded, self.songs = encoded.posterior, encoded.counts, encoded, songs

        def pairs(self, experiment):
            return [swap_pairs(pair, flipped(self.songs, 3)) for pair in self.encoded.pairs(experiment)]

    class SwappedShards(whole.EncodeShards):
        """Encodes shards, the pairs of some songs swapped."""

        def work(self, item, prepared):
            encoded = super().work(item, prepared)
            return encoded and SwappedEdits(encoded, item[0].songs)

    def swapped_set(experiment, clips, names, rng):
        return swap_set(build(experiment, clips, names, rng), flipped(names, 3))

    found = verdicts(real.swapped(3), SHORT)
    monkeypatch.setattr(whole, "EncodeShards", SwappedShards)
    monkeypatch.setattr(whole, "build_evaluation_set", swapped_set)

    assert set(found.values()) == {"rejected"}
    assert found == _of_discovery(find, Leaps(), SHORT)


def test_a_verdict_looks_no_further_than_it_must(real, methods):
    """Where both innermost amounts fail, no other one is measured or fitted, and no test clip is looked at."""
    ridge = next(fit for fit in methods.fits if fit.name == "ridge")
    pairing = EncodedPairs(real.corpus, RandomClip(Leaps(), _crowd(real), 0))
    hearing = LazyEvaluation(pairing, ridge, pairing.control_test())

    assert hearing.verdict() == "rejected"
    assert set(hearing.at("validation")._known) == {-1.0, 1.0}
    assert set(pairing._operators) == {("ridge", (-1.0,)), ("ridge", (1.0,))}
    assert {split for split, _, _ in pairing._batches} == {"validation"}
    assert "equivariance" in hearing.failed()


def test_each_criterion_alone(real, look, methods):
    """Alone, every criterion accepts the real edit; not so leakage, of an edit that moves what it says it keeps."""
    mean = next(fit for fit in methods.fits if fit.name == "mean")

    def accepting(pairs):
        return {name for name in ALONE if LazyEvaluation(pairs, mean, pairs.control_test(), 40).alone(name)}

    assert accepting(real) == {*ALONE}
    # Without a target nothing can be monotone.
    assert accepting(look(Leaky())) == {*ALONE} - {"leakage", "monotone"}


def test_each_criterion_alone_of_nothing(real, methods):
    """A null's ridge map, which goes to the mean of all clips, passes neither equivariance nor monotone nor content."""
    ridge = next(fit for fit in methods.fits if fit.name == "ridge")
    null = EncodedPairs(real.corpus, RandomClip(Leaps(), _crowd(real), 0))
    hearing = LazyEvaluation(null, ridge, null.control_test(), 40)

    assert not any(hearing.alone(gate) for gate in ("monotone", "content", "equivariance"))


def test_a_stranger_is_of_another_song_of_the_split(real):
    """Each clip gets a clip of its split and not of its song, all others come about, and amounts draw anew."""
    crowd = _crowd(real)
    home = {
        clip.tobytes(): (split, song)
        for split, shard in crowd.shards.items()
        for clip, song in zip(shard.clips, shard.songs, strict=True)
    }
    seen = set()
    for seed in range(12):
        for split, shard in crowd.shards.items():
            out = RandomClip(Leaps(), crowd, seed)(shard.clips, 5.0, default_rng(0))
            assert out.valid.all()
            for before, after in zip(shard.clips, out.clips, strict=True):
                (_, song), (its, other) = home[before.tobytes()], home[after.tobytes()]
                assert its == split
                assert other != song
                seen.add(after.tobytes())
    test = crowd.shards["test"].clips
    one, two = (RandomClip(Leaps(), crowd, 0)(test, a, default_rng(0)).clips for a in (1.0, 5.0))

    assert len(seen) > 0.95 * len(home)
    assert (one != two).any(axis=1).mean() > 0.9


def test_who_has_no_stranger_is_masked(real):
    """A clip that the crowd does not know, and one of the only song of its split, have no edit."""
    shard = real.corpus.shards["test"]
    alone = ClipPool.of([evolve(shard, clips=shard.clips[:4], songs=("a",) * 4)])
    unknown = tiny_clips(3, seed=12345)

    assert not RandomClip(Leaps(), alone, 0)(shard.clips[:4], 1.0, default_rng(0)).valid.any()
    assert not RandomClip(Leaps(), _crowd(real), 0)(unknown, 1.0, default_rng(0)).valid.any()


def test_a_null_says_what_the_real_edit_says(real):
    """Amounts, unit, target, changes, keeps and needs are the real edit's, its names are not; 0 changes nothing."""
    edit, clips = Leaps(), tiny_clips(5)
    null = RandomClip(edit, _crowd(real), 0)
    same = ("amounts", "unit", "target", "changes", "preserves", "needs")

    assert [getattr(null, name) for name in same] == [getattr(edit, name) for name in same]
    assert (null.name, null.knob_name) == ("stranger for transpose", "stranger-pitch")
    assert null.doc == "A clip of another song of the same split, drawn evenly for each clip and amount."
    assert np.array_equal(null(clips, 0.0, default_rng(0)).clips, clips)
    assert OneAmount(edit, 5.0).amounts == (5.0,)
    assert OneAmount(edit, 5.0).name == edit.name


@given(st.lists(st.integers(0, 40), min_size=1), st.integers(0, 2**32))
def test_songs_are_swapped_whole(numbers, seed):
    """All clips of a song are swapped or none, whatever songs stand around it; the same seed swaps the same songs."""
    songs = [f"song {n}" for n in numbers]

    flips = flipped(songs, seed)

    assert all(flipped([song], seed)[0] == flip for song, flip in zip(songs, flips, strict=True))


def test_half_of_the_songs_are_swapped():
    """Of many songs about half are swapped, and another seed swaps others: within 4 deviations of a fair coin."""
    songs = [f"song {n}" for n in range(4000)]
    one, two = flipped(songs, 0), flipped(songs, 1)

    assert abs(one.sum() - 2000) < 4 * np.sqrt(1000)
    assert abs((one == two).sum() - 2000) < 4 * np.sqrt(1000)


def test_chance_depends_on_the_clip_and_the_keys_alone():
    """A clip's numbers are the same in any batch; another key gives others; they are spread evenly over 32 bits."""
    clips = tiny_clips(400, seed=2)
    numbers = drawn(clips, 8, "a", 1)

    assert np.array_equal(drawn(clips[100:103], 8, "a", 1), numbers[100:103])
    assert not (drawn(clips, 8, "a", 2) == numbers).any()
    assert abs(numbers.mean() / 2**32 - 0.5) < 4 * np.sqrt(1 / 12 / numbers.size)


def test_swapped_pairs_by_hand():
    """Only the pairs of swapped songs change sides; a mask counts in the shard's clips, not in the pairs."""
    valid = np.array([True, False, True, True])
    before, after = np.float32([[1], [2], [3]]), np.float32([[-1], [-2], [-3]])

    out = swap_pairs(Pairs(5.0, valid, before, after), np.array([False, True, True, False]))

    assert out.before.ravel().tolist() == [1, -2, 3]
    assert out.after.ravel().tolist() == [-1, 2, -3]


def test_a_swapped_trial_by_hand():
    """A swapped pair starts from its edited clip, which becomes a clip of the trial with one amount."""

    def clips(*numbers):
        return np.int16([[n] * 32 for n in numbers])

    def codes(*numbers):
        return np.float32([[n] for n in numbers])

    def case(amount, n):
        rows = np.array([0, 1])
        return AmountBatch(
            amount, rows, rows, clips(60, 61), clips(60 + n, 61 + n), codes(0, 1), codes(n, n + 1),
            clips(50, 51), clips(50 + n, 51 + n),
        )  # fmt: skip

    trial = EvaluationSet(
        clips(60, 61), np.array([0, 1]), codes(0, 1), clips(50, 51), {1.0: case(1.0, 1), 2.0: case(2.0, 2)}
    )

    out = swap_set(trial, np.array([False, True]))
    at = out.batches[2.0]

    assert (at.rows.tolist(), out.batches[1.0].rows.tolist()) == ([0, 3], [0, 2])
    assert (at.before[:, 0].tolist(), at.after[:, 0].tolist()) == ([60, 63], [62, 61])
    assert (at.z_before.ravel().tolist(), at.z_after.ravel().tolist()) == ([0, 3], [2, 1])
    assert (at.plain[:, 0].tolist(), at.ceiling[:, 0].tolist()) == ([50, 53], [52, 51])
    assert (out.plain[:, 0].tolist(), out.songs.tolist()) == ([50, 51, 52, 53], [0, 1, 1, 1])
    assert trial.batches[2.0].rows.tolist() == [0, 1]


def test_swapped_songs_say_nothing_of_monotony(real, exact_pitch):
    """A knob that does just what transposing does is monotone where nothing was swapped, and only that counts."""
    swapped = real.swapped(0)
    clips, backend = swapped.evaluation_set("test", swapped.amounts), real.corpus.experiment.backend
    left = ~flipped(real.corpus.sets["test"][1], 0)

    turned = turned_clips(backend, exact_pitch, clips, swapped.amounts)
    found = measure(backend, exact_pitch, clips, swapped.control_test().config, turned)

    assert 0 < left.sum() < len(left)
    assert (found.monotone, found.response.clips) == (1.0, left.sum())


def test_what_a_survey_gives_a_fit_is_what_a_discovery_gives(find, look, methods):
    """Mean changes, ridge maps and attribute vectors, in the model's units, are a discovery's but for rounding."""
    run = find(Leaps(), fits_made=CLOSED)
    pairing = look(trial_clips=24)
    fits = {fit.name: fit for fit in methods.fits}
    operators = {knob.fit: knob.operator.arrays for knob in run.knobs}
    model = pairing.corpus.experiment.backend
    units = CodeUnits(-model.offset * np.diag(model.back), np.diag(model.back))
    own = pairing.mean_change() * units.scale

    np.testing.assert_allclose(own, run.knobs[0].evidence.mean_change, atol=1e-5)
    for name in CLOSED:
        arrays = units.operator_outward(pairing.operator(fits[name], pairing.amounts)).arrays
        assert arrays.keys() == operators[name].keys()
        for key, array in arrays.items():
            np.testing.assert_allclose(array, operators[name][key], atol=1e-4)


def test_a_model_that_remembers_is_asked_once():
    """Answers are the model's own, in the order asked for; what was asked before, or twice at a time, is not asked."""
    asked = []

    class Counting(TinyBackend):
        def encode(self, clips):
            asked.append(len(clips))
            return super().encode(clips)

        def decode(self, z):
            asked.append(len(z))
            return super().decode(z)

    clips, model = tiny_clips(6, seed=4), CachedBackend(Counting())
    twice = clips[[3, 0, 3, 5]]
    z = encode(model, twice)

    # How a sum is rounded depends on the number and the order of rows.
    np.testing.assert_allclose(z, TinyBackend().encode(twice).mean, atol=1e-6)
    assert np.array_equal(model.encode(twice).mean, z)
    assert np.array_equal(model.encode(clips[:1]).mean, z[1:2])
    assert np.array_equal(decode(model, z), twice)
    assert np.array_equal(model.decode(z[[1, 1]]), twice[[1, 1]])
    assert asked == [3, 3]
    assert np.array_equal(model.decode_log_probs(z), TinyBackend().decode_log_probs(z))
    assert model.decode(z[:0]).shape == (0, 32)
