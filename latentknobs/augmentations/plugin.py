"""Offers the built-in augmentations; they are loaded when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentknobs.hooks import hookimpl

if TYPE_CHECKING:
    from latentknobs.core.augmentation import Augmentation


@hookimpl
def register_augmentations() -> list[Augmentation]:
    """The two edits of the paper (Yang et al., NIME 2019), then those of pitch, key, rhythm and the whole melody."""
    from latentknobs.augmentations.alter import Alter
    from latentknobs.augmentations.anticipate import Anticipate
    from latentknobs.augmentations.degree import Degree
    from latentknobs.augmentations.delay import Delay
    from latentknobs.augmentations.detach import Detach
    from latentknobs.augmentations.diatonic_inversion import DiatonicInversion
    from latentknobs.augmentations.fill import Fill
    from latentknobs.augmentations.inversion import Inversion
    from latentknobs.augmentations.leap import Leap
    from latentknobs.augmentations.neighbour_swap import NeighbourSwap
    from latentknobs.augmentations.note_split import NoteSplit
    from latentknobs.augmentations.octave import Octave
    from latentknobs.augmentations.ornament import Ornament
    from latentknobs.augmentations.reflection import Reflection
    from latentknobs.augmentations.register_fold import RegisterFold
    from latentknobs.augmentations.retrograde import Retrograde
    from latentknobs.augmentations.rotation import Rotation
    from latentknobs.augmentations.smooth import Smooth
    from latentknobs.augmentations.stretch import Stretch
    from latentknobs.augmentations.swap_mode import SwapMode
    from latentknobs.augmentations.swing import SwingEighths
    from latentknobs.augmentations.thinning import Thinning
    from latentknobs.augmentations.tilt import Tilt
    from latentknobs.augmentations.transpose import Transpose

    pitch = [Octave(), NeighbourSwap(), Tilt(), Stretch(), Alter()]
    key = [Degree(), DiatonicInversion(), SwapMode(), Smooth(), Leap()]
    rhythm = [Fill(), Anticipate(), Detach(), Delay(), SwingEighths()]
    melody = [Inversion(), Reflection(), Retrograde(), Rotation(), Ornament(), RegisterFold(), Thinning()]
    return [Transpose(), NoteSplit(), *pitch, *key, *rhythm, *melody]
