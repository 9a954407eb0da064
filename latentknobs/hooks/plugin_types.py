"""What each ``register_`` hook may offer, and the check that an offer is one."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import frozen

from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.backend import BackendFactory
from latentknobs.core.composition import CompositeAugmentation
from latentknobs.core.corpus import Corpus
from latentknobs.core.frontend_specs import CommandSpec, FrontendSpec
from latentknobs.core.knob import ARRAYS, RESERVED_NAMES, UNAIDED
from latentknobs.core.method_specs import Basis, Fit, Selector
from latentknobs.core.metric_specs import NEEDS, Metric
from latentknobs.core.plugin_guard import Guard, kind_of
from latentknobs.errors import PluginError
from latentknobs.hooks import model_validation, validation

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*")


def no_slug(name: object) -> str:
    """What is wrong with a name, or nothing."""
    if isinstance(name, str) and SLUG.fullmatch(name):
        return ""
    return f"the name {name!r} is not made of small letters, digits, - and _, starting with a letter or digit"


def _made_of(function: str, *texts: str) -> Callable[[Any], str]:
    """The check of an offer that has a name, a function and texts besides."""

    def fault(offer: Any) -> str:
        wrong = no_slug(offer.name)
        if wrong:
            return wrong
        if not callable(getattr(offer, function)):
            return f"{function!r} of {offer.name!r} is not a function"
        return next((f"{text!r} of {offer.name!r} is not text" for text in texts if _no_text(offer, text)), "")

    return fault


def _no_text(offer: Any, field: str) -> bool:
    return not isinstance(getattr(offer, field), str)


_TEXTS = ("unit", "clip_format", "doc")


def _augmentation(offer: Any) -> str:
    if isinstance(offer, CompositeAugmentation):  # its name says its parts, and they are what has names
        fault = next(filter(None, (_augmentation(part.augmentation) for part in offer.parts)), "")
    else:
        fault = no_slug(offer.name)
    fault = fault or no_slug(offer.knob_name)
    if fault:
        return fault
    if offer.knob_name in RESERVED_NAMES:
        return f"{offer.name!r} gives a knob named {offer.knob_name!r}, a name kept for the control knobs"
    if offer.knob_name.endswith(UNAIDED):
        return f"{offer.name!r} gives a knob named {offer.knob_name!r}; {UNAIDED!r} ends knobs found without an edit"
    amounts = offer.amounts
    if not isinstance(amounts, tuple) or not amounts or not all(isinstance(a, int | float) for a in amounts):
        return f"the amounts of {offer.name!r} are not a tuple of numbers: {amounts!r}"
    if not all(math.isfinite(a) and a for a in amounts) or list(amounts) != sorted(set(amounts)):
        return f"the amounts of {offer.name!r} are not ascending numbers without 0: {amounts!r}"
    for field in ("changes", "preserves"):
        names = getattr(offer, field)
        if not isinstance(names, frozenset) or not all(isinstance(name, str) for name in names):
            return f"{field!r} of {offer.name!r} is not a frozenset of names: {names!r}"
    both = sorted(offer.changes & offer.preserves)
    if both:
        return f"{offer.name!r} says that it both changes and keeps {', '.join(both)}"
    if offer.target is not None and not isinstance(offer.target, str):
        return f"the target of {offer.name!r} is not a name or None: {offer.target!r}"
    return next((f"{field!r} of {offer.name!r} is not text" for field in _TEXTS if _no_text(offer, field)), "")


def _backend(offer: BackendFactory) -> str:
    wrong = _made_of("load", "doc")(offer) or _made_of("recognises")(offer)
    if wrong:
        return wrong
    shipped = offer.shipped
    if not isinstance(shipped, Mapping) or not all(isinstance(word, str) for pair in shipped.items() for word in pair):
        return f"'shipped' of {offer.name!r} is not a mapping of names to locations: {shipped!r}"
    precisions = offer.precisions
    if not isinstance(precisions, tuple) or not precisions or not all(isinstance(word, str) for word in precisions):
        return f"'precisions' of {offer.name!r} is not a tuple of names, at least one: {precisions!r}"
    return ""


def _fit(offer: Fit) -> str:
    wrong = _made_of("fit", "doc")(offer)
    if not wrong and offer.kind not in ARRAYS:
        return f"{offer.name!r} gives operators of kind {offer.kind!r}; the kinds are {', '.join(ARRAYS)}"
    return wrong


def _metric(offer: Metric) -> str:
    wrong = _made_of("compute", "doc")(offer)
    if not wrong and offer.needs not in NEEDS:
        return f"{offer.name!r} needs {offer.needs!r}; it can need {' or '.join(NEEDS)}"
    return wrong


def _command(offer: CommandSpec) -> str:
    if not isinstance(offer.path, tuple) or not offer.path:
        return f"the path of a command is a tuple of words, not {offer.path!r}"
    if not callable(offer.run) or _no_text(offer, "help"):
        return f"the command {offer.path!r} needs a function to run and a text as its help"
    return next(filter(None, map(no_slug, offer.path)), "")


def _as_it_is(offer: Any, _guard: Guard) -> Any:
    return offer


@frozen
class PluginType:
    """
    One kind of offer.

    Attributes:
        name: The hook's name without ``register_`` ("augmentations").
        one: What one of them is called ("an augmentation").
        type: What it must be an instance of.
        fault: What else is wrong with an offer of that type, or nothing.
        key: The name it goes by.
        ready: The offer as it is handed out, given the guard for its functions.
    """

    name: str
    one: str
    type: Any
    fault: Callable[[Any], str]
    ready: Callable[[Any, Guard], Any] = _as_it_is
    key: Callable[[Any], str] = lambda offer: offer.name

    @property
    def hook(self) -> str:
        """The hook that asks for it."""
        return f"register_{self.name}"

    def collect(self, offers: object, owner: str = "", path: str | None = None) -> dict[str, Any]:
        """
        The offers of one plugin by name, guarded.

        Args:
            offers: What its hook returned.
            owner: The plugin, for messages.
            path: Its file.

        Raises:
            PluginError: They are not what the hook asks for; the message is a clause.
        """
        wanted = f"it must return a list, and each of it must be {self.one} ({self.type.__name__})"
        if isinstance(offers, str | bytes) or not isinstance(offers, Iterable):
            raise PluginError(f"{self.hook} returned {kind_of(offers)}; {wanted}")
        out: dict[str, Any] = {}
        for offer in offers:
            if isinstance(offer, type):
                raise PluginError(f"{self.hook} returned the class {offer.__name__}; return {offer.__name__}()")
            if not isinstance(offer, self.type):
                raise PluginError(f"{self.hook} returned {kind_of(offer)} in its list; {wanted}")
            fault = self.fault(offer)
            if fault:
                raise PluginError(f"{self.hook}: {fault}")
            key = self.key(offer)
            if key in out:
                raise PluginError(f"{self.hook} returned two named {key!r}")
            out[key] = self.ready(offer, Guard(f"{self.one.partition(' ')[2]} {key!r}", owner, path))
        return out


KINDS: tuple[PluginType, ...] = (
    PluginType("backends", "a backend", BackendFactory, _backend, model_validation.backend),
    PluginType("augmentations", "an augmentation", Augmentation, _augmentation),
    PluginType("attributes", "an attribute", Attribute, _made_of("measure", *_TEXTS), validation.measured),
    PluginType(
        "comparisons", "a comparison", Comparison, _made_of("measure", "clip_format", "doc"), validation.measured
    ),
    PluginType("bases", "a basis", Basis, _made_of("compute", "doc"), validation.basis),
    PluginType("selectors", "a selector", Selector, _made_of("select", "doc"), validation.selector),
    PluginType("fits", "a fit", Fit, _fit, validation.fit),
    PluginType("metrics", "a metric", Metric, _metric, validation.metric),
    PluginType(
        "corpora",
        "a corpus",
        Corpus,
        _made_of("songs", "doc", "licence", "clip_format", "takes"),
        model_validation.corpus,
    ),
    PluginType("frontends", "a front end", FrontendSpec, _made_of("serve", "doc")),
    PluginType("commands", "a command", CommandSpec, _command, validation.command, lambda offer: " ".join(offer.path)),
)
