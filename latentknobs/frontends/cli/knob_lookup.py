"""The stored knobs that a command is about."""

from __future__ import annotations

from collections.abc import Iterable

from latentknobs.core.knob import Knob
from latentknobs.errors import UnknownNameError
from latentknobs.workbench import Workbench


def stored(workbench: Workbench, model: str) -> tuple[Knob, ...]:
    """The current knobs of every model, or of the one named; without loading its weights where its name will do."""
    knobs = workbench.registry.knobs()
    if not model:
        return knobs
    named = tuple(knob for knob in knobs if model in (knob.model_name, knob.model_id))
    # Weights that changed under the same name leave knobs of the old ones behind: then the hash decides.
    if len({knob.model_id for knob in named}) == 1 or (not named and model in workbench.models.names):
        return named
    model_id = workbench.model(model).spec.model_id
    return tuple(knob for knob in knobs if knob.model_id == model_id)


def named(knobs: Iterable[Knob], name: str, model: str) -> Knob:
    """
    The knob of that name.

    Raises:
        UnknownNameError: None of them has it.
    """
    known = {knob.name: knob for knob in knobs}
    if name not in known:
        raise UnknownNameError("knob", name, known, f"for the model {model}")
    return known[name]
