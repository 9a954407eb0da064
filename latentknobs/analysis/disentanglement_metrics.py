"""
The field's metrics of a model: in its own dimensions, and in coordinates whose first ones are its knobs.

A knob's coordinate is learned from clips before and after its edit alone, never from the attribute that it is then
read against; a probe that is trained on the attribute stands beside it as the most that can be read linearly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from attrs import Factory, define, field, frozen
from numpy.random import default_rng

from latentknobs.analysis.knob_coordinates import AmountRange, AmountReading, knob_coordinates, read_amount
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.arrays import ClipBatch, Codes, Floats, Ints, group_index
from latentknobs.core.attribute import Attribute
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.backend import Posterior, VAEBackend
from latentknobs.core.capability import capability
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Tally, TrueFactors
from latentknobs.core.experiment import Experiment
from latentknobs.core.knob import Knob
from latentknobs.core.metric_specs import RESAMPLES, LabelledCodes, Metric, Traversals
from latentknobs.core.model_calls import encode_posterior
from latentknobs.core.ridge import PENALTIES
from latentknobs.corpora.corpus_spec import CorpusSelection, parse_sources
from latentknobs.corpora.sharding import Shard, carried_part, shards, song_contexts
from latentknobs.discovery.pairs import EditedClips, EncodedEdits, edit_clips, encode_edits
from latentknobs.discovery.run_spec import methods_for
from latentknobs.errors import CorpusError, DiscoveryError, UnknownNameError, UsageError
from latentknobs.steering.apply import apply
from latentknobs.workbench import Workbench

Judged: TypeAlias = Literal["validation", "test"]
JUDGED: tuple[Judged, ...] = ("validation", "test")
SELECTION = CorpusSelection("folk", 20_000)
PAIR_CLIPS = {"train": 2048, "validation": 512}
"""Clips that are edited, at every amount, to learn a knob's coordinate from."""
PROBE_CLIPS = 8192
"""Training clips that probes are trained on."""
TURNED_CLIPS = 200
STEPS = 9
"""Values of a knob at which attributes are measured, evenly spaced over its usable range."""
SHARD = 512
RAW, KNOBS = "dimensions", "knobs"
TRUE, MEASURED = "factors", "attributes"


@define(eq=False)
class _Part:
    """What is kept of the clips of one split; metrics are of the ``latent`` dimensions, those of no condition."""

    latent: Ints
    clips: list[ClipBatch] = field(factory=list)
    songs: list[str] = field(factory=list)
    mean: list[Codes] = field(factory=list)
    drawn: list[Codes] = field(factory=list)

    def stacked(self, kind: str, units: CodeUnits) -> Floats:
        """Codes in these units, so that no metric depends on the model's own."""
        codes = np.concatenate(self.mean if kind == "mean" else self.drawn)
        return units.inward(np.take(codes, self.latent, axis=1)).astype(np.float64)


@frozen(eq=False)
class _Labels:
    """Numbers (N, F) to read codes against, with their names and whether each is a class."""

    values: Floats
    names: tuple[str, ...]
    discrete: tuple[bool, ...]


