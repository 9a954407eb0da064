"""The built-in methods, and discoveries on the tiny model, whose exact directions are known."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import pytest

from latentknobs.attributes import plugin as measures
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.corpus import CorpusRequest, Song
from latentknobs.core.experiment import Experiment, Methods, Settings
from latentknobs.core.knob import Operator
from latentknobs.core.method_specs import Fit
from latentknobs.core.run import Run, RunSpec
from latentknobs.discovery import plugin as built_in
from latentknobs.discovery.discover import discover
from latentknobs.evaluation.evaluation_set import AmountBatch
from latentknobs.evaluation.knob_metrics import EvaluationConfig
from latentknobs.testing.tiny import LATENT_SIZE, PITCH, TinyBackend, TinyCorpus


class Leaps(Transpose):
    """Transposition at six amounts, for speed."""

    amounts = (-12.0, -5.0, -1.0, 1.0, 5.0, 12.0)


@pytest.fixture(scope="session")
def methods() -> Methods:
    """All that is built in but the two fits that are trained for long; they have tests of their own."""
    return Methods(
        tuple(fit for fit in built_in.register_fits() if fit.name not in ("network", "powers")),
        {selector.name: selector for selector in built_in.register_selectors()},
        {basis.name: basis for basis in built_in.register_bases()},
        tuple(measures.register_attributes()),
        tuple(measures.register_comparisons()),
    )


@pytest.fixture(scope="session")
def songs() -> tuple[Song, ...]:
    """800 tiny clips in songs of four."""
    return tuple(TinyCorpus().songs(CorpusRequest(clips=800)))


@pytest.fixture(scope="session")
def find(methods: Methods, songs: tuple[Song, ...]) -> Callable[..., Run]:
    """Discover a knob on the tiny model; six amounts of transposition and quick settings unless told otherwise."""

    def run(
        augmentation: Augmentation | None = None,
        *,
        corpus: Iterable[Song] | None = None,
        backend: object = None,
        seed: int = 0,
        fits: tuple[str | Fit, ...] = (),
        fits_made: tuple[str, ...] = ("all",),
        **settings: object,
    ) -> Run:
        chosen = Settings(
            **{
                "trial_clips": 24,
                "controls": 5,
                "fits": fits_made,
                "control_clips": 8,
                "halves": 5,
                "resamples": 5,
                **settings,
            }
        )
        model = backend or TinyBackend()
        edit = augmentation or Leaps()
        others = tuple(fit for fit in fits if isinstance(fit, Fit))
        offers = Methods(
            (*others, *(fit for fit in methods.fits if not fits or fit.name in fits)),
            methods.selectors,
            methods.bases,
            methods.attributes,
            methods.comparisons,
        )
        spec = RunSpec(model.spec.model_id, model.spec.name, edit.name, "tiny", seed, chosen.as_dict())
        experiment = Experiment.of(model, edit, chosen, offers, seed)
        return discover(experiment, songs if corpus is None else corpus, spec, version="test")

    return run


@pytest.fixture(scope="session")
def pitch_run(find: Callable[..., Run]) -> Run:
    """The pitch knob, with as many clips and controls as an accepted knob needs."""
    return find(Transpose(), trial_clips=80, controls=100, control_clips=32)


@pytest.fixture(scope="session")
def quick_run(find: Callable[..., Run]) -> Run:
    """What ``find()`` gives."""
    return find()


@pytest.fixture(scope="session")
def exact_pitch() -> Operator:
    """The tiny model's exact pitch knob: one semitone is a twelfth in dimension 0."""
    direction = np.zeros(LATENT_SIZE)
    direction[PITCH] = 1 / 12
    return Operator("shift", {"direction": direction})


@pytest.fixture(scope="session")
def nothing() -> Operator:
    """A knob that does nothing."""
    return Operator("shift", {"direction": np.zeros(LATENT_SIZE)})


@pytest.fixture(scope="session")
def make_config(methods: Methods) -> Callable[..., EvaluationConfig]:
    """An evaluation config; by default of the built-in attributes and comparisons, for transposition."""

    def make(**changes: object) -> EvaluationConfig:
        facts = {
            "attributes": methods.attributes,
            "comparisons": methods.comparisons,
            "target": "mean-pitch",
            "preserves": frozenset({"log2-onsets", "onset-f1"}),
            "spreads": {attribute.name: 1.0 for attribute in methods.attributes},
            "mean_edited": {float(a): np.zeros(LATENT_SIZE, np.float32) for a in range(-12, 13)},
            "own": tuple(float(a) for a in range(-12, 13) if a),
            "seed": 0,
        }
        return EvaluationConfig(**{**facts, **changes})

    return make


@pytest.fixture(scope="session")
def case_of() -> Callable[..., AmountBatch]:
    """A case of clips given as lists; what is not given is as before the edit."""

    def make(
        before: object, *, after: object = None, plain: object = None, ceiling: object = None, songs=None
    ) -> AmountBatch:
        first = np.asarray(before, dtype=np.int16)
        clips = [first if x is None else np.asarray(x, dtype=np.int16) for x in (after, plain, ceiling)]
        count = len(first)
        codes = np.zeros((count, 2), dtype=np.float32)
        numbers = np.arange(count) if songs is None else np.asarray(songs)
        return AmountBatch(1.0, np.arange(count), numbers, first, clips[0], codes, codes, clips[1], clips[2])

    return make
