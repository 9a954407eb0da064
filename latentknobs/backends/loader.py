"""Loading models: shipped ones by name, others by path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from attrs import define, field

from latentknobs.backends.file_kinds import what_else_is
from latentknobs.core.backend import BackendFactory, VAEBackend
from latentknobs.errors import ModelError, UnknownNameError

DEFAULT_MODEL = "musicvae-broad-128"
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
