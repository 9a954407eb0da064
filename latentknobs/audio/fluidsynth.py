"""Sound from FluidSynth, a program that plays MIDI files with a SoundFont, where it is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from latentknobs.audio.waves import SAMPLE_RATE, Samples
from latentknobs.errors import OutputError, UsageError

VARIABLE = "LATENTKNOBS_SOUNDFONT"
TIMEOUT = 300
"""Seconds that it may take: twenty minutes of music with a SoundFont of a gigabyte."""


def named_soundfont() -> Path | None:
    """The SoundFont that the environment names."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def play(midi: bytes, name: str, soundfont: Path) -> Samples:
    """
    A MIDI file as stereo sound, float32 (samples, 2).

    Args:
        midi: The file.
        name: Of the piece, for messages.
        soundfont: The SoundFont (.sf2, .sf3).

    Raises:
        UsageError: There is no such SoundFont, or it is none.
        OutputError: FluidSynth is not installed, fails, or takes longer than TIMEOUT.
    """
    _check(soundfont)
    program = shutil.which("fluidsynth")
    if program is None:
        raise OutputError(
            f"To play with {soundfont} takes the program fluidsynth, which is not installed: install it (apt install "
            "fluidsynth, brew install fluid-synth), or name no SoundFont and have the built-in timbres."
        )
    with tempfile.TemporaryDirectory() as folder:
        file, sound, settings = (Path(folder) / part for part in ("piece.mid", "sound.raw", "settings"))
        file.write_bytes(midi)
        settings.touch()  # instead of the user's own, which may open windows and drivers
        options = ["-niq", "-r", str(SAMPLE_RATE), "-O", "float", "-E", "little", "-T", "raw"]
        command = [program, *options, *map(str, ("-f", settings, "-F", sound, soundfont.resolve(), file))]
        try:
            done = subprocess.run(  # noqa: S603 - the user's own program, on paths that exist
                command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False
            )
        except subprocess.TimeoutExpired:
            raise OutputError(
                f"FluidSynth did not finish {name} within {TIMEOUT} seconds: name a smaller SoundFont, or none."
            ) from None
        except OSError as error:
            raise OutputError(f"FluidSynth ({program}) cannot be started: {error.strerror or error}.") from error
        said = done.stderr.decode("utf-8", "replace").strip()
        if done.returncode or not sound.is_file() or "Failed to load" in said:
            reason = said.splitlines()[0].removeprefix("fluidsynth: error: ") if said else "no sound was made"
            raise OutputError(f"FluidSynth cannot play {name} with {soundfont} ({reason}): name another SoundFont.")
        return np.fromfile(sound, dtype="<f4").astype(np.float32, copy=False).reshape(-1, 2)


def _check(soundfont: Path) -> None:
    try:
        with soundfont.open("rb") as file:
            head = file.read(12)
    except OSError as error:
        raise UsageError(f"The SoundFont {soundfont} cannot be opened: {error.strerror or error}.") from error
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise UsageError(f"{soundfont} is no SoundFont: name a file that ends in .sf2 or .sf3.")
