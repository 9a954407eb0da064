"""The knobs that come with the package: their file, in the package and at the checkout's top."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from latentknobs.core.files import write_file
from latentknobs.core.run import Run
from latentknobs.errors import UsageError
from latentknobs.registry import layered
from latentknobs.registry.store import KnobStore


def build(runs: Iterable[Run]) -> tuple[tuple[Path, ...], tuple[Run, ...]]:
    """
    Write the knobs of these runs, which are made one by one here, as the package's own: for ``make registry`` alone.

    The same seed gives the same rows, times apart.

    Returns:
        The two files that were written, and the runs.

    Raises:
        UsageError: This is no checkout; found out before the first run.
    """
    top = layered.PACKAGED.parents[2]
    if not (top / "pyproject.toml").is_file():
        raise UsageError(f"{top} is no checkout of latentknobs; the package's own knobs are rebuilt in one.")
    made = tuple(runs)
    with TemporaryDirectory() as folder:
        draft = Path(folder) / "registry.db"
        with KnobStore.open(draft, create=True, allow_built_in=True) as store:
            for run in made:
                store.save_run(run)
        data = draft.read_bytes()
    paths = (layered.PACKAGED, top / "registry.db")
    for path in paths:
        write_file(path, data, overwrite=True)
    return paths, made
