"""Sound through FluidSynth, where it is installed."""

import io
import os
import shutil
import wave
from pathlib import Path

import numpy as np
import pytest

from latentknobs.audio import PEAK, wav_bytes
from latentknobs.errors import OutputError, UsageError
from latentknobs.scores import twinkle

SOUNDFONT = next((path for path in sorted(Path("/usr/share/sounds/sf2").glob("*.sf2")) if path.is_file()), None)
needs_fluidsynth = pytest.mark.skipif(
    shutil.which("fluidsynth") is None or SOUNDFONT is None,
    reason="needs fluidsynth and a SoundFont (apt install fluidsynth timgm6mb-soundfont)",
)


@pytest.fixture
def no_soundfont(tmp_path):
    """A file that starts as a SoundFont does, and holds none."""
    path = tmp_path / "broken.sf2"
    path.write_bytes(b"RIFF\x04\0\0\0sfbk")
    return path


@needs_fluidsynth
def test_a_soundfont_plays_through_fluidsynth(monkeypatch):
    """In stereo, within the peak, at least as long as the piece; the environment names it too."""
    data = wav_bytes(twinkle(), soundfont=SOUNDFONT)

    with wave.open(io.BytesIO(data)) as file:
        assert file.getparams()[:3] == (2, 2, 44_100)
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32767
        assert file.getnframes() >= 24 * 44_100
    assert np.abs(sound).max() == pytest.approx(PEAK, abs=1e-4)
    monkeypatch.setenv("LATENTKNOBS_SOUNDFONT", str(SOUNDFONT))
    assert wav_bytes(twinkle())[:44] == data[:44]


@needs_fluidsynth
def test_a_broken_soundfont_is_told(no_soundfont):
    """FluidSynth would play silence and call it a success."""
    with pytest.raises(OutputError, match=r"cannot play twinkle with .*broken\.sf2 \(.+\): name another"):
        wav_bytes(twinkle(), soundfont=no_soundfont)


def test_without_fluidsynth_the_message_says_what_to_install(no_soundfont, monkeypatch):
    """And how to do without."""
    monkeypatch.setenv("PATH", os.devnull)

    with pytest.raises(OutputError, match=r"install it .*or name no SoundFont"):
        wav_bytes(twinkle(), soundfont=no_soundfont)


def test_what_is_no_soundfont_is_told(tmp_path):
    """A file that is not there, and one of another kind."""
    with pytest.raises(UsageError, match="cannot be opened"):
        wav_bytes(twinkle(), soundfont=tmp_path / "none.sf2")
    (tmp_path / "tune.mid").write_bytes(b"MThd")
    with pytest.raises(UsageError, match="is no SoundFont"):
        wav_bytes(twinkle(), soundfont=tmp_path / "tune.mid")
