"""The knobs that come with the package: registry.db at the top of the checkout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import evolve, frozen

from latentknobs.core.atomic_write import write_file
from latentknobs.core.experiment import Settings, UnsupervisedSettings
from latentknobs.core.run import Run
from latentknobs.errors import UsageError
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.hooks.manager import Plugins
from latentknobs.registry.store import KnobStore
from latentknobs.workbench import Workbench

SHIPPED_AUGMENTATIONS = (
    "transpose",
    "note-split",
    "inversion",
    "retrograde",
    "reflection",
    "rotation",
    "diatonic-inversion",
    "degree",
    "swap-mode",
    "smooth",
    "leap",
    "ornament",
    "register-fold",
    "thinning",
)
"""The edits whose knobs come with the package, in the order in which they are discovered."""
EVERY_FORMAT = (*SHIPPED_AUGMENTATIONS[:7], "degree", "ornament", "thinning")
"""Those of them that the models of other time signatures than 4/4 have knobs of too."""
SHIPPED_CLIPS = 24_000
SHIPPED = Settings(trial_clips=300, sample_clips=SHIPPED_CLIPS, steps=1600)
"""What the package's own knobs are made with: more clips and longer training than an ordinary discovery."""
UNAIDED = UnsupervisedSettings(trial_clips=300)
"""The same of the knobs that are found without an edit, of the first model."""
OWN_SETTINGS = {
    "degree": evolve(SHIPPED, layers=4, recombined=200_000, steps=8400),
    "swap-mode": evolve(SHIPPED, layers=4, recombined=400_000, steps=36_000),
    "smooth": evolve(SHIPPED, recombined=60_000, steps=9600),
    "leap": evolve(SHIPPED, layers=4, recombined=60_000, steps=4000),
    "ornament": evolve(SHIPPED, layers=4, recombined=360_000, steps=20_000),
    "thinning": evolve(SHIPPED, layers=4, recombined=240_000, steps=13_000),
    "register-fold": evolve(SHIPPED, fits=("mean", "gradient", "ridge")),
}
"""Edits that only a network learns, on recombined clips too; and one that none learns, whose network is left out."""
SHORT_SETTINGS = {
    "degree": evolve(OWN_SETTINGS["degree"], recombined=100_000, steps=3600),
    "ornament": evolve(OWN_SETTINGS["ornament"], recombined=120_000, steps=8000),
    "thinning": evolve(OWN_SETTINGS["thinning"], recombined=120_000, steps=8000),
}
"""The same for the models of other time signatures, whose clips have fewer steps: they learn these from less."""


OWN_CORPUS = {"degree": "folk+essen", "swap-mode": "folk+essen", "ornament": "folk+essen"}
"""Where more songs, of which a third more clips are taken, gave these more than longer training; the others: the
model's own."""


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


def shipped(models: Sequence[str]) -> tuple[tuple[str, str | None], ...]:
    """Model and edit of each run whose knobs come with the package, of the models that do; None = without an edit."""
    first, *others = models
    own = [(first, name) for name in (*SHIPPED_AUGMENTATIONS, None)]
    return (*own, *((model, name) for model in others for name in EVERY_FORMAT))


def settings_of(edit: str | None, *, short: bool = False) -> Settings:
    """
    What a knob that comes with the package is discovered with.

    Args:
        edit: Its augmentation; None = it is found without one.
        short: Whether its model is of another time signature than 4/4.
    """
    if edit is None:
        return UNAIDED
    own = OWN_SETTINGS.get(edit, SHIPPED)
    return SHORT_SETTINGS.get(edit, own) if short else own


@frozen(eq=False)
class BuildRuns:
    """
    The task on a model and an edit: discover the edit's knob, and store nothing.

    Attributes:
        workbench: Where it is discovered; in a worker, the worker's own.
        clips: See :func:`build`; the others too.
        seed: As above.
        settings: As above.
    """

    workbench: Workbench
    clips: int
    seed: int
    settings: Settings | None

    def prepare(self, item: tuple[str, str | None]) -> None:
        """Nothing is done beside the run before."""

    def work(self, item: tuple[str, str | None], prepared: None) -> Run:  # noqa: ARG002 - there is nothing
        """The run."""
        (model, name), seed = item, self.seed
        if name is None:
            return self.workbench.disentangle(model, clips=self.clips, seed=seed, settings=UNAIDED, keep=False)
        chosen = self.settings or settings_of(name, short=model != self.workbench.models.defaults[0])
        corpus = OWN_CORPUS.get(name)
        clips = self.clips * (4 if name in OWN_CORPUS else 3) // 3
        return self.workbench.discover(
            name, model=model, corpus=corpus, clips=clips, seed=seed, settings=chosen, keep=False
        )


def build(
    workbench: Workbench,
    knobs: Sequence[tuple[str, str | None]] = (),
    *,
    clips: int = SHIPPED_CLIPS,
    seed: int = 0,
    settings: Settings | None = None,
) -> tuple[Path, tuple[Run, ...]]:
    """
    Discover edits of models and write their knobs as the package's own: for ``make registry`` alone.

    The same seed gives the same rows, times apart.

    Args:
        workbench: Where they are discovered.
        knobs: Model and edit of each run, None = without an edit; () = :func:`shipped`.
        clips: Clips to look at for each.
        seed: Of everything.
        settings: Of the discoveries from edits; None = :func:`settings_of` each.

    Returns:
        The file that was written, and the runs.

    Raises:
        UsageError: This is no checkout; found out before the first run.
    """
    path = checkout() / "registry.db"
    wanted = knobs or shipped(workbench.models.defaults)
    runs: list[Run] = []
    for _, run in workbench.map(BuildRuns(workbench, clips, seed, settings), wanted):
        runs.append(run)
        workbench.progress("runs of the registry", len(runs), len(wanted))
    with TemporaryDirectory() as folder:
        draft = Path(folder) / "registry.db"
        with KnobStore.open(draft, create=True, allow_built_in=True) as store:
            for run in runs:
                store.save_run(run)
        write_file(path, draft.read_bytes(), overwrite=True)
    return path, tuple(runs)
