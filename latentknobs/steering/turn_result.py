"""What turning knobs gives: of a piece, on the way to it, and between two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import numpy as np
from attrs import frozen

from latentknobs.core.arrays import Bools, ClipBatch, Codes
from latentknobs.core.piece import Piece
from latentknobs.steering.by_rule import RuleEditedCuts, RuleEdits
from latentknobs.steering.rule_comparison import RuleComparison

ClipWay: TypeAlias = Literal["model", "octaves", "rule", "alone", "silent"]
"""How a clip is turned: by the model, octaves away by the model, by rule, left alone, or not at all as it is silent."""


@frozen
class ClipCounts:
    """
    How the clips of a piece were turned; those without notes are not counted.

    Attributes:
        by_model: By the model.
        octave_shifted: Those of them that were octaves away for the model.
        by_rule: By the knobs' augmentations.
        left_alone: Not at all.
        reconstructed: Share of the steps that the models reconstruct of the clips in their formats, 0 to 1.
    """

    by_model: int
    octave_shifted: int
    by_rule: int
    left_alone: int
    reconstructed: float

    @classmethod
    def of(cls, ways: Iterable[Iterable[ClipWay]], reconstructed: float) -> ClipCounts:
        """Those of clips that were turned in these ways."""
        number = Counter(way for own in ways for way in own)
        by_model = number["model"] + number["octaves"]
        return cls(by_model, number["octaves"], number["rule"], number["alone"], reconstructed)

    def __str__(self) -> str:
        total = self.by_model + self.by_rule + self.left_alone
        share = f"; the model reconstructs {self.reconstructed:.1%} of the steps in its time signature"
        reconstructed = share if self.reconstructed else ""
        shifted = f" ({self.octave_shifted} of them octave-shifted)" if self.octave_shifted else ""
        return (
            f"{total} clip{'' if total == 1 else 's'}: {self.by_model} by model{shifted}, {self.by_rule} by rule, "
            f"{self.left_alone} left alone{reconstructed}"
        )


def clip_ways(sounding: Bools, by_rule: Bools, by_model: Bools, shifted: Bools) -> tuple[ClipWay, ...]:
    """How clips were turned, by masks of them (N,); ``shifted`` says which of those by the model are octaves away."""
    turned = np.where(by_model, np.where(shifted, "octaves", "model"), np.where(by_rule, "rule", "alone"))
    return tuple(np.where(sounding, turned, "silent").tolist())


@frozen(eq=False)
class TurnResult:
    """
    What turning knobs gave.

    Attributes:
        amounts: Knob names and the amounts they were turned by.
        before: The piece that went in.
        after: The piece that came out.
        clips: int16 (N, *shape), the clips of the result; of several models the first one's.
        codes_by_model: For each model float32 (N, D), the moved codes; zeros where it does not accept the clip.
        provenance: Where it comes from; goes into a MIDI file.
        counts: How its clips were turned.
        remarks: What people should know of the knobs, one sentence each.
        left: Which bars were left as they were, and why, one sentence each.
        others: For each of ``Cut.others`` its clips in the result.
        ways: How each clip was turned, of the cut and each of its others.
    """

    amounts: Mapping[str, float]
    before: Piece
    after: Piece
    clips: ClipBatch
    codes_by_model: tuple[Codes, ...]
    provenance: Mapping[str, Any]
    counts: ClipCounts
    remarks: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    others: tuple[ClipBatch, ...] = ()
    ways: tuple[tuple[ClipWay, ...], ...] = ()

    @property
    def codes(self) -> Codes:
        """The moved codes of the model, of several those of the first."""
        return self.codes_by_model[0]


@frozen(eq=False)
class MovedClips:
    """
    The clips of one model after knobs have moved their codes, before they are decoded.

    Attributes:
        codes: float32 (N, D); zeros where the model does not accept the clip.
        by_model: bool (N,), which clips the model turns: those in its style, and those that it takes and no rule fits.
        comparison: What the model's results are held against; None = nothing.
    """

    codes: Codes
    by_model: Bools
    comparison: RuleComparison | None = None


@frozen(eq=False)
class SteeredCodes:
    """
    Codes that knobs have moved, before they are decoded.

    Attributes:
        amounts: Knob names and the amounts they were turned by.
        moved: The clips of each model.
        facts: What goes into the provenance.
        ruled: The clips that are turned by rule, of the cut and its others.
        edits: What is done to these by rule.
        remarks: What people should know of the knobs, one sentence each.
        seed: Of edits that draw.
        reverses_order: Whether the last clip of each stretch comes first.
    """

    amounts: Mapping[str, float]
    moved: tuple[MovedClips, ...]
    facts: Mapping[str, Any]
    ruled: RuleEditedCuts
    edits: tuple[RuleEdits, ...] = ()
    remarks: tuple[str, ...] = ()
    seed: int = 0
    reverses_order: bool = False

    @property
    def codes(self) -> Codes:
        """The moved codes of the model, of several those of the first."""
        return self.moved[0].codes

    @property
    def to_decode(self) -> tuple[Codes, ...]:
        """The codes that each model has to decode, float32 (n, D)."""
        return tuple(one.codes[one.by_model] for one in self.moved)


@frozen(eq=False)
class GridCell:
    """
    One piece on the way between two.

    Attributes:
        at: Where it is, 0 to 1 each way: ("pitch", 0.25), ("rhythm", 0.5).
        piece: The piece.
        clips: int16 (N, *shape); of several models the first one's.
        provenance: Where it comes from.
        others: The clips of each further model.
    """

    at: tuple[tuple[str, float], ...]
    piece: Piece
    clips: ClipBatch
    provenance: Mapping[str, Any]
    others: tuple[ClipBatch, ...] = ()
