"""
The algebra of knobs: what turning twice, turning back, and turning two in either order give.

T_a, T_b are maps of codes, f_a, f_b the edits of clips that they were learned from, z the code of a clip x. Were the
maps an action of the edits on the latent space (a homomorphism; Higgins et al. 2018), composing edits would be
composing maps. Measured on decoded clips and on codes:

    additivity   T_b(T_a(z)) and the sum of displacements z + (T_a(z) - z) + (T_b(z) - z), which is what turning both
                 knobs gives, each against f_b(f_a(x))
    powers       T_1 taken n times against T_n
    inverse      T_-n(T_n(z)) against z
    commutator   T_b(T_a(z)) against T_a(T_b(z)), beside f_b(f_a(x)) against f_a(f_b(x))

Codes are compared by root mean squares over clips, in units of each active dimension's spread (inactive: 0): how far
apart two moved codes are, over how far they moved. All intervals are of 95 %, by resampling songs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import permutations

import numpy as np
from attrs import frozen
from numpy.random import Generator, default_rng

from latentknobs.analysis.algebra_result import (
    SLACK,
    Additivity,
    Algebra,
    Commutator,
    Element,
    Inverse,
    Laws,
    Pair,
    Power,
)
from latentknobs.core.activity import ACTIVE_VARIANCE
from latentknobs.core.arrays import Bools, ClipBatch, Codes, Floats, Ints
from latentknobs.core.augmentation import Augmentation, signed_amounts
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Progress, Song, Tally, no_progress
from latentknobs.core.model_calls import accepted, decode, edited, encode
from latentknobs.corpora.sharding import Shard
from latentknobs.errors import CorpusError, UsageError
from latentknobs.evaluation.bootstrap import Interval, SongDraws, interval
from latentknobs.evaluation.equivariance import accuracy, equivariance
from latentknobs.evaluation.evaluation_set import AmountBatch, ClipReservoir
from latentknobs.steering.apply import apply, turn

MOST_CLIPS = 200
"""Test clips that are decoded, and training clips of whose edited codes a mean is taken."""


def algebra(
    backend: VAEBackend,
    elements: Sequence[Element],
    songs: Iterable[Song],
    seed: int,
    *,
    most: int = MOST_CLIPS,
    progress: Progress = no_progress,
) -> Algebra:
    """
    Measure knobs on a seeded sample of the clips of test songs.

    Args:
        backend: The model.
        elements: The knobs, of different names.
        songs: Songs of all splits; of test songs come the clips, of training songs the mean edited code of the floor.
        seed: Seed of the sample, of the edits and of the intervals.
        most: Most clips of each of the two splits.
        progress: Told of the work.

    Raises:
        CorpusError: No test clip that the model can carry.
        UsageError: A knob is named twice.
        AmountError: An edit cannot do the amount of its knob.
    """
    kept = {split: ClipReservoir(most, seed) for split in ("train", "test")}
    for song in songs:
        if song.split in kept:
            carried = song.clips[accepted(backend, song.clips)]
            kept[song.split].add(Shard(carried, (song.name,) * len(carried), song.split))
    shape = backend.spec.clip_format.shape
    clips, names = kept["test"].clips(shape)
    if not len(clips):
        raise CorpusError(
            f"The corpus gave no test clips that model {backend.spec.name} can carry: ask for more clips, or another "
            "corpus."
        )
    return measure(backend, elements, clips, names, kept["train"].clips(shape)[0], seed, progress=progress)


def measure(
    backend: VAEBackend,
    elements: Sequence[Element],
    clips: ClipBatch,
    names: Sequence[str],
    others: ClipBatch,
    seed: int,
    *,
    progress: Progress = no_progress,
) -> Algebra:
    """
    Measure knobs on these clips.

    Args:
        backend: The model.
        elements: As for :func:`algebra`.
        clips: int16 (n, *shape), n at least 1, that the model carries.
        names: Name of each clip's song, (n,).
        others: Clips (m, *shape) of whose edited codes the mean is a floor, none of them among ``clips``.
        seed: Seed of the edits and of the intervals.
        progress: Told of the work.

    Raises:
        UsageError: A knob is named twice.
        AmountError: An edit cannot do the amount of its knob.
    """
    if len({element.name for element in elements}) < len(elements):
        raise UsageError("A knob is named twice; name each one once.")
    songs = np.unique(np.asarray(names, dtype=str), return_inverse=True)[1].astype(np.int64)
    codes = encode(backend, clips)
    variance = np.concatenate([codes, encode(backend, others)]).astype(np.float64).var(axis=0)
    unit = np.where(variance > ACTIVE_VARIANCE, 1 / np.sqrt(np.maximum(variance, ACTIVE_VARIANCE)), 0.0)
    ground = _Ground(backend, clips, songs, codes, decode(backend, codes), unit, seed)
    work = len(elements) ** 2
    single = []
    for i, element in enumerate(elements):
        progress("powers and inverses of knobs", i, work)
        single.append(_laws(ground, element))
    orders: dict[tuple[int, int], _Order] = {}
    for done, (i, j) in enumerate(permutations(range(len(elements)), 2), len(elements)):
        progress("knobs one after the other", done, work)
        orders[i, j] = _order(ground, elements[i], elements[j], others)
    progress("knobs one after the other", work, work)
    pairs = tuple(
        Pair(
            elements[i].name,
            elements[j].name,
            _additivity(ground, elements[i], elements[j], order),
            _commutator(ground, order, orders[j, i]),
        )
        for (i, j), order in orders.items()
    )
    return Algebra(len(clips), int(songs.max()) + 1, tuple(single), pairs)


@frozen(eq=False)
class _Ground:
    """What all is measured on: clips, their songs, codes and plain decodings; 1 / spread of each dimension, or 0."""

    backend: VAEBackend
    clips: ClipBatch
    songs: Ints
    codes: Codes
    plain: ClipBatch
    unit: Floats
    seed: int

    def draws(self, rows: Ints | Bools) -> SongDraws:
        return SongDraws(self.songs[rows], default_rng([self.seed, 0x5EED]))

    def rng(self) -> Generator:
        # The same at every call, so that what is measured of a knob does not depend on which others there are.
        return default_rng([self.seed, 8])

    def edited(self, augmentation: Augmentation, clips: ClipBatch, amount: float) -> tuple[ClipBatch, Bools]:
        return edited(self.backend, augmentation, clips, amount, self.rng(), Tally())

    def apart(self, one: Codes, other: Codes, moves: Sequence[Codes], draws: SongDraws) -> Interval | None:
        """sqrt(mean |one - other|^2 / mean |move|^2), arrays (m, D); None where nothing moved."""
        gap = _squares((one.astype(np.float64) - other) * self.unit)
        length = np.mean([_squares(move.astype(np.float64) * self.unit) for move in moves], axis=0)
        means, resampled = draws.means(np.stack([gap, length], axis=1))
        if not len(gap) or not means[1]:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.sqrt(resampled[:, 0] / resampled[:, 1])
        return interval(float(np.sqrt(means[0] / means[1])), ratios)


def _squares(vectors: Floats) -> Floats:
    out: Floats = (vectors**2).sum(axis=1)
    return out


def _mean(values: Floats, draws: SongDraws) -> Interval | None:
    """The mean of a number of each clip (m,); None without clips."""
    if not len(values):
        return None
    means, resampled = draws.means(values[:, None])
    return interval(float(means[0]), resampled[:, 0])


def _laws(ground: _Ground, element: Element) -> Laws:
    """Powers and inverses of one knob, at each of its amounts where there is what to compare with."""
    powers, inverses = [], []
    for amount in element.amounts:
        step = min((a for a in element.amounts if a * amount > 0), key=abs)
        times = round(amount / step)
        is_power = times > 1 and abs(amount / step - times) <= SLACK
        back = next((a for a in element.amounts if abs(a + amount) <= SLACK), None)
        if not is_power and back is None:
            continue
        rows, z = _starts(ground, element.augmentation, amount)
        draws = ground.draws(rows)
        turned = apply(element.operator, z, amount)
        if is_power:
            again = z
            for _ in range(times):
                again = apply(element.operator, again, step)
            both = accuracy(decode(ground.backend, again), decode(ground.backend, turned))
            apart = ground.apart(again, turned, [turned - z], draws)
            powers.append(Power(amount, step, times, len(z), apart, _mean(both, draws)))
        if back is not None:
            home = apply(element.operator, turned, back)
            both = accuracy(decode(ground.backend, home), decode(ground.backend, z))
            apart = ground.apart(home, z, [turned - z], draws)
            inverses.append(Inverse(amount, len(z), apart, _mean(both, draws)))
    return Laws(element.name, element.unit, element.amount, tuple(powers), tuple(inverses))


def _starts(ground: _Ground, augmentation: Augmentation, amount: float) -> tuple[Ints, Codes]:
    """The clips that the edit can be applied to by the amount, and their codes; of swapped pairs the edited side."""
    swapped = signed_amounts(augmentation)[1] and amount < 0
    after, valid = ground.edited(augmentation, ground.clips, abs(amount) if swapped else amount)
    rows = np.flatnonzero(valid).astype(np.int64)
    return rows, encode(ground.backend, after[rows]) if swapped else ground.codes[rows]


@frozen(eq=False)
class _Order:
    """Two knobs, one and then the other: the m clips ``rows`` that both edits can be applied to in this order."""

    rows: Ints
    after: ClipBatch
    z_after: Codes
    ceiling: ClipBatch
    z: Codes
    decoded: ClipBatch
    floor: ClipBatch
    """Decoding of the mean code of other clips edited like this, or, where none can be, of the clips' own codes."""

    def only(self, rows: Ints) -> tuple[ClipBatch, Codes, Codes, ClipBatch]:
        """Edited clips, their codes, turned codes and their decodings, of some of the rows."""
        at = np.searchsorted(self.rows, rows)
        return self.after[at], self.z_after[at], self.z[at], self.decoded[at]


