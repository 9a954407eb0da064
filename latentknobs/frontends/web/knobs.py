"""Knobs as the page shows them: their range, how far to trust them, their card and their curves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from latentknobs.core.knob import RESERVED_NAMES, Knob
from latentknobs.core.reasons import reasons
from latentknobs.errors import UnknownNameError
from latentknobs.frontends.web.responses import (
    Card,
    CardCriterion,
    CardEffect,
    Confidence,
    Curves,
    KnobCard,
    KnobFacts,
    Says,
    Share,
)

SURE = 0.9
"""High confidence takes an R2 of the target's response of at least this, at the lower end of its interval."""
SAYS: Mapping[str, tuple[str, str]] = {
    "mean-pitch": ("lower", "higher"),
    "mean-octave": ("lower", "higher"),
    "pitch-range": ("narrower", "wider"),
    "mean-interval": ("smaller leaps", "larger leaps"),
    "contour-direction": ("falling", "rising"),
    "chromaticism": ("plainer", "more chromatic"),
    "log2-onsets": ("fewer notes", "more notes"),
    "note-density": ("sparser", "denser"),
    "syncopation": ("straighter", "more syncopated"),
    "rests": ("fewer rests", "more rests"),
    "mean-onset": ("earlier", "later"),
}
"""Words for down and up, for the built-in attributes."""
CONTROLS: Mapping[str, str] = {
    "random": "A control: a random direction in as many dimensions as the knob has, none of them a knob's.",
    "others": "A control: a random direction in all dimensions that belong to no knob.",
}
MAX_EFFECTS = 40
MOST_NAMED = 6
"""Selected dimensions that a card names."""
NO_CURVES = Curves(amounts=[], amount=None, mean_change=[], sorted=[])


def facts(knob: Knob) -> KnobFacts:
    """A knob as it is listed."""
    target = knob.evidence.target
    says = SAYS.get(target or "")
    return KnobFacts(
        name=knob.name,
        model_id=knob.model_id,
        label=knob.name.replace("-", " ").replace("_", " "),
        augmentation=knob.augmentation,
        target=target,
        unit=knob.unit,
        low=knob.low,
        high=knob.high,
        step=knob.step,
        kind=knob.kind,
        fit=knob.fit,
        verdict=knob.verdict,
        reason=reason(knob),
        dimensions=[Share(dim=d.dim, share=d.share) for d in knob.dimensions],
        reserved=False,
        confidence=confidence(knob),
        says=says and Says(down=says[0], up=says[1]),
    )


def listed(knobs: Mapping[str, Knob], *, every: bool) -> list[KnobFacts]:
    """
    The accepted knobs of a model, with ``every`` the others too; the controls last.

    The controls have the range of the first accepted knob, their default.
    """
    order = sorted(knobs.values(), key=lambda knob: knob.verdict != "accepted")
    shown = [facts(knob) for knob in order if every or knob.verdict == "accepted"]
    return shown + [control(name, like) for like in order[:1] for name in RESERVED_NAMES]


def control(name: str, like: Knob) -> KnobFacts:
    """One of the controls, with the range of a knob."""
    level = Confidence(level="low", text=f"{CONTROLS[name]} Its moves are as long as those of {like.name}.")
    changes: dict[str, object] = {
        "name": name,
        "label": name,
        "augmentation": None,
        "target": None,
        "kind": "shift",
        "fit": "random",
        "verdict": "provisional",
        "reason": CONTROLS[name],
        "dimensions": [],
        "reserved": True,
        "confidence": level,
        "says": None,
    }
    return facts(like).model_copy(update=changes)


def reason(knob: Knob) -> str:
    """Why a knob is not accepted, "" where it is."""
    if knob.verdict == "accepted":
        return ""
    failed = [str(one) for one in reasons(knob.evidence)]
    if not failed:
        return f"It is {knob.verdict}: too little was measured to accept it."
    more = f", and {len(failed) - 3} more" if len(failed) > 3 else ""
    return f"It is {knob.verdict}: {'; '.join(failed[:3])}{more}."