def disentanglement(
    workbench: Workbench,
    model: str = DEFAULT_MODEL,
    selection: CorpusSelection = SELECTION,
    *,
    split: Judged = "test",
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """
    All the metrics of a model on the songs of a split.

    Args:
        workbench: Has the models, corpora, knobs, and the plugins' attributes and metrics.
        model: Name or location of the model; its accepted and provisional knobs are the registry's.
        selection: The songs. Where their corpus knows the true factors of its songs, codes are read against those
            too. The seed also fixes what is drawn.
        split: "validation" or "test": readings, probes and the covariance are of training songs.
        resamples: Bootstrap resamples for each confidence interval; 0 = none.

    Returns:
        For JSON: what was measured on what; ``knobs``, of each the reading of its amount, or why it is left out;
        ``codes``, for each set of labels ("factors", "attributes"), kind of code ("mean", "drawn") and system
        ("dimensions", "knobs") the result of each metric of codes; ``probes``, for each attribute the metrics of its
        probe; ``targets``, for each knob the metrics of its own coordinate, of the best dimension and of the probe
        for the attribute that its edit targets; ``turned``, for each knob the metrics of traversals.

    Raises:
        UnknownNameError: No corpus or model of that name.
        UsageError: The split is none of the two, or the parts have different clip formats.
        CorpusError: The corpus gives no training clips or none of the split.
    """
    if split not in JUDGED:
        raise UsageError(f"Metrics are of validation or test songs, not of {split!r}: training songs teach them.")
    corpus, seed = selection.corpus or "folk", selection.seed
    sources = parse_sources(corpus, workbench.corpora)
    backend = workbench.model(model)
    spec = backend.spec
    tally = Tally()
    songs = workbench.songs_for(backend, selection, tally)
    attributes = list(methods_for(workbench.plugins, spec.clip_format).attributes)
    if not attributes:
        raise UsageError(
            f"No plugin measures an attribute of {spec.clip_format.name} clips: codes need some to be read."
        )
    knobs, left = _usable(workbench, spec.model_id)
    edits = {name: edit for name, (_, edit) in knobs.items()}
    reader = _Reader(backend, knobs, seed, tally)
    contexts = song_contexts(edits.values(), spec.clip_format, seed)
    task = ReadForMetrics(backend, edits, split, seed)
    for (shard, number, _), read in workbench.map(task, reader.items(shards(songs, SHARD, contexts), split)):
        reader.add(shard, number, read, split)
        workbench.progress("encoding for metrics", reader.done, selection.clips)
    if not reader.parts["train"].songs or not reader.parts[split].songs:
        raise CorpusError(f"The corpus {corpus} gives no training clips or no {split} clips: ask for more (--clips).")
    units = reader.units()
    readings: dict[str, AmountReading] = {}
    for name, both in reader.turns.items():
        train, validation = (side.in_units(units) for side in both)
        try:
            dims = np.searchsorted(reader.latent, [d.dim for d in knobs[name][0].dimensions]).tolist()
            readings[name] = read_amount(train, validation, dims or None)
        except DiscoveryError as error:
            left[name] = str(error)
    judged, train_part = reader.parts[split], reader.parts["train"]
    systems = {RAW: np.eye(len(reader.latent))}
    covariance = np.cov(train_part.stacked("mean", units).T, bias=True)
    kept: dict[str, AmountReading] = {}
    for name, reading in readings.items():  # of two that depend on each other the first stands
        try:
            weights = [*(other.weights for other in kept.values()), reading.weights]
            systems[KNOBS] = knob_coordinates(weights, covariance).dual
            kept[name] = reading
        except DiscoveryError:
            left[name] = "its reading depends on those of the knobs before it"
    readings = kept
    groups = group_index(judged.songs)
    measured = _measured(attributes, judged)
    work = _Work(workbench, backend, units, attributes, train_part, judged, measured, groups, seed, resamples)
    labels = {MEASURED: measured}
    true_factors = capability(sources[0].corpus, TrueFactors)
    if len(sources) == 1 and true_factors is not None:
        labels = {TRUE: _true(true_factors, judged), **labels}
    kinds = ["mean", *(["drawn"] if judged.drawn else [])]
    total = len(kinds) * len(labels) * len(systems)
    codes: dict[str, Any] = {}
    done = 0
    for name, label in labels.items():
        codes[name] = {}
        for kind in kinds:
            z = judged.stacked(kind, units)
            codes[name][kind] = {}
            for system, dual in systems.items():
                workbench.progress("metrics of codes", done, total)
                codes[name][kind][system] = work.of_codes(z @ dual, label)
                done += 1
    workbench.progress("metrics of codes", total, total)
    probes = _probes(work)
    left_out = {name: {"left_out": reason} for name, reason in left.items()}
    return {
        "model": spec.name,
        "model_id": spec.model_id,
        "corpus": corpus,
        "split": split,
        "clips": len(judged.songs),
        "songs": int(groups.max()) + 1,
        "seed": seed,
        "resamples": resamples,
        "training_clips": len(train_part.songs),
        "left_out": dict(tally.counts),
        "knobs": {**{name: reader.told(name, r) for name, r in readings.items()}, **left_out},
        "codes": codes,
        "probes": {name: work.alone(read, name) for name, read in probes.items()},
        "targets": _targets(work, knobs, readings, probes),
        "turned": {
            name: result
            for name, (knob, edit) in knobs.items()
            if (result := _turned(work, knob, edit)) is not None
        },
    }  # fmt: skip


def _usable(workbench: Workbench, model_id: str) -> tuple[dict[str, tuple[Knob, Augmentation]], dict[str, str]]:
    """The model's knobs that were not refused, with their edits, and of the others why they are left out."""
    usable: dict[str, tuple[Knob, Augmentation]] = {}
    left: dict[str, str] = {}
    for knob in workbench.registry.knobs(model_id=model_id):
        if knob.verdict not in ("accepted", "provisional"):
            left[knob.name] = f"it is {knob.verdict}"
        elif knob.augmentation is None:
            left[knob.name] = "it was found without an edit"
        else:
            try:
                usable[knob.name] = (knob, workbench.augment(knob.augmentation))
            except (UnknownNameError, UsageError) as reason:
                left[knob.name] = str(reason)
    return usable, left


_Item: TypeAlias = tuple[Shard, int, bool]
"""A shard, the number of clips before it, and whether its clips are edited."""
_Read: TypeAlias = tuple[Posterior, Mapping[str, EncodedEdits]]
"""The posteriors of its clips, and of each knob their edits."""


@frozen(eq=False)
class ReadForMetrics:
    """
    The task on a shard: encode its clips and, of some, the edits of all knobs.

    Attributes:
        backend: The model.
        edits: Of each knob.
        split: The split that is judged.
        seed: Of the edits.
    """

    backend: VAEBackend
    edits: Mapping[str, Augmentation]
    split: Judged
    seed: int

    def prepare(self, item: _Item) -> dict[str, dict[float, EditedClips]]:
        """The edited clips."""
        shard, number, edited = item
        out = {}
        for name, edit in self.edits.items() if edited else ():
            experiment = Experiment.without_methods(self.backend, edit).in_context(shard.contexts)
            out[name] = edit_clips(experiment, shard.clips, default_rng([self.seed, number]))
        return out

    def work(self, item: _Item, prepared: dict[str, dict[float, EditedClips]]) -> _Read:
        """Their codes."""
        shard, _, _ = item
        judged = shard.split == self.split
        posterior = self.backend.encode(shard.clips) if judged else encode_posterior(self.backend, shard.clips)
        edits = {
            name: encode_edits(Experiment.without_methods(self.backend, self.edits[name]), edited, posterior)
            for name, edited in prepared.items()
        }
        return posterior, edits


@define(eq=False)
class _Reader:
    """Reads shards: codes of all clips, and of some training and validation clips the pairs of every knob's edit."""

    backend: VAEBackend
    knobs: Mapping[str, tuple[Knob, Augmentation]]
    seed: int
    tally: Tally
    latent: Ints = field(default=Factory(lambda self: self.backend.spec.structure.latent, takes_self=True))
    parts: dict[str, _Part] = field(factory=dict)
    turns: dict[str, tuple[AmountRange, AmountRange]] = field(factory=dict)
    noise: list[Floats] = field(factory=list)
    done: int = 0
    _edited: dict[str, int] = field(factory=lambda: dict.fromkeys(("train", *JUDGED), 0))

    def __attrs_post_init__(self) -> None:
        size = len(self.latent)
        self.parts = {name: _Part(self.latent) for name in ("train", *JUDGED)}
        self.turns = {name: (AmountRange.empty(size), AmountRange.empty(size)) for name in self.knobs}

    def items(self, gathered: Iterable[Shard], split: Judged) -> Iterator[_Item]:
        """Shards to read, with their numbers; clips of the split that is not judged serve for penalties only."""
        number = 0
        for whole in gathered:
            shard = carried_part(self.backend, whole, self.tally)
            if len(shard.clips) and shard.split in ("train", "validation", split):
                # Judged clips are never edited: penalties are then chosen on training clips.
                edited = shard.split != split and self._edited[shard.split] < PAIR_CLIPS.get(shard.split, 0)
                if edited:
                    self._edited[shard.split] += len(shard.clips)
                yield shard, number, edited
            number += len(whole.clips)

    def add(self, shard: Shard, number: int, read: _Read, split: Judged) -> None:
        """Take in a shard that was read."""
        posterior, edits = read
        self.done = number + len(shard.clips)
        part, rng = self.parts[shard.split], default_rng([self.seed, 5, number])
        codes: Codes = np.asarray(posterior.mean, dtype=np.float32)
        if shard.split == split:
            if posterior.scale is not None:
                part.drawn.append(codes + posterior.scale * rng.standard_normal(codes.shape).astype(np.float32))
        elif shard.split == "train" and posterior.scale is not None:
            self.noise.append((posterior.scale.astype(np.float64) ** 2).mean(axis=0)[self.latent])
        part.mean.append(codes)
        part.clips.append(shard.clips)
        part.songs += shard.songs
        for name, encoded in edits.items():
            turns = self.turns[name][0 if shard.split == "train" else 1]
            experiment = Experiment.without_methods(self.backend, self.knobs[name][1])
            for pair in (pair.whole() for pair in encoded.pairs(experiment)):
                if pair.amount in experiment.own_amounts:  # a swapped pair would tell the same clips again
                    turns.add(pair.amount, *(np.take(z, self.latent, axis=1) for z in (pair.before, pair.after)))

    def units(self) -> CodeUnits:
        """Those of the training clips' codes, of the latent dimensions."""
        codes = np.take(np.concatenate(self.parts["train"].mean), self.latent, axis=1).astype(np.float64)
        weights = [len(codes) for codes in self.parts["train"].mean]
        noise = np.average(self.noise, axis=0, weights=weights) if self.noise else None
        return CodeUnits.of(codes.mean(axis=0), codes.var(axis=0), noise)

    def told(self, name: str, reading: AmountReading) -> dict[str, Any]:
        """What is told of a knob's reading."""
        facts = {"pairs": self.turns[name][0].pairs, "penalty": reading.penalty, "r2": reading.r2}
        knob, _ = self.knobs[name]
        return {**facts, "verdict": knob.verdict, "run": knob.run_id}


@frozen(eq=False)
class _Work:
    """Computes metrics of one set of clips; ``groups`` (N,) are the songs of the judged ones."""

    workbench: Workbench
    backend: VAEBackend
    units: CodeUnits
    attributes: Sequence[Attribute]
    train: _Part
    judged: _Part
    measured: _Labels
    groups: Ints
    seed: int
    resamples: int

    def metrics(self, needs: str) -> Iterable[Metric]:
        return [metric for metric in self.workbench.plugins.metrics().values() if metric.needs == needs]

    def labelled(self, codes: Floats, labels: _Labels) -> LabelledCodes:
        return LabelledCodes(
            codes,
            labels.values,
            labels.names,
            labels.discrete,
            groups=self.groups,
            seed=self.seed,
            resamples=self.resamples,
        )

    def of_codes(self, codes: Floats, labels: _Labels) -> dict[str, Any]:
        labelled = self.labelled(codes, labels)
        return {metric.name: metric.compute(labelled).as_dict() for metric in self.metrics("codes")}

    def alone(self, values: Floats, attribute: str) -> dict[str, Any]:
        """Interpretability and rank correlation of numbers (N,), or the best of codes (N, D), with one attribute."""
        column = self.measured.names.index(attribute)
        labels = _Labels(self.measured.values[:, [column]], (attribute,), (self.measured.discrete[column],))
        labelled = self.labelled(values.reshape(len(values), -1), labels)
        known = self.workbench.plugins.metrics()
        return {
            name: known[name].compute(labelled).overall.as_dict()
            for name in ("interpretability", "scc")
            if name in known
        }


def _measured(attributes: Sequence[Attribute], part: _Part) -> _Labels:
    clips = np.concatenate(part.clips)
    values = np.stack([attribute.measure(clips) for attribute in attributes], axis=1)
    names = tuple(attribute.name for attribute in attributes)
    return _Labels(values, names, (False,) * len(names))


def _true(corpus: TrueFactors, part: _Part) -> _Labels:
    each = {song: corpus.factors(song) for song in dict.fromkeys(part.songs)}
    names = tuple(next(iter(each.values())))
    values = np.asarray([[each[song][name] for name in names] for song in part.songs], dtype=np.float64)
    return _Labels(values, names, tuple(name in corpus.discrete for name in names))


def _probes(work: _Work) -> dict[str, Floats]:
    """
    For each attribute, what a linear probe from all dimensions reads in the judged codes, float64 (N,).

    Ridge regression on training clips; of the penalties, in units of the mean variance of a dimension, the one with the
    smallest squared error on the last fifth of them is taken, and the probe is then fitted on all.
    """
    codes, clips = work.train.stacked("mean", work.units)[:PROBE_CLIPS], np.concatenate(work.train.clips)[:PROBE_CLIPS]
    judged = work.judged.stacked("mean", work.units)
    out: dict[str, Floats] = {}
    for attribute in work.attributes:
        values = np.asarray(attribute.measure(clips), dtype=np.float64)
        finite = np.isfinite(values)
        x, y = codes[finite], values[finite]
        first = len(y) - len(y) // 5
        if first < 10 or np.ptp(y[:first]) == 0:
            continue
        errors = [
            float(((y[first:] - _line(x[:first], y[:first], penalty, x[first:])) ** 2).sum()) for penalty in PENALTIES
        ]
        out[attribute.name] = _line(x, y, PENALTIES[int(np.argmin(errors))], judged)
    return out


def _line(x: Floats, y: Floats, penalty: float, judged: Floats) -> Floats:
    centre = x.mean(axis=0)
    covariance = np.cov(x.T, bias=True)
    ridge = penalty * float(np.trace(covariance)) / len(covariance) * np.eye(len(covariance))
    w = np.linalg.solve(covariance + ridge, (x - centre).T @ (y - y.mean()) / len(y))
    out: Floats = y.mean() + (judged - centre) @ w
    return out


def _targets(
    work: _Work,
    knobs: Mapping[str, tuple[Knob, Augmentation]],
    readings: Mapping[str, AmountReading],
    probes: Mapping[str, Floats],
) -> dict[str, Any]:
    """Of each knob with a target: its own coordinate, the best single dimension and the probe, against the target."""
    z = work.judged.stacked("mean", work.units)
    out: dict[str, Any] = {}
    for name, reading in readings.items():
        target = knobs[name][1].target
        if target is None or target not in work.measured.names or target not in probes:
            continue
        out[name] = {
            "target": target,
            "knob": work.alone(z @ reading.weights, target),
            "best dimension": work.alone(z, target),
            "probe": work.alone(probes[target], target),
        }
    return out


def _values_of(knob: Knob) -> Floats:
    """Evenly spaced amounts over the usable range, at most STEPS of them."""
    out: Floats
    if knob.step is None:
        out = np.linspace(knob.low, knob.high, STEPS).astype(np.float64)
        return out
    low, high = (round(end / knob.step) for end in (knob.low, knob.high))
    apart = -(-(high - low) // (STEPS - 1)) or 1
    out = np.arange(low, high + 1, apart).astype(np.float64) * knob.step
    return out


def _turned(work: _Work, knob: Knob, edit: Augmentation) -> dict[str, Any] | None:
    """The metrics of traversals of one knob on the first clips of the split; None where it has no target."""
    values = _values_of(knob)
    clips = np.concatenate(work.train.clips)[:PROBE_CLIPS]
    with np.errstate(invalid="ignore"):
        spread = {a.name: float(np.nanstd(a.measure(clips))) for a in work.attributes}
    counted = [a for a in work.attributes if spread[a.name] > 0]
    if edit.target not in [a.name for a in counted] or len(values) < 2:
        return None
    z = np.concatenate(work.judged.mean)[:TURNED_CLIPS]
    operator = knob.require_operator()
    table = np.empty((1, len(counted), len(z), len(values)))
    for s, value in enumerate(values):
        work.workbench.progress(f"turning {knob.name}", s, len(values))
        decoded = work.backend.decode(apply(operator, z, float(value)))
        for a, attribute in enumerate(counted):
            table[0, a, :, s] = attribute.measure(decoded)
    work.workbench.progress(f"turning {knob.name}", len(values), len(values))
    traversals = Traversals(
        values[None],
        table,
        (knob.name,),
        tuple(a.name for a in counted),
        (str(edit.target),),
        np.asarray([spread[a.name] for a in counted]),
        groups=work.groups[: len(z)],
        seed=work.seed,
        resamples=work.resamples,
    )
    results = {metric.name: metric.compute(traversals).as_dict() for metric in work.metrics("traversals")}
    return {"target": edit.target, "values": values.tolist(), "clips": len(z), "metrics": results}
