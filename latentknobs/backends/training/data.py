"""
Training clips: pools by corpus and edit, and batches that are a function of the seed and the step alone.

Because a batch needs nothing but its step, a resumed run draws what the uninterrupted one would have drawn,
and a checkpoint holds no state of any generator.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from attrs import evolve, field, frozen
from numpy.random import Generator

from latentknobs.backends.training.config import Config, CorpusSource, Edit, Followed
from latentknobs.backends.training.equivariance_loss import NONE
from latentknobs.core.arrays import Bools, ClipBatch, Ints, clip_digests, sha256_of_arrays
from latentknobs.core.augmentation import Augmentation, in_context
from latentknobs.core.corpus import CorpusRequest, Song, Split
from latentknobs.core.edit_context import REFERENCES, EditContext, Reference, chosen, contexts_of
from latentknobs.core.frontend_specs import Host
from latentknobs.core.melody_format import HOLD, MelodyFormat, in_range, untransposed
from latentknobs.core.one_key import in_one_key, reference_of
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import TrainingError

RECOMBINED = 0.5
"""Part of the clips in one key that are recombined."""
ALIGNED_BY = 4096
"""Training clips by whose edits the axes of codes are aligned."""


@frozen(eq=False)
class Pool:
    """
    Clips that are drawn together.

    Attributes:
        name: Where they come from ("folk", "note-split 2").
        share: Part of each batch, beside the other pools' shares.
        clips: int16 (n, steps).
        edited: Whether they are edited ones, and no corpus' own.
        clip_format: Their format, as its place among those of the run.
        contexts: Where each stands in its piece, for clips in one key; () = not known.
    """

    name: str
    share: float
    clips: ClipBatch
    edited: bool = False
    clip_format: int = 0
    contexts: tuple[EditContext, ...] = ()


@frozen(eq=False)
class FollowedEdit:
    """
    An edit that codes follow, as batches are edited by it.

    Attributes:
        augmentation: The edit.
        amounts: Those drawn from.
        exact: Whether a clip that cannot take it in full is left as it is.
        first: Number of its first map: it has one for each amount in the first format, then in the next.
        formats: Of the clips.
        pitch_range: What edited clips must lie in.
    """

    augmentation: Augmentation
    amounts: tuple[float, ...]
    exact: bool
    first: int
    formats: tuple[MelodyFormat, ...]
    pitch_range: tuple[int, int]

    @property
    def reference(self) -> Reference:
        """What its clips are moved by into one key, "" where they are left in theirs."""
        return reference_of(self.augmentation)

    def __call__(
        self, clips: ClipBatch, places: Ints, rng: Generator, contexts: Sequence[EditContext] = ()
    ) -> tuple[ClipBatch, Ints]:
        """
        Clips edited at random amounts, and the number of each one's map, or ``NONE``.

        Args:
            clips: int16 (n, steps).
            places: int64 (n,), the place of each one's format.
            rng: Draws amounts, and what the edit leaves to chance.
            contexts: Where each stands in its piece; () = not known.
        """
        count = len(self.amounts)
        which = rng.integers(0, count, size=len(clips)) + count * places + self.first
        out = clips.copy()
        for number in np.unique(which):
            rows = np.flatnonzero(which == number)
            place, amount = divmod(int(number) - self.first, count)
            augmentation = in_context(self.augmentation, chosen(contexts, rows))
            result = run_augmentation(
                augmentation, clips[rows], self.amounts[amount], rng, self.formats[place], exact=self.exact
            )
            taken = result.valid & in_range(result.clips, self.pitch_range)
            out[rows[taken]] = result.clips[taken]
            which[rows[~taken]] = NONE
        return out, which


@frozen(eq=False)
class Following:
    """
    The edits that codes follow, one in each batch.

    Attributes:
        edits: The edits.
        shares: float64, how often each is the one, in sum 1.
        pools: By what edits depend on in their piece, the clips in one key.
    """

    edits: tuple[FollowedEdit, ...]
    shares: tuple[float, ...]
    pools: Mapping[Reference, tuple[Pool, ...]]

    def drawn(self, rng: Generator) -> FollowedEdit:
        """One of the edits, at random."""
        return self.edits[rng.choice(len(self.edits), p=self.shares)]


@frozen(eq=False)
class Moves:
    """
    Clips before and after edits, by which the axes of codes are aligned; see :mod:`.latent_rotation`.

    Attributes:
        followed: Clips int16 (n, steps) and the same, edited by the edits that codes follow.
        others: The same for the other edits of the training clips.
    """

    followed: tuple[ClipBatch, ClipBatch]
    others: tuple[ClipBatch, ClipBatch]


@frozen(eq=False)
class TrainingData:
    """
    All clips of a training run.

    Attributes:
        pools: What batches are drawn from.
        validation: int16 (n, steps), clips of validation songs of the first source.
        following: Edits the second half of each batch, None where no edit is followed.
        moves: What the axes of codes are aligned by, None where they are not.
        fingerprint: Hash of all of it; a resumed run must find the same.
    """

    pools: tuple[Pool, ...]
    validation: ClipBatch
    following: Following | None = None
    moves: Moves | None = None
    fingerprint: str = field(init=False)

    def __attrs_post_init__(self) -> None:
        arrays = {f"{i} {pool.name}": pool.clips for i, pool in enumerate(self.pools)}
        for reference, pools in self.following.pools.items() if self.following else ():
            for i, pool in enumerate(pools):
                arrays[f"{i} {pool.name} by {reference}"] = pool.clips
                keys = [(context.key.tonic, context.key.mode == "minor") for context in pool.contexts if context.key]
                arrays[f"{i} {pool.name}: keys by {reference}"] = np.asarray(keys, dtype=np.int64)
        object.__setattr__(self, "fingerprint", sha256_of_arrays({**arrays, "validation": self.validation}))

    @property
    def sizes(self) -> dict[str, int]:
        """Clips in each pool, and for validation."""
        return {**{pool.name: len(pool.clips) for pool in self.pools}, "validation": len(self.validation)}


def load(host: Host, config: Config) -> TrainingData:
    """
    The clips that a config asks for.

    Raises:
        TrainingError: A corpus gives no training clips, or the first one no validation clips.
    """
    data, training, formats = config.data, config.training, config.formats
    originals: list[tuple[CorpusSource, ClipBatch]] = []
    followed = _followed(host, config)
    references = sorted({edit.reference for edit in followed} - {""})
    in_keys: dict[Reference, list[Pool]] = {reference: [] for reference in references}
    held_out: set[bytes] = set()
    measured: list[ClipBatch] = []
    for source in data.sources:
        request = CorpusRequest(
            clips=source.clips or None,
            seed=training.seed,
            pitch_range=data.pitch_range,
            clip_format=formats[_place(source, config)],
            progress=host.progress,
            cache=host.cache_dir,
        )
        parts: dict[Split, list[ClipBatch]] = {"train": [], "validation": [], "test": []}
        learned: list[Song] = []
        for song in host.songs(source.corpus, request):
            parts[song.split].append(song.clips)
            if references and song.split == "train":
                learned.append(song)
        if not parts["train"]:
            raise TrainingError(
                f"The corpus {source.corpus!r} gave no training clips inside pitches "
                f"{data.pitch_range[0]} to {data.pitch_range[1]}: ask for more clips or a wider pitch_range."
            )
        originals.append((source, np.concatenate(parts["train"])))
        for reference in references:
            in_keys[reference].append(_in_one_key(learned, reference, source, config))
        for clips in (*parts["validation"], *parts["test"]):
            held_out.update(clip_digests(untransposed(clips)))
        if source.corpus == data.sources[0].corpus:
            measured += parts["validation"]
    if not measured:
        raise TrainingError(
            f"The corpus {data.sources[0].corpus!r} gave no validation clips to measure on: ask for more clips of it."
        )
    validation = np.concatenate(measured)
    rng = np.random.default_rng([training.seed, 1])
    if len(validation) > training.validation_clips:
        validation = validation[np.sort(rng.choice(len(validation), training.validation_clips, replace=False))]
    clean = [(source, clips[_apart(clips, held_out)]) for source, clips in originals]
    if left := sum(len(clips) for _, clips in originals) - sum(len(clips) for _, clips in clean):
        host.note(f"Left out of the training clips, as a validation or test song of another corpus has them: {left}.")
    pools = [
        Pool(_label(source.corpus, config, place), source.share, _repeated(clips, source), clip_format=place)
        for source, clips in clean
        if source.share > 0 and len(clips)
        for place in (_place(source, config),)
    ]
    every = [
        np.concatenate([clips for source, clips in clean if _place(source, config) == place])
        for place in range(len(formats))
    ]
    for edit in data.edits:
        for place, clips in enumerate(every):
            pools += _edited(host, edit, clips, place, config, rng)
    moves = _moves(host, every[0], config) if training.align else None
    total = sum(edit.share for edit in data.follow)
    following = Following(
        followed,
        tuple(edit.share / total for edit in data.follow),
        {reference: tuple(_kept(pool, held_out) for pool in pools) for reference, pools in in_keys.items()},
    )
    for reference, in_key in following.pools.items():
        if not any(len(pool.clips) and pool.share for pool in in_key):
            raise TrainingError(
                f"No training clip lies inside pitches {data.pitch_range[0]} to {data.pitch_range[1]} in the one key "
                f"of edits relative to the {reference}: widen pitch_range, or do not follow them."
            )
    return TrainingData(tuple(pools), validation, following if followed else None, moves)


def _place(source: CorpusSource, config: Config) -> int:
    """The place of a source's format among those of the run."""
    names = [one.name for one in config.formats]
    return names.index(source.clip_format or config.network.clip_format)


