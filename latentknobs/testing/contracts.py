"""
Contracts under pytest: subclass one as a ``Test...`` class and say what is under test.

:class:`PluginContract` takes a whole plugin of any kind; the others one augmentation or model made by the test.
Needs pytest (the extra ``plugin-dev``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

from latentknobs.attributes.plugin import register_attributes, register_comparisons
from latentknobs.core.arrays import ClipBatch, Codes
from latentknobs.core.augmentation import Augmentation
from latentknobs.core.backend import VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.format_capabilities import misfit, serves
from latentknobs.core.melody_format import MELODY, MELODY_FORMATS
from latentknobs.errors import PluginError
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.hooks.plugin_status import PluginReport
from latentknobs.testing.checks import (
    BACKEND_CHECKS,
    CHECKS,
    BackendFixtures,
    Check,
    CheckFixtures,
    CheckResult,
    Job,
    jobs_of,
    run,
    sample_kit,
)
from latentknobs.testing.checks.backends import checked_model, sample_clips, sample_codes
from latentknobs.testing.checks.check_fixtures import LeftOut, name_of


def report(result: CheckResult) -> None:
    """Tell pytest what a check found."""
    if result.state == "left out":
        pytest.skip(result.message)
    if result.state == "expected failure":
        pytest.xfail(result.message)
    if result.state == "failed":
        pytest.fail(f"{result.name}: {result.message}", pytrace=False)


class PluginContract:
    """
    Every check of ``latentknobs plugins check``, one test each.

    Attributes:
        plugin: The plugin's file, or its module; a name ("augmentations") = that built-in.
    """

    plugin: ClassVar[Path | ModuleType | str]

    @classmethod
    def load(cls) -> tuple[Plugins, PluginReport]:
        """The plugin beside the built-in ones; no other plugin of this machine is loaded."""
        plugins = Plugins.build(BUILTINS, plugins_dir=None, entry_points=False, strict=False)
        if isinstance(cls.plugin, Path):
            return plugins, plugins.add_file(cls.plugin)
        if isinstance(cls.plugin, str):
            return plugins, plugins.report(cls.plugin)
        return plugins, plugins.register(cls.plugin, cls.plugin.__name__)

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """One test for each check of each offer."""
        if "job" in metafunc.fixturenames:
            jobs = jobs_of(*self.load())
            metafunc.parametrize("job", jobs, ids=[job.name.replace(" ", "-") for job in jobs])

    def test_conformance(self, job: Job) -> None:
        """It passes every check of latentknobs.testing.checks."""
        report(run(job))


class AugmentationContract:
    """
    The promises of an augmentation, on samples of every format of melodies or of its own; override ``augmentation``.

    Attributes:
        expected_failures: Names of checks that are known to fail ("preserved attributes hold"), each with the reason.
    """

    expected_failures: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def augmentation(self) -> Augmentation:
        """The augmentation under test."""
        pytest.fail("override the fixture `augmentation` to return the augmentation under test")

    @pytest.fixture(params=MELODY_FORMATS)
    def kit(self, augmentation: Augmentation, request: pytest.FixtureRequest) -> CheckFixtures:
        """What it is checked with; override it to add attributes, comparisons or clips of your own."""
        clip_format: ClipFormat = MELODY_FORMATS[request.param]
        if not serves(augmentation, clip_format):
            if clip_format != MELODY:
                pytest.skip(misfit(augmentation, clip_format, {}))
            clip_format = getattr(augmentation, "format", MELODY)
        attributes, comparisons = register_attributes(), register_comparisons()
        return sample_kit(clip_format, {a.name: a for a in attributes}, {c.name: c for c in comparisons})

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    def test_conformance(self, augmentation: Augmentation, kit: CheckFixtures, check: Check) -> None:
        """It passes every check of latentknobs.testing.checks."""
        report(_checked(check, augmentation, kit, self.expected_failures))


class BackendContract:
    """
    The promises of a model; override ``backend``.

    Attributes:
        expected_failures: Names of checks that are known to fail ("codes are deterministic"), each with the reason.
    """

    expected_failures: ClassVar[Mapping[str, str]] = {}

    @pytest.fixture
    def backend(self) -> VAEBackend:
        """The model under test."""
        pytest.fail("override the fixture `backend` to return the model under test")

    @pytest.fixture
    def clips(self, backend: VAEBackend) -> ClipBatch:
        """Clips that it accepts; override it if the built-in samples are none."""
        try:
            return sample_clips(backend)
        except (LeftOut, PluginError) as error:
            pytest.fail(str(error), pytrace=False)

    @pytest.fixture
    def codes(self, backend: VAEBackend, clips: ClipBatch) -> Codes:
        """Codes as a person may turn to: drawn from the prior."""
        return sample_codes(backend, clips)

    @pytest.mark.parametrize("check", BACKEND_CHECKS, ids=lambda check: check.__name__)
    def test_conformance(self, backend: VAEBackend, clips: ClipBatch, codes: Codes, check: Check) -> None:
        """It passes every check of latentknobs.testing.checks."""
        report(_checked(check, checked_model(backend), BackendFixtures(clips, codes), self.expected_failures))


def _checked(check: Check, offer: Any, kit: Any, expected: Mapping[str, str]) -> CheckResult:
    name = name_of(check)
    return run(Job(name, lambda: check(offer, kit), expected.get(name, "")))
