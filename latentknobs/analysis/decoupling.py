"""
Decoupling: knobs that leave one another's targets alone, z + P_a (T_a(z) - z) for operators, a dual basis for shifts.

What may be dropped of a knob's move is fitted on training songs; how much of it is, validation songs decide: the
least for which the decoded leakage into every other knob's target is within the limit and the effect is kept. A knob
that meets the limit as it is stays as it is. Test songs are read once, for the numbers before and after.
:func:`decouple` reads knobs and corpora through a workbench and stores what it changed as runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeAlias

import numpy as np
from attrs import evolve, frozen

from latentknobs.analysis import dual_basis
from latentknobs.analysis.decoupling_data import (
    DEFAULT_CONFIG,
    DecouplingConfig,
    DecouplingSubject,
    EvaluationData,
    read_data,
)
from latentknobs.analysis.decoupling_result import (
    LEAST_KEPT,
    MOST_CROSS_LEAKAGE,
    CrossLeakage,
    DecoupledKnob,
    Decoupling,
    Way,
)
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.active_dimensions import is_active
from latentknobs.core.arrays import ClipBatch, Floats, Ints
from latentknobs.core.backend import VAEBackend
from latentknobs.core.code_units import CodeUnits
from latentknobs.core.corpus import Progress, no_progress
from latentknobs.core.evidence import Interval
from latentknobs.core.knob import Knob, Operator
from latentknobs.core.method_specs import SelectInput
from latentknobs.core.model_calls import decode
from latentknobs.corpora.corpus_spec import DEFAULT_SELECTION, CorpusSelection
from latentknobs.discovery.selectors import by_effect
from latentknobs.errors import UsageError
from latentknobs.evaluation.bootstrap import interval
from latentknobs.evaluation.effect_size import effect, finite_mean, gain, intended_change
from latentknobs.evaluation.evaluation_set import AmountBatch
from latentknobs.evaluation.leakage import leakage
from latentknobs.evaluation.random_controls import Whitening
from latentknobs.steering.apply import displacement
from latentknobs.workbench import Workbench

DROPS = (1, 2, 4, 8, 16, 32)
"""How many directions in which the others move most are dropped, besides the readings of their targets."""
KEEPS = (32, 16, 8, 4, 2, 1)
"""How many directions in which the knob itself moves most beside the others are all that is left of it."""


def decouple(
    workbench: Workbench,
    names: Iterable[str],
    model: str = DEFAULT_MODEL,
    selection: CorpusSelection = DEFAULT_SELECTION,
    config: DecouplingConfig = DEFAULT_CONFIG,
    *,
    save: bool = False,
) -> Decoupling:
    """
    Have knobs of a model leave one another's targets alone.

    Args:
        workbench: Has the models, corpora and knobs.
        names: Names of two current knobs or more; their order does not matter.
        model: Name or location of the model.
        selection: The songs; by default of the corpus that each knob was found on. The seed fixes the result.
        config: How leakage is measured.
        save: Discover each changed knob again by its new operator, on the same clips, and store it as a run of its
            own, under the same name. It becomes current as any knob does.

    Raises:
        UnknownNameError: No knob, corpus or model of that name.
        UsageError: Fewer than two knobs, two with one target, or one without a target or a usable range.
        DiscoveryError: The corpus gives too few clips, or to save, too few pairs.
        RegistryError: The registry keeps only the hash of a knob's operator, or cannot be written.
    """
    if save:
        workbench.registry.check_writable()
    knobs = [workbench.knob(name, model) for name in names]
    corpora = {knob.name: selection.corpus or workbench.registry.run(knob.run_id).spec.corpus for knob in knobs}
    backend = workbench.model(model)
    subjects = [_subject(workbench, knob, backend, evolve(selection, corpus=corpora[knob.name])) for knob in knobs]
    result = decouple_subjects(backend, subjects, config, selection.seed, progress=workbench.progress)
    runs = [
        workbench.discover(
            one.augmentation,
            corpus=corpora[one.knob.name],
            model=model,
            clips=selection.clips,
            seed=selection.seed,
            settings=config.settings,
            decoupled=one,
        )
        for one in result.knobs
        if save and one.changed
    ]
    return evolve(result, runs=tuple(runs))


def _subject(workbench: Workbench, knob: Knob, backend: VAEBackend, selection: CorpusSelection) -> DecouplingSubject:
    edit = None if knob.augmentation is None else workbench.augment(knob.augmentation)
    target = workbench.plugins.attributes().get((edit and edit.target) or "")
    if edit is None or target is None:
        raise UsageError(f"The knob {knob.name!r} has no target, so nothing says what the others are to leave.")
    target = target.for_format(backend.spec.clip_format)
    return DecouplingSubject(knob, edit, target, workbench.songs_for(backend, selection))


def decouple_subjects(
    backend: VAEBackend,
    subjects: Sequence[DecouplingSubject],
    config: DecouplingConfig,
    seed: int,
    *,
    progress: Progress = no_progress,
) -> Decoupling:
    """
    Decouple knobs of one model; the order of the knobs does not matter.

    Args:
        backend: The model.
        subjects: Two or more knobs of it, each of its own target.
        config: How leakage is measured.
        seed: Seed of the samples of clips and of the intervals.
        progress: Told of the work.

    Raises:
        UsageError: Fewer than two knobs, two of one name or of one target, or one without a usable range.
        DiscoveryError: A corpus has no training, validation or test clip that a knob can be judged on.
    """
    _check(subjects)
    subjects = sorted(subjects, key=lambda s: s.knob.name)
    targets = [s.target for s in subjects]
    data = []
    for done, subject in enumerate(subjects):
        progress("reading songs", done, len(subjects))
        data.append(read_data(backend, subject, targets, config, seed))
    space = _Space.of(subjects, data)
    knobs = []
    for a, (subject, own) in enumerate(zip(subjects, data, strict=True)):
        progress("decoupling", a, len(subjects))
        others = [s for s in subjects if s is not subject]
        judge = _Judge(backend, subject, own, others, config)
        chosen, enough = _choose(judge, space.candidates(a))
        knobs.append(judge.decoupled(*chosen, enough=enough))
    progress("decoupling", len(subjects), len(subjects))
    return Decoupling(
        tuple(knobs),
        space.cosines,
        dual_basis.condition(space.cosines),
        dual_basis.alignment(space.energies),
        {s.target.name: space.r2[b] for b, s in enumerate(subjects)},
        config.every_clip,
    )


def _check(subjects: Sequence[DecouplingSubject]) -> None:
    names, targets = [s.knob.name for s in subjects], [s.target.name for s in subjects]
    if len(subjects) < 2:
        raise UsageError("Decoupling takes two knobs or more: name another.")
    for what, values in (("name", names), ("target", targets)):
        if twice := sorted({v for v in values if values.count(v) > 1}):
            raise UsageError(f"Two of the knobs {', '.join(names)} have the {what} {twice[0]}: name one of them.")
    for s in subjects:
        if not s.ends:
            raise UsageError(f"The knob {s.knob.name!r} has no usable range: there are no ends to judge it at.")


@frozen(eq=False)
class _Space:
    """What training songs say of all the knobs together, m of them; see :mod:`latentknobs.analysis.dual_basis`."""

    subjects: Sequence[DecouplingSubject]
    unit: Floats
    readings: Floats
    r2: Sequence[float]
    directions: Floats
    energies: Floats
    codes: Floats
    cosines: Floats

    @classmethod
    def of(cls, subjects: Sequence[DecouplingSubject], data: Sequence[EvaluationData]) -> _Space:
        codes = np.concatenate([d.codes for d in data])
        covariance, held = np.cov(codes.T, bias=True), subjects[0].operator.held
        covariance[held] = covariance[:, held] = 0.0
        variance = np.diag(covariance)
        scale = _scale(subjects[0])
        spread = np.where(is_active(variance / scale**2), np.sqrt(variance), 0.0)
        unit = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 0)
        values = np.concatenate([d.values for d in data])
        judged = np.concatenate([d.judged[0] for d in data]), np.concatenate([d.judged[1] for d in data])
        read = [
            dual_basis.ridge(codes, values[:, b], (judged[0], judged[1][:, b]), spread) for b in range(len(subjects))
        ]
        directions = np.stack([_for_one_unit(d.moves) for d in data])
        energies = np.stack([np.mean([_moments(move * unit) for move in d.moves.values()], axis=0) for d in data])
        whitened = Whitening.of(covariance / np.outer(scale, scale), scale=scale).whiten(directions.astype(np.float32))
        correlations = covariance * np.outer(unit, unit)
        return cls(
            subjects,
            unit,
            np.stack([w for w, _ in read]),
            [r2 for _, r2 in read],
            directions,
            energies,
            correlations,
            dual_basis.cosines(whitened),
        )

    def candidates(self, a: int) -> Iterator[tuple[Way, int, Operator]]:
        """Ways to decouple knob a, those that change it least first, itself before all."""
        operator = self.subjects[a].operator
        yield "as it is", 0, operator
        if all(s.operator.kind == "shift" for s in self.subjects):
            # Where readings do not tell the knobs apart the projections are left: they need none of the knob itself.
            with suppress(UsageError):
                direction = dual_basis.dual_basis(self.directions, self.readings)[a]
                yield "dual basis", 0, Operator("shift", {"direction": direction}).holding(operator.held)
        others = [b for b in range(len(self.subjects)) if b != a]
        within = operator.arrays.get("projection", np.eye(len(self.unit))).astype(np.float64)
        against = np.sum([dual_basis.of_trace_1(self.energies[b]) for b in others], axis=0)
        most_others = dual_basis.contrast(self.energies[a], against, self.codes) * self.unit
        most_own = dual_basis.contrast(against, self.energies[a], self.codes) * self.unit
        dropped = [most_others[:drop] for drop in (0, *DROPS)] + [most_own[keep:] for keep in KEEPS]
        for away in dropped:
            kept = dual_basis.complement(np.concatenate([self.readings[others], away]), within)
            if kept.shape[1]:
                arrays = {**operator.arrays, "projection": kept}
                yield "projection", within.shape[1] - kept.shape[1], evolve(operator, arrays=arrays)


def _scale(subject: DecouplingSubject) -> Floats:
    """One unit of each dimension, (D,), as the knob's evidence has it."""
    return CodeUnits.of_evidence(subject.knob.evidence, subject.operator.size).scale


