"""The widget of a notebook over the tiny models, without a browser: what Python has of it."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from latentknobs.core.frontend_specs import FrontendSpec
from latentknobs.errors import AmountError, MissingExtraError, UnknownNameError, UsageError
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.hooks import hookimpl
from latentknobs.scores import read_piece, read_provenance
from latentknobs.session import Session
from latentknobs.steering.batch_decoder import DecoderQueue
from latentknobs.studio.shared_session import SharedSession
from tests.tiny_meters import MIXED, NAMES, quarters

needs_anywidget = pytest.mark.skipif(find_spec("anywidget") is None, reason="the extra notebook is not installed")
PATIENCE = 60

Shower = Callable[..., Any]


@pytest.fixture
def session(meters) -> Session:
    """Eight bars of quarter notes over the tiny models, shared with nobody."""
    return Session.open(meters, quarters(("4/4", 32)), NAMES)


@pytest.fixture
def shared(meters) -> Iterator[SharedSession]:
    """A session that others may play too."""
    with DecoderQueue() as queue, SharedSession(meters, queue, NAMES, quarters(("4/4", 32))) as out:
        yield out


@pytest.fixture
def show() -> Iterator[Shower]:
    """Makes widgets of sessions, and closes them at the end."""
    with ExitStack() as widgets:

        def make(session: Session | SharedSession, **options: Any) -> Any:
            out = session.widget(**options)
            widgets.callback(out.close)
            return out

        yield make


def _seen(widget: Any, trait: str, wanted: Callable[[Any], bool]) -> Any:
    """A trait's value once it is as wanted, as ``observe`` tells of it."""
    told = threading.Event()

    def look(_change: object) -> None:
        if wanted(getattr(widget, trait)):
            told.set()

    widget.observe(look, trait)
    look(None)
    assert told.wait(PATIENCE), getattr(widget, trait)
    widget.unobserve(look, trait)
    return getattr(widget, trait)


@needs_anywidget
def test_what_python_sets_is_heard(session, show):
    """Values that are assigned set the session, the others stay, and the notes follow."""
    widget = show(session)
    before = [pitch for _, pitch, _, _ in widget.notes]
    widget.values = {"knob/pitch": 3}

    assert (widget.values["knob/pitch"], widget.values["tempo"]) == (3.0, 120.0)
    raised = [pitch + 3 for pitch in before]
    _seen(widget, "notes", lambda notes: [pitch for _, pitch, _, _ in notes] == raised)


@needs_anywidget
def test_what_others_set_shows(shared, show):
    """A knob that another front end turns is in the values, and observe tells of it."""
    widget = show(shared)
    shared.set("knob/pitch", -2, "somebody")

    _seen(widget, "values", lambda values: values["knob/pitch"] == -2)


@needs_anywidget
def test_what_the_page_sets_is_seen(shared, show):
    """A message of the page sets the session as from the notebook, and is answered."""
    widget = show(shared)
    sources: list[str] = []
    answers: list[dict[str, str]] = []
    told = threading.Event()
    shared.subscribe(on_change=lambda change: (sources.append(change.source), told.set()), name="test")
    widget.send = answers.append
    widget._handle_custom_msg({"set": {"knob/pitch": 5}}, [])

    assert (shared.values["knob/pitch"], widget.values["knob/pitch"]) == (5.0, 5.0)
    assert answers == [{"error": ""}]
    assert told.wait(PATIENCE)
    assert sources == ["notebook"]
    widget._handle_custom_msg({"do": "undo"}, [])
    assert widget.values["knob/pitch"] == 0.0


@needs_anywidget
def test_what_is_refused_changes_nothing(shared, show):
    """Amounts out of range and unknown names raise in Python and are answered to the page; values stay."""
    widget = show(shared)
    answers: list[dict[str, str]] = []
    widget.send = answers.append
    with pytest.raises(AmountError, match="goes from"):
        widget.values = {"tempo": 90, "knob/pitch": 99}
    with pytest.raises(UnknownNameError, match="knob/pitch"):
        widget.values = {"knob/pich": 1}
    widget._handle_custom_msg({"set": {"knob/pitch": 99}}, [])
    widget._handle_custom_msg({"set": {"knob/pitch": None}}, [])
    widget._handle_custom_msg({"do": "everything"}, [])

    assert ["goes from" in answer["error"] for answer in answers] == [True, False, False]
    assert (widget.values["knob/pitch"], widget.values["tempo"]) == (0.0, 120.0)


@needs_anywidget
def test_another_piece_shows(shared, show):
    """Where another piece is opened, the widget has its notes and its bars."""
    widget = show(shared)
    shared.set("knob/pitch", 1)
    shared.open(quarters(*MIXED, name="another"))

    _seen(widget, "shown_piece", lambda piece: piece["name"] == "another")
    assert [stretch["beats"] for stretch in widget.shown_piece["stretches"]] == [4, 3, 4]
    _seen(widget, "notes", lambda notes: notes == widget.shown_piece["notes"])
    assert widget.values["knob/pitch"] == 0.0


@needs_anywidget
def test_knobs_can_be_chosen(session, show):
    """The accepted knobs are shown, or those that are named, in that order; an unknown one is refused."""
    assert [knob["name"] for knob in show(session).shown_knobs] == ["pitch", "rhythm"]
    assert [knob["name"] for knob in show(session, knobs=["rhythm"]).shown_knobs] == ["rhythm"]
    with pytest.raises(UnknownNameError, match="did you mean 'pitch'"):
        session.widget(knobs=["pich"])