def _label(name: str, config: Config, place: int) -> str:
    """What a pool is called: by its format too where there are several."""
    return name if len(config.formats) == 1 else f"{name} {config.formats[place].name}"


def _apart(clips: ClipBatch, held_out: set[bytes]) -> Bools:
    """The clips that are not, up to transposition, among those held out: a corpus sifts its own songs alone."""
    return np.asarray([shape not in held_out for shape in clip_digests(untransposed(clips))], dtype=bool)


def _in_one_key(songs: Sequence[Song], reference: Reference, source: CorpusSource, config: Config) -> Pool:
    """Songs as clips in one key that the training's pitches hold, with their contexts."""
    place = _place(source, config)
    clip_format = config.formats[place]
    clips, contexts = [np.zeros((0, clip_format.steps), np.int16)], list[EditContext]()
    for song in in_one_key(songs, reference, clip_format):
        rows = np.flatnonzero(in_range(song.clips, config.data.pitch_range))
        clips.append(song.clips[rows])
        contexts += chosen(contexts_of(song.clips, clip_format, key=song.key), rows)
    return Pool(source.corpus, source.share, np.concatenate(clips), clip_format=place, contexts=tuple(contexts))


def _kept(pool: Pool, held_out: set[bytes]) -> Pool:
    """A pool without clips that are held out."""
    rows = np.flatnonzero(_apart(pool.clips, held_out))
    return evolve(pool, clips=pool.clips[rows], contexts=chosen(pool.contexts, rows))


