"""``latentknobs report``: the report of a model and its knobs, as a page, pictures and tables in a folder."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.atomic_write import write_file
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program
from latentknobs.frontends.cli.melody_files import check_folder, write_folder
from latentknobs.frontends.cli.output import as_json
from latentknobs.workbench import DEFAULT_CLIPS


def report(
    ctx: typer.Context,
    output: options.Folder,
    model: options.Model = DEFAULT_MODEL,
    corpus: Annotated[str, typer.Option(help="Corpora joined with +, or midi:FOLDER.")] = "folk",
    clips: options.Clips = DEFAULT_CLIPS,
    metrics: Annotated[bool, typer.Option(help="Compute the disentanglement metrics, which takes minutes.")] = True,
    registry: options.Registry = None,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    precision: options.Precision = "",
    force: options.Force = False,
    executor: options.Executor = "serial",
    workers: options.Workers = None,
    json: options.Json = False,
) -> None:
    """Write a self-contained report of a model and its knobs, with pictures as PNG and tables as CSV."""
    from latentknobs.report import report as make  # it needs the whole engine

    check_folder(output, force=force)
    with program(ctx).workbench(registry, device, precision, executor=executor, workers=workers) as workbench:
        files = make(workbench, model, CorpusSelection(corpus, clips, seed), metrics=metrics).files()
    write_folder(output, {name: partial(write_file, data=data) for name, data in files.items()})
    if json:
        as_json({"folder": str(output), "files": list(files)})
    else:
        echo(f"{output / 'index.html'}, and {len(files) - 1} pictures and tables beside it")
