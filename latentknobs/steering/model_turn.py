"""Knobs turned on the clips of one model: where their codes go, and what of them the model is trusted with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

from attrs import frozen

from latentknobs.core.arrays import Bools, ClipBatch, Codes
from latentknobs.core.edit_context import EditContext
from latentknobs.core.knob import RESERVED_NAMES, Knob
from latentknobs.steering.by_rule import RuleEdited, RuleEdits, edit_by_rule
from latentknobs.steering.carried_clips import STYLE, differing, unshifted
from latentknobs.steering.control_directions import active_of, apart, between, control, doubt
from latentknobs.steering.rule_comparison import SURPRISE, RuleComparison, expected_error
from latentknobs.steering.steered_clips import SteeredClips
from latentknobs.steering.turn_result import MovedClips
from latentknobs.steering.turning import Frame, pitch_knob, turn


@frozen(eq=False)
class ModelTurn:
    """
    The knobs that are turned on the clips of one model.

    Attributes:
        part: The clips.
        amounts: Of all knobs that are turned, and of the paper's controls.
        knobs: The model's knobs.
        named: Those of them that are turned.
        like: The knob whose length a control has, where one is turned.
        edits: What is done to clips by rule.
        seed: Of the controls, and of edits that draw.
        contexts: Where each clip stands in the piece.
    """

    part: SteeredClips
    amounts: Mapping[str, float]
    knobs: Mapping[str, Knob]
    named: Mapping[str, Knob]
    like: Knob | None
    edits: RuleEdits
    seed: int
    contexts: Sequence[EditContext] = ()

    @cached_property
    def pitch(self) -> Knob | None:
        """The knob by which codes reach the key in which others were learned."""
        return pitch_knob(self.knobs.values())

    @property
    def lacking(self) -> dict[str, str]:
        """Why the model does not turn knobs that are turned, a clause each."""
        name_of = self.part.model.spec.name
        turned = [name for name, amount in self.amounts.items() if amount and name not in RESERVED_NAMES]
        out = {name: f"{name_of} has no knob {name}" for name in turned if name not in self.named}
        for name in turned:
            if name in self.named and self.named[name].evidence.relative_to and self.pitch is None:
                out[name] = f"{name} was learned in one key and {name_of} has no accepted pitch knob"
        return out

    def _frames(self) -> dict[str, Frame]:
        pitch, shifts = self.pitch, self.part.carried.shifts
        return {
            name: Frame.of(knob.evidence.relative_to, pitch, self.contexts, shifts)
            for name, knob in self.named.items()
            if knob.evidence.relative_to and pitch is not None and self.amounts[name]
        }

    @property
    def by_rule(self) -> Bools:
        """Which clips are edited by rule where a rule fits, bool (N,)."""
        sounding = self.part.cut.sounding
        return sounding if self.lacking else sounding & ~self.part.steered

    @cached_property
    def codes(self) -> Codes:
        """The moved codes, float32 (N, D)."""
        moves = [(knob, float(self.amounts[name])) for name, knob in self.named.items()]
        moved = turn(self.part.codes, moves, self._frames())
        for name in RESERVED_NAMES:
            if name in self.amounts and self.like is not None:
                moved = moved + control_of(self.part, self.knobs, self.like, (name, self.amounts[name]), self.seed)
        return self.part.model.spec.structure.with_condition(moved, self.part.codes)

    def remarks(self, ruled: RuleEdited) -> list[str]:
        """What people should know of the knobs, where rules made this of the clips."""
        out = [f"{name}{clause}" for name, knob in self.named.items() if (clause := doubt(knob))]
        out += [
            f"{name}{clause}." for name, knob in self.named.items() if (clause := between(knob, self.amounts[name]))
        ]
        if self.like is not None and (among := _left_to_knobs(self.part, self.knobs, self.like)[1]):
            moves = f"moves dimensions of {', '.join(among)} too: the knobs leave too few others"
            out += [f"{name} {moves}" for name in RESERVED_NAMES if name in self.amounts]
        if self.lacking and (bars := self.part.bars_named(self.part.cut.sounding & ruled.edited)):
            out.append(f"{bars}: by rule, as {' and '.join(self.lacking.values())}.")
        return out

    def moved(self, ruled: RuleEdited) -> MovedClips:
        """The moved codes and which of them the model decodes, where rules made this of the clips."""
        part = self.part
        by_model = part.steered | (part.accepted & part.cut.sounding & ~ruled.edited)
        by_model &= not self.lacking
        controls = any(name in self.amounts for name in RESERVED_NAMES)
        compared = by_model.any() and not controls and not part.all_by_model
        return MovedClips(self.codes, by_model, self._comparison() if compared else None)

    def _comparison(self) -> RuleComparison | None:
        """
        What the edits give, and how near the model comes to them by evidence; None where there is no edit.

        As in the pairs of which evidence speaks, edits that ask for it are told of the piece.
        """
        edits = self.edits.edits
        if self.edits.reason or not edits:
            return None
        clips, clip_format = self.part.cut.clips, self.part.cut.clip_format
        exact, loose = (
            edit_by_rule(clips, clip_format, edits, self.contexts, self.seed, exact) for exact in (True, False)
        )
        changed = float((exact.clips != clips).mean())
        turned = [(knob, self.amounts[name]) for name, knob in self.named.items() if self.amounts[name]]
        error = sum(expected_error(knob.evidence, amount, changed) for knob, amount in turned)
        unchanged = differing(loose.clips, clips) == 0
        return RuleComparison(exact, loose, unchanged, max(1 - STYLE, SURPRISE * error) if error <= 1 - STYLE else 1.0)


@frozen(eq=False)
class DecodedClips:
    """
    What a model made of the clips that it turns.

    Attributes:
        clips: int16 (N, *shape); the clip itself where it is not turned.
        by_model: bool (N,), which are the model's.
        apart: bool (N,), which it turned to other notes than the edits would: these are done by rule.
    """

    clips: ClipBatch
    by_model: Bools
    apart: Bools

    @classmethod
    def of(cls, part: SteeredClips, moved: MovedClips, decoded: ClipBatch) -> DecodedClips:
        """Clips of a model and the decodings of those that it turns, int16 (n, *shape)."""
        by_model = moved.by_model.copy()
        back, inside = unshifted(decoded, part.carried.shifts[by_model])
        by_model[moved.by_model] = inside  # not where MIDI has no such pitch, octaves back
        clips = part.cut.clips.copy()
        clips[by_model] = back[inside]
        if moved.comparison is None:
            return cls(clips, by_model, by_model & False)
        apart = by_model & moved.comparison.apart(clips, part.cut.clip_format)
        clips[apart] = part.cut.clips[apart]
        return cls(clips, by_model & ~apart, apart)


def control_of(
    part: SteeredClips, knobs: Mapping[str, Knob], like: Knob, turned: tuple[str, float], seed: int
) -> Codes:
    """The displacement of one of the paper's controls, given with its amount, on the clips of a model."""
    name, amount = turned
    return control(name, like, amount, part.codes, _left_to_knobs(part, knobs, like)[0], seed)


def _left_to_knobs(part: SteeredClips, knobs: Mapping[str, Knob], like: Knob) -> tuple[frozenset[int], tuple[str, ...]]:
    return apart(knobs.values(), active_of(like, part.codes.shape[1]), like)
