"""All checks of one plugin and their results, for ``plugins check`` and for pytest."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property, partial
from types import ModuleType
from typing import Any, Literal, TypeAlias

from attrs import define, field, frozen

from latentknobs.core.attribute import Attribute, Comparison
from latentknobs.core.backend import BackendFactory, VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.containment.contain import Containment
from latentknobs.core.format_capabilities import misfit, serves
from latentknobs.core.melody_format import MELODY, MELODY_FORMATS
from latentknobs.core.plugin_guard import sentence_of
from latentknobs.errors import LatentKnobsError, PluginError, UnknownNameError
from latentknobs.hooks.manager import Plugins
from latentknobs.hooks.plugin_status import PluginReport
from latentknobs.hooks.plugin_types import KINDS
from latentknobs.testing.checks import attributes, augmentations, backends, corpora, methods
from latentknobs.testing.checks.check_fixtures import (
    Check,
    CheckFixtures,
    LeftOut,
    name_of,
    need,
    offer_check,
    sample_kit,
)

State: TypeAlias = Literal["passed", "failed", "left out", "expected failure"]

CHECKS_OF: Mapping[str, tuple[Check, ...]] = {
    "augmentations": augmentations.CHECKS,
    "attributes": attributes.ATTRIBUTE_CHECKS,
    "comparisons": attributes.COMPARISON_CHECKS,
    "bases": methods.BASIS_CHECKS,
    "selectors": methods.SELECTOR_CHECKS,
    "corpora": corpora.CORPUS_CHECKS,
}
"""The checks of each kind of offer. A backend's are of its models; of other kinds only the offer is checked."""
OF_CLIPS = frozenset({"augmentations", "attributes", "comparisons", "corpora"})
"""Kinds that are of some clip formats and not of others."""
HEAVY = frozenset(
    {
        "alembic",
        "jax",
        "keras",
        "librosa",
        "matplotlib",
        "music21",
        "pandas",
        "scipy",
        "sklearn",
        "sqlalchemy",
        "tensorflow",
        "torch",
        "transformers",
    }
)
"""Packages that are slow to import; every command would wait for them."""
_IMPORT_PROBE = """
import importlib, json, os, random, sys
import numpy as np
import latentknobs.hooks.plugin_discovery as discovery
from pathlib import Path
modules, states = set(sys.modules), repr((random.getstate(), np.random.get_state()))
kind, place = sys.argv[1:]
discovery.file_candidate(Path(place)).load() if kind == "file" else importlib.import_module(place)
print("\\n" + json.dumps({
    "loaded": sorted({name.split(".")[0] for name in set(sys.modules) - modules}),
    "moved": states != repr((random.getstate(), np.random.get_state())),
}), flush=True)
os._exit(0)  # a thread that is left behind keeps no process from ending
"""


@frozen
class CheckResult:
    """
    What a check found.

    Attributes:
        name: The check ("preserved attributes hold"), with the offer and a colon before it for a whole plugin.
        state: passed, failed, left out (it does not apply) or expected failure (declared, with a reason).
        message: Why not passed, "" if passed.
    """

    name: str
    state: State
    message: str = field(default="")

    @property
    def ok(self) -> bool:
        """Whether it needs no attention."""
        return self.state != "failed"


@frozen(eq=False)
class Job:
    """
    One check of one offer of a plugin.

    Attributes:
        name: The offer and the check ("swing: preserved attributes hold"), or just the check for the whole plugin.
        work: Raises if it fails.
        expected: Why it is known to fail, "" if it should pass.
    """

    name: str
    work: Callable[[], None]
    expected: str = ""


def run(job: Job) -> CheckResult:
    """Run a check; nothing is raised but Ctrl-C. What changes the process fails it."""
    call = Containment(f"the check {job.name}", whole=False)  # of what a plugin does in it
    try:
        with call:
            job.work()
        need(not call.changes, f"It {'; it '.join(call.changes)}. A plugin leaves the program as it was.")
    except LeftOut as reason:
        return CheckResult(job.name, "left out", str(reason))
    except Exception as error:  # noqa: BLE001 - a plugin may raise anything, and that is a finding
        message = str(error) if isinstance(error, LatentKnobsError) else f"The check failed: {sentence_of(error)}."
        if job.expected:
            return CheckResult(job.name, "expected failure", f"{message} (Expected: {job.expected})")
        return CheckResult(job.name, "failed", message)
    if job.expected:
        message = f"It is declared to fail ({job.expected}) and passes: remove it from EXPECTED_FAILURES."
        return CheckResult(job.name, "failed", message)
    return CheckResult(job.name, "passed")


