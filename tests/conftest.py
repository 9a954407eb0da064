"""What every test stands on: no trace of the user's settings, and a model without torch."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from latentknobs.core.experiment import Settings
from latentknobs.workbench import Workbench, load_plugins

pytest_plugins = [
    "latentknobs.testing.fixtures",
    "tests.postgres_server",
    "tests.tiny_discoveries",
    "tests.tiny_meters",
]  # from an installed package pytest has them without this line
# Machines differ, and run other work: no test fails for its time.
settings.register_profile("latentknobs", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("latentknobs")
TINY_PLUGIN = '''"""The tiny model and its corpus."""

from latentknobs.hooks import hookimpl
from latentknobs.testing.tiny import TINY, TinyCorpus

LATENTKNOBS_API = 1


@hookimpl
def register_backends():
    return [TINY]


@hookimpl
def register_corpora():
    return [TinyCorpus()]
'''


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the test's cache, registry and plugins; apart from ``tmp_path``, which tests find empty."""
    return tmp_path_factory.mktemp("own")


@pytest.fixture(autouse=True)
def own_settings(monkeypatch: pytest.MonkeyPatch, own: Path) -> None:
    """No LATENTKNOBS_ variable of the user's; cache, registry and plugins are the test's own."""
    for name in [name for name in os.environ if name.startswith("LATENTKNOBS_")]:
        monkeypatch.delenv(name)
    (own / "plugins").mkdir()
    monkeypatch.setenv("LATENTKNOBS_CACHE", str(own / "cache"))
    monkeypatch.setenv("LATENTKNOBS_CONFIG", str(own / "config"))
    monkeypatch.setenv("LATENTKNOBS_REGISTRY", str(own / "registry.db"))
    monkeypatch.setenv("LATENTKNOBS_PLUGINS_DIR", str(own / "plugins"))


@pytest.fixture
def plugins_dir(own: Path) -> Path:
    """The test's folder of local plugins, with the tiny model in it."""
    folder = own / "plugins"
    (folder / "tiny_model.py").write_text(TINY_PLUGIN)
    return folder


@pytest.fixture(scope="session")
def tiny_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry with the tiny model's pitch and rhythm knobs; read it, copy it, never write it."""
    top = tmp_path_factory.getbasetemp()
    # Of several processes one makes it, and the others wait: it takes longer than all other preparation together.
    folder = (top.parent if "PYTEST_XDIST_WORKER" in os.environ else top) / "tiny"
    path, done = folder / "registry.db", folder / "done"
    try:
        folder.mkdir()
    except FileExistsError:
        until = time.monotonic() + 600
        while not done.exists():
            assert time.monotonic() < until, "the process that makes the tiny model's registry has failed"
            time.sleep(0.2)
        return path
    (folder / "plugins").mkdir()
    (folder / "plugins" / "tiny_model.py").write_text(TINY_PLUGIN)
    with Workbench.open(str(path), plugins=load_plugins(folder / "plugins")) as workbench:
        settings = Settings(trial_clips=40, controls=100, control_clips=16, steps=16, halves=20, fits=("all",))
        for augmentation in ("transpose", "note-split"):
            workbench.discover(augmentation, corpus="tiny", model="tiny", clips=800, settings=settings)
    done.touch()
    return path


@pytest.fixture
def workbench(plugins_dir: Path, own: Path, tiny_registry: Path) -> Iterator[Workbench]:
    """A workbench with the tiny model and its two knobs."""
    shutil.copy(tiny_registry, own / "registry.db")
    with Workbench.open() as out:
        yield out


@pytest.fixture
def listing(tmp_path: Path, own: Path) -> Callable[[], dict[str, bytes]]:
    """Every file under the test's folders with its bytes, but for Python's own: what a command must not change."""

    def look() -> dict[str, bytes]:
        files = (path for top in (tmp_path, own) for path in sorted(top.rglob("*")) if path.is_file())
        return {str(path): path.read_bytes() for path in files if "__pycache__" not in path.parts}

    return look


@pytest.fixture
def two_threads() -> Iterator[None]:
    """Two threads for torch, which the fast tests otherwise run with one."""
    import torch  # only these tests need it

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)
