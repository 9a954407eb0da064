"""
Pairs: clips before and after an augmentation, encoded, shard by shard.

The originals of a shard are encoded once. What an amount cannot be applied to, and what the model cannot
carry, is masked and counted. A negative amount of an edit that has only positive ones is the positive
pair with before and after swapped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from attrs import define, field, frozen
from numpy.random import Generator

from latentknobs.core.arrays import Bools, ClipBatch, Codes, Ints
from latentknobs.core.augmentation import Augmentation, Augmented
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.corpus import Song
from latentknobs.core.guard import run_augmentation
from latentknobs.engine.deltas import block_of
from latentknobs.errors import BackendError, PluginError


@frozen(eq=False)
class Shard:
    """
    Clips of whole songs of one split.

    Attributes:
        clips: int16 (n, *shape).
        songs: Name of each clip's song.
        split: The split.
    """

    clips: ClipBatch
    songs: tuple[str, ...]
    split: str

    @property
    def blocks(self) -> Ints:
        """The block of each clip's song, (n,)."""
        return np.asarray([block_of(song) for song in self.songs], dtype=np.int64)


@frozen(eq=False)
class Pairs:
    """
    One amount's pairs of a shard.

    Attributes:
        amount: The amount.
        valid: bool (n,), which clips of the shard have a pair; the other arrays hold only those, (m, ...).
        before: Codes before.
        after: Codes after.
    """

    amount: float
    valid: Bools
    before: Codes
    after: Codes


def shards(songs: Iterable[Song], size: int) -> Iterator[Shard]:
    """Gather songs into shards of at least ``size`` clips, one split each; the last ones are smaller."""
    waiting: dict[str, list[Song]] = {}
    for song in songs:
        group = waiting.setdefault(song.split, [])
        group.append(song)
        if sum(len(s.clips) for s in group) >= size:
            yield _shard(waiting.pop(song.split))
    for split in sorted(waiting):
        yield _shard(waiting[split])


def _shard(group: list[Song]) -> Shard:
    names = tuple(song.name for song in group for _ in song.clips)
    return Shard(np.concatenate([song.clips for song in group]), names, group[0].split)


def signed_amounts(augmentation: Augmentation) -> tuple[tuple[float, ...], bool]:
    """
    The amounts a knob of this edit may have, ascending without 0, and whether negative ones are swapped pairs.

    An edit with negative amounts of its own has just its amounts; one with several positive amounts gets
    the same ones negated, by swapping; an on/off edit keeps its one amount.

    Raises:
        PluginError: It has no amount besides 0.
    """
    amounts = tuple(sorted(float(a) for a in augmentation.amounts if a))
    if not amounts:
        raise PluginError(f"augmentation {augmentation.name!r} names no amount besides 0; it needs at least one.")
    if amounts[0] < 0 or len(amounts) == 1:
        return amounts, False
    return (*(-a for a in reversed(amounts)), *amounts), True


@define(eq=False)
class Tally:
    """Counts of what was left out, by reason."""

    counts: dict[str, int] = field(factory=dict)

    def add(self, what: str, n: int) -> None:
        """Count n more."""
        if n:
            self.counts[what] = self.counts.get(what, 0) + int(n)


def accepted(backend: VAEBackend, clips: ClipBatch) -> Bools:
    """
    Which clips (n, *shape) the model can carry, bool (n,).

    Raises:
        BackendError: It gives back anything else.
    """
    mask = np.asarray(backend.accepts(clips))
    if mask.dtype != np.bool_ or mask.shape != (len(clips),):
        raise BackendError(
            f"Model {backend.spec.name} gave {mask.dtype} of shape {mask.shape} as the mask of {len(clips)} clips; "
            f"it must give one bool for each."
        )
    return mask


def carried_shards(backend: VAEBackend, songs: Iterable[Song], size: int, tally: Tally) -> Iterator[tuple[Shard, int]]:
    """Shards of the clips that the model can carry, maybe none, and how many clips were looked at; tallied."""
    for whole in shards(songs, size):
        there = accepted(backend, whole.clips)
        tally.add("not accepted by the model", int((~there).sum()))
        shard = Shard(whole.clips[there], tuple(np.asarray(whole.songs)[there].tolist()), whole.split)
        tally.add(f"clips of {shard.split} songs", len(shard.clips))
        yield shard, len(whole.clips)


def encode(backend: VAEBackend, clips: ClipBatch) -> Codes:
    """
    Codes of clips, float32 (n, D), equal clips encoded once.

    Raises:
        BackendError: The codes have another shape or are not finite.
    """
    size = backend.spec.latent_size
    if not len(clips):
        return np.zeros((0, size), dtype=np.float32)
    _, first, back = np.unique(clips.reshape(len(clips), -1), axis=0, return_index=True, return_inverse=True)
    mean = np.asarray(backend.encode(clips[first]).mean)
    if mean.shape != (len(first), size):
        raise BackendError(
            f"Model {backend.spec.name} gave codes of shape {mean.shape} for {len(first)} clips; "
            f"its spec says D = {size}."
        )
    if not np.isfinite(mean).all():
        raise BackendError(f"Model {backend.spec.name} gave codes that are not finite: check its weights for NaN.")
    codes: Codes = mean.astype(np.float32)[back.reshape(-1)]
    return codes


def edited(
    backend: VAEBackend, augmentation: Augmentation, clips: ClipBatch, amount: float, rng: Generator, tally: Tally
) -> tuple[ClipBatch, Bools]:
    """The clips after the edit (n, *shape), and where there is one that the model carries, bool (n,)."""
    out = run_augmentation(augmentation, clips, amount, rng, backend.spec.clip_format)
    return out.clips, _carried(backend, augmentation, out, amount, tally)


def _carried(backend: VAEBackend, augmentation: Augmentation, out: Augmented, amount: float, tally: Tally) -> Bools:
    carried = out.valid.copy()
    if carried.any():
        carried[out.valid] = accepted(backend, out.clips[out.valid])
    tally.add(f"masked by {augmentation.name} at {amount:+g}", int((~out.valid).sum()))
    tally.add(f"not accepted by the model at {amount:+g}", int((out.valid & ~carried).sum()))
    return carried


def edits_of(
    augmentation: Augmentation, clips: ClipBatch, rng: Generator, clip_format: ClipFormat
) -> dict[float, Augmented]:
    """Clips (n, *shape) edited by each of :func:`signed_amounts` that is not had by swapping; no model is asked."""
    amounts, swapped = signed_amounts(augmentation)
    own = [a for a in amounts if a > 0] if swapped else list(amounts)
    return {a: run_augmentation(augmentation, clips, a, rng, clip_format) for a in own}


def pairs_of(
    backend: VAEBackend, augmentation: Augmentation, edits: Mapping[float, Augmented], codes: Codes, tally: Tally
) -> Iterator[Pairs]:
    """The pairs of clips that have these codes (n, D) and edits, for every amount of :func:`signed_amounts`."""
    _, swapped = signed_amounts(augmentation)
    valid = {a: _carried(backend, augmentation, out, a, tally) for a, out in edits.items()}
    # One call of the encoder for all amounts: full batches, and equal clips once.
    moved = encode(backend, np.concatenate([out.clips[valid[a]] for a, out in edits.items()]))
    start = 0
    for amount, there in valid.items():
        stop = start + int(there.sum())
        yield Pairs(amount, there, codes[there], moved[start:stop])
        if swapped:
            yield Pairs(-amount, there, moved[start:stop], codes[there])
        start = stop
