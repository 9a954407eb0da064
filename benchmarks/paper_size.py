"""
Discovery at the paper's size: the mean changes of all dimensions, ours beside a straight transcription.

    python -m benchmarks.paper_size                 # minutes; 10,000 clips x 12 transpositions, 16,483 x 4 splits
    python -m benchmarks.paper_size --part 0.1 --json

The transcription does what the paper writes (section 3): encode every clip, encode every edited clip, take the mean of
the differences, with one-hot tokens and nn.GRU in batches of 256; the originals once, as anybody would. Ours is what
`discover` does with every shard of songs: edits over the whole shard, equal clips once, all amounts in one call, and
besides the mean change all that fits need (covariances, sums by block of songs). Both use the same network and the same
edits, each in a process of its own for its peak of memory, and must give the same mean changes. Since a machine may be
faster in one minute than in the next, all ways take turns besides, at a tenth of the size.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.random import default_rng
from torch.nn import functional

from benchmarks import contenders
from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.transpose import Transpose
from latentknobs.backends.gru_musicvae.backend import GruMusicVaeBackend
from latentknobs.backends.gru_musicvae.gru_kernel import VARIABLE
from latentknobs.backends.machine import numbers
from latentknobs.core.arrays import ClipBatch, Floats
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.backend import BackendSpec
from latentknobs.core.corpus import Tally
from latentknobs.core.experiment import Experiment, Settings
from latentknobs.core.melody_format import HOLD, MELODY
from latentknobs.core.model_calls import encode
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.core.prefetch import ahead
from latentknobs.corpora.sharding import Shard
from latentknobs.discovery.pair_statistics import PairStatistics
from latentknobs.discovery.pairs import EditedClips, edit_clips, encode_pairs

HIDDEN = 512
MELODIES, WHOLE_NOTES = 10_000, 16_483
BATCH = 256
WAYS = ("transcription", *(f"{by}{number}" for number in numbers() for by in ("", "compiled ")))
"""Compiled = with LATENTKNOBS_COMPILE=1."""
TURNS = 3


class Up(Transpose):
    """The paper's transpositions."""

    amounts = tuple(float(n) for n in range(1, 13))


