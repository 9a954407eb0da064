"""
The plugins of one workbench.

Each plugin is loaded, registered and called on its own, so that a broken one is reported and the others work.
pluggy finds, checks and calls the implementations.
"""

from __future__ import annotations

import difflib
import logging
import os
import shlex
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy
from attrs import define, field

from latentknobs.core.containment.calls import PluginOverdue, PluginStopped
from latentknobs.errors import LatentKnobsError, PluginError, UnknownNameError
from latentknobs.hooks import PROJECT, import_marker, specs
from latentknobs.hooks.plugin_discovery import (
    NotAPlugin,
    PluginSource,
    builtin_candidates,
    check_api,
    entry_point_candidates,
    file_candidate,
    plugin_files,
    states_api,
)
from latentknobs.hooks.plugin_status import PluginReport, State
from latentknobs.hooks.plugin_types import KINDS, PluginType
from latentknobs.hooks.trust import is_trusted

if TYPE_CHECKING:
    from latentknobs.core.attribute import Attribute, Comparison
    from latentknobs.core.augmentation import Augmentation
    from latentknobs.core.backend import BackendFactory
    from latentknobs.core.containment.contain import Containment
    from latentknobs.core.corpus import Corpus
    from latentknobs.core.executor_specs import ExecutorFactory
    from latentknobs.core.frontend_specs import CommandSpec, FrontendSpec
    from latentknobs.core.knob import Knob
    from latentknobs.core.method_specs import Basis, Fit, Selector
    from latentknobs.core.metric_specs import Metric
    from latentknobs.core.run import Run

log = logging.getLogger(__name__)
_TOLD: set[Path] = set()
"""Folders of which this process has said that they are not trusted."""


class _Hung(Exception):  # noqa: N818 - not a fault of the program
    """A plugin hung, or ended the program, when it was loaded before."""


@define(eq=False)
class _Entry:
    candidate: PluginSource
    plugin: Any = None
    path: str | None = None
    hooks: set[str] = field(factory=set)
    state: State = "loaded"
    reasons: list[str] = field(factory=list)
    hung: bool = False

    @property
    def built_in(self) -> bool:
        """Whether it comes with the package: then its code is called directly."""
        return self.candidate.origin == "built-in"

    @property
    def label(self) -> str:
        where = f" ({self.path})" if self.path and self.candidate.origin == "file" else f" ({self.candidate.origin})"
        return f"plugin {self.candidate.name!r}{where}"

    def report(self) -> PluginReport:
        c = self.candidate
        error = " ".join(self.reasons) or None
        return PluginReport(c.name, c.version, c.origin, self.path, tuple(sorted(self.hooks)), self.state, error)


