"""What ``Workbench.knobs`` returns: knobs as values, rows or a data frame."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from latentknobs.core.knob import Knob
from latentknobs.errors import MissingExtraError

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
    "current",
    "corpus",
    "seed",
    "version",
)
"""What a row has; the columns of the view v_knobs of the same names."""


class Knobs(tuple[Knob, ...]):
    """Knobs in the order of a query, without their operators."""

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
        "effect": max((effect.effect for effect in knob.effects), default=None),
        "tags": " ".join(sorted(knob.tags)),
        "found": None if knob.found is None else knob.found.isoformat(timespec="microseconds"),
    }
    return {name: more.get(name, facts[name] if name not in more else None) for name in COLUMNS}
