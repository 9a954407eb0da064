"""
How far a model and its knobs carry: music of other styles than it was trained on, part by part.

    python -m benchmarks.generalization [--model M] [--registry FILE] [--knobs pitch ...] [--corpora folk essen ...]
        [--split test] [--clips 2000] [-o generalization.csv]

For each corpus a seeded sample of clips of the model's format. Reconstruction is greedy, from the mean and from a drawn
code: share of right tokens and of clips without a wrong one, for all clips, each composer of ``parts``, clips with
onsets on half of the steps and more, and each octave of register (by mean pitch). Of each knob: equivariance at every
whole amount of its range, as discoveries measure it, on the clips that the edit can take. Of an edit that clips can
take in part (note-split, which then splits whatever divides) also the share of its onsets that the turned clip has, the
F1 of these, which counts onsets too many, and how well the clip's contour stays. Intervals are over songs.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TextIO

import numpy as np
from attrs import astuple, fields, frozen

from latentknobs.attributes.comparisons import contour, onset_f1
from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.arrays import Bools, ClipBatch, Floats, Ints, group_index
from latentknobs.core.augmentation import Augmentation, in_context, inexact
from latentknobs.core.backend import VAEBackend
from latentknobs.core.corpus import Tally
from latentknobs.core.edit_context import EditContext, contexts_of
from latentknobs.core.knob import Knob
from latentknobs.core.melody_format import MELODY
from latentknobs.core.model_calls import decode, edited, encode
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.corpora.sharding import Shard
from latentknobs.errors import LatentKnobsError
from latentknobs.evaluation.bootstrap import SongDraws, interval
from latentknobs.evaluation.equivariance import equivariance
from latentknobs.evaluation.evaluation_set import AmountBatch, ClipReservoir
from latentknobs.steering.turning import Frame, pitch_knob, turn
from latentknobs.workbench import Workbench

CORPORA = ("folk", "essen", "parts", "broad")
ASKED = 20_000
"""Clips asked for of an endless corpus, of which a split and then a sample is taken."""
ALL = 10**7
FEWEST = 20
"""Clips that a part must have to be told apart."""


@frozen
class Row:
    """A measure of a part of a corpus, with its 95 % interval over songs."""

    corpus: str
    part: str
    measure: str
    value: float
    low: float
    high: float
    clips: int


@frozen(eq=False)
class Sample:
    """Clips int16 (n, steps) of a corpus, their songs' names and numbers int64 (n,), and where each stands in it."""

    corpus: str
    clips: ClipBatch
    names: Sequence[str]
    songs: Ints
    contexts: tuple[EditContext, ...]

    def parts(self) -> Iterator[tuple[str, Bools]]:
        """Name of each part, and which clips are in it."""
        yield "all", np.ones(len(self.clips), dtype=bool)
        onsets = MELODY.onsets(self.clips)
        dense = self.clips.shape[1] // 2
        yield f"{dense} onsets and more", onsets.sum(axis=1) >= dense
        octave = (np.where(onsets, self.clips, 0).sum(axis=1) / onsets.sum(axis=1) / 12).astype(int) - 1
        for number in np.unique(octave):
            yield f"octave {number}", octave == number
        if self.corpus == "parts":
            composers = np.array([name.split("/")[1] for name in self.names])
            for composer in np.unique(composers):
                yield str(composer), composers == composer


def sample(workbench: Workbench, backend: VAEBackend, corpus: str, split: str, size: int) -> Sample:
    """At most ``size`` clips of a split; of ``parts``, which nothing was trained on, all but the validation songs."""
    endless = corpus in ("broad", "factors", "whole-notes")
    selection = CorpusSelection(corpus, clips=ASKED if endless else ALL)
    reservoir = ClipReservoir(size, 0)
    for song in workbench.songs_for(backend, selection):
        if song.split == split or (corpus == "parts" and song.split == "train" and split == "test"):
            contexts = contexts_of(song.clips, backend.spec.clip_format, key=song.key)
            reservoir.add(Shard(song.clips, (song.name,) * len(song.clips), song.split, contexts))
    clips, names = reservoir.clips(backend.spec.clip_format.shape)
    return Sample(corpus, clips, names, group_index(names), tuple(reservoir.contexts()))


def reconstruction(backend: VAEBackend, sample: Sample) -> Iterator[Row]:
    """Greedy decodings of the means and of drawn codes."""
    posterior = backend.encode(sample.clips)
    codes = {"mean": posterior.mean}
    if posterior.scale is not None:
        noise = np.random.default_rng(0).standard_normal(posterior.mean.shape).astype(np.float32)
        codes["drawn"] = posterior.mean + noise * posterior.scale
    for kind, z in codes.items():
        right = decode(backend, z) == sample.clips
        values = np.stack([right.mean(axis=1), right.all(axis=1)], axis=1)
        for part, inside in sample.parts():
            if inside.sum() >= FEWEST or part == "all":
                measures = (f"greedy, {kind}", f"exact, {kind}")
                yield from rows(sample, part, measures, values, inside)


