"""
Fixtures that pytest has wherever latentknobs is installed (the entry point ``pytest11``).

Importing this costs a test run nothing: what a fixture needs is imported when it is asked for.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from latentknobs.core.arrays import ClipBatch
    from latentknobs.hooks.manager import Plugins
    from latentknobs.testing.tiny import TinyBackend
    from latentknobs.workbench import Workbench


@pytest.fixture
def latentknobs_plugins(monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """The built-in plugins, strictly, and none of this machine's; add yours with ``register`` or ``add_file``."""
    from latentknobs.hooks.built_ins import BUILTINS
    from latentknobs.hooks.manager import Plugins

    for name in [name for name in os.environ if name.startswith("LATENTKNOBS_")]:
        monkeypatch.delenv(name)
    return Plugins.build(BUILTINS, plugins_dir=None, entry_points=False, strict=True)


@pytest.fixture
def tiny_backend() -> TinyBackend:
    """A model made by hand, without torch: what moves its codes is known exactly."""
    from latentknobs.testing.tiny import TinyBackend

    return TinyBackend()


@pytest.fixture
def sample_clips() -> ClipBatch:
    """Seeded clips of ``melody-2bar``, int16 (64, 32), none of them read from a file."""
    from latentknobs.testing.checks import melody_kit

    return melody_kit({}, {}).clips


@pytest.fixture
def tiny_workbench(latentknobs_plugins: Plugins, tmp_path: Path) -> Iterator[Workbench]:
    """
    A workbench with the tiny model and the tiny corpus (``model="tiny"``, ``corpus="tiny"``).

    Its registry is a new file under ``tmp_path``, its plugins those of ``latentknobs_plugins``.
    """
    from latentknobs.testing import tiny
    from latentknobs.workbench import Workbench

    latentknobs_plugins.register(tiny, "tiny")
    with Workbench.open(str(tmp_path / "registry.db"), plugins=latentknobs_plugins) as workbench:
        workbench.cache_dir = tmp_path / "cache"
        yield workbench
