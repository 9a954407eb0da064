"""``latentknobs bench``: how fast, exact and large a model is on this machine, and two such results side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.atomic_write import write_file
from latentknobs.core.bench_result import BatchTiming, BenchResult, PrecisionError, read_bench_result
from latentknobs.errors import UsageError
from latentknobs.frontends.cli import options
from latentknobs.frontends.cli.context import echo, program, say
from latentknobs.frontends.cli.melody_files import check_target
from latentknobs.frontends.cli.output import as_json, table
from latentknobs.plots import draw_throughput
from latentknobs.plots.throughput import where

UNKNOWN = "-"
MEBIBYTE = 2**20
BATCHES = (1, 32, 256)
ROUNDS = 7


def bench(
    ctx: typer.Context,
    model: options.Model = DEFAULT_MODEL,
    batch: Annotated[
        list[int] | None,
        typer.Option("--batch", min=1, help="Clips of a batch; may be repeated [1, 32, 256].", show_default=False),
    ] = None,
    precision: Annotated[
        list[str] | None,
        typer.Option(
            "--precision",
            help="float32, bf16 or int8, beside the backend's first; may be repeated [all that it has].",
            show_default=False,
        ),
    ] = None,
    rounds: Annotated[int, typer.Option("--rounds", min=1, help="How often each is timed, in turns.")] = ROUNDS,
    seed: options.Seed = 0,
    device: options.Device = "auto",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="OUT.json", help="Write the result there, to compare.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="OUT.png", help="Draw clips a second over the batch (PNG or SVG).")
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A.json B.json", help="Measure nothing; show two results side by side."),
    ] = None,
    force: options.Force = False,
    json: options.Json = False,
) -> None:
    """Time a model's encode and decode here: speed, memory and exactness of each precision and batch."""
    for path, suffixes in ((output, (".json",)), (plot, (".png", ".svg"))):
        if path is not None:
            check_target(path, force=force, suffixes=suffixes)
    if compare is not None:
        if output is not None or plot is not None:
            raise UsageError("--compare writes no file: leave out --output and --plot.")
        _compare(*compare, json=json)
        return
    from latentknobs.analysis.model_benchmark import BenchRequest, benchmark_model

    request = BenchRequest(tuple(batch or BATCHES), tuple(precision or ()), rounds, seed, program(ctx).plugins_dir)
    with program(ctx).workbench(device=device) as workbench:
        result = benchmark_model(workbench, model, request)
    if output is not None:
        write_file(output, result.text().encode(), overwrite=force)
        say(f"wrote {output}")
    if plot is not None:
        _draw(result, plot, force=force)
        say(f"wrote {plot}")
    if json:
        as_json(result.as_dict())
    else:
        _print(result)


def _print(result: BenchResult) -> None:
    echo(f"{result.model}, {_machine(result)}")
    limits = ", ".join(f"{name} {value / 1e9:,.0f}" for name, value in result.peak.items())
    echo(f"fastest products of matrices, billion operations a second: {limits or 'not measured'}")
    table(
        ("", "precision", "batch", "ms", "fastest to slowest", "clips a second", "of the peak", "memory"),
        (
            (
                one.work,
                one.precision,
                str(one.batch),
                f"{1e3 * one.seconds:.4g}",
                f"{1e3 * one.fastest:.4g} to {1e3 * one.slowest:.4g}",
                f"{one.clips_a_second:.4g}",
                UNKNOWN if one.share_of_peak is None else f"{one.share_of_peak:.1%}",
                UNKNOWN if one.memory is None else f"{one.memory / MEBIBYTE:.1f} MiB",
            )
            for one in result.timings
        ),
    )
    table(
        ("precision", f"tokens as {result.settings.precisions[0]}", "clips", "code error, mean", "largest"),
        (
            (one.precision, f"{one.tokens_equal:.2%}", f"{one.clips_equal:.2%}", *_errors(one))
            for one in result.exactness
        ),
    )
    echo("Errors of codes are in posterior standard deviations.")
    for note in result.notes:
        echo(note)
    echo(result.choice.why)


def _errors(one: PrecisionError) -> tuple[str, str]:
    mean, largest = (UNKNOWN if value is None else f"{value:.2g}" for value in (one.code_mean, one.code_largest))
    return mean, largest


def _machine(result: BenchResult) -> str:
    """Where, in what and when, in a line."""
    memory = "" if result.machine.memory is None else f", {result.machine.memory / 2**30:.0f} GiB"
    return f"{where(result)}{memory}, torch {result.versions.torch}, medians of {result.settings.rounds} rounds"


def _draw(result: BenchResult, path: Path, *, force: bool) -> None:
    draw_throughput([result], path, title=f"{result.model}, {where(result)}", overwrite=force)


def _compare(first: Path, second: Path, *, json: bool) -> None:
    """Print two results side by side; ratios above 1 say that the second is faster, or takes more memory."""
    a, b = read_bench_result(first), read_bench_result(second)
    of_b = {one.key: one for one in b.timings}
    pairs = [(one, of_b[one.key]) for one in a.timings if one.key in of_b]
    if not pairs:
        raise UsageError(
            f"{first} and {second} have no work, precision and batch in common: measure both with the same options."
        )
    if a.model_id != b.model_id:
        say(f"A is of {a.model}, B of {b.model}: another model.")
    if json:
        as_json(
            [
                {"work": one.work, "precision": one.precision, "batch": one.batch}
                | {"a": one.clips_a_second, "b": other.clips_a_second}
                | {"speed_ratio": other.clips_a_second / one.clips_a_second, "memory_ratio": _memory_ratio(one, other)}
                for one, other in pairs
            ]
        )
        return
    echo(f"A: {a.model}, {_machine(a)}")
    echo(f"B: {b.model}, {_machine(b)}")
    table(
        ("", "precision", "batch", "clips a second, A", "B", "B / A", "memory, B / A"),
        (
            (
                *(one.work, one.precision, str(one.batch)),
                *(f"{one.clips_a_second:.4g}", f"{other.clips_a_second:.4g}"),
                f"{other.clips_a_second / one.clips_a_second:.2f}",
                UNKNOWN if (memory := _memory_ratio(one, other)) is None else f"{memory:.2f}",
            )
            for one, other in pairs
        ),
    )
    limits = [f"{name} {b.peak[name] / value:.2f}" for name, value in a.peak.items() if name in b.peak]
    echo(f"products of matrices, B / A: {', '.join(limits) or UNKNOWN}")
    for name, result in (("A", a), ("B", b)):
        for note in result.notes:
            say(f"{name}: {note}")


def _memory_ratio(one: BatchTiming, other: BatchTiming) -> float | None:
    return other.memory / one.memory if one.memory and other.memory is not None else None
