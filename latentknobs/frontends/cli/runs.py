"""``latentknobs runs``: the discoveries that are stored, and doing one again."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.analysis.reproduction import repeat as again
from latentknobs.frontends.cli.context import DeviceOption, JsonOption, RegistryOption, guarded, program, say
from latentknobs.frontends.cli.diff import numbers_table
from latentknobs.frontends.cli.knob_listing import CsvOption, as_csv, one_of
from latentknobs.frontends.cli.knob_lookup import AnyModelOption
from latentknobs.frontends.cli.output import as_json, knob_table, table, tree

group = typer.Typer(no_args_is_help=True, help="Look at the discoveries that are stored, and do one again.")
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help="The run's identity, as runs list prints it.")]
COLUMNS = (
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


@group.command("list")
@guarded
def list_(
    ctx: typer.Context,
    model: AnyModelOption = "",
    augmentation: Annotated[str, typer.Option(help="Of this edit.")] = "",
    registry: RegistryOption = None,
    json: JsonOption = False,
    csv: CsvOption = False,
) -> None:
    """The stored runs, the oldest first."""
    one_of(json, csv)
    with program(ctx).workbench(registry) as workbench:
        runs = sorted(workbench.registry.runs(), key=lambda run: run.started)
    rows = [run.as_row() for run in runs if not model or model in (run.spec.model_name, run.spec.model_id)]
    rows = [row for row in rows if not augmentation or row["augmentation"] == augmentation]
    if json:
        as_json(rows)
    elif csv:
        as_csv(rows, COLUMNS)
    else:
        shown = ("run", "model", "augmentation", "corpus", "seed", "finished", "knobs", "accepted")
        table(shown, (["" if row[name] is None else str(row[name]) for name in shown] for row in rows))


@group.command()
@guarded
def show(ctx: typer.Context, run: RunArgument, registry: RegistryOption = None, json: JsonOption = False) -> None:
    """One run: what was asked for, what went in, and every knob that was tried."""
    with program(ctx).workbench(registry) as workbench:
        found = workbench.registry.run(run)
    facts = {
        **found.as_row(),
        "current": found.current,
        "parameters": dict(found.spec.parameters),
        "counts": dict(found.counts),
    }
    if json:
        as_json({**facts, "knobs": [knob.as_dict() for knob in found.knobs]})
        return
    tree({name: value for name, value in facts.items() if value is not None})
    knob_table(found.knobs)


@group.command()
@guarded
def repeat(
    ctx: typer.Context,
    run: RunArgument,
    model: Annotated[str, typer.Option(help="Where the run's model is [the name that the run has for it].")] = "",
    registry: RegistryOption = None,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Do a stored run again, store it as any run, and say what differs."""
    with program(ctx).workbench(registry, device) as workbench:
        found = again(workbench, run, model=model or None)
    if json:
        as_json(found.as_dict())
        return
    say(f"Run {run} " + ("gives the same again." if found.same else "does not give the same again."))
    for name, (then, now) in found.parameters.items():
        say(f"{name}: {then} then, {now} now")
    table(
        ("knob", "kind", "fit", "verdict", "operator", "numbers that moved"),
        (
            (
                knob["name"],
                knob["kind"],
                knob["fit"],
                " then ".join(dict.fromkeys(knob["verdict"] or ())),
                "the same" if knob["same_operator"] else "another",
                str(len(knob["moved"])),
            )
            for knob in found.knobs
        ),
    )
    for knob in found.knobs:
        if knob["moved"]:
            typer.echo(f"{knob['name']} ({knob['fit']})")
            numbers_table(knob["moved"], "stored", "again")
