"""
A sweep of recipes: trains a model for each row of a file, and measures reconstruction and knobs of each.

    python -m benchmarks.sweep benchmarks/sweep.toml -o FOLDER              # trains what is not trained, then measures
    python -m benchmarks.sweep benchmarks/sweep.toml -o FOLDER --only NAME  # one row
    python -m benchmarks.sweep benchmarks/sweep.toml -o FOLDER --table      # prints the table of what is measured
    python -m benchmarks.sweep --model musicvae-folk-128 -o FOLDER          # measures one model, as a row is measured

A row is a preset with settings over it. A row that was interrupted goes on where it stopped. Everything is measured on
validation songs: test songs are not read, validation songs stand in their place.
"""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from attrs import evolve, field, frozen

from benchmarks import breadth
from latentknobs import Workbench, __version__
from latentknobs.analysis.model_evaluation import evaluate_model
from latentknobs.backends.training.commands import train
from latentknobs.backends.training.config import Config
from latentknobs.backends.training.trainer import CHECKPOINT, MODEL
from latentknobs.core.corpus import CorpusRequest, Song
from latentknobs.core.experiment import Experiment, Methods, Settings
from latentknobs.core.knob import Knob
from latentknobs.core.run import RunSpec
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.discovery.discover import discover
from latentknobs.errors import LatentKnobsError, UsageError

CLIPS = 4096
KINDS = ("mean", "drawn")
SHIFTS, SPLITS = (3.0, 7.0, 12.0), (1.0, 2.0)
MEASURED, SPECTRUM = "measured.json", "spectrum.csv"
LARGEST = 5
"""So many dimensions' share of the squared mean change is reported, as in the paper's figure of whole notes."""


@frozen
class Row:
    """
    One row of the sweep.

    Attributes:
        name: Its name, also its folder's.
        config: What is trained.
    """

    name: str
    config: Config


@frozen
class Table:
    """
    A sweep file: ``preset``, what every row changes in it (``[all.training]`` and so on), and ``[[row]]`` tables.

    Attributes:
        rows: The rows by name.
        breadth: Whether they are measured by :mod:`benchmarks.breadth` (``measure = "breadth"``).
    """

    rows: Mapping[str, Row] = field()
    breadth: bool = False

    @classmethod
    def read(cls, path: Path) -> Table:
        """Read a file; every setting is checked before anything is trained."""
        try:
            document = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise UsageError(f"{path} cannot be read as TOML: {error}.") from error
        if "preset" not in document or not all("name" in row for row in document.get("row", [{}])):
            raise UsageError(f"{path} needs a preset and [[row]] tables, each with a name.")
        rows: dict[str, Row] = {}
        for row in document["row"]:
            name = row["name"]
            where = f"{path}: {name}"
            if name in rows:
                raise UsageError(f"{where} is the name of two rows; give one another.")
            tables = Config.preset(row.get("preset", document["preset"])).tables()
            for over in (document.get("all", {}), {k: v for k, v in row.items() if k not in ("name", "preset")}):
                if unknown := sorted(set(over) - set(tables)):
                    raise UsageError(f"{where} has an unknown table {unknown[0]!r}; there is: {', '.join(tables)}.")
                for part, values in over.items():
                    tables[part] |= values
            rows[name] = Row(name, Config.from_tables(tables, where))
        return cls(rows, document.get("measure") == "breadth")


def trained(bench: Workbench, row: Row, folder: Path) -> Path:
    """The row's weights; trained, or gone on with, where they are not there yet."""
    out = folder / row.name
    weights, config, text = out / MODEL, out / "row.toml", row.config.to_toml()
    if config.exists() and config.read_text(encoding="utf-8") != text:
        raise UsageError(f"{out} holds a model of other settings than {row.name} has now: name another folder.")
    if not weights.exists():
        out.mkdir(parents=True, exist_ok=True)
        config.write_text(text, encoding="utf-8")
        train(bench, out=out, config=config, resume=(out / CHECKPOINT).exists())
    return weights


