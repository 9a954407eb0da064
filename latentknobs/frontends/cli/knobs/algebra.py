"""``latentknobs knobs algebra``: what knobs give one after the other, taken several times, and turned back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from attrs import asdict

from latentknobs.analysis.algebra_result import Algebra, Commutator, Laws
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.evidence import Interval
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.errors import AmountError, UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.output import NONE, as_json, table
from latentknobs.workbench import DEFAULT_CLIPS


def algebra(
    ctx: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME[:AMOUNT]]...",
            help="Knobs, each maybe with the amount at which it is composed [all that are accepted, and of each the "
            "smallest positive usable amount].",
            show_default=False,
        ),
    ] = None,
    corpus: Annotated[
        str, typer.Option(help="Corpora joined with +, as in folk+whole-notes or midi:FOLDER [the knobs' own].")
    ] = "",
    clips: options.Clips = DEFAULT_CLIPS,
    model: options.Model = DEFAULT_MODEL,
    seed: options.Seed = 0,
    registry: options.Registry = None,
    device: options.Device = "auto",
    precision: options.Precision = "",
    json: options.Json = False,
) -> None:
    """Measure how knobs compose: additivity, powers, inverses, and commutators of edits and knobs."""
    from latentknobs.analysis.algebra import algebra as measure

    amounts = parse_elements(names) if names else None
    with program(ctx).workbench(registry, device, precision) as workbench:
        result = measure(workbench, amounts, model, CorpusSelection(corpus or None, clips, seed))
    if json:
        as_json({"model": model, "seed": seed, **asdict(result)})
        return
    _print(result)
    say(
        f"{result.clips} test clips of {result.songs} songs; in brackets 95 % bootstrap confidence intervals over songs"
    )
    say("codes: how far apart two moved codes are, as a share of how far they moved")


def parse_elements(texts: Iterable[str]) -> dict[str, float | None]:
    """
    Knob name to amount, None where none is given.

    Args:
        texts: ``NAME`` or ``NAME:AMOUNT`` each.

    Raises:
        UsageError: Not of that form, or the same knob twice.
        AmountError: The amount is no number.
    """
    out: dict[str, float | None] = {}
    for text in texts:
        name, colon, number = (part.strip() for part in text.partition(":"))
        if not name or (colon and not number):
            raise UsageError(f"A knob is named by NAME or NAME:AMOUNT, as in pitch:3; got {text!r}.")
        if name in out:
            raise UsageError(f"The knob {name!r} is named twice; name it once.")
        try:
            out[name] = float(number) if colon else None
        except ValueError:
            raise AmountError(f"The amount in {text!r} is not a number; write it as in {name}:3.") from None
    return out


def _print(result: Algebra) -> None:
    for one in result.knobs:
        own = _rows(one)
        if own:
            headings = ("amount", "T^n: n", "clips", "equal tokens", "codes", "inverse: clips", "equal tokens", "codes")
            table(headings, own, title=f"{one.knob}: T_1 taken n times against T_n, and T_-n after T_n against z")
        else:
            say(f"{one.knob} has no powers and no inverses: it is usable at one amount only")
    rows = [
        (
            pair.first,
            pair.then,
            str(pair.additivity.clips),
            _share(pair.additivity.sequence.equivariance),
            _share(pair.additivity.sum.equivariance),
            f"{pair.additivity.sequence.accuracy:.3f}, {pair.additivity.sum.accuracy:.3f}",
            f"{pair.additivity.floor:.3f}, {pair.additivity.ceiling:.3f}",
            _percent(pair.additivity.differ),
            _share(pair.additivity.codes),
        )
        for pair in result.pairs
    ]
    if not rows:
        say("one knob alone has no pairs: name another for additivity and commutators")
        return
    at = ", ".join(f"{one.knob} {one.amount:+g} {one.unit}".rstrip() for one in result.knobs)
    columns = (
        "first", "then", "clips", "equivariance: sequence", "sum", "accuracy: sequence, sum", "floor, ceiling",
        "tokens that differ", "codes",
    )  # fmt: skip
    table(columns, rows, title=f"additivity: one after the other, and the sum of both moves ({at})")
    _matrix(result)


def _matrix(result: Algebra) -> None:
    """One matrix of all pairs: the edits' own commutator beside that of decoded and of moved codes."""
    names = [one.knob for one in result.knobs]
    rows = (
        (one, *("" if one == other else _cell(result.pair(one, other).commutator) for other in names)) for one in names
    )
    title = "commutator: by how much the two orders differ, of edited clips beside turned codes"
    table(("", *names), rows, title=title)


def _cell(one: Commutator) -> str:
    if not one.clips:
        return NONE
    lines = (
        f"tokens, edits: {_percent(one.edited)}",
        f"tokens, knobs: {_percent(one.decoded)}",
        f"codes, edits: {_share(one.edited_codes)}",
        f"codes, knobs: {_share(one.codes)}",
        f"{one.clips} clips",
    )
    return "\n".join(lines)


def _rows(one: Laws) -> list[tuple[str, ...]]:
    powers = {power.amount: power for power in one.powers}
    inverses = {inverse.amount: inverse for inverse in one.inverses}
    rows: list[tuple[str, ...]] = []
    for amount in sorted({*powers, *inverses}):
        power, inverse = powers.get(amount), inverses.get(amount)
        forward = ("", "", "", "") if power is None else (
            str(power.times), str(power.clips), _percent(power.decoded), _share(power.codes)
        )  # fmt: skip
        back = ("", "", "") if inverse is None else (
            str(inverse.clips), _percent(inverse.decoded), _share(inverse.codes)
        )  # fmt: skip
        rows.append((f"{amount:+g} {one.unit}".rstrip(), *forward, *back))
    return rows


def _share(one: Interval | None) -> str:
    return NONE if one is None else f"{one.value:.3f} ({one.low:.3f} to {one.high:.3f})"


def _percent(one: Interval | None) -> str:
    return NONE if one is None else f"{one.value:.1%} ({one.low:.1%} to {one.high:.1%})"
