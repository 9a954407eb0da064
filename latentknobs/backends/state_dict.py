"""
Weights that others saved: torch's state dicts, safetensors and numpy's archives, without running what is in the file.

A training program often wraps its state dict ({"state_dict": ..., "epoch": 3}) and puts a word before each name
("module.", of DataParallel): both are taken off. All floating-point numbers become float32.
"""

from __future__ import annotations

import pickle
import re
import warnings
import zipfile
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from latentknobs.backends.file_kinds import what_else_is
from latentknobs.backends.weights import check_tensors
from latentknobs.errors import ModelError

WRAPPERS = ("state_dict", "model_state_dict", "model", "weights", "net", "params")
"""Under which of its names a training program keeps the state dict, the likeliest first."""
PICKLED = (
    "a pickled object is never opened, as that would run its code: where it was made, save the model's state_dict() "
    "with torch.save and use that file"
)
_CLASS = re.compile(r"(?:GLOBAL|class|type)s?:? ([\w.]+\.\w+)")


def load_weights(module: nn.Module, path: Path | str) -> None:
    """
    Put the weights of a file into a module.

    Args:
        module: The module.
        path: A file of torch (a state dict, maybe wrapped), safetensors or numpy (.npz).

    Raises:
        ModelError: The file cannot be read safely, or it is another network's; names the tensor that is missing,
            unknown or misshapen.
    """
    expected = module.state_dict()
    tensors = with_names_of(read_state_dict(path), expected)
    check_tensors(tensors, expected, str(path))
    module.load_state_dict(tensors)


def read_state_dict(path: Path | str) -> dict[str, Tensor]:
    """
    The tensors of a file by name, on the CPU, floating-point ones as float32.

    Args:
        path: A file of torch, safetensors or numpy (.npz).

    Raises:
        ModelError: No such file, something else than tensors in it, or not a whole file; says what it is.
    """
    path = Path(path)
    if not path.is_file():
        raise ModelError(f"There is no weights file {path}.")
    if clause := what_else_is(path):
        raise ModelError(f"{path} {clause}.")
    try:
        tensors = _unwrapped(_read(path), path)
    except (OSError, ValueError, EOFError, safetensors.SafetensorError, zipfile.BadZipFile) as error:
        if isinstance(error, ModelError):
            raise
        raise ModelError(f"{path} is damaged or no file of weights ({error}): copy or download it again.") from error
    return {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()}


def with_names_of(tensors: Mapping[str, Tensor], expected: Collection[str]) -> dict[str, Tensor]:
    """The tensors without the words before all their names ("module.") that keep these from being expected ones."""
    names = set(expected)
    out = dict(tensors)
    while out and not names & out.keys():
        first = next(iter(out)).partition(".")[0] + "."
        if not all(name.startswith(first) and name != first for name in out):
            break
        out = {name.removeprefix(first): tensor for name, tensor in out.items()}
    return out if names & out.keys() else dict(tensors)


def common_size(shapes: Mapping[str, tuple[int, ...]], places: Iterable[tuple[str, int, int]]) -> int | None:
    """
    The size that most tensors have in common, so that one misshapen tensor does not put the blame on the others.

    Args:
        shapes: The tensors' shapes by name.
        places: Name, axis and divisor of each place where the size stands; tensors that are missing do not count.

    Returns:
        The commonest, of those the first; None where no tensor has it.
    """
    sizes = [
        shapes[name][axis] // divisor for name, axis, divisor in places if name in shapes and axis < len(shapes[name])
    ]
    return max(sizes, key=sizes.count, default=None)


def _read(path: Path) -> Any:
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:9] == b"{":
        return load_file(path)
    if zipfile.is_zipfile(path):
        names = zipfile.ZipFile(path).namelist()
        if any(name.endswith(".npy") for name in names):
            with np.load(path, allow_pickle=False) as arrays:
                return {name: torch.from_numpy(np.asarray(arrays[name])) for name in arrays.files}
        if any("/code/" in name for name in names):
            raise ModelError(f"{path} is a TorchScript program, and {PICKLED}.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's guess at why a file is refused would only confuse
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        found = _CLASS.search(str(error))
        if not found and start[:1] != b"\x80" and not zipfile.is_zipfile(path):
            raise ModelError(f"{path} is damaged or something else than weights: copy or download it again.") from error
        what = f"holds an object of {found[1]}" if found else "is not a torch file of tensors alone"
        raise ModelError(f"{path} {what}, and {PICKLED}.") from error
    except Exception as error:  # the unpickler raises whatever the bytes of another file lead it to
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelError(
            f"{path} cannot be read as a torch file ({reason}): it is damaged or something else; copy or download it "
            "again."
        ) from error


def _unwrapped(found: Any, path: Path) -> dict[str, Tensor]:
    """The state dict in what a file holds."""
    while isinstance(found, Mapping):
        inner = next((found[key] for key in WRAPPERS if isinstance(found.get(key), Mapping)), None)
        if inner is None:
            break
        found = inner
    if not isinstance(found, Mapping):
        what = f"a {type(found).__name__}"
    elif not found:
        what = "an empty dictionary"
    elif wrong := next((name for name, value in found.items() if not isinstance(value, Tensor)), None):
        what = f"a dictionary whose {str(wrong)!r} is a {type(found[wrong]).__name__}"
    else:
        return {str(name): tensor for name, tensor in found.items()}
    raise ModelError(
        f"{path} holds {what}, and not a state dict (names and tensors): save the model's state_dict() with torch.save."
    )
