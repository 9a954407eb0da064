"""
The hooks, each with what it asks for. docs/reference/hooks.md is the reference with examples.

A ``register_`` hook is called once, when the plugins are loaded, and returns an iterable of offers; what is
heavy (weights, torch, music21) is loaded by the offer when it is used, not here. An observer is told of
something that has happened; what it returns is ignored and its errors are logged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

from latentknobs.hooks import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from latentknobs.core.attribute import Attribute, Comparison
    from latentknobs.core.augmentation import Augmentation
    from latentknobs.core.backend import BackendFactory
    from latentknobs.core.corpus import Corpus
    from latentknobs.core.executor_specs import ExecutorFactory
    from latentknobs.core.frontend_specs import CommandSpec, FrontendSpec
    from latentknobs.core.knob import Knob
    from latentknobs.core.method_specs import Basis, Fit, Selector
    from latentknobs.core.metric_specs import Metric
    from latentknobs.core.run import Run

hookspec = pluggy.HookspecMarker(PROJECT)


@hookspec
def register_backends() -> Iterable[BackendFactory]:  # type: ignore[empty-body] # a specification has no body
    """Ways to load models, each used when a model is asked for."""


@hookspec
def register_augmentations() -> Iterable[Augmentation]:  # type: ignore[empty-body] # as above
    """Named edits of clips by an amount."""


@hookspec
def register_attributes() -> Iterable[Attribute]:  # type: ignore[empty-body] # as above
    """Numbers measured on one clip."""


@hookspec
def register_comparisons() -> Iterable[Comparison]:  # type: ignore[empty-body] # as above
    """Numbers measured on two clips, 1 where they agree fully."""


@hookspec
def register_bases() -> Iterable[Basis]:  # type: ignore[empty-body] # as above
    """Orthonormal bases of the latent space."""


@hookspec
def register_selectors() -> Iterable[Selector]:  # type: ignore[empty-body] # as above
    """Rules that choose a knob's significant dimensions."""


@hookspec
def register_fits() -> Iterable[Fit]:  # type: ignore[empty-body] # as above
    """Ways to fit a knob's operator to pairs of codes."""


@hookspec
def register_metrics() -> Iterable[Metric]:  # type: ignore[empty-body] # as above
    """Measures of how codes stand to factors, or of what turning a control does."""


@hookspec
def register_corpora() -> Iterable[Corpus]:  # type: ignore[empty-body] # as above
    """Named sources of clips."""


@hookspec
def register_executors() -> Iterable[ExecutorFactory]:  # type: ignore[empty-body] # as above
    """Places where work is done: more cores, more machines."""


@hookspec
def register_frontends() -> Iterable[FrontendSpec]:  # type: ignore[empty-body] # as above
    """Front ends, each loaded when it is served."""


@hookspec
def register_commands() -> Iterable[CommandSpec]:  # type: ignore[empty-body] # as above
    """Commands of the command line."""


@hookspec
def run_finished(run: Run) -> None:
    """Told of a discovery that has finished, before it is stored."""


@hookspec
def knob_saved(knob: Knob) -> None:
    """Told of a knob that is now in the registry."""
