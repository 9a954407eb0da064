"""``latentknobs knobs diff``, ``similar`` and ``verify``: knobs beside one another, and beside themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Optional

import typer

from latentknobs.analysis.knob_similarity import difference
from latentknobs.analysis.knob_similarity import similar as most_like
from latentknobs.analysis.reproduction import Verification
from latentknobs.analysis.reproduction import verify as measured_again
from latentknobs.core.query_spec import KnobQuery
from latentknobs.frontends.cli.context import MODEL, DeviceOption, JsonOption, RegistryOption, guarded, program, say
from latentknobs.frontends.cli.knob_lookup import AnyModelOption, named, stored
from latentknobs.frontends.cli.output import as_json, table

HELP = "NAME, or NAME@RUN or NAME@RUN/FIT for one of an earlier run."


@guarded
def diff(
    ctx: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help=HELP)],
    b: Annotated[str, typer.Argument(metavar="B", help="The other, the same way.")],
    model: AnyModelOption = MODEL,
    with_model: Annotated[str, typer.Option(help="The model of B [that of A].")] = "",
    registry: RegistryOption = None,
    json: JsonOption = False,
) -> None:
    """What differs between two knobs: facts, dimensions, gates, slopes and effects."""
    with program(ctx).workbench(registry) as workbench:
        found = difference(workbench.knob(a, model), workbench.knob(b, with_model or model))
    if json:
        as_json(found)
        return
    if found["same_operator"]:
        say("Both have the same operator.")
    facts = ((name, str(one), str(other)) for name, (one, other) in found["facts"].items())
    dims = found["dimensions"]
    sets = [(f"dimensions of {what}", dims[key]) for what, key in (("both", "both"), ("A", "only_a"), ("B", "only_b"))]
    table(("", found["a"], found["b"]), facts)
    table(("", "how many", "which"), ((what, str(len(them)), ", ".join(map(str, them))) for what, them in sets))
    numbers_table(found["numbers"], "A", "B")


def numbers_table(rows: Iterable[Mapping[str, Any]], a: str, b: str) -> None:
    """Print numbers before and after."""
    table(
        ("", a, b, "difference"), ((str(r["number"]), *(_shown(r[k]) for k in ("a", "b", "difference"))) for r in rows)
    )


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, int | float) else str(value)


@guarded
def similar(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help=HELP)],
    model: AnyModelOption = MODEL,
    history: Annotated[bool, typer.Option("--history", help="Also knobs of other fits and of earlier runs.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="So many at most.")] = 10,
    registry: RegistryOption = None,
    json: JsonOption = False,
) -> None:
    """The knobs, of all models, that do most nearly what this one does."""
    with program(ctx).workbench(registry) as workbench:
        knob = workbench.knob(name, model)
        others = workbench.registry.find(KnobQuery(history=history))
    mine = (knob.model_id, knob.run_id, knob.kind, knob.fit, knob.operator_sha256)
    others = tuple(o for o in others if (o.model_id, o.run_id, o.kind, o.fit, o.operator_sha256) != mine)
    found = most_like(knob, others)[:limit]
    if json:
        as_json([one.as_dict() for one in found])
        return
    table(
        ("knob", "model", "fit", "run", "effects", "dimensions"),
        (
            (
                one.knob.name,
                one.knob.model_name,
                one.knob.fit,
                one.knob.run_id,
                f"{one.effects:+.3f}",
                "" if one.dimensions is None else f"{one.dimensions:.3f}",
            )
            for one in found
        ),
    )


@guarded
def verify(
    ctx: typer.Context,
    names: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer before 0.16 reads no "| None" inside Annotated
        typer.Argument(help="Knobs [all of the model].", show_default=False),
    ] = None,
    of: Annotated[str, typer.Option(help="The model whose knobs are measured.")] = MODEL,
    model: Annotated[
        str, typer.Option(help="Another model, of the same latent size, to measure them on [their own].")
    ] = "",
    clips: Annotated[
        Optional[int],  # noqa: UP045 - the same
        typer.Option(min=1, help="Clips to look at [as many as its run].", show_default=False),
    ] = None,
    seed: Annotated[
        Optional[int],  # noqa: UP045 - the same
        typer.Option(min=0, help="Seed of the songs [that of its run].", show_default=False),
    ] = None,
    registry: RegistryOption = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Measure stored knobs again, with their stored operators, by all gates; nothing is stored."""
    with program(ctx).workbench(registry, device) as workbench:
        knobs = stored(workbench, of)
        if names:
            knobs = tuple(named(knobs, name, of) for name in dict.fromkeys(names))
        found = [measured_again(workbench, knob, model=model or None, clips=clips, seed=seed) for knob in knobs]
    if json:
        as_json([one.as_dict() for one in found])
        return
    table(("knob", "verdict", "again", "survives", "because"), map(_row, found))
    for one in found:
        if one.again is not None:
            typer.echo(f"{one.knob.name}: what was measured, stored and again")
            numbers_table(one.moved, "stored", "again")


def _row(one: Verification) -> tuple[str, ...]:
    again = "not measured" if one.again is None else one.again.verdict
    return one.knob.name, one.knob.verdict, again, "yes" if one.survives else "NO", one.why
