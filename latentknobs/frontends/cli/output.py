"""What commands print on stdout: JSON, tables, knob cards and piano rolls."""

from __future__ import annotations

import csv as comma
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import typer
from attrs import fields
from numpy.typing import NDArray

from latentknobs.core.clip import ClipFormat
from latentknobs.core.evidence import AT_MOST, CandidateRecord, Criterion, Evidence
from latentknobs.core.knob import Knob, KnobEffect
from latentknobs.core.printable import UNSAFE, printable
from latentknobs.core.query_spec import MOVED
from latentknobs.core.reasons import failed_amounts, reasons
from latentknobs.core.run import Run
from latentknobs.errors import UsageError
from latentknobs.frontends.cli.context import echo, say
from latentknobs.plots import text_roll

if TYPE_CHECKING:
    from rich.console import Console

    from latentknobs.session import Session
    from latentknobs.steering.turn_result import TurnResult

NONE = "not measured"
PIPED_WIDTH = 160


def as_json(data: Any) -> None:
    """Print data as JSON; the one thing on stdout."""
    # What a terminal would obey is written with JSON's own escapes: the same data.
    text = json.dumps(data, indent=2, allow_nan=False, ensure_ascii=False)
    typer.echo(UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def console() -> Console:
    """A console on stdout, wide enough for tables where it is no terminal."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else PIPED_WIDTH, highlight=False)


def table(headings: Sequence[str], rows: Iterable[Iterable[str]], title: str = "") -> None:
    """Print a table."""
    from rich import box
    from rich.table import Table

    result = Table(
        title=_shown(title) or None,
        box=box.SIMPLE_HEAD if sys.stdout.isatty() else box.ASCII2,
        title_justify="left",
    )
    for heading in headings:
        result.add_column(_shown(heading), overflow="fold")
    for row in rows:
        result.add_row(*map(_shown, row))
    console().print(result)


def _shown(text: str) -> str:
    from rich.markup import escape

    return escape(printable(text))


LEAST_SLOPE = 0.005
"""A slope that is not printed as 0."""
SHOWN = 12
"""Selected dimensions that a card lists one by one."""


def dimensions(knob: Knob, most: int = 6) -> str:
    """The selected dimensions, most important first, and how many there are."""
    shown = ", ".join(knob.dimension_names(most))
    more = len(knob.dimensions) - most
    return f"{shown}, and {more} more" if more > 0 else shown


def span(knob: Knob) -> str:
    """The usable range, with unit and step."""
    if knob.low == knob.high:
        return "none"
    step = "" if knob.step is None else f", step {knob.step:g}"
    return f"{knob.low:+g} to {knob.high:+g} {knob.unit}".rstrip() + step


def effects(knob: Knob, most: int = 3, first: str | None = None) -> str:
    """What one unit does to an attribute, to the one that it is to move, then to those that it moves most (sd)."""
    target = knob.evidence.target
    moved = [e for e in knob.effects if abs(e.slope) >= LEAST_SLOPE or e.attribute == first]
    moved.sort(key=lambda e: (e.attribute != first, e.attribute != target, -e.effect))
    more = f", and {len(moved) - most} more" if len(moved) > most else ""
    return ", ".join(f"{e.attribute} {e.slope:+.2f}" for e in moved[:most]) + more


def knob_table(
    knobs: Iterable[Knob], title: str = "", first: str | None = None, formats: Mapping[str, str] | None = None
) -> None:
    """
    Print a table of knobs, this attribute's effect first; of some not current, those that are have a star.

    ``formats`` has the clip formats of models by name, for a column of them.
    """
    knobs = list(knobs)
    several = any(knob.current is False for knob in knobs)
    if several and not title:
        title = "*: current"
    table(
        (
            *("knob", "verdict", "kind", "fit", "range", "dimensions", "effect of +1", "model"),
            *([] if formats is None else ["format"]),
        ),
        (
            (
                ("* " if several and k.current else "") + k.name,
                k.verdict,
                k.kind,
                k.fit,
                span(k),
                dimensions(k),
                effects(k, first=first),
                k.model_name,
                *([] if formats is None else [formats.get(k.model_name, "")]),
            )
            for k in knobs
        ),
        title,
    )


def knob_card(knob: Knob) -> None:
    """Print everything that is known of one knob."""
    facts = {
        "knob": knob.name,
        "model": f"{knob.model_name} ({knob.model_id[:12]})",
        "augmentation": knob.augmentation or "none",
        "kind and fit": f"{knob.kind}, {knob.fit}",
        "usable range": span(knob),
        "verdict": knob.verdict,
        **_response(knob),
        "run": knob.run_id,
        "moved energy": knob.blocks,
        **_selected(knob),
        "equivariance": "F1 of changes: the edit changes few tokens" if knob.evidence.measure == "changes" else "",
        "learned in": f"one key, by the piece's {reference}" if (reference := knob.evidence.relative_to) else "",
        "operator": knob.operator_sha256[:16] + ("" if knob.operator is not None else " (only the hash is kept)"),
        "tags": ", ".join(knob.tags),
        "note": knob.note,
    }
    width = max(map(len, facts))
    for name, value in facts.items():
        if value:
            echo(f"{name:<{width}}  {value}")
    echo("")
    shown = zip(knob.dimension_names(SHOWN), knob.dimensions, strict=False)
    rows = [(name, f"{d.share:.3f}", "" if d.weight is None else f"{d.weight:+.3f}") for name, d in shown]
    if len(knob.dimensions) > SHOWN:
        rest = knob.dimensions[SHOWN:]
        rows.append((f"{len(rest)} more", f"{sum(d.share for d in rest):.3f}", ""))
    table(("dimension", "share", "weight"), rows)
    evidence = knob.evidence
    echo(_effects_title(evidence))
    table(
        ("attribute", "slope", "effect (sd)", "role"),
        ((e.attribute, f"{e.slope:+.3f}", f"{e.effect:.3f}", _role(evidence, e)) for e in knob.effects),
    )
    _fits(knob)
    candidate_table(candidate for candidate in evidence.candidates if candidate.attribute == evidence.target)
    criteria(evidence)
    values = {f.name: getattr(evidence, f.name) for f in fields(Evidence) if f.name not in ("version", "relative_to")}
    tree({name: value for name, value in values.items() if isinstance(value, int | float | str)})
    echo("(--json prints all the evidence)")


def _role(evidence: Evidence, effect: KnobEffect) -> str:
    """An attribute's role; a large effect on one that nobody spoke of is named, since no criterion looks at it."""
    return evidence.role_of(effect.attribute) or ("side effect, not judged" if effect.effect >= MOVED else "")


def _effects_title(evidence: Evidence) -> str:
    if not evidence.effects_at:
        return "effects"
    amounts = " and ".join(f"{a:+g}" for a in evidence.effects_at)
    songs = "validation songs, since no amount is usable" if evidence.test is None else "test songs"
    return f"effects: slope over all measured amounts, size at {amounts}, on {songs}"


def criteria(evidence: Evidence) -> None:
    """Print the acceptance criteria, and amount by amount what failed or ended the usable range."""
    rows = [
        (c.name, _short(c.value), _interval(c), f"{'<=' if c.kind in AT_MOST else '>='} {_short(c.limit)}", _yes(c))
        for c in evidence.criteria
        if c.kind not in ("range", "validation")
    ]
    if rows:
        table(("acceptance criterion", "measured", "95 % interval", "limit", "passed"), rows)
    if failed := failed_amounts(evidence):
        echo("what failed, amount by amount (validation songs find the usable range, test songs the verdict)")
        table(
            ("songs", "amount", "what failed"),
            ((one.songs, "" if one.amount is None else f"{one.amount:+g}", "; ".join(one.criteria)) for one in failed),
        )


def _interval(criterion: Criterion) -> str:
    if criterion.kind == "room":
        return f"floor {_short(criterion.low)}, ceiling {_short(criterion.high)}"
    if criterion.high is None:
        return ""
    return f"{'' if criterion.low is None else _short(criterion.low)} to {_short(criterion.high)}".lstrip()


def _yes(criterion: Criterion) -> str:
    return "yes" if criterion.passed else "NO"


def _response(knob: Knob) -> dict[str, str]:
    """How the target answers the amount over the usable range, on test songs, with 95 % confidence intervals."""
    response = knob.evidence.test and knob.evidence.test.response
    if not response:
        return {}
    intervals = {
        "slope": response.slope,
        "R2": response.r2,
        "R2 of a clip": response.r2_clips,
        "Spearman of a clip": response.spearman,
    }
    return {
        "response": ", ".join(f"{name} {x.value:.3f} ({x.low:.3f} to {x.high:.3f})" for name, x in intervals.items())
    }


def _fits(knob: Knob) -> None:
    """Every fit of the run side by side, on validation songs."""
    fits = knob.evidence.fits
    contents = [name for name, kept in fits[0].content.items() if kept is not None] if fits else []
    rows = [
        (
            ("* " if fit.fit == knob.fit else "") + fit.fit,
            fit.kind,
            fit.verdict,
            f"{fit.low:+g} to {fit.high:+g}" if fit.low < fit.high else "none",
            *map(_short, (fit.mean, fit.least, fit.monotone)),
            *(_short(fit.content[name]) for name in contents),
        )
        for fit in fits
    ]
    if rows:
        headings = ("fit", "kind", "verdict", "usable", "equivariance", "least", "monotone")
        title = "fits of this run on validation songs (*: this knob), content at the worst amount"
        table((*headings, *contents), rows, title)


def _selected(knob: Knob) -> dict[str, str]:
    """What each selector chose, in which basis the knob is simple, and amounts with too few pairs: lines of a card."""
    evidence = knob.evidence
    out: dict[str, str] = {}
    for name, choice in evidence.selected.items():
        parts = [f"{len(choice.dims)} dimension{'s'[: len(choice.dims) != 1]}, {choice.kept:.0%} of the effect"]
        if choice.size_low is not None:
            parts.append(f"95 % confidence interval {choice.size_low} to {choice.size_high}")
        parts.append(f"{choice.stable} stable")
        if choice.overlap is not None:
            parts.append(f"overlap with the selected dimensions {choice.overlap:.2f}")
        out[f"dimensions by {name}"] = ", ".join(parts)
    for name, basis in evidence.bases.items():
        out[f"basis {name}"] = basis.left_out or f"{basis.size} vectors hold 90 % of the moved energy"
    if evidence.in_basis:
        for name, choice in (evidence.in_basis.selected or {}).items():
            text = f"{len(choice.dims)} vectors, {choice.kept:.0%} of the effect"
            out[f"{name} in {evidence.in_basis.basis}"] = text
    if evidence.not_fitted:
        out["not fitted"] = ", ".join(f"{amount} ({pairs} pairs)" for amount, pairs in evidence.not_fitted.items())
    for name, reason in evidence.declined.items():
        out[f"fit {name}"] = reason
    for name, reason in evidence.left_out.items():
        out[f"criterion {name}"] = f"left out: {reason[0].lower()}{reason[1:]}"
    if evidence.preserves is not None:
        out["preserves"] = ", ".join(evidence.preserves) or "nothing: every attribute is related to this one"
    return out


def candidate_table(candidates: Iterable[CandidateRecord]) -> None:
    """Print directions that are named by an attribute, if there are any."""
    named = [
        (
            ("* " if one.chosen else "") + f"{one.source} {one.rank}",
            one.attribute,
            *map(_short, (one.monotone, one.effect, one.clearness, one.on_validation)),
        )
        for one in candidates
        if one.attribute is not None
    ]
    if named:
        title = "directions by the attribute that names them (*: judged), effect in sd for one sd of the code"
        table(("direction", "attribute", "monotone", "effect", "clearness", "on validation"), named, title)


def failed_criteria(knob: Knob) -> str:
    """What decided against a knob, with what was measured and the limits."""
    return "; ".join(map(str, reasons(knob.evidence)))


def tree(values: Mapping[str, Any], indent: str = "") -> None:
    """Print nested facts, one line each."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            echo(f"{indent}{name}")
            tree(value, indent + "  ")
        else:
            echo(f"{indent}{name}: {_short(value)}")


def _short(value: Any, most: int = 8) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        shown = ", ".join(_short(v) for v in value[:most])
        return f"[{shown}, ... {len(value)} in all]" if len(value) > most else f"[{shown}]"
    return "not measured" if value is None else str(value)


def rolls(session: Session, turned: TurnResult) -> None:
    """Print piano rolls of all clips, each before and after side by side; ASCII where stdout needs it."""
    clips = [
        (int(start), int(length), cut.clip_format, before, after)
        for cut, batch in zip(session.cuts, (turned.clips, *turned.others), strict=True)
        for start, length, before, after in zip(cut.starts, cut.lengths, cut.clips, batch, strict=True)
    ]
    for start, length, clip_format, before, after in sorted(clips, key=lambda clip: clip[0]):
        first, last = session.piece.bars_of(start, length, clip_format)
        echo(f"bars {first} to {last}" if last > first else f"bar {first}")
        echo(roll(before, after, clip_format, first))
        echo("")


def roll(before: NDArray[np.int16], after: NDArray[np.int16], clip_format: ClipFormat, first_bar: int = 1) -> str:
    """A clip (*shape) before and after, side by side, from a bar on; ASCII where stdout needs it."""
    return text_roll(before, after, clip_format, ascii_only=not _can_show("█▬▓░│·┆"), first_bar=first_bar)


def _can_show(text: str) -> bool:
    try:
        text.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as CSV; the one thing on stdout."""
    writer = comma.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: int(v) if isinstance(v, bool) else v for name, v in row.items()} for row in rows)


