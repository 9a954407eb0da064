"""What a person gets who installs the package, and the knobs that come with it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve, frozen

from latentknobs import scores
from latentknobs.backends.loader import DEFAULT_MODEL, DEFAULT_MODELS
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.registry.store import KnobStore
from latentknobs.scaffold import HOOKS
from latentknobs.workbench import Models, Plugins

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "latentknobs"
REGISTRY = ROOT / "registry.db"
MOST_BYTES = 2**24  # a network of four hidden layers takes 1 to 3 MB
UNAIDED = {
    f"{attribute}-auto"
    for attribute in ("mean-pitch", "pitch-range", "mean-interval", "contour-direction", "log2-onsets", "mean-onset")
}
"""Those of them that were found without an edit."""
KNOBS = {
    "pitch",
    "rhythm",
    "inversion",
    "reflection",
    "retrograde",
    "rotation",
    "diatonic-inversion",
    "degree",
    "mode",
    "smooth",
    "leap",
    "ornament",
    "register-fold",
    "thinning",
    *UNAIDED,
}
"""The knobs that come with the package."""
OTHERS = KNOBS - UNAIDED - {"mode", "smooth", "leap", "register-fold"}
"""Those of the models of 3/4 and 6/8."""


# The registry that is committed.


def test_the_registry_is_small():
    """It is in git, in the wheel and in the sdist: every rebuild is kept for ever."""
    assert REGISTRY.stat().st_size < MOST_BYTES


def test_the_registry_is_sound():
    """SQLite finds no fault in it; it is one file, whose journal leaves nothing beside it."""
    path = REGISTRY
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert path.read_bytes()[18:20] == b"\x01\x01", "the header says write-ahead log"
    assert [beside.name for beside in ROOT.glob("registry.db-*")] == []


def test_the_registry_is_marked_built_in():
    """Only make registry writes it."""
    assert KnobStore.open(REGISTRY).built_in


@pytest.mark.parametrize("model", DEFAULT_MODELS)
def test_the_shipped_knobs_are_those_of_the_shipped_models(model):
    """All are there for exactly the weights that are shipped; pitch and rhythm can be turned by what the docs turn."""
    models = Models(Plugins.build(BUILTINS, plugins_dir=None, entry_points=False).backends())
    spec = models.load(model, "cpu").spec
    knobs = {knob.name: knob for knob in KnobStore.open(REGISTRY).knobs(model_id=spec.model_id)}

    assert spec.name == model
    assert set(knobs) == (KNOBS if model == DEFAULT_MODEL else OTHERS)
    for knob in knobs.values():
        assert knob.operator is not None
        assert knob.operator.sha256 == knob.operator_sha256
        assert knob.dimensions
    assert knobs["pitch"].verdict == knobs["rhythm"].verdict == "accepted"
    assert knobs["rhythm"].low <= -1
    assert knobs["rhythm"].high >= 1
    assert (knobs["pitch"].low, knobs["pitch"].high) == (-12, 12)


def test_transposition_is_one_dimension_of_the_shipped_models():
    """docs/results/model.md says that it shifts the height exactly, at every amount, on test songs."""
    for pitch in KnobStore.open(REGISTRY).knobs(name="pitch"):
        assert (pitch.kind, len(pitch.dimensions)) == ("shift", 1)
        assert min(x.equivariance.value for x in pitch.evidence.test.amounts) > 0.99


# The wheel.


def _files(folder: Path) -> set[str]:
    """The files of the package in a folder, by their place in it; not Python's own, nor what the page is built of."""
    found = (path.relative_to(folder) for path in (folder / "latentknobs").rglob("*") if path.is_file())
    built_of = Path("latentknobs", "frontends", "web", "ui")
    return {str(path) for path in found if "__pycache__" not in path.parts and not path.is_relative_to(built_of)}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from it; of a copy, since building writes into its folder."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    shutil.copytree(PACKAGE, source / "latentknobs", ignore=shutil.ignore_patterns("__pycache__", "node_modules"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "registry.db"):
        shutil.copy(ROOT / name, source / name)
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The wheel."""
    (path,) = built.glob("*.whl")
    return path


@pytest.mark.slow
def test_the_sdist_holds_the_registry_once(built):
    """At the top, where a checkout has it, with all files of the package and what builds it."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        held = {str(Path(*Path(one.name).parts[1:])) for one in archive.getmembers() if one.isfile()}

    assert held >= _files(ROOT) | {"registry.db", "setup.py", "pyproject.toml", "LICENSE"}
    assert [name for name in held if name.endswith("registry.db")] == ["registry.db"]


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    """Every file of the package is in the wheel (model, card, theme, presets, migrations), the registry, no other."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
        licences = [name for name in archive.namelist() if name.endswith("/licenses/LICENSE")]

    assert held == _files(ROOT) | {"latentknobs/data/registry.db"}
    assert len(licences) == 1
    assert {
        "latentknobs/py.typed",
        "latentknobs/data/registry.db",
        "latentknobs/data/twinkle.mid",
        "latentknobs/data/waltz.mid",
        f"latentknobs/backends/gru_musicvae/models/{DEFAULT_MODEL}.safetensors",
        f"latentknobs/backends/gru_musicvae/models/{DEFAULT_MODEL}.json",
        "latentknobs/backends/training/presets/folk.toml",
        "latentknobs/backends/training/presets/paper.toml",
        "latentknobs/registry/migrations/env.py",
        "latentknobs/frontends/web/static/app.js",
    } <= held
    assert any(name.startswith("latentknobs/registry/migrations/versions/r0001") for name in held)


@frozen
class Installed:
    """An environment with the wheel, and a folder far from the checkout to work in."""

    bin: Path
    folder: Path
    env: dict[str, str]

    def run(self, program: str, *words: str, both: bool = False) -> str:
        """What a program of the environment prints on stdout, or on both, as it comes; it must succeed."""
        command = [str(self.bin / program), *words]
        err = subprocess.STDOUT if both else subprocess.PIPE
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=err, text=True, check=False, cwd=self.folder, env=self.env
        )
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout


def _install(folder: Path, *sources: Path) -> Installed:
    """A fresh environment with these installed; its dependencies are those of this one: nothing is downloaded."""
    place = folder / "venv"
    venv.create(place, with_pip=False, symlinks=True)
    # A folder that a .pth file adds has its own .pth files left alone: an editable latentknobs does not come with it.
    paths = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site,) = place.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text("".join(f"{path}\n" for path in sorted(paths)))
    (folder / "elsewhere").mkdir()
    out = Installed(place / "bin", folder / "elsewhere", _environment(folder))
    _add(out, *sources)
    return out


ELSEWHERE = ("LATENTKNOBS_", "PYTHON", "PYTEST_XDIST", "XDG_")
"""What the variables of this environment begin with that another one lacks."""


def _environment(folder: Path) -> dict[str, str]:
    """The variables of somebody who has set nothing of ours, with a home of their own."""
    (folder / "home").mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith(ELSEWHERE)}
    return {**env, "HOME": str(folder / "home")}


def _add(installed: Installed, *sources: Path) -> None:
    command = [sys.executable, "-m", "pip", "--python", str(installed.bin / "python"), "install", "--no-deps"]
    command += ["--no-index", "--no-build-isolation", *map(str, sources)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=installed.env)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The wheel in a fresh environment."""
    return _install(tmp_path_factory.mktemp("installed"), wheel)