def _repeated(clips: ClipBatch, source: CorpusSource) -> ClipBatch:
    """The clips, the dense ones as often as the source says."""
    if not source.dense_from:
        return clips
    dense = clips[(clips < HOLD).sum(axis=-1) >= source.dense_from]
    return np.concatenate([clips, *[dense] * (source.dense_times - 1)])


def _followed(host: Host, config: Config) -> tuple[FollowedEdit, ...]:
    out, first = [], 0
    for edit in config.data.follow:
        augmentation = host.augment(edit.name)
        out.append(FollowedEdit(augmentation, edit.amounts, edit.exact, first, config.formats, config.data.pitch_range))
        first += len(config.formats) * len(edit.amounts)
    return tuple(out)


def _moves(host: Host, clips: ClipBatch, config: Config) -> Moves:
    rng = np.random.default_rng([config.training.seed, 6])
    drawn = clips[rng.permutation(len(clips))[:ALIGNED_BY]]

    def moved(edits: tuple[Followed, ...] | tuple[Edit, ...]) -> tuple[ClipBatch, ClipBatch]:
        before, after = [drawn[:0]], [drawn[:0]]
        for edit in edits:
            for amount in edit.amounts:
                result = run_augmentation(host.augment(edit.name), drawn, amount, rng, config.network.format)
                taken = result.valid & in_range(result.clips, config.data.pitch_range)
                before.append(drawn[taken])
                after.append(result.clips[taken])
        return np.concatenate(before), np.concatenate(after)

    followed = {edit.name for edit in config.data.follow}
    others = tuple(edit for edit in config.data.edits if edit.name not in followed)
    return Moves(moved(config.data.follow), moved(others))


