"""The loop as notes and clock: a thread that sends each step and each clock at its time."""

from __future__ import annotations

import logging
import math
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TypeAlias

from attrs import frozen

from latentknobs.core.clip import ClipFormat, Note
from latentknobs.core.meter import signature_of
from latentknobs.core.piece import Piece
from latentknobs.core.transport import Transport
from latentknobs.frontends.midi.playhead import Playhead
from latentknobs.frontends.midi.ports import Output

CLOCK, START, CONTINUE, STOP, SONG_POSITION = 0xF8, 0xFA, 0xFB, 0xFC, 0xF2
PER_QUARTER = 24
"""Clocks in a quarter note."""
DOWNBEAT, BEAT, OFFBEAT = 112, 100, 84
"""Velocities."""
SPIN = 0.0012
"""Seconds before a time from which on the thread waits for it awake: sleeping is less exact."""
SWITCH = 0.0005
"""Seconds after which another thread of Python lets this one run."""
IDLE = 0.25
"""Seconds after which it looks again where nothing plays."""
SIXTEENTH = PER_QUARTER // 4
"""Clocks of the note that positions are counted in."""
MOST_LATE = 4 * PER_QUARTER
"""Clocks that are made up for after a pause of the machine; more are left out."""

Times: TypeAlias = Callable[[float], Transport]
"""How it is played at a time of ``time.monotonic``."""
_log = logging.getLogger(__name__)


@frozen(eq=False)
class PlayedPiece:
    """
    A piece as it is looked up while it plays.

    Attributes:
        piece: The piece.
        sounding: The notes on each step, silent steps left out.
    """

    piece: Piece
    sounding: Mapping[int, tuple[Note, ...]]

    @classmethod
    def of(cls, piece: Piece) -> PlayedPiece:
        """Look up each step of a piece."""
        sounding: dict[int, list[Note]] = {}
        for note in piece.notes:
            for step in range(note.onset, note.end):
                sounding.setdefault(step, []).append(note)
        return cls(piece, {step: tuple(notes) for step, notes in sounding.items()})

    def velocity(self, step: int, clip_format: ClipFormat) -> int:
        """How loud a note that begins on a step is: downbeats most, then beats."""
        stretch = next((one for one in self.piece.stretches if one.start <= step < one.end), None)
        signature = signature_of(clip_format) if stretch is None else stretch.signature
        place = step - (0 if stretch is None else stretch.start)
        if place % (signature.quarters * clip_format.steps_per_beat) == 0:
            return DOWNBEAT
        beat = signature.quarters * clip_format.steps_per_beat * (3 if signature.compound else 1) / signature.beats
        return BEAT if place % beat == 0 else OFFBEAT


class Player:
    """
    Plays a session's notes on an output; begun by :meth:`start`.

    Args:
        output: Where to.
        times: How it is played.
        channel: 0 to 15.
        clock: Whether start, stop and clock are sent.
        ended: Called when it comes to its end by itself.
    """

    def __init__(
        self, output: Output, times: Times, channel: int, *, clock: bool, ended: Callable[[], None] = lambda: None
    ) -> None:
        self._output, self._times, self._channel, self._clock, self._ended = output, times, channel, clock, ended
        self._head = Playhead()
        self._score: tuple[PlayedPiece, ClipFormat] | None = None
        self._playing = False
        self._step = self._tick = 0  # the last ones that were sent
        self._wake = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="midi player", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with all notes."""
        self._stopped = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)
        self._halt()

    def play(self, piece: Piece, clip_format: ClipFormat) -> None:
        """Play these notes from the next step on."""
        self._score = PlayedPiece.of(piece), clip_format
        self._wake.set()

    def look(self) -> None:
        """Look at once how it is played."""
        self._wake.set()

    def _run(self) -> None:
        before = sys.getswitchinterval()
        sys.setswitchinterval(min(before, SWITCH))
        try:
            while not self._stopped:
                self._wake.clear()
                self._wait(self._due())
        except Exception:  # noqa: BLE001 - whatever it is, people are told and the notes end
            _log.exception("MIDI out has ended.")
        finally:
            sys.setswitchinterval(before)
            self._halt()

    def _wait(self, until: float) -> None:
        """Sleep, then stay awake, to a time; less when something changes."""
        if self._wake.wait(max(until - SPIN - time.monotonic(), 0.0)):
            return
        while time.monotonic() < until:
            pass

    def _due(self) -> float:
        """Send what is due; when the next is."""
        now = time.monotonic()
        transport = self._times(now)
        if not transport.playing:
            self._head.take(transport)
            self._halt()
            return now + IDLE
        shift = self._head.take(transport)
        raw = self._head.raw(now)
        per_step = PER_QUARTER / transport.steps_per_quarter
        if shift is None:
            self._output.silence()
            self._tell_place(transport)
            self._step = math.ceil(transport.origin) - 1
        else:
            self._step -= int(shift)
            self._tick -= round(shift * per_step)
        if transport.ended(now):
            self._halt()
            self._ended()
            return now + IDLE
        self._send_clocks(math.floor(raw * per_step + 1e-6))
        step = math.floor(raw + 1e-6)
        if step > self._step:
            self._step = step
            self._sound(self._head.step(step))
        return min(self._head.time_of(self._step + 1), self._head.time_of((self._tick + 1) / per_step))

    def _tell_place(self, transport: Transport) -> None:
        """Tell followers that playing begins, or goes on elsewhere, counted from the beginning of what is played."""
        if self._playing:
            self._send(STOP)  # a position may only be told while nothing plays
        self._playing = True
        per_step = PER_QUARTER / transport.steps_per_quarter
        first = transport.start * per_step
        sixteenth = math.floor((transport.origin * per_step - first) / SIXTEENTH + 1e-6)
        self._tick = math.ceil(first - 1e-6) + sixteenth * SIXTEENTH - 1  # clocks since that sixteenth are made up for
        if sixteenth > 0:
            self._send(SONG_POSITION, sixteenth & 127, sixteenth >> 7 & 127)
        self._send(CONTINUE if sixteenth > 0 else START)

    def _send_clocks(self, until: int) -> None:
        self._tick = max(self._tick, until - MOST_LATE)
        while self._tick < until:
            self._tick += 1
            self._send(CLOCK)

    def _sound(self, step: int) -> None:
        """Have exactly the notes of a step sound, those that begin on it struck again."""
        if self._score is None:
            return
        score, clip_format = self._score
        wanted = {note.pitch: note for note in score.sounding.get(step, ())}
        for channel, pitch in self._output.sounding:
            if pitch not in wanted or wanted[pitch].onset == step or channel != self._channel:
                self._output.release(channel, pitch)
        held = {pitch for _channel, pitch in self._output.sounding}
        for pitch, note in wanted.items():
            if pitch not in held:
                self._output.strike(self._channel, pitch, score.velocity(note.onset, clip_format))

    def _halt(self) -> None:
        if not self._playing:
            self._output.silence()
            return
        self._playing = False
        self._output.quiet()
        self._send(STOP)

    def _send(self, *message: int) -> None:
        if self._clock:
            self._output.send(message)
