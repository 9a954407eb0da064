"""Codes drawn from a model's prior, turned by knobs, and the pieces that they decode to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import frozen
from numpy.random import default_rng

from latentknobs import __version__
from latentknobs.core.arrays import Codes
from latentknobs.core.backend import BackendSpec, Sampling, VAEBackend
from latentknobs.core.capability import capability
from latentknobs.core.code_units import CodeUnits, prior_units
from latentknobs.core.knob import Knob
from latentknobs.core.piece import Piece
from latentknobs.core.seed import as_seed
from latentknobs.errors import UsageError
from latentknobs.steering.control_directions import check_amount
from latentknobs.steering.turning import turn


def drawn_codes(
    spec: BackendSpec, count: int, seed: int, units: CodeUnits | None, conditions: Codes | None = None
) -> Codes:
    """
    Codes from N(0, I) in the prior's units, float32 (count, D), each with the condition of a clip drawn at random.

    Args:
        spec: The model's.
        count: How many.
        seed: Of the draws.
        units: In which the prior is standard normal; None = the model's own.
        conditions: Codes of clips (n, D), of a model with a condition; no prior is known of that.

    Raises:
        UsageError: The model has a condition and there are no codes of clips.
    """
    drawn = default_rng(seed).standard_normal((count, spec.latent_size), dtype=np.float32)
    drawn = drawn if units is None else units.outward(drawn)
    if spec.condition is None:
        return drawn
    if conditions is None or not len(conditions):
        raise UsageError(
            f"The model {spec.name} decodes under a condition, {spec.condition}, of which no prior is known: name a "
            "corpus whose clips have one (--corpus)."
        )
    return spec.structure.with_condition(
        drawn, conditions[default_rng([seed, 10]).integers(len(conditions), size=count)]
    )


@frozen(eq=False)
class Sampled:
    """
    A piece of one clip drawn from a model's prior.

    Attributes:
        piece: The piece.
        provenance: Where it comes from.
    """

    piece: Piece
    provenance: Mapping[str, Any]


def units_of_prior(spec: BackendSpec, knobs: Iterable[Knob]) -> CodeUnits | None:
    """
    The units in which codes are drawn and paths are arcs: those in which the prior is standard normal.

    Where the model declares no prior, they are the codes' own, which any of its knobs was measured with; None where
    there is no knob yet.
    """
    if (declared := prior_units(spec)) is not None:
        return declared
    known = (knob.evidence for knob in knobs if knob.evidence.code_scale)
    return next((CodeUnits(one.code_centre, one.code_scale) for one in known), None)


def required_units(units: CodeUnits | None, model: VAEBackend) -> CodeUnits:
    """
    Units that must be known.

    Raises:
        UsageError: They are not; says what makes them known.
    """
    if units is None:
        raise UsageError(
            f"The model {model.spec.name} declares no prior to draw codes from, and none of its knobs says how its "
            "codes vary: discover one first."
        )
    return units


@frozen(eq=False)
class PriorCodes:
    """
    How codes are drawn from a prior, and what is done to them.

    Attributes:
        units: Of the codes, see :func:`units_of_prior`; None = not known beyond what the model declares.
        conditions: Codes of clips (n, D), of which a model with a condition takes it.
        turned: Knobs that the drawn codes are turned by, each by an amount in its usable range.
        source: Where the conditions come from, for provenance.
    """

    units: CodeUnits | None = None
    conditions: Codes | None = None
    turned: Sequence[tuple[Knob, float]] = ()
    source: str = ""


def sample(
    model: VAEBackend, count: int, seed: int, temperature: float = 0.0, prior: PriorCodes | None = None
) -> list[Sampled]:
    """
    Pieces of one clip each, decoded from codes with N(0, 1) in each dimension.

    Args:
        model: The model.
        count: How many.
        seed: Of the codes, and of the tokens where they are drawn.
        temperature: 0 = the likeliest tokens; above it tokens are drawn.
        prior: How codes are drawn; None = as the model declares.

    Raises:
        UsageError: ``count`` is under 1, the seed is none, no prior is known, or none of the model's condition, or the
            model's tokens cannot be drawn.
        AmountError: A knob is turned out of its usable range.
        RegistryError: A knob's operator was not kept.
    """
    prior = prior or PriorCodes()
    if count < 1:
        raise UsageError(f"The count must be at least 1, not {count}.")
    seed = as_seed(seed)
    units = required_units(prior.units or units_of_prior(model.spec, ()), model)
    codes = drawn_codes(model.spec, count, seed, units, prior.conditions)
    codes = turn(codes, [(knob, check_amount(knob, amount)) for knob, amount in prior.turned])
    if not temperature:
        clips = model.decode(codes)
    elif (sampling := capability(model, Sampling)) is not None:
        clips = sampling.decode_sampled(codes, temperature, seed)
    else:
        raise UsageError(f"The model {model.spec.name} draws no tokens: leave the temperature at 0.")
    how: dict[str, Any] = {"temperature": temperature} if temperature else {}
    held = model.spec.structure.held
    if prior.turned:
        how["knobs"] = {knob.name: amount for knob, amount in prior.turned}
        how["operators"] = {knob.name: knob.operator_sha256 for knob, _ in prior.turned}
    return [
        Sampled(
            Piece.join(clip[None], model.spec.clip_format, name=f"sample {k + 1}"),
            provenance(model, draw=k, of=count, seed=seed, **how, **_condition(codes[k, held], prior.source)),
        )
        for k, clip in enumerate(clips)
    ]


def _condition(values: Codes, source: str) -> dict[str, Any]:
    """What a sample was decoded under, for provenance; nothing without a condition."""
    return {"condition": values.tolist(), "condition_of": source} if len(values) else {}


def provenance(model: VAEBackend, **facts: Any) -> dict[str, Any]:
    """Where a result comes from: program, version and model, with the facts of the operation."""
    spec = model.spec
    own = {"program": "latentknobs", "version": __version__, "model": spec.name, "model_id": spec.model_id}
    return {**own, **facts}
