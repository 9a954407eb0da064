"""What a knob that is to be decoupled is fitted and judged on: clips of three splits, codes, moves, trials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from attrs import field, frozen
from numpy.random import default_rng

from latentknobs.core.arrays import ClipBatch, Codes, Floats
from latentknobs.core.attribute import Attribute
from latentknobs.core.augmentation import Augmentation, in_context, signed_amounts
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Song, Tally
from latentknobs.core.experiment import Experiment, Settings
from latentknobs.core.knob import Knob, Operator
from latentknobs.core.model_calls import edited, encode
from latentknobs.corpora.sharding import carried_shards, song_contexts
from latentknobs.errors import DiscoveryError
from latentknobs.evaluation.evaluation_set import AmountBatch, ClipReservoir, EvaluationSet, build_evaluation_set
from latentknobs.evaluation.knob_metrics import EvaluationConfig
from latentknobs.steering.apply import displacement

MOVED_CLIPS = 512
"""Training clips on which a knob's moves are looked at."""


@frozen
class DecouplingConfig:
    """
    How leakage is measured.

    Attributes:
        settings: ``sample_clips``, ``trial_clips``, ``control_clips`` and ``shard`` count; to save, everything that a
            discovery depends on.
        every_clip: Measure leakage on all clips, also those that the edit itself cannot be applied to; else on
            the clips that have a pair at that amount, as acceptance criteria do.
    """

    settings: Settings = field(factory=Settings)
    every_clip: bool = False


DEFAULT_CONFIG = DecouplingConfig()


@frozen(eq=False)
class DecouplingSubject:
    """
    A knob to be decoupled, with what it is measured on.

    Attributes:
        knob: With its operator.
        augmentation: The edit that it was learned from.
        target: The attribute that it is to move.
        songs: Songs of all splits, read once.
    """

    knob: Knob
    augmentation: Augmentation
    target: Attribute
    songs: Iterable[Song]

    @property
    def operator(self) -> Operator:
        """
        The knob's operator.

        Raises:
            RegistryError: Only its hash was kept.
        """
        return self.knob.require_operator()

    @property
    def ends(self) -> tuple[float, ...]:
        """The ends of its usable range that are not 0."""
        return tuple(sorted({self.knob.low, self.knob.high} - {0.0}))


@frozen(eq=False)
class EvaluationData:
    """
    What one knob is fitted and judged on.

    Attributes:
        codes: float64 (n, D), of training clips.
        values: float64 (n, m), every knob's target on them.
        judged: The same of validation clips.
        moves: By end, float64 (k, D), its displacements on training clips.
        trials: "validation" and "test".
        evaluation_config: Seeds the intervals and knows the target.
    """

    codes: Floats
    values: Floats
    judged: tuple[Floats, Floats]
    moves: Mapping[float, Floats]
    trials: Mapping[str, EvaluationSet]
    evaluation_config: EvaluationConfig

    def cases(self, split: str, ends: Sequence[float], *, every_clip: bool) -> list[AmountBatch]:
        """At each end, the clips of a split that have a pair there, or all of them, each its own pair."""
        data = self.trials[split]
        if not every_clip:
            return [data.batches[end] for end in ends]
        rows = np.arange(len(data.clips))
        fields = (rows, data.songs, data.clips, data.clips, data.codes, data.codes, data.plain, data.plain)
        return [AmountBatch(end, *fields) for end in ends]


def read_data(
    backend: VAEBackend, subject: DecouplingSubject, targets: Sequence[Attribute], config: DecouplingConfig, seed: int
) -> EvaluationData:
    """
    Read a knob's songs.

    Args:
        backend: The model.
        subject: The knob.
        targets: The targets of all the knobs.
        config: How leakage is measured; ``every_clip`` also has the knob move all training clips, and not only those
            that the edit can be applied to.
        seed: Fixes the samples of clips.

    Raises:
        DiscoveryError: There are no clips of a split, or none that the edit can be applied to at an end of the range.
    """
    settings = config.settings
    sizes = {"train": settings.sample_clips, "validation": settings.trial_clips, "test": settings.trial_clips}
    kept = {split: ClipReservoir(size, seed) for split, size in sizes.items()}
    contexts = song_contexts([subject.augmentation], backend.spec.clip_format, seed)
    for shard, _ in carried_shards(backend, subject.songs, settings.shard, Tally(), contexts):
        kept[shard.split].add(shard)
    samples = {split: sample.clips(backend.spec.clip_format.shape) for split, sample in kept.items()}
    for split, (clips, _) in samples.items():
        if not len(clips):
            raise DiscoveryError(f"The corpus of {subject.knob.name} gave no {split} clips: ask for more clips.")
    experiment = Experiment.without_methods(backend, subject.augmentation, seed)
    trials = {
        split: build_evaluation_set(
            experiment.in_context(kept[split].contexts()),
            *samples[split],
            default_rng([seed, 1, len(split)]),
            subject.ends,
        )
        for split in ("validation", "test")
    }
    for split, evaluation_set in trials.items():
        for end in subject.ends:
            if end not in evaluation_set.batches or not len(evaluation_set.batches[end].rows):
                raise DiscoveryError(
                    f"None of {len(evaluation_set.clips)} {split} clips can be edited by {subject.augmentation.name} "
                    f"at {end:+g}, an end of the range of {subject.knob.name}: ask for more clips."
                )
    clips = samples["train"][0]
    codes = encode(backend, clips)
    values = _measured(targets, clips)
    edit = in_context(subject.augmentation, kept["train"].contexts()[:MOVED_CLIPS])
    starts = {
        end: codes[:MOVED_CLIPS]
        if config.every_clip
        else _starts(backend, edit, clips[:MOVED_CLIPS], codes[:MOVED_CLIPS], end, seed)
        for end in subject.ends
    }
    moves = {end: displacement(subject.operator, z, end).astype(np.float64) for end, z in starts.items()}
    spreads = {t.name: _spread(values[:, b]) for b, t in enumerate(targets)}
    target = subject.augmentation.target
    evaluation_config = EvaluationConfig(tuple(targets), (), target, frozenset(), spreads, {}, (), seed)
    validation = trials["validation"]
    judged = (validation.codes.astype(np.float64), _measured(targets, validation.clips))
    return EvaluationData(codes.astype(np.float64), values, judged, moves, trials, evaluation_config)


def _measured(targets: Sequence[Attribute], clips: ClipBatch) -> Floats:
    out: Floats = np.stack([np.asarray(t.measure(clips), dtype=np.float64) for t in targets], axis=1)
    return out


def _spread(values: Floats) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.std()) if len(finite) else 0.0


def _starts(
    backend: VAEBackend, augmentation: Augmentation, clips: ClipBatch, codes: Codes, amount: float, seed: int
) -> Codes:
    """Codes from which the knob goes by this amount: of the clips that have a pair, all where none has."""
    swapped = signed_amounts(augmentation)[1] and amount < 0
    after, valid = edited(backend, augmentation, clips, abs(amount) if swapped else amount, default_rng(seed), Tally())
    if not valid.any():
        return codes
    return encode(backend, after[valid]) if swapped else codes[valid]