def _for_one_unit(moves: Mapping[float, Floats]) -> Floats:
    """The mean move for one unit (D,), by least squares through 0 over amounts: of a shift, its direction."""
    out: Floats = np.sum([n * d.mean(axis=0) for n, d in moves.items()], axis=0) / sum(n * n for n in moves)
    return out


def _moments(d: Floats) -> Floats:
    out: Floats = d.T @ d / max(len(d), 1)
    return out


@frozen(eq=False)
class _Judge:
    """Decodes one knob before and after."""

    backend: VAEBackend
    subject: DecouplingSubject
    data: EvaluationData
    others: Sequence[DecouplingSubject]
    config: DecouplingConfig

    def leaks(self, operator: Operator, split: str) -> tuple[CrossLeakage, ...]:
        """Leakage into every other knob's target, at each end."""
        out = []
        for case in self.data.cases(split, self.subject.ends, every_clip=self.config.every_clip):
            turned = self._turned(operator, case)
            draws = self.data.evaluation_config.draws(case.songs)
            for other in self.others:
                unit = self.data.evaluation_config.spreads[other.target.name] or 1.0
                change = effect(other.target, case, turned, draws)
                leak = leakage(other.target, case, turned, unit, draws)
                scaled = Interval(change.value / unit, change.low / unit, change.high / unit, change.error / unit)
                out.append(
                    CrossLeakage(
                        other.knob.name, other.target.name, case.amount, scaled, leak.upper, leak.lost, change.clips
                    )
                )
        return tuple(out)

    def kept(self, operator: Operator, split: str, dims: Sequence[int] | None = None) -> Interval:
        """
        The part of the knob's effect over both ends that another operator has, maybe in some dimensions alone.

        Effect as in :mod:`latentknobs.evaluation.control_test`: |change by the edit| - |change - change by the edit|
        of the target, a clip that loses it counting as not changed. 0 where the knob itself has no effect.
        """
        parts, songs = [], []
        for end in self.subject.ends:
            case = self.data.trials[split].batches[end]
            own = self._achieved(case, self._turned(self.subject.operator, case))
            parts.append(np.stack([own, self._achieved(case, self._turned(operator, case, dims))], axis=1))
            songs.append(case.songs)
        means, draws = self.data.evaluation_config.draws(np.concatenate(songs)).means(np.concatenate(parts))
        if not means[0] > 0:
            return Interval(0.0, 0.0, 0.0, 0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return interval(float(means[1] / means[0]), np.where(draws[:, 0] > 0, draws[:, 1] / draws[:, 0], np.nan))

    def decoupled(self, way: Way, dropped: int, operator: Operator, *, enough: bool) -> DecoupledKnob:
        """The numbers of test songs, before and after, and the knob's dimensions."""
        knob, same = self.subject.knob, way == "as it is"
        before = self.leaks(self.subject.operator, "test")
        dims = tuple(d.dim for d in knob.dimensions)
        new = dims if same else self._dimensions(operator)
        return DecoupledKnob(
            knob=knob,
            augmentation=self.subject.augmentation.name,
            way=way,
            dropped=dropped,
            operator=operator,
            enough=enough,
            kept=Interval(1.0, 1.0, 1.0, 0.0) if same else self.kept(operator, "test"),
            before=before,
            after=before if same else self.leaks(operator, "test"),
            dims_before=dims,
            dims_after=new,
            kept_by_dims=self.kept(operator, "test", new),
        )

    def _turned(self, operator: Operator, case: AmountBatch, dims: Sequence[int] | None = None) -> ClipBatch:
        moved = displacement(operator, case.z_before, case.amount)
        if dims is not None:
            limited = np.zeros_like(moved)
            limited[:, list(dims)] = moved[:, list(dims)]
            moved = limited
        return decode(self.backend, case.z_before + moved)

    def _achieved(self, case: AmountBatch, turned: ClipBatch) -> Floats:
        gains = gain(self.data.evaluation_config.target_attribute, case, turned)
        target = intended_change(self.subject.target, case)
        out: Floats = np.abs(target) - np.abs(np.nan_to_num(gains) - target)
        return out

    def _dimensions(self, operator: Operator) -> tuple[int, ...]:
        """Selected dimensions of a changed knob, at the far end of the range."""
        end = max(self.subject.ends, key=lambda a: (abs(a), a))
        case = self.data.trials["validation"].batches[end].first(self.config.settings.control_clips)
        variance = self.data.codes.var(axis=0)
        active = is_active(variance / _scale(self.subject) ** 2)
        moved = displacement(operator, case.z_before, end).astype(np.float64)
        energy = np.where(active, (moved**2).mean(axis=0) / np.where(active, variance, 1.0), 0.0)
        if not energy.any():
            return ()
        total = finite_mean(self._achieved(case, self._turned(operator, case)))

        def kept(dims: Ints) -> float:
            part = finite_mean(self._achieved(case, self._turned(operator, case, dims.tolist())))
            return part / total if total else 0.0

        config = self.config.settings.as_dict()
        selected = by_effect(SelectInput(moved.mean(axis=0)[None], energy / energy.sum(), kept, config))
        return tuple(int(d) for d in selected)


_Candidate: TypeAlias = tuple[Way, int, Operator]


def _choose(judge: _Judge, candidates: Iterator[_Candidate]) -> tuple[_Candidate, bool]:
    """
    The first candidate that meets the limits on validation songs, and whether one does.

    Where none does, the first of those that keep the effect whose worst leakage is within one standard error of the
    least: no more is dropped than is seen to help.
    """
    tried = []
    for way, dropped, operator in candidates:
        if way != "as it is" and judge.kept(operator, "validation").value < LEAST_KEPT:
            continue
        leaks = judge.leaks(operator, "validation")
        if all(leak.meets for leak in leaks):
            return (way, dropped, operator), True
        worst = max(leaks, key=lambda leak: leak.excess)
        tried.append((worst.excess, worst.change.error / MOST_CROSS_LEAKAGE, (way, dropped, operator)))
    least, error, _ = min(tried, key=lambda one: one[0])
    return next(candidate for excess, _, candidate in tried if excess <= least + error), False
