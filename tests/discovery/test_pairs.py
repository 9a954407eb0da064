import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.augmentation import signed_amounts
from latentknobs.core.backend import Posterior
from latentknobs.core.clip import Note
from latentknobs.core.corpus import SPLITS, Song, Tally
from latentknobs.core.experiment import Experiment
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.core.model_calls import accepted, decode, edited, encode
from latentknobs.corpora.sharding import block_of, shards
from latentknobs.discovery.pairs import edit_clips, encode_pairs
from latentknobs.errors import BackendError, PluginError
from latentknobs.testing.tiny import LATENT_SIZE, PITCH, TinyBackend, tiny_clips


class Spy:
    """The tiny model, which counts what it is asked to encode and decode."""

    def __init__(self):
        self.spec = TinyBackend().spec
        self.encoded, self.decoded, self.calls = [], [], 0

    def accepts(self, clips):
        return TinyBackend().accepts(clips)

    def encode(self, clips):
        self.calls += 1
        self.encoded += [clip.tobytes() for clip in clips]
        return TinyBackend().encode(clips)

    def decode(self, z):
        self.decoded += [code.tobytes() for code in z]
        return TinyBackend().decode(z)


class Faulty(Spy):
    """A model that breaks its contract in one way."""

    def __init__(self, **answers):
        super().__init__()
        self.answers = answers

    def accepts(self, clips):
        return self.answers.get("accepts", super().accepts)(clips)

    def encode(self, clips):
        return self.answers.get("encode", super().encode)(clips)

    def decode(self, z):
        return self.answers.get("decode", super().decode)(z)


def _amounts(*amounts):
    return type("Edit", (Transpose,), {"amounts": amounts})()


@pytest.mark.parametrize(
    ("amounts", "signed", "swapped"),
    [
        ((1.0, 2.0), (-2.0, -1.0, 1.0, 2.0), True),
        ((-1.0, 1.0, 2.0), (-1.0, 1.0, 2.0), False),
        ((0.5,), (0.5,), False),
        ((-3.0,), (-3.0,), False),
        ((0.0, 4.0, 2.0), (-4.0, -2.0, 2.0, 4.0), True),
    ],
)
def test_amounts_below_0_are_swapped_pairs_where_the_edit_has_none(amounts, signed, swapped):
    """Several positive amounts get their negatives by swapping, an edit with negative ones or a single one does not."""
    assert signed_amounts(_amounts(*amounts)) == (signed, swapped)


@pytest.mark.parametrize("amounts", [(), (0.0,)])
def test_an_edit_without_amounts_is_refused(amounts):
    """An augmentation that names no amount besides 0 breaks its contract."""
    with pytest.raises(PluginError, match="no amount besides 0"):
        signed_amounts(_amounts(*amounts))


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 7), st.sampled_from(SPLITS)), max_size=40), st.integers(1, 12))
def test_shards_keep_songs_whole(facts, size):
    """Every clip is in one shard, with its song's others, among songs of its split, in the order they came."""
    songs = [Song(f"song {i}", np.full((count, 32), i, np.int16), split) for i, (count, split) in enumerate(facts)]

    result = list(shards(songs, size))

    for split in SPLITS:
        mine = [shard for shard in result if shard.split == split]
        clips = np.concatenate([np.zeros((0, 32), np.int16), *(shard.clips for shard in mine)])
        expected = [np.zeros((0, 32), np.int16), *(song.clips for song in songs if song.split == split)]
        np.testing.assert_array_equal(clips, np.concatenate(expected))
        assert all(len(shard.clips) >= size for shard in mine[:-1])
    for shard in result:
        assert list(shard.songs) == [f"song {i}" for i in shard.clips[:, 0]]
        assert shard.blocks.tolist() == [block_of(name) for name in shard.songs]
    homes = [name for shard in result for name in set(shard.songs)]
    assert len(homes) == len(set(homes))


