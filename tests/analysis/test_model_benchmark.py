"""Benchmarks of models: clips without a corpus, timing in turns, and what is taken from the numbers."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest
from attrs import evolve

from latentknobs.analysis.bench_choice import choose
from latentknobs.analysis.bench_sample import BenchSample
from latentknobs.analysis.model_benchmark import BenchRequest, benchmark_model, flops_of
from latentknobs.analysis.turns import TURN, in_turns
from latentknobs.core.bench_result import BatchTiming, PrecisionError
from latentknobs.core.melody_format import MELODY_3_4
from latentknobs.errors import BackendError, UnknownNameError
from latentknobs.testing.tiny import TinyBackend, tiny_spec
from latentknobs.testing.tiny_conditional import TinyConditionalBackend


class Changed:
    """The tiny model with another spec or other functions."""

    def __init__(self, **odd):
        tiny = TinyBackend()
        for name in ("spec", "accepts", "encode", "decode", "decode_log_probs"):
            setattr(self, name, odd.get(name, getattr(tiny, name)))
        self.__dict__.update(odd)


@pytest.mark.parametrize(
    "model",
    [
        TinyBackend(),
        TinyBackend(tiny_spec(MELODY_3_4)),
        TinyConditionalBackend(),
        Changed(spec=evolve(TinyBackend().spec, prior="aggregate")),
    ],
    ids=["normal prior", "3/4", "condition", "no prior"],
)
def test_clips_need_no_corpus(model):
    """A model's own clips, which it accepts, and their codes; the same for a seed, others for another."""
    one, again, other = (BenchSample.draw(model, 20, seed) for seed in (1, 1, 2))

    assert one.clips.shape == (20, *model.spec.clip_format.shape)
    assert model.accepts(one.clips).all()
    assert np.array_equal(one.codes, model.encode(one.clips).mean)
    assert one.distinct > 10
    assert np.array_equal(one.clips, again.clips)
    assert not np.array_equal(one.clips, other.clips)


def test_a_decoder_alone_is_given_codes():
    """Codes of the prior, and no clips."""
    sample = BenchSample.draw(Changed(spec=evolve(TinyBackend().spec, encodes=False)), 5, 0)

    assert sample.clips is None
    assert sample.codes.shape == (5, 24)


def test_few_clips_are_repeated():
    """Where a model accepts one in many, what it accepts is repeated to the number."""
    model = Changed(accepts=lambda clips: TinyBackend().accepts(clips) & (np.arange(len(clips)) == 0))

    sample = BenchSample.draw(model, 50, 0)

    assert len(sample.clips) == 50
    assert sample.distinct <= 8


@pytest.mark.parametrize("prior", ["standard-normal", "aggregate"])
def test_a_model_that_accepts_nothing_is_told(prior):
    """One sentence says what its accepts must do."""
    spec = evolve(TinyBackend().spec, prior=prior)

    with pytest.raises(BackendError, match="let its accepts say yes"):
        BenchSample.draw(Changed(spec=spec, accepts=lambda clips: np.zeros(len(clips), bool)), 5, 0)


def test_timing_goes_in_turns():
    """After two calls each, the warm-up, what takes long is called once a round, one after another."""
    called = []

    def work(name):
        called.append(name)
        time.sleep(1.5 * TURN)

    times = in_turns({name: partial(work, name) for name in "ab"}, 3)

    assert "".join(called) == "aabb" + "ab" * 3
    assert {name: len(seconds) for name, seconds in times.items()} == {"a": 3, "b": 3}


def test_short_work_is_done_several_times_a_turn():
    """So that a turn is long enough to be timed."""
    called = []

    in_turns({"a": lambda: called.append(1)}, 2)

    assert len(called) > 10


def timing(precision: str, batch: int, speed: float, work: str = "decode") -> BatchTiming:
    """A row of so many clips a second."""
    seconds = batch / speed
    return BatchTiming(work, precision, batch, seconds, seconds, seconds, speed, None, None)


def exact(**equal: float) -> list[PrecisionError]:
    """Rows of precisions with these shares of equal tokens."""
    return [PrecisionError(name, 10, share, share, None, None) for name, share in equal.items()]


def test_a_precision_that_is_too_little_faster_is_not_taken():
    """Ten per cent are needed for another precision, and for a larger batch."""
    rows = [timing("float32", 1, 50), timing("float32", 32, 100), timing("float32", 256, 109), timing("int8", 32, 105)]

    choice = choose(rows, exact(float32=1.0, int8=1.0))

    assert (choice.precision, choice.batch) == ("float32", 32)
    assert "larger batches are less than 10% faster" in choice.why


def test_a_precision_that_is_faster_and_exact_is_taken():
    """Its gain and its share of equal tokens are said."""
    rows = [timing("float32", 32, 100), timing("int8", 32, 250)]

    choice = choose(rows, exact(float32=1.0, int8=0.9995))

    assert (choice.precision, choice.batch) == ("int8", 32)
    assert "2.5 times the best of float32, with 99.95%" in choice.why
    assert choice.why.count(".") - choice.why.count("99.95") - choice.why.count("2.5") == 1


def test_a_precision_that_is_not_exact_is_not_taken():
    """However fast it is."""
    rows = [timing("float32", 32, 100), timing("int8", 32, 900)]

    assert choose(rows, exact(float32=1.0, int8=0.99)).precision == "float32"


def test_of_precisions_about_as_fast_the_most_exact_is_taken():
    """Not the fastest by a hair."""
    rows = [timing("float32", 32, 100), timing("bf16", 32, 240), timing("int8", 32, 250)]

    assert choose(rows, exact(float32=1.0, bf16=0.9999, int8=0.9991)).precision == "bf16"


def test_encode_and_decode_count_together():
    """What is fast at one alone does not win: the time of a clip is the sum of both."""
    rows = [timing("float32", 1, 100, work) for work in ("encode", "decode")]
    rows += [timing("int8", 1, 1000, "encode"), timing("int8", 1, 40, "decode")]

    assert choose(rows, exact(float32=1.0, int8=1.0)).precision == "float32"


@pytest.mark.parametrize("stated", [{"train": 1.0}, {"encode": 0.0}, {"encode": "many"}, [1.0], {"encode": np.inf}])
def test_operations_that_are_none_are_refused(stated):
    """Other work, and what is no number above 0."""
    with pytest.raises(BackendError, match="flops of the model tiny"):
        flops_of(Changed(flops=lambda: stated))


def test_an_unknown_precision_is_refused(workbench):
    """The backend's are named."""
    with pytest.raises(UnknownNameError, match="int9"):
        benchmark_model(workbench, "tiny", BenchRequest(precisions=("int9",)))


@pytest.mark.parametrize("odd", [{"batches": ()}, {"batches": (0,)}, {"rounds": 0}])
def test_a_request_of_nothing_is_refused(odd):
    """A batch and a round at least."""
    with pytest.raises(ValueError):
        BenchRequest(**odd)
