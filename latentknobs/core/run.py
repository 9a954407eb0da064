"""Runs: one discovery, with everything needed to repeat it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen, validators

from latentknobs.core.html_table import html_table
from latentknobs.core.knob import Knob
from latentknobs.core.seed import as_seed

RUN_COLUMNS = (
    "run",
    "model",
    "model_id",
    "augmentation",
    "corpus",
    "seed",
    "version",
    "started",
    "finished",
    "knobs",
    "accepted",
)
"""What a row of a run has; the columns of the view v_runs of the same names."""


@frozen(eq=False)
class RunSpec:
    """
    What was asked for; the same spec on the same machine gives the same bytes.

    Attributes:
        model_id: The model's identity.
        model_name: Its name, for people.
        augmentation: Name of the augmentation, None for none.
        corpus: As written on the command line ("folk+whole-notes").
        seed: Seed of the order of songs, samples and controls.
        parameters: Everything else that the result depends on (clips, shard and batch size, thresholds,
            plugin origins and versions); only what JSON can carry.
    """

    model_id: str = field(validator=validators.matches_re(r"[0-9a-f]{64}"))
    model_name: str
    augmentation: str | None
    corpus: str
    seed: int = field(converter=as_seed)
    parameters: Mapping[str, Any] = field(factory=dict)

    @property
    def run_id(self) -> str:
        """First 16 hexadecimal digits of the hash of the spec: the same spec has the same id."""
        facts = [self.model_id, self.augmentation, self.corpus, self.seed, self.parameters]
        text = json.dumps(facts, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def _plain_counts(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: int(count) for name, count in counts.items()}


def _aware(_run: object, attribute: Any, time: datetime) -> None:
    if time.tzinfo is None:
        raise ValueError(f"{attribute.name} must have a time zone.")


@frozen(eq=False)
class Run:
    """
    One discovery and its result.

    Attributes:
        spec: What was asked for.
        knobs: One for each kind and fit that was tried, evidence included.
        current: Index in ``knobs`` of the one that may become current, or None; see :attr:`candidates`.
        counts: What went in and what was left out ("clips", "songs", "masked at +12", ...).
        version: Version of latentknobs.
        started: Aware, UTC.
        finished: Aware, UTC.

    Raises:
        ValueError: A time has no zone, two knobs have the same name, kind and fit, a knob is of another run, or
            ``current`` is none of them.
    """

    spec: RunSpec
    knobs: tuple[Knob, ...]
    current: int | None
    counts: Mapping[str, int] = field(converter=_plain_counts)
    version: str
    started: datetime = field(validator=_aware)
    finished: datetime = field(validator=_aware)

    def __attrs_post_init__(self) -> None:
        if self.current is not None and not 0 <= self.current < len(self.knobs):
            raise ValueError(f"run {self.run_id} has a candidate number {self.current} of {len(self.knobs)} knobs.")
        run_id = self.run_id
        keys = [(knob.name, knob.kind, knob.fit) for knob in self.knobs]
        for i, (key, knob) in enumerate(zip(keys, self.knobs, strict=True)):
            if key in keys[:i]:
                raise ValueError(f"run {run_id} has two knobs {' '.join(key)!r}: name, kind and fit are unique.")
            of_knob = (knob.run_id, knob.model_id, knob.model_name, knob.augmentation)
            of_run = (run_id, self.spec.model_id, self.spec.model_name, self.spec.augmentation)
            if of_knob != of_run:
                raise ValueError(
                    f"run {run_id} has a knob {knob.name!r} of another run, model or augmentation: "
                    f"{of_knob} instead of {of_run}."
                )

    @property
    def run_id(self) -> str:
        """The spec's id."""
        return self.spec.run_id

    @property
    def candidates(self) -> tuple[int, ...]:
        """
        Indices in ``knobs`` of those that may become current, one for each name at most.

        An augmentation gives one knob, so it is ``current``. A run without one finds knobs of several names: besides
        ``current`` the first of every other name; none where ``current`` is None.
        """
        if self.current is None:
            return ()
        if self.spec.augmentation is not None:
            return (self.current,)
        chosen = {self.knobs[self.current].name: self.current}
        for i, knob in enumerate(self.knobs):
            chosen.setdefault(knob.name, i)
        return tuple(sorted(chosen.values()))

    def _repr_html_(self) -> str:
        """For notebooks: the facts, and the knobs that were tried."""
        rows = ((k.name, k.verdict, k.kind, k.fit, k.low, k.high, len(k.dimensions)) for k in self.knobs)
        headings = ("knob", "verdict", "kind", "fit", "low", "high", "dimensions")
        return html_table(("", "run"), self.as_row().items()) + html_table(headings, rows)

    def as_row(self) -> dict[str, Any]:
        """One flat row; the columns of the view v_runs of the same names."""
        spec = self.spec
        return {
            "run": self.run_id,
            "model": spec.model_name,
            "model_id": spec.model_id,
            "augmentation": spec.augmentation,
            "corpus": spec.corpus,
            "seed": spec.seed,
            "version": self.version,
            "started": self.started.isoformat(timespec="microseconds"),
            "finished": self.finished.isoformat(timespec="microseconds"),
            "knobs": len(self.knobs),
            "accepted": sum(knob.verdict == "accepted" for knob in self.knobs),
        }


@frozen(kw_only=True)
class RunOutline:
    """A run without its knobs; the columns of the view v_runs of the same names."""

    run: str = field(validator=validators.instance_of(str))
    model: str = field(validator=validators.instance_of(str))
    model_id: str = field(validator=validators.instance_of(str))
    augmentation: str | None = field(validator=validators.optional(validators.instance_of(str)))
    corpus: str = field(validator=validators.instance_of(str))
    seed: int = field(validator=validators.instance_of(int))
    version: str = field(validator=validators.instance_of(str))
    started: datetime = field(validator=validators.instance_of(datetime))
    finished: datetime = field(validator=validators.instance_of(datetime))
    knobs: int
    accepted: int
    result: str

    def as_row(self) -> dict[str, Any]:
        """One flat row with :data:`RUN_COLUMNS`; times as text."""
        facts = {name: getattr(self, name) for name in RUN_COLUMNS}
        return facts | {name: facts[name].isoformat(timespec="microseconds") for name in ("started", "finished")}
