import numpy as np
import pytest

from latentknobs.core.corpus import CorpusRequest
from latentknobs.core.run import RunSpec
from latentknobs.core.seed import MOST_SEED
from latentknobs.errors import UsageError
from latentknobs.steering.prior_codes import sample
from latentknobs.testing.tiny import TinyBackend


def of_run(seed):
    """A run's seed."""
    return RunSpec("0" * 64, "tiny", "transpose", "tiny", seed).seed


def of_request(seed):
    """A request's seed."""
    return CorpusRequest(seed=seed).seed


def of_sample(seed):
    """The seed that a drawn piece says it comes from."""
    return sample(TinyBackend(), 1, seed)[0].provenance["seed"]


CARRIERS = pytest.mark.parametrize("carry", [of_run, of_request, of_sample])


@CARRIERS
@pytest.mark.parametrize("seed", [-1, MOST_SEED + 1, 0.5, True, "1", None])
def test_what_is_no_seed_is_refused(carry, seed):
    """A seed that is negative, too large for the registry or no whole number is one sentence."""
    with pytest.raises(UsageError, match=rf"^A seed must be a whole number from 0 to {MOST_SEED}, not .*another\.$"):
        carry(seed)


@CARRIERS
@pytest.mark.parametrize("seed", [0, MOST_SEED, np.int64(7)])
def test_a_seed_is_kept_as_a_plain_number(carry, seed):
    """A seed comes back as Python's int, numpy's whole numbers included."""
    assert carry(seed) == seed
    assert type(carry(seed)) is int
