"""What OSC messages do: they set the session's parameters, subscribe, and ask."""

from __future__ import annotations

import heapq
import itertools
import math
import time
from collections.abc import Callable, Iterable, Mapping
from operator import itemgetter

from latentknobs import __version__
from latentknobs.core.live_session import LiveSession, Music
from latentknobs.core.parameter import Change, Value
from latentknobs.errors import LatentKnobsError, UsageError
from latentknobs.frontends.osc.addresses import Target, targets, value_of
from latentknobs.frontends.osc.feedback import note_messages, steps_message, value_message, value_messages
from latentknobs.frontends.osc.packets import Argument, OscMessage, read
from latentknobs.frontends.osc.subscribers import SECONDS, Address, OscSubscribers, Rates, source_of

AHEAD = 10.0
"""Seconds that a bundle may be sent before its time."""
MOST_WAITING = 1000
"""Messages that wait for their time."""
ERRORS, ANSWERS = (5.0, 20.0), (100.0, 200.0)
"""Per second, and at once, for each place that is answered."""
DERIVING = "morph"
"""The parameter that sets others when it is set."""


class OscControl:
    """
    Plays messages on a session, and answers them; used by one thread.

    Args:
        session: What is played.
        send: Sends messages to a place; must not raise.
        reply_port: Where senders are answered that have not subscribed.
    """

    def __init__(
        self, session: LiveSession, send: Callable[[Address, Iterable[OscMessage]], None], reply_port: int
    ) -> None:
        self._session, self._send = session, send
        self.subscribers = OscSubscribers(reply_port)
        self._errors, self._answers = Rates(*ERRORS), Rates(*ANSWERS)
        self._unsaid: dict[Address, int] = {}
        self._waiting: list[tuple[float, int, OscMessage, Address]] = []
        self._count = itertools.count()
        self._values: dict[str, tuple[Value, Address]] = {}
        """To be set; the newest value of each parameter, in the order in which they came."""
        self._commands: Mapping[str, Callable[[Address, tuple[Argument, ...]], None]] = {
            "/subscribe": self._subscribe,
            "/unsubscribe": self._unsubscribe,
            "/ping": self._ping,
            "/get/notes": self._get_notes,
            "/get/steps": self._get_steps,
        }

    def until_due(self) -> float | None:
        """Seconds until a message's time comes, None = none waits."""
        return max(0.0, self._waiting[0][0] - time.monotonic()) if self._waiting else None

    def play(self, packets: Iterable[tuple[bytes, Address]]) -> None:
        """
        Do what packets say, and those whose time has come.

        Values that come together are set as one change, of each parameter the newest.
        """
        for packet, sender in packets:
            try:
                messages = read(packet)
            except UsageError as error:
                self._refuse(sender, str(error), "")
                continue
            for message in messages:
                self._attempt(message, sender, self._now_or_later)
        while self._waiting and self._waiting[0][0] <= time.monotonic():
            _due, _number, message, sender = heapq.heappop(self._waiting)
            self._attempt(message, sender, self._do)
        self._set_values()

    def tell_change(self, changes: Iterable[Change]) -> None:
        """Tell subscribers of changes, each of what it did not set itself."""
        changed = [
            (change, message)
            for change in changes
            for message in value_messages(self._session, change.path, change.value)
        ]
        for one in self.subscribers:
            if messages := [message for change, message in changed if one.wants(change, message.address)]:
                self._send(one.to, messages)

    def tell_music(self, music: Music) -> None:
        """Tell subscribers the notes, or why there are no new ones."""
        messages = [OscMessage("/error", (music.error, "/notes"))] if music.error else self._notes(music)
        for one in self.subscribers:
            self._send(one.to, messages)

    def _notes(self, music: Music) -> list[OscMessage]:
        out = list(note_messages(music.piece, self._session.clip_format))
        try:
            return [*out, steps_message(music.piece)]
        except UsageError:
            return out  # /get/steps says why

    # What a message does.

    def _attempt(self, message: OscMessage, sender: Address, action: Callable[[OscMessage, Address], None]) -> None:
        try:
            action(message, sender)
        except LatentKnobsError as error:
            self._refuse(sender, str(error), message.address)
        except Exception as error:  # noqa: BLE001 - whatever a packet brings about, the next one is played
            self._refuse(sender, f"{type(error).__name__}: {error}", message.address)

    def _now_or_later(self, message: OscMessage, sender: Address) -> None:
        ahead = message.at - time.time()
        if ahead <= 0:
            self._do(message, sender)
            return
        if ahead > AHEAD:
            raise UsageError(f"A bundle may come {AHEAD:g} seconds before its time, not {ahead:.1f}: are clocks set?")
        if len(self._waiting) >= MOST_WAITING:
            raise UsageError(f"{MOST_WAITING} messages wait for their time already: send this one later.")
        heapq.heappush(self._waiting, (time.monotonic() + ahead, next(self._count), message, sender))

    def _do(self, message: OscMessage, sender: Address) -> None:
        if command := self._commands.get(message.address):
            self._set_values()
            command(sender, message.arguments)
            return
        if len(message.arguments) > 1:
            raise UsageError(f"{message.address} takes one value, not {len(message.arguments)}.")
        path = message.address.removeprefix("/")
        if path in ("snapshots", "file"):
            self._told_only(path, sender, message.arguments)
            return
        for target in targets(self._session, message.address):
            self._do_target(target, sender, message.arguments)

    def _told_only(self, path: str, sender: Address, arguments: tuple[Argument, ...]) -> None:
        if arguments:
            raise UsageError(f"{path} is told, not set.")
        self._set_values()
        self._answer(sender, value_messages(self._session, path, self._session.values[path]))

    def _do_target(self, target: Target, sender: Address, arguments: tuple[Argument, ...]) -> None:
        path, kind = target.parameter.path, target.parameter.kind
        if kind == "trigger":
            # A button sends 1 when it is pressed and 0 when it is let go.
            if arguments and arguments[0] in (0, False):
                return
            self._set_values()
            value = "" if not arguments or arguments[0] is True else value_of(target, arguments[0])[0]
            self._session.set(path, value, f"{source_of(sender)} {path}")
        elif target.form == "clear":
            self._set_values()
            self.subscribers.set_by(sender, path, "")
            self._session.clear(path, source_of(sender))
        elif arguments:
            value, remark = value_of(target, arguments[0])
            self._values.pop(path, None)
            self._values[path] = (value, sender)
            as_asked = not remark and (target.form == "normalized" or value == arguments[0])
            self.subscribers.set_by(sender, path, target.address if as_asked else "")
            if remark:
                self._refuse(sender, remark, target.address)
                self._answer(sender, value_messages(self._session, path, value))  # it may be the value before too
        else:
            self._set_values()
            values, of_piece = self._session.values, f"knob/{path.rpartition('/')[2]}"
            self._answer(sender, [value_message(target, values.get(path, values.get(of_piece, 0.0)))])

    def _set_values(self) -> None:
        """Set what has come, what one sender sent in succession as one change."""
        values, self._values = self._values, {}
        rows = ((path, value, sender, path == DERIVING) for path, (value, sender) in values.items())
        for (sender, deriving), own in itertools.groupby(rows, itemgetter(2, 3)):
            source = f"{source_of(sender)} {DERIVING}" if deriving else source_of(sender)
            self._set_together({path: value for path, value, *_ in own}, sender, source)

    def _set_together(self, values: Mapping[str, Value], sender: Address, source: str) -> None:
        try:
            self._session.set_all(values, source)
        except LatentKnobsError as error:
            if len(values) == 1:
                self._refuse(sender, str(error), f"/{next(iter(values))}")
                return
            for path, value in values.items():  # so that what can be set is set, and the rest is told
                self._set_together({path: value}, sender, source)

    # Commands.

    def _subscribe(self, sender: Address, arguments: tuple[Argument, ...]) -> None:
        numbers = [float(x) for x in arguments if not isinstance(x, str) and math.isfinite(x)]
        if len(numbers) != len(arguments) or len(numbers) > 2:
            raise UsageError("Subscribe with a port and a time in seconds, as /subscribe 7771 60.")
        port = int(numbers[0]) if numbers else self.subscribers.reply_port
        one = self.subscribers.add(sender, port, numbers[1] if len(numbers) == 2 else SECONDS)
        values = self._session.values
        self._send(one.to, itertools.chain.from_iterable(value_messages(self._session, *row) for row in values.items()))
        self._send(one.to, self._notes(self._session.music))

    def _unsubscribe(self, sender: Address, _arguments: tuple[Argument, ...]) -> None:
        self.subscribers.remove(sender)

    def _ping(self, sender: Address, _arguments: tuple[Argument, ...]) -> None:
        self._answer(sender, [OscMessage("/pong", (__version__,))])

    def _get_notes(self, sender: Address, _arguments: tuple[Argument, ...]) -> None:
        self._answer(sender, note_messages(self._session.music.piece, self._session.clip_format))

    def _get_steps(self, sender: Address, _arguments: tuple[Argument, ...]) -> None:
        self._answer(sender, [steps_message(self._session.music.piece)])

    # Answers.

    def _answer(self, sender: Address, messages: Iterable[OscMessage]) -> None:
        to = self.subscribers.reply_to(sender)
        if self._answers.allow(to):
            self._send(to, messages)

    def _refuse(self, sender: Address, text: str, address: str) -> None:
        """Say what was wrong with a message, and how many faults went unsaid before, as there were too many."""
        to = self.subscribers.reply_to(sender)
        if not self._errors.allow(to):
            self._unsaid[to] = self._unsaid.get(to, 0) + 1
            while len(self._unsaid) > MOST_WAITING:
                del self._unsaid[next(iter(self._unsaid))]
            return
        unsaid = self._unsaid.pop(to, 0)
        more = f" ({unsaid} more went unsaid.)" if unsaid else ""
        self._send(to, [OscMessage("/error", (text + more, address))])
