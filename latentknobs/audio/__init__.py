"""Notes to sound: a small synthesizer, so that anyone can listen without other software, and FluidSynth where it is."""

from latentknobs.audio.accompaniment import Accompaniment, accompaniment_of
from latentknobs.audio.performance import MAX_NOTES, MAX_SECONDS, performance_of
from latentknobs.audio.rendering import PEAK, render, wav_bytes, wav_of, write_wav
from latentknobs.audio.waves import SAMPLE_RATE

__all__ = [
    "MAX_NOTES",
    "MAX_SECONDS",
    "PEAK",
    "SAMPLE_RATE",
    "Accompaniment",
    "accompaniment_of",
    "performance_of",
    "render",
    "wav_bytes",
    "wav_of",
    "write_wav",
]