def _edited(host: Host, edit: Edit, clips: ClipBatch, place: int, config: Config, rng: Generator) -> list[Pool]:
    augmentation, pitch_range, formats = host.augment(edit.name), config.data.pitch_range, config.formats
    pools = []
    for amount in edit.amounts:
        result = run_augmentation(augmentation, clips, amount, rng, formats[place])
        edited = result.clips[result.valid]
        edited = np.unique(edited[in_range(edited, pitch_range)], axis=0)
        if len(edited) > edit.clips:
            edited = edited[np.sort(rng.choice(len(edited), edit.clips, replace=False))]
        if not len(edited):
            raise TrainingError(
                f"No training clip can take {edit.name} by {amount:g}: leave that amount out of data.edits."
            )
        share = edit.share / len(edit.amounts) / len(formats)
        pools.append(Pool(_label(f"{edit.name} {amount:g}", config, place), share, edited, True, place))
    return [pool for pool in pools if pool.share > 0]


class Batches:
    """
    The batches of a run: ``batches(step)`` is int16 (batch, steps), and the maps of edits that codes follow.

    Each pool gives a fixed number of clips to a batch and is gone through in a new order every time round. Where
    edits are followed, the second half of a batch is the first half edited, and the maps are int64 (batch / 2,). An
    edit that depends on its piece through one pitch gets clips in one key, half of them the beginning of one and the
    end of another.
    """

    def __init__(self, data: TrainingData, config: Config) -> None:
        self._pools = data.pools
        self._range = config.data.pitch_range
        self._transpose = config.training.transpose
        self._seed = config.training.seed
        self._formats = config.formats
        self._following = data.following
        self._drawn = config.training.batch // 2 if data.following else config.training.batch
        self._counts = _apportion([pool.share for pool in data.pools], self._drawn)
        self._orders: dict[tuple[int, ...], tuple[int, Ints]] = {}

    @property
    def counts(self) -> Mapping[str, int]:
        """Clips of each pool that are drawn for a batch."""
        return {pool.name: count for pool, count in zip(self._pools, self._counts, strict=True)}

    def __call__(self, step: int) -> tuple[ClipBatch, Ints | None]:
        """The batch of a step (from 0), and its maps, None where no edit is followed."""
        rng = np.random.default_rng([self._seed, 2, step])
        if self._following is None:
            return self._in_any_key(step, rng)[0], None
        edit = self._following.drawn(rng)
        contexts: tuple[EditContext, ...] = ()
        if edit.reference:
            clips, places, contexts = self._in_one_key(step, edit.reference, self._following, rng)
        else:
            clips, places = self._in_any_key(step, rng)
        edited, which = edit(clips, places, rng, contexts)
        return np.concatenate([clips, edited]), which

    def _in_any_key(self, step: int, rng: Generator) -> tuple[ClipBatch, Ints]:
        """Clips at random heights, and the places of their formats."""
        clips = np.concatenate(
            [
                pool.clips[self._rows(pool, (index,), step * count, count)]
                for index, (pool, count) in enumerate(zip(self._pools, self._counts, strict=True))
            ]
        )
        places = np.repeat([pool.clip_format for pool in self._pools], self._counts)
        return transposed(clips, self._transpose, self._range, rng), places

    def _in_one_key(
        self, step: int, reference: Reference, following: Following, rng: Generator
    ) -> tuple[ClipBatch, Ints, tuple[EditContext, ...]]:
        """Clips in one key, the places of their formats, and their contexts."""
        pools, number = following.pools[reference], REFERENCES.index(reference)
        counts = _apportion([pool.share if len(pool.clips) else 0.0 for pool in pools], self._drawn)
        clips, contexts = [], list[EditContext]()
        for index, (pool, count) in enumerate(zip(pools, counts, strict=True)):
            rows, others = (self._rows(pool, (index, number, end), step * count, count) for end in (1, 2))
            keys = np.asarray([pool.contexts[a].key == pool.contexts[b].key for a, b in zip(rows, others, strict=True)])
            join = (keys.reshape(-1).astype(bool) & (rng.random(count) < RECOMBINED))[:, None]
            joined = self._formats[pool.clip_format].joined(pool.clips[rows], pool.clips[others], rng)
            clips.append(np.where(join & in_range(joined, self._range)[:, None], joined, pool.clips[rows]))
            contexts += chosen(pool.contexts, rows)
        return np.concatenate(clips), np.repeat([pool.clip_format for pool in pools], counts), tuple(contexts)

    def _rows(self, pool: Pool, key: tuple[int, ...], start: int, count: int) -> Ints:
        """The places of a pool's next clips, laps counted on; ``key`` seeds the order of each lap."""
        size = len(pool.clips)
        places = np.arange(start, start + count)
        out = np.empty(count, dtype=np.int64)
        for lap in np.unique(places // size):
            here = places // size == lap
            out[here] = self._order(size, key, int(lap))[places[here] % size]
        return out

    def _order(self, size: int, key: tuple[int, ...], lap: int) -> Ints:
        known = self._orders.get(key)
        if known is None or known[0] != lap:
            order = np.random.default_rng([self._seed, 3, *key, lap]).permutation(size)
            self._orders[key] = known = (lap, order)
        return known[1]


def transposed(clips: ClipBatch, by: tuple[int, int], pitch_range: tuple[int, int], rng: Generator) -> ClipBatch:
    """Each clip moved by a random whole number of semitones in ``by`` that keeps it inside the range."""
    onset = clips < HOLD
    lowest = np.where(onset, clips, 127).min(axis=-1).astype(np.int64)
    highest = np.where(onset, clips, 0).max(axis=-1).astype(np.int64)
    low = np.minimum(np.maximum(by[0], pitch_range[0] - lowest), 0)
    high = np.maximum(np.minimum(by[1], pitch_range[1] - highest), 0)
    moved = rng.integers(low, high + 1).astype(np.int16)
    return np.where(onset, clips + moved[:, None], clips).astype(np.int16)


def _apportion(shares: list[float], batch: int) -> list[int]:
    """Whole numbers that sum to ``batch``, nearest to the shares (largest remainders)."""
    exact = np.array(shares) / sum(shares) * batch
    counts = np.floor(exact).astype(int)
    for index in np.argsort(counts - exact, kind="stable")[: batch - counts.sum()]:
        counts[index] += 1
    return [int(count) for count in counts]


def seed_of(*parts: int) -> int:
    """A 63-bit seed from whole numbers, for generators that take one number."""
    return int.from_bytes(hashlib.sha256(repr(parts).encode()).digest()[:8], "big") >> 1
