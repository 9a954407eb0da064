"""``latentknobs sample``: melodies from the prior."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.errors import UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.amount_parser import parse_assignments
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.melody_files import check_folder, piece_writer, write_melodies
from latentknobs.session import conditions
from latentknobs.steering.control_directions import doubt
from latentknobs.steering.prior_codes import PriorCodes, units_of_prior
from latentknobs.steering.prior_codes import sample as draw_pieces


def sample(
    ctx: typer.Context,
    output: options.Folder,
    count: options.Count = 4,
    knob: Annotated[
        list[str] | None,
        typer.Option("-k", "--knob", help="NAME=AMOUNT: turn the drawn codes; once for each knob.", show_default=False),
    ] = None,
    temperature: Annotated[float, typer.Option(min=0.0, max=10.0, help="0 = likeliest tokens, above: drawn.")] = 0.0,
    model: options.Model = DEFAULT_MODEL,
    corpus: Annotated[str, typer.Option(help="Of a conditional model: whose clips give the condition.")] = "",
    registry: options.Registry = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "",
    force: options.Force = False,
    json: options.Json = False,
) -> None:
    """Write melodies drawn from the model's prior."""
    check_folder(output, force=force)
    amounts = parse_assignments(knob or [])
    with program(ctx).workbench(registry, device, precision) as workbench:
        backend = workbench.model(model)
        spec = backend.spec
        known = (knob for knob in workbench.registry.knobs(model_id=spec.model_id))  # read only where they are needed
        if corpus and spec.condition is None:
            raise UsageError(f"The model {spec.name} has no condition to take of {corpus}: leave --corpus out.")
        turned = [(workbench.registry.knob(spec.model_id, name), amount) for name, amount in amounts.items()]
        for one, _ in turned:
            if clause := doubt(one):
                say(f"{one.name}{clause}")
        given = conditions(workbench, model, corpus, seed)
        prior = PriorCodes(units_of_prior(spec, known), given, turned, corpus)
        drawn = draw_pieces(backend, count, seed, temperature, prior)
    clip_format = backend.spec.clip_format
    writers = {f"sample_{k + 1:03d}.mid": piece_writer(d.piece, clip_format, d.provenance) for k, d in enumerate(drawn)}
    write_melodies(output, writers, json=json)