def confidence(knob: Knob) -> Confidence:
    """How far to trust a knob: a level, and a sentence with the evidence for it."""
    response = knob.evidence.test and knob.evidence.test.response
    parts = []
    if response:
        slope = response.slope
        parts.append(
            f"+1 moves {knob.evidence.target} by {slope.value:+.2f} ({slope.low:+.2f} to {slope.high:+.2f}), "
            f"R2 {response.r2.value:.2f}, on {response.clips} test clips"
        )
    if controls := knob.evidence.controls:
        parts.append(f"p = {controls.p:.3f} against {controls.controls} random moves of the same length")
    why = "; ".join(parts) or "nothing was measured on test songs"
    text = f"{knob.verdict.capitalize()}: {why}."
    if knob.verdict not in ("accepted", "provisional"):
        return Confidence(level="low", text=text)
    sure = knob.verdict == "accepted" and response and response.r2.low >= SURE
    return Confidence(level="high" if sure else "medium", text=text)


def detailed(name: str, knobs: Mapping[str, Knob], amount: float | None, model: str) -> KnobCard:
    """
    A knob of a model, or a control, with its card and curves.

    Raises:
        UnknownNameError: The model has no such knob.
    """
    if name in RESERVED_NAMES and knobs:
        listed_control = control(name, next(iter(knobs.values())))
        card = Card(effects=[], criteria=[], text=[listed_control.reason])
        return KnobCard(**dict(listed_control), card=card, curves=NO_CURVES)
    if name not in knobs:
        raise UnknownNameError("knob", name[:80], knobs, f"for the model {model}")
    knob = knobs[name]
    return KnobCard(**dict(facts(knob)), card=_card(knob), curves=_curves(knob, amount))


def _card(knob: Knob) -> Card:
    effects = sorted(knob.effects, key=lambda effect: -effect.effect)[:MAX_EFFECTS]
    role_of = knob.evidence.role_of
    return Card(
        effects=[
            CardEffect(attribute=e.attribute, slope=e.slope, effect=e.effect, role=role_of(e.attribute))
            for e in effects
        ],
        criteria=[
            CardCriterion(criterion=c.name, value=c.value, limit=c.limit, passed=c.passed)
            for c in knob.evidence.criteria
        ],
        text=list(sentences(knob)),
    )


def sentences(knob: Knob) -> Iterable[str]:
    """What is to be said of a knob."""
    learned = f"from the edit {knob.augmentation}" if knob.augmentation else "without an edit"
    yield f"{knob.name} was learned {learned} ({knob.kind}, {knob.fit}) for the model {knob.model_name}."
    step = "any amount" if knob.step is None else f"steps of {knob.step:g}"
    span = f"{knob.low:+g} to {knob.high:+g} {knob.unit}".rstrip()
    yield f"It can be turned from {span}, {step}." if knob.low < knob.high else "It has no usable range."
    yield confidence(knob).text
    criteria = len(knob.evidence.criteria)
    yield reason(knob) or f"It met all {criteria} acceptance criteria, which were set before the measurements."
    count = len(knob.dimensions)
    selected = "one selected dimension carries" if count == 1 else f"{count} selected dimensions carry"
    yield f"Its {selected} nine tenths of the effect."
    if knob.blocks:
        most = ", ".join(knob.dimension_names(MOST_NAMED))
        yield f"Moved energy by block: {knob.blocks}. The dimensions that move most: {most or 'none'}."
    if knob.evidence.preserves:
        yield f"It preserves {', '.join(knob.evidence.preserves)}."
    if knob.note:
        yield knob.note


def _curves(knob: Knob, amount: float | None) -> Curves:
    """Mean change of each dimension at the measured amount nearest to ``amount``; None = a middle one."""
    rows, fitted = knob.evidence.mean_change, knob.evidence.fitted
    if not rows or len(rows) != len(fitted):
        return NO_CURVES
    upper = [a for a in fitted if a > 0] or fitted
    wanted = upper[len(upper) // 2] if amount is None else amount
    nearest = min(range(len(fitted)), key=lambda k: abs(fitted[k] - wanted))
    change = list(rows[nearest])
    return Curves(
        amounts=list(fitted), amount=fitted[nearest], mean_change=change, sorted=sorted(map(abs, change), reverse=True)
    )
