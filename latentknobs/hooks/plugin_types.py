"""What each ``register_`` hook may offer, and the check that an offer is valid."""

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
from latentknobs.core.executor_specs import ExecutorFactory
from latentknobs.core.format_capabilities import needs_of
from latentknobs.core.frontend_specs import CommandSpec, FrontendSpec
from latentknobs.core.knob import ARRAYS, RESERVED_NAMES, UNAIDED
from latentknobs.core.method_specs import Basis, Fit, Selector
from latentknobs.core.metric_specs import NEEDS, Metric
from latentknobs.core.plugin_guard import Guard, kind_of
from latentknobs.errors import PluginError
from latentknobs.hooks import validation

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*")
_TEXTS = ("unit", "doc")


def _slug_fault(name: object) -> str:
    if isinstance(name, str) and SLUG.fullmatch(name):
        return ""
    return f"the name {name!r} is not made of small letters, digits, - and _, starting with a letter or digit"


def _text_fault(offer: Any, *fields: str) -> str:
    wrong = [field for field in fields if not isinstance(getattr(offer, field), str)]
    return f"{wrong[0]!r} of {getattr(offer, 'name', offer)!r} is not text" if wrong else ""


def _needs_fault(offer: Any) -> str:
    name = getattr(offer, "clip_format", "")
    if not isinstance(name, str):
        return f"'clip_format' of {offer.name!r} is not text"
    try:
        stated = needs_of(offer)
    except PluginError as error:
        return str(error)
    if not (name or stated or hasattr(offer, "needs")):
        return f"{offer.name!r} states neither 'needs' nor 'clip_format': it must say which clips it edits"
    return ""


def _measure(*texts: str) -> Callable[[Any], str]:
    """The check of an attribute or a comparison."""
    check = _has("measure", *texts)
    return lambda offer: check(offer) or _needs_fault(offer)


def _frontend(offer: Any) -> str:
    for function in ("serve", "start", "widget"):
        own = getattr(offer, function)
        if own is not None and not callable(own):
            return f"{function!r} of {offer.name!r} is not a function"
    return _slug_fault(offer.name) or _text_fault(offer, "doc")


def _has(function: str, *texts: str) -> Callable[[Any], str]:
    """The check of an offer that has a name, a function and texts."""

    def fault(offer: Any) -> str:
        if wrong := _slug_fault(offer.name):
            return wrong
        if not callable(getattr(offer, function)):
            return f"{function!r} of {offer.name!r} is not a function"
        return _text_fault(offer, *texts)

    return fault


def _augmentation(offer: Any) -> str:
    if isinstance(offer, CompositeAugmentation):  # its name lists its parts
        fault = next(filter(None, (_augmentation(part.augmentation) for part in offer.parts)), "")
    else:
        fault = _slug_fault(offer.name)
    if fault := fault or _slug_fault(offer.knob_name):
        return fault
    if offer.knob_name in RESERVED_NAMES:
        return f"{offer.name!r} gives a knob named {offer.knob_name!r}, a name reserved for the control knobs"
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
    if both := sorted(offer.changes & offer.preserves):
        return f"{offer.name!r} says that it both changes and preserves {', '.join(both)}"
    if offer.target is not None and not isinstance(offer.target, str):
        return f"the target of {offer.name!r} is not a name or None: {offer.target!r}"
    return _text_fault(offer, *_TEXTS) or _needs_fault(offer)


def _backend(offer: BackendFactory) -> str:
    if fault := _has("load", "doc")(offer) or _has("recognises")(offer):
        return fault
    shipped = offer.shipped
    if not isinstance(shipped, Mapping) or not all(isinstance(word, str) for pair in shipped.items() for word in pair):
        return f"'shipped' of {offer.name!r} is not a mapping of names to locations: {shipped!r}"
    precisions = offer.precisions
    if not isinstance(precisions, tuple) or not precisions or not all(isinstance(word, str) for word in precisions):
        return f"'precisions' of {offer.name!r} is not a tuple of names, at least one: {precisions!r}"
    return ""


def _fit(offer: Fit) -> str:
    fault = _has("fit", "doc")(offer)
    if not fault and offer.kind not in ARRAYS:
        return f"{offer.name!r} gives operators of kind {offer.kind!r}; the kinds are {', '.join(ARRAYS)}"
    return fault


def _metric(offer: Metric) -> str:
    fault = _has("compute", "doc")(offer)
    if not fault and offer.needs not in NEEDS:
        return f"{offer.name!r} needs {offer.needs!r}; it can need {' or '.join(NEEDS)}"
    return fault


