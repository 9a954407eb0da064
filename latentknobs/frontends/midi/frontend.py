"""The MIDI front end: ports, and what goes between them and a session."""

from __future__ import annotations

import atexit
import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import mido

from latentknobs.core.clip import DrumFormat
from latentknobs.core.frontend_specs import RunningFrontend
from latentknobs.core.live_session import LiveSession, Music
from latentknobs.core.parameter import Change
from latentknobs.core.piece import Piece
from latentknobs.errors import LatentKnobsError
from latentknobs.frontends.midi.controls import BUTTONS, Controls
from latentknobs.frontends.midi.following import ClockFollower, Leader, OwnTime
from latentknobs.frontends.midi.learning import Learner
from latentknobs.frontends.midi.mapping import (
    Control,
    default_controls,
    from_file,
    mapping_path,
    over,
    parameter_path,
    read_mapping,
    write_mapping,
    written,
)
from latentknobs.frontends.midi.options import MidiOptions, read_options
from latentknobs.frontends.midi.player import Player
from latentknobs.frontends.midi.port_watch import PortWatch
from latentknobs.frontends.midi.ports import PortSystem, RtMidiPorts
from latentknobs.frontends.midi.recorder import Recorder

DRUM_CHANNEL = 9
LOOK = 0.1
"""Seconds between looks at what is to be done now and then."""
PORTS = 1.0
"""Seconds between looks at the ports."""
PLAYING = {"play", "tempo", "loop", "loop/bars", "file"}
_log = logging.getLogger(__name__)


def start(session: LiveSession, arguments: Sequence[str]) -> RunningFrontend:
    """
    Start it on the ports of this machine.

    Raises:
        LatentKnobsError: An option, a port or a mapping cannot be used.
    """
    return MidiFrontend(session, read_options(arguments), RtMidiPorts())


