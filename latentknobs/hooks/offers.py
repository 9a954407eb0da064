"""What each ``register_`` hook may offer, and the check that an offer is one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from attrs import evolve, frozen

from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.backend import BackendFactory
from latentknobs.core.corpus import Corpus
from latentknobs.core.frontend import CommandSpec, FrontendSpec
from latentknobs.core.guard import run_measure
from latentknobs.core.knob import RESERVED_NAMES
from latentknobs.core.method import Basis, Fit, Selector
from latentknobs.errors import PluginError

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*")


def no_slug(name: object) -> str:
    """What is wrong with a name, or nothing."""
    if isinstance(name, str) and SLUG.fullmatch(name):
        return ""
    return f"the name {name!r} is not made of small letters, digits, - and _, starting with a letter or digit"


def _named(offer: Any) -> str:
    return no_slug(offer.name)


def _augmentation(offer: Any) -> str:
    fault = no_slug(offer.name) or no_slug(offer.knob_name)
    if fault:
        return fault
    if offer.knob_name in RESERVED_NAMES:
        return f"{offer.name!r} gives a knob named {offer.knob_name!r}, a name kept for the control knobs"
    amounts = offer.amounts
    if not isinstance(amounts, tuple) or not amounts or not all(isinstance(a, int | float) for a in amounts):
        return f"the amounts of {offer.name!r} are not a tuple of numbers: {amounts!r}"
    if not all(math.isfinite(a) and a for a in amounts) or list(amounts) != sorted(set(amounts)):
        return f"the amounts of {offer.name!r} are not ascending numbers without 0: {amounts!r}"
    for field in ("changes", "keeps"):
        names = getattr(offer, field)
        if not isinstance(names, frozenset) or not all(isinstance(name, str) for name in names):
            return f"{field!r} of {offer.name!r} is not a frozenset of names: {names!r}"
    both = sorted(offer.changes & offer.keeps)
    if both:
        return f"{offer.name!r} says that it both changes and keeps {', '.join(both)}"
    if offer.target is not None and not isinstance(offer.target, str):
        return f"the target of {offer.name!r} is not a name or None: {offer.target!r}"
    for field in ("unit", "clip_format", "doc"):
        if not isinstance(getattr(offer, field), str):
            return f"{field!r} of {offer.name!r} is not text"
    return ""


def _command(offer: CommandSpec) -> str:
    if not isinstance(offer.path, tuple) or not offer.path:
        return f"the path of a command is a tuple of words, not {offer.path!r}"
    return next(filter(None, map(no_slug, offer.path)), "")


def _as_it_is(offer: Any) -> Any:
    return offer


def _guarded(what: str, offer: Any) -> Any:
    return evolve(offer, measure=partial(run_measure, f"{what} {offer.name!r}", offer.measure))


@frozen
class Kind:
    """
    One kind of offer.

    Attributes:
        name: The hook's name without ``register_`` ("augmentations").
        one: What one of them is called ("an augmentation").
        type: What it must be an instance of.
        fault: What else is wrong with an offer of that type, or nothing.
        key: The name it goes by.
        ready: The offer as it is handed out.
    """

    name: str
    one: str
    type: Any
    fault: Callable[[Any], str] = _named
    key: Callable[[Any], str] = lambda offer: offer.name
    ready: Callable[[Any], Any] = _as_it_is

    @property
    def hook(self) -> str:
        """The hook that asks for it."""
        return f"register_{self.name}"

    def collect(self, offers: object) -> dict[str, Any]:
        """
        The offers of one plugin by name.

        Raises:
            PluginError: They are not what the hook asks for; the message is a clause.
        """
        wanted = f"it must return a list, and each of it must be {self.one} ({self.type.__name__})"
        if isinstance(offers, str | bytes) or not isinstance(offers, Iterable):
            raise PluginError(f"{self.hook} returned {_kind(offers)}; {wanted}")
        out: dict[str, Any] = {}
        for offer in offers:
            if isinstance(offer, type):
                raise PluginError(f"{self.hook} returned the class {offer.__name__}; return {offer.__name__}()")
            if not isinstance(offer, self.type):
                raise PluginError(f"{self.hook} returned {_kind(offer)} in its list; {wanted}")
            fault = self.fault(offer)
            if fault:
                raise PluginError(f"{self.hook}: {fault}")
            key = self.key(offer)
            if key in out:
                raise PluginError(f"{self.hook} returned two named {key!r}")
            out[key] = self.ready(offer)
        return out


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


KINDS: tuple[Kind, ...] = (
    Kind("backends", "a way to load models", BackendFactory),
    Kind("augmentations", "an augmentation", Augmentation, _augmentation),
    Kind("attributes", "an attribute", Attribute, ready=partial(_guarded, "attribute")),
    Kind("comparisons", "a comparison", Comparison, ready=partial(_guarded, "comparison")),
    Kind("bases", "a basis", Basis),
    Kind("selectors", "a selector", Selector),
    Kind("fits", "a fit", Fit),
    Kind("corpora", "a corpus", Corpus),
    Kind("frontends", "a front end", FrontendSpec),
    Kind("commands", "a command", CommandSpec, _command, lambda offer: " ".join(offer.path)),
)
