"""
latentknobs finds the controls of a trained VAE: which latent directions does a musical edit move?

The public names are loaded when they are first used, so that ``import latentknobs`` stays light.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from latentknobs.augmentations.alter import Alter as Alter
    from latentknobs.augmentations.anticipate import Anticipate as Anticipate
    from latentknobs.augmentations.degree import Degree as Degree
    from latentknobs.augmentations.delay import Delay as Delay
    from latentknobs.augmentations.detach import Detach as Detach
    from latentknobs.augmentations.diatonic_inversion import DiatonicInversion as DiatonicInversion
    from latentknobs.augmentations.fill import Fill as Fill
    from latentknobs.augmentations.inversion import Inversion as Inversion
    from latentknobs.augmentations.leap import Leap as Leap
    from latentknobs.augmentations.neighbour_swap import NeighbourSwap as NeighbourSwap
    from latentknobs.augmentations.note_split import NoteSplit as NoteSplit
    from latentknobs.augmentations.octave import Octave as Octave
    from latentknobs.augmentations.ornament import Ornament as Ornament
    from latentknobs.augmentations.register_fold import RegisterFold as RegisterFold
    from latentknobs.augmentations.retrograde import Retrograde as Retrograde
    from latentknobs.augmentations.rotation import Rotation as Rotation
    from latentknobs.augmentations.smooth import Smooth as Smooth
    from latentknobs.augmentations.stretch import Stretch as Stretch
    from latentknobs.augmentations.swap_mode import SwapMode as SwapMode
    from latentknobs.augmentations.swing import SwingEighths as SwingEighths
    from latentknobs.augmentations.thinning import Thinning as Thinning
    from latentknobs.augmentations.tilt import Tilt as Tilt
    from latentknobs.augmentations.transpose import Transpose as Transpose
    from latentknobs.backends.state_dict import load_weights as load_weights
    from latentknobs.backends.torch_adapter import TorchBackend as TorchBackend
    from latentknobs.core.attribute import Attribute as Attribute
    from latentknobs.core.attribute import Comparison as Comparison
    from latentknobs.core.augmentation import Augmentation as Augmentation
    from latentknobs.core.augmentation import Augmented as Augmented
    from latentknobs.core.augmentation import NoteAugmentation as NoteAugmentation
    from latentknobs.core.augmentation import TokenAugmentation as TokenAugmentation
    from latentknobs.core.backend import BackendFactory as BackendFactory
    from latentknobs.core.backend import BackendSpec as BackendSpec
    from latentknobs.core.backend import FlopCount as FlopCount
    from latentknobs.core.backend import LatentGradient as LatentGradient
    from latentknobs.core.backend import LatentWeights as LatentWeights
    from latentknobs.core.backend import Posterior as Posterior
    from latentknobs.core.backend import Sampling as Sampling
    from latentknobs.core.backend import VAEBackend as VAEBackend
    from latentknobs.core.capability import capability as capability
    from latentknobs.core.clip import ClipFormat as ClipFormat
    from latentknobs.core.clip import DrumFormat as DrumFormat
    from latentknobs.core.clip import DrumVoice as DrumVoice
    from latentknobs.core.clip import Note as Note
    from latentknobs.core.clip import OutputGroup as OutputGroup
    from latentknobs.core.clip import check_clips as check_clips
    from latentknobs.core.corpus import Corpus as Corpus
    from latentknobs.core.corpus import CorpusRequest as CorpusRequest
    from latentknobs.core.corpus import Song as Song
    from latentknobs.core.corpus import TrueFactors as TrueFactors
    from latentknobs.core.corpus import split_of as split_of
    from latentknobs.core.drum_format import DRUMS as DRUMS
    from latentknobs.core.drum_format import DRUMS_4BAR as DRUMS_4BAR
    from latentknobs.core.drum_format import DrumKitFormat as DrumKitFormat
    from latentknobs.core.edit_context import EditContext as EditContext
    from latentknobs.core.edit_context import Key as Key
    from latentknobs.core.executor_specs import ExecutorFactory as ExecutorFactory
    from latentknobs.core.experiment import Experiment as Experiment
    from latentknobs.core.experiment import Settings as Settings
    from latentknobs.core.format_capabilities import MonophonicFormat as MonophonicFormat
    from latentknobs.core.frontend_specs import CommandSpec as CommandSpec
    from latentknobs.core.frontend_specs import FrontendSpec as FrontendSpec
    from latentknobs.core.frontend_specs import Host as Host
    from latentknobs.core.frontend_specs import Param as Param
    from latentknobs.core.frontend_specs import RunningFrontend as RunningFrontend
    from latentknobs.core.knob import Knob as Knob
    from latentknobs.core.knob import Operator as Operator
    from latentknobs.core.live_session import LiveSession as LiveSession
    from latentknobs.core.live_session import Music as Music
    from latentknobs.core.melody_format import HOLD as HOLD
    from latentknobs.core.melody_format import MELODY as MELODY
    from latentknobs.core.melody_format import MELODY_3_4 as MELODY_3_4
    from latentknobs.core.melody_format import MELODY_4BAR as MELODY_4BAR
    from latentknobs.core.melody_format import MELODY_6_8 as MELODY_6_8
    from latentknobs.core.melody_format import MELODY_9_8 as MELODY_9_8
    from latentknobs.core.melody_format import MELODY_FORMATS as MELODY_FORMATS
    from latentknobs.core.melody_format import REST as REST
    from latentknobs.core.melody_format import MelodyFormat as MelodyFormat
    from latentknobs.core.method_specs import Basis as Basis
    from latentknobs.core.method_specs import BasisInput as BasisInput
    from latentknobs.core.method_specs import CodeSample as CodeSample
    from latentknobs.core.method_specs import Coordinates as Coordinates
    from latentknobs.core.method_specs import Decoder as Decoder
    from latentknobs.core.method_specs import Fit as Fit
    from latentknobs.core.method_specs import FitInput as FitInput
    from latentknobs.core.method_specs import SelectInput as SelectInput
    from latentknobs.core.method_specs import Selector as Selector
    from latentknobs.core.metric_specs import LabelledCodes as LabelledCodes
    from latentknobs.core.metric_specs import Metric as Metric
    from latentknobs.core.metric_specs import MetricResult as MetricResult
    from latentknobs.core.metric_specs import Score as Score
    from latentknobs.core.metric_specs import Traversals as Traversals
    from latentknobs.core.parameter import Change as Change
    from latentknobs.core.parameter import Parameter as Parameter
    from latentknobs.core.piece import Piece as Piece
    from latentknobs.core.run import Run as Run
    from latentknobs.core.run import RunSpec as RunSpec
    from latentknobs.core.transport import Transport as Transport
    from latentknobs.errors import AmountError as AmountError
    from latentknobs.errors import BackendError as BackendError
    from latentknobs.errors import ClipError as ClipError
    from latentknobs.errors import CorpusError as CorpusError
    from latentknobs.errors import DiscoveryError as DiscoveryError
    from latentknobs.errors import ExecutorError as ExecutorError
    from latentknobs.errors import LatentKnobsError as LatentKnobsError
    from latentknobs.errors import MidiError as MidiError
    from latentknobs.errors import MissingExtraError as MissingExtraError
    from latentknobs.errors import ModelError as ModelError
    from latentknobs.errors import NotFittedError as NotFittedError
    from latentknobs.errors import OutputError as OutputError
    from latentknobs.errors import PluginError as PluginError
    from latentknobs.errors import ProjectError as ProjectError
    from latentknobs.errors import RegistryError as RegistryError
    from latentknobs.errors import TrainingError as TrainingError
    from latentknobs.errors import UnknownNameError as UnknownNameError
    from latentknobs.errors import UsageError as UsageError
    from latentknobs.hooks import hookimpl as hookimpl
    from latentknobs.plots.text_roll import text_roll as text_roll
    from latentknobs.scores import read_piece as read_piece
    from latentknobs.scores import write_piece as write_piece
    from latentknobs.session import Session as Session
    from latentknobs.steering.batch_decoder import DecoderQueue as DecoderQueue
    from latentknobs.steering.turning import turn as turn
    from latentknobs.studio.project import Project as Project
    from latentknobs.studio.shared_session import SharedSession as SharedSession
    from latentknobs.workbench import Workbench as Workbench
    from latentknobs.workbench import load_plugins as load_plugins

__version__ = "0.1.0"

_HOMES = {
    "augmentations.alter": ("Alter",),
    "augmentations.anticipate": ("Anticipate",),
    "augmentations.degree": ("Degree",),
    "augmentations.delay": ("Delay",),
    "augmentations.detach": ("Detach",),
    "augmentations.diatonic_inversion": ("DiatonicInversion",),
    "augmentations.fill": ("Fill",),
    "augmentations.inversion": ("Inversion",),
    "augmentations.leap": ("Leap",),
    "augmentations.neighbour_swap": ("NeighbourSwap",),
    "augmentations.note_split": ("NoteSplit",),
    "augmentations.octave": ("Octave",),
    "augmentations.ornament": ("Ornament",),
    "augmentations.register_fold": ("RegisterFold",),
    "augmentations.retrograde": ("Retrograde",),
    "augmentations.rotation": ("Rotation",),
    "augmentations.smooth": ("Smooth",),
    "augmentations.stretch": ("Stretch",),
    "augmentations.swap_mode": ("SwapMode",),
    "augmentations.swing": ("SwingEighths",),
    "augmentations.thinning": ("Thinning",),
    "augmentations.tilt": ("Tilt",),
    "augmentations.transpose": ("Transpose",),
    "backends.state_dict": ("load_weights",),
    "backends.torch_adapter": ("TorchBackend",),
    "core.attribute": (
        "Attribute",
        "Comparison",
    ),
    "core.augmentation": (
        "Augmentation",
        "Augmented",
        "NoteAugmentation",
        "TokenAugmentation",
    ),
    "core.backend": (
        "BackendFactory",
        "BackendSpec",
        "FlopCount",
        "LatentGradient",
        "LatentWeights",
        "Posterior",
        "Sampling",
        "VAEBackend",
    ),
    "core.capability": ("capability",),
    "core.clip": (
        "ClipFormat",
        "DrumFormat",
        "DrumVoice",
        "Note",
        "OutputGroup",
        "check_clips",
    ),
    "core.corpus": (
        "Corpus",
        "CorpusRequest",
        "Song",
        "TrueFactors",
        "split_of",
    ),
    "core.drum_format": (
        "DRUMS",
        "DRUMS_4BAR",
        "DrumKitFormat",
    ),
    "core.edit_context": (
        "EditContext",
        "Key",
    ),
    "core.executor_specs": ("ExecutorFactory",),
    "core.experiment": (
        "Experiment",
        "Settings",
    ),
    "core.format_capabilities": ("MonophonicFormat",),
    "core.frontend_specs": (
        "CommandSpec",
        "FrontendSpec",
        "Host",
        "Param",
        "RunningFrontend",
    ),
    "core.knob": (
        "Knob",
        "Operator",
    ),
    "core.live_session": (
        "LiveSession",
        "Music",
    ),
    "core.melody_format": (
        "HOLD",
        "MELODY",
        "MELODY_3_4",
        "MELODY_4BAR",
        "MELODY_6_8",
        "MELODY_9_8",
        "MELODY_FORMATS",
        "MelodyFormat",
        "REST",
    ),
    "core.method_specs": (
        "Basis",
        "BasisInput",
        "CodeSample",
        "Coordinates",
        "Decoder",
        "Fit",
        "FitInput",
        "SelectInput",
        "Selector",
    ),
    "core.metric_specs": (
        "LabelledCodes",
        "Metric",
        "MetricResult",
        "Score",
        "Traversals",
    ),
    "core.parameter": (
        "Change",
        "Parameter",
    ),
    "core.piece": ("Piece",),
    "core.run": (
        "Run",
        "RunSpec",
    ),
    "core.transport": ("Transport",),
    "errors": (
        "AmountError",
        "BackendError",
        "ClipError",
        "CorpusError",
        "DiscoveryError",
        "ExecutorError",
        "LatentKnobsError",
        "MidiError",
        "MissingExtraError",
        "ModelError",
        "NotFittedError",
        "OutputError",
        "PluginError",
        "ProjectError",
        "RegistryError",
        "TrainingError",
        "UnknownNameError",
        "UsageError",
    ),
    "hooks": ("hookimpl",),
    "plots.text_roll": ("text_roll",),
    "scores": (
        "read_piece",
        "write_piece",
    ),
    "session": ("Session",),
    "steering.batch_decoder": ("DecoderQueue",),
    "steering.turning": ("turn",),
    "studio.project": ("Project",),
    "studio.shared_session": ("SharedSession",),
    "workbench": (
        "Workbench",
        "load_plugins",
    ),
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
