"""
Magenta's own MusicVAE in JavaScript beside ours: one small LSTM, exported to its format, the same clips and codes.

    npm install @magenta/music@1.23.1     # in a folder of its own
    python -m benchmarks.magenta_js FOLDER

Node runs TensorFlow.js in plain JavaScript; a browser with WebGL or WebAssembly is faster. The first batch of each way
is left out; the median of the others is printed. Means must agree to 1e-5.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks.paper_size import melodies
from latentknobs.backends.magenta_js.backend import MagentaBackend
from latentknobs.backends.magenta_js.lstm_backend import export
from latentknobs.core.melody_format import MELODY

HERE = Path(__file__).parent
WEIGHTS = HERE / "models" / "lstm-64.safetensors"
SCRIPT = HERE.parent / "tests" / "backends" / "magenta" / "parity.js"
ROUNDS = 9
CLOSE = 1e-5


def ours(work: Callable[[], object]) -> float:
    """Median seconds of doing it."""
    times = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def beside(packages: Path, batch: int) -> list[tuple[str, float, float]]:
    """Way, seconds of magenta's and of ours for a batch of so many clips."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        export(WEIGHTS, folder / "checkpoint")
        model = MagentaBackend.load(folder / "checkpoint", "cpu")
        clips = melodies(batch * ROUNDS)
        notes = [[[note.onset, note.pitch, note.end] for note in MELODY.notes(clip)] for clip in clips]
        (folder / "clips.json").write_text(json.dumps(notes), encoding="utf-8")
        mean = model.encode(clips).mean
        (folder / "z.bin").write_bytes(mean.astype("<f4").tobytes())
        subprocess.run(["node", SCRIPT, folder, packages, str(batch)], check=True, stdout=subprocess.DEVNULL)
        theirs = np.frombuffer((folder / "mean.bin").read_bytes(), "<f4").reshape(mean.shape)
        assert np.abs(theirs - mean).max() < CLOSE, "the two do not compute the same"
        times = json.loads((folder / "times.json").read_text(encoding="utf-8"))
        own = {
            "encode": ours(lambda: model.encode(clips[:batch])),
            "decode": ours(lambda: model.decode(mean[:batch])),
        }
        return [(way, float(np.median(times[way][1:])), seconds) for way, seconds in own.items()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("packages", type=Path, help="folder whose node_modules has @magenta/music")
    options = parser.parse_args(arguments)
    print("| | clips | magenta.js in node | latentknobs | times as fast |\n|---|---|---|---|---|")
    for batch in (1, 25):
        for way, theirs, own in beside(options.packages, batch):
            print(f"| {way} | {batch} | {theirs * 1e3:.0f} ms | {own * 1e3:.1f} ms | {theirs / own:.0f} |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