@pytest.mark.slow
def test_it_is_the_installed_package(installed):
    """What these tests run is the wheel's package and not the checkout's."""
    found = installed.run("python", "-c", "import latentknobs; print(latentknobs.__file__)")

    assert Path(found.strip()).is_relative_to(installed.bin.parent)


@pytest.mark.slow
def test_help(installed):
    """The console script is there and names its commands."""
    text = installed.run("latentknobs", "--help")

    assert all(word in text for word in ("discover", "turn", "knobs", "train"))


@pytest.mark.slow
def test_the_knobs_come_with_it(installed):
    """The shipped knobs are listed in a folder without a registry, and none is made there."""
    knobs = json.loads(installed.run("latentknobs", "knobs", "list", "--json"))

    assert {knob["name"] for knob in knobs} == KNOBS
    for knob in knobs:
        assert {"model", "augmentation", "kind", "fit", "unit", "step", "low", "high", "verdict"} <= set(knob)
        assert all({"dim", "share", "weight"} == set(dimension) for dimension in knob["dimensions"])
    assert not list(installed.folder.glob("*.db*"))


@pytest.mark.slow
def test_twinkle_is_turned(installed):
    """Three semitones up on the theme give a MIDI file whose notes are about so much higher."""
    installed.run("latentknobs", "turn", "--knob", "pitch=+3", "-o", "x.mid")
    pitches = [note.pitch for note in scores.read_piece(installed.folder / "x.mid").notes]

    assert np.mean(pitches) - np.mean([note.pitch for note in scores.twinkle().notes]) == pytest.approx(3, abs=0.5)
    assert [path.name for path in installed.folder.iterdir()] == ["x.mid"]