def melodies(count: int) -> ClipBatch:
    """Random walks on a scale, eighth and quarter notes, each clip another, int16 (count, 32)."""
    rng = default_rng(0)
    scale = np.asarray([p for p in range(48, 85) if p % 12 in {0, 2, 4, 5, 7, 9, 11}])
    place = np.clip(np.cumsum(rng.integers(-2, 3, size=(count, 16)), axis=1) + len(scale) // 2, 0, len(scale) - 1)
    out = np.full((count, MELODY.steps), HOLD, dtype=np.int16)
    out[:, ::2] = np.where(rng.random((count, 16)) < 0.7, scale[place], HOLD)
    out[:, 0] = scale[place[:, 0]]
    return out


def whole_notes(count: int) -> ClipBatch:
    """Two whole notes of any two pitches of the piano and beyond, each pair once, int16 (count, 32)."""
    pairs = default_rng(1).permutation(128 * 128 - 2)[:count] if count < 128 * 128 else np.arange(count) % (128 * 128)
    out = np.full((count, MELODY.steps), HOLD, dtype=np.int16)
    out[:, 0], out[:, MELODY.steps // 2] = (pairs // 128) % 128, pairs % 128
    return out


def work(part: float) -> Iterator[tuple[Augmentation, ClipBatch]]:
    """The paper's two edits with their clips."""
    yield Up(), melodies(round(MELODIES * part))
    yield NoteSplit(), whole_notes(round(WHOLE_NOTES * part))


@torch.inference_mode()
def transcription(part: float) -> tuple[list[Floats], int]:
    """Mean change (amounts, D) of each edit, and how many clips were encoded."""
    plain = contenders.network(HIDDEN).eval()
    count = 0

    def codes(clips: ClipBatch) -> Floats:
        nonlocal count
        out = []
        for start in range(0, len(clips), BATCH):
            tokens = torch.from_numpy(clips[start : start + BATCH].astype(np.int64))
            _, last = plain.gru_0(functional.one_hot(tokens, contenders.VOCABULARY).float())
            out.append(plain.linear_mu(torch.cat([last[0], last[1]], dim=-1)).numpy())
        count += len(clips)
        return np.concatenate(out).astype(np.float64)

    changes = []
    for edit, clips in work(part):
        before = codes(clips)
        rows = []
        for amount in edit.amounts:
            after = run_augmentation(edit, clips, amount, default_rng(0), MELODY)
            rows.append((codes(after.clips[after.valid]) - before[after.valid]).mean(axis=0))
        changes.append(np.stack(rows))
    return changes, count


def ours(part: float, precision: str) -> tuple[list[Floats], int]:
    """The same by the engine."""
    spec = BackendSpec("random", MELODY, contenders.LATENT, "0" * 64)
    backend = GruMusicVaeBackend(contenders.network(HIDDEN), spec, "cpu", precision)
    changes, count, size = [], 0, Settings().shard
    for edit, clips in work(part):
        experiment = Experiment.without_methods(backend, edit)
        amounts = experiment.amounts
        index = {a: i for i, a in enumerate(amounts)}
        deltas = PairStatistics.empty(len(amounts), contenders.LATENT)
        parts = (clips[start : start + size] for start in range(0, len(clips), size))
        shards = (Shard(p, tuple(f"song {n} {k}" for k in range(len(p))), "train") for n, p in enumerate(parts))

        def edits(shard: Shard, experiment: Experiment = experiment) -> dict[float, EditedClips]:
            return edit_clips(experiment, shard.clips, default_rng(0))

        for shard, after in ahead(edits, shards):
            codes, blocks = encode(backend, shard.clips), shard.blocks
            deltas.codes.add(0, codes, codes)
            count += len(shard.clips)
            for pair in (pair.whole() for pair in encode_pairs(experiment, after, codes, Tally())):
                deltas.add_training(index[pair.amount], pair.before, pair.after, blocks[pair.valid])
                count += len(pair.after) if pair.amount > 0 else 0
        changes.append(np.stack([deltas.mean_change()[index[a]] for a in edit.amounts]))
    return changes, count


def measured(way: str, part: float) -> dict[str, Any]:
    """One way in this process: seconds, encodings, peak memory and the mean changes."""
    start = time.perf_counter()
    changes, count = transcription(part) if way == "transcription" else ours(part, way.removeprefix("compiled "))
    return {
        "way": way,
        "part": part,
        "seconds": time.perf_counter() - start,
        "encodings": count,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "mean_changes": [x.tolist() for x in changes],
    }


def elsewhere(way: str, part: float) -> dict[str, Any]:
    """The same in a process of its own."""
    line = [sys.executable, "-m", "benchmarks.paper_size", "--way", way, "--part", str(part)]
    env = os.environ | {VARIABLE: str(int(way.startswith("compiled")))}
    out: dict[str, Any] = json.loads(
        subprocess.run(line, stdout=subprocess.PIPE, check=True, text=True, env=env).stdout
    )
    return out


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure all ways, and the memory of a tenth; print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", type=float, default=1.0, help="of the paper's size")
    parser.add_argument("--way", help="one way alone, as JSON")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.way:
        print(json.dumps(measured(options.way, options.part)))
        return 0
    turns = [{way: elsewhere(way, options.part / 10) for way in WAYS} for _ in range(TURNS)]
    rows = [elsewhere(way, options.part) for way in WAYS]
    tenth = turns[0]["float32"]
    plain = [np.asarray(x) for x in rows[0].pop("mean_changes")]
    for row in rows[1:]:
        off = max(float(np.abs(np.asarray(x) - y).max()) for x, y in zip(row.pop("mean_changes"), plain, strict=True))
        assert off <= (1e-4 if "float32" in row["way"] else 0.02), f"{row['way']}: mean changes are off by {off:g}"
        row["off"] = off
    for row in rows:
        row["ratio"] = rows[0]["seconds"] / row["seconds"]
        row["turns"] = [turn["transcription"]["seconds"] / turn[row["way"]]["seconds"] for turn in turns]
    memory = rows[1]["mib"] / tenth["mib"]
    if options.json:
        print(json.dumps({"rows": rows, "tenth_mib": tenth["mib"], "memory_ratio": memory}, indent=2))
        return 0
    print("| way | encodings | seconds | times as fast | in turns, a tenth | peak MiB | mean changes off by |")
    print("|---|---|---|---|---|---|---|")
    for row in rows:
        apart = f"{row['off']:.0e}" if "off" in row else ""
        turned = f"{np.median(row['turns']):.2f} ({min(row['turns']):.2f} to {max(row['turns']):.2f})"
        numbers = [f"{row['encodings']:,}", f"{row['seconds']:.0f}", f"{row['ratio']:.2f}", turned, f"{row['mib']:.0f}"]
        print(f"| {' | '.join([row['way'], *numbers, apart])} |")
    print(f"\nfloat32 at a tenth of the size: {tenth['mib']:.0f} MiB, so {memory:.2f} times the memory")
    return 0


if __name__ == "__main__":
    sys.exit(main())
