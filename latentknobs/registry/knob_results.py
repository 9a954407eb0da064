"""What ``Workbench.knobs`` and ``Workbench.runs`` return: values, rows, a data frame, or a table in a notebook."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeVar

from latentknobs.core.html_table import html_table
from latentknobs.core.knob import Knob
from latentknobs.core.knob_rows import OF_KNOB, PART_COLUMNS, KnobPart, part_rows, value_of
from latentknobs.core.row_filter import holds
from latentknobs.core.run import RUN_COLUMNS, RunOutline
from latentknobs.core.where import read_row_condition, read_term
from latentknobs.errors import needs_extra

if TYPE_CHECKING:
    from latentknobs.plots.figure import Picture  # matplotlib's size is not paid for by who draws nothing

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
    "target",
)
"""What a row of a knob has; the columns of the view v_knobs of the same names."""
NAMED = 8
"""Names that an answer prints of itself."""
T = TypeVar("T")


class Answer(tuple[T, ...], ABC):  # noqa: SLOT001 - rows of a part carry their columns
    """
    What a query found, in its order.

    Attributes:
        columns: Of its rows.
        shown: Those of a table in a notebook.
    """

    columns: Sequence[str] = ()
    shown: Sequence[str] = ()
    times: ClassVar[Sequence[str]] = ()

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """One flat row for each, with the columns."""

    @abstractmethod
    def _names(self) -> Iterable[str]: ...

    def __repr__(self) -> str:
        names = list(dict.fromkeys(self._names()))
        names[NAMED:] = ["..."] if len(names) > NAMED else []
        return f"<{type(self).__name__}: {': '.join(filter(None, (str(len(self)), ', '.join(names))))}>"

    def to_frame(self) -> Any:
        """
        The rows as a pandas.DataFrame, with times as times.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        with needs_extra("A data frame", "pandas"):
            pandas = import_module("pandas")
        frame = pandas.DataFrame(self.rows(), columns=list(self.columns))
        for name in self.times:
            frame[name] = pandas.to_datetime(frame[name], utc=True)
        return frame

    def _repr_html_(self) -> str:
        return html_table(self.shown, ([row[name] for name in self.shown] for row in self.rows()))


class Knobs(Answer[Knob]):
    """Knobs in the order of a query, without their operators."""

    columns = COLUMNS
    shown = ("name", "verdict", "kind", "fit", "low", "high", "unit", "dimensions", "effect", "model", "run", "tags")
    times = ("found",)

    def rows(self) -> list[dict[str, Any]]:
        """One flat row for each, with :data:`COLUMNS`."""
        return [_row(knob) for knob in self]

    def _names(self) -> Iterable[str]:
        return (knob.name for knob in self)

    def effects(self) -> KnobRows:
        """A row for each effect on an attribute, as in the view v_knob_effects."""
        return self.parts("effects")

    def dimensions(self) -> KnobRows:
        """A row for each selected dimension, as in the view v_knob_dimensions."""
        return self.parts("dimensions")

    def blocks(self) -> KnobRows:
        """A row for each block or step of the code, as in the view v_knob_blocks."""
        return self.parts("blocks")

    def criteria(self) -> KnobRows:
        """A row for each acceptance criterion, as in the view v_knob_criteria."""
        return self.parts("criteria")

    def response(self) -> KnobRows:
        """A row for each measured amount, as in the view v_knob_response."""
        return self.parts("response")

    def parts(self, part: KnobPart) -> KnobRows:
        """The rows of one of these views."""
        return KnobRows((row for knob in self for row in part_rows(knob, part)), part)

    def values(self, name: str) -> list[float | str | None]:
        """
        A number or text of each knob by the name that conditions have for it; None where it was not measured.

        Args:
            name: "equivariance", "leakage of rests", "response@3", "r2", "corpus", ...

        Raises:
            UsageError: It cannot be read.
            UnknownNameError: Nothing is called so.
        """
        term = read_term(name, texts=True)
        return [_row(knob)[term.name] if term.is_text else value_of(knob, term) for knob in self]

    def plot(self, *figures: str) -> Picture:
        """
        Their picture, which a notebook shows and ``save`` writes; see :func:`latentknobs.plots.knob_picture`.

        Args:
            figures: response, criteria, dimensions or effects; none = all that their number allows.
        """
        from latentknobs.plots.knob_picture import knob_picture

        return knob_picture(self, figures)


class KnobRows(Answer[dict[str, Any]]):
    """Rows of one of the views on knobs: dicts by column."""

    part: KnobPart

    def __new__(cls, rows: Iterable[dict[str, Any]], part: KnobPart) -> Self:
        """The rows, of a part."""
        out = super().__new__(cls, rows)
        out.part = part
        out.columns = (*OF_KNOB, *PART_COLUMNS[part])
        out.shown = ("name", "fit", *PART_COLUMNS[part])
        return out

    def rows(self) -> list[dict[str, Any]]:
        """They themselves."""
        return list(self)

    def _names(self) -> Iterable[str]:
        return (row["name"] for row in self)

    def only(self, condition: str) -> KnobRows:
        """
        The rows that meet a condition on their columns ("effect >= 0.25 and attribute != rests").

        Raises:
            UsageError: It cannot be read.
            UnknownNameError: There is no such column.
        """
        asked = read_row_condition(condition, self.columns)
        return KnobRows((row for row in self if holds(asked, row)), self.part)


class Runs(Answer[RunOutline]):
    """Runs, the oldest first, without their knobs."""

    columns = RUN_COLUMNS
    shown = ("run", "model", "augmentation", "corpus", "seed", "finished", "knobs", "accepted")
    times = ("started", "finished")

    def rows(self) -> list[dict[str, Any]]:
        """One flat row for each, with :data:`~latentknobs.core.run.RUN_COLUMNS`."""
        return [run.as_row() for run in self]

    def _names(self) -> Iterable[str]:
        return (run.run for run in self)


def _row(knob: Knob) -> dict[str, Any]:
    facts = knob.as_dict()
    more: Mapping[str, Any] = {
        "dimensions": len(knob.dimensions),
        "effect": max((effect.effect for effect in knob.effects), default=None),
        "tags": " ".join(sorted(knob.tags)),
        "found": None if knob.found is None else knob.found.isoformat(timespec="microseconds"),
        "target": knob.evidence.target,
    }
    return {name: more.get(name, facts[name] if name not in more else None) for name in COLUMNS}
