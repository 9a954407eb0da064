"""
The field's metrics of a model: in its own dimensions, and in coordinates whose first ones are its knobs.

A knob's coordinate is learned from clips before and after its edit alone, never from the attribute that it is then
read against; a probe that is trained on the attribute stands beside it as the most that can be read linearly.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from attrs import define, field, frozen
from numpy.random import default_rng

from latentknobs.analysis.knob_coordinates import AmountRange, AmountReading, knob_coordinates, read_amount
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.arrays import ClipBatch, Codes, Floats, Ints
from latentknobs.core.attribute import Attribute
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.backend import VAEBackend
from latentknobs.core.capability import capability
from latentknobs.core.corpus import CorpusRequest, Tally, TrueFactors
from latentknobs.core.experiment import Experiment
from latentknobs.core.knob import Knob
from latentknobs.core.metric_specs import RESAMPLES, LabelledCodes, Metric, MetricResult, Traversals
from latentknobs.core.model_calls import accepted, encode
from latentknobs.corpora.corpus_spec import check_format, parse_sources
from latentknobs.corpora.sharding import Shard, shards
from latentknobs.discovery.fits.closed_form import PENALTIES
from latentknobs.discovery.pairs import edit_clips, encode_pairs
from latentknobs.errors import CorpusError, DiscoveryError, UnknownNameError, UsageError
from latentknobs.steering.apply import apply
from latentknobs.steering.control_directions import operator_of
from latentknobs.workbench import Workbench

Judged: TypeAlias = Literal["validation", "test"]
JUDGED: tuple[Judged, ...] = ("validation", "test")
CLIPS = 20_000
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
    """What is kept of the clips of one split."""

    clips: list[ClipBatch] = field(factory=list)
    songs: list[str] = field(factory=list)
    mean: list[Codes] = field(factory=list)
    drawn: list[Codes] = field(factory=list)

    def stacked(self, kind: str) -> Floats:
        out: Floats = np.concatenate(self.mean if kind == "mean" else self.drawn).astype(np.float64)
        return out


@frozen(eq=False)
class _Labels:
    """Numbers (N, F) to read codes against, with their names and whether each is a class."""

    values: Floats
    names: tuple[str, ...]
    discrete: tuple[bool, ...]

    def some(self, columns: Sequence[int]) -> _Labels:
        return _Labels(
            self.values[:, list(columns)],
            tuple(self.names[i] for i in columns),
            tuple(self.discrete[i] for i in columns),
        )


def disentanglement(
    bench: Workbench,
    model: str = DEFAULT_MODEL,
    *,
    corpus: str = "folk",
    split: Judged = "test",
    clips: int = CLIPS,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> dict[str, Any]:
    """
    All the metrics of a model on the songs of a split.

    Args:
        bench: Workbench whose plugins and registry are asked.
        model: Name or location of the model; its accepted and provisional knobs are the registry's.
        corpus: As for :meth:`Workbench.songs`. Where it knows the true factors of its songs, codes are read against
            those too.
        split: "validation" or "test": readings, probes and the covariance are of training songs.
        clips: Clips of all splits together, asked of the corpus.
        seed: Seed of the songs, of what is drawn and of the intervals.
        resamples: Resamplings of songs for each interval; 0 = none.

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
    sources = parse_sources(corpus, bench.corpora)
    backend = bench.model(model)
    spec = backend.spec
    check_format(sources, spec)
    tally = Tally()
    asked = CorpusRequest(
        clips=clips,
        seed=seed,
        pitch_range=spec.pitch_range or (0, 127),
        progress=bench.progress,
        tally=tally.add,
        cache=bench.cache_dir,
    )
    attributes = [a for a in bench.plugins.attributes().values() if a.clip_format == spec.clip_format.name]
    if not attributes:
        raise UsageError(
            f"No plugin measures an attribute of {spec.clip_format.name} clips: codes need some to be read."
        )
    knobs, left = _usable(bench, spec.model_id)
    reader = _Reader(backend, knobs, seed, tally)
    for shard in shards(bench.songs(corpus, asked), SHARD):
        reader.add(shard, split)
        bench.progress("encoding for metrics", reader.done, clips)
    if not reader.parts["train"].songs or not reader.parts[split].songs:
        raise CorpusError(f"The corpus {corpus} gives no training clips or no {split} clips: ask for more (--clips).")
    readings: dict[str, AmountReading] = {}
    for name, (train, validation) in reader.turns.items():
        try:
            dims = [d.dim for d in knobs[name][0].dimensions]
            readings[name] = read_amount(train, validation, dims or None)
        except DiscoveryError as error:
            left[name] = str(error)
    judged, train_part = reader.parts[split], reader.parts["train"]
    systems = {RAW: np.eye(spec.latent_size)}
    covariance = np.cov(train_part.stacked("mean").T, bias=True)
    kept: dict[str, AmountReading] = {}
    for name, reading in readings.items():  # of two that depend on each other the first stands
        try:
            weights = [*(other.weights for other in kept.values()), reading.weights]
            systems[KNOBS] = knob_coordinates(weights, covariance).dual
            kept[name] = reading
        except DiscoveryError:
            left[name] = "its reading depends on those of the knobs before it"
    readings = kept
    groups = np.unique(np.asarray(judged.songs), return_inverse=True)[1].astype(np.int64)
    work = _Work(bench, groups, seed, resamples)
    labels = {MEASURED: _measured(attributes, judged)}
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
            z = judged.stacked(kind)
            codes[name][kind] = {}
            for system, dual in systems.items():
                bench.progress("metrics of codes", done, total)
                codes[name][kind][system] = work.of_codes(z @ dual, label)
                done += 1
    bench.progress("metrics of codes", total, total)
    probes = _probes(attributes, train_part, judged)
    refused = {name: {"left_out": why} for name, why in left.items()}
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
        "knobs": {**{name: reader.told(name, r) for name, r in readings.items()}, **refused},
        "codes": codes,
        "probes": {name: work.alone(read, labels[MEASURED], name) for name, read in probes.items()},
        "targets": _targets(knobs, readings, judged, labels[MEASURED], probes, work),
        "turned": {
            name: found
            for name, (knob, edit) in knobs.items()
            if (found := _turned(bench, backend, knob, edit, attributes, judged, train_part, work)) is not None
        },
    }  # fmt: skip


