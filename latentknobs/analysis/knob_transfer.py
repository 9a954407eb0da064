"""Which knobs of one model another has too: the same discoveries made again on it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from attrs import frozen

from latentknobs.analysis.reproduction import settings_of
from latentknobs.core.knob import Knob
from latentknobs.core.run import Run
from latentknobs.discovery.run_spec import lacking
from latentknobs.errors import UsageError

if TYPE_CHECKING:
    from latentknobs.workbench import Workbench


@frozen(eq=False)
class TransferResult:
    """
    A knob of one model beside what the same discovery finds in another.

    Attributes:
        knob: As it is stored.
        again: What was found in the other model: the knob that its validation songs choose; None where none was
            looked for.
        run_id: The discovery on the other model, "" where there was none.
        reason: Why none was looked for, "" where one was.
    """

    knob: Knob
    again: Knob | None
    run_id: str = ""
    reason: str = ""

    @property
    def exists(self) -> bool:
        """Whether the other model has the knob: accepted, or provisional where fewer clips were looked at."""
        return self.again is not None and self.again.verdict in ("accepted", "provisional")

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "name": self.knob.name,
            "augmentation": self.knob.augmentation,
            "exists": self.exists,
            "why": self.reason,
            "run": self.knob.run_id,
            "again_run": self.run_id,
            "a": measured(self.knob),
            "b": None if self.again is None else measured(self.again),
        }


def measured(knob: Knob) -> dict[str, Any]:
    """
    The numbers by which knobs of different models can be compared; None where one was not measured.

    Returns:
        ``model``, ``verdict``, ``kind``, ``fit``, ``low``, ``high``, ``unit``, ``dimensions`` (their number);
        ``equivariance`` and ``least_equivariance``, mean and least over the amounts of the usable range, or over all
        where that is empty; ``slope`` and ``r2`` of the target's response to the amount.
    """
    test = knob.evidence.test
    amounts = test.amounts if test else ()
    usable = [x for x in amounts if knob.low <= x.amount <= knob.high and x.amount] or amounts
    scores = [x.equivariance.value for x in usable if x.equivariance is not None]
    response = test and test.response
    return {
        "model": knob.model_name,
        "verdict": knob.verdict,
        "kind": knob.kind,
        "fit": knob.fit,
        "low": knob.low,
        "high": knob.high,
        "unit": knob.unit,
        "dimensions": len(knob.dimensions),
        "equivariance": float(np.mean(scores)) if scores else None,
        "least_equivariance": float(min(scores)) if scores else None,
        "slope": response.slope.value if response else None,
        "r2": response.r2.value if response else None,
    }


def transfer(workbench: Workbench, knobs: Iterable[Knob], model: str, *, keep: bool = False) -> list[TransferResult]:
    """
    Look for the knobs of one model in another, each by the edit, corpus, seed and settings of its stored run.

    Args:
        workbench: Has the models, the corpora and the registry.
        knobs: Current knobs.
        model: Name or location of the other model.
        keep: Store the runs, as discoveries are.

    Raises:
        UnknownNameError: No model or corpus of that name.
        UsageError: The knobs are those of this model, or it takes other clips.
        DiscoveryError: The corpus gives too few clips.
        RegistryError: A run's settings cannot be used, or (keep) the registry cannot be written.
    """
    knobs = tuple(knobs)
    spec = workbench.model(model).spec
    if any(knob.model_id == spec.model_id for knob in knobs):
        raise UsageError(
            f"The model {model} is the one whose knobs are to be transferred: name another, or make its runs again "
            "with 'latentknobs runs repeat'."
        )
    runs: dict[str, Run] = {}
    out = []
    for knob in knobs:
        stored = workbench.registry.run(knob.run_id).spec
        edit = stored.augmentation
        if edit is None:
            reason = f"It was found without an edit: 'latentknobs disentangle --model {model}' looks for such knobs."
            out.append(TransferResult(knob, None, reason=reason))
            continue
        if "decoupled" in stored.parameters:
            reason = "It was made by decoupling: transfer the knobs it was made of, and decouple those that are found."
            out.append(TransferResult(knob, None, reason=reason))
            continue
        if reason := lacking(workbench.augment, stored):
            out.append(TransferResult(knob, None, reason=reason))
            continue
        if knob.run_id not in runs:
            settings = settings_of(stored.parameters)
            runs[knob.run_id] = workbench.discover(
                edit,
                corpus=stored.corpus,
                model=model,
                clips=settings.clips or 1,
                seed=stored.seed,
                settings=settings,
                keep=keep,
            )
        run = runs[knob.run_id]
        out.append(TransferResult(knob, _chosen(run, knob), run.run_id))
    return out


def _chosen(run: Run, knob: Knob) -> Knob:
    """The knob that the run gives: its current one, else the one of the same fit, else its first."""
    if run.current is not None:
        return run.knobs[run.current]
    return next((one for one in run.knobs if one.fit == knob.fit), run.knobs[0])
