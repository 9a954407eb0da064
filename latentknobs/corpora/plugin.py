"""Registers the built-in corpora; what reads them is loaded when they are asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from latentknobs.hooks import hookimpl

if TYPE_CHECKING:
    from latentknobs.core.corpus import Corpus


@hookimpl
def register_corpora() -> list[Corpus]:
    """The built-in corpora, the default one first."""
    from latentknobs.corpora.broad_melodies import BROAD
    from latentknobs.corpora.midi_folder import MidiFolder
    from latentknobs.corpora.music21_corpora import ESSEN, FOLK
    from latentknobs.corpora.music21_parts import ScoreParts
    from latentknobs.corpora.synthetic_melodies import FACTORS
    from latentknobs.corpora.whole_notes import WHOLE_NOTES

    return [FOLK, ESSEN, ScoreParts(), MidiFolder(), WHOLE_NOTES, FACTORS, BROAD]
