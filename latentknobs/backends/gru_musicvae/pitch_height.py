"""
Height: a melody's place on the keyboard as a dimension of its own, beside the line.

A transposed melody is the same line elsewhere. A network that reads pitches as they are must learn every line at every
height, and bends its codes where it does. With ``height`` it reads and writes tokens relative to the middle of the
clip, halfway between its lowest and highest note, and the last dimension of the code is that middle,

    (middle - 64) / 20 semitones,  standard deviation 0.075 / 20:

E4 is 0, the keyboard's ends lie about two standard deviations of the prior out, and a drawn code rounds to its own half
semitone but for one in a thousand. So transposition is exactly a shift of one dimension: what Cohen & Welling (2016)
call an equivariant network. A decoded line that leaves the 128 pitches is moved by octaves.

In tokens a line is placed by the whole semitone at or below its middle. Whether the middle lies half a semitone above
is a matter of the line itself: so the height of a clip turned upside down is exactly the opposite one.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor

from latentknobs.core.melody_format import HOLD

CENTRE: Final = 64
"""MIDI pitch whose height is 0, E4."""
UNIT: Final = 20.0
"""Semitones of a unit of height."""
SPREAD: Final = 0.075 / UNIT
"""Standard deviation of the posterior."""
PLACE: Final = 63
"""Token of the middle, rounded down, in a line; a clip of 128 pitches reaches from 0 to 127."""
_OCTAVE: Final = 12
_IMPOSSIBLE: Final = -1e4
"""Logit of a pitch that no token of the line stands for."""


def middle_of(tokens: Tensor) -> tuple[Tensor, Tensor]:
    """Of each of tokens int64 (N, T) the middle, rounded down, int64 (N,), and its code, float32 (N, 1)."""
    lowest, highest = _extremes(tokens, CENTRE)
    twice = lowest + highest
    return torch.div(twice, 2, rounding_mode="floor"), ((twice - 2 * CENTRE).float() / (2 * UNIT)).unsqueeze(1)


def beside(mean: Tensor, scale: Tensor, height: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of a line's posterior, each (N, D - 1), with its height's code (N, 1)."""
    return torch.cat([mean, height], dim=1), torch.cat([scale, torch.full_like(height, SPREAD)], dim=1)


def line_of(tokens: Tensor, middle: Tensor) -> Tensor:
    """Tokens (N, T) relative to middles (N,)."""
    return torch.where(tokens < HOLD, tokens - middle.unsqueeze(1) + PLACE, tokens)


def from_code(z: Tensor, line: Tensor) -> Tensor:
    """
    The middles, rounded down, int64 (N,), that codes (N, D) name for their lines (N, T).

    Where a line would leave the 128 pitches, moved by octaves if that is enough, else to the end of the keyboard.
    """
    lowest, highest = _extremes(line, PLACE)
    half = ((lowest + highest) % 2).float() / 2
    middle = torch.floor(CENTRE + UNIT * z[:, -1].float() - half + 0.5).clamp(0, HOLD - 1).long()
    lowest, highest = lowest - PLACE, highest - PLACE
    down = _octaves(middle + highest - (HOLD - 1))
    up = _octaves(-middle - lowest)
    return torch.clamp(middle + _OCTAVE * (up - down), -lowest, HOLD - 1 - highest)


def _extremes(tokens: Tensor, none: int) -> tuple[Tensor, Tensor]:
    """The lowest and highest onset of each clip, int64 (N,); ``none`` where it has none."""
    onset = tokens < HOLD
    silent = ~onset.any(dim=1, keepdim=True)
    pitches = torch.where(silent, none, tokens)
    either = onset | silent
    return torch.where(either, pitches, HOLD).amin(dim=1), torch.where(either, pitches, -1).amax(dim=1)


def _octaves(over: Tensor) -> Tensor:
    """Octaves that semitones need, int64; 0 where there are none."""
    return torch.div(over.clamp(min=0) + _OCTAVE - 1, _OCTAVE, rounding_mode="floor")


def placed(line: Tensor, middle: Tensor) -> Tensor:
    """A line's tokens (N, T) at these middles (N,)."""
    return torch.where(line < HOLD, line + middle.unsqueeze(1) - PLACE, line)


def placed_logits(logits: Tensor, middle: Tensor) -> Tensor:
    """Logits (N, T, V) of a line's tokens as those of tokens at these middles (N,)."""
    places = torch.arange(HOLD, device=logits.device) - middle.unsqueeze(1) + PLACE
    known = ((places >= 0) & (places < HOLD)).unsqueeze(1)
    places = places.clamp(0, HOLD - 1).unsqueeze(1).expand(-1, logits.shape[1], -1)
    pitches = torch.where(known, logits.gather(2, places), _IMPOSSIBLE)
    return torch.cat([pitches, logits[:, :, HOLD:]], dim=2)
