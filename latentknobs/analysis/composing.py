"""How the knobs of a registry compose: reads them, their edits and their corpora."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from latentknobs.analysis.algebra import algebra as composed
from latentknobs.analysis.algebra_result import Algebra, Element
from latentknobs.corpora.corpus_spec import default_corpus
from latentknobs.discovery.run_spec import lacking
from latentknobs.errors import UsageError

if TYPE_CHECKING:
    from latentknobs.workbench import Workbench


def algebra(
    workbench: Workbench,
    amounts: Mapping[str, float | None] | None,
    model: str,
    corpus: str | None,
    clips: int,
    seed: int,
) -> Algebra:
    """How current knobs compose; arguments and errors as for :meth:`Workbench.algebra`."""
    backend = workbench.model(model)
    spec = backend.spec
    if amounts is None:
        accepted = workbench.registry.knobs(model_id=spec.model_id, verdict="accepted")
        left = {knob.name: lacking(workbench, workbench.registry.run(knob.run_id).spec) for knob in accepted}
        found = tuple(knob for knob in accepted if not left[knob.name])
        for name, why in left.items():
            if why:
                workbench.note(f"{name} is left out. {why}")
    else:
        found = tuple(workbench.registry.knob(spec.model_id, name) for name in amounts)
    if not found:
        raise UsageError(f"No knob of {spec.name} is accepted: discover one, or name those to look at.")
    elements = []
    for knob in found:
        if knob.augmentation is None:
            raise UsageError(f"The knob {knob.name!r} was learned from no edit, so it has nothing to compose with.")
        edit = workbench.augment(knob.augmentation)
        elements.append(Element.of(knob, edit, (amounts or {}).get(knob.name)))
    corpus = corpus or default_corpus([element.augmentation for element in elements])
    songs = workbench.songs_for(backend, corpus, clips, seed)
    return composed(backend, elements, songs, seed, progress=workbench.progress)