class MidiFrontend:
    """
    A session's controls, notes and clock on MIDI ports.

    Args:
        session: What is played.
        options: What people say.
        ports: Where ports come from.

    Raises:
        LatentKnobsError: A port, a mapping or Link cannot be used.
    """

    def __init__(self, session: LiveSession, options: MidiOptions, ports: PortSystem) -> None:
        self._session, self._options = session, options
        self._tasks: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._learner = Learner([parameter_path(name, session) for name in options.learn])
        self._recorder = Recorder(session, options.record or 0)
        if options.record is not None:
            self._recorder.arm()
        self._mapped = self._controls_of(options)
        self._leader: Leader = self._leading()
        self._watch = PortWatch(ports, self.receive)
        self._clock = self._leader if isinstance(self._leader, ClockFollower) else None
        channel = DRUM_CHANNEL if isinstance(session.clip_format, DrumFormat) else options.channel - 1
        self._player = Player(
            self._watch.output, self._leader.transport, channel, clock=options.clock == "send", ended=self._ended
        )
        self.controls = Controls(session, self._mapped, options.takeover, self._watch.output.silence, self._record)
        self._player.play(session.music.piece, session.clip_format)
        try:
            self._watch.open(options)
        except BaseException:
            self._leader.close()
            raise
        self._listening = session.subscribe(self._changed, self._new_music, "midi")
        self._thread = threading.Thread(target=self._work, name="midi", daemon=True)
        self._thread.start()
        self._player.start()
        atexit.register(self._silence)
        self._tasks.put(self._show_all)
        if self._learner.asks:
            self._ask()
        if options.play:
            self._set_play(True)

    @property
    def where(self) -> str:
        """The ports."""
        return f"MIDI: {self._watch.where}."

    def stop(self) -> None:
        """End all notes, and close the ports."""
        self._listening.close()
        self._player.stop()
        self._tasks.put(None)
        self._thread.join(timeout=5)
        self._leader.close()
        self._watch.close()
        atexit.unregister(self._silence)

    def _silence(self) -> None:
        """The program ends without having stopped it."""
        self._player.stop()
        self._watch.output.close()

    def receive(self, data: Sequence[int]) -> None:
        """A message has come, whole, as bytes; what is none is left out."""
        now = time.monotonic()
        try:
            message = mido.Message.from_bytes(data)
        except (ValueError, TypeError, LookupError):
            return
        try:
            self._take(message, now)
        except LatentKnobsError as error:
            _log.debug("MIDI: %s", error)

    def _take(self, message: Any, now: float) -> None:
        if message.type in ("note_on", "note_off"):
            on = message.type == "note_on" and message.velocity > 0
            self._recorder.note(message.note, on=on, transport=self._leader.transport(now), now=now)
        elif message.type == "control_change":
            if self._learner.asks:
                self._learner.change(message.control, message.value, now)
            else:
                self.controls.change(message.channel, message.control, message.value)
        elif message.type == "program_change":
            self.controls.program(message.program)
        elif self._clock is not None:
            self._follow(self._clock, message, now)
        elif message.type == "continue" and not self._session.transport.playing:
            self._go_to(self._session.transport.origin)  # where it stopped
            self._set_play(True)
        elif message.type in ("start", "continue", "stop"):
            self._set_play(message.type != "stop")
        elif message.type == "songpos":
            transport = self._session.transport
            self._go_to(transport.start + message.pos * transport.steps_per_quarter / 4)

    def _follow(self, clock: ClockFollower, message: Any, now: float) -> None:
        if message.type == "clock":
            clock.clock(now)
        elif message.type in ("start", "continue"):
            clock.start(again=message.type == "continue")
        elif message.type == "stop":
            clock.stop()
        elif message.type == "songpos":
            clock.locate(message.pos)
        else:
            return
        self._player.look()

    def _changed(self, change: Change) -> None:
        self._send(self.controls.told(change))
        if change.path in PLAYING:
            self._player.look()
        if change.path == "file":
            self._tasks.put(self._map_again)

    def _map_again(self) -> None:
        """Another piece is open, which may have other knobs and bars."""
        self._mapped = self._controls_of(self._options)
        self.controls.use(self._mapped)
        self._show_all()

    def _new_music(self, music: Music) -> None:
        self._player.play(music.piece, self._session.clip_format)

    def _show_all(self) -> None:
        self._send(self.controls.lights(self._session.values))

    def _send(self, messages: Iterable[tuple[int, int, int]]) -> None:
        for data in messages:
            for output in self._watch.feedback:
                output.send(data)

    def _ended(self) -> None:
        """The piece has come to its end; said from another thread than the player's, which sends meanwhile."""
        self._tasks.put(lambda: self._set_play(False))

    def _set_play(self, playing: bool) -> None:
        self._session.set("play", playing, BUTTONS)

    def _go_to(self, step: float) -> None:
        self._session.set("position", self._session.parameter("position").nearest(step), BUTTONS)

    def _record(self) -> None:
        self._recorder.arm()
        if self._clock is None and not self._session.transport.playing:
            self._set_play(True)  # notes have no place on the grid while nothing plays
        _log.warning("MIDI: recording begins with the next note.")

    # Now and then.

    def _work(self) -> None:
        ports = time.monotonic() + PORTS
        while True:
            try:
                task = self._tasks.get(timeout=LOOK)
            except queue.Empty:
                task = self._look
            if task is None:
                return
            try:
                task()
                if time.monotonic() >= ports:
                    ports = time.monotonic() + PORTS
                    if self._watch.look():
                        self._show_all()
            except LatentKnobsError as error:
                _log.warning("MIDI: %s", error)
            except Exception:  # noqa: BLE001 - whatever it is, the ports are still to be watched
                _log.exception("MIDI: what is done now and then has failed; it is tried again.")

    def _look(self) -> None:
        now = time.monotonic()
        self._leader.look(now)
        piece = self._recorder.look(self._leader.transport(now), now)
        if piece is not None:
            self._open(piece)
        if self._learner.look(now):
            self._learned()

    def _open(self, piece: Piece) -> None:
        self._session.open(piece, BUTTONS, go_on=True)  # what is set while it opens is newer than the recording
        _log.warning("MIDI: %d notes were recorded.", len(piece.notes))

    # Learning.

    def _ask(self) -> None:
        name = self._learner.asks.removeprefix("knob/")
        _log.warning("Move the control for %s up and down.", name)

    def _learned(self) -> None:
        _log.warning("It is %s.", self._learner.learned[-1])
        if self._learner.asks:
            self._ask()
            return
        path = self._options.mapping or mapping_path()
        names = {one.path.removeprefix("knob/"): str(one) for one in self._learner.learned}
        old = read_mapping(path) if path.exists() else {}
        write_mapping(path, {**_left(old, self._learner.learned), **names})
        self._mapped = over(self._mapped, self._learner.learned)
        self.controls.use(self._mapped)
        _log.warning("All is learned, and written to %s.", path)

    def _controls_of(self, options: MidiOptions) -> list[Control]:
        """The default controls, those of the mapping file over them, those of the command line over all."""
        controls = default_controls(self._session)
        path = options.mapping or mapping_path()
        if path.exists() or (options.mapping and not options.learn):
            own, others = from_file(read_mapping(path), self._session)
            controls = over(controls, own)
            for name in others:
                _log.warning("MIDI: %s of the mapping %s is nothing that this piece has.", name, path)
        return over(controls, written(options.maps, self._session))

    def _leading(self) -> Leader:
        if self._options.link:
            from latentknobs.frontends.midi.link import LinkFollower

            return LinkFollower(self._session)
        return ClockFollower(self._session) if self._options.clock == "follow" else OwnTime(self._session)


def _left(old: Mapping[str, str], learned: Sequence[Control]) -> dict[str, str]:
    """The lines of a mapping file that what was learned leaves as they are."""
    out = {}
    for name, text in old.items():
        one = Control.parse(name, text)
        if not any(name in (two.path, two.path.removeprefix("knob/")) or one.meets(two) for two in learned):
            out[name] = text
    return out
