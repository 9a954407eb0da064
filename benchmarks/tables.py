"""
What `make bench` measured, as tables and a picture; two results side by side.

    python -m benchmarks.tables bench/today.json                    # tables
    python -m benchmarks.tables bench/today.json --plot today.png -o today.md
    python -m benchmarks.tables bench/one.json bench/other.json     # the second as a multiple of the first
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Result = Mapping[str, Any]


def read(path: Path) -> Result:
    """
    A result file of pytest-benchmark.

    Raises:
        SystemExit: It is not one.
    """
    try:
        result: Result = json.loads(path.read_text(encoding="utf-8"))
        result["benchmarks"], result["machine_info"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        sys.exit(f"{path} is not a result of make bench: {error!r}")
    return result


def core(result: Result) -> list[Mapping[str, Any]]:
    """The rows of encode and decode: extra facts and the median time in seconds."""
    rows = (one["extra_info"] | {"seconds": one["stats"]["median"]} for one in result["benchmarks"])
    return [row for row in rows if row.get("work") in ("encode", "decode")]


def machine(result: Result) -> str:
    """Where and when, in a line."""
    info, cpu = result["machine_info"], result["machine_info"].get("cpu", {})
    name = cpu.get("brand_raw") or info.get("processor") or info.get("machine")
    fastest: dict[str, float] = {}
    for row in core(result):
        fastest[row["number"]] = max(fastest.get(row["number"], 0), row["peak"] / 1e9)
    limits = ", ".join(f"{number} {value:.0f}" for number, value in fastest.items())
    return (
        f"{name}, {cpu.get('count', '?')} cores, Python {info['python_version']}, {result['datetime'][:10]}; "
        f"products of matrices, billion operations a second: {limits or 'not measured'}."
    )


def tables(result: Result) -> str:
    """All of a result as markdown."""
    lines = [machine(result), ""]
    rows = core(result)
    for work in ("encode", "decode"):
        of_work = [row for row in rows if row["work"] == work]
        sizes = sorted({(row["hidden"], row["clips"]) for row in of_work})
        names = list(dict.fromkeys(row["by"] for row in of_work))
        if not sizes:
            continue
        lines += [f"Clips a second, {work}; in brackets the share of the limit.", ""]
        lines += [f"| hidden | batch | {' | '.join(names)} |", "|---" * (2 + len(names)) + "|"]
        for hidden, clips in sizes:
            cells = []
            for name in names:
                cell = [r for r in of_work if (r["hidden"], r["clips"], r["by"]) == (hidden, clips, name)]
                cells.append(_speed(cell[0]) if cell else "")
            lines.append(f"| {hidden} | {clips} | {' | '.join(cells)} |")
        lines.append("")
    others = [one for one in result["benchmarks"] if one["extra_info"].get("work") is None]
    if others:
        lines += ["| | median ms | fastest | slowest | rounds |", "|---|---|---|---|---|"]
    for one in others:
        s = one["stats"]
        times = " | ".join(f"{1e3 * s[k]:.4g}" for k in ("median", "min", "max"))
        lines.append(f"| {_name(one)} | {times} | {s['rounds']} |")
    return "\n".join(lines)


def _speed(row: Mapping[str, Any]) -> str:
    share = row["operations"] / row["seconds"] / row["peak"]
    return f"{row['clips'] / row['seconds']:.0f} ({share:.0%})"


def _name(one: Mapping[str, Any]) -> str:
    return str(one["fullname"]).removeprefix("benchmarks/bench_").replace(".py::test_", ": ")


def beside(a: Result, b: Result) -> str:
    """Median times of two results, and the second over the first."""
    first, second = ({_name(one): one["stats"]["median"] for one in x["benchmarks"]} for x in (a, b))
    lines = ["| | first, ms | second, ms | second / first |", "|---|---|---|---|"]
    for name in sorted(first.keys() | second.keys()):
        times = [f"{1e3 * x[name]:.4g}" if name in x else "" for x in (first, second)]
        ratio = f"{second[name] / first[name]:.2f}" if name in first and name in second else ""
        lines.append(f"| {name} | {times[0]} | {times[1]} | {ratio} |")
    return "\n".join([f"first: {machine(a)}", f"second: {machine(b)}", "", *lines])


def plot(result: Result, path: Path) -> None:
    """Clips a second over the batch, one panel for each piece of work and hidden size, beside the limit."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    rows = core(result)
    panels = sorted({(row["work"], row["hidden"]) for row in rows}, key=lambda x: (x[0] != "encode", x[1]))
    names = list(dict.fromkeys(row["by"] for row in rows))
    colours = {name: f"C{k}" for k, name in enumerate(names)}
    across = max(len({hidden for _, hidden in panels}), 1)
    figure, axes = plt.subplots(2, across, figsize=(4 * across, 7), squeeze=False)
    for axis, (work, hidden) in zip(axes.flat, panels, strict=False):
        of_panel = [row for row in rows if (row["work"], row["hidden"]) == (work, hidden)]
        for name in names:
            points = sorted((r["clips"], r["clips"] / r["seconds"]) for r in of_panel if r["by"] == name)
            if points:
                axis.plot(*zip(*points, strict=True), "o-", color=colours[name], label=name, markersize=4)
        for number in sorted({row["number"] for row in of_panel}):
            row = max((r for r in of_panel if r["number"] == number), key=lambda r: r["peak"])
            limit = row["peak"] / (row["operations"] / row["clips"])
            axis.axhline(limit, color="0.6", linewidth=0.8, linestyle=":")
            axis.annotate(f"limit {number}", (1, limit), fontsize=7, color="0.4", va="bottom")
        axis.set(xscale="log", yscale="log", title=f"{work}, hidden {hidden}", xlabel="batch", ylabel="clips a second")
        axis.grid(visible=True, which="both", linewidth=0.3)
    by_name: dict[str, Any] = {}
    for axis in axes.flat:
        lines, labels = axis.get_legend_handles_labels()
        by_name.update(zip(labels, lines, strict=True))
    figure.legend(by_name.values(), by_name.keys(), loc="lower center", ncols=4, fontsize=8)
    figure.tight_layout(rect=(0, 0.08, 1, 1))
    figure.savefig(path, dpi=110)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print or write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("result", type=Path)
    parser.add_argument("other", type=Path, nargs="?")
    parser.add_argument("--plot", type=Path)
    parser.add_argument("-o", "--output", type=Path)
    options = parser.parse_args(arguments)
    result = read(options.result)
    text = tables(result) if options.other is None else beside(result, read(options.other))
    if options.output is None:
        print(text)
    else:
        options.output.write_text(text + "\n", encoding="utf-8")
    if options.plot is not None:
        plot(result, options.plot)
    return 0


if __name__ == "__main__":
    sys.exit(main())
