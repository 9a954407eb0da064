"""The knobs that come with the package: registry.db at the top of the checkout."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.atomic_write import write_file
from latentknobs.core.experiment import Settings
from latentknobs.core.run import Run
from latentknobs.errors import UsageError
from latentknobs.hooks.manager import Plugins
from latentknobs.registry.store import KnobStore
from latentknobs.workbench import BUILTINS, Workbench

SHIPPED_AUGMENTATIONS = (
    "transpose",
    "note-split",
    "inversion",
    "retrograde",
    "reflection",
    "rotation",
    "ornament",
    "register-fold",
    "thinning",
)
"""The edits whose knobs come with the package, in the order in which they are discovered."""
SHIPPED_CLIPS = 24_000
SHIPPED = Settings(trial_clips=300, sample_clips=SHIPPED_CLIPS, steps=1600)
"""What the package's own knobs are made with: more clips and longer training than an ordinary discovery."""


TOP = Path(__file__).parents[2]
"""The folder above the package."""


def checkout() -> Path:
    """
    The top of the source tree that this package is run from.

    Raises:
        UsageError: It is run from somewhere else, as an installed package is.
    """
    if not (TOP / "pyproject.toml").is_file():
        raise UsageError(f"{TOP} is no checkout of latentknobs; the package's own knobs are rebuilt in one.")
    return TOP


def plugins() -> Plugins:
    """
    What the package's own knobs are made with: the built-in plugins, and no others.

    Raises:
        UsageError: An edit is switched off.
        PluginError: A plugin is broken.
    """
    out = Plugins.build(BUILTINS, plugins_dir=None, entry_points=False, strict=True)
    if missing := [name for name in SHIPPED_AUGMENTATIONS if name not in out.augmentations()]:
        raise UsageError(f"No plugin offers {', '.join(missing)}: is LATENTKNOBS_DISABLE set?")
    return out


def build(
    workbench: Workbench,
    augmentations: Iterable[str] = SHIPPED_AUGMENTATIONS,
    model: str = DEFAULT_MODEL,
    *,
    clips: int = SHIPPED_CLIPS,
    seed: int = 0,
    settings: Settings = SHIPPED,
) -> tuple[Path, tuple[Run, ...]]:
    """
    Discover these edits and write their knobs as the package's own: for ``make registry`` alone.

    The same seed gives the same rows, times apart.

    Returns:
        The file that was written, and the runs.

    Raises:
        UsageError: This is no checkout; found out before the first run.
    """
    path = checkout() / "registry.db"
    runs = tuple(
        workbench.discover(name, model=model, clips=clips, seed=seed, settings=settings, keep=False)
        for name in augmentations
    )
    with TemporaryDirectory() as folder:
        draft = Path(folder) / "registry.db"
        with KnobStore.open(draft, create=True, allow_built_in=True) as store:
            for run in runs:
                store.save_run(run)
        write_file(path, draft.read_bytes(), overwrite=True)
    return path, runs
