"""The tiny models of 4/4, 3/4 and 6/8 with knobs that are exact, and pieces of several stretches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from latentknobs import Note, Piece
from latentknobs.core.backend import BackendSpec
from latentknobs.core.knob import Knob, KnobDimension, Operator
from latentknobs.core.melody_format import MELODY, MELODY_3_4, MELODY_6_8
from latentknobs.core.piece import PieceStretch
from latentknobs.core.run import Run, RunSpec
from latentknobs.core.time_signature import TimeSignature
from latentknobs.testing.tiny import BEAT, tiny_spec
from latentknobs.workbench import Workbench

TINY, WALTZ, JIG = (tiny_spec(one) for one in (MELODY, MELODY_3_4, MELODY_6_8))
NAMES = (TINY.name, WALTZ.name, JIG.name)
PLUGIN = '''"""The tiny models of other time signatures."""

from latentknobs.hooks import hookimpl
from latentknobs.testing.tiny import TINY_METERS

LATENTKNOBS_API = 1


@hookimpl
def register_backends():
    return [TINY_METERS]
'''


def exact_run(spec: BackendSpec, name: str, reach: float) -> Run:
    """A run with an accepted knob that does what its edit does: pitch by semitones, rhythm by halving notes."""
    pitch = name == "pitch"
    dim, step = (0, 1 / 12) if pitch else (spec.clip_format.steps // BEAT, 1.0)
    direction = np.zeros(spec.latent_size)
    direction[dim] = step
    asked = RunSpec(spec.model_id, spec.name, "transpose" if pitch else "note-split", "tiny", 0)
    knob = Knob(
        name=name,
        model_id=spec.model_id,
        model_name=spec.name,
        augmentation=asked.augmentation,
        kind="shift",
        fit="mean",
        unit="semitones" if pitch else "doublings",
        step=None,
        low=-reach,
        high=reach,
        verdict="accepted",
        dimensions=(KnobDimension(dim, 1.0, 1.0),),
        operator=Operator("shift", {"direction": direction}),
        run_id=asked.run_id,
    )
    at = datetime(2025, 1, 2, tzinfo=UTC)
    return Run(asked, (knob,), 0, {}, "1.0", at, at)


KNOBS = (
    exact_run(TINY, "pitch", 12),
    exact_run(TINY, "rhythm", 1),
    exact_run(WALTZ, "pitch", 5),
    exact_run(JIG, "pitch", 12),
)
"""The waltz's pitch reaches less far, and only 4/4 has a rhythm."""


@pytest.fixture
def meters_dir(plugins_dir: Path) -> Path:
    """The test's folder of local plugins, with the three models in it."""
    (plugins_dir / "tiny_meters.py").write_text(PLUGIN)
    return plugins_dir


@pytest.fixture
def meters(meters_dir: Path) -> Iterator[Workbench]:
    """A workbench with the three models and their knobs."""
    with Workbench.open() as workbench:
        for run in KNOBS:
            workbench.registry.save_run(run)
        yield workbench


def quarters(*stretches: tuple[str, int], name: str = "tune", shift: int = 0) -> Piece:
    """A piece of quarter notes in these time signatures, of so many quarters each."""
    parts, start, bar = [], 0, 1
    for text, count in stretches:
        signature = TimeSignature.parse(text)
        parts.append(PieceStretch(start, BEAT * count, signature, bar))
        start, bar = start + BEAT * count, bar + int(count / signature.quarters)
    notes = tuple(Note(BEAT * k, 60 + shift + k % 5, BEAT) for k in range(start // BEAT))
    return Piece(notes, start, name=name, stretches=tuple(parts))


MIXED = (("4/4", 16), ("3/4", 12), ("4/4", 8))
"""Four bars of 4/4, four of 3/4, two of 4/4."""
