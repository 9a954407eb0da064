"""Offers the built-in augmentations."""

from __future__ import annotations

from latentknobs.augmentations.note_split import NoteSplit
from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.augmentation import Augmentation
from latentknobs.hooks import hookimpl


@hookimpl
def register_augmentations() -> list[Augmentation]:
    """Transpose and note-split, the two edits of the paper (Yang et al., NIME 2019)."""
    return [Transpose(), NoteSplit()]
