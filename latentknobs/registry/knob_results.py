"""Asking for knobs: what ``Workbench.knobs`` gives, as values, rows or a data frame."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Unpack

from latentknobs.core.knob import Knob
from latentknobs.core.query_spec import KnobFilters, KnobQuery
from latentknobs.errors import MissingExtraError, UnknownNameError

if TYPE_CHECKING:
    from latentknobs.workbench import Workbench

COLUMNS = (
    "name",
    "model",
    "model_id",
    "run",
    "kind",
    "fit",
    "verdict",
    "augmentation",
    "unit",
    "step",
    "low",
    "high",
    "dimensions",
    "effect",
    "tags",
    "note",
    "found",
    "operator_sha256",
)
"""What a row has; the columns of the view v_knobs of the same names."""


class Knobs(tuple[Knob, ...]):
    """Knobs that were asked for, in order, without their operators."""

    __slots__ = ()

    def rows(self) -> list[dict[str, Any]]:
        """One flat row for each, with :data:`COLUMNS`."""
        return [_row(knob) for knob in self]

    def to_frame(self) -> Any:
        """
        The rows as a pandas.DataFrame, with times as times.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        try:
            pandas = import_module("pandas")
        except ImportError as error:
            raise MissingExtraError("A data frame of knobs", "pandas") from error
        frame = pandas.DataFrame(self.rows(), columns=list(COLUMNS))
        frame["found"] = pandas.to_datetime(frame["found"], utc=True)
        return frame


def _row(knob: Knob) -> dict[str, Any]:
    facts = knob.as_dict()
    more = {
        "dimensions": len(knob.dimensions),
        "effect": max((effect.leakage for effect in knob.effects), default=None),
        "tags": " ".join(sorted(knob.tags)),
        "found": None if knob.found is None else knob.found.isoformat(timespec="microseconds"),
    }
    return {name: more.get(name, facts[name] if name not in more else None) for name in COLUMNS}


def knobs(workbench: Workbench, **asked: Unpack[KnobFilters]) -> Knobs:
    """
    The knobs that meet every condition given; arguments as for :class:`KnobQuery`.

    Args:
        workbench: Has registry and models.
        **asked: The conditions; ``model`` is the name, hash, or location of a model.

    Raises:
        UsageError: A condition is none.
        UnknownNameError: No kind, verdict or order of that name, or no model.
    """
    model = asked.pop("model", None)
    query = KnobQuery(**asked, model_id=None if not model else _model_id(workbench, model))  # type: ignore[misc] # converters take dates too
    return Knobs(workbench.registry.find(query))


def knob_at(workbench: Workbench, text: str, model: str) -> Knob:
    """
    The knob that a text means: NAME, the current one, or NAME@RUN or NAME@RUN/FIT, one of an earlier run.

    Raises:
        UnknownNameError: There is none; the names that there are stand in the message.
    """
    name, _, at = text.partition("@")
    run, _, fit = at.partition("/")
    model_id = _model_id(workbench, model)
    found = workbench.registry.find(
        KnobQuery(name=name.replace("*", ""), model_id=model_id, run=run or None, history=bool(run)), operators=True
    )
    fitting = [knob for knob in found if fit in ("", knob.fit)]
    if not fitting:
        known = workbench.registry.find(KnobQuery(model_id=model_id, run=run or None, history=bool(run)))
        names = {f"{k.name}@{k.run_id}/{k.fit}" if run else k.name for k in known}
        raise UnknownNameError("knob", text, names, f"for the model {model}")
    # Of a run without its fit named, the one that has the name, else the one with the best verdict.
    return next((k for k in fitting if k.operator is not None), fitting[0])


def _model_id(workbench: Workbench, model: str) -> str:
    """The identity of a model, without loading its weights where its name or hash will do."""
    known = workbench.registry.models()
    named = {model_id for name, model_id in known if model == name or (len(model) >= 12 and model_id.startswith(model))}
    # Weights that changed under the same name leave knobs of the old ones behind: then the hash decides.
    return named.pop() if len(named) == 1 else workbench.model(model).spec.model_id