def _command(offer: CommandSpec) -> str:
    if not isinstance(offer.path, tuple) or not offer.path:
        return f"the path of a command is a tuple of words, not {offer.path!r}"
    if not callable(offer.run) or _text_fault(offer, "help"):
        return f"the command {offer.path!r} needs a function to run and a text as its help"
    return next(filter(None, map(_slug_fault, offer.path)), "")


def _unwrapped(offer: Any, _guard: Guard) -> Any:
    return offer


@frozen
class PluginType:
    """
    One kind of offer.

    Attributes:
        name: The hook's name without ``register_`` ("augmentations").
        one: What one of them is called, with its article ("an augmentation").
        type: What it must be an instance of.
        fault: What else is wrong with an offer of that type, "" if nothing.
        wrap: The offer with its functions contained and checked by a guard.
        limited: False where a call may take long.
        whole: False where a call is a program of its own (:class:`~latentknobs.core.containment.calls.PluginCall`).
        key: The name it goes by.
    """

    name: str
    one: str
    type: Any
    fault: Callable[[Any], str]
    wrap: Callable[[Any, Guard], Any] = _unwrapped
    limited: bool = True
    whole: bool = True
    key: Callable[[Any], str] = lambda offer: offer.name

    @property
    def hook(self) -> str:
        """The hook that asks for it."""
        return f"register_{self.name}"

    def collect(self, offers: object) -> dict[str, Any]:
        """
        The offers of one plugin by name.

        Args:
            offers: What its hook returned.

        Raises:
            PluginError: They are not what the hook asks for; the message is a clause.
        """
        expected = f"it must return a list, and each item must be {self.one} ({self.type.__name__})"
        if isinstance(offers, str | bytes) or not isinstance(offers, Iterable):
            raise PluginError(f"{self.hook} returned {kind_of(offers)}; {expected}")
        out: dict[str, Any] = {}
        for offer in offers:
            if isinstance(offer, type):
                raise PluginError(f"{self.hook} returned the class {offer.__name__}; return {offer.__name__}()")
            if not isinstance(offer, self.type):
                raise PluginError(f"{self.hook} returned {kind_of(offer)} in its list; {expected}")
            if fault := self.fault(offer):
                raise PluginError(f"{self.hook}: {fault}")
            key = self.key(offer)
            if key in out:
                raise PluginError(f"{self.hook} returned two named {key!r}")
            out[key] = offer
        return out

    def guarded(self, offer: Any, owner: str = "", path: str | None = None, plugin: str = "NAME") -> Any:
        """
        An offer with its functions contained and checked.

        Args:
            offer: One of those collected.
            owner: Its plugin, for messages.
            path: The plugin's file.
            plugin: The plugin's name.
        """
        what = f"{self.one.partition(' ')[2]} {self.key(offer)!r}"
        guard = Guard(what, owner, path, plugin=plugin, limited=self.limited, whole=self.whole)
        return self.wrap(offer, guard)


_EXECUTOR = _has("open", "doc", "takes")
_CORPUS = _has("songs", "doc", "licence", "clip_format", "takes")
KINDS: tuple[PluginType, ...] = (
    PluginType("backends", "a backend", BackendFactory, _backend, validation.backend, limited=False),
    PluginType("augmentations", "an augmentation", Augmentation, _augmentation),
    PluginType("attributes", "an attribute", Attribute, _measure(*_TEXTS), validation.measured),
    PluginType("comparisons", "a comparison", Comparison, _measure("doc"), validation.measured),
    PluginType("bases", "a basis", Basis, _has("compute", "doc"), validation.basis),
    PluginType("selectors", "a selector", Selector, _has("select", "doc"), validation.selector),
    PluginType("fits", "a fit", Fit, _fit, validation.fit, limited=False),
    PluginType("metrics", "a metric", Metric, _metric, validation.metric, limited=False),
    PluginType("corpora", "a corpus", Corpus, _CORPUS, validation.corpus, limited=False),
    PluginType("executors", "an executor", ExecutorFactory, _EXECUTOR, validation.executor, limited=False),
    PluginType("frontends", "a front end", FrontendSpec, _frontend, validation.frontend, whole=False),
    PluginType(
        "commands",
        "a command",
        CommandSpec,
        _command,
        validation.command,
        whole=False,
        key=lambda offer: " ".join(offer.path),
    ),
)
