"""Clips that begin alike are read alike."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from latentknobs.backends.gru_musicvae.prefix_sharing import in_order, shared_steps
from latentknobs.core.melody_format import HOLD

CLIPS = arrays.arrays(np.int64, st.tuples(st.integers(1, 12), st.integers(1, 6)), elements=st.integers(0, 2))


def _read(tokens, fewest=1, whole=1):
    """What each clip's state has read after each step, and how many states there were."""
    reading = list(shared_steps(tokens, lambda count: -(-max(count, fewest) // whole) * whole))
    states, counts, read = [()] * len(reading[0].tokens[0]), [], []
    for run in reading:
        if run.origins is not None:
            states = [states[k] for k in run.origins]
        for step in run.tokens:
            states = [(*state, int(token)) for state, token in zip(states, step, strict=True)]
            counts.append(len(states))
            read.append([states[k] for k in run.owners])
    return read, counts


@given(CLIPS, st.integers(1, 3), st.integers(1, 4))
def test_each_clip_has_read_its_own_tokens(clips, fewest, whole):
    """Whatever clips share, after each step each one's state has read that clip up to there."""
    tokens = clips[in_order(clips)]

    for step, read in enumerate(_read(tokens, fewest, whole)[0]):
        assert read == [tuple(row) for row in tokens[:, : step + 1].tolist()]


@given(CLIPS, st.integers(1, 3))
def test_a_beginning_is_read_once(clips, fewest):
    """At each step there are as many states as different beginnings, or as few as are allowed."""
    tokens = clips[in_order(clips)]
    different = [len({tuple(row[: step + 1]) for row in tokens.tolist()}) for step in range(tokens.shape[1])]

    assert _read(tokens, fewest)[1] == [max(n, fewest) for n in different]


@pytest.mark.parametrize("reverse", [False, True])
def test_whole_notes_share_most_of_what_is_read(reverse):
    """Of all pairs of two whole notes, half of the reading forwards and nearly all backwards is shared."""
    pairs = np.asarray([[a, *[HOLD] * 15, b, *[HOLD] * 15] for a in range(20) for b in range(20)])
    tokens = pairs[:, ::-1] if reverse else pairs

    _, counts = _read(tokens[in_order(tokens)])

    assert sum(counts) == (15 + 16 * 20 + 400 if reverse else 16 * 20 + 16 * 400)
