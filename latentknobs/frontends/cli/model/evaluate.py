"""``latentknobs model evaluate``: how well a model reconstructs, samples and interpolates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import typer

from latentknobs.analysis.model_evaluation import evaluate_model
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.corpus import SPLITS
from latentknobs.corpora.corpus_spec import CorpusSelection, parse_sources
from latentknobs.errors import UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.output import NONE, as_json, number_text, share_text, table
from latentknobs.workbench import DEFAULT_CLIPS


def evaluate(
    ctx: typer.Context,
    name: options.ModelName = DEFAULT_MODEL,
    corpus: Annotated[
        list[str] | None,
        typer.Option("--corpus", help="Corpora joined with +; given several times, each is evaluated alone [folk]."),
    ] = None,
    split: options.Split = "test",
    clips: options.Clips = DEFAULT_CLIPS,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "",
    executor: options.Executor = "serial",
    workers: options.Workers = None,
    json: options.Json = False,
) -> None:
    """Measure a model's reconstruction, prior samples and interpolation."""
    if split not in SPLITS:
        raise UsageError(f"--split is one of {', '.join(SPLITS)}, not {split!r}.")
    corpora = corpus or ["folk"]
    if len(set(corpora)) < len(corpora):
        raise UsageError("--corpus names the same corpus twice; name each once.")
    results = []
    with program(ctx).workbench(device=device, precision=precision, executor=executor, workers=workers) as workbench:
        for corpus_name in corpora:  # a misspelt name is told before the work
            parse_sources(corpus_name, workbench.corpora)
        try:
            for corpus_name in corpora:
                results.append(evaluate_model(workbench, name, CorpusSelection(corpus_name, clips, seed), split))
                if not json:
                    if len(results) > 1:
                        echo("")
                    evaluation(results[-1])
        finally:
            if json and results:  # what was measured before a corpus failed is not lost
                as_json(results)


KINDS = {"drawn": "z drawn from the posterior", "mean": "z the mean"}
HELD = (0.5, 0.9, 0.99)
"""Parts of the codes' variance of which it is said how many principal components hold them."""
ROUNDING = 1e-9
"""A sum of shares is this much below what it should be, at most."""


def evaluation(result: Mapping[str, Any]) -> None:
    """Print one corpus' evaluation, as :func:`latentknobs.evaluation.model_evaluation.evaluate` gives it."""
    kinds = {kind: heading for kind, heading in KINDS.items() if kind in result}
    echo(
        f"{result['model']} on {result['corpus']}: {result['clips']} {result['split']} clips of {result['songs']} songs"
    )
    if result["left_out"]:
        counts = ", ".join(f"{count} {what}" for what, count in result["left_out"].items())
        echo(f"left out or joined, all splits: {counts}")
    if result["kl"] is not None:
        echo(f"KL from the prior: {number_text(result['kl'], 1)} nats a clip")
    echo(f"active units: {result['active_units']} of {result['latent_size']}")
    held = np.cumsum(result["spectrum"])
    if held[-1]:
        counts = ", ".join(f"{share:.0%} in {int((held < share - ROUNDING).sum()) + 1}" for share in HELD)
        echo(f"variance of the codes, principal components that hold it: {counts}")
    echo("")
    echo("Reconstruction")
    if "drawn" in kinds:
        echo("z is drawn from the posterior, as in MusicVAE's protocol, and is its mean, from which knobs start.")
    else:
        echo("z is the mean, from which knobs start; the model has no scale, so none can be drawn.")
    echo("Each token is the likeliest one: teacher-forced after the true tokens, greedy after the model's own.")
    echo("Means over clips with a token of the class; in brackets 95 % bootstrap confidence intervals over songs.")
    table(("share that is right", "clips", *kinds.values()), _reconstruction(result, list(kinds)))
    _prior(result["prior"], result["clips"])
    _smoothness(result["smoothness"])


def _reconstruction(result: Mapping[str, Any], kinds: list[str]) -> list[tuple[str, ...]]:
    values = [result[kind] for kind in kinds]

    def row(name: str, cells: list[Mapping[str, float] | None], *, share: bool = True) -> tuple[str, ...]:
        count = "0" if cells[0] is None else str(cells[0]["clips"])
        return (name, count, *(share_text(cell) if share else number_text(cell, 3) for cell in cells))

    rows = [
        row("tokens, teacher-forced", [v["teacher_forced"] for v in values]),
        row("tokens, greedy", [v["greedy"] for v in values]),
    ]
    labels = list(values[0]["groups"])
    short = [label.rpartition("/")[2] for label in labels]
    for label, last in zip(labels, short, strict=True):
        name = last if short.count(last) == 1 else label
        rows.append(row(f"{name} tokens, greedy", [v["groups"][label] for v in values]))
    rows.append(row("whole clips, greedy", [v["exact"] for v in values]))
    names = values[0]["comparisons"]
    return rows + [row(f"{name}, greedy", [v["comparisons"][name] for v in values], share=False) for name in names]


def _prior(prior: Mapping[str, Any], clips: int) -> None:
    echo("")
    echo(f"Prior: {prior['count']} codes from N(0, I)")
    echo(f"valid as the greedy tokens stand, before repair: {share_text(prior['valid'])}")
    echo(f"no note at all: {share_text(prior['silent'])}; in the corpus {share_text(prior['silent_in_corpus'])}")
    if not prior["attributes"]:
        return
    echo(f"Their decodings beside the {clips} clips: n = those with the attribute, difference in standard")
    echo("deviations (sd) over the corpus, KS = Kolmogorov-Smirnov distance from 0, the same, to 1.")
    table(
        ("attribute", "corpus: n", "mean", "sd", "samples: n", "mean", "sd", "difference", "KS"),
        (
            (
                f"{name} ({one['unit']})",
                *_moments(one["corpus"]),
                *_moments(one["samples"]),
                number_text(one["difference"], 2, sign="+"),
                NONE if one["ks"] is None else f"{one['ks']:.3f}",
            )
            for name, one in prior["attributes"].items()
        ),
    )


def _smoothness(result: Mapping[str, Any] | None) -> None:
    echo("")
    if result is None:
        echo("Interpolation: not measured, all clips are of one song.")
        return
    points = result["points"]
    even = 1 / (points - 1)
    echo(f"Interpolation: {result['pairs']} pairs of clips from {result['song_pairs']} pairs of songs")
    echo(f"{points} codes by SLERP from one to the other; in {result['measured']} pairs the ends decode differently.")
    rows = (
        ("tokens that differ between the ends", share_text(result["ends"]), ""),
        ("length of the path over the ends' distance", number_text(result["path"], 2), "1 = direct, more = detours"),
        ("largest jump, share of the path", share_text(result["jump"]), f"{even:.1%} = even, 100% = at once"),
    )
    table(("path", "mean over pairs", "how to read it"), rows)


def _moments(one: Mapping[str, Any]) -> tuple[str, str, str]:
    if not one["count"]:
        return "0", NONE, NONE
    return str(one["count"]), number_text(one["mean"], 2), f"{one['sd']:.2f}"
