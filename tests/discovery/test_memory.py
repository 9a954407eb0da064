import tracemalloc

import pytest

from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.corpus import CorpusRequest
from latentknobs.core.experiment import Experiment, Settings
from latentknobs.core.run import RunSpec
from latentknobs.corpora.synthetic_melodies import FACTORS
from latentknobs.discovery.discover import discover
from latentknobs.testing.tiny import TinyBackend


def _peak(clips, methods):
    """The most memory, in bytes, that one discovery holds at a time beyond what was there before."""
    backend, settings = TinyBackend(), Settings(clips=clips, trial_clips=50, controls=5, control_clips=8)
    spec = RunSpec(backend.spec.model_id, "tiny", "transpose", "factors", 0, settings.as_dict())
    songs = FACTORS.songs(CorpusRequest(clips=clips))
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        discover(Experiment.of(backend, Transpose(), settings, methods), songs, spec, version="test")
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.evidence
def test_memory_does_not_grow_with_the_corpus(methods):
    """Discovery on 20,000 generated melodies holds at most 1.2 times the memory of one on 2,000."""
    _peak(2_000, methods)  # what is made once and kept: tables, caches

    assert _peak(20_000, methods) <= 1.2 * _peak(2_000, methods)
