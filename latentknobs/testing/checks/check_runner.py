"""Every check of one plugin, and what they found: behind ``plugins check`` and behind pytest alike."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import ModuleType
from typing import Any, Literal, TypeAlias

from attrs import field, frozen

from latentknobs.core.backend import BackendFactory
from latentknobs.core.melody_format import MELODY
from latentknobs.core.plugin_guard import sentence_of
from latentknobs.errors import LatentKnobsError, PluginError, UnknownNameError
from latentknobs.hooks.manager import Plugins
from latentknobs.hooks.plugin_status import PluginReport
from latentknobs.testing.checks import attributes, augmentations, backends, corpora, methods
from latentknobs.testing.checks.check_fixtures import Check, CheckFixtures, LeftOut, is_offer, melody_kit, name_of, need

State: TypeAlias = Literal["passed", "failed", "left out", "expected failure"]

CHECKS_OF: Mapping[str, tuple[Check, ...]] = {
    "augmentations": augmentations.CHECKS,
    "attributes": attributes.ATTRIBUTE_CHECKS,
    "comparisons": attributes.COMPARISON_CHECKS,
    "bases": methods.BASIS_CHECKS,
    "selectors": methods.SELECTOR_CHECKS,
    "corpora": corpora.CORPUS_CHECKS,
}
"""The checks of each kind of offer; a backend's are of its models, and other kinds are looked at as offers only."""
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
"""Packages that take long to import, which every command would wait for."""
_LOADED = """
import importlib, importlib.util, json, sys
import latentknobs.hooks.plugin_discovery as discovery
from pathlib import Path
before = set(sys.modules)
kind, place = sys.argv[1:]
discovery.file_candidate(Path(place)).load() if kind == "file" else importlib.import_module(place)
print("\\n" + json.dumps(sorted({name.split(".")[0] for name in set(sys.modules) - before})))
"""


@frozen
class CheckResult:
    """
    What a check found.

    Attributes:
        name: The check ("declared preserves hold"), after its offer and a colon where a whole plugin is checked.
        state: passed, failed, left out (it does not apply) or expected failure (declared, with a reason).
        message: Why not passed, "" where it has.
    """

    name: str
    state: State
    message: str = field(default="")

    @property
    def ok(self) -> bool:
        """Whether nothing is to be done about it."""
        return self.state != "failed"


@frozen(eq=False)
class Job:
    """
    One check of one offer of a plugin.

    Attributes:
        name: The offer and the check ("swing: declared preserves hold"), or the check alone of the plugin as a whole.
        work: Raises where it fails.
        expected: Why it is known to fail, "" where it should pass.
    """

    name: str
    work: Callable[[], None]
    expected: str = ""


def run(job: Job) -> CheckResult:
    """What a check finds; nothing is raised but Ctrl-C."""
    try:
        job.work()
    except LeftOut as reason:
        return CheckResult(job.name, "left out", str(reason))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything, and that is a finding
        message = str(error) if isinstance(error, LatentKnobsError) else f"The check failed: {sentence_of(error)}."
        if job.expected:
            return CheckResult(job.name, "expected failure", f"{message} (Expected: {job.expected})")
        return CheckResult(job.name, "failed", message)
    if job.expected:
        message = f"It is said to fail ({job.expected}) and passes: take it out of EXPECTED_FAILURES."
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


