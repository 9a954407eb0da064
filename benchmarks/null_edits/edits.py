"""
Null edits: edits that change a clip as much as a real one, but about which nothing can be learned.

An acceptance criterion is worth what it rejects. A null declares all that the real edit declares (amounts, target,
``changes``, ``preserves``), so the same limits judge it, and any knob accepted for it is a false positive.
Two kinds need nothing but clips and songs: before and after exchanged at random song by song, which
is what a sign flip test does with differences (Nichols & Holmes 2002), and another song's clip in place of the edited
one. Chance comes from hashes of the seed and of the song or clip, so a null is the same however clips are batched.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

import numpy as np
from attrs import evolve, frozen
from numpy.random import Generator
from numpy.typing import NDArray

from latentknobs.core.arrays import Bools, ClipBatch
from latentknobs.core.augmentation import Augmentation, Augmented, TokenAugmentation
from latentknobs.core.format_capabilities import needs_of
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.corpora.sharding import Shard
from latentknobs.discovery.pairs import Pairs
from latentknobs.evaluation.evaluation_set import AmountBatch, EvaluationSet


def drawn(clips: ClipBatch, count: int, *keys: object) -> NDArray[np.uint32]:
    """Numbers for each clip (N, *shape) by a hash (SHAKE-128) of the keys and its tokens, uint32 (N, count)."""
    prefix = "\0".join(map(str, keys)).encode() + b"\0"
    digests = [hashlib.shake_128(prefix + clip.astype("<i2").tobytes()).digest(4 * count) for clip in clips]
    return np.frombuffer(b"".join(digests), dtype="<u4").reshape(len(clips), count).astype(np.uint32)


@frozen(eq=False)
class NullEdit(ABC):
    """
    An edit that stands in for another: it carries all that one says of itself, and does something else.

    Attributes:
        real: The edit it stands in for.
    """

    real: Augmentation
    kind: ClassVar[str] = ""

    @property
    def name(self) -> str:
        """Its kind and the real edit's name."""
        return f"{self.kind} for {self.real.name}"

    @property
    def knob_name(self) -> str:
        """Its own, so that no knob of it passes for the real one's."""
        return f"{self.kind}-{self.real.knob_name}"

    @property
    def unit(self) -> str:
        """The real edit's."""
        return self.real.unit

    @property
    def amounts(self) -> tuple[float, ...]:
        """The real edit's."""
        return self.real.amounts

    @property
    def target(self) -> str | None:
        """The real edit's."""
        return self.real.target

    @property
    def changes(self) -> frozenset[str]:
        """The real edit's."""
        return self.real.changes

    @property
    def preserves(self) -> frozenset[str]:
        """The real edit's."""
        return self.real.preserves

    @property
    def needs(self) -> tuple[str, ...]:
        """The real edit's."""
        return needs_of(self.real)

    @property
    def doc(self) -> str:
        """The first sentence of the class's docstring."""
        return " ".join((type(self).__doc__ or "").split()).split(". ")[0].rstrip(".") + "."

    def __call__(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented:
        """Edit a copy of clips (N, *shape); amount 0 is the identity."""
        if amount == 0:
            return Augmented(clips.copy(), np.ones(len(clips), dtype=bool))
        return self._edit(clips, float(amount), rng)

    @abstractmethod
    def _edit(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented: ...


@frozen(eq=False)
class OneAmount(NullEdit):
    """
    The real edit at one of its own amounts alone, so that what an amount needs can be made when it is asked for.

    Attributes:
        amount: The amount.
    """

    amount: float

    @property
    def name(self) -> str:
        """The real edit's."""
        return self.real.name

    @property
    def knob_name(self) -> str:
        """The real edit's."""
        return self.real.knob_name

    @property
    def amounts(self) -> tuple[float, ...]:
        """The one."""
        return (self.amount,)

    def _edit(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented:
        return self.real(clips, amount, rng)


class LastNote(TokenAugmentation):
    """
    Moves the last note up by the amount in semitones, down where it is negative: one token of a clip.

    Like a transposition, and unlike other edits that change little, it cannot be told from the clip whether it was
    made: so exchanging before and after leaves nothing to learn. It has no target, so that no criterion but those of
    the clips themselves stands between a null and a verdict.
    """

    name = knob_name = "last-note"
    unit = "semitones"
    amounts = (-7.0, -4.0, -2.0, -1.0, 1.0, 2.0, 4.0, 7.0)
    preserves: ClassVar[frozenset[str]] = frozenset({"log2-onsets", "onset-f1"})

    def edit_tokens(self, clips: ClipBatch, amount: float, rng: Generator) -> tuple[NDArray[np.int16], Bools]:  # noqa: ARG002 - nothing here is left to chance
        """Clips without a note, or whose last one would leave pitches 0 to 127, are masked."""
        onsets = MELODY.onsets(clips)
        rows, last = np.arange(len(clips)), MELODY.steps - 1 - onsets[:, ::-1].argmax(axis=1)
        moved = clips[rows, last] + np.int16(amount)
        valid = np.logical_and(onsets.any(axis=1), (moved >= 0) & (moved < HOLD))
        clips[rows[valid], last[valid]] = moved[valid]
        return clips, valid


@frozen(eq=False)
class ClipPool:
    """
    All clips there are, and whose each is.

    Attributes:
        shards: One for each split, the clips of a song one after the other.
        homes: The clip's bytes to its split and the first and last + 1 of its song's clips there.
    """

    shards: Mapping[str, Shard]
    homes: Mapping[bytes, tuple[str, int, int]]

    @classmethod
    def of(cls, shards: Iterable[Shard]) -> ClipPool:
        """Of one shard for each split; a clip that stands in two songs is the first one's."""
        there = {shard.split: shard for shard in shards}
        homes: dict[bytes, tuple[str, int, int]] = {}
        for split, shard in there.items():
            names = np.asarray(shard.songs)
            starts = np.flatnonzero(np.append(True, names[1:] != names[:-1])) if len(names) else np.zeros(0, np.intp)
            for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(names)], strict=True):
                for clip in shard.clips[start:stop]:
                    homes.setdefault(clip.tobytes(), (split, start, stop))
        return cls(there, homes)


@frozen(eq=False)
class RandomClip(NullEdit):
    """
    A clip of another song of the same split, drawn evenly for each clip and amount.

    A clip that the crowd does not know, or that has no other song beside it, is masked.

    Attributes:
        crowd: The clips to draw from.
        seed: Fixes the draw.
    """

    crowd: ClipPool
    seed: int
    kind: ClassVar[str] = "stranger"

    def _edit(self, clips: ClipBatch, amount: float, rng: Generator) -> Augmented:  # noqa: ARG002 - chance is the seed's
        out, valid = clips.copy(), np.zeros(len(clips), dtype=bool)
        numbers = drawn(clips, 1, self.kind, self.seed, amount)[:, 0].tolist()
        for i, clip in enumerate(clips):
            split, start, stop = self.crowd.homes.get(clip.tobytes(), ("", 0, 0))
            others = len(self.crowd.shards[split].clips) - (stop - start) if split else 0
            if others:
                pick = numbers[i] % others
                out[i] = self.crowd.shards[split].clips[pick if pick < start else pick + stop - start]
                valid[i] = True
        return Augmented(out, valid)


def flipped(songs: Sequence[str], seed: int) -> Bools:
    """In which of these songs (n,) before and after are exchanged, bool (n,): half of all songs, by a hash."""
    bits = {song: hashlib.sha256(f"swapped\0{seed}\0{song}".encode()).digest()[0] & 1 for song in set(songs)}
    return np.asarray([bits[song] == 1 for song in songs], dtype=bool)


def swap_pairs(pairs: Pairs, flips: Bools) -> Pairs:
    """Pairs of a shard with before and after exchanged for the clips in ``flips``, bool (n,) over the shard's clips."""
    mask = flips[pairs.valid][:, None]
    before, after = np.where(mask, pairs.after, pairs.before), np.where(mask, pairs.before, pairs.after)
    return Pairs(pairs.amount, pairs.valid, before, after)


def swap_set(evaluation_set: EvaluationSet, flips: Bools) -> EvaluationSet:
    """
    An evaluation set with before and after exchanged for the clips in ``flips``, bool (n,).

    An exchanged pair starts from the edited clip, which is another one at each amount: those become clips of the set
    with one amount each, and so say nothing of monotony.
    """
    arrays = [(evaluation_set.clips, evaluation_set.songs, evaluation_set.codes, evaluation_set.plain)]
    batches, count = {}, len(evaluation_set.clips)
    for amount, batch in evaluation_set.batches.items():
        mask = flips[batch.rows]
        rows = batch.rows.copy()
        rows[mask] = np.arange(count, count + int(mask.sum()))
        count += int(mask.sum())
        batches[amount] = evolve(_exchanged(batch, mask), rows=rows)
        after, z_after, ceiling = batch.edit
        arrays.append((after[mask], batch.songs[mask], z_after[mask], ceiling[mask]))
    clips, songs, codes, plain = (np.concatenate(parts) for parts in zip(*arrays, strict=True))
    return EvaluationSet(clips, songs, codes, plain, batches)


def _exchanged(batch: AmountBatch, mask: Bools) -> AmountBatch:
    """A batch with before and after exchanged for the pairs in the mask, bool (m,)."""
    clips, codes = mask.reshape(-1, *(1,) * (batch.before.ndim - 1)), mask[:, None]
    after, z_after, ceiling = batch.edit
    return evolve(
        batch,
        before=np.where(clips, after, batch.before),
        after=np.where(clips, batch.before, after),
        z_before=np.where(codes, z_after, batch.z_before),
        z_after=np.where(codes, batch.z_before, z_after),
        plain=np.where(clips, ceiling, batch.plain),
        ceiling=np.where(clips, batch.plain, ceiling),
    )