def _order(ground: _Ground, first: Element, then: Element, others: ClipBatch) -> _Order:
    backend = ground.backend
    after, rows = _twice(ground, first, then, ground.clips)
    z_after = encode(backend, after)
    z = then.turned(first.turned(ground.codes[rows]))
    elsewhere = encode(backend, _twice(ground, first, then, others)[0])
    mean = elsewhere.mean(axis=0, dtype=np.float64).astype(np.float32) if len(elsewhere) else None
    floor = ground.plain[rows] if mean is None else decode(backend, mean[None])[0]
    return _Order(rows, after, z_after, decode(backend, z_after), z, decode(backend, z), floor)


def _twice(ground: _Ground, first: Element, then: Element, clips: ClipBatch) -> tuple[ClipBatch, Ints]:
    """Clips edited by one and then by the other, where the model carries both results, and which they are."""
    once, valid = ground.edited(first.augmentation, clips, first.amount)
    rows = np.flatnonzero(valid)
    both, valid = ground.edited(then.augmentation, once[rows], then.amount)
    return both[valid], rows[valid].astype(np.int64)


def _additivity(ground: _Ground, first: Element, then: Element, order: _Order) -> Additivity:
    rows = order.rows
    z, plain, draws = ground.codes[rows], ground.plain[rows], ground.draws(rows)
    together = turn(z, [(first.operator, first.amount), (then.operator, then.amount)])
    decoded = decode(ground.backend, together)
    case = AmountBatch(
        then.amount, rows, ground.songs[rows], ground.clips[rows], order.after, z, order.z_after, plain, order.ceiling
    )
    gain = accuracy(order.decoded, order.after) - accuracy(decoded, order.after)
    return Additivity(
        len(rows),
        equivariance(case, order.decoded, order.floor, draws),
        equivariance(case, decoded, order.floor, draws),
        _mean(gain, draws),
        _mean(1 - accuracy(order.decoded, decoded), draws),
        ground.apart(order.z, together, [order.z - z], draws),
    )


def _commutator(ground: _Ground, one: _Order, other: _Order) -> Commutator:
    rows = np.intersect1d(one.rows, other.rows)
    z, draws = ground.codes[rows], ground.draws(rows)
    after, z_after, turned, decoded = one.only(rows)
    other_after, other_z_after, other_turned, other_decoded = other.only(rows)
    return Commutator(
        len(rows),
        _mean(1 - accuracy(after, other_after), draws),
        _mean(1 - accuracy(decoded, other_decoded), draws),
        ground.apart(z_after, other_z_after, [z_after - z, other_z_after - z], draws),
        ground.apart(turned, other_turned, [turned - z, other_turned - z], draws),
    )