@needs_anywidget
def test_a_cell_that_runs_again_goes_on(session, show):
    """Widgets of one session are on one shared session, until the last of them is closed; one name is a name."""
    before = threading.active_count()
    first = show(session, knobs="pitch")
    first.values = {"knob/pitch": 3.0}
    second = show(session)

    assert second.session is first.session
    assert second.values["knob/pitch"] == 3.0
    assert [one["name"] for one in first.shown_knobs] == ["pitch"]
    first.close()
    second.values = {"knob/pitch": 1.0}
    second.close()
    assert threading.active_count() == before
    assert show(session).values["knob/pitch"] == 0.0


@needs_anywidget
def test_the_notes_are_written(session, show, tmp_path):
    """to_midi writes the newest notes with the values that made them, and keeps an existing file."""
    widget = show(session)
    widget.values = {"knob/pitch": 4}
    widget.to_midi(tmp_path / "four.mid")

    written = read_piece(tmp_path / "four.mid")
    assert [note.pitch for note in written.notes] == [note.pitch + 4 for note in session.piece.notes]
    assert read_provenance(tmp_path / "four.mid")["values"]["knob/pitch"] == 4.0
    with pytest.raises(UsageError, match="exists"):
        widget.to_midi(tmp_path / "four.mid")


@needs_anywidget
def test_the_notes_are_new_once_they_are_written(shared, show, tmp_path):
    """When to_midi returns, ``notes`` has what it wrote, and older ones that are told late change nothing."""
    widget, held, go_on = show(shared), threading.Semaphore(0), threading.Semaphore(0)
    seen: list[object] = []

    def hold(_change: object) -> None:
        if threading.current_thread() is not threading.main_thread():
            held.release()
            go_on.acquire(timeout=PATIENCE)

    widget.observe(hold, "values")
    shared.set("tempo", 90, "somebody")
    assert held.acquire(timeout=PATIENCE)
    shared.set("knob/pitch", 1, "somebody")
    shared.wait()
    go_on.release()
    assert held.acquire(timeout=PATIENCE)  # the notes of 1 are about to be told
    widget.values = {"knob/pitch": 4}
    widget.to_midi(tmp_path / "four.mid")
    assert [row[1] for row in widget.notes] == [note.pitch + 4 for note in shared.piece.notes]

    widget.observe(seen.append, "notes")
    go_on.release()
    shared.set("tempo", 80, "somebody")
    assert held.acquire(timeout=PATIENCE)  # they have been told
    go_on.release()
    assert seen == []


@needs_anywidget
def test_a_key_that_was_given_stays(meters, show):
    """A session is shared as it is: its key is not estimated anew."""
    session = Session.open(meters, quarters(("4/4", 32)), NAMES, key="D minor")

    assert show(session).session.session is session


@needs_anywidget
def test_closing_ends_what_it_started(session, shared):
    """A widget's own threads end with it; a session that was shared before goes on."""
    before = set(threading.enumerate())
    widget = session.widget()
    assert set(threading.enumerate()) > before
    widget.close()
    assert set(threading.enumerate()) <= before

    other = shared.widget()
    other.close()
    shared.set("knob/pitch", 1)
    assert shared.wait().error == ""
    assert other.values["knob/pitch"] == 0.0


@needs_anywidget
def test_without_a_kernel_there_is_a_picture_and_a_table(session, show):
    """The stored output has the widget, a picture with every note, and what is turned; it needs no network."""
    widget = show(session)
    widget.values = {"knob/pitch": 3}
    widget.session.wait()
    data, _ = widget._repr_mimebundle_()
    json.dumps(data)
    html = data["text/html"]

    assert "application/vnd.jupyter.widget-view+json" in data
    assert "<td>knob/pitch</td><td>3 semitones</td>" in html
    assert "knob/rhythm" not in html
    assert "knob/pitch 3" in data["text/plain"]
    assert "http" not in html
    svg = ET.fromstring(_decoded(html))
    fills = [one.get("fill") for one in svg.iter("{http://www.w3.org/2000/svg}rect")]
    assert (fills.count("#c4401b"), fills.count("none")) == (32, 32)


def _decoded(html: str) -> bytes:
    return base64.b64decode(html.partition("base64,")[2].partition('"')[0])


def test_without_the_extra_the_widget_says_so(session, monkeypatch):
    """Where anywidget is missing, the error names what to install."""
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(MissingExtraError, match=r"latentknobs\[notebook\]"):
        session.widget()


def test_it_is_no_program_of_the_terminal(capsys):
    """Serve neither offers nor starts what a notebook shows."""
    assert run_command_line(["serve", "notebook"]) == 2
    assert "There is no front end named 'notebook'" in capsys.readouterr().err


def test_a_plugin_may_bring_another_widget(session, latentknobs_plugins):
    """The front end of that name makes it, with its options; one without a widget is not offered."""
    spec = FrontendSpec("words", "Says how many knobs.", widget=lambda session, **options: (session, options))
    plugin = type(sys)("words")
    plugin.LATENTKNOBS_API = 1

    @hookimpl
    def register_frontends():
        return [spec]

    plugin.register_frontends = register_frontends
    session.workbench.plugins.register(plugin, "words")

    assert session.widget("words", loud=True) == (session, {"loud": True})
    with pytest.raises(UnknownNameError, match="for notebooks"):
        session.widget("web")
