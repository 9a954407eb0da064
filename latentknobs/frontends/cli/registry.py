"""``latentknobs registry``: upgrading a registry, and rebuilding the package's own."""

from __future__ import annotations

from typing import Annotated

import typer
from attrs import evolve

from latentknobs.analysis.build_registry import SHIPPED_CLIPS
from latentknobs.analysis.build_registry import build as build_shipped
from latentknobs.analysis.build_registry import plugins as shipped_plugins
from latentknobs.frontends.cli.context import DeviceOption, JsonOption, SeedOption, guarded, program, say
from latentknobs.frontends.cli.knobs import best_knobs, run_facts
from latentknobs.frontends.cli.output import as_json, knob_table

group = typer.Typer(no_args_is_help=True, help="Look after registries.")


@group.command()
@guarded
def upgrade(
    ctx: typer.Context,  # noqa: ARG001 - guarded reads it
    url: Annotated[str, typer.Argument(help="Registry file or URL.")],
    json: JsonOption = False,
) -> None:
    """Bring a registry of an older version up to date; a backup is made first."""
    from latentknobs.registry import migrate

    backup = migrate.upgrade(url)
    if json:
        as_json({"registry": url, "backup": None if backup is None else str(backup)})
    else:
        say(f"{url} is up to date" + ("" if backup is None else f"; what it was is kept in {backup}"))


@group.command()
@guarded
def build(
    ctx: typer.Context,
    clips: Annotated[int, typer.Option(min=1, help="Clips to look at for each knob.")] = SHIPPED_CLIPS,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    json: JsonOption = False,
) -> None:
    """Rebuild the knobs that come with the package (make registry; in a checkout only)."""
    with evolve(program(ctx), plugins=shipped_plugins()).workbench(device=device) as workbench:
        paths, runs = build_shipped(workbench, clips=clips, seed=seed)
    for path in paths:
        say(f"written to {path}")
    if json:
        as_json({"files": [str(path) for path in paths], "runs": [run_facts(run) for run in runs]})
    else:
        knob_table(best_knobs(runs))
