"""The values of :mod:`latentknobs.analysis.algebra`: what is composed, and what is found."""

from __future__ import annotations

from attrs import frozen

from latentknobs.core.arrays import Codes
from latentknobs.core.augmentation import Augmentation, signed_amounts
from latentknobs.core.edit_context import Reference
from latentknobs.core.evidence import Equivariance, Interval, Measure
from latentknobs.core.knob import Knob, Operator
from latentknobs.errors import AmountError
from latentknobs.steering.apply import apply

SLACK = 1e-6
"""How far an amount may be off by rounding."""


@frozen(eq=False)
class Element:
    """
    A knob at one amount.

    Attributes:
        name: The knob's name.
        unit: Unit of its amounts, for people.
        operator: T.
        augmentation: f.
        amount: The amount at which it is composed with others.
        amounts: The amounts at which its powers and inverses are looked at, ascending, without 0.
        measure: What its equivariance scores.
        relative_to: Where the knob was learned in one key, what pieces are moved by.
    """

    name: str
    unit: str
    operator: Operator
    augmentation: Augmentation
    amount: float
    amounts: tuple[float, ...]
    measure: Measure = "tokens"
    relative_to: Reference = ""

    @classmethod
    def of(cls, knob: Knob, augmentation: Augmentation, amount: float | None = None) -> Element:
        """
        A stored knob at an amount; its amounts are those fitted ones that are usable.

        Args:
            knob: The knob, with its operator.
            augmentation: The edit it was learned from.
            amount: The amount; None = the smallest positive usable one.

        Raises:
            RegistryError: Only the hash of its operator was kept.
            AmountError: The amount is 0 or outside the usable range, or None and no positive one is usable.
        """
        fitted = knob.evidence.fitted or signed_amounts(augmentation)[0]
        usable = tuple(float(a) for a in fitted if knob.low - SLACK <= a <= knob.high + SLACK)
        chosen = min((a for a in usable if a > 0), default=None) if amount is None else amount
        span = f"{knob.low:+g} to {knob.high:+g}"
        if chosen is None:
            raise AmountError(f"{knob.name!r} has no positive usable amount ({span}); leave it out, or name an amount.")
        if not chosen or not knob.low - SLACK <= chosen <= knob.high + SLACK:
            raise AmountError(
                f"{knob.name}:{chosen:g} cannot be composed: choose an amount other than 0 in its usable range, {span}."
            )
        measure, relative_to = knob.evidence.measure, knob.evidence.relative_to
        return cls(knob.name, knob.unit, knob.require_operator(), augmentation, chosen, usable, measure, relative_to)

    def turned(self, z: Codes) -> Codes:
        """T(z, amount), (N, D)."""
        return apply(self.operator, z, self.amount)


@frozen
class Power:
    """
    T_step taken ``times`` times against T at ``amount`` = times * step.

    Attributes:
        amount: The amount.
        step: The smallest usable amount of the same sign.
        times: How often it is taken, at least 2.
        clips: Clips that the edit can be applied to by the amount.
        codes: Distance of the two codes over the length of T's move; None where there are no clips or no move.
        decoded: Share of equal tokens of their decodings; None where there are no clips.
    """

    amount: float
    step: float
    times: int
    clips: int
    codes: Interval | None
    decoded: Interval | None


@frozen
class Inverse:
    """
    T at ``-amount`` after T at ``amount``, against the code it began with.

    Attributes:
        amount: The amount of the first turn.
        clips: As for :class:`Power`.
        codes: Distance from the beginning over the length of the first move; None as there.
        decoded: Share of tokens that decode to what the beginning decodes to; None as there.
    """

    amount: float
    clips: int
    codes: Interval | None
    decoded: Interval | None


@frozen
class Laws:
    """
    One knob with itself.

    Attributes:
        knob: Its name.
        unit: Unit of its amounts.
        amount: The amount at which it is composed with others.
        powers: At every amount that is two or more steps, ascending.
        inverses: At every amount whose negative it has too, ascending.
    """

    knob: str
    unit: str
    amount: float
    powers: tuple[Power, ...]
    inverses: tuple[Inverse, ...]


@frozen
class Composed:
    """
    What one way to compose two knobs gives, against clips edited by one and then by the other.

    Attributes:
        accuracy: Mean accuracy of the turned clips.
        equivariance: See :mod:`latentknobs.evaluation.equivariance`; None where it is not measurable.
    """

    accuracy: float
    equivariance: Interval | None

    @classmethod
    def of(cls, one: Equivariance) -> Composed:
        """The part of an equivariance that is reported."""
        ratio = Interval(one.value, one.low, one.high, one.error)
        return cls(one.accuracy, ratio if one.measurable else None)


@frozen
class Additivity:
    """
    One knob and then another, beside the sum of their displacements.

    Attributes:
        clips: Clips that both edits can be applied to, one after the other.
        floor: Accuracy of the better baseline.
        ceiling: Accuracy of decoding the edited clips' own codes.
        measurable: Whether there is room between floor and ceiling.
        sequence: The second map after the first.
        sum: z plus both displacements.
        gain: Accuracy of the sequence less that of the sum, clip by clip; None without clips.
        differ: Share of tokens in which their decodings differ; None without clips.
        codes: Distance of their codes over the length of the sequence's move; None where there is none.
    """

    clips: int
    floor: float
    ceiling: float
    measurable: bool
    sequence: Composed
    sum: Composed
    gain: Interval | None
    differ: Interval | None
    codes: Interval | None


@frozen
class Commutator:
    """
    Two knobs in either order, the edits of clips beside the maps of codes; the same for (a, b) and (b, a).

    Attributes:
        clips: Clips that both edits can be applied to in both orders; without any, all that follows is None.
        edited: Share of tokens in which the two edited clips differ: what the edits themselves do not commute by.
        decoded: Share of tokens in which the decodings of the two turned codes differ.
        edited_codes: Distance of the codes of the edited clips over the length of the moves (root mean square of
            both); None where there is none.
        codes: The same of the turned codes.
    """

    clips: int
    edited: Interval | None
    decoded: Interval | None
    edited_codes: Interval | None
    codes: Interval | None


@frozen
class Pair:
    """An ordered pair of knobs: ``first`` is turned before ``then``."""

    first: str
    then: str
    additivity: Additivity
    commutator: Commutator


@frozen
class Algebra:
    """
    Everything that was measured; ``attrs.asdict`` gives its JSON.

    Attributes:
        clips: Test clips.
        songs: Their songs.
        knobs: Each knob with itself, as they were named.
        pairs: Every ordered pair of two knobs, row by row of their matrix.
    """

    clips: int
    songs: int
    knobs: tuple[Laws, ...]
    pairs: tuple[Pair, ...]

    def pair(self, first: str, then: str) -> Pair:
        """
        The pair of these names, in this order.

        Raises:
            KeyError: There is none.
        """
        for pair in self.pairs:
            if (pair.first, pair.then) == (first, then):
                return pair
        raise KeyError((first, then))
