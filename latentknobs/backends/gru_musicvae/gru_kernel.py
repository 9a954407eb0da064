"""The gates of a GRU in one pass, by the machine's C compiler, for those who ask for it: LATENTKNOBS_COMPILE=1."""

from __future__ import annotations

import ctypes
import logging
import os
import shlex
import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from latentknobs.backends.gru_musicvae.inference import Gates, mix

VARIABLE = "LATENTKNOBS_COMPILE"
SOURCE = Path(__file__).with_name("gru_kernel.c")
FLAGS = ("-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fopenmp", "-shared", "-fPIC")
"""OpenMP is torch's own: whoever is there first is shared, with its threads."""
_log = logging.getLogger(__name__)


def choose_gates() -> Gates:
    """:func:`mix`, compiled where the environment asks for it; where that fails, one line says so and it is plain."""
    if os.environ.get(VARIABLE, "") in ("", "0"):
        return mix
    try:
        return _compiled()
    except (OSError, subprocess.SubprocessError) as error:
        told = getattr(error, "stderr", None) or str(error)
        reason = (told.strip() or type(error).__name__).splitlines()[0]
        _log.warning("%s: compiling failed, so the gates are computed without it (%s)", VARIABLE, reason)
        return mix


@cache
def _compiled() -> Gates:
    """
    The gates, compiled for this processor; once in a process, which takes less than a second.

    Raises:
        OSError, SubprocessError: There is no C compiler (CC, else cc), or it does not compile this.
    """
    with TemporaryDirectory(prefix="latentknobs-") as folder:
        built = Path(folder, "gates.so")
        compiler = shlex.split(os.environ.get("CC", "cc"))
        line = [*compiler, *FLAGS, str(SOURCE), "-o", str(built)]
        subprocess.run(line, check=True, capture_output=True, text=True)  # noqa: S603 - the user's own compiler
        run = ctypes.CDLL(str(built)).gates
    run.restype = None
    run.argtypes = [
        *(ctypes.c_void_p, ctypes.c_ssize_t) * 2,
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_int),
    ]

    def gates(entering: Tensor, kept: Tensor, state: Tensor) -> Tensor:
        into = torch.empty_like(state)
        rows, size = state.shape
        run(
            *(entering.data_ptr(), entering.stride(0), kept.data_ptr(), kept.stride(0)),
            *(state.data_ptr(), into.data_ptr(), rows, size, torch.get_num_threads()),
        )
        return into

    return gates
