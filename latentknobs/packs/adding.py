"""A pack's knobs into a registry, and with a person's yes its plugins into their folder: all of it or nothing."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path, PurePosixPath

from attrs import frozen

from latentknobs.core.atomic_write import write_file
from latentknobs.errors import ModelError, OutputError, PackError, UsageError
from latentknobs.hooks.trust import is_trusted, trust, withdraw
from latentknobs.packs.manifest import PackedPlugin, card_of
from latentknobs.packs.pack_reader import Pack
from latentknobs.registry.import_export import Conflict, TransferSummary
from latentknobs.workbench import Workbench

MODELS = Path("models")
"""The folder that weights of packs are written to."""


@frozen
class Places:
    """
    Where the files of packs go.

    Attributes:
        plugins: The folder of local plugins.
        trusting: Whether only trusted files of it run, since nobody has named the folder.
        models: The folder of weights.
    """

    plugins: Path
    trusting: bool
    models: Path = MODELS

    def plugin(self, plugin: PackedPlugin) -> Path:
        """The file that a plugin becomes."""
        return self.plugins / PurePosixPath(plugin.path).name

    def weights(self, name: str) -> Path:
        """The file that weights, or their card, become."""
        return self.models / PurePosixPath(name).name

    def new_plugins(self, pack: Pack) -> tuple[PackedPlugin, ...]:
        """The plugins of a pack that need a yes: they are not there, or must not run yet."""
        return tuple(
            one
            for one in pack.manifest.plugins
            if not _is_there(self.plugin(one), pack.files[one.path])
            or (self.trusting and not is_trusted(self.plugin(one)))
        )


def _is_there(target: Path, data: bytes) -> bool:
    """Whether a file is there with these bytes."""
    return target.is_file() and not target.is_symlink() and target.read_bytes() == data


def check_weights(workbench: Workbench, pack: Pack) -> None:
    """
    See that the weights in a pack, if there are any, are those of its model.

    Raises:
        PackError: They are not.
    """
    weights = pack.manifest.model.weights
    if weights is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        for name in (weights, card_of(weights)):
            (Path(folder) / PurePosixPath(name).name).write_bytes(pack.files[name])
        try:
            spec = workbench.model(str(Path(folder) / PurePosixPath(weights).name)).spec
        except ModelError as error:
            raise PackError(f"{weights} of {pack.where} is no model: {error}") from error
    if spec.model_id != pack.manifest.model.model_id:
        raise PackError(f"{weights} of {pack.where} holds another model than the one that its knobs are of.")


def model_here(workbench: Workbench, pack: Pack, places: Places) -> str | None:
    """What ``--model`` must be given so that the pack's knobs turn; None where their model is not here."""
    model = pack.manifest.model
    if model.name in workbench.models.names and workbench.model(model.name).spec.model_id == model.model_id:
        return model.name
    files = _weights(pack, places)
    if files and all(_is_there(target, data) for target, data in files.items()):
        return str(next(iter(files)))
    return None


def _weights(pack: Pack, places: Places) -> dict[Path, bytes]:
    """The files that weights in a pack and their card become."""
    weights = pack.manifest.model.weights
    return {} if weights is None else {places.weights(n): pack.files[n] for n in (weights, card_of(weights))}


def add_pack(
    workbench: Workbench, pack: Pack, places: Places, *, allow_code: bool = False, conflict: Conflict = "refuse"
) -> tuple[TransferSummary, ...]:
    """
    Store a pack's knobs, its weights where their model is not here, and its plugins, which run from then on.

    Args:
        workbench: Whose registry takes the knobs.
        pack: The pack.
        places: Where files go.
        allow_code: Whether a person has allowed its plugins to run.
        conflict: As for :func:`latentknobs.registry.import_export.take`.

    Raises:
        UsageError: Plugins need a yes, or another file is where one of the pack's would be.
        RegistryError: The knobs cannot be stored.
        OutputError: A file cannot be written. In each case all is as it was.
    """
    plugins = places.new_plugins(pack)
    if plugins and not allow_code:
        raise UsageError(f"{pack.where} holds code, which nobody has allowed to run; nothing was added.")
    files = {places.plugin(one): pack.files[one.path] for one in plugins}
    if model_here(workbench, pack, places) is None:
        files |= _weights(pack, places)
    with contextlib.ExitStack() as undo:
        for target, data in files.items():
            _write(target, data, undo)
        for plugin in plugins:
            target = places.plugin(plugin)
            if places.trusting and not is_trusted(target):
                undo.callback(withdraw, trust(target))
        summaries = workbench.registry.take(pack.exchange, pack.where, conflict=conflict)
        undo.pop_all()
    return summaries


def _write(target: Path, data: bytes, undo: contextlib.ExitStack) -> None:
    if _is_there(target, data):
        return
    if target.is_symlink() or target.exists():
        raise UsageError(f"{target} is there already and is another file: rename or remove it, then add the pack.")
    try:
        if not target.parent.is_dir():
            target.parent.mkdir()
            undo.callback(target.parent.rmdir)
    except OSError as error:
        raise OutputError(f"{target.parent} could not be made: {error.strerror or error}.") from error
    write_file(target, data)
    undo.callback(target.unlink, missing_ok=True)
