"""The values of :mod:`latentknobs.analysis.algebra`: what is composed, and what is found."""

from __future__ import annotations

from typing import Any

from attrs import asdict, frozen

from latentknobs.core.arrays import Codes
from latentknobs.core.augmentation import Augmentation, signed_amounts
from latentknobs.core.evidence import Equivariance, Interval
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
    """

    name: str
    unit: str
    operator: Operator
    augmentation: Augmentation
    amount: float
    amounts: tuple[float, ...]

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
        return cls(knob.name, knob.unit, knob.require_operator(), augmentation, chosen, usable)

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

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"amount": self.amount, "step": self.step, "times": self.times, **_compared(self)}


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

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {"amount": self.amount, **_compared(self)}


def _compared(one: Power | Inverse) -> dict[str, Any]:
    return {"clips": one.clips, "codes": _plain(one.codes), "decoded": _plain(one.decoded)}


def _plain(one: Interval | None) -> dict[str, float] | None:
    return None if one is None else asdict(one)


@frozen
class Laws:
    """
    One knob with itself.

    Attributes:
        name: The knob.
        unit: Unit of its amounts.
        amount: The amount at which it is composed with others.
        powers: At every amount that is two or more steps, ascending.
        inverses: At every amount whose negative it has too, ascending.
    """

    name: str
    unit: str
    amount: float
    powers: tuple[Power, ...]
    inverses: tuple[Inverse, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "knob": self.name,
            "unit": self.unit,
            "amount": self.amount,
            "powers": [one.as_dict() for one in self.powers],
            "inverses": [one.as_dict() for one in self.inverses],
        }


@frozen
class Additivity:
    """
    One knob and then another, beside the sum of their displacements.

    Attributes:
        clips: Clips that both edits can be applied to, one after the other.
        sequence: Equivariance of the second map after the first, against clips edited like that.
        sum: Equivariance of z plus both displacements, against the same clips.
        gain: Accuracy of the sequence less that of the sum, clip by clip; None without clips.
        differ: Share of tokens in which their decodings differ; None without clips.
        codes: Distance of their codes over the length of the sequence's move; None where there is none.
    """

    clips: int
    sequence: Equivariance
    sum: Equivariance
    gain: Interval | None
    differ: Interval | None
    codes: Interval | None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "clips": self.clips,
            "floor": self.sum.floor,
            "ceiling": self.sum.ceiling,
            "measurable": self.sum.measurable,
            "sequence": _measured(self.sequence),
            "sum": _measured(self.sum),
            "gain": _plain(self.gain),
            "differ": _plain(self.differ),
            "codes": _plain(self.codes),
        }


def _measured(one: Equivariance) -> dict[str, Any]:
    ratio = Interval(one.value, one.low, one.high, one.error)
    return {"accuracy": one.accuracy, "equivariance": asdict(ratio) if one.measurable else None}


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

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "clips": self.clips,
            "edited": _plain(self.edited),
            "decoded": _plain(self.decoded),
            "edited_codes": _plain(self.edited_codes),
            "codes": _plain(self.codes),
        }


@frozen
class Pair:
    """An ordered pair of knobs: ``first`` is turned before ``then``."""

    first: str
    then: str
    additivity: Additivity
    commutator: Commutator

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "first": self.first,
            "then": self.then,
            "additivity": self.additivity.as_dict(),
            "commutator": self.commutator.as_dict(),
        }


@frozen
class Algebra:
    """
    Everything that was measured.

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

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "clips": self.clips,
            "songs": self.songs,
            "knobs": [one.as_dict() for one in self.knobs],
            "pairs": [pair.as_dict() for pair in self.pairs],
        }
