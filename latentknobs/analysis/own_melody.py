"""A melody on which a model's knobs can be heard."""

from __future__ import annotations

from contextlib import suppress

from latentknobs import scores
from latentknobs.core.piece import Piece
from latentknobs.errors import ClipError, MidiError, UsageError
from latentknobs.session import conditions
from latentknobs.steering.prior_codes import PriorCodes, sample, units_of_prior
from latentknobs.workbench import Workbench

DRAWS = 8
"""Samples of which the first with notes is taken."""


def own_melody(workbench: Workbench, model: str) -> Piece:
    """
    A melody in a model's own format: an example that comes with the package where all its bars fit, else a sample.

    Raises:
        UsageError: Nothing is known of the model's prior or condition to draw a sample from.
        ClipError: What was drawn has no notes.
    """
    backend = workbench.model(model)
    clip_format = backend.spec.clip_format
    if (example := scores.example_for(clip_format)) is not None:
        with suppress(ClipError, MidiError, UsageError):
            piece = scores.read_piece(example.path, clip_format=clip_format)
            cut = piece.cut(clip_format)
            if len(cut.clips) and not cut.others:
                return piece
    knobs = workbench.registry.knobs(model_id=backend.spec.model_id)
    corpus = next((knob.corpus for knob in knobs if knob.corpus), "")
    prior = PriorCodes(units_of_prior(backend.spec, knobs), conditions(workbench, model, corpus))
    drawn = (sampled.piece for sampled in sample(backend, DRAWS, seed=0, prior=prior))
    if (heard := next((piece for piece in drawn if piece.notes), None)) is None:
        raise ClipError(f"The model {backend.spec.name} draws only silence, so no knob of it can be heard.")
    return heard
