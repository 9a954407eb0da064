"""What ``plugins new`` writes works as it stands: it passes its own tests, and our checks of style."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

import latentknobs
from latentknobs.errors import UsageError
from latentknobs.hooks import HOOK_API
from latentknobs.scaffold import HOOKS, TEMPLATES, new_plugin

ROOT = Path(latentknobs.__file__).parents[1]


def write(folder, kind, *, package=False):
    """A new plugin of this kind, written out."""
    for place, text in new_plugin(f"my-{kind}", kind, package=package).items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A single file of each kind, and a package of each kind, with their tests."""
    folder = tmp_path_factory.mktemp("new")
    for kind in HOOKS:
        write(folder, kind)
        write(folder, kind, package=True)
    return folder


def run_in(folder, *words):
    """Run a module of this environment in a folder."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    environ["PYTHONPATH"] = str(ROOT)
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_new_plugins_pass_their_own_tests(written):
    """A single file of each kind, unchanged, under pytest with warnings as errors."""
    done = run_in(written, "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", "tests")

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count(" failed") == 0


@pytest.mark.slow
def test_a_new_package_passes_its_own_tests_before_it_is_installed(written):
    """Its pyproject tells pytest where it is."""
    done = run_in(written / "latentknobs-my-augmentation", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error")

    assert done.returncode == 0, done.stdout + done.stderr


def test_new_plugins_are_formatted(written):
    """Nobody has to tidy up first."""
    for words in (("format", "--check"), ("check", "--select=E,F,W,D,UP,B,N", "--ignore=D203,D212,D407")):
        done = run_in(written, "ruff", *words, "--isolated", "--line-length=120", "--no-cache", ".")
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", HOOKS)
def test_a_new_plugin_states_this_version_of_the_hooks(kind):
    """And the hook of its kind."""
    (plugin, _) = new_plugin("swing", kind).values()

    assert f"\nLATENTKNOBS_API = {HOOK_API}\n" in plugin
    assert f"@hookimpl\ndef register_{HOOKS[kind]}():" in plugin


def test_a_package_has_its_entry_point():
    """Its pyproject is TOML, and names the module in the group that is looked at."""
    texts = new_plugin("register-fold", "augmentation", package=True)
    facts = tomllib.loads(texts["latentknobs-register-fold/pyproject.toml"])

    assert set(texts) == {
        f"latentknobs-register-fold/{name}"
        for name in (
            "pyproject.toml",
            "README.md",
            ".github/workflows/tests.yml",
            "latentknobs_register_fold/__init__.py",
            "tests/test_latentknobs_register_fold.py",
        )
    }
    assert facts["project"]["entry-points"]["latentknobs"] == {"register-fold": "latentknobs_register_fold"}
    assert facts["tool"]["setuptools"]["packages"] == ["latentknobs_register_fold"]


def test_every_template_is_used():
    """Two for each kind, and three for packages."""
    names = {f"{place}{kind}.py.txt" for place in ("", "test_") for kind in HOOKS}

    assert {path.name for path in TEMPLATES.iterdir()} == names | {
        "pyproject.toml.txt",
        "README.md.txt",
        "tests.yml.txt",
    }


def test_a_package_is_tested_against_the_released_and_the_next_version():
    """Its workflow is YAML; the tests and the check run on both, and the next one may fail."""
    texts = new_plugin("register-fold", "augmentation", package=True)
    (job,) = yaml.safe_load(texts["latentknobs-register-fold/.github/workflows/tests.yml"])["jobs"].values()
    commands = [step["run"] for step in job["steps"] if "run" in step]

    assert job["strategy"]["matrix"] == {"latentknobs": ["released", "next"]}
    assert job["continue-on-error"] == "${{ matrix.latentknobs == 'next' }}"
    assert commands[-2:] == ["pytest -W error", "latentknobs plugins check register-fold"]


@pytest.mark.parametrize("name", ["", "Swing", "2nd", "my swing", "swing-", "../swing", "swing.py", "swi$ng", "random"])
def test_what_is_no_name_is_refused(name):
    """Such a name would not load, or would lead elsewhere."""
    with pytest.raises(UsageError, match="name"):
        new_plugin(name, "augmentation")


def test_a_knob_name_of_others_is_refused():
    """What ends as the names of knobs found without an edit is theirs."""
    with pytest.raises(UsageError, match="-auto"):
        new_plugin("pitch-auto", "augmentation")
    assert new_plugin("pitch-auto", "attribute")


def test_there_is_no_template_of_other_kinds():
    """The kinds are named."""
    with pytest.raises(UsageError, match="augmentation, attribute, selector, basis, backend, corpus, frontend"):
        new_plugin("swing", "metric")