@define(eq=False)
class Plugins:
    """
    The plugins of one workbench and their offers; made by :meth:`build`.

    Offers of others' plugins are handed out with their calls contained and checked, those of built-ins as they are.

    Attributes:
        strict: Raise a PluginError instead of reporting a broken plugin.
        kinds: What plugins are asked for.
    """

    strict: bool = False
    kinds: tuple[PluginType, ...] = KINDS
    _manager: pluggy.PluginManager = field(factory=lambda: pluggy.PluginManager(PROJECT), init=False)
    _entries: list[_Entry] = field(factory=list, init=False)
    _offers: dict[str, dict[str, tuple[Any, _Entry]]] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._manager.add_hookspecs(specs)
        self._offers = {kind.name: {} for kind in KINDS}

    @classmethod
    def build(
        cls,
        builtins: Sequence[str],
        *,
        plugins_dir: Path | None,
        entry_points: bool = True,
        only_trusted: bool = False,
        strict: bool | None = None,
        kinds: Collection[str] = (),
    ) -> Plugins:
        """
        Load plugins: built-ins in the given order, entry points by name, local files by name.

        LATENTKNOBS_DISABLE lists plugins to leave out; LATENTKNOBS_PLUGINS, if set, lists the only entry points and
        files to load (both comma-separated).

        Args:
            builtins: Modules of the package's own plugins.
            plugins_dir: Folder of local files, None = no local files.
            entry_points: Whether to look at installed packages.
            only_trusted: Whether local files run only where they or their folder are trusted: nobody named the folder.
            strict: Raise instead of reporting; None = if LATENTKNOBS_STRICT is set and not 0.
            kinds: The kinds of offers that plugins are asked for, as "commands"; none = all.

        Raises:
            PluginError: Strict, and a plugin is broken.
        """
        if strict is None:
            strict = _is_set("LATENTKNOBS_STRICT")
        self = cls(strict=strict, kinds=tuple(kind for kind in KINDS if not kinds or kind.name in kinds))
        for candidate in builtin_candidates(builtins):
            self._add(candidate)
        if entry_points:
            for candidate in entry_point_candidates():
                self._add(candidate)
        untrusted = []
        for path in plugin_files(plugins_dir):
            if only_trusted and not is_trusted(path):
                untrusted += [path] if states_api(path) else []
            else:
                self._add(file_candidate(path))
        self._leave_out(untrusted)
        self._check_declared_names(self._entries)
        return self

    def register(self, module_or_object: Any, name: str) -> PluginReport:
        """
        Add a plugin that is already in memory.

        Raises:
            PluginError: Strict, and it is broken.
        """

        def load() -> Any:
            check_api(getattr(module_or_object, "LATENTKNOBS_API", None), required=False)
            return module_or_object

        return self._add_one(PluginSource(name, "object", load))

    def add_file(self, path: Path) -> PluginReport:
        """
        Add a local file from any folder; one that is already loaded stays as it is.

        Raises:
            PluginError: Strict, and it is broken.
        """
        for entry in self._entries:
            if entry.candidate.origin == "file" and entry.path and Path(entry.path).resolve() == path.resolve():
                return entry.report()
        candidate = file_candidate(path)
        import_marker.forget(candidate.identity)  # it was named, so it may try again
        return self._add_one(candidate)

    def forget_failure(self, name: str) -> bool:
        """
        Let a plugin that hung or ended the program be loaded again, by the next workbench; whether it had.

        Raises:
            UnknownNameError: There is no such plugin.
        """
        identity = self._entry(name).candidate.identity
        failed = bool(identity) and import_marker.has_failed(identity)
        if failed:
            import_marker.forget(identity)
        return failed

    # The offers by name, in the order of registration.

    def backends(self) -> dict[str, BackendFactory]:
        """Ways to load models."""
        return self._of("backends")

    def augmentations(self) -> dict[str, Augmentation]:
        """Edits."""
        return self._of("augmentations")

    def attributes(self) -> dict[str, Attribute]:
        """Numbers measured on one clip."""
        return self._of("attributes")

    def comparisons(self) -> dict[str, Comparison]:
        """Numbers measured on two clips."""
        return self._of("comparisons")

    def bases(self) -> dict[str, Basis]:
        """Bases of the latent space."""
        return self._of("bases")

    def selectors(self) -> dict[str, Selector]:
        """Rules that choose dimensions."""
        return self._of("selectors")

    def fits(self) -> dict[str, Fit]:
        """Ways to fit operators."""
        return self._of("fits")

    def metrics(self) -> dict[str, Metric]:
        """Measures of codes and of controls."""
        return self._of("metrics")

    def corpora(self) -> dict[str, Corpus]:
        """Sources of clips."""
        return self._of("corpora")

    def executors(self) -> dict[str, ExecutorFactory]:
        """Places where work is done."""
        return self._of("executors")

    def frontends(self) -> dict[str, FrontendSpec]:
        """Front ends."""
        return self._of("frontends")

    def widget(self, name: str) -> Callable[..., Any]:
        """
        What makes a notebook's widget of a session, by the name of its front end.

        Raises:
            UnknownNameError: No front end of that name has one.
        """
        known = {spec.name: spec.widget for spec in self.frontends().values() if spec.widget is not None}
        if name not in known:
            raise UnknownNameError("front end", name, known, "for notebooks")
        return known[name]

    def commands(self) -> tuple[CommandSpec, ...]:
        """Commands of the command line."""
        return tuple(self._of("commands").values())

    def reports(self) -> tuple[PluginReport, ...]:
        """The status of each plugin, in the order of loading."""
        return tuple(entry.report() for entry in self._entries)

    def report(self, name: str) -> PluginReport:
        """
        The status of the plugin of that name; of several, of the first.

        Raises:
            UnknownNameError: There is none.
        """
        return self._entry(name).report()

    def loaded(self, name: str) -> Any:
        """
        The plugin of that name itself, mostly a module; None if it could not be loaded.

        Raises:
            UnknownNameError: There is none.
        """
        return self._entry(name).plugin

    def offered_by(self, name: str) -> dict[str, dict[str, Any]]:
        """
        The offers of the plugin of that name: kind ("augmentations") to name to offer.

        Raises:
            UnknownNameError: There is no such plugin.
        """
        entry = self._entry(name)
        by_kind = {
            kind: {key: offer for key, (offer, owner) in offers.items() if owner is entry}
            for kind, offers in self._offers.items()
        }
        return {kind: offers for kind, offers in by_kind.items() if offers}

    def _entry(self, name: str) -> _Entry:
        for entry in self._entries:
            if entry.candidate.name == name:
                return entry
        raise UnknownNameError("plugin", name, (entry.candidate.name for entry in self._entries))

    def origin(self, kind: str, name: str) -> PluginReport:
        """
        The plugin of an offer.

        Args:
            kind: "augmentations", "fits", ...
            name: Name of the offer; of a command, its words separated by spaces.

        Raises:
            UnknownNameError: There is no such kind, or nothing of that name.
        """
        if kind not in self._offers:
            raise UnknownNameError("kind of offer", kind, self._offers)
        if name not in self._offers[kind]:
            raise UnknownNameError(kind, name, self._offers[kind])
        return self._offers[kind][name][1].report()

    # Observers: an error is logged and never stops the work.

    def run_finished(self, run: Run) -> None:
        """Notify plugins of a finished discovery."""
        self._notify("run_finished", run=run)

    def knob_saved(self, knob: Knob) -> None:
        """Notify plugins of a knob that is now in the registry."""
        self._notify("knob_saved", knob=knob)

    def _of(self, kind: str) -> dict[str, Any]:
        return {name: offer for name, (offer, _) in self._offers[kind].items()}

    def _add_one(self, candidate: PluginSource) -> PluginReport:
        entry = self._add(candidate)
        self._check_declared_names([entry])
        return entry.report()

    def _add(self, candidate: PluginSource) -> _Entry:
        entry = _Entry(candidate, path=candidate.path)
        self._entries.append(entry)
        if _switched_off(candidate):
            entry.state = "disabled"
            entry.reasons.append("It is switched off by LATENTKNOBS_DISABLE or LATENTKNOBS_PLUGINS.")
            return entry
        with import_marker.marked(candidate.identity, lambda: entry.hung):
            if self._contain(entry, "could not be loaded", partial(self._load, entry)):
                for kind in self.kinds:
                    if kind.hook in entry.hooks:
                        self._contain(entry, f"gives no {kind.name}", partial(self._collect, entry, kind))
        return entry

    def _leave_out(self, untrusted: Sequence[Path]) -> None:
        """Report local plugins that nobody has allowed to run."""
        if not untrusted:
            return
        folder = untrusted[0].parent
        how = f"latentknobs plugins trust {shlex.quote(str(folder))}"
        for path in untrusted:
            reason = f"It is not trusted, so it was not run: {how} allows this folder."
            self._entries.append(_Entry(file_candidate(path), path=str(path), state="disabled", reasons=[reason]))
        if folder.resolve() not in _TOLD:
            _TOLD.add(folder.resolve())
            what = "1 plugin was" if len(untrusted) == 1 else f"{len(untrusted)} plugins were"
            log.warning("%s not run, since the folder %s is not trusted: %s allows it.", what, folder, how)

    def _load(self, entry: _Entry) -> None:
        name = entry.candidate.name
        for other in self._entries:
            if other is not entry and other.candidate.name == name and other.plugin is not None:
                raise PluginError(f"{other.label} has the same name")
        start = time.perf_counter()
        identity = entry.candidate.identity
        if identity and import_marker.has_failed(identity):
            raise _Hung
        plugin = entry.candidate.load()
        _trace(entry, "loaded", start)
        entry.path = entry.path or getattr(plugin, "__file__", None)
        for other in self._entries:
            if other.plugin is plugin:
                raise PluginError(f"it is the same as {other.label}")
        hooks = self._implemented(plugin)
        try:
            self._manager.register(plugin, name)
        except BaseException:
            if self._manager.get_plugin(name) is plugin:  # pluggy before 1.7 keeps the half it had taken
                self._manager.unregister(plugin)
            raise
        entry.plugin, entry.hooks = plugin, hooks

    def _implemented(self, plugin: Any) -> set[str]:
        """The hooks that a plugin implements; a misspelt or unmarked one is an error."""
        known = {name for name in vars(specs) if getattr(getattr(specs, name), f"{PROJECT}_spec", None) is not None}
        hooks: set[str] = set()
        for attribute in dir(plugin):
            options = self._manager.parse_hookimpl_opts(plugin, attribute)
            if options is not None:
                hooks.add(options.get("specname") or attribute)
            elif attribute in known:
                raise PluginError(f"{attribute} is not marked as a hook: write @hookimpl above it")
        for name in sorted(hooks - known):
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"the hooks are {', '.join(sorted(known))}"
            raise PluginError(f"there is no hook {name!r}; {hint}")
        if not hooks:
            raise PluginError("it has no function marked with @hookimpl, so it offers nothing")
        return hooks

    def _call(self, entry: _Entry, hook: str, **arguments: Any) -> list[Any]:
        """Call one plugin's own implementation, with pluggy's rules for its arguments and wrappers."""
        others = [plugin for plugin in self._manager.get_plugins() if plugin is not entry.plugin]
        start = time.perf_counter()
        results: list[Any] = self._manager.subset_hook_caller(hook, remove_plugins=others)(**arguments)
        _trace(entry, hook, start)
        return results

    def _collect(self, entry: _Entry, kind: PluginType) -> None:
        entry.hooks.discard(kind.hook)  # in use once its offers are taken
        results = self._call(entry, kind.hook)
        offers = kind.collect(results[0] if results else None)
        taken = self._offers[kind.name]
        for name in offers:
            if name in taken:
                owner = taken[name][1]
                copy = owner.built_in and entry.candidate.origin == "file"
                advice = "; delete this file if it is a copy of that, else choose another name" if copy else ""
                raise PluginError(f"{kind.hook}: {owner.label} already offers {name!r}{advice}")
        if kind.name == "augmentations":
            self._check_knob_names(offers)
        for name, offer in offers.items():
            taken[name] = (
                offer if entry.built_in else kind.guarded(offer, entry.label, entry.path, entry.candidate.name),
                entry,
            )
        entry.hooks.add(kind.hook)

    def _check_knob_names(self, augmentations: Mapping[str, Augmentation]) -> None:
        """A knob belongs to one augmentation: another of its name would be stored in its place."""
        owners = {edit.knob_name: (name, owner.label) for name, (edit, owner) in self._offers["augmentations"].items()}
        for name, edit in augmentations.items():
            if edit.knob_name in owners:
                other, label = owners[edit.knob_name]
                raise PluginError(
                    f"register_augmentations: the knob name {edit.knob_name!r} of {name!r} is that of {other!r}, which "
                    f"{label} offers; choose another"
                )
            owners[edit.knob_name] = (name, "the same plugin")

    def _check_declared_names(self, entries: Sequence[_Entry]) -> None:
        """An augmentation's target, changes and preserves must be known attributes or comparisons."""
        measures = {*self._offers["attributes"], *self._offers["comparisons"]}

        def check(augmentation: Augmentation) -> None:
            if augmentation.target is not None and augmentation.target not in self._offers["attributes"]:
                raise UnknownNameError("attribute", augmentation.target, self._offers["attributes"])
            for name in sorted(augmentation.changes | augmentation.preserves):
                if name not in measures:
                    raise UnknownNameError("attribute or comparison", name, measures)

        offers = self._offers["augmentations"]
        for name, (augmentation, entry) in list(offers.items()):
            if entry in entries and not self._contain(
                entry, f"gives no augmentation {name!r}", partial(check, augmentation)
            ):
                for key in [key for key, (_, owner) in offers.items() if owner is entry]:
                    del offers[key]
                entry.hooks.discard("register_augmentations")

    def _contain(self, entry: _Entry, what: str, work: Callable[[], None]) -> bool:
        """Run a plugin's code; its errors go into its report, or are raised if strict."""
        call = _containment(entry, f"loading {entry.label}", loading=True)
        try:
            with call or nullcontext():
                work()
            if call is not None and call.changes:
                entry.reasons.append(f"When it was loaded, it {'; it '.join(call.changes)}.")
        except _Hung:
            entry.state = "disabled"
            check = f"latentknobs plugins check {shlex.quote(entry.path or entry.candidate.name)}"
            entry.reasons.append(
                _sentence(
                    f"{entry.label} hung or ended the program when it was loaded before: it is left out until it "
                    f"changes, or {check} passes"
                )
            )
            log.warning("%s", entry.reasons[-1])
        except NotAPlugin as error:
            entry.state = "skipped"
            entry.reasons.append(_sentence(str(error)))
        except Exception as error:
            # By its type: what else its class says may be a plugin's.
            entry.hung |= type(error) is PluginStopped and isinstance(error.__cause__, PluginOverdue)
            from latentknobs.core.plugin_guard import sentence_of, text_of

            own = issubclass(type(error), LatentKnobsError)
            clause = (own and text_of(error)) or sentence_of(error, entry.path)
            sentence = _sentence(f"{entry.label} {what}: {clause[0].lower()}{clause[1:]}")
            entry.state = "failed"
            entry.reasons.append(sentence)
            if self.strict:
                raise PluginError(sentence) from error
        else:
            return True
        return False

    def _notify(self, hook: str, **arguments: Any) -> None:
        for entry in self._entries:
            if hook in entry.hooks:
                try:
                    with _containment(entry, f"{hook} of {entry.label}") or nullcontext():
                        self._call(entry, hook, **arguments)
                except Exception as error:
                    from latentknobs.core.plugin_guard import sentence_of

                    if self.strict:
                        raise PluginError(f"{entry.label}, {hook}: {sentence_of(error, entry.path)}.") from error
                    log.warning("%s, %s: %s.", entry.label, hook, sentence_of(error, entry.path), exc_info=error)