def test_shards_are_read_as_they_are_needed():
    """A shard is given as soon as it is full: the songs after it are not read yet."""
    read = []

    def endless():
        for i in range(10**9):
            read.append(i)
            yield Song(str(i), np.zeros((2, 32), np.int16), "train")

    next(shards(endless(), 6))

    assert len(read) == 3


def test_equal_clips_are_encoded_once():
    """Copies of a clip cost one encoding, and every copy has its code in its place."""
    clips = tiny_clips(5)[[0, 1, 0, 2, 1, 0, 3]]
    spy = Spy()

    codes = encode(spy, clips)

    assert len(spy.encoded) == len(set(spy.encoded)) == 4
    # How a sum is rounded depends on the number of rows.
    np.testing.assert_allclose(codes, TinyBackend().encode(clips).mean, atol=1e-6)
    assert codes.dtype == np.float32


def test_equal_codes_are_decoded_once():
    """Copies of a code cost one decoding, and every copy has its clip in its place."""
    clips = tiny_clips(3)[[2, 0, 2, 1, 1]]
    spy = Spy()

    decoded = decode(spy, TinyBackend().encode(clips).mean)

    assert len(spy.decoded) == 3
    np.testing.assert_array_equal(decoded, clips)


def test_nothing_is_encoded_or_decoded_to_nothing():
    """No clip and no code give empty arrays of the right shape, and the model is not asked."""
    spy = Spy()

    assert encode(spy, tiny_clips(0)).shape == (0, LATENT_SIZE)
    assert decode(spy, np.zeros((0, LATENT_SIZE), np.float32)).shape == (0, 32)
    assert not spy.encoded
    assert not spy.decoded


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda clips: Posterior(np.full((len(clips), LATENT_SIZE), np.nan, np.float32)), "not finite"),
        (lambda clips: Posterior(np.full((len(clips), LATENT_SIZE), np.inf, np.float32)), "not finite"),
        (lambda clips: Posterior(np.zeros((len(clips), 7), np.float32)), r"shape \(3, 7\) .* D = 24"),
        (lambda _clips: Posterior(np.zeros((1, LATENT_SIZE), np.float32)), r"shape \(1, 24\)"),
    ],
)
def test_codes_that_are_none_are_refused(answer, sentence):
    """A model whose codes are not finite or of another shape is refused by name."""
    with pytest.raises(BackendError, match=f"tiny.*{sentence}"):
        encode(Faulty(encode=answer), tiny_clips(3))


@pytest.mark.parametrize(
    "answer",
    [
        lambda z: np.zeros((len(z), 31), np.int16),
        lambda z: np.zeros((len(z) + 1, 32), np.int16),
        lambda z: np.zeros((len(z), 32), np.float32),
        lambda _z: None,
    ],
)
def test_decodings_that_are_no_clips_are_refused(answer):
    """A model that decodes to another shape, another number of clips or to fractions is refused by name."""
    with pytest.raises(BackendError, match=r"tiny decoded 3 codes .* shape \(3, 32\)"):
        decode(Faulty(decode=answer), TinyBackend().encode(tiny_clips(3)).mean)


@pytest.mark.parametrize(
    "answer", [lambda _clips: True, lambda clips: np.ones(len(clips)), lambda clips: np.ones((len(clips), 32), bool)]
)
def test_a_mask_that_is_none_is_refused(answer):
    """A model that does not say of each clip whether it carries it is refused by name."""
    with pytest.raises(BackendError, match=r"tiny.*one bool for each"):
        accepted(Faulty(accepts=answer), tiny_clips(3))


def _pairs(backend, edit, clips, codes, tally=None):
    experiment = Experiment.without_methods(backend, edit)
    edits = edit_clips(experiment, clips, default_rng(0))
    return list(encode_pairs(experiment, edits, codes, Tally() if tally is None else tally))


