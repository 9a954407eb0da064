"""``latentknobs model metrics``: the field's disentanglement metrics, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.metric_specs import RESAMPLES
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.errors import UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.output import as_json, table


def metrics(
    ctx: typer.Context,
    name: options.ModelName = DEFAULT_MODEL,
    corpus: Annotated[str, typer.Option(help="Corpora joined with +; factors has true factors.")] = "folk",
    split: Annotated[str, typer.Option(help="validation or test; probes are trained on training songs.")] = "test",
    clips: options.Clips = 20_000,
    resamples: Annotated[
        int, typer.Option(min=0, help="Bootstrap resamples for confidence intervals; 0 = none.")
    ] = RESAMPLES,
    registry: options.Registry = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "",
    executor: options.Executor = "serial",
    workers: options.Workers = None,
    json: options.Json = False,
) -> None:
    """Compute disentanglement metrics, in the model's own dimensions and in knob coordinates."""
    from latentknobs.analysis.disentanglement_metrics import JUDGED, disentanglement  # it needs the whole engine

    judged = next((one for one in JUDGED if one == split), None)
    if judged is None:
        raise UsageError(f"--split is one of {', '.join(JUDGED)}, not {split!r}.")
    with program(ctx).workbench(registry, device, precision, executor=executor, workers=workers) as workbench:
        selection = CorpusSelection(corpus, clips, seed)
        result = disentanglement(workbench, name, selection, split=judged, resamples=resamples)
    as_json(result) if json else metrics_of(result)


KINDS = {"mean": "the mean", "drawn": "drawn from the posterior"}
SETS = {"factors": "true factors", "attributes": "measured attributes"}
NONE = "not defined"


def metrics_of(result: Mapping[str, Any]) -> None:
    """Print what :func:`latentknobs.analysis.disentanglement_metrics.disentanglement` gives."""
    echo(
        f"{result['model']} on {result['corpus']}: {result['clips']} {result['split']} clips of {result['songs']} "
        f"songs, {result['training_clips']} training clips, seed {result['seed']}"
    )
    for name, one in result["knobs"].items():
        if "left_out" in one:
            echo(f"{name} is left out: {one['left_out']}")
        else:
            echo(
                f"{name} ({one['verdict']}): its amount is read from {one['pairs']} pairs, "
                f"R2 {one['r2']:.3f} of the amounts"
            )
    echo(
        "In brackets 95 % bootstrap confidence intervals over songs. Knob coordinates are learned from edits, not from "
        "attributes."
    )
    for labels, kinds in result["codes"].items():
        for kind, systems in kinds.items():
            parts = next(iter(next(iter(systems.values())).values()))["parts"]
            echo("")
            echo(f"Codes ({KINDS[kind]}) against {len(parts)} {SETS[labels]}: {', '.join(parts)}")
            table(
                ("metric", *(f"in {system}" for system in systems)),
                (
                    (name, *(_score(system[name]["overall"]) for system in systems.values()))
                    for name in next(iter(systems.values()))
                ),
            )
    for metric in ("interpretability", "scc"):
        _parts(result, metric)
    if result["targets"]:
        echo("")
        echo("What each knob's edit targets, read from one number")
        table(
            ("knob", "target", "read from", "interpretability", "scc"),
            (
                (name, one["target"], which, *(_score(one[which].get(m)) for m in ("interpretability", "scc")))
                for name, one in result["targets"].items()
                for which in ("knob", "best dimension", "probe")
            ),
        )
    if result["turned"]:
        echo("")
        echo("Knobs turned over their usable range, and decoded")
        names = next(iter(result["turned"].values()))["metrics"]
        table(
            ("metric", *result["turned"]),
            ((name, *(_score(one["metrics"][name]["overall"]) for one in result["turned"].values())) for name in names),
        )


def _parts(result: Mapping[str, Any], metric: str) -> None:
    """One metric label by label, means of the posterior: each system, and the probe where there is one."""
    for labels, kinds in result["codes"].items():
        systems = {name: one[metric]["parts"] for name, one in kinds["mean"].items() if metric in one}
        if not systems:
            continue
        probes = result["probes"] if labels == "attributes" else {}
        echo("")
        echo(f"{metric}, each of the {SETS[labels]}")
        table(
            (labels, *(f"in {system}" for system in systems), *(["a trained probe"] if probes else [])),
            (
                (
                    name,
                    *(_score(parts[name]) for parts in systems.values()),
                    *([_score(probes.get(name, {}).get(metric))] if probes else []),
                )
                for name in next(iter(systems.values()))
            ),
        )


def _score(one: Mapping[str, Any] | None) -> str:
    if one is None or one["value"] is None:
        return NONE
    ends = "" if one["low"] is None else f" ({one['low']:.3f} to {one['high']:.3f})"
    return f"{one['value']:.3f}{ends}"
