"""The stored knobs that a command is about."""

from __future__ import annotations

from collections.abc import Iterable

from latentknobs.core.knob import Knob
from latentknobs.workbench import Workbench


def stored(workbench: Workbench, model: str, names: Iterable[str] | None = None) -> tuple[Knob, ...]:
    """The knobs of these names; else the current ones of the model ("" = all), loading weights only if need be."""
    if names:
        return tuple(workbench.knob(name, model) for name in dict.fromkeys(names))
    knobs = workbench.registry.knobs()
    if not model:
        return knobs
    named = tuple(knob for knob in knobs if model in (knob.model_name, knob.model_id))
    # Weights that changed under the same name leave knobs of the old ones behind: then the hash decides.
    if len({knob.model_id for knob in named}) == 1 or (not named and model in workbench.models.names):
        return named
    model_id = workbench.model(model).spec.model_id
    return tuple(knob for knob in knobs if knob.model_id == model_id)
