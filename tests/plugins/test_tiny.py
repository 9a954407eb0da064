import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentknobs.attributes.comparisons import onset_f1
from latentknobs.attributes.melody_attributes import log2_onsets, mean_pitch
from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.corpus import Corpus, CorpusRequest
from latentknobs.core.melody_format import MELODY
from latentknobs.errors import BackendError, ClipError, CorpusError
from latentknobs.testing.contracts import BackendContract
from latentknobs.testing.tiny import ACTIVITY, PITCH, TinyBackend, TinyCorpus, tiny_clips

TINY = TinyBackend()
RNG = np.random.default_rng(0)


class TestTinyBackend(BackendContract):
    """The model made by hand keeps the contract of a backend."""

    @pytest.fixture
    def backend(self):
        """The model."""
        return TinyBackend()


@settings(max_examples=30)
@given(st.integers(0, 2**31))
def test_it_reconstructs_its_own_melodies(seed):
    """Decoding a tiny clip's code gives the clip."""
    clips = tiny_clips(8, seed=seed)

    assert MELODY.valid(clips).all()
    assert np.array_equal(TINY.decode(TINY.encode(clips).mean), clips)


def test_transposition_is_one_dimension():
    """Transposing by n moves the code by n / 12 in dimension 0 and nowhere else, and back."""
    clips = tiny_clips(50)
    before = TINY.encode(clips).mean

    for amount in (-12, 1, 7):
        after = TINY.encode(Transpose()(clips, amount, RNG).clips).mean
        wanted = np.zeros_like(before)
        wanted[:, PITCH] = amount / 12
        np.testing.assert_allclose(after - before, wanted, atol=1e-6)
        turned = TINY.decode(before + wanted)
        assert np.allclose(mean_pitch(turned) - mean_pitch(clips), amount)
        assert (onset_f1(clips, turned) == 1).all()


def test_splitting_quarter_notes_is_one_dimension():
    """On clips of quarter notes a doubling moves dimension 8 by 1 and nothing else, and back."""
    clips = tiny_clips(50)[::2]
    before = TINY.encode(clips).mean

    for amount in (1, 2):
        wanted = np.zeros_like(before)
        wanted[:, ACTIVITY] = amount
        np.testing.assert_allclose(TINY.encode(NoteSplit()(clips, amount, RNG).clips).mean - before, wanted, atol=1e-6)
        assert np.allclose(log2_onsets(TINY.decode(before + wanted)) - log2_onsets(clips), amount)


def test_the_last_dimensions_are_inactive():
    """Dimensions 16 to 23 are 0 for every clip and change nothing."""
    z = TINY.encode(tiny_clips(20)).mean
    noise = z.copy()
    noise[:, 16:] = RNG.normal(size=(20, 8))

    assert not z[:, 16:].any()
    assert np.array_equal(TINY.decode(noise), TINY.decode(z))


def test_it_refuses_what_is_not_a_code_or_clip():
    """Codes of another size or not finite, and clips of another shape, are said to be so."""
    with pytest.raises(BackendError, match="24"):
        TINY.decode(np.zeros((2, 23), dtype=np.float32))
    with pytest.raises(BackendError, match="finite"):
        TINY.decode(np.full((2, 24), np.nan, dtype=np.float32))
    with pytest.raises(BackendError, match="as many"):
        TINY.decode_log_probs(np.zeros((2, 24), dtype=np.float32), tiny_clips(3))
    with pytest.raises(ClipError):
        TINY.encode(np.zeros((2, 31), dtype=np.int16))


def test_the_identity_is_fixed():
    """The model's id is the same on every machine and every day."""
    assert TINY.spec.model_id == TinyBackend().spec.model_id


def test_the_corpus():
    """Songs of four clips in a fixed order for a seed, within the pitch range; endless without a number is refused."""
    first, again = (list(TinyCorpus().songs(CorpusRequest(clips=10, seed=3, pitch_range=(60, 70)))) for _ in range(2))

    assert isinstance(TinyCorpus(), Corpus)
    assert [song.name for song in first] == [song.name for song in again]
    assert all(np.array_equal(a.clips, b.clips) for a, b in zip(first, again, strict=True))
    assert sum(len(song.clips) for song in first) == 12
    sounding = MELODY.sounding(np.concatenate([song.clips for song in first]))
    assert sounding.max() <= 70
    assert sounding[sounding >= 0].min() >= 60
    for request in (CorpusRequest(), CorpusRequest(clips=1, pitch_range=(0, 20))):
        with pytest.raises(CorpusError):
            next(TinyCorpus().songs(request))
