"""Decoupling the knobs of a registry: reads them and their corpora, and stores what was changed as runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from attrs import evolve

from latentknobs.analysis.decoupling import decouple as decoupled
from latentknobs.analysis.decoupling_data import DecouplingSubject
from latentknobs.analysis.decoupling_result import Decoupling
from latentknobs.core.experiment import Settings
from latentknobs.core.knob import Knob
from latentknobs.errors import UsageError

if TYPE_CHECKING:
    from latentknobs.workbench import Workbench


def decouple(
    workbench: Workbench,
    names: Iterable[str],
    model: str,
    corpus: str | None,
    clips: int,
    seed: int,
    settings: Settings,
    *,
    every_clip: bool,
    save: bool,
) -> Decoupling:
    """
    Have knobs of a model leave one another's targets alone; see :func:`latentknobs.analysis.decoupling.decouple`.

    Args:
        workbench: Has models, corpora and knobs.
        names: Names of two current knobs or more; their order does not matter.
        model: Name or location of the model.
        corpus: As for :meth:`Workbench.songs`; None = for each knob the one it was found on.
        clips: Clips of all splits together, asked of each corpus.
        seed: The same seed gives the same result.
        settings: Everything else that the result depends on.
        every_clip: Measure leakage also on clips that the edit itself cannot be applied to.
        save: Prove each knob that was changed by the gates of a discovery, on the same clips, and store it as a
            run of its own, under the same name. It becomes current as any knob does.

    Raises:
        UnknownNameError: No knob, corpus or model of that name.
        UsageError: Fewer than two knobs, two with one target, or one without a target or a usable range.
        DiscoveryError: The corpus gives too few clips, or to save, too few pairs.
        RegistryError: The registry keeps only the hash of a knob's operator, or cannot be written.
    """
    if save:
        workbench.registry.check_writable()
    knobs = [workbench.knob(name, model) for name in names]
    corpora = {knob.name: corpus or workbench.registry.run(knob.run_id).spec.corpus for knob in knobs}
    subjects = [_subject(workbench, knob, model, corpora[knob.name], clips, seed) for knob in knobs]
    progress = workbench.progress
    found = decoupled(workbench.model(model), subjects, settings, seed, every_clip=every_clip, progress=progress)
    runs = [
        workbench.discover(
            one.augmentation,
            corpus=corpora[one.knob.name],
            model=model,
            clips=clips,
            seed=seed,
            settings=settings,
            decoupled=one,
        )
        for one in found.knobs
        if save and one.changed
    ]
    return evolve(found, runs=tuple(runs))


def _subject(workbench: Workbench, knob: Knob, model: str, corpus: str, clips: int, seed: int) -> DecouplingSubject:
    edit = None if knob.augmentation is None else workbench.augment(knob.augmentation)
    target = workbench.plugins.attributes().get((edit and edit.target) or "")
    if edit is None or target is None:
        raise UsageError(f"The knob {knob.name!r} has no target, so nothing says what the others are to leave.")
    return DecouplingSubject(knob, edit, target, workbench.songs_for(workbench.model(model), corpus, clips, seed))