def one_of(json: bool, csv: bool) -> None:
    """Refuse two forms of output at once."""
    if json and csv:
        raise UsageError("The result is printed once: give --json or --csv, not both.")


def numbers_table(rows: Iterable[Mapping[str, Any]], a: str, b: str) -> None:
    """Print numbers before and after, with their intervals where there are some."""
    table(
        ("", a, b, "difference", "intervals"),
        (
            (str(r["number"]), _measured(r, "a"), _measured(r, "b"), cell(r["difference"]), _APART[r.get("apart")])
            for r in rows
        ),
    )


_APART: Mapping[bool | None, str] = {None: "", True: "apart", False: "overlap"}


def _measured(row: Mapping[str, Any], side: str) -> str:
    low, high = row.get(f"{side}_low"), row.get(f"{side}_high")
    if high is None:
        return cell(row[side])
    return f"{cell(row[side])} ({'up' if low is None else cell(low)} to {cell(high)})"


def cell(value: Any) -> str:
    """A value of a row; numbers with four digits."""
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)


def best_knobs(runs: Iterable[Run]) -> list[Knob]:
    """Of each run the knob that may become current, else its first."""
    return [run.knobs[run.current or 0] for run in runs if run.knobs]


def run_facts(run: Run) -> dict[str, Any]:
    """What ``--json`` prints of a run."""
    return {
        "run": run.run_id,
        "model": run.spec.model_name,
        "augmentation": run.spec.augmentation,
        "corpus": run.spec.corpus,
        "seed": run.spec.seed,
        "counts": dict(run.counts),
        "current": None if run.current is None else run.knobs[run.current].kind,
        "knobs": [knob.as_dict() for knob in run.knobs],
    }


def share_text(one: Mapping[str, float] | None) -> str:
    """A share and its interval, in percent."""
    return NONE if one is None else f"{one['value']:.1%} ({one['low']:.1%} to {one['high']:.1%})"


def number_text(one: Mapping[str, float] | None, digits: int, sign: str = "") -> str:
    """A number and its interval."""
    if one is None:
        return NONE
    value, low, high = (f"{one[key]:{sign}.{digits}f}" for key in ("value", "low", "high"))
    return f"{value} ({low} to {high})"


def tell_style(session: Session) -> None:
    """Say how the piece was read and how far it is from what the model knows, before anything is made of it."""
    for remark in session.remarks():
        say(f"{session.piece.name}: {remark}")
    if session.style.sounding.any():
        say(f"Style: {session.style}.")