def test_a_pair_is_a_clip_and_its_edit():
    """For each amount the codes before are the originals', those after the edited clips', in the same order."""
    clips = tiny_clips(6)
    codes = TinyBackend().encode(clips).mean

    result = _pairs(TinyBackend(), Transpose(), clips, codes)

    assert [pair.amount for pair in result] == list(Transpose.amounts)
    for pair in result:
        np.testing.assert_array_equal(pair.before, codes)
        moved = pair.after - pair.before
        np.testing.assert_allclose(moved[:, PITCH], pair.amount / 12, atol=1e-5)
        np.testing.assert_allclose(np.delete(moved, PITCH, axis=1), 0, atol=1e-5)


def test_a_negative_amount_is_the_positive_pair_swapped():
    """Where the edit only goes up, the pairs at -n are those at +n, of clips that took it whole, exchanged."""
    clips = tiny_clips(12)
    codes = TinyBackend().encode(clips).mean

    result = {p.amount: p for p in _pairs(TinyBackend(), NoteSplit(), clips, codes)}

    assert sorted(result) == [-4, -3, -2, -1, 1, 2, 3, 4]
    for amount in (1.0, 2.0):
        up, down = result[amount], result[-amount]
        assert up.exact.any()
        np.testing.assert_array_equal(up.exact, down.valid)
        assert up.before[up.exact[up.valid]].tobytes() == down.after.tobytes()
        assert up.after[up.exact[up.valid]].tobytes() == down.before.tobytes()


@pytest.mark.parametrize("in_part", [False, True])
def test_an_edit_that_learns_in_part_has_pairs_of_all_clips_that_it_changes(in_part):
    """Of a clip with a note of three steps there is a pair forwards only, and only where the edit learns in part."""
    clips = np.full((2, 32), HOLD, dtype=np.int16)
    clips[:, 0], clips[0, 3], clips[1, 4] = 60, 62, 64  # notes of three and 29 steps, and of four and 28
    edit = NoteSplit()
    edit.learns_in_part = in_part
    codes = TinyBackend().encode(clips).mean

    result = {p.amount: p for p in _pairs(TinyBackend(), edit, clips, codes)}

    assert result[1.0].valid.tolist() == [in_part, True]
    assert result[1.0].exact.tolist() == result[-1.0].valid.tolist() == [False, True]


def test_all_amounts_of_a_shard_are_one_call_of_the_encoder():
    """The edited clips of every amount are encoded together, equal ones once."""
    clips, spy = tiny_clips(4)[[0, 1, 2, 2]], Spy()
    codes = TinyBackend().encode(clips).mean

    _pairs(spy, Transpose(), clips, codes)

    assert spy.calls == 1
    assert len(spy.encoded) == len(set(spy.encoded)) == 3 * len(Transpose.amounts)


def test_what_cannot_be_edited_is_masked_and_counted():
    """A clip that would leave the range has no pair at that amount, and is counted there."""
    clips = np.stack([MELODY.tokens([Note(0, pitch, 4)]) for pitch in (60, 120, 126)])
    tally = Tally()

    result = {
        pair.amount: pair.valid.tolist()
        for pair in _pairs(TinyBackend(), _amounts(-3.0, 1.0, 3.0, 9.0), clips, encode(Spy(), clips), tally)
    }

    assert result == {-3: [True] * 3, 1: [True] * 3, 3: [True, True, False], 9: [True, False, False]}
    assert tally.counts == {"masked by transpose at +3": 1, "masked by transpose at +9": 2}


def test_what_the_model_cannot_carry_is_counted_apart():
    """An edited clip that the model does not accept has no pair, and is not counted as masked by the edit."""
    clips = np.stack([MELODY.tokens([Note(0, pitch, 4)]) for pitch in (60, 70, 80)])
    picky = Faulty(accepts=lambda clips: (MELODY.sounding(clips) <= 75).all(axis=1))
    tally = Tally()

    after, carried = edited(picky, Transpose(), clips, 7.0, default_rng(0), tally)

    assert carried.tolist() == [True, False, False]
    assert MELODY.notes(after[0])[0].pitch == 67
    assert tally.counts == {"not accepted by the model at +7": 2}
