"""
Labels of directions: the attribute that each moves most clearly.

A move is taken by each of its amounts and decoded, and every attribute is measured. The score of an attribute is
s = monotone x effect: the mean over clips of Spearman's correlation between amount and attribute, times the change for
one standard deviation of the code, in standard deviations of the attribute over the corpus. Its clearness is
s s / (s + the sum of the scores of all attributes that are not related to it), so s where the direction moves
nothing else and half of it where it moves other things as much. The attribute of largest clearness names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import ClipBatch
from latentknobs.core.attribute import Attribute
from latentknobs.core.backend import VAEBackend
from latentknobs.core.evidence import DirectionScore
from latentknobs.core.model_calls import decode
from latentknobs.discovery.candidate_moves import CandidateMove
from latentknobs.evaluation.effect_size import changes, finite_mean, slope
from latentknobs.evaluation.evaluation_set import EvaluationSet
from latentknobs.evaluation.monotonicity import monotone, spearman
from latentknobs.steering.apply import apply

LEAST_MONOTONE = 0.5
"""A direction is not named by an attribute whose mean Spearman is below this in absolute value."""
TIE = 1e-6
"""Relative differences in clearness below this are ties, and the first attribute names the direction."""


@frozen
class AttributeChange:
    """
    What a direction does to one attribute.

    Attributes:
        monotone: Mean over clips of Spearman between amount and attribute; 0 where no clip has it.
        slope: Change for one standard deviation of the code, in the attribute's unit.
        effect: The same in standard deviations of the attribute over the corpus.
        clearness: See the module's text; 0 where monotone and effect do not agree.
    """

    monotone: float
    slope: float
    effect: float
    clearness: float

    @property
    def score(self) -> DirectionScore:
        """As evidence."""
        return DirectionScore(self.monotone, self.effect, self.clearness)


def related(attributes: Iterable[Attribute], clips: ClipBatch) -> dict[str, dict[str, float]]:
    """Spearman of every two attributes (each with itself included) over the clips (n, *shape) that have both."""
    values = {a.name: a.measure(clips) for a in attributes}
    out = {name: dict.fromkeys(values, 1.0) for name in values}
    for one, other in combinations(values, 2):
        out[one][other] = out[other][one] = float(spearman(values[one][None], values[other][None])[0])
    return out


def unrelated(name: str, relations: Mapping[str, Mapping[str, float]], limit: float) -> frozenset[str]:
    """The attributes whose correlation with this one is below the limit in absolute value."""
    return frozenset(other for other, rho in relations[name].items() if abs(rho) < limit)


@frozen(eq=False)
class DirectionTraversals:
    """
    How directions are traversed and measured.

    Attributes:
        backend: The model.
        attributes: What is measured.
        spreads: Standard deviation of each over the corpus; where it is 0, plain units are used.
        relations: What :func:`related` gives.
        limit: Attributes with a correlation under this are not related.
    """

    backend: VAEBackend
    attributes: tuple[Attribute, ...]
    spreads: Mapping[str, float]
    relations: Mapping[str, Mapping[str, float]]
    limit: float

    def profile(self, clips: EvaluationSet, move: CandidateMove) -> dict[str, AttributeChange]:
        """
        What a move does to every attribute, by name.

        Args:
            clips: Clips with their codes and decodings.
            move: The move, of the model's own codes.
        """
        amounts = move.amounts
        codes = np.concatenate([apply(move.operator, clips.codes, a) for a in amounts])
        turned = np.split(decode(self.backend, codes), len(amounts))
        measured: dict[str, tuple[float, float, float]] = {}
        for attribute in self.attributes:
            values = {0.0: attribute.measure(clips.plain)}
            values |= {a: attribute.measure(tokens) for a, tokens in zip(amounts, turned, strict=True)}
            score, _ = monotone({a: dict(enumerate(at.tolist())) for a, at in values.items()})
            means = [finite_mean(changes(attribute, clips.plain, tokens)) for tokens in turned]
            along = slope(np.asarray(amounts), np.asarray(means))
            effect = along / (self.spreads[attribute.name] or 1.0)
            measured[attribute.name] = (score if np.isfinite(score) else 0.0, along, effect)
        scores = {name: max(score * effect, 0.0) for name, (score, _, effect) in measured.items()}
        profile = {}
        for name, (score, along, effect) in measured.items():
            others = sum(scores[other] for other in sorted(unrelated(name, self.relations, self.limit)))
            total = scores[name] + others
            profile[name] = AttributeChange(score, along, effect, scores[name] ** 2 / total if total else 0.0)
        return profile


def name_of(profile: Mapping[str, AttributeChange]) -> str | None:
    """The attribute that names a direction of this profile; None where it moves none steadily."""
    monotonic = {
        name: x.clearness for name, x in profile.items() if abs(x.monotone) >= LEAST_MONOTONE and x.clearness > 0
    }
    most = max(monotonic.values(), default=0.0)
    return next((name for name, clearness in monotonic.items() if clearness >= most * (1 - TIE)), None)
