"""
Evaluation sets: clips of one split with everything that every knob of a run is measured on.

For each amount: the clips before and after the edit, their codes, and the decodings of both. None of it depends on the
knob, so it is computed once.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
from attrs import define, evolve, field, frozen
from numpy.random import Generator

from latentknobs.core.arrays import ClipBatch, Codes, Ints, group_index
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Tally
from latentknobs.core.edit_context import EditContext
from latentknobs.core.experiment import Experiment
from latentknobs.core.model_calls import decode, edited, encode
from latentknobs.core.seed import priority
from latentknobs.corpora.sharding import Shard


@define(eq=False)
class ClipReservoir:
    """
    A seeded sample of at most ``size`` clips, the same whatever order and shards they come in.

    Attributes:
        size: How many clips to keep.
        seed: Fixes which.
    """

    size: int
    seed: int
    _heap: list[tuple[int, str, int, bytes, EditContext | None]] = field(factory=list)

    def add(self, shard: Shard) -> None:
        """Offer a shard's clips; a song's clips come in one shard."""
        seen: dict[str, int] = {}
        contexts = shard.contexts or (None,) * len(shard.clips)
        for name, clip, context in zip(shard.songs, shard.clips, contexts, strict=True):
            k = seen.get(name, 0)
            seen[name] = k + 1
            item = (-priority(self.seed, name, k), name, k, clip.tobytes(), context)
            if len(self._heap) < self.size:
                heapq.heappush(self._heap, item)
            elif item[0] > self._heap[0][0]:
                heapq.heapreplace(self._heap, item)

    def clips(self, shape: tuple[int, ...]) -> tuple[ClipBatch, tuple[str, ...]]:
        """The sample, (n, *shape), in an order fixed by the seed, and each clip's song."""
        items = self._in_order()
        tokens = [np.frombuffer(item[3], dtype=np.int16).reshape(shape) for item in items]
        return (np.stack(tokens) if tokens else np.zeros((0, *shape), np.int16)), tuple(item[1] for item in items)

    def contexts(self) -> tuple[EditContext, ...]:
        """The contexts of the sample's clips, in the same order; none where the shards had none."""
        return tuple(item[4] for item in self._in_order() if item[4] is not None)

    def _in_order(self) -> list[tuple[int, str, int, bytes, EditContext | None]]:
        return sorted(self._heap, key=lambda item: item[:4], reverse=True)


@frozen(eq=False)
class AmountBatch:
    """
    One amount of an evaluation set, for the m clips that have a pair.

    Attributes:
        amount: The amount.
        rows: int64 (m,), which of the set's clips.
        songs: int64 (m,), their songs' numbers.
        before: Clips before.
        after: Clips after: what a perfect knob would decode to; None in a run without an edit.
        z_before: Codes before (m, D).
        z_after: Codes after, None as above.
        plain: Decodings of z_before.
        ceiling: Decodings of z_after: the best the model itself can do; None as above.
    """

    amount: float
    rows: Ints
    songs: Ints
    before: ClipBatch
    after: ClipBatch | None
    z_before: Codes
    z_after: Codes | None
    plain: ClipBatch
    ceiling: ClipBatch | None

    @property
    def edit(self) -> tuple[ClipBatch, Codes, ClipBatch]:
        """Clips after, their codes and their decodings, where there is an edit."""
        assert self.after is not None  # a run without an edit compares with none
        assert self.z_after is not None
        assert self.ceiling is not None
        return self.after, self.z_after, self.ceiling

    def first(self, n: int) -> AmountBatch:
        """The first n of its clips."""
        return AmountBatch(
            self.amount,
            self.rows[:n],
            self.songs[:n],
            self.before[:n],
            None if self.after is None else self.after[:n],
            self.z_before[:n],
            None if self.z_after is None else self.z_after[:n],
            self.plain[:n],
            None if self.ceiling is None else self.ceiling[:n],
        )

    def reversed(self) -> AmountBatch:
        """The same pairs with before and after swapped, at the negative amount."""
        after, z_after, ceiling = self.edit
        return AmountBatch(
            -self.amount, self.rows, self.songs, after, self.before, z_after, self.z_before, ceiling, self.plain
        )


@frozen(eq=False)
class EvaluationSet:
    """
    See the module's text.

    Attributes:
        clips: int16 (n, *shape), the originals.
        songs: int64 (n,), the number of each clip's song.
        codes: Codes of the originals (n, D).
        plain: Their decodings.
        batches: By amount, ascending.
    """

    clips: ClipBatch
    songs: Ints
    codes: Codes
    plain: ClipBatch
    batches: Mapping[float, AmountBatch]

    def first(self, n: int) -> EvaluationSet:
        """The first n of its clips, at no amount."""
        return EvaluationSet(self.clips[:n], self.songs[:n], self.codes[:n], self.plain[:n], {})

    def at(self, amounts: Iterable[float]) -> EvaluationSet:
        """The same clips at these amounts, none of them edited."""
        batches = {
            a: AmountBatch(
                a, np.arange(len(self.clips)), self.songs, self.clips, None, self.codes, None, self.plain, None
            )
            for a in sorted(amounts)
        }
        return evolve(self, batches=batches)


def unedited_set(backend: VAEBackend, clips: ClipBatch, names: Sequence[str]) -> EvaluationSet:
    """The evaluation set of clips (n, *shape) of songs ``names`` (n,), at no amount yet."""
    codes = encode(backend, clips)
    return EvaluationSet(clips, group_index(names), codes, decode(backend, codes), {})


def build_evaluation_set(
    experiment: Experiment,
    clips: ClipBatch,
    names: Sequence[str],
    rng: Generator,
    only: Collection[float] | None = None,
) -> EvaluationSet:
    """The evaluation set of an edit, at all or only some amounts, on clips (n, *shape) of songs ``names`` (n,)."""
    backend = experiment.backend
    start = unedited_set(backend, clips, names)
    chosen = [a for a in experiment.own_amounts if only is None or a in only or (experiment.swapped and -a in only)]
    rows, after = [], []
    for amount in chosen:
        edited_clips, valid = edited(backend, experiment.edit, clips, amount, rng, Tally())
        rows.append(np.flatnonzero(valid))
        after.append(edited_clips[rows[-1]])
    ends = np.cumsum([len(each) for each in rows])[:-1]
    # Of all amounts together, as full batches are faster.
    z_after = encode(backend, np.concatenate(after)) if after else start.codes[:0]
    ceilings = decode(backend, z_after)
    batches: dict[float, AmountBatch] = {}
    parts = zip(chosen, rows, after, np.split(z_after, ends), np.split(ceilings, ends), strict=True) if chosen else ()
    for amount, kept, clips_after, z, ceiling in parts:
        batches[amount] = AmountBatch(
            amount,
            kept,
            start.songs[kept],
            before=clips[kept],
            after=clips_after,
            z_before=start.codes[kept],
            z_after=z,
            plain=start.plain[kept],
            ceiling=ceiling,
        )
        if experiment.swapped:
            batches[-amount] = batches[amount].reversed()
    return evolve(start, batches=dict(sorted(batches.items())))