@pytest.mark.slow
def test_a_pack_turns_elsewhere_as_where_it_was_made(installed, tmp_path):
    """Made in one folder, and added in another by somebody who has the wheel only: the same turns to the byte."""
    author, reader = (evolve(installed, folder=tmp_path / name) for name in ("author", "reader"))
    for one in (author, reader):
        one.folder.mkdir()
    pack = str(tmp_path / "pack.zip")
    author.run("latentknobs", "knobs", "export", "pitch", "rhythm", "-o", "knobs.json")
    author.run("latentknobs", "knobs", "import", "knobs.json")
    for old, new in {"pitch": "height", "rhythm": "bustle"}.items():
        author.run("latentknobs", "knobs", "rename", old, new)
    author.run("latentknobs", "pack", "height", "bustle", "-o", pack)
    reader.run("latentknobs", "add", pack)
    for one in (author, reader):
        one.run("latentknobs", "turn", "-k", "height=-2", "-k", "bustle=+1", "-o", "turned.mid")

    first, second = ((one.folder / "turned.mid").read_bytes() for one in (author, reader))
    assert first == second
    assert sorted(path.name for path in reader.folder.iterdir()) == ["registry.db", "turned.mid"]


@pytest.mark.slow
def test_the_doctor_finds_it_well(installed):
    """Doctor, from the installed package, finds the model, the registry and every plugin."""
    facts = json.loads(installed.run("latentknobs", "doctor", "--json"))

    assert DEFAULT_MODEL in facts["models"]
    assert set(facts["plugins"].values()) == {"loaded"}
    shipped = len(KNOBS) + (len(DEFAULT_MODELS) - 1) * len(OTHERS)
    assert any(f"{shipped} knobs" in text for text in facts["registry"].values())
    assert "missing" not in facts["packages"].values()


# New plugins, beside the wheel.


