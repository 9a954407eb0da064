"""
latentknobs finds the controls of a trained VAE: which latent directions does a musical edit move?

The public names are loaded when they are first used, so that ``import latentknobs`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentknobs.backends.torch_adapter import TorchBackend as TorchBackend
    from latentknobs.core.attribute import Attribute as Attribute
    from latentknobs.core.attribute import Comparison as Comparison
    from latentknobs.core.augmentation import Augmentation as Augmentation
    from latentknobs.core.augmentation import Augmented as Augmented
    from latentknobs.core.augmentation import NoteAugmentation as NoteAugmentation
    from latentknobs.core.augmentation import TokenAugmentation as TokenAugmentation
    from latentknobs.core.backend import BackendFactory as BackendFactory
    from latentknobs.core.backend import BackendSpec as BackendSpec
    from latentknobs.core.backend import Posterior as Posterior
    from latentknobs.core.backend import VAEBackend as VAEBackend
    from latentknobs.core.clip import ClipFormat as ClipFormat
    from latentknobs.core.clip import DrumVoice as DrumVoice
    from latentknobs.core.clip import Note as Note
    from latentknobs.core.clip import OutputGroup as OutputGroup
    from latentknobs.core.clip import Piece as Piece
    from latentknobs.core.corpus import Corpus as Corpus
    from latentknobs.core.corpus import CorpusRequest as CorpusRequest
    from latentknobs.core.corpus import Song as Song
    from latentknobs.core.frontend_specs import CommandSpec as CommandSpec
    from latentknobs.core.frontend_specs import FrontendSpec as FrontendSpec
    from latentknobs.core.frontend_specs import Param as Param
    from latentknobs.core.knob import Knob as Knob
    from latentknobs.core.knob import Operator as Operator
    from latentknobs.core.melody_format import MELODY as MELODY
    from latentknobs.core.method_specs import Basis as Basis
    from latentknobs.core.method_specs import Coordinates as Coordinates
    from latentknobs.core.method_specs import Fit as Fit
    from latentknobs.core.method_specs import Selector as Selector
    from latentknobs.core.metric_specs import LabelledCodes as LabelledCodes
    from latentknobs.core.metric_specs import Metric as Metric
    from latentknobs.core.metric_specs import MetricResult as MetricResult
    from latentknobs.core.metric_specs import Score as Score
    from latentknobs.core.metric_specs import Traversals as Traversals
    from latentknobs.core.run import Run as Run
    from latentknobs.core.run import RunSpec as RunSpec
    from latentknobs.errors import LatentKnobsError as LatentKnobsError
    from latentknobs.hooks import hookimpl as hookimpl
    from latentknobs.session import Session as Session
    from latentknobs.workbench import Workbench as Workbench

__version__ = "0.1.0"

_HOMES = {
    "backends.torch_adapter": ("TorchBackend",),
    "core.attribute": ("Attribute", "Comparison"),
    "core.augmentation": ("Augmentation", "Augmented", "NoteAugmentation", "TokenAugmentation"),
    "core.backend": ("BackendFactory", "BackendSpec", "Posterior", "VAEBackend"),
    "core.clip": ("ClipFormat", "DrumVoice", "Note", "OutputGroup", "Piece"),
    "core.corpus": ("Corpus", "CorpusRequest", "Song"),
    "core.frontend_specs": ("CommandSpec", "FrontendSpec", "Param"),
    "core.knob": ("Knob", "Operator"),
    "core.melody_format": ("MELODY",),
    "core.method_specs": ("Basis", "Coordinates", "Fit", "Selector"),
    "core.metric_specs": ("LabelledCodes", "Metric", "MetricResult", "Score", "Traversals"),
    "core.run": ("Run", "RunSpec"),
    "errors": ("LatentKnobsError",),
    "hooks": ("hookimpl",),
    "session": ("Session",),
    "workbench": ("Workbench",),
}
_HOME_OF = {name: f"{__name__}.{home}" for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """The public name, from the module that defines it."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})
