"""``latentknobs add``: the knobs of a pack, and its plugins once a person has said yes."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from attrs import asdict

from latentknobs.core.printable import printable
from latentknobs.errors import UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.output import as_json, table


def add(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(help="The pack's folder or zip.")],
    yes: Annotated[bool, typer.Option("--yes", help="Let its plugins run, without being asked.")] = False,
    conflict: options.OnConflict = "refuse",
    registry: options.Registry = None,
    json: options.Json = False,
) -> None:
    """Add the knobs of a pack; code in it is shown, and neither copied nor run before a yes."""
    # They load the registry, which help must do without.
    from latentknobs.frontends.cli.pack.check import FIRST_LINES, pack_facts, show_pack
    from latentknobs.packs.adding import add_pack, check_weights, model_here
    from latentknobs.packs.pack_reader import read_pack

    places = program(ctx).places()
    with program(ctx).workbench(registry) as workbench:
        pack = read_pack(path)
        check_weights(workbench, pack)
        model = model_here(workbench, pack, places)
        if not json:
            show_pack(pack, model, lines=FIRST_LINES)
        new = places.new_plugins(pack)
        if new and not yes:
            _ask([str(places.plugin(one)) for one in new], pack.where, asking=not json and sys.stdin.isatty())
        outcomes = add_pack(workbench, pack, places, allow_code=True, conflict=conflict)  # type: ignore[arg-type] # it is checked there
        model = model_here(workbench, pack, places)
    plugins = [str(places.plugin(one)) for one in new]
    if json:
        as_json(pack_facts(pack, model) | {"outcomes": [asdict(one) for one in outcomes], "added": plugins})
        return
    rows = ((one.name, one.verdict, one.outcome, one.why) for one in outcomes)
    table(("knob", "verdict", "what became of it", "because"), rows)
    for plugin in plugins:
        say(f"{plugin} runs from now on; latentknobs plugins trust --withdraw {plugin} ends that.")


def _ask(targets: list[str], where: str, *, asking: bool) -> None:
    """Let a person say whether code may run; anything but a yes ends here."""
    what = f"the code of {where}, which would run with all your rights as {', '.join(targets)}"
    if not asking:
        raise UsageError(
            f"Nothing was added: nobody can be asked here about {what}. Read it (latentknobs pack check {where} "
            "--source), then add --yes."
        )
    if not typer.confirm(printable(f"Add {what}?"), err=True):
        raise UsageError("Nothing was added.")
