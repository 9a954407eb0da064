"""``latentknobs model compare``: two models on the same clips, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from latentknobs.analysis.model_comparison import compare_models
from latentknobs.core.corpus import SPLITS
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.errors import UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.output import NONE, as_json, number_text, share_text, table
from latentknobs.workbench import DEFAULT_CLIPS

SHARES = {"teacher_forced": "tokens, teacher-forced", "greedy": "tokens", "exact": "whole clips"}
AGREED = {
    "tokens": "tokens that both decode alike",
    "clips": "clips that both decode alike",
    "both_right": "tokens right in both",
    "only_a_right": "tokens right in A alone",
    "only_b_right": "tokens right in B alone",
    "both_wrong": "tokens wrong in both",
    "difference": "right tokens, A less B",
}


def compare(
    ctx: typer.Context,
    a: Annotated[str, typer.Argument(metavar="A", help="Shipped name, path, or KIND:LOCATION of a model.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other, the same way.")],
    corpus: Annotated[str, typer.Option(help="Corpora joined with +.")] = "folk",
    split: options.Split = "test",
    clips: options.Clips = DEFAULT_CLIPS,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "",
    json: options.Json = False,
) -> None:
    """Compare two models on the same clips: reconstruction, KL, active units, agreement, prior samples."""
    if split not in SPLITS:
        raise UsageError(f"--split is one of {', '.join(SPLITS)}, not {split!r}.")
    with program(ctx).workbench(device=device, precision=precision) as workbench:
        result = compare_models(workbench, a, b, CorpusSelection(corpus, clips, seed), split)
    if json:
        as_json(result)
        return
    one, other = result["a"], result["b"]
    echo(f"{result['clips']} {result['split']} clips of {result['songs']} songs of {result['corpus']}, for both")
    if result["left_out"]:
        counts = ", ".join(f"{count} {what}" for what, count in result["left_out"].items())
        echo(f"left out or joined, all splits: {counts}")
    left, right = _column(one), _column(other)
    table(("", f"A: {one['model']}", f"B: {other['model']}"), ((name, left[name], right[name]) for name in left))
    echo("Greedy reconstructions from the means; in brackets 95 % bootstrap confidence intervals over songs.")
    agreement = result["agreement"]
    rows = [(text, share_text(agreement[name])) for name, text in AGREED.items()]
    rows += [(f"{name} of both", number_text(value, 3)) for name, value in agreement["comparisons"].items()]
    table(("", "A and B"), rows)
    if not one["prior"]["attributes"]:
        return
    echo("1,000 codes from N(0, I), decoded: means, and the Kolmogorov-Smirnov distance (KS) from the clips.")
    table(("attribute", "clips", "A", "KS of A", "B", "KS of B"), _prior(one["prior"], other["prior"]))


def _column(result: Mapping[str, Any]) -> dict[str, str]:
    """What was measured of one model, by what it is; a model without a scale has no draws from its posterior."""
    out = {"model": result["model_id"][:12]}
    for kind, heading in (("drawn", "z drawn"), ("mean", "z the mean")):
        part = result.get(kind)
        for name, text in SHARES.items():
            out[f"{text}, {heading}"] = share_text(part and part[name])
    for name, value in result["mean"]["comparisons"].items():
        out[f"{name}, z the mean"] = number_text(value, 3)
    out["KL from the prior, nats a clip"] = number_text(result["kl"], 1)
    out["active units"] = f"{result['active_units']} of {result['latent_size']}"
    out["valid from the prior"] = share_text(result["prior"]["valid"])
    out["silent from the prior"] = share_text(result["prior"]["silent"])
    return out


def _prior(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple[str, ...]]:
    rows = []
    for name, one in a["attributes"].items():
        sides = (one, b["attributes"][name])
        cells = [cell for side in sides for cell in (_mean(side["samples"]), _distance(side["ks"]))]
        rows.append((f"{name} ({one['unit']})", _mean(one["corpus"]), *cells))
    return rows


def _mean(moments: Mapping[str, Any]) -> str:
    return f"{moments['mean']['value']:.2f}" if moments["count"] else NONE


def _distance(value: float | None) -> str:
    return NONE if value is None else f"{value:.3f}"
