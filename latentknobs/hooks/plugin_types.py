"""
What each ``register_`` hook may offer, and the check that an offer is valid.

The types of offers are imported when one of the kind is collected: help asks for commands alone.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrs import frozen

from latentknobs.errors import PluginError
from latentknobs.hooks import PROJECT

if TYPE_CHECKING:
    from latentknobs.core.backend import BackendFactory
    from latentknobs.core.frontend_specs import CommandSpec
    from latentknobs.core.method_specs import Fit
    from latentknobs.core.metric_specs import Metric

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]*")
_TEXTS = ("unit", "doc")


def _kind_of(value: object) -> str:
    from latentknobs.core.plugin_guard import kind_of

    return kind_of(value)


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
    from latentknobs.core.format_capabilities import needs_of

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
    from latentknobs.core.composition import CompositeAugmentation
    from latentknobs.core.knob import RESERVED_NAMES, UNAIDED

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
    from latentknobs.core.knob import ARRAYS

    fault = _has("fit", "doc")(offer)
    if not fault and offer.kind not in ARRAYS:
        return f"{offer.name!r} gives operators of kind {offer.kind!r}; the kinds are {', '.join(ARRAYS)}"
    return fault


def _metric(offer: Metric) -> str:
    from latentknobs.core.metric_specs import NEEDS

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


@frozen
class PluginType:
    """
    One kind of offer.

    Attributes:
        name: The hook's name without ``register_`` ("augmentations").
        one: What one of them is called, with its article ("an augmentation").
        home: What it must be an instance of, a class by its place in the package ("core.backend.BackendFactory").
        fault: What else is wrong with an offer of that type, "" if nothing.
        wrap: The function of :mod:`latentknobs.hooks.validation` that has the offer's functions contained and checked
            by a guard, "" = it is handed out as it is.
        limited: False where a call may take long.
        whole: False where a call is a program of its own (:class:`~latentknobs.core.containment.calls.PluginCall`).
        key: The name it goes by.
    """

    name: str
    one: str
    home: str
    fault: Callable[[Any], str]
    wrap: str = ""
    limited: bool = True
    whole: bool = True
    key: Callable[[Any], str] = lambda offer: offer.name

    @property
    def hook(self) -> str:
        """The hook that asks for it."""
        return f"register_{self.name}"

    @property
    def type(self) -> Any:
        """What an offer must be an instance of."""
        module, _, name = self.home.rpartition(".")
        return getattr(import_module(f"{PROJECT}.{module}"), name)

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
            raise PluginError(f"{self.hook} returned {_kind_of(offers)}; {expected}")
        out: dict[str, Any] = {}
        for offer in offers:
            if isinstance(offer, type):
                raise PluginError(f"{self.hook} returned the class {offer.__name__}; return {offer.__name__}()")
            if not isinstance(offer, self.type):
                raise PluginError(f"{self.hook} returned {_kind_of(offer)} in its list; {expected}")
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
        if not self.wrap:
            return offer
        from latentknobs.core.plugin_guard import Guard
        from latentknobs.hooks import validation

        what = f"{self.one.partition(' ')[2]} {self.key(offer)!r}"
        guard = Guard(what, owner, path, plugin=plugin, limited=self.limited, whole=self.whole)
        return getattr(validation, self.wrap)(offer, guard)


_EXECUTOR = _has("open", "doc", "takes")
_CORPUS = _has("songs", "doc", "licence", "clip_format", "takes")
KINDS: tuple[PluginType, ...] = (
    PluginType("backends", "a backend", "core.backend.BackendFactory", _backend, "backend", limited=False),
    PluginType("augmentations", "an augmentation", "core.augmentation.Augmentation", _augmentation),
    PluginType("attributes", "an attribute", "core.attribute.Attribute", _measure(*_TEXTS), "measured"),
    PluginType("comparisons", "a comparison", "core.attribute.Comparison", _measure("doc"), "measured"),
    PluginType("bases", "a basis", "core.method_specs.Basis", _has("compute", "doc"), "basis"),
    PluginType("selectors", "a selector", "core.method_specs.Selector", _has("select", "doc"), "selector"),
    PluginType("fits", "a fit", "core.method_specs.Fit", _fit, "fit", limited=False),
    PluginType("metrics", "a metric", "core.metric_specs.Metric", _metric, "metric", limited=False),
    PluginType("corpora", "a corpus", "core.corpus.Corpus", _CORPUS, "corpus", limited=False),
    PluginType("executors", "an executor", "core.executor_specs.ExecutorFactory", _EXECUTOR, "executor", limited=False),
    PluginType("frontends", "a front end", "core.frontend_specs.FrontendSpec", _frontend, "frontend", whole=False),
    PluginType(
        "commands",
        "a command",
        "core.frontend_specs.CommandSpec",
        _command,
        "command",
        whole=False,
        key=lambda offer: " ".join(offer.path),
    ),
)
