"""The gates of a GRU put together by a compiler, for those who ask for it: LATENTKNOBS_COMPILE=1."""

from __future__ import annotations

import logging
import os
import warnings

import torch

from latentknobs.backends.gru_musicvae.inference import Gates, mix

VARIABLE = "LATENTKNOBS_COMPILE"
_log = logging.getLogger(__name__)


def choose_gates() -> Gates:
    """:func:`mix`, compiled where the environment asks for it; where that fails, one line says so and it is plain."""
    if os.environ.get(VARIABLE, "") in ("", "0"):
        return mix
    try:
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # the compiler calls what torch itself calls deprecated
            gates: Gates = torch.compile(mix, dynamic=True)
            for rows in (2, 3):
                gates(torch.zeros(rows, 8), torch.zeros(rows, 4), torch.zeros(rows, 4), torch.zeros(rows, 4))
    except Exception as error:  # noqa: BLE001 - a compiler fails in many ways, and the plain gates do the same
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        _log.warning("%s: torch.compile failed, so the gates are computed without it (%s)", VARIABLE, reason)
        return mix
    return gates
