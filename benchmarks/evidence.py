"""
Measures what docs/results/evidence.md states of the shipped knobs, on test songs of `folk` and on the Twinkle theme.

    python -m benchmarks.evidence            # prints the tables
    python -m benchmarks.evidence --json     # the same as JSON
    python -m benchmarks.evidence --memory   # also runs discovery on 2,000 and 20,000 clips of `factors` (minutes)
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import default_rng

from latentknobs import Workbench
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.arrays import ClipBatch
from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.corpus import CorpusRequest, Tally
from latentknobs.core.knob import Knob, Operator
from latentknobs.core.model_calls import decode, encode
from latentknobs.corpora.sharding import shards
from latentknobs.discovery.dimension_selection import jaccard
from latentknobs.evaluation.evaluation_set import ClipReservoir
from latentknobs.evaluation.random_controls import Whitening, rotated
from latentknobs.scores import TWINKLE
from latentknobs.steering.apply import displacement
from latentknobs.steering.interpolation import assign, two_way

CLIPS = 200
CONTROLS = 20
PAIRS = 50
TURNS = (("pitch", 3.0), ("pitch", 7.0), ("pitch", 12.0), ("rhythm", 1.0), ("rhythm", 2.0))


def test_clips(bench: Workbench, model: str, seed: int) -> tuple[ClipBatch, ClipBatch]:
    """A seeded sample of test clips (CLIPS, 32) of all of `folk`, and up to 2,048 training clips."""
    backend = bench.model(model)
    low, high = backend.spec.training["pitch_range"]
    samples = {"test": ClipReservoir(CLIPS, seed), "train": ClipReservoir(2048, seed)}
    songs = bench.songs("folk", CorpusRequest(seed=seed, pitch_range=(low, high), tally=Tally().add))
    for shard in shards(songs, 512):
        if shard.split in samples:
            samples[shard.split].add(shard)
    shape = backend.spec.clip_format.shape
    return samples["test"].clips(shape)[0], samples["train"].clips(shape)[0]


class Yard:
    """The measures, by their registered names."""

    def __init__(self, bench: Workbench) -> None:
        attributes, comparisons = bench.plugins.attributes(), bench.plugins.comparisons()
        self.pitch: Attribute = attributes["mean-pitch"]
        self.onsets: Attribute = attributes["log2-onsets"]
        self.f1: Comparison = comparisons["onset-f1"]
        self.contour: Comparison = comparisons["contour"]

    def row(self, before: ClipBatch, after: ClipBatch) -> dict[str, float]:
        """What changed from the decodings at amount 0 to the turned ones."""
        count_before, count_after = 2.0 ** self.onsets.measure(before), 2.0 ** self.onsets.measure(after)
        few = count_before <= 16
        pitch = self.pitch.measure(after) - self.pitch.measure(before)
        contour = self.contour.measure(before, after)
        return {
            "clips": len(before),
            "pitch": _mean(pitch),
            "pitch_spread": float(np.nanstd(pitch)),
            "pitch_absolute": _mean(np.abs(pitch)),
            "onsets": _mean(count_after - count_before),
            "log2_onsets": _mean(np.log2(count_after / count_before)),
            "onsets_absolute": _mean(np.abs(count_after - count_before)),
            "onset_f1": _mean(self.f1.measure(before, after)),
            "contour": _mean(contour),
            "clips_up_to_16_onsets": int(few.sum()),
            "onset_ratio_up_to_16": _mean((count_after / count_before)[few]),
            "contour_up_to_16": _mean(contour[few]),
        }


def _mean(values: Any) -> float:
    values = np.asarray(values, dtype=np.float64)
    return float(values[np.isfinite(values)].mean()) if np.isfinite(values).any() else float("nan")


def _operator(knob: Knob) -> Operator:
    assert knob.operator is not None  # current knobs keep theirs
    return knob.operator


def turns(bench: Workbench, model: str, clips: ClipBatch, train: ClipBatch, yard: Yard) -> list[dict[str, Any]]:
    """Each knob at its amounts, and random controls that move every clip as far."""
    backend = bench.model(model)
    z, cloud = encode(backend, clips), encode(backend, train)
    plain = decode(backend, z)
    whitening = Whitening.of(np.cov(cloud.T.astype(np.float64)))
    rng = default_rng(0)
    out = []
    for name, amount in TURNS:
        moved = displacement(_operator(bench.knob(name, model)), z, amount)
        row: dict[str, Any] = {"knob": name, "amount": amount, **yard.row(plain, decode(backend, z + moved))}
        controls = [yard.row(plain, decode(backend, z + rotated(moved, whitening, rng))) for _ in range(CONTROLS)]
        key = "pitch" if name == "pitch" else "onsets"
        row["control_mean_change_absolute"] = float(np.mean([abs(c[key]) for c in controls]))
        row["control_clip_change_absolute"] = float(np.mean([c[f"{key}_absolute"] for c in controls]))
        row["control_share_of_mean"] = row["control_mean_change_absolute"] / abs(row[key])
        row["control_share_of_clip"] = row["control_clip_change_absolute"] / row[f"{key}_absolute"]
        row["control_onset_f1"] = float(np.mean([c["onset_f1"] for c in controls]))
        row["control_contour"] = float(np.mean([c["contour"] for c in controls]))
        out.append(row)
    return out


def dimensions(bench: Workbench, model: str) -> dict[str, Any]:
    """The dimensions of each knob by both selectors, their overlaps, and the overlap of S across amounts."""
    knobs = {name: bench.knob(name, model) for name in ("pitch", "rhythm")}
    out: dict[str, Any] = {}
    for name, knob in knobs.items():
        selected = knob.evidence.selected
        judged = f"{knob.evidence.judged_at:+g}"  # there S itself was chosen
        across = {a: x for a, x in (selected["effect"].overlap_across_amounts or {}).items() if a != judged}
        out[name] = {
            "kind": knob.kind,
            "fit": knob.fit,
            "verdict": knob.verdict,
            "low": knob.low,
            "high": knob.high,
            "effect_dims": list(selected["effect"].dims),
            "effect_size_interval": [selected["effect"].size_low, selected["effect"].size_high],
            "threshold_dims": list(selected["threshold"].dims),
            "threshold_kept": selected["threshold"].kept,
            "overlap_effect_threshold": selected["threshold"].overlap,
            "overlap_across_amounts_mean": float(np.mean(list(across.values()))),
            "overlap_across_amounts_least": float(min(across.values())),
            "top_two_same_at_every_amount": _top_two(knob),
        }
    for rule in ("effect_dims", "threshold_dims"):
        out[f"overlap_pitch_rhythm_{rule}"] = jaccard(out["pitch"][rule], out["rhythm"][rule])
    return out


def _top_two(knob: Knob) -> bool:
    """Whether the two dimensions of largest mean change are the same at every positive amount, as the paper says."""
    amounts, change = np.asarray(knob.evidence.fitted), np.abs(np.asarray(knob.evidence.mean_change))
    tops = {tuple(sorted(np.argsort(-row)[:2].tolist())) for row in change[amounts > 0]}
    return len(tops) == 1


def grid(bench: Workbench, model: str, clips: ClipBatch, yard: Yard) -> dict[str, float]:
    """
    Over 5x5 grids between pairs of test clips: how much changes down the rows and across the columns.

    Each change is from one edge of the grid to the other, absolute, mean over lines and pairs; the share is
    that change in the direction of the target as a part of the whole way from A to B.
    """
    backend = bench.model(model)
    size = backend.spec.latent_size
    rows, columns = bench.knob("pitch", model), bench.knob("rhythm", model)
    shares = [np.asarray(knob.evidence.shares) for knob in (rows, columns)]
    groups = assign([d.dim for d in rows.dimensions], [d.dim for d in columns.dimensions], size, *shares)
    z = encode(backend, clips[: 2 * PAIRS])
    ways: dict[str, list[float]] = {}
    exact = 0
    for a, b in zip(z[:PAIRS], z[PAIRS : 2 * PAIRS], strict=True):
        cells = decode(backend, two_way(a, b, groups, 5).reshape(25, size)).reshape(5, 5, -1)
        ends = decode(backend, np.stack([a, b]))
        exact += int((cells[0, 0] == ends[0]).all() and (cells[-1, -1] == ends[1]).all())
        for name, attribute in (("pitch", yard.pitch), ("onsets", yard.onsets)):
            values = attribute.measure(cells.reshape(25, -1)).reshape(5, 5)
            values = 2.0**values if name == "onsets" else values
            way = values[-1, -1] - values[0, 0]
            for direction, change in (
                ("rows", values[-1] - values[0]),
                ("columns", values[:, -1] - values[:, 0]),
            ):
                ways.setdefault(f"{name}_{direction}_absolute", []).append(_mean(np.abs(change)))
                if abs(way) >= 1:
                    ways.setdefault(f"{name}_{direction}_share_of_way", []).append(_mean(change) / float(way))
    return {name: _mean(values) for name, values in sorted(ways.items())} | {"pairs": PAIRS, "corners_exact": exact}


def twinkle(bench: Workbench, model: str, train: ClipBatch, yard: Yard) -> dict[str, Any]:
    """The theme: how well it is rebuilt, and the same turns on its six clips."""
    backend = bench.model(model)
    clips = TWINKLE.read().cut(backend.spec.clip_format).clips
    rebuilt = decode(backend, encode(backend, clips))
    return {
        "clips": len(clips),
        "clips_exact": int((rebuilt == clips).all(axis=1).sum()),
        "token_accuracy": float((rebuilt == clips).mean()),
        "turns": turns(bench, model, clips, train, yard),
    }


MEMORY = """
import resource, sys
from latentknobs import Workbench
from pathlib import Path
clips, folder, model = int(sys.argv[1]), sys.argv[2], sys.argv[3]
with Workbench.open(folder + f"/{clips}.db") as bench:
    bench.discover("transpose", corpus="factors", model=model, clips=clips)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def memory(folder: Path, model: str) -> dict[str, float]:
    """Peak memory, MiB, of discovering `transpose` on 2,000 and 20,000 clips of `factors`, each in a process."""
    peaks = []
    for clips in (2_000, 20_000):
        done = subprocess.run(
            [sys.executable, "-c", MEMORY, str(clips), str(folder), model],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        peaks.append(int(done.stdout.split()[-1]) / 1024)
    return {"mib_2000": peaks[0], "mib_20000": peaks[1], "ratio": peaks[1] / peaks[0]}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--registry", default=None)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    with Workbench.open(options.registry) as bench:
        yard = Yard(bench)
        clips, train = test_clips(bench, options.model, options.seed)
        result: dict[str, Any] = {
            "model": bench.model(options.model).spec.model_id,
            "turns": turns(bench, options.model, clips, train, yard),
            "twinkle": twinkle(bench, options.model, train, yard),
            "dimensions": dimensions(bench, options.model),
            "grid": grid(bench, options.model, clips, yard),
        }
    if options.memory:
        import tempfile

        with tempfile.TemporaryDirectory() as folder:
            result["memory"] = memory(Path(folder), options.model)
    print(json.dumps(result, indent=2) if options.json else tables(result))
    return 0


def tables(result: dict[str, Any]) -> str:
    """The result as the markdown of docs/results/evidence.md."""
    lines = [f"Model {result['model'][:16]}.", ""]
    for title, rows in (
        (f"{CLIPS} test clips of `folk`", result["turns"]),
        ("Twinkle, six clips", result["twinkle"]["turns"]),
    ):
        lines += [
            f"### {title}",
            "",
            (
                "| turn | pitch (spread) | onsets | onset F1 | contour | onset ratio, clips up to 16 (contour) "
                "| controls: mean, share | controls: per clip, share | controls: onset F1, contour |"
            ),
            "|---|---|---|---|---|---|---|---|---|",
        ]
        lines += [
            f"| {r['knob']} {r['amount']:+g} | {r['pitch']:+.2f} ({r['pitch_spread']:.2f}) | {r['onsets']:+.2f} "
            f"| {r['onset_f1']:.3f} | {r['contour']:.3f} "
            f"| {r['onset_ratio_up_to_16']:.2f} ({r['contour_up_to_16']:.3f}), n = {r['clips_up_to_16_onsets']} "
            f"| {r['control_mean_change_absolute']:.2f}, {r['control_share_of_mean']:.2f} "
            f"| {r['control_clip_change_absolute']:.2f}, {r['control_share_of_clip']:.2f} "
            f"| {r['control_onset_f1']:.2f}, {r['control_contour']:.2f} |"
            for r in rows
        ]
        lines.append("")
    rebuilt = result["twinkle"]
    lines += [
        (
            f"Twinkle is rebuilt with {rebuilt['token_accuracy']:.1%} of its tokens, "
            f"{rebuilt['clips_exact']} of {rebuilt['clips']} clips exact."
        ),
        "",
    ]
    for name in ("dimensions", "grid", "memory"):
        if name in result:
            lines += [f"### {name}", "", "```json", json.dumps(result[name]), "```", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
