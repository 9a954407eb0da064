"""``latentknobs plugins show``: one plugin, and what it offers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from attrs import asdict

from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.output import as_json, table
from latentknobs.hooks.manager import Plugins


def show(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="The plugin's name, as plugins list has it.")],
    json: options.Json = False,
) -> None:
    """Show a plugin: its origin, its state, and what it offers."""
    plugins = program(ctx).plugins
    report = plugins.report(name)
    offers = list(_offers(plugins, name))
    if json:
        as_json({**asdict(report), "offers": offers})
        return
    facts = {**asdict(report), "hooks": ", ".join(report.hooks)}
    width = max(map(len, facts))
    for fact, value in facts.items():
        if value:
            echo(f"{fact:<{width}}  {value}")
    if offers:
        table(("offers", "name", "what it is"), ((o["kind"], o["name"], o["doc"]) for o in offers))


def _offers(plugins: Plugins, plugin: str) -> Iterator[dict[str, Any]]:
    for kind, offers in plugins.offered_by(plugin).items():
        for name, offer in offers.items():
            yield {"kind": kind, "name": name, "doc": offer.help if kind == "commands" else offer.doc}
