import numpy as np
import pytest
from numpy.random import default_rng

from latentknobs.attributes.plugin import register_attributes
from latentknobs.core.melody_format import HOLD, MELODY, REST
from latentknobs.evaluation import prior_samples as module
from latentknobs.evaluation.bootstrap import SongDraws
from latentknobs.evaluation.prior_samples import CorpusAttributes, beside, prior, silent
from latentknobs.testing.tiny import LATENT_SIZE, TinyBackend, tiny_clips

ATTRIBUTES = tuple(register_attributes())


def _draws(count, seed=0):
    return SongDraws(np.arange(count), default_rng(seed))


def _corpus(clips):
    """What is measured of these clips as a corpus."""
    values = np.stack([a.measure(clips) for a in ATTRIBUTES], axis=1)
    return CorpusAttributes(ATTRIBUTES, values, silent(MELODY, clips), _draws(len(clips)))


class Fixed:
    """A decoder that writes these tokens in turn, before repair, whatever the code."""

    def __init__(self, raw):
        self.spec = TinyBackend().spec
        self._raw = np.asarray(raw, dtype=np.int16)
        self.codes = []

    def _of(self, z):
        start = sum(map(len, self.codes))
        return self._raw[np.arange(start, start + len(z)) % len(self._raw)]

    def decode_log_probs(self, z, given=None):
        assert given is None
        return np.log(0.001 + np.eye(130, dtype=np.float32)[self._of(z)])

    def decode(self, z):
        tokens = self._of(z)
        self.codes.append(z)
        return MELODY.repair(tokens)


@pytest.fixture
def in_turn(monkeypatch):
    """Codes are decoded as they come, so that a decoder can write in turn."""
    monkeypatch.setattr(module, "decode", lambda backend, z: backend.decode(z))


def test_validity_is_that_of_the_tokens_before_repair(in_turn):
    """Of four samples one holds where nothing sounds: 3/4 valid, though all are once repaired."""
    note = np.full(32, REST)
    note[:2] = 60, HOLD
    broken = np.full(32, REST)
    broken[5] = HOLD
    clips = tiny_clips(4)

    result = prior(Fixed([note, note, broken, note]), _corpus(clips), 0, count=4)

    assert result["count"] == 4
    assert result["valid"]["value"] == 3 / 4
    assert result["silent"]["value"] == 1 / 4
    assert result["silent_in_corpus"]["value"] == 0
    assert result["attributes"]["mean-pitch"]["samples"]["count"] == 3
    assert result["attributes"]["mean-pitch"]["samples"]["mean"]["value"] == 60


def test_batches_count_alike(monkeypatch):
    """Batches of another size change nothing, and the work is told to its end."""
    clips, told = tiny_clips(20), []
    whole = prior(TinyBackend(), _corpus(clips), 0, count=50)

    monkeypatch.setattr(module, "CHUNK", 7)
    parts = prior(TinyBackend(), _corpus(clips), 0, count=50, progress=lambda *what: told.append(what[1:]))

    assert parts == whole
    assert told[-1] == (50, 50)


def test_codes_are_those_of_the_sample_command(in_turn):
    """The codes are the seed's first from N(0, I), the same that the command sample decodes."""
    decoder = Fixed(tiny_clips(3))
    prior(decoder, CorpusAttributes((), np.zeros((2, 0)), np.zeros(2), _draws(2)), 7, count=200)

    wanted = default_rng(7).standard_normal((200, LATENT_SIZE), dtype=np.float32)
    np.testing.assert_array_equal(np.concatenate(decoder.codes), wanted)


def test_an_attribute_beside_another_by_hand():
    """0, 2, 4 beside 4, 6 and one undefined: means 2 and 5, sd sqrt(8/3) and 1, difference 3/sqrt(8/3), KS 2/3."""
    result = beside(np.asarray([0.0, 2, 4]), _draws(3), np.asarray([4.0, 6, np.nan]), _draws(3, 1))

    assert (result["corpus"]["count"], result["samples"]["count"]) == (3, 2)
    assert result["corpus"]["mean"]["value"] == pytest.approx(2)
    assert result["samples"]["mean"]["value"] == pytest.approx(5)
    assert result["corpus"]["sd"] == pytest.approx((8 / 3) ** 0.5)
    assert result["samples"]["sd"] == pytest.approx(1)
    assert result["difference"]["value"] == pytest.approx(3 / (8 / 3) ** 0.5)
    assert result["ks"] == pytest.approx(2 / 3)


def test_equal_sets_do_not_differ():
    """A set beside itself differs by 0, well inside its interval, with a distance of 0."""
    values = default_rng(0).normal(50, 3, 200)

    result = beside(values, _draws(200), values, _draws(200, 1))

    assert result["difference"]["value"] == 0
    assert result["difference"]["low"] < 0 < result["difference"]["high"]
    assert result["ks"] == 0


def test_the_interval_of_the_difference_covers_the_truth():
    """Of 100 pairs of sets whose means differ by one sd, about 95 intervals hold 1."""
    rng, hits = default_rng(3), 0
    for seed in range(100):
        result = beside(rng.normal(0, 1, 80), _draws(80, seed), rng.normal(1, 1, 80), _draws(80, seed + 500))
        hits += result["difference"]["low"] <= 1 <= result["difference"]["high"]

    assert 89 <= hits <= 99


def test_what_is_not_defined_is_none():
    """An attribute that no sample has, or that the corpus has but once, gives None and no warning."""
    some, none = np.asarray([1.0, 2.0]), np.full(2, np.nan)

    assert beside(some, _draws(2), none, _draws(2)) == {
        "corpus": beside(some, _draws(2), some, _draws(2))["corpus"],
        "samples": {"count": 0, "mean": None, "sd": None},
        "difference": None,
        "ks": None,
    }
    assert beside(none, _draws(2), some, _draws(2))["difference"] is None
    same = beside(np.full(6, 0.1), _draws(6), some, _draws(2))
    assert same["corpus"]["sd"] == 0
    assert same["difference"] is None
    assert same["ks"] == 1