def run_checks(
    offer: Any,
    kit: Any,
    checks: Iterable[Check] = augmentations.CHECKS,
    expected_failures: Mapping[str, str] | None = None,
) -> tuple[CheckResult, ...]:
    """
    Every check's result; none is raised.

    Args:
        offer: What is checked, an augmentation unless ``checks`` are others.
        kit: What it is checked with (:func:`melody_kit`).
        checks: Which checks.
        expected_failures: Names of checks that are known to fail, each with the reason.
    """
    expected = expected_failures or {}
    jobs = (Job(name_of(check), partial(check, offer, kit), expected.get(name_of(check), "")) for check in checks)
    return tuple(run(job) for job in jobs)


def jobs_of(
    plugins: Plugins, report: PluginReport, kit: CheckFixtures | None = None, model: str = ""
) -> tuple[Job, ...]:
    """
    Every check of one plugin.

    A plugin may state ``EXPECTED_FAILURES = {"swing: preserved attributes hold": "the reason"}``.

    Args:
        plugins: Where it is loaded, beside what it relies on.
        report: Its status there.
        kit: What its offers are checked with; None = samples of every format of melodies or of one of the plugin's own,
            with all attributes and comparisons.
        model: BACKEND:FILE of a model of one of its backends to check too.

    Raises:
        UnknownNameError: The plugin has no such backend.
    """
    loading = Job("it loads", partial(_it_loads, report))
    if report.state not in ("loaded", "failed") or not report.hooks:
        return (loading,)
    plugin = plugins.loaded(report.name)
    light = Job("its import is light", partial(_its_import_is_light, report, plugin))
    if model:
        backends_of_it = plugins.offered_by(report.name).get("backends", {})
        if (backend := model.partition(":")[0]) not in backends_of_it:
            raise UnknownNameError("backend", backend, backends_of_it, f"of the plugin {report.name}")
    jobs = [loading, light, *_offers(plugins, report, _Kits(plugins, report, kit, model), model)]
    expected = getattr(plugin, "EXPECTED_FAILURES", {})
    if isinstance(expected, Mapping):
        jobs = [Job(job.name, job.work, expected.get(job.name, "")) for job in jobs]
    names = [job.name for job in jobs]
    return (*jobs, Job("its expected failures are checks", partial(_expected_are_checks, expected, names)))


@define(eq=False)
class _Kits:
    """What a plugin's offers are checked with: samples of the formats of melodies, else of those that it brings."""

    plugins: Plugins
    report: PluginReport
    only: CheckFixtures | None
    model: str

    @cached_property
    def melodies(self) -> CheckFixtures:
        return self.only or self._of(MELODY)

    def serving(self, offer: Any) -> tuple[CheckFixtures, ...]:
        """A kit of each format of melodies that an offer can be used on, else of one that the plugin brings, if any."""
        if serves(offer, self.melodies.clip_format):
            return (self.melodies, *(kit for kit in self._others if serves(offer, kit.clip_format)))
        if self.only is None:
            for clip_format in self._own_formats:
                with suppress(LeftOut):
                    if serves(offer, clip_format):
                        return (self._of(clip_format),)
        return ()

    @cached_property
    def _others(self) -> tuple[CheckFixtures, ...]:
        return () if self.only else tuple(self._of(one) for one in MELODY_FORMATS.values() if one != MELODY)

    def misfits(self, kind: str, offer: Any) -> str:
        """Why an offer can be used on none of the formats that there are samples of, a sentence for each."""
        known = getattr(self.plugins, kind)()
        formats = [self.melodies.clip_format, *(() if self.only else self._own_formats)]
        return " ".join(dict.fromkeys(filter(None, (misfit(offer, one, known) for one in formats))))

    def _of(self, clip_format: ClipFormat) -> CheckFixtures:
        return sample_kit(clip_format, self.plugins.attributes(), self.plugins.comparisons())

    @cached_property
    def _own_formats(self) -> list[ClipFormat]:
        """Of its augmentations and models; those that cannot be loaded are told by their own checks."""
        offers = self.plugins.offered_by(self.report.name)
        formats = [getattr(edit, "format", None) for edit in offers.get("augmentations", {}).values()]
        for factory in offers.get("backends", {}).values():
            named = [self.model.partition(":")[2]] if self.model.startswith(f"{factory.name}:") else []
            for location in (*named, *factory.shipped.values()):
                with suppress(LatentKnobsError):
                    formats.append(factory.load(location, "cpu").spec.clip_format)
        return [one for one in formats if isinstance(one, ClipFormat)]