def rows(sample: Sample, part: str, measures: Sequence[str], values: Floats, inside: Bools | Ints) -> Iterator[Row]:
    """A row for each column of values (n, k), over the clips inside."""
    draws = SongDraws(sample.songs[inside], np.random.default_rng(1))
    means, resampled = draws.means(values[inside])
    for measure, mean, drawn in zip(measures, means, resampled.T, strict=True):
        one = interval(float(mean), drawn)
        yield Row(
            sample.corpus,
            part,
            measure,
            one.value,
            one.low,
            one.high,
            int(np.isfinite(values[inside]).all(axis=1).sum()),
        )


def knob_rows(backend: VAEBackend, edit: Augmentation, knob: Knob, sample: Sample, pitch: Knob | None) -> Iterator[Row]:
    """Equivariance at each amount, and the part of an edit that not every clip can take in full."""
    codes = encode(backend, sample.clips)
    plain = decode(backend, codes)
    edit, able_edit = (in_context(one, sample.contexts) for one in (edit, inexact(edit)))
    frames: dict[str, Frame] = {}
    if knob.evidence.relative_to:
        assert pitch is not None  # without it a session does not turn the knob either
        frames[knob.name] = Frame.of(knob.evidence.relative_to, pitch, sample.contexts, 0 * sample.songs)
    for amount in (a for a in edit.amounts if knob.low <= a <= knob.high):
        rng = np.random.default_rng([2, int(abs(amount))])
        after, valid = edited(backend, edit, sample.clips, amount, rng, Tally())
        inside = np.flatnonzero(valid)
        if len(inside) >= FEWEST:
            z_after = encode(backend, after[inside])
            batch = AmountBatch(
                amount,
                inside,
                sample.songs[inside],
                sample.clips[inside],
                after[inside],
                codes[inside],
                z_after,
                plain[inside],
                decode(backend, z_after),
            )
            draws = SongDraws(batch.songs, np.random.default_rng(3))
            mean = decode(backend, z_after.mean(axis=0, keepdims=True))[0]
            turned = decode(backend, turn(codes, [(knob, amount)], frames))[inside]
            one = equivariance(batch, turned, mean, draws)
            yield Row(sample.corpus, knob.name, f"equivariance {amount:+g}", one.value, one.low, one.high, len(inside))
        ideal, able = edited(backend, able_edit, sample.clips, amount, rng, Tally())
        if able.sum() > valid.sum():
            turned = decode(backend, turn(codes, [(knob, amount)], frames))
            wanted = MELODY.onsets(ideal)
            shares = (wanted & MELODY.onsets(turned)).sum(axis=1) / wanted.sum(axis=1)
            values = np.stack([shares, onset_f1(ideal, turned), contour(sample.clips, turned)], axis=1)
            measures = (f"onsets {amount:+g}", f"onset F1 {amount:+g}", f"contour {amount:+g}")
            yield from rows(sample, knob.name, measures, values, np.flatnonzero(able))


def measured(
    workbench: Workbench, backend: VAEBackend, knobs: Sequence[Knob], samples: Iterable[Sample]
) -> Iterator[Row]:
    """All rows of all corpora."""
    pitch = pitch_knob(workbench.registry.knobs(model_id=backend.spec.model_id))
    for one in samples:
        workbench.note(f"{one.corpus}: {len(one.clips)} clips of {len(set(one.names))} songs")
        yield from reconstruction(backend, one)
        for knob in knobs:
            if knob.augmentation is not None:
                yield from knob_rows(backend, workbench.augment(knob.augmentation), knob, one, pitch)


def write(table: Iterable[Row], out: TextIO) -> None:
    """As CSV, row by row."""
    writer = csv.writer(out)
    writer.writerow([field.name for field in fields(Row)])
    for row in table:
        writer.writerow([round(x, 4) if isinstance(x, float) else x for x in astuple(row)])
        out.flush()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--registry", type=Path)
    parser.add_argument("--knobs", nargs="*")
    parser.add_argument("--corpora", nargs="+", default=CORPORA)
    parser.add_argument("--split", default="test")
    parser.add_argument("--clips", type=int, default=2000)
    parser.add_argument("-o", "--out", type=Path)
    options = parser.parse_args()
    try:
        _work(options)
    except LatentKnobsError as error:
        parser.exit(1, f"Error: {error}\n")


def _work(options: argparse.Namespace) -> None:
    with Workbench.open(registry=options.registry) as workbench:
        backend = workbench.model(options.model)
        current = workbench.knobs(evidence=False, model=options.model)
        names = [knob.name for knob in current] if options.knobs is None else options.knobs
        knobs = [workbench.knob(name, options.model) for name in dict.fromkeys(names)]
        samples = (sample(workbench, backend, name, options.split, options.clips) for name in options.corpora)
        table = measured(workbench, backend, knobs, samples)
        if options.out is None:
            write(table, sys.stdout)
        else:
            with options.out.open("w", encoding="utf-8", newline="") as out:
                write(table, out)


if __name__ == "__main__":
    main()