def _usable(bench: Workbench, model_id: str) -> tuple[dict[str, tuple[Knob, Augmentation]], dict[str, str]]:
    """The model's knobs that were not refused, with their edits, and of the others why they are left out."""
    found: dict[str, tuple[Knob, Augmentation]] = {}
    left: dict[str, str] = {}
    for knob in bench.registry.knobs(model_id=model_id):
        if knob.verdict not in ("accepted", "provisional"):
            left[knob.name] = f"it is {knob.verdict}"
        elif knob.augmentation is None:
            left[knob.name] = "it was found without an edit"
        else:
            try:
                found[knob.name] = (knob, bench.augment(knob.augmentation))
            except (UnknownNameError, UsageError) as reason:
                left[knob.name] = str(reason)
    return found, left


@define(eq=False)
class _Reader:
    """Reads shards: codes of all clips, and of some training and validation clips the pairs of every knob's edit."""

    backend: VAEBackend
    knobs: Mapping[str, tuple[Knob, Augmentation]]
    seed: int
    tally: Tally
    parts: dict[str, _Part] = field(factory=lambda: {name: _Part() for name in ("train", *JUDGED)})
    turns: dict[str, tuple[AmountRange, AmountRange]] = field(factory=dict)
    done: int = 0
    _edited: dict[str, int] = field(factory=lambda: dict.fromkeys(("train", *JUDGED), 0))

    def __attrs_post_init__(self) -> None:
        size = self.backend.spec.latent_size
        self.turns = {name: (AmountRange.empty(size), AmountRange.empty(size)) for name in self.knobs}

    def add(self, whole: Shard, split: Judged) -> None:
        """Take in a shard; clips of the split that is not judged serve for penalties only."""
        number, self.done = self.done, self.done + len(whole.clips)
        carried = accepted(self.backend, whole.clips)
        self.tally.add("not accepted by the model", int((~carried).sum()))
        shard = Shard(whole.clips[carried], tuple(np.asarray(whole.songs)[carried].tolist()), whole.split)
        if not len(shard.clips) or shard.split not in ("train", "validation", split):
            return
        part, rng = self.parts[shard.split], default_rng([self.seed, 5, number])
        if shard.split == split:
            posterior = self.backend.encode(shard.clips)
            codes: Codes = np.asarray(posterior.mean, dtype=np.float32)
            if posterior.scale is not None:
                part.drawn.append(codes + posterior.scale * rng.standard_normal(codes.shape).astype(np.float32))
        else:
            codes = encode(self.backend, shard.clips)
        part.mean.append(codes)
        part.clips.append(shard.clips)
        part.songs += shard.songs
        self._edit(shard, codes, split, number)

    def told(self, name: str, reading: AmountReading) -> dict[str, Any]:
        """What is told of a knob's reading."""
        facts = {"pairs": self.turns[name][0].pairs, "penalty": reading.penalty, "r2": reading.r2}
        knob, _ = self.knobs[name]
        return {**facts, "verdict": knob.verdict, "run": knob.run_id}

    def _edit(self, shard: Shard, codes: Codes, split: Judged, number: int) -> None:
        # Judged clips are never edited: penalties are then chosen on training clips.
        if (
            shard.split not in PAIR_CLIPS
            or shard.split == split
            or self._edited[shard.split] >= PAIR_CLIPS[shard.split]
        ):
            return
        self._edited[shard.split] += len(shard.clips)
        for name, (_, edit) in self.knobs.items():
            turns = self.turns[name][0 if shard.split == "train" else 1]
            experiment = Experiment.without_methods(self.backend, edit)
            edits = edit_clips(experiment, shard.clips, default_rng([self.seed, number]))
            for pair in encode_pairs(experiment, edits, codes, Tally()):
                if pair.amount in experiment.own_amounts:  # a swapped pair would tell the same clips again
                    turns.add(pair.amount, pair.before, pair.after)