def _offers(plugins: Plugins, report: PluginReport, kits: _Kits, model: str) -> Iterator[Job]:
    types = {plugin_type.name: plugin_type for plugin_type in KINDS}
    for kind, offers in plugins.offered_by(report.name).items():
        for name, handed_out in offers.items():
            # Built-ins are handed out as they are; here their results are checked like anybody's.
            direct = report.origin == "built-in"
            offer = types[kind].guarded(handed_out, f"plugin {report.name!r}") if direct else handed_out
            if kind == "backends":
                yield from _backend(plugins, offer, model)
            elif kind == "commands":
                yield Job(f"{name}: is an offer", _nothing)
            elif kind not in CHECKS_OF:
                yield Job(f"{name}: is an offer", partial(offer_check(kind), offer, None))
            elif not (serving := kits.serving(offer) if kind in OF_CLIPS else (kits.melodies,)):
                reason = f"{kits.misfits(kind, offer)} So there are no samples to check it on."
                yield Job(f"{name}: all checks", partial(_left_out, reason))
            else:
                for check in CHECKS_OF[kind]:
                    chosen = serving[:1] if kind == "corpora" else serving  # reading a corpus takes its time
                    yield Job(f"{name}: {name_of(check)}", partial(_on_each, check, offer, chosen))


def _on_each(check: Check, offer: Any, kits: tuple[CheckFixtures, ...]) -> None:
    """Run a check with each kit; what fails with another than the first says with which."""
    first, *others = kits
    check(offer, first)
    for kit in others:
        measure = isinstance(offer, Attribute | Comparison)  # an augmentation is told of the format at each call
        try:
            check(offer.for_format(kit.clip_format) if measure else offer, kit)
        except LeftOut:
            continue
        except LatentKnobsError as error:
            raise PluginError(f"On clips of {kit.clip_format.name}: {error}") from error


def _backend(plugins: Plugins, factory: BackendFactory, model: str) -> Iterator[Job]:
    yield Job(f"{factory.name}: is an offer", partial(offer_check("backends"), factory, None))
    models = dict(factory.shipped)
    if model.startswith(f"{factory.name}:"):
        models[model] = model.partition(":")[2]
    if not models:
        reason = f"It ships no model: name one with --model {factory.name}:FILE."
        yield Job(f"{factory.name}: all checks of a model", partial(_left_out, reason))
    for name, location in models.items():
        loaded = _LoadedModel(plugins, factory, location)
        yield Job(f"{name}: loads", loaded.load)
        for check in backends.BACKEND_CHECKS:
            yield Job(f"{name}: {name_of(check)}", partial(loaded.check, check))


@define(eq=False)
class _LoadedModel:
    """A model that is loaded once, for all of its checks."""

    plugins: Plugins
    factory: BackendFactory
    location: str
    _model: VAEBackend | None = field(default=None, init=False)

    def load(self) -> None:
        """Load it: the first of its checks."""
        self._model = self.factory.load(self.location, "cpu")

    def check(self, check: Check) -> None:
        """Run a check, left out where it did not load."""
        if self._model is None:
            raise LeftOut("it did not load.")
        clips = backends.sample_clips(self._model, self.plugins.corpora())
        check(self._model, backends.BackendFixtures(clips, backends.sample_codes(self._model, clips)))


def _nothing() -> None:
    """A command is checked when it is collected."""


def _left_out(reason: str) -> None:
    raise LeftOut(reason)


def _it_loads(report: PluginReport) -> None:
    need(report.state == "loaded" and not report.error, report.error or f"{report.name} is {report.state}.")


def _its_import_is_light(report: PluginReport, plugin: Any) -> None:
    name = plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
    kind, place = ("file", report.path or "") if report.origin == "file" else ("module", name)
    # A process of its own: here other plugins may have loaded anything.
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-P", "-c", _IMPORT_PROBE, kind, place]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)  # noqa: S603 - our own text
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without a message"])[-1]
        raise PluginError(f"In a process of its own it cannot be imported: {last}.")
    facts = json.loads(done.stdout.splitlines()[-1])
    heavy = sorted(HEAVY & set(facts["loaded"]))
    need(
        not heavy,
        f"Importing it loads {', '.join(heavy)}, for which every command would wait: import it in the function that "
        f"uses it{', and TorchBackend too' if 'torch' in heavy else ''}.",
    )
    need(
        not facts["moved"],
        "Importing it draws from or seeds a global random generator, which changes what others draw.",
    )


def _expected_are_checks(expected: object, names: list[str]) -> None:
    if not isinstance(expected, Mapping) or not all(isinstance(w, str) for pair in expected.items() for w in pair):
        raise PluginError("EXPECTED_FAILURES must be a dictionary of checks, as they are named here, and reasons.")
    for name, reason in expected.items():
        if name not in names:
            raise UnknownNameError("check", name, names, "for EXPECTED_FAILURES")
        need(reason.strip(), f"EXPECTED_FAILURES gives no reason for {name!r}.")
