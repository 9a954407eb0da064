"""``latentknobs plugins list``: the plugins, and what became of them."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from attrs import asdict

from latentknobs.core.format_capabilities import needs_of, needs_text
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program
from latentknobs.frontends.cli.output import as_json, table
from latentknobs.hooks.manager import Plugins

OF_CLIPS = ("augmentations", "attributes", "comparisons")
"""What is of some clip formats and not of others."""


def list_(
    ctx: typer.Context,
    offers: Annotated[
        bool, typer.Option("--offers", help="List augmentations, attributes and comparisons, and what each needs.")
    ] = False,
    json: options.Json = False,
) -> None:
    """List all plugins: loaded, skipped, failed or disabled, and why; or what they offer to measure and edit clips."""
    plugins = program(ctx).plugins
    if offers:
        known = [(kind, offer) for kind in OF_CLIPS for offer in getattr(plugins, kind)().values()]
        if json:
            as_json([_facts(plugins, kind, offer) for kind, offer in known])
            return
        table(
            ("kind", "name", "unit", "needs of a format", "what it is"),
            ((kind.removesuffix("s"), o.name, getattr(o, "unit", ""), needs_text(o), o.doc) for kind, o in known),
        )
        return
    reports = plugins.reports()
    if json:
        as_json([asdict(report) for report in reports])
        return
    table(
        ("plugin", "state", "origin", "version", "hooks", "reason"),
        ((r.name, r.state, r.origin, r.version or "", ", ".join(r.hooks), r.error or "") for r in reports),
    )


def _facts(plugins: Plugins, kind: str, offer: Any) -> dict[str, Any]:
    return {
        "kind": kind.removesuffix("s"),
        "name": offer.name,
        "unit": getattr(offer, "unit", ""),
        "needs": needs_of(offer),
        "clip_format": getattr(offer, "clip_format", "") or None,
        "doc": offer.doc,
        "plugin": plugins.origin(kind, offer.name).name,
    }