@frozen(eq=False)
class _Work:
    """Computes metrics with one set of groups, seed and resamplings."""

    bench: Workbench
    groups: Ints
    seed: int
    resamples: int

    def metrics(self, needs: str) -> Iterable[Metric]:
        return [metric for metric in self.bench.plugins.metrics().values() if metric.needs == needs]

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
        given = self.labelled(codes, labels)
        return {metric.name: metric.compute(given).as_dict() for metric in self.metrics("codes")}

    def alone(self, read: Floats, labels: _Labels, name: str) -> dict[str, Any]:
        """Interpretability and rank correlation of one number (N,) with one label."""
        given = self.labelled(read[:, None], labels.some([labels.names.index(name)]))
        known = self.bench.plugins.metrics()
        found: dict[str, MetricResult] = {m: known[m].compute(given) for m in ("interpretability", "scc") if m in known}
        return {metric: result.overall.as_dict() for metric, result in found.items()}


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


def _probes(attributes: Sequence[Attribute], train: _Part, judged: _Part) -> dict[str, Floats]:
    """
    For each attribute, what a linear probe from all dimensions reads in the judged codes, float64 (N,).

    Ridge regression on training clips; of the penalties, in units of the mean variance of a dimension, the one with the
    smallest squared error on the last fifth of them is taken, and the probe is then fitted on all.
    """
    codes, clips = train.stacked("mean")[:PROBE_CLIPS], np.concatenate(train.clips)[:PROBE_CLIPS]
    asked = judged.stacked("mean")
    out: dict[str, Floats] = {}
    for attribute in attributes:
        values = np.asarray(attribute.measure(clips), dtype=np.float64)
        there = np.isfinite(values)
        x, y = codes[there], values[there]
        first = len(y) - len(y) // 5
        if first < 10 or np.ptp(y[:first]) == 0:
            continue
        left = [
            float(((y[first:] - _line(x[:first], y[:first], penalty, x[first:])) ** 2).sum()) for penalty in PENALTIES
        ]
        out[attribute.name] = _line(x, y, PENALTIES[int(np.argmin(left))], asked)
    return out


