import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import latentknobs
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import sample_run

NOBODY = 65534


@pytest.fixture
def path(tmp_path):
    """Where a registry may be made."""
    return tmp_path / "registry.db"


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    """Made once, to be copied."""
    path = tmp_path_factory.mktemp("template") / "registry.db"
    KnobStore.open(path).save_run(sample_run())
    return path


@pytest.fixture
def saved(path, template):
    """A registry file that holds one run."""
    shutil.copyfile(template, path)
    return path


@pytest.fixture
def start():
    """Starts a Python program that imports this checkout; what still runs at the end is killed."""
    running = []

    def start(code, *arguments):
        env = os.environ | {"PYTHONPATH": str(Path(latentknobs.__file__).parents[1])}
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, arguments)],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


@pytest.fixture
def unprivileged():
    """A folder, and a user whom file permissions bind: root, who may write anything, becomes nobody for a while."""
    # Not tmp_path: only its owner may enter that.
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    KnobStore.open(folder / "first.db").save_run(sample_run())  # imports what it needs while that may be read
    try:
        if root:
            for file in (folder, *folder.iterdir()):
                os.chown(file, NOBODY, -1)
            os.seteuid(NOBODY)
        yield folder
    finally:
        if root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)
