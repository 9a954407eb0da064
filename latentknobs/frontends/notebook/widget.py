"""The widget of a notebook, one more front end of a shared session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from attrs import define

from latentknobs.core.clip import ClipFormat, DrumFormat
from latentknobs.core.live_session import LiveSession, Music
from latentknobs.core.meter import signature_of
from latentknobs.core.parameter import Change, Parameter
from latentknobs.core.piece import Piece
from latentknobs.errors import LatentKnobsError, UnknownNameError, UsageError
from latentknobs.frontends.notebook.still import roll_svg, said, still_html, turned_values
from latentknobs.scores import write_piece
from latentknobs.session import Session
from latentknobs.steering.batch_decoder import DecoderQueue
from latentknobs.studio.shared_session import SharedSession

SOURCE = "notebook"
"""Who set what is set here and on the widget's page."""
STATIC = Path(__file__).parent / "static"
TRIGGERS = {"undo", "redo", "reset"}


@define(eq=False)
class _Opened:
    """A session that widgets share; the last one of them closes it."""

    shared: SharedSession
    close: Callable[[], None]
    widgets: int = 0


_opened: dict[int, _Opened] = {}
"""By the identity of the session, which the shared one keeps alive."""


@contextmanager
def _shared(session: Session) -> Iterator[SharedSession]:
    """The shared session of all widgets of a session."""
    if id(session) not in _opened:
        with ExitStack() as stack:
            queue = stack.enter_context(DecoderQueue())
            shared = stack.enter_context(SharedSession(session.workbench, queue, tuple(session.named), session))
            _opened[id(session)] = _Opened(shared, stack.pop_all().close)
    opened = _opened[id(session)]
    opened.widgets += 1
    try:
        yield opened.shared
    finally:
        opened.widgets -= 1
        if not opened.widgets:
            del _opened[id(session)]
            opened.close()