def _line(x: Floats, y: Floats, penalty: float, asked: Floats) -> Floats:
    centre = x.mean(axis=0)
    covariance = np.cov(x.T, bias=True)
    ridge = penalty * float(np.trace(covariance)) / len(covariance) * np.eye(len(covariance))
    w = np.linalg.solve(covariance + ridge, (x - centre).T @ (y - y.mean()) / len(y))
    out: Floats = y.mean() + (asked - centre) @ w
    return out


def _targets(
    knobs: Mapping[str, tuple[Knob, Augmentation]],
    readings: Mapping[str, AmountReading],
    judged: _Part,
    labels: _Labels,
    probes: Mapping[str, Floats],
    work: _Work,
) -> dict[str, Any]:
    """Of each knob with a target: its own coordinate, the best single dimension and the probe, against the target."""
    z = judged.stacked("mean")
    out: dict[str, Any] = {}
    for name, reading in readings.items():
        target = knobs[name][1].target
        if target is None or target not in labels.names or target not in probes:
            continue
        one = labels.some([labels.names.index(target)])
        given = work.labelled(z, one)
        known = work.bench.plugins.metrics()
        best = {m: known[m].compute(given).overall.as_dict() for m in ("interpretability", "scc") if m in known}
        out[name] = {
            "target": target,
            "knob": work.alone(z @ reading.weights, labels, target),
            "best dimension": best,
            "probe": work.alone(probes[target], labels, target),
        }
    return out


def _values_of(knob: Knob) -> Floats:
    """Evenly spaced amounts over the usable range, at most STEPS of them."""
    if knob.step is None:
        out: Floats = np.linspace(knob.low, knob.high, STEPS).astype(np.float64)
        return out
    low, high = (round(end / knob.step) for end in (knob.low, knob.high))
    apart = -(-(high - low) // (STEPS - 1)) or 1
    whole: Floats = np.arange(low, high + 1, apart).astype(np.float64) * knob.step
    return whole


def _turned(
    bench: Workbench,
    backend: VAEBackend,
    knob: Knob,
    edit: Augmentation,
    attributes: Sequence[Attribute],
    judged: _Part,
    train: _Part,
    work: _Work,
) -> dict[str, Any] | None:
    """The metrics of traversals of one knob on the first clips of the split; None where it has no target."""
    values = _values_of(knob)
    seen = np.concatenate(train.clips)[:PROBE_CLIPS]
    with np.errstate(invalid="ignore"):
        spread = {a.name: float(np.nanstd(a.measure(seen))) for a in attributes}
    counted = [a for a in attributes if spread[a.name] > 0]
    if edit.target not in [a.name for a in counted] or len(values) < 2:
        return None
    z = np.concatenate(judged.mean)[:TURNED_CLIPS]
    operator = operator_of(knob)
    table = np.empty((1, len(counted), len(z), len(values)))
    for s, value in enumerate(values):
        bench.progress(f"turning {knob.name}", s, len(values))
        decoded = backend.decode(apply(operator, z, float(value)))
        for a, attribute in enumerate(counted):
            table[0, a, :, s] = attribute.measure(decoded)
    bench.progress(f"turning {knob.name}", len(values), len(values))
    given = Traversals(
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
    found = {metric.name: metric.compute(given).as_dict() for metric in work.metrics("traversals")}
    return {"target": edit.target, "values": values.tolist(), "clips": len(z), "metrics": found}
