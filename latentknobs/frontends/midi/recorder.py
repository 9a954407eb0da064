"""Notes that are played in, on the grid, as a piece."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from fractions import Fraction

from attrs import evolve

from latentknobs.core.clip import ClipFormat, DrumFormat, Note
from latentknobs.core.live_session import LiveSession
from latentknobs.core.meter import signature_of
from latentknobs.core.piece import Piece, PieceStretch
from latentknobs.core.time_signature import TimeSignature
from latentknobs.core.transport import Transport
from latentknobs.frontends.midi.playhead import Playhead
from latentknobs.scores.drum_hits import hits, voices
from latentknobs.scores.voice_extraction import LEGATO, highest_onset, overlap, skyline

MOST_BARS = 500
MOST_NOTES = 20_000


class Recorder:
    """
    Records what is played in while the session plays.

    Args:
        session: Gives the grid and the bars.
        bars: After how many it ends by itself; 0 = when playing stops.
    """

    def __init__(self, session: LiveSession, bars: int = 0) -> None:
        self._session, self._bars = session, bars
        self._lock = threading.Lock()
        self._head = Playhead()
        self._armed = self._running = False
        self._begun: dict[int, float] = {}
        self._played: list[tuple[float, float, int]] = []
        self._beginning = 0.0

    @property
    def armed(self) -> bool:
        """Whether it waits for notes or records them."""
        return self._armed

    def arm(self) -> None:
        """Record from the next note on that is played in."""
        with self._lock:
            self._forget()
            self._armed = True

    def note(self, pitch: int, *, on: bool, transport: Transport, now: float) -> None:
        """A note begins or ends; those that come while nothing plays are left out."""
        with self._lock:
            if not (self._armed and transport.playing):
                return
            at = self._place(transport, now)
            if on and len(self._played) < MOST_NOTES:
                self._end(pitch, at)
                self._begun[pitch] = at
            elif not on:
                self._end(pitch, at)

    def look(self, transport: Transport, now: float) -> Piece | None:
        """The piece, where the recording has come to its end."""
        with self._lock:
            if not self._running:
                return None
            if transport.playing:
                at = self._place(transport, now)
                if at < (self._bars or MOST_BARS) * self._signature.quarters * transport.steps_per_quarter:
                    return None
            return self._finished(now)

    def _place(self, transport: Transport, now: float) -> float:
        """Steps since the bar in which the recording began."""
        before = self._head.counted(now) - self._beginning if self._running else 0.0
        if self._head.take(transport) is None:
            if not self._running:
                self._running = True
                # The bar of the first note; one that comes just before it belongs to the next.
                bar = self._signature.quarters * transport.steps_per_quarter
                place = self._head.counted(now) - transport.start
                before = place - float(math.floor(Fraction(place + 0.5) / bar) * bar)
            self._beginning = self._head.counted(now) - before
        return self._head.counted(now) - self._beginning

    @property
    def _signature(self) -> TimeSignature:
        stretches = self._session.music.piece.stretches
        return stretches[0].signature if stretches else signature_of(self._session.clip_format)

    def _end(self, pitch: int, at: float) -> None:
        begun = self._begun.pop(pitch, None)
        if begun is not None:
            self._played.append((begun, at, pitch))

    def _finished(self, now: float) -> Piece | None:
        for pitch in list(self._begun):
            self._end(pitch, self._head.counted(now) - self._beginning)
        played, transport = self._played, self._head.transport
        self._forget()
        self._armed = False
        if not played or transport is None:
            return None
        piece = piece_of(played, self._signature, self._bars, self._session.clip_format)
        return evolve(piece, tempo=transport.tempo)

    def _forget(self) -> None:
        self._head, self._running, self._begun, self._played = Playhead(), False, {}, []


def piece_of(
    played: Sequence[tuple[float, float, int]], signature: TimeSignature, bars: int, clip_format: ClipFormat
) -> Piece:
    """
    A piece of notes that were played.

    Starts and ends are rounded to the grid separately, half up, and a note lasts at least a step. Of several at a time
    the highest is kept, unless the format is one of drums.

    Args:
        played: Start and end in steps, and pitch; not empty.
        signature: Of its bars.
        bars: Its length; 0 = to the end of the bar of the last note.
        clip_format: Gives the grid.
    """
    rounded = []
    for start, end, pitch in played:
        onset = max(math.floor(start + 0.5), 0)
        rounded.append(Note(onset, pitch, max(math.floor(end + 0.5) - onset, 1)))
    bar = signature.quarters * clip_format.steps_per_beat
    steps = math.ceil(bar * (bars or math.ceil(max(note.end for note in rounded) / bar)))
    notes = [evolve(one, length=min(one.length, steps - one.onset)) for one in rounded if one.onset < steps]
    if isinstance(clip_format, DrumFormat):
        known = voices(clip_format)
        kept = hits([note for note in notes if note.pitch in known], clip_format)
    elif overlap(notes, LEGATO) is None:
        kept = highest_onset(notes).notes
    else:
        kept = skyline(notes, steps).notes
    return Piece(kept, steps, name="recording", stretches=(PieceStretch(0, steps, signature),))