class SessionWidget(anywidget.AnyWidget):
    """
    Knobs, notes and sound of a session in a notebook.

    Moves on the page set the session, and what is set elsewhere shows, on the page and in ``values``. ``observe`` tells
    of both.

    Args:
        session: A session, shared with other front ends or not; one that is not is shared by its widgets, so that a
            cell that runs again goes on.
        knobs: Name or names of the knobs that are shown, () = the accepted ones.

    Attributes:
        values: The values of all parameters by path ({"knob/pitch": 3.0, "tempo": 120.0, ...}). Assign those that are
            to change; what the session refuses raises its error and changes nothing.
        notes: The notes as they sound, [onset, pitch, length, voice] in steps; read-only.
        remarks: What people should know of them; read-only.
        session: The shared session.

    Raises:
        UnknownNameError: The session has no such knob.
    """

    _esm = STATIC / "widget.js"
    _css = STATIC / "widget.css"
    values = traitlets.Dict().tag(sync=True)
    notes = traitlets.List[list[int]](read_only=True).tag(sync=True)
    remarks = traitlets.List[str](read_only=True).tag(sync=True)
    shown_knobs = traitlets.List[dict[str, Any]](read_only=True).tag(sync=True)
    """What the page shows of each knob."""
    shown_piece = traitlets.Dict(read_only=True).tag(sync=True)
    """What the page shows of the piece, with no knob turned."""

    def __init__(self, session: Session | LiveSession, *, knobs: Sequence[str] | str = ()) -> None:
        super().__init__()
        self._started = ExitStack()
        self._newest = -1
        if isinstance(session, Session):
            session = self._started.enter_context(_shared(session))
        self.session: LiveSession = session
        self._names = (knobs,) if isinstance(knobs, str) else tuple(knobs)
        unknown = [name for name in self._names if f"knob/{name}" not in self.session.parameters]
        if unknown:
            known = [path.removeprefix("knob/") for path in self.session.parameters if path.startswith("knob/")]
            self.close()
            raise UnknownNameError("knob", unknown[0], known, "in this session")
        self._show_piece()
        self._started.callback(self.session.subscribe(self._changed, self._sounds, "notebook").close)
        self.on_msg(self._received)

    def close(self) -> None:
        """Take it off the page, and end what it started; a session that was shared before goes on."""
        super().close()
        self._started.close()

    def to_midi(self, path: Path | str, *, overwrite: bool = False) -> None:
        """
        Write the piece as it sounds, once the newest notes are made; ``notes`` has them then.

        Args:
            path: Where to, .mid; or .musicxml.
            overwrite: Whether an existing file may be replaced.

        Raises:
            UsageError: The notes could not be made, or the file exists and ``overwrite`` is False.
            OutputError: It cannot be written.
        """
        music = self.session.wait()
        self._sounds(music)  # the session tells in a thread of its own, maybe later
        if music.error:
            raise UsageError(music.error)
        facts = {"values": turned_values(self.session.values, self.session.parameters)}
        write_piece(music.piece, path, clip_format=self.session.clip_format, provenance=facts, overwrite=overwrite)

    # The session tells.

    def _changed(self, change: Change) -> None:
        if change.path == "file":
            self._show_piece()
        self._take_values()

    def _sounds(self, music: Music) -> None:
        if music.number < self._newest:  # told late, after to_midi has taken newer ones
            return
        self._newest = music.number
        self.set_trait("notes", [note.row for note in music.piece.notes])
        self.set_trait("remarks", [*([music.error] if music.error else []), *music.remarks])

    def _take_values(self) -> None:
        self.values = {}  # sets nothing and takes what the session has: see _set

    def _show_piece(self) -> None:
        session = self.session
        accepted = [path for path, one in session.parameters.items() if one.verdict == "accepted"]
        paths = [f"knob/{name}" for name in self._names if f"knob/{name}" in session.parameters] or accepted
        self.set_trait("shown_knobs", [_knob_facts(session.parameter(path)) for path in paths])
        self.set_trait("shown_piece", _piece_facts(session.piece, session.clip_format))
        self._sounds(session.music)
        self._take_values()

    # The notebook and the page set.

    @traitlets.validate("values")
    def _set(self, proposal: Any) -> dict[str, Any]:
        """Set what differs in the session; the trait is always what the session then has."""
        session = getattr(self, "session", None)
        if session is None:  # the widget is being made
            return dict(proposal.value)
        known = session.values
        wanted = {path: value for path, value in proposal.value.items() if path not in known or known[path] != value}
        if wanted:
            session.set_all(wanted, SOURCE)
        return dict(session.values)

    def _received(self, _widget: object, content: Mapping[str, Any], _buffers: object) -> None:
        """Do what the page asks, and answer: it sends one message at a time."""
        error = ""
        try:
            if content.get("do") in TRIGGERS:
                self.session.set(content["do"], "", SOURCE)
            elif isinstance(content.get("set"), dict):
                wanted = {path: value for path, value in content["set"].items() if isinstance(value, float | int | str)}
                self.session.set_all(wanted, SOURCE)
        except LatentKnobsError as refused:
            error = str(refused)
        self._take_values()
        self.send({"error": error})

    # Where there is no kernel.

    def _repr_mimebundle_(self, **options: Any) -> Any:
        """The widget, and what stands for it where no kernel runs: a picture of the notes and a table of values."""
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        session = self.session
        piece, parameters = session.music.piece, session.parameters
        values = turned_values(session.values, parameters)
        svg = roll_svg(piece, session.piece.notes, session.clip_format)
        words = ", ".join(f"{path} {said(value)}" for path, value in values.items())
        still = {"text/html": still_html(piece, svg, values, parameters), "text/plain": f"{piece.name}: {words}"}
        return {**data, **still}, metadata


def _knob_facts(knob: Parameter) -> dict[str, Any]:
    """What the page shows of a knob."""
    return {
        "path": knob.path,
        "name": knob.path.rpartition("/")[2],
        "unit": knob.unit,
        "low": knob.low,
        "high": knob.high,
        "step": knob.step,
        "verdict": knob.verdict,
        "doc": knob.doc,
    }


def _piece_facts(piece: Piece, clip_format: ClipFormat) -> dict[str, Any]:
    """What the page shows of a piece: its notes, and the bars that they stand in."""
    signature = signature_of(clip_format)
    drums = [voice.name for voice in clip_format.drums] if isinstance(clip_format, DrumFormat) else None
    return {
        "name": piece.name,
        "steps": piece.steps,
        "notes": [note.row for note in piece.notes],
        "format": {
            "name": clip_format.name,
            "steps": clip_format.steps,
            "steps_per_beat": clip_format.steps_per_beat,
            "beats_per_bar": float(clip_format.beats_per_bar),
            "beats": signature.beats,
            "unit": signature.unit,
            "drums": drums,
        },
        "stretches": [
            {"start": s.start, "steps": s.steps, "beats": s.signature.beats, "unit": s.signature.unit, "bar": s.bar}
            for s in piece.stretches
        ],
    }
