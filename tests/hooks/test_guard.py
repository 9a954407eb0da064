import contextlib
import signal

import numpy as np
import pytest

from latentknobs.augmentations.transpose import Transpose
from latentknobs.core.attribute import Attribute
from latentknobs.core.augmentation import Augmented
from latentknobs.core.melody_format import HOLD, MELODY, REST
from latentknobs.core.plugin_guard import run_augmentation
from latentknobs.errors import AmountError, PluginError
from latentknobs.hooks import hookimpl
from latentknobs.hooks.manager import Plugins
from latentknobs.testing.tiny import tiny_clips

CLIPS = tiny_clips(6)
ALL = np.ones(6, dtype=bool)


class Stranger:
    """An augmentation with somebody else's code in it."""

    name = "stranger"

    def __init__(self, code):
        self.code = code

    def __call__(self, clips, amount, rng):
        return self.code(clips)


def run(code):
    """What the guard makes of the code."""
    return run_augmentation(Stranger(code), CLIPS, 1, np.random.default_rng(0), MELODY)


def mutate(clips):
    """Edits its input."""
    clips[0, 0] = 7
    return Augmented(clips.copy(), ALL)


def leave(_clips):
    """Leaves the program."""
    raise SystemExit(1)


FAULTS = {
    "it raises": (lambda _: 1 / 0, r"failed: line \d+: it raised ZeroDivisionError"),
    "it leaves": (leave, "calls sys.exit"),
    "it edits its input": (mutate, "writes into an array it is given .*it must work on a copy"),
    "nothing": (lambda _: None, "returned nothing"),
    "a bare array": (lambda clips: clips, "an array of int16"),
    "a pair": (lambda clips: (clips, ALL), "returned a tuple; it must return Augmented"),
    "floats": (lambda clips: Augmented(clips / 2, ALL), "float64"),
    "lists": (lambda clips: Augmented(clips.tolist(), ALL), "a list as its clips"),
    "fewer clips": (lambda clips: Augmented(clips[1:], ALL[1:]), r"shape \(5, 32\) as its clips"),
    "numbers as a mask": (lambda clips: Augmented(clips, ALL.astype(int)), "int64 .* as its mask"),
    "a short mask": (lambda clips: Augmented(clips, ALL[1:]), r"\(5,\) as its mask"),
    "a token too high": (lambda clips: Augmented(np.full_like(clips, 130), ALL), "tokens 130 to 130"),
    "a token too low": (lambda clips: Augmented(np.full_like(clips, -1), ALL), "must be masked"),
    "broken clips": (
        lambda clips: Augmented(np.full_like(clips, HOLD), ALL),
        "6 clips that break the rules .* marked as valid",
    ),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_a_broken_augmentation_is_one_sentence(fault):
    """Whatever a stranger's edit does wrong names the edit, and the caller's clips stay."""
    code, wanted = FAULTS[fault]
    before = CLIPS.copy()

    with pytest.raises(PluginError, match=wanted) as caught:
        run(code)

    assert f"augmentation 'stranger' at amount 1 of {__file__} " in str(caught.value)
    assert np.array_equal(CLIPS, before)


def test_masked_clips_come_back_as_they_were():
    """Where the mask says no, whatever the edit left there is replaced by the original."""
    valid = ALL.copy()
    valid[2] = False

    out = run(lambda clips: Augmented(np.where(valid[:, None], REST, np.full_like(clips, 999, dtype=np.int64)), valid))

    assert out.clips.dtype == np.int16
    assert np.array_equal(out.clips[2], CLIPS[2])
    assert (out.clips[valid] == REST).all()


def test_an_amount_error_stays_what_it_is():
    """The edit's own sentence about an amount reaches people unchanged."""
    with pytest.raises(AmountError, match="whole semitones"):
        run_augmentation(Transpose(), CLIPS, 0.5, np.random.default_rng(0), MELODY)


def test_ctrl_c_in_an_edit_ends_the_work():
    """Even where the edit catches it."""

    def interrupt(clips):
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(interrupt)


def test_a_keyboard_interrupt_that_no_signal_raised_is_the_edits_fault():
    """It is told as any other exception."""

    def interrupt(_clips):
        raise KeyboardInterrupt

    with pytest.raises(PluginError, match="it raised KeyboardInterrupt"):
        run(interrupt)


def measure_and_mutate(clips):
    """Edits its input."""
    clips[:] = 0
    return np.zeros(len(clips))


MEASURES = {
    "it raises": (lambda _: 1 / 0, "failed: it raised ZeroDivisionError"),
    "it leaves": (leave, "calls sys.exit"),
    "it edits its input": (measure_and_mutate, "writes into an array"),
    "one number": (lambda clips: clips.mean(), "one per clip"),
    "a number a step": (lambda clips: clips * 1.0, "one per clip"),
    "text": (lambda clips: np.array(["a"] * len(clips)), "one per clip"),
    "infinity": (lambda clips: np.full(len(clips), -np.inf), "NaN"),
}


def measure_of(code):
    """The attribute's function as it is handed out when a plugin offers this code."""

    class Plugin:
        @hookimpl
        def register_attributes(self):
            return [Attribute("odd", "", "Odd.", MELODY.name, code)]

    plugins = Plugins(strict=True)
    plugins.register(Plugin(), "strange")
    return plugins.attributes()["odd"].measure


@pytest.mark.parametrize("fault", sorted(MEASURES))
def test_a_broken_measure_is_one_sentence(fault):
    """What a plugin registers as an attribute is guarded whoever calls it."""
    code, wanted = MEASURES[fault]

    with pytest.raises(PluginError, match=f"attribute 'odd' of plugin 'strange'.*{wanted}"):
        measure_of(code)(CLIPS)


def test_whole_numbers_are_numbers():
    """A measure may count; it is handed out as float64."""
    assert measure_of(lambda clips: (clips < HOLD).sum(axis=1))(CLIPS).dtype == np.float64


def test_no_clips_are_fine():
    """An empty batch is edited like any other."""
    out = run_augmentation(Transpose(), CLIPS[:0], 1, np.random.default_rng(0), MELODY)

    assert out.clips.shape == (0, 32)