def without_test(songs: Iterable[Song]) -> Iterator[Song]:
    """The songs, with validation songs a second time in the place of test songs."""
    for song in songs:
        if song.split != "test":
            yield song
        if song.split == "validation":
            yield evolve(song, split="test")


def knob(bench: Workbench, model: str, augmentation: str, corpus: str, fit: str = "ridge") -> Knob:
    """The knob of one fit on a corpus."""
    backend = bench.model(model)
    spec, plugins = backend.spec, bench.plugins
    settings = Settings(clips=CLIPS, controls=20)
    methods = Methods(
        fits=(plugins.fits()[fit],),
        selectors=plugins.selectors(),
        bases=plugins.bases(),
        attributes=tuple(plugins.attributes().values()),
        comparisons=tuple(plugins.comparisons().values()),
    )
    request = CorpusRequest(clips=CLIPS, pitch_range=spec.pitch_range or (0, 127))
    run = discover(
        Experiment.of(backend, bench.augment(augmentation), settings, methods),
        without_test(bench.songs(corpus, request)),
        RunSpec(spec.model_id, spec.name, augmentation, corpus, 0, settings.as_dict()),
        version=__version__,
        progress=bench.progress,
    )
    return run.knobs[0]


def figures(knob: Knob, amounts: Sequence[float], attribute: str) -> dict[str, Any]:
    """What a row tells of one knob, on validation songs."""
    evidence = knob.evidence
    assert evidence.validation is not None
    at = {x.amount: x for x in evidence.validation.amounts}
    r2 = evidence.fitting["r2"]
    assert isinstance(r2, tuple)
    explained = dict(zip(evidence.fitted, r2, strict=True))
    slope = {e.attribute: e.slope for e in knob.effects}[attribute]
    return {
        "slope": slope,
        "dimensions": len(knob.dimensions),
        "equivariance": {f"{a:+g}": x.value for a in amounts if a in at and (x := at[a].equivariance) is not None},
        "contour": {
            f"{a:+g}": kept and kept.value for a in amounts if a in at for kept in [at[a].content.get("contour")]
        },
        "r2": {f"{a:+g}": explained[a] for a in amounts if a in explained},
        "coherence": {f"{a:+g}": evidence.coherence[f"{a:+g}"] for a in amounts if a in explained},
    }


def mean_changes(knob: Knob, amount: float) -> dict[str, Any]:
    """The sorted mean change at one amount, raw code units, and the share of the largest in its square."""
    change = np.asarray(knob.evidence.mean_change[knob.evidence.fitted.index(amount)])
    by_size = np.sort(np.abs(change))[::-1]
    return {
        "largest": [round(float(x), 3) for x in by_size[:LARGEST]],
        "share": float((by_size[:LARGEST] ** 2).sum() / (by_size**2).sum()),
    }


def write_spectrum(shares: Sequence[float], path: Path) -> None:
    """Share of the codes' variance of each principal component and of all up to it, as CSV."""
    sums = np.cumsum(shares)
    lines = [f"{i},{share:.6g},{held:.6g}" for i, (share, held) in enumerate(zip(shares, sums, strict=True), start=1)]
    path.write_text("\n".join(["component,share,cumulative", *lines]) + "\n", encoding="utf-8")


