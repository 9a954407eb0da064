"""``latentknobs knobs show``: a knob's card, and the picture of its mean change."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.evidence import unstructure_evidence
from latentknobs.core.knob import Knob
from latentknobs.errors import UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.melody_files import check_target
from latentknobs.frontends.cli.output import as_json, knob_card
from latentknobs.plots import draw_mean_change

NAMED = 8
"""Selected dimensions that the picture of a knob names; with more, their names would cover one another."""


def show(
    ctx: typer.Context,
    name: options.KnobName,
    model: options.AnyModel = DEFAULT_MODEL,
    registry: options.Registry = None,
    mean_change: Annotated[
        Path | None,
        typer.Option(
            "--mean-change",
            metavar="OUT.png",
            help="Draw the edit's mean change of each dimension, at every amount.",
        ),
    ] = None,
    force: options.Force = False,
    json: options.Json = False,
) -> None:
    """Show a knob's card: what it does, its metrics, and its provenance."""
    if mean_change is not None:
        check_target(mean_change, force=force, suffixes=(".png",))
    with program(ctx).workbench(registry) as workbench:
        knob = workbench.knob(name, model)
    if mean_change is not None:
        _draw(knob, mean_change, overwrite=force)
    if json:
        as_json({**knob.as_dict(), "evidence": unstructure_evidence(knob.evidence)})
    else:
        knob_card(knob)


def _draw(knob: Knob, path: Path, *, overwrite: bool) -> None:
    if knob.augmentation is None:
        raise UsageError(f"The knob {knob.name!r} was found without an edit: there is no mean change to draw.")
    if not knob.evidence.mean_change:
        raise UsageError(f"The evidence of the knob {knob.name!r} holds no mean change: discover it again.")
    draw_mean_change(
        np.asarray(knob.evidence.mean_change),
        knob.evidence.fitted,
        path,
        title=f"{knob.name}: what {knob.augmentation} does to the codes of {knob.model_name}",
        unit=knob.unit,
        selected=[d.dim for d in knob.dimensions[:NAMED]],
        overwrite=overwrite,
    )
    say(f"written to {path}")
