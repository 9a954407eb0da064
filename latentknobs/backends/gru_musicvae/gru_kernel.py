"""The gates of a GRU in one pass, compiled by the machine's C compiler where LATENTKNOBS_COMPILE=1."""

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
"""OpenMP is torch's own, which is loaded first, with its threads."""
_log = logging.getLogger(__name__)


def choose_gates() -> Gates:
    """:func:`mix`, or its compiled equivalent where the environment asks for it; a failure to compile is logged."""
    if os.environ.get(VARIABLE, "") in ("", "0"):
        return mix
    try:
        return _compiled()
    except (OSError, subprocess.SubprocessError) as error:
        output = getattr(error, "stderr", None) or str(error)
        reason = (output.strip() or type(error).__name__).splitlines()[0]
        _log.warning("%s: compiling failed, so the gates are computed without it (%s)", VARIABLE, reason)
        return mix


@cache
def _compiled() -> Gates:
    """
    The gates, compiled for this processor once in a process, which takes less than a second.

    Raises:
        OSError, SubprocessError: There is no C compiler (CC, else cc), or it fails.
    """
    with TemporaryDirectory(prefix="latentknobs-") as folder:
        library = Path(folder, "gru_kernel.so")
        compiler = shlex.split(os.environ.get("CC", "cc"))
        command = [*compiler, *FLAGS, str(SOURCE), "-o", str(library)]
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - the user's own compiler
        run = ctypes.CDLL(str(library)).gates
    run.restype = None
    run.argtypes = [
        *(ctypes.c_void_p, ctypes.c_ssize_t) * 2,
        *(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_ssize_t, ctypes.c_ssize_t, ctypes.c_int),
    ]

    def gates(entering: Tensor, kept: Tensor, state: Tensor) -> Tensor:
        out = torch.empty_like(state)
        rows, size = state.shape
        run(
            *(entering.data_ptr(), entering.stride(0), kept.data_ptr(), kept.stride(0)),
            *(state.data_ptr(), out.data_ptr(), rows, size, torch.get_num_threads()),
        )
        return out

    return gates