def jobs_of(plugins: Plugins, report: PluginReport, kit: CheckFixtures | None = None) -> tuple[Job, ...]:
    """
    Every check of one plugin.

    A plugin may state ``EXPECTED_FAILURES = {"swing: declared preserves hold": "why"}``.

    Args:
        plugins: Where it is loaded, beside what it relies on.
        report: What became of it there.
        kit: What its offers are checked with; None = samples of ``melody-2bar``, all attributes and comparisons.
    """
    loading = [Job("it loads", partial(_it_loads, report))]
    if report.state not in ("loaded", "failed") or not report.hooks:
        return tuple(loading)
    plugin = plugins.loaded(report.name)
    kit = kit or melody_kit(plugins.attributes(), plugins.comparisons())
    loading.append(Job("its import is light", partial(_its_import_is_light, report, plugin)))
    found = [*loading, *_offers(plugins, report.name, kit)]
    said = getattr(plugin, "EXPECTED_FAILURES", {})
    found = [Job(job.name, job.work, said.get(job.name, "")) for job in found] if isinstance(said, Mapping) else found
    names = [job.name for job in found]
    return (*found, Job("its expected failures are checks", partial(_expected_are_checks, said, names)))


def _offers(plugins: Plugins, plugin: str, kit: CheckFixtures) -> Iterator[Job]:
    for kind, offers in plugins.offered_by(plugin).items():
        for name, offer in offers.items():
            if kind == "backends":
                yield from _backend(offer)
            elif kind not in CHECKS_OF:
                yield Job(f"{name}: is an offer", partial(is_offer, kind, offer) if kind != "commands" else _nothing)
            elif getattr(offer, "clip_format", MELODY.name) != kit.clip_format.name:
                why = f"It is for clips of {offer.clip_format}, of which there are no samples here."
                yield Job(f"{name}: all checks", partial(_left_out, why))
            else:
                for check in CHECKS_OF[kind]:
                    yield Job(f"{name}: {name_of(check)}", partial(check, offer, kit))


def _backend(factory: BackendFactory) -> Iterator[Job]:
    yield Job(f"{factory.name}: is an offer", partial(is_offer, "backends", factory))
    if not factory.shipped:
        why = "It comes with no model, so none can be checked here: use BackendContract with one of yours."
        yield Job(f"{factory.name}: all checks of a model", partial(_left_out, why))
    for name, location in factory.shipped.items():
        load = functools.cache(partial(_model, factory, location))
        for check in backends.BACKEND_CHECKS:
            yield Job(f"{name}: {name_of(check)}", partial(_check_model, load, check))


def _model(factory: BackendFactory, location: str) -> tuple[Any, backends.BackendFixtures]:
    model = factory.load(location, "cpu")
    return model, backends.BackendFixtures(backends.sample_clips(model), backends.sample_codes(model))


def _check_model(load: Callable[[], tuple[Any, backends.BackendFixtures]], check: Check) -> None:
    check(*load())


def _nothing() -> None:
    """A command is looked at when it is collected; it has no more to it."""


def _left_out(why: str) -> None:
    raise LeftOut(why)


def _it_loads(report: PluginReport) -> None:
    need(report.state == "loaded", report.error or f"{report.name} is {report.state}.")


def _its_import_is_light(report: PluginReport, plugin: Any) -> None:
    name = plugin.__name__ if isinstance(plugin, ModuleType) else type(plugin).__module__
    kind, place = ("file", report.path or "") if report.origin == "file" else ("module", name)
    # A process of its own, since in this one others may have loaded anything.
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-P", "-c", _LOADED, kind, place]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=env)  # noqa: S603 - our own text
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise PluginError(f"In a process of its own it cannot be imported: {last}.")
    heavy = sorted(HEAVY & set(json.loads(done.stdout.splitlines()[-1])))
    need(
        not heavy,
        f"Importing it loads {', '.join(heavy)}, which every command would wait for: import inside the function.",
    )


def _expected_are_checks(said: object, names: list[str]) -> None:
    plain = isinstance(said, Mapping) and all(isinstance(word, str) for pair in said.items() for word in pair)
    if not isinstance(said, Mapping) or not plain:
        raise PluginError("EXPECTED_FAILURES must be a dictionary of checks, as they are named here, and reasons.")
    for name, why in said.items():
        if name not in names:
            raise UnknownNameError("check", name, names, "for EXPECTED_FAILURES")
        need(why.strip(), f"EXPECTED_FAILURES gives no reason for {name!r}.")
