"""
Notes in the key of their piece and leaps at clip borders, before and after shipped knobs, on test songs of folk.

    python -m benchmarks.notes_in_key
"""

from __future__ import annotations

import numpy as np
from attrs import define, field

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.edit_context import EditContext, contexts_of
from latentknobs.core.melody_format import HOLD
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.steering.turning import Frame, turn
from latentknobs.workbench import Workbench

MODELS = ("musicvae-broad-128", "musicvae-3-4-128", "musicvae-6-8-128")
TURNS = (
    ("inversion", 1.0),
    ("diatonic-inversion", 1.0),
    ("degree", 2.0),
    ("degree", -3.0),
    ("ornament", 1.0),
    ("ornament", 3.0),
)
SONGS = 60


@define
class Count:
    """What is counted of melodies."""

    inside: int = 0
    notes: int = 0
    steps: list[int] = field(factory=list)
    borders: list[int] = field(factory=list)

    def add(self, clips: ClipBatch, contexts: tuple[EditContext, ...]) -> None:
        """Count a song's clips (N, steps), in order."""
        last: int | None = None
        for clip, context in zip(clips, contexts, strict=True):
            pitches = clip[clip < HOLD].astype(np.int64)
            if not len(pitches) or context.key is None:
                continue
            self.inside += int(np.isin(pitches % 12, context.key.scale).sum())
            self.notes += len(pitches)
            self.steps += np.abs(np.diff(pitches)).tolist()
            if last is not None:
                self.borders.append(abs(int(pitches[0]) - last))
            last = int(pitches[-1])

    def __str__(self) -> str:
        return f"{self.inside / self.notes:.1%} | {np.mean(self.borders) / np.mean(self.steps):.2f}"


def main() -> None:
    """A row for each model and turn."""
    print("| model | turned | notes in key | leaps at borders over inside |\n|---|---|---|---|")
    with Workbench.open() as workbench:
        for name in MODELS:
            model, knobs = workbench.model(name), {knob.name: knob for knob in workbench.knobs(model=name)}
            form = model.spec.clip_format
            every = workbench.songs_for(model, CorpusSelection("folk", 24_000))
            songs = [song for song in every if song.split == "test" and len(song.clips) > 2][:SONGS]
            contexts = [contexts_of(song.clips, form, key=song.key) for song in songs]
            flat = [context for each in contexts for context in each]
            codes = model.encode(np.concatenate([song.clips for song in songs])).mean
            bounds = np.cumsum([len(song.clips) for song in songs])[:-1]
            for turned, amount in (("", 0.0), *TURNS):
                if turned and turned not in knobs:
                    continue
                z = codes
                if turned:
                    knob = workbench.knob(turned, name)
                    pitch, still = workbench.knob("pitch", name), np.zeros(len(codes), dtype=np.int64)
                    frame = Frame.of(knob.evidence.relative_to, pitch, flat, still)
                    z = turn(codes, [(knob, amount)], {turned: frame})
                count = Count()
                for clips, own in zip(np.split(model.decode(z), bounds), contexts, strict=True):
                    count.add(clips, own)
                print(f"| {name} | {turned} {amount:+g} | {count} |", flush=True)


if __name__ == "__main__":
    main()