@pytest.fixture(scope="module")
def author(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """
    The wheel in an environment of a plugin author's own, in an empty folder.

    LATENTKNOBS_INSTALLED names the programs of an environment that has it: .ci/release-check's.
    """
    folder = tmp_path_factory.mktemp("author")
    if bin_folder := os.environ.get("LATENTKNOBS_INSTALLED"):
        return Installed(Path(bin_folder), folder, _environment(folder))
    return _install(folder, request.getfixturevalue("wheel"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", HOOKS)
def test_a_new_package_is_installed_and_runs(author, kind):
    """What plugins new --package writes installs, loads, passes its own tests unchanged, and keeps its promises."""
    name = f"my-{kind}"
    author.run("latentknobs", "plugins", "new", name, "--kind", kind, "--package")
    top = author.folder / f"latentknobs-{name}"
    _add(author, top)

    shown = json.loads(author.run("latentknobs", "plugins", "show", name, "--json"))
    tests = author.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-W", "error", str(top / "tests"))
    checked = author.run("latentknobs", "plugins", "check", name)

    assert (shown["state"], shown["origin"], shown["version"]) == ("loaded", "entry point", "0.1.0")
    assert [offer["kind"] for offer in shown["offers"]] == [HOOKS[kind]]
    assert " passed" in tests
    assert " failed" not in tests
    assert f"{name}: " in checked.splitlines()[-1]


@pytest.mark.slow
def test_a_new_package_builds(author):
    """Python -m build makes its sdist and, from that, its wheel, without network; they hold the plugin and its card."""
    author.run("latentknobs", "plugins", "new", "built", "--package")
    top = author.folder / "latentknobs-built"
    command = [sys.executable, "-m", "build", "--no-isolation", str(top)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=author.env)

    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next((top / "dist").glob("*.whl"))) as archive:
        text = {name.rpartition("/")[2]: archive.read(name).decode() for name in archive.namelist()}
    assert "register_augmentations" in text["__init__.py"]
    assert "built = latentknobs_built" in text["entry_points.txt"]
    assert 'Requires-Dist: latentknobs[plugin-dev]; extra == "test"' in text["METADATA"]
    assert len(list((top / "dist").glob("*.tar.gz"))) == 1


@pytest.mark.slow
def test_pytest_has_our_fixtures_where_we_are_installed(author):
    """The entry point pytest11 brings them, without a line in anybody's conftest."""
    (author.folder / "test_fixtures.py").write_text(
        "def test_it(tiny_workbench, sample_clips, tiny_backend):\n"
        "    tiny_workbench.plugins.augmentations()['transpose']\n"
        "    assert tiny_backend.encode(sample_clips).mean.shape == (64, 24)\n",
        encoding="utf-8",
    )

    assert "1 passed" in author.run("python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_fixtures.py")


NUMBER = re.compile(r"\d+(\.\d+)?")
"""What may differ on another machine."""


def _transcript(section: str) -> list[tuple[str, list[str]]]:
    """Each command of a section's console block with what is shown of its output: parts, where lines were left out."""
    block = section.partition("```console\n")[2].partition("```")[0]
    found = [part.partition("\n") for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, re.split(r"^\.\.\.\n", shown, flags=re.MULTILINE)) for command, _, shown in found]


@pytest.mark.slow
def test_the_transcript_of_a_plugins_author_is_true(author, tmp_path):
    """From plugins new to the verdict in five commands, as docs/how-to/plugins.md shows it, from the wheel alone."""
    text = (ROOT / "docs" / "how-to" / "plugins.md").read_text(encoding="utf-8")
    section = text.split("\n## From an idea to a verdict\n")[1].split("\n## ")[0]
    transcript = _transcript(section)
    here = evolve(author, folder=tmp_path, env={**author.env, "PYTHONUNBUFFERED": "1", "OMP_NUM_THREADS": "1"})

    for command, parts in transcript:
        printed = here.run(*shlex.split(command), both=True)
        left = NUMBER.sub("0", printed)
        for part in (NUMBER.sub("0", part) for part in parts if part):
            assert part in left, f"{command} printed\n{printed}"
            left = left.partition(part)[2]

    assert len(transcript) <= 5
    assert any(command.startswith("latentknobs discover lift ") for command, _ in transcript)
    assert [knob["verdict"] for knob in json.loads(here.run("latentknobs", "knobs", "list", "lift", "--json"))] == [
        "accepted"
    ]
    assert (tmp_path / "lift.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "lift.mid").read_bytes().startswith(b"MThd")
