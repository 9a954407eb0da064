"""``latentknobs knobs diff``: two knobs side by side."""

from __future__ import annotations

from typing import Annotated

import typer

from latentknobs.analysis.knob_similarity import difference
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import program, say
from latentknobs.frontends.cli.output import as_json, numbers_table, table


def diff(
    ctx: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help=options.KNOB_AT)],
    b: Annotated[str, typer.Argument(metavar="B", help="The other, the same way.")],
    model: options.AnyModel = DEFAULT_MODEL,
    with_model: Annotated[str, typer.Option(help="The model of B [that of A].")] = "",
    registry: options.Registry = None,
    json: options.Json = False,
) -> None:
    """What differs between two knobs: facts, dimensions, response, criteria, slopes and effects, with intervals."""
    with program(ctx).workbench(registry) as workbench:
        result = difference(workbench.knob(a, model), workbench.knob(b, with_model or model))
    if json:
        as_json(result)
        return
    if result["same_operator"]:
        say("Both have the same operator.")
    facts = ((name, str(one), str(other)) for name, (one, other) in result["facts"].items())
    dims = result["dimensions"]
    sets = [(f"dimensions of {side}", dims[key]) for side, key in (("both", "both"), ("A", "only_a"), ("B", "only_b"))]
    table(("", result["a"], result["b"]), facts)
    table(
        ("", "how many", "which"), ((side, str(len(members)), ", ".join(map(str, members))) for side, members in sets)
    )
    numbers_table(result["numbers"], "A", "B")
