"""``latentknobs model show``: what a model is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.backend import BackendSpec
from latentknobs.core.format_capabilities import offered_by
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program
from latentknobs.frontends.cli.output import as_json, tree


def show(
    ctx: typer.Context,
    name: options.ModelName = DEFAULT_MODEL,
    device: options.Device = "auto",
    precision: options.Precision = "",
    json: options.Json = False,
) -> None:
    """Show a model's clip format, latent size, hash, and training."""
    with program(ctx).workbench(device=device, precision=precision) as workbench:
        facts = _facts(workbench.model(name).spec)
    as_json(facts) if json else tree(facts)


def _facts(spec: BackendSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "model_id": spec.model_id,
        "clip_format": spec.clip_format.name,
        "formats": {one.name: list(offered_by(one)) for one in spec.formats},
        "latent_size": spec.latent_size,
        **{name: value for name, value in _structure(spec).items() if value},
        "encodes": spec.encodes,
        "training": _plain(spec.training),
    }


def _structure(spec: BackendSpec) -> dict[str, Any]:
    return {
        "blocks": dict(spec.blocks),
        "condition": spec.condition,
        "anchor": spec.anchor,
        "latent_shape": list(spec.latent_shape),
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _plain(v) if isinstance(v, Mapping) else v for k, v in values.items()}
