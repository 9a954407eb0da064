"""``latentknobs model``: which models there are, what they are, how well they reconstruct."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Optional

import typer

from latentknobs.core.backend import BackendSpec
from latentknobs.core.corpus import SPLITS
from latentknobs.core.metric_specs import RESAMPLES
from latentknobs.corpora.corpus_spec import parse_sources
from latentknobs.errors import UsageError
from latentknobs.frontends.cli.context import (
    MODEL,
    DeviceOption,
    JsonOption,
    PrecisionOption,
    RegistryOption,
    SeedOption,
    guarded,
    program,
)
from latentknobs.frontends.cli.model_compare import compare
from latentknobs.frontends.cli.model_disentanglement import metrics_of
from latentknobs.frontends.cli.model_evaluate import evaluation
from latentknobs.frontends.cli.output import as_json, table, tree
from latentknobs.workbench import DEFAULT_CLIPS

group = typer.Typer(no_args_is_help=True, help="Look at models, and bring in weights.")

NameArgument = Annotated[str, typer.Argument(help="Shipped name, path, or KIND:LOCATION of the model.")]


@group.command("list")
@guarded
def list_(
    ctx: typer.Context,
    registry: RegistryOption = None,
    json: JsonOption = False,
) -> None:
    """The models that come with the plugins, and those that have knobs in the registry."""
    with program(ctx).workbench(registry) as workbench:
        rows: dict[str, dict[str, Any]] = {}
        for kind, factory in workbench.models.factories.items():
            for name in factory.shipped:
                rows[name] = {"name": name, "backend": kind, "model_id": None, "knobs": []}
        for knob in workbench.registry.knobs(operators=False):
            key = knob.model_name if knob.model_name in rows else knob.model_id
            row = rows.setdefault(key, {"name": knob.model_name, "backend": None, "model_id": None, "knobs": []})
            row["model_id"] = knob.model_id
            row["knobs"].append(knob.name)
    if json:
        as_json(list(rows.values()))
        return
    table(
        ("model", "backend", "hash", "knobs"),
        (
            (r["name"], r["backend"] or "", (r["model_id"] or "")[:12], ", ".join(r["knobs"]) or "none yet")
            for r in rows.values()
        ),
    )


@group.command()
@guarded
def show(
    ctx: typer.Context,
    name: NameArgument = MODEL,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "",
    json: JsonOption = False,
) -> None:
    """What a model is: clip format, latent size, hash, and how it was trained."""
    with program(ctx).workbench(device=device, precision=precision) as workbench:
        facts = _facts(workbench.model(name).spec)
    as_json(facts) if json else tree(facts)


def _facts(spec: BackendSpec) -> dict[str, Any]:
    return {
        "name": spec.name,
        "model_id": spec.model_id,
        "clip_format": spec.clip_format.name,
        "latent_size": spec.latent_size,
        "training": _plain(spec.training),
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    return {k: _plain(v) if isinstance(v, Mapping) else v for k, v in values.items()}


@group.command()
@guarded
def evaluate(
    ctx: typer.Context,
    name: NameArgument = MODEL,
    corpus: Annotated[
        Optional[list[str]],  # noqa: UP045 - typer before 0.16 reads no "| None" inside Annotated
        typer.Option("--corpus", help="Corpora joined with +; given several times, each is evaluated alone [folk]."),
    ] = None,
    split: Annotated[str, typer.Option(help="train, validation or test.")] = "test",
    clips: Annotated[int, typer.Option(min=1, help="Clips to look at, all splits together.")] = DEFAULT_CLIPS,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "",
    json: JsonOption = False,
) -> None:
    """Measure how well a model reconstructs clips, decodes the prior and goes from clip to clip."""
    if split not in SPLITS:
        raise UsageError(f"--split is one of {', '.join(SPLITS)}, not {split!r}.")
    asked = corpus or ["folk"]
    if len(set(asked)) < len(asked):
        raise UsageError("--corpus names the same corpus twice; name each once.")
    found = []
    with program(ctx).workbench(device=device, precision=precision) as workbench:
        for one in asked:  # a misspelt name is told before the work
            parse_sources(one, workbench.corpora)
        try:
            for one in asked:
                found.append(workbench.evaluate(name, corpus=one, split=split, clips=clips, seed=seed))
                if not json:
                    if len(found) > 1:
                        typer.echo("")
                    evaluation(found[-1])
        finally:
            if json and found:  # what was measured before a corpus failed is not lost
                as_json(found)


@group.command()
@guarded
def metrics(
    ctx: typer.Context,
    name: NameArgument = MODEL,
    corpus: Annotated[str, typer.Option(help="Corpora joined with +; factors has true factors.")] = "folk",
    split: Annotated[str, typer.Option(help="validation or test; training songs teach readings and probes.")] = "test",
    clips: Annotated[int, typer.Option(min=1, help="Clips to look at, all splits together.")] = 20_000,
    resamples: Annotated[int, typer.Option(min=0, help="Resamplings of songs for intervals; 0 = none.")] = RESAMPLES,
    registry: RegistryOption = None,
    seed: SeedOption = 0,
    device: DeviceOption = "auto",
    precision: PrecisionOption = "",
    json: JsonOption = False,
) -> None:
    """The field's metrics of a model: in its own dimensions, and in coordinates whose first ones are its knobs."""
    from latentknobs.analysis.disentanglement_metrics import JUDGED, disentanglement  # it needs the whole engine

    judged = next((one for one in JUDGED if one == split), None)
    if judged is None:
        raise UsageError(f"--split is one of {', '.join(JUDGED)}, not {split!r}.")
    with program(ctx).workbench(registry, device, precision) as workbench:
        found = disentanglement(
            workbench, name, corpus=corpus, split=judged, clips=clips, seed=seed, resamples=resamples
        )
    as_json(found) if json else metrics_of(found)


group.command()(compare)
