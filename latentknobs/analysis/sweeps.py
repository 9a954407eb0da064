"""Sweeps: every model with every edit, corpus and seed of a file; what is stored already is not made again."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from types import NoneType
from typing import Any

from attrs import field, fields, frozen, validators

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.experiment import Settings
from latentknobs.core.run import Run
from latentknobs.errors import CorpusError, DiscoveryError, UnknownNameError, UsageError
from latentknobs.workbench import DEFAULT_CLIPS, Workbench

DEFAULT_AUGMENTATIONS = ("transpose", "note-split")


@frozen
class SweepPoint:
    """
    One discovery of a sweep.

    Attributes:
        model: Name or location of the model.
        augmentation: Name of the edit, or a composition.
        corpus: As for :meth:`Workbench.songs`; None = the edit's own.
        seed: Of the run.
    """

    model: str
    augmentation: str
    corpus: str | None
    seed: int

    def __str__(self) -> str:
        return f"{self.augmentation} of {self.model} on {self.corpus or 'its own corpus'}, seed {self.seed}"


def _several(kind: type | tuple[type, ...]) -> Any:
    return validators.and_(
        validators.min_len(1), validators.deep_iterable(validators.instance_of(kind), validators.instance_of(tuple))
    )


@frozen
class Sweep:
    """
    What a sweep file says.

    Attributes:
        models: Names or locations.
        augmentations: Names or compositions.
        corpora: As for :meth:`Workbench.songs`; (None,) = each edit's own.
        seeds: Of the runs.
        clips: Asked of the corpus for each run, all splits together.
        settings: Everything else.
    """

    models: tuple[str, ...] = field(default=(DEFAULT_MODEL,), validator=_several(str))
    augmentations: tuple[str, ...] = field(default=DEFAULT_AUGMENTATIONS, validator=_several(str))
    corpora: tuple[str | None, ...] = field(default=(None,), validator=_several((str, NoneType)))
    seeds: tuple[int, ...] = field(default=(0,), validator=_several(int))
    clips: int = field(default=DEFAULT_CLIPS, validator=[validators.instance_of(int), validators.ge(1)])
    settings: Settings = field(factory=Settings)

    @classmethod
    def read(cls, path: Path) -> Sweep:
        """
        The sweep of a TOML file.

        Raises:
            UsageError: It cannot be read, a key is unknown, or a value is none that its key takes.
        """
        try:
            written = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise UsageError(f"The sweep {path} cannot be read: {reason}.") from error
        table = written.pop("settings", {})
        _check_keys(path, written, {one.name for one in fields(cls)} - {"settings"}, "")
        if not isinstance(table, dict):
            raise UsageError(f"The sweep {path} has settings that are no table: write [settings] above them.")
        _check_keys(path, table, {one.name for one in fields(Settings)} - {"clips"}, "settings.")
        _check_kinds(path, written, cls(), "")
        _check_kinds(path, table, Settings(), "settings.")
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in written.items()
        }
        try:
            return cls(**values, settings=Settings(**table))
        except (TypeError, ValueError) as error:
            raise UsageError(f"The sweep {path} has a value that its key does not take: {error.args[0]}.") from error

    def points(self) -> tuple[SweepPoint, ...]:
        """Every discovery, the seeds of one after another."""
        return tuple(
            SweepPoint(*one)
            for one in product(self.models, self.augmentations, self.corpora, dict.fromkeys(self.seeds))
        )


def _check_keys(path: Path, table: Mapping[str, object], known: set[str], where: str) -> None:
    for name in table:
        if name not in known:
            close = get_close_matches(name, known, 1)
            meant = f"did you mean {where}{close[0]}?" if close else f"there is: {', '.join(sorted(known))}."
            raise UsageError(f"The sweep {path} has no key {where}{name}; {meant}")


_KINDS: tuple[tuple[tuple[type, ...], str, str], ...] = (
    ((bool,), "true or false", "true and false"),
    ((int,), "a whole number", "whole numbers"),
    ((float, int), "a number", "numbers"),
    ((str, NoneType), "a text in quotes", "texts in quotes"),
)
"""Types of a usual value, which others must have too, in words, one and several; bool is an int, so it comes first."""


def _check_kinds(path: Path, table: Mapping[str, object], usual: Sweep | Settings, where: str) -> None:
    """See that each value is of the kind of the usual one."""
    for name, value in table.items():
        example = getattr(usual, name)
        several = isinstance(example, tuple)
        one = next(iter(example), None) if isinstance(example, tuple) else example
        kinds, single, plural = next(row for row in _KINDS if isinstance(one, row[0]))
        parts = value if several and isinstance(value, list) else [value]
        right = isinstance(value, list) == several and all(
            isinstance(part, kinds) and isinstance(part, bool) == isinstance(one, bool) for part in parts
        )
        if not right:
            takes = f"a list of {plural}" if several else single
            raise UsageError(f"The sweep {path} has {where}{name} = {value!r}; it takes {takes}.")


@frozen(eq=False)
class SweepRuns:
    """
    The task on a point of a sweep: make its run, and store nothing.

    Attributes:
        workbench: Where it is made; in a worker, the worker's own.
        sweep: The sweep.
    """

    workbench: Workbench
    sweep: Sweep

    def prepare(self, item: SweepPoint) -> None:
        """Nothing is done beside the run before."""

    def work(self, item: SweepPoint, prepared: None) -> Run | str:  # noqa: ARG002 - there is nothing
        """The run, or why there is none."""
        try:
            return self.workbench.discover(
                item.augmentation,
                corpus=item.corpus,
                model=item.model,
                clips=self.sweep.clips,
                seed=item.seed,
                settings=self.sweep.settings,
                keep=False,
            )
        except (CorpusError, DiscoveryError) as error:
            return str(error)


@frozen(eq=False)
class SweepResult:
    """
    What became of a point.

    Attributes:
        point: The point.
        run: Its run, None where there is none.
        reason: Why there is none.
        stored: Whether the run was stored before.
    """

    point: SweepPoint
    run: Run | None
    reason: str = ""
    stored: bool = False


def run_sweep(
    workbench: Workbench, sweep: Sweep, told: Callable[[SweepResult], None] = lambda _: None
) -> tuple[SweepResult, ...]:
    """
    Make and store the runs of a sweep that the registry does not have: each as soon as it and those before are there.

    Args:
        workbench: With the registry, and an executor for the runs.
        sweep: The sweep.
        told: Called with each point as soon as it is done.

    Returns:
        What became of each point, in their order; of points with the same run the first.

    Raises:
        UnknownNameError: No model, augmentation or corpus of a name; found out before the first run.
        UsageError: Some of them do not fit together; found out before the first run too.
        RegistryError: The registry cannot be written.
    """
    workbench.registry.check_writable()
    points: dict[str, SweepPoint] = {}
    for point in sweep.points():
        points.setdefault(_run_id(workbench, sweep, point), point)
    done: dict[SweepPoint, SweepResult] = {}
    for run_id, point in points.items():
        try:
            done[point] = SweepResult(point, workbench.registry.run(run_id), stored=True)
        except UnknownNameError:
            continue
        told(done[point])
    left = [point for point in points.values() if point not in done]
    for point, made in _made(workbench, sweep, left):
        run = None if isinstance(made, str) else workbench.store(made)
        done[point] = SweepResult(point, run, made if isinstance(made, str) else "")
        told(done[point])
    return tuple(done[point] for point in points.values())


def _made(workbench: Workbench, sweep: Sweep, points: list[SweepPoint]) -> Iterator[tuple[SweepPoint, Run | str]]:
    for count, result in enumerate(workbench.map(SweepRuns(workbench, sweep), points), start=1):
        workbench.progress("runs of the sweep", count, len(points))
        yield result


def _run_id(workbench: Workbench, sweep: Sweep, point: SweepPoint) -> str:
    plan = workbench.plan(
        point.augmentation,
        corpus=point.corpus,
        model=point.model,
        clips=sweep.clips,
        seed=point.seed,
        settings=sweep.settings,
    )
    return plan.spec.run_id