def _containment(entry: _Entry, what: str, *, loading: bool = False) -> Containment | None:
    """What contains a call of a plugin's code, None = nothing: built-ins are called directly."""
    if entry.built_in:
        return None
    from latentknobs.core.containment.contain import Containment

    return Containment(what, entry.candidate.name, loading=loading)


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")


def _is_set(variable: str) -> bool:
    return os.environ.get(variable, "0") not in {"", "0"}


def _trace(entry: _Entry, what: str, start: float) -> None:
    """Print what was called and how long it took, if LATENTKNOBS_TRACE is set."""
    if _is_set("LATENTKNOBS_TRACE"):
        elapsed = 1000 * (time.perf_counter() - start)
        print(f"trace: {entry.label}: {what}, {elapsed:.1f} ms", file=sys.stderr)  # noqa: T201 - requested, on stderr


def _names(variable: str) -> Iterator[str]:
    return (name.strip() for name in os.environ.get(variable, "").split(",") if name.strip())


def _switched_off(candidate: PluginSource) -> bool:
    if candidate.name in _names("LATENTKNOBS_DISABLE"):
        return True
    listed = "LATENTKNOBS_PLUGINS" in os.environ and candidate.origin in {"entry point", "file"}
    return listed and candidate.name not in _names("LATENTKNOBS_PLUGINS")
