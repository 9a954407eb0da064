"""Tasks and items as bytes, in which models and plugins' offers are names: the other process has its own."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, Protocol

from attrs import frozen

from latentknobs.backends.loader import Models
from latentknobs.core.backend import VAEBackend
from latentknobs.errors import ExecutorError
from latentknobs.hooks.manager import Plugins

OFFERS = ("augmentations", "attributes", "comparisons")
"""Kinds of offers that tasks hold."""


class WorkerHost(Protocol):
    """What a process that works has, as a workbench does; it travels by name too."""

    @property
    def plugins(self) -> Plugins: ...
    @property
    def models(self) -> Models: ...


@frozen
class ModelReference:
    """
    A loaded model as another process loads it.

    Attributes:
        name: A shipped name, or KIND:LOCATION with an absolute path.
        device: "cpu", "cuda" or "auto".
        precision: "" = the default.
        model_id: What its weights must be.
    """

    name: str
    device: str
    precision: str
    model_id: str

    def load(self, models: Models) -> VAEBackend:
        """
        The model; once in a process.

        Raises:
            ExecutorError: The weights are others here.
        """
        model = models.load(self.name, self.device, self.precision)
        if model.spec.model_id != self.model_id:
            raise ExecutorError(
                f"A worker has other weights of {self.name} (model {model.spec.model_id[:12]}, not "
                f"{self.model_id[:12]}): give it the same file."
            )
        return model


def dumps(value: object, host: WorkerHost) -> bytes:
    """
    A value as bytes.

    Args:
        value: What pickle carries, but for models, offers and the host itself.
        host: Whose they are.

    Raises:
        ExecutorError: Part of it cannot travel.
    """
    file = io.BytesIO()
    try:
        _Pickler(file, host).dump(value)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ExecutorError(
            f"This cannot be sent to workers ({' '.join(str(error).split())}): leave out --executor."
        ) from error
    return file.getvalue()


def loads(data: bytes, host: WorkerHost) -> Any:
    """
    The value of bytes, with this host's models and offers.

    Raises:
        LatentKnobsError: A model cannot be loaded, or is another.
    """
    return _Unpickler(io.BytesIO(data), host).load()


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, host: WorkerHost) -> None:
        super().__init__(file, protocol=pickle.HIGHEST_PROTOCOL)
        self._host = host
        self._names: dict[int, Any] = {
            id(offer): (kind, name) for kind in OFFERS for name, offer in getattr(host.plugins, kind)().items()
        }
        self._names |= {id(model): _reference(host.models, key, model) for key, model in host.models.loaded()}

    def persistent_id(self, obj: Any) -> Any:
        """What stands for an object, None = its own bytes."""
        return ("host",) if obj is self._host else self._names.get(id(obj))


def _reference(models: Models, key: tuple[str, ...], model: VAEBackend) -> ModelReference:
    kind, location, device, *precision = key
    shipped = (name for name, place in models.factories[kind].shipped.items() if place == location)
    place = str(Path(location).resolve()) if location and Path(location).exists() else location
    name = next(shipped, f"{kind}:{place}")
    return ModelReference(name, device, precision[0] if precision else "", model.spec.model_id)


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, host: WorkerHost) -> None:
        super().__init__(file)
        self._host = host

    def persistent_load(self, pid: Any) -> Any:
        """The object of a name."""
        if isinstance(pid, ModelReference):
            return pid.load(self._host.models)
        if len(pid) == 1:
            return self._host
        kind, name = pid
        return getattr(self._host.plugins, kind)()[name]