def measure(bench: Workbench, model: str, folder: Path) -> None:
    """Reconstruction and the affine knobs of transposition and note splitting: ``measured.json``, ``spectrum.csv``."""
    found = evaluate_model(bench, model, CorpusSelection("folk", 30_000), "validation")
    transpose = knob(bench, model, "transpose", "folk")
    facts = {
        "model_id": found["model_id"],
        "reconstruction": {key: found[key] for key in ("clips", "songs", "kl", "active_units", "mean", "drawn")},
        "transpose": figures(transpose, SHIFTS, "mean-pitch") | {"mean_change_12": mean_changes(transpose, 12.0)},
        "note-split": figures(knob(bench, model, "note-split", "folk+whole-notes"), SPLITS, "log2-onsets"),
        "whole-notes": mean_changes(knob(bench, model, "note-split", "whole-notes:127"), 4.0),
    }
    folder.mkdir(parents=True, exist_ok=True)
    write_spectrum(found["spectrum"], folder / SPECTRUM)
    (folder / MEASURED).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _cell(values: Mapping[str, float | None], key: str, digits: int = 2) -> str:
    value = values.get(key)
    return "-" if value is None else f"{value:.{digits}f}"


def table(folder: Path, rows: Mapping[str, Row]) -> str:
    """Markdown of what is measured so far."""
    lines = [
        (
            "| row | clips seen | KL | mean: greedy / exact | drawn: forced / greedy | transpose: slope; "
            "R2, equivariance, contour, coherence at +3; at +7 | its dimensions | note-split +1: equivariance "
            "| whole notes x16: five largest; share |"
        ),
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, row in rows.items():
        path = folder / name / MEASURED
        if not path.exists():
            continue
        m = json.loads(path.read_text(encoding="utf-8"))
        card = json.loads((folder / name / MODEL).with_suffix(".json").read_text(encoding="utf-8"))
        r, t, n, w = m["reconstruction"], m["transpose"], m["note-split"], m["whole-notes"]
        mean, drawn = ({k: r[kind][k]["value"] for k in ("teacher_forced", "greedy", "exact")} for kind in KINDS)
        columns = (("r2", 2), ("equivariance", 2), ("contour", 2), ("coherence", 3))
        at = "; ".join(", ".join(_cell(t[key], a, digits) for key, digits in columns) for a in ("+3", "+7"))
        lines.append(
            f"| {name} | {card['steps'] * row.config.training.batch / 1e6:.2f} M | {r['kl']['value']:.1f} "
            f"| {mean['greedy']:.1%} / {mean['exact']:.1%} | {drawn['teacher_forced']:.1%} / {drawn['greedy']:.1%} "
            f"| {t['slope']:.2f}; {at} | {t['dimensions']} | {_cell(n['equivariance'], '+1')} "
            f"| {' '.join(f'{x:.2f}' for x in w['largest'])}; {w['share']:.2f} |"
        )
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, nargs="?")
    parser.add_argument("--model")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args(arguments)
    try:
        _work(options, parser)
    except UsageError as error:
        parser.error(str(error))
    except LatentKnobsError as error:
        parser.exit(1, f"Error: {error}\n")
    return 0


def _work(options: argparse.Namespace, parser: argparse.ArgumentParser) -> None:
    if (options.file is None) == (options.model is None):
        parser.error("name a file of rows, or a model with --model")
    if options.model is not None:
        with Workbench.open() as bench:
            measure(bench, options.model, options.output)
        print((options.output / MEASURED).read_text(encoding="utf-8"), end="")
        return
    file = Table.read(options.file)
    rows = file.rows
    if unknown := set(options.only) - set(rows):
        parser.error(f"{options.file} has no row {min(unknown)!r}")
    if not options.table:
        with Workbench.open() as bench:
            for row in rows.values():
                folder = options.output / row.name
                if options.only and row.name not in options.only:
                    continue
                print(f"{row.name}: training", file=sys.stderr)
                weights = trained(bench, row, options.output)
                if not (folder / MEASURED).exists():
                    print(f"{row.name}: measuring", file=sys.stderr)
                    if file.breadth:
                        facts = breadth.measure(bench, str(weights))
                        (folder / MEASURED).write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
                    else:
                        measure(bench, str(weights), folder)
    print(breadth.table(options.output, rows, MEASURED) if file.breadth else table(options.output, rows))


if __name__ == "__main__":
    sys.exit(main())
