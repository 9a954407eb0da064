"""Loading models: shipped ones by name, others by path."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path

from attrs import define, field

from latentknobs.backends.file_kinds import what_else_is
from latentknobs.backends.format_card import format_of_card
from latentknobs.core.backend import BackendFactory, VAEBackend
from latentknobs.core.clip import ClipFormat
from latentknobs.core.melody_format import MelodyFormat
from latentknobs.core.meter import signature_of
from latentknobs.errors import ModelError, UnknownNameError, UsageError

DEFAULT_MODEL = "musicvae-broad-128"
DEFAULT_MODELS = (DEFAULT_MODEL, "musicvae-3-4-128", "musicvae-6-8-128")
"""One for each clip format: pieces are opened with those of them that the plugins bring."""
TORCH = (".pt", ".pth", ".bin", ".ckpt")
"""How files of torch are called."""


@define(eq=False)
class Models:
    """
    The models that can be loaded: shipped ones by name, others by path or as ``kind:LOCATION``.

    Attributes:
        factories: The backends that plugins offer, by name.
    """

    factories: Mapping[str, BackendFactory]
    _loaded: dict[tuple[str, ...], VAEBackend] = field(factory=dict, init=False)

    @property
    def names(self) -> tuple[str, ...]:
        """The models that come with the plugins."""
        return tuple(name for factory in self.factories.values() for name in factory.shipped)

    @property
    def defaults(self) -> tuple[str, ...]:
        """The models that pieces are opened with where none is named, the one for 4/4 first."""
        names = self.names
        return tuple(name for name in DEFAULT_MODELS if name in names) or (DEFAULT_MODEL,)

    def load(self, name: str = DEFAULT_MODEL, device: str = "auto", precision: str = "") -> VAEBackend:
        """
        A model, loaded once for each device and precision.

        Args:
            name: A shipped name, ``kind:LOCATION``, or the path of a file or folder that a backend recognises.
            device: "cpu", "cuda" or "auto".
            precision: One of its backend's precisions, "" = the first.

        Raises:
            UnknownNameError: No model of that name and no such path, or its backend lacks the precision.
            ModelError: No backend recognises the path, or its weights do not fit.
        """
        kind, location = self._find(name)
        options = self.precision_option(name, precision)
        key = (kind, location, device, *options.values())
        if key not in self._loaded:
            self._loaded[key] = self.factories[kind].load(location, device, **options)
        return self._loaded[key]

    def loaded(self) -> Iterable[tuple[tuple[str, ...], VAEBackend]]:
        """The models that are loaded, each after its kind, location, device and, unless the default, precision."""
        return self._loaded.items()

    def precisions(self, name: str) -> tuple[str, ...]:
        """In which numbers a model's backend computes, the one it was trained in first; errors as for :meth:`load`."""
        kind, _ = self._find(name)
        return self.factories[kind].precisions

    def precision_option(self, name: str, precision: str) -> dict[str, str]:
        """
        The keyword argument with which this model is loaded in a precision; none for its default.

        Raises:
            UnknownNameError: No such model, or its backend lacks the precision.
        """
        kind, _ = self._find(name)
        precisions = self.factories[kind].precisions
        if precision and precision not in precisions:
            raise UnknownNameError("precision", precision, precisions, f"of {kind} models")
        return {} if precision in ("", precisions[0]) else {"precision": precision}

    def stated_format(self, name: str) -> ClipFormat | None:
        """
        The clip format of a model, where that is known without loading it: of its plugin, or of a card beside weights.

        Raises:
            UnknownNameError: No such model.
            ModelError: No backend recognises the path.
        """
        kind, location = self._find(name)
        if name in self.factories[kind].formats:
            return self.factories[kind].formats[name]
        loaded = (model for key, model in self._loaded.items() if key[:2] == (kind, location))
        return next((model.spec.clip_format for model in loaded), None) or format_of_card(location)

    def format_names(self, names: Collection[str]) -> dict[str, str]:
        """The clip formats of models by name: of those that plugins bring, where it is known without loading them."""
        shipped = (name for factory in self.factories.values() for name in factory.shipped if name in names)
        stated = {name: self.stated_format(name) for name in shipped}
        return {name: one.name for name, one in stated.items() if one is not None}

    def formats(self, names: Sequence[str], load: Callable[[str], VAEBackend]) -> tuple[ClipFormat, ...]:
        """
        The clip formats of models that steer one piece together.

        Args:
            names: The models.
            load: Loads a model, whose format is not known otherwise.

        Raises:
            UnknownNameError: No such model.
            ModelError: A model cannot be loaded.
            UsageError: Two are of the same time signature, or they do not share a grid.
        """
        formats = tuple(self.stated_format(name) or load(name).spec.clip_format for name in names)
        first = formats[0]
        for k, (name, one) in enumerate(zip(names, formats, strict=True)):
            if k and not (isinstance(one, MelodyFormat) and isinstance(first, MelodyFormat)):
                odd, form = (name, one) if isinstance(first, MelodyFormat) else (names[0], first)
                raise UsageError(
                    f"Models of melodies steer a piece together, and {odd} is of {form.name}: name it alone."
                )
            if one.steps_per_beat != first.steps_per_beat:
                raise UsageError(
                    f"{names[0]} has {first.steps_per_beat} steps a quarter note and {name} {one.steps_per_beat}: name "
                    "models of one grid."
                )
            for other, earlier in zip(names[:k], formats, strict=False):
                if signature_of(one) == signature_of(earlier):
                    raise UsageError(
                        f"{other} and {name} are both for bars of {signature_of(one)}: name one model for each clip "
                        "format."
                    )
        return formats

    def location(self, name: str) -> str:
        """What the backend of a model loads, as a path; errors as for :meth:`load`."""
        return self._find(name)[1]

    def _find(self, name: str) -> tuple[str, str]:
        for kind, factory in self.factories.items():
            if name in factory.shipped:
                return kind, factory.shipped[name]
        kind, colon, location = name.partition(":")
        if colon and kind in self.factories:
            return kind, location
        path = Path(name)
        if not path.exists():
            raise UnknownNameError("model", name, self.names, "and no such file")
        for kind, factory in self.factories.items():
            if factory.recognises(path):
                return kind, str(path)
        if path.is_file() and (clause := what_else_is(path)):
            raise ModelError(f"No backend recognises {name!r} as a model: it {clause}.")
        if path.suffix in TORCH:
            from latentknobs.backends.state_dict import read_state_dict  # loads torch

            read_state_dict(path)  # says what else it is
        kinds = ", ".join(self.factories) or "none"
        raise ModelError(
            f"No backend recognises {name!r} as a model (backends: {kinds}); write KIND:{name} to name the backend."
        )
