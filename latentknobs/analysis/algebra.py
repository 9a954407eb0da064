"""
The algebra of knobs: what turning twice, turning back, and turning two in either order give.

T_a, T_b are maps of codes, f_a, f_b the edits of clips that they were learned from, z the code of a clip x. Were the
maps an action of the edits on the latent space (a homomorphism; Higgins et al. 2018), composing edits would be
composing maps. Measured on decoded clips and on codes:

    additivity   T_b(T_a(z)) and the sum of displacements z + (T_a(z) - z) + (T_b(z) - z), each against f_b(f_a(x))
    powers       T_1 taken n times against T_n
    inverse      T_-n(T_n(z)) against z
    commutator   T_b(T_a(z)) against T_a(T_b(z)), beside f_b(f_a(x)) against f_a(f_b(x))

Codes are compared by root mean squares over clips, in units of each active dimension's spread (inactive: 0): how far
apart two moved codes are, over how far they moved. Intervals are 95 % bootstrap intervals, clustered by song.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations

import numpy as np
from attrs import evolve, frozen
from numpy.random import Generator, default_rng

from latentknobs.analysis.algebra_result import (
    SLACK,
    Additivity,
    Algebra,
    Commutator,
    Composed,
    Element,
    Inverse,
    Laws,
    Pair,
    Power,
)
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.active_dimensions import is_active
from latentknobs.core.arrays import Bools, ClipBatch, Codes, Floats, Ints, group_index
from latentknobs.core.augmentation import Augmentation, in_context, signed_amounts
from latentknobs.core.backend import BackendSpec, VAEBackend
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Progress, Song, Tally, no_progress
from latentknobs.core.edit_context import EditContext, Reference, chosen
from latentknobs.core.evidence import Interval
from latentknobs.core.model_calls import accepted, decode, decode_mean, edited, encode, encode_posterior
from latentknobs.core.one_key import in_one_key
from latentknobs.corpora.corpus_spec import DEFAULT_SELECTION, CorpusSelection, default_corpus
from latentknobs.corpora.sharding import Shard, SongContexts, no_contexts, song_contexts
from latentknobs.discovery.run_spec import lacking
from latentknobs.errors import CorpusError, UsageError
from latentknobs.evaluation.bootstrap import SongDraws, interval
from latentknobs.evaluation.equivariance import accuracy, equivariance
from latentknobs.evaluation.evaluation_set import AmountBatch, ClipReservoir
from latentknobs.steering.apply import apply, displacement
from latentknobs.workbench import Workbench

MOST_CLIPS = 200
"""Test clips that are decoded, and training clips of whose edited codes a mean is taken."""


def algebra(
    workbench: Workbench,
    amounts: Mapping[str, float | None] | None = None,
    model: str = DEFAULT_MODEL,
    selection: CorpusSelection = DEFAULT_SELECTION,
) -> Algebra:
    """
    How current knobs of a model compose.

    Args:
        workbench: Has the models, corpora and knobs.
        amounts: Knob to its amount, None for its smallest positive usable one; None = the accepted knobs.
        model: Name or location of the model.
        selection: The songs; by default of the corpora that the knobs' augmentations are learned on.

    Raises:
        UnknownNameError: No knob, augmentation, corpus or model of that name.
        UsageError: There is no knob to look at, one was learned from no edit, or two in different keys.
        AmountError: An amount that a knob or its edit cannot do.
        RegistryError: The registry cannot be read, or keeps only the hash of a knob's operator.
        CorpusError: No test clip that the model can carry.
    """
    backend = workbench.model(model)
    elements = _elements(workbench, amounts, backend.spec)
    corpus = selection.corpus or default_corpus([element.augmentation for element in elements])
    songs = in_one_key(
        workbench.songs_for(backend, evolve(selection, corpus=corpus)), _reference(elements), backend.spec.clip_format
    )
    edits = (element.augmentation for element in elements)
    contexts = song_contexts(edits, backend.spec.clip_format, selection.seed)
    clips = sample_clips(backend, songs, selection.seed, contexts=contexts)
    return measure(backend, elements, clips, selection.seed, progress=workbench.progress)


def _reference(elements: Sequence[Element]) -> Reference:
    """What songs are moved by, so that every knob is turned where it was learned."""
    references = {one.relative_to: one.name for one in elements if one.relative_to}
    if len(references) > 1:
        listed = " and ".join(f"{name} by the {reference}" for reference, name in references.items())
        raise UsageError(f"Pieces are moved into one key for {listed}: measure these knobs apart.")
    return next(iter(references), "")


def _elements(workbench: Workbench, amounts: Mapping[str, float | None] | None, spec: BackendSpec) -> list[Element]:
    if amounts is None:
        accepted = workbench.registry.knobs(model_id=spec.model_id, verdict="accepted")
        reasons = {knob.name: lacking(workbench.augment, workbench.registry.run(knob.run_id).spec) for knob in accepted}
        first = next((knob for knob in accepted if knob.evidence.relative_to and not reasons[knob.name]), None)
        for knob in accepted:
            if first and knob.evidence.relative_to not in ("", first.evidence.relative_to):
                reasons[knob.name] = f"It was learned in another key than {first.name}: name it to look at it."
        knobs = [knob for knob in accepted if not reasons[knob.name]]
        for name, reason in reasons.items():
            if reason:
                workbench.note(f"{name} is left out. {reason}")
    else:
        knobs = [workbench.registry.knob(spec.model_id, name) for name in amounts]
    if not knobs:
        raise UsageError(f"No knob of {spec.name} is accepted: discover one, or name those to look at.")
    elements = []
    for knob in knobs:
        if knob.augmentation is None:
            raise UsageError(f"The knob {knob.name!r} was learned from no edit, so it has nothing to compose with.")
        edit = workbench.augment(knob.augmentation)
        elements.append(Element.of(knob, edit, (amounts or {}).get(knob.name)))
    return elements


@frozen(eq=False)
class AlgebraClips:
    """
    The clips that an algebra is measured on; the model carries all of them.

    Attributes:
        test: int16 (n, *shape), n at least 1.
        songs: Name of the song of each test clip, (n,).
        train: int16 (m, *shape), clips of other songs: the mean of their edited codes is the floor of accuracy.
        contexts: Those of the test clips, none where no edit asks for them.
        train_contexts: Those of the training clips, in the same way.
    """

    test: ClipBatch
    songs: Sequence[str]
    train: ClipBatch
    contexts: tuple[EditContext, ...] = ()
    train_contexts: tuple[EditContext, ...] = ()


def sample_clips(
    backend: VAEBackend,
    songs: Iterable[Song],
    seed: int,
    *,
    most: int = MOST_CLIPS,
    contexts: SongContexts = no_contexts,
) -> AlgebraClips:
    """
    A seeded sample of the clips of songs of all splits, at most ``most`` of test and of training songs each.

    Raises:
        CorpusError: No test clip that the model can carry.
    """
    kept = {split: ClipReservoir(most, seed) for split in ("train", "test")}
    for song in songs:
        if song.split in kept:
            rows = np.flatnonzero(accepted(backend, song.clips))
            told = chosen(contexts(song), rows)
            kept[song.split].add(Shard(song.clips[rows], (song.name,) * len(rows), song.split, told))
    shape = backend.spec.clip_format.shape
    test, names = kept["test"].clips(shape)
    if not len(test):
        raise CorpusError(
            f"The corpus gave no test clips that model {backend.spec.name} can carry: ask for more clips, or another "
            "corpus."
        )
    train = kept["train"]
    return AlgebraClips(test, names, train.clips(shape)[0], kept["test"].contexts(), train.contexts())


def measure(
    backend: VAEBackend,
    elements: Sequence[Element],
    clips: AlgebraClips,
    seed: int,
    *,
    progress: Progress = no_progress,
) -> Algebra:
    """
    Measure knobs on these clips.

    Args:
        backend: The model.
        elements: The knobs, of different names.
        clips: See :func:`sample_clips`.
        seed: Seed of the edits and of the intervals.
        progress: Told of the work.

    Raises:
        UsageError: A knob is named twice.
        AmountError: An edit cannot do the amount of its knob.
    """
    if len({element.name for element in elements}) < len(elements):
        raise UsageError("A knob is named twice; name each one once.")
    songs = group_index(clips.songs)
    codes = encode(backend, clips.test)
    posterior = encode_posterior(backend, np.concatenate([clips.test, clips.train]))
    variance, scale = posterior.mean.var(axis=0, dtype=np.float64), CodeUnits.of_posterior(posterior).scale
    active = is_active(variance / scale**2) & ~backend.spec.structure.held
    unit = np.divide(1.0, np.sqrt(variance), out=np.zeros_like(variance), where=active)
    data = _Data(backend, clips, songs, codes, decode(backend, codes), unit, seed)
    work = len(elements) ** 2
    single = []
    for i, element in enumerate(elements):
        progress("powers and inverses of knobs", i, work)
        single.append(_laws(data, element))
    orders: dict[tuple[int, int], _Order] = {}
    for done, (i, j) in enumerate(permutations(range(len(elements)), 2), len(elements)):
        progress("knobs one after the other", done, work)
        orders[i, j] = _order(data, elements[i], elements[j])
    progress("knobs one after the other", work, work)
    pairs = tuple(
        Pair(
            elements[i].name,
            elements[j].name,
            _additivity(data, elements[i], elements[j], order),
            _commutator(data, order, orders[j, i]),
        )
        for (i, j), order in orders.items()
    )
    return Algebra(len(codes), int(songs.max()) + 1, tuple(single), pairs)


@frozen(eq=False)
class _Data:
    """Test clips with their songs, codes and plain decodings; training clips; 1 / spread of each dimension, or 0."""

    backend: VAEBackend
    sample: AlgebraClips
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

    @property
    def clips(self) -> ClipBatch:
        return self.sample.test

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


def _laws(data: _Data, element: Element) -> Laws:
    """Powers and inverses of one knob, at each of its amounts where there is what to compare with."""
    powers, inverses = [], []
    for amount in element.amounts:
        step = min((a for a in element.amounts if a * amount > 0), key=abs)
        times = round(amount / step)
        is_power = times > 1 and abs(amount / step - times) <= SLACK
        back = next((a for a in element.amounts if abs(a + amount) <= SLACK), None)
        if not is_power and back is None:
            continue
        rows, z = _starts(data, element.augmentation, amount)
        draws = data.draws(rows)
        turned = apply(element.operator, z, amount)
        if is_power:
            again = z
            for _ in range(times):
                again = apply(element.operator, again, step)
            both = accuracy(decode(data.backend, again), decode(data.backend, turned))
            apart = data.apart(again, turned, [turned - z], draws)
            powers.append(Power(amount, step, times, len(z), apart, _mean(both, draws)))
        if back is not None:
            home = apply(element.operator, turned, back)
            both = accuracy(decode(data.backend, home), decode(data.backend, z))
            apart = data.apart(home, z, [turned - z], draws)
            inverses.append(Inverse(amount, len(z), apart, _mean(both, draws)))
    return Laws(element.name, element.unit, element.amount, tuple(powers), tuple(inverses))


def _starts(data: _Data, augmentation: Augmentation, amount: float) -> tuple[Ints, Codes]:
    """The clips that the edit can be applied to by the amount, and their codes; of swapped pairs the edited side."""
    swapped = signed_amounts(augmentation)[1] and amount < 0
    edit = in_context(augmentation, data.sample.contexts)
    after, valid = data.edited(edit, data.clips, abs(amount) if swapped else amount)
    rows = np.flatnonzero(valid).astype(np.int64)
    return rows, encode(data.backend, after[rows]) if swapped else data.codes[rows]


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


def _order(data: _Data, first: Element, then: Element) -> _Order:
    backend = data.backend
    after, rows = _twice(data, first, then, data.clips, data.sample.contexts)
    z_after = encode(backend, after)
    z = then.turned(first.turned(data.codes[rows]))
    elsewhere = encode(backend, _twice(data, first, then, data.sample.train, data.sample.train_contexts)[0])
    mean = elsewhere.mean(axis=0, dtype=np.float64).astype(np.float32) if len(elsewhere) else None
    floor = data.plain[rows] if mean is None else decode_mean(backend, mean, z_after)
    return _Order(rows, after, z_after, decode(backend, z_after), z, decode(backend, z), floor)


def _twice(
    data: _Data, first: Element, then: Element, clips: ClipBatch, contexts: Sequence[EditContext]
) -> tuple[ClipBatch, Ints]:
    """Clips edited by one and then by the other, where the model carries both results, and which they are."""
    once, valid = data.edited(in_context(first.augmentation, contexts), clips, first.amount)
    rows = np.flatnonzero(valid)
    both, valid = data.edited(in_context(then.augmentation, chosen(contexts, rows)), once[rows], then.amount)
    return both[valid], rows[valid].astype(np.int64)


def _additivity(data: _Data, first: Element, then: Element, order: _Order) -> Additivity:
    rows = order.rows
    z, plain, draws = data.codes[rows], data.plain[rows], data.draws(rows)
    together = z + sum(displacement(one.operator, z, one.amount) for one in (first, then))
    decoded = decode(data.backend, together)
    case = AmountBatch(
        then.amount, rows, data.songs[rows], data.clips[rows], order.after, z, order.z_after, plain, order.ceiling
    )
    gain = accuracy(order.decoded, order.after) - accuracy(decoded, order.after)
    measure = max(first.measure, then.measure, key=("tokens", "changes").index)
    sequence = equivariance(case, order.decoded, order.floor, draws, measure)
    both = equivariance(case, decoded, order.floor, draws, measure)
    return Additivity(
        len(rows),
        both.floor,
        both.ceiling,
        both.measurable,
        Composed.of(sequence),
        Composed.of(both),
        _mean(gain, draws),
        _mean(1 - accuracy(order.decoded, decoded), draws),
        data.apart(order.z, together, [order.z - z], draws),
    )


def _commutator(data: _Data, one: _Order, other: _Order) -> Commutator:
    rows = np.intersect1d(one.rows, other.rows)
    z, draws = data.codes[rows], data.draws(rows)
    after, z_after, turned, decoded = one.only(rows)
    other_after, other_z_after, other_turned, other_decoded = other.only(rows)
    return Commutator(
        len(rows),
        _mean(1 - accuracy(after, other_after), draws),
        _mean(1 - accuracy(decoded, other_decoded), draws),
        data.apart(z_after, other_z_after, [z_after - z, other_z_after - z], draws),
        data.apart(turned, other_turned, [turned - z, other_turned - z], draws),
    )
