"""``latentknobs knobs list``: the knobs that meet conditions, as a table, JSON or CSV."""

from __future__ import annotations

import csv as comma
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Optional, cast

import typer

from latentknobs.core.query_spec import SORTS, KnobFilters
from latentknobs.errors import UsageError
from latentknobs.frontends.cli.context import JsonOption, RegistryOption, guarded, program
from latentknobs.frontends.cli.knob_lookup import AnyModelOption
from latentknobs.frontends.cli.output import as_json, knob_table

CsvOption = Annotated[bool, typer.Option("--csv", help="Print CSV on stdout.")]


def as_csv(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> None:
    """Print rows as CSV; the one thing on stdout."""
    writer = comma.DictWriter(sys.stdout, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def one_of(json: bool, csv: bool) -> None:
    """Refuse two forms of output at once."""
    if json and csv:
        raise UsageError("The result is printed once: give --json or --csv, not both.")


@guarded
def list_knobs(
    ctx: typer.Context,
    name: Annotated[
        Optional[str],  # noqa: UP045 - typer before 0.16 reads no "| None" inside Annotated
        typer.Argument(help="Only knobs of this name; * stands for any letters.", show_default=False),
    ] = None,
    model: AnyModelOption = "",
    tag: Annotated[str, typer.Option(help="With this tag.")] = "",
    augmentation: Annotated[str, typer.Option(help="Learned from this edit; none = found without one.")] = "",
    moves: Annotated[str, typer.Option(help="That move this attribute by 0.25 sd, or by --effect, at least.")] = "",
    uses: Annotated[
        Optional[int],  # noqa: UP045 - the same
        typer.Option(help="With this dimension among theirs.", show_default=False),
    ] = None,
    kind: Annotated[str, typer.Option(help="shift, affine, group or residual.")] = "",
    verdict: Annotated[str, typer.Option(help="accepted, provisional, rejected or not measurable.")] = "",
    effect: Annotated[
        Optional[float],  # noqa: UP045 - the same
        typer.Option(help="Least effect on --moves, or on any attribute, in sd.", show_default=False),
    ] = None,
    since: Annotated[str, typer.Option(metavar="DATE", help="Found on this day or later.")] = "",
    until: Annotated[str, typer.Option(metavar="DATE", help="Found on this day or before.")] = "",
    run: Annotated[str, typer.Option(help="Of this run.")] = "",
    history: Annotated[bool, typer.Option("--history", help="Also knobs of other fits and of earlier runs.")] = False,
    sort: Annotated[str, typer.Option(help=f"{', '.join(SORTS)} [effect with --moves, share with --uses].")] = "",
    reverse: Annotated[bool, typer.Option("--reverse", help="The other way round.")] = False,
    limit: Annotated[
        Optional[int],  # noqa: UP045 - the same
        typer.Option(help="So many at most.", show_default=False),
    ] = None,
    registry: RegistryOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """The current knobs, of every model, or those that meet every condition."""
    from latentknobs.registry.knob_results import COLUMNS

    one_of(json, csv)
    words = {
        "name": name,
        "model": model,
        "tag": tag,
        "augmentation": augmentation,
        "moves": moves,
        "kind": kind,
        "verdict": verdict,
        "since": since,
        "until": until,
        "run": run,
        "sort": sort,
    }
    others = {"uses": uses, "effect": effect, "history": history, "reverse": reverse, "limit": limit}
    asked = cast(KnobFilters, others | {name: word for name, word in words.items() if word})
    with program(ctx).workbench(registry) as workbench:
        knobs = workbench.knobs(**asked)
    if json:
        as_json([knob.as_dict() for knob in knobs])
    elif csv:
        as_csv(knobs.rows(), COLUMNS)
    else:
        knob_table(knobs)
