"""Doing a stored run again, and measuring a stored knob again, on its own model or on another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from attrs import evolve, fields, frozen

from latentknobs.analysis.knob_similarity import moved, numbers
from latentknobs.analysis.run_comparison import different, paired
from latentknobs.core.experiment import Settings, UnsupervisedSettings
from latentknobs.core.knob import RANK, Knob, Operator
from latentknobs.core.method_specs import Fit
from latentknobs.core.query_spec import KnobQuery
from latentknobs.core.run import Run
from latentknobs.discovery.run_spec import lacking, prescribed_fit
from latentknobs.errors import RegistryError, UsageError

if TYPE_CHECKING:
    from latentknobs.workbench import Workbench


@frozen(eq=False)
class Reproduction:
    """
    A run beside the one that was stored.

    Attributes:
        stored: The run as it was stored.
        again: The run now.
        parameters: Of what it depended on: name to then and now, where they differ (other versions of plugins).
        knobs: Of each knob that both have or one: name, kind, fit, whether its operator is the same to the bit, and
            the numbers that moved by more than 1e-4 (:func:`latentknobs.analysis.knob_similarity.moved`).
    """

    stored: Run
    again: Run
    parameters: Mapping[str, tuple[Any, Any]]
    knobs: tuple[Mapping[str, Any], ...]

    @property
    def same(self) -> bool:
        """Whether nothing differs by more than 1e-4, verdicts included."""
        return not self.parameters and not any(knob["moved"] for knob in self.knobs)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "run": self.stored.run_id,
            "again": self.again.run_id,
            "same": self.same,
            "parameters": {name: list(pair) for name, pair in self.parameters.items()},
            "knobs": [dict(knob) for knob in self.knobs],
        }


def repeat(workbench: Workbench, run_id: str, *, model: str | None = None, fits: Sequence[str] = ()) -> Reproduction:
    """
    Make a stored run again, store it as any run, and compare it with what was stored.

    Args:
        workbench: Has the models, the corpora and the registry.
        run_id: The run, or the beginning of its id; of several results the one stored last.
        model: Where its model is; None = the name that the run has for it.
        fits: The fits to make and judge, as in :class:`Settings`; none = those of the run.

    Raises:
        UnknownNameError: No run, model, augmentation or corpus of that name.
        UsageError: The model is another one, or the run was made by decoupling.
        RegistryError: The registry cannot be written; found out before the work starts.
    """
    stored = workbench.run(run_id)
    spec = stored.spec
    if "decoupled" in spec.parameters:
        raise UsageError(
            f"Run {run_id} proved a decoupled knob: decouple its knobs again with 'knobs decouple --save'."
        )
    name = model or spec.model_name
    if workbench.model(name).spec.model_id != spec.model_id:
        raise UsageError(
            f"The model {name} has other weights than that of run {run_id} ({spec.model_id[:12]}): name those with "
            f"--model, or see with 'knobs verify --model' which knobs survive."
        )
    settings = settings_of(spec.parameters)
    clips = settings.clips or 1
    if isinstance(settings, UnsupervisedSettings):
        again = workbench.disentangle(name, spec.corpus, clips=clips, seed=spec.seed, settings=settings)
    else:
        settings = evolve(settings, fits=tuple(fits) or settings.fits)
        again = workbench.discover(
            str(spec.augmentation), corpus=spec.corpus, model=name, clips=clips, seed=spec.seed, settings=settings
        )
    changed = different(spec.parameters, again.spec.parameters)
    return Reproduction(stored, again, changed, tuple(pair.as_dict() for pair in paired(stored, again)))


def settings_of(parameters: Mapping[str, Any]) -> Settings:
    """
    The settings that a run was made with.

    Raises:
        RegistryError: This version has no such settings.
    """
    cls: type[Settings] = Settings
    if "candidates" in parameters:
        cls, parameters = UnsupervisedSettings, {"moves": (), **parameters}  # runs from before there were any
    known = {attribute.name for attribute in fields(cls)}
    try:
        return cls(**{name: value for name, value in parameters.items() if name in known})
    except (TypeError, ValueError) as error:
        raise RegistryError(f"The run's settings cannot be used by this version: {error.args[0]}.") from error


@frozen(eq=False)
class Verification:
    """
    A stored knob, measured again.

    Attributes:
        knob: As it is stored.
        model_id: The model on which it was measured.
        again: The same operator with what was measured now; None where it cannot be measured.
        reason: Why it cannot be, "" where it can.
    """

    knob: Knob
    model_id: str
    again: Knob | None
    reason: str = ""

    @property
    def survives(self) -> bool:
        """Whether its verdict is no worse than it was."""
        return self.again is not None and RANK[self.again.verdict] >= RANK[self.knob.verdict]

    @property
    def moved(self) -> list[dict[str, Any]]:
        """The numbers before and after; see :func:`latentknobs.analysis.knob_similarity.moved`."""
        return [] if self.again is None else moved(numbers(self.knob), numbers(self.again))

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.knob.name,
            "model_id": self.knob.model_id,
            "measured_on": self.model_id,
            "verdict": self.knob.verdict,
            "again": None if self.again is None else self.again.verdict,
            "survives": self.survives,
            "why": self.reason,
            "numbers": self.moved,
        }


@frozen(eq=False)
class _Again:
    """A stored operator in place of what fits would give."""

    knob: Knob
    operator: Operator

    def origin(self) -> dict[str, Any]:
        return {"verified": {"run": self.knob.run_id, "operator": self.operator.sha256}}

    def as_fit(self) -> Fit:
        return prescribed_fit(self.knob.fit, self.operator, "A stored knob, measured again.", {})


def verify(
    workbench: Workbench, knob: Knob, *, model: str | None = None, clips: int | None = None, seed: int | None = None
) -> Verification:
    """
    Measure a stored knob again by the acceptance criteria of a discovery, on the clips of its run; nothing is stored.

    Args:
        workbench: Has the models, the corpora and the registry.
        knob: A current one.
        model: Another model of the same latent size and clip format, in whose codes the operator is tried; None = its
            own.
        clips: How many are asked of the corpus, all splits together; None = as many as its run.
        seed: Of the songs; None = its run's.

    Raises:
        UnknownNameError: No model or corpus of that name.
        UsageError: The model has another latent size or clip format.
        DiscoveryError: The corpus gives too few clips.
    """
    run = workbench.registry.run(knob.run_id)
    name = model or run.spec.model_name
    spec = workbench.model(name).spec
    if model is None and spec.model_id != knob.model_id:
        return Verification(
            knob, spec.model_id, None, f"{name} has other weights now: try it on them with --model {name}."
        )
    edit = knob.augmentation
    if edit is None:
        reason = f"It was found without an edit: 'latentknobs runs repeat {knob.run_id}' looks for it again."
        return Verification(knob, spec.model_id, None, reason)
    if reason := lacking(workbench.augment, run.spec):
        return Verification(knob, spec.model_id, None, reason)
    if knob.operator is None:  # it was asked for without
        current = workbench.registry.find(KnobQuery(model=knob.model_id, name=knob.name), operators=True)
        knob = next((one for one in current if one.operator_sha256 == knob.operator_sha256), knob)
    if knob.operator is None:
        reason = f"Only the hash of its operator is kept: 'latentknobs runs repeat {knob.run_id}' brings it back."
        return Verification(knob, spec.model_id, None, reason)
    if knob.operator.size != spec.latent_size:
        raise UsageError(
            f"The knob {knob.name!r} moves codes of {knob.operator.size} dimensions, and {name} has "
            f"{spec.latent_size}: name a model of the same size."
        )
    settings = evolve(settings_of(run.spec.parameters), fits=())
    again = workbench.discover(
        edit,
        corpus=run.spec.corpus,
        model=name,
        clips=clips or settings.clips or 1,
        seed=run.spec.seed if seed is None else seed,
        settings=settings,
        decoupled=_Again(knob, knob.operator),
        keep=False,
    )
    return Verification(knob, spec.model_id, again.knobs[0])
