"""Two runs side by side: what was asked for, what was looked at, what was found, and what explains the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from latentknobs.analysis.knob_similarity import moved, numbers
from latentknobs.core.html_table import html_table
from latentknobs.core.knob import Knob
from latentknobs.core.run import Run
from latentknobs.errors import UsageError

if TYPE_CHECKING:
    from latentknobs.workbench import Workbench

CLOSE = 1e-4
"""Numbers that differ by less, on other machines, are the same."""
_FACTS = ("augmentation", "corpus", "seed")
_EXPLAINED: Mapping[str, str] = {
    "augmentation": "another edit",
    "corpus": "another corpus",
    "seed": "another seed, and so other songs in each split",
    "latentknobs": "another version of latentknobs",
}


@frozen(eq=False)
class KnobPair:
    """
    The knobs of one name, kind and fit in two runs.

    Attributes:
        a: That of the first run, None where it has none.
        b: That of the second.
    """

    a: Knob | None = field(repr=lambda knob: repr(knob and knob.verdict))
    b: Knob | None = field(repr=lambda knob: repr(knob and knob.verdict))

    @property
    def knob(self) -> Knob:
        """One of them, for what both have in common."""
        knob = self.a or self.b
        assert knob is not None
        return knob

    @property
    def same_operator(self) -> bool:
        """Whether both have the same operator, to the bit."""
        return self.a is not None and self.b is not None and self.a.operator_sha256 == self.b.operator_sha256

    @property
    def moved(self) -> list[dict[str, Any]]:
        """The numbers that differ by more than 1e-4, as :func:`~latentknobs.analysis.knob_similarity.moved`."""
        if self.a is None or self.b is None:
            return []
        rows = moved(numbers(self.a), numbers(self.b))
        return [row for row in rows if row["difference"] is None or abs(row["difference"]) > CLOSE]

    @property
    def shared(self) -> tuple[int, int, int] | None:
        """How many selected dimensions both have, only the first and only the second; None where one is missing."""
        if self.a is None or self.b is None:
            return None
        first, second = ({one.dim for one in knob.dimensions} for knob in (self.a, self.b))
        return len(first & second), len(first - second), len(second - first)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        knob, rows = self.knob, self.moved
        out: dict[str, Any] = {"name": knob.name, "kind": knob.kind, "fit": knob.fit}
        out["same_operator"] = self.same_operator
        if self.a is None or self.b is None:
            there = {"a": float(self.a is not None), "b": float(self.b is not None)}
            return {**out, "verdict": None, "moved": [{"number": "there", **there, "difference": None}]}
        verdicts = [self.a.verdict, self.b.verdict]
        if verdicts[0] != verdicts[1]:
            rows.insert(0, {"number": "verdict", "a": verdicts[0], "b": verdicts[1], "difference": None})
        return {**out, "verdict": verdicts, "moved": rows}


@frozen(eq=False)
class RunDifference:
    """
    What differs between two runs.

    Attributes:
        a: The first.
        b: The second.
        settings: What was asked for: name to both values, where they differ.
        counts: What was looked at, likewise; None where a run did not count it.
        knobs: By name, kind and fit.
        explained: What explains the difference, a sentence each.
    """

    a: Run = field(repr=lambda run: run.run_id)
    b: Run = field(repr=lambda run: run.run_id)
    settings: Mapping[str, tuple[Any, Any]]
    counts: Mapping[str, tuple[Any, Any]]
    knobs: tuple[KnobPair, ...] = field(repr=False)
    explained: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "a": self.a.run_id,
            "b": self.b.run_id,
            "settings": {name: list(pair) for name, pair in self.settings.items()},
            "counts": {name: list(pair) for name, pair in self.counts.items()},
            "knobs": [pair.as_dict() | _dimensions(pair) for pair in self.knobs],
            "explained": list(self.explained),
        }

    def rows(self) -> list[tuple[str, ...]]:
        """The knobs as texts: knob, verdict, range, dimensions, operator, and the effect that moved most."""
        return [_row(pair) for pair in self.knobs]

    def _repr_html_(self) -> str:
        sides = (self.a.run_id, self.b.run_id)
        tables = (
            html_table(("", *sides), ((n, *map(str, pair)) for n, pair in {**self.settings, **self.counts}.items())),
            html_table(ROW, self.rows()),
        )
        return "".join([*tables, *(f"<p>{escape(sentence)}</p>" for sentence in self.explained)])


ROW = ("knob", "fit", "verdict", "range", "dimensions in both, A, B", "operator", "largest change of an effect (sd)")
"""The headings of :meth:`RunDifference.rows`."""


def compare_runs(a: Run | str, b: Run | str, workbench: Workbench | None = None) -> RunDifference:
    """
    What differs between two runs.

    ``compare_runs("045c61", "91fe02", workbench).explained`` compares those of a registry by their ids.

    Args:
        a: A run, or with a workbench its id or the beginning of it.
        b: The other.
        workbench: Has the registry.

    Raises:
        UsageError: An id without a workbench.
        UnknownNameError: There is no such run.
    """
    a, b = (_run(one, workbench) for one in (a, b))
    settings = different(_asked(a), _asked(b))
    counts = different(a.counts, b.counts)
    pairs = paired(a, b)
    return RunDifference(a, b, settings, counts, pairs, tuple(_explained(a, b, settings, counts, pairs)))


def _run(run: Run | str, workbench: Workbench | None) -> Run:
    if isinstance(run, Run):
        return run
    if workbench is None:
        raise UsageError(f"The run {run!r} is an id: give a workbench too, which has its registry.")
    return workbench.run(run)


def different(then: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """The values of two mappings that differ, by name; None where there is none."""
    names = sorted({*then, *now})
    return {name: (then.get(name), now.get(name)) for name in names if then.get(name) != now.get(name)}


def paired(a: Run, b: Run) -> tuple[KnobPair, ...]:
    """The knobs of two runs, those of one name, kind and fit together, in the order of the first."""
    first, second = ({(knob.name, knob.kind, knob.fit): knob for knob in run.knobs} for run in (a, b))
    return tuple(KnobPair(first.get(key), second.get(key)) for key in dict.fromkeys([*first, *second]))


def _asked(run: Run) -> dict[str, Any]:
    """All that a run was asked for, plugins one by one."""
    spec = run.spec
    parameters = dict(spec.parameters)
    plugins = parameters.pop("plugins", None)
    named = {f"plugin {name}": origin for name, origin in plugins.items()} if isinstance(plugins, dict) else {}
    facts = {"model": f"{spec.model_name} ({spec.model_id[:12]})", "latentknobs": run.version}
    return {**facts, **{name: getattr(spec, name) for name in _FACTS}, **parameters, **named}


def _explained(
    a: Run,
    b: Run,
    settings: Mapping[str, tuple[Any, Any]],
    counts: Mapping[str, tuple[Any, Any]],
    pairs: tuple[KnobPair, ...],
) -> Iterator[str]:
    other = []
    for name, (one, two) in settings.items():
        if name == "model":
            same = a.spec.model_name == b.spec.model_name
            yield f"{'Other weights under the same name' if same else 'Another model'}: {one} and {two}."
        elif name in _EXPLAINED:
            yield f"{_EXPLAINED[name].capitalize()}: {one} and {two}."
        elif name.startswith("plugin ") and (one is None or two is None):
            yield f"The {name} ({one or two}) was used by {'B' if one is None else 'A'} alone."
        elif name.startswith("plugin "):
            code = "sha256:" in f"{one}{two}"
            yield f"{'Other code' if code else 'Another version'} of the {name}: {one} and {two}."
        else:
            other.append(name)
    if other:
        yield f"Other settings: {', '.join(other)}."
    if settings:
        return
    if all(pair.same_operator and not pair.moved for pair in pairs) and not counts:
        yield "Nothing differs."
    elif counts:
        yield "All settings are the same and other clips were looked at: the corpus's songs or its reader changed."
    else:
        yield "All settings and clips are the same: the difference comes from the machine, or from its libraries."


def _dimensions(pair: KnobPair) -> dict[str, Any]:
    names = ("both", "only_a", "only_b")
    return {"dimensions": None if pair.shared is None else dict(zip(names, pair.shared, strict=True))}


def _row(pair: KnobPair) -> tuple[str, ...]:
    knob = pair.knob
    if pair.a is None or pair.b is None:
        return knob.name, knob.fit, f"{knob.verdict}, only in {'A' if pair.b is None else 'B'}", "", "", "", ""
    verdict = " then ".join(dict.fromkeys((pair.a.verdict, pair.b.verdict)))
    spans = dict.fromkeys(f"{one.low:+g} to {one.high:+g}" for one in (pair.a, pair.b))
    effects = [r for r in pair.moved if r["number"].startswith("effect on ") and r["difference"] is not None]
    most = max(effects, key=lambda row: abs(row["difference"]), default=None)
    change = ""
    if most is not None:
        change = f"{most['number'].removeprefix('effect on ').removesuffix(' (sd)')} {most['a']:.3f}, {most['b']:.3f}"
    dims = ", ".join(map(str, pair.shared or ()))
    operator = "the same" if pair.same_operator else "another"
    return knob.name, knob.fit, verdict, " then ".join(spans), dims, operator, change
