"""The page in a shared session: sockets are told of every move, and set what others see."""

from __future__ import annotations

import asyncio
import json
import re
import time
from contextlib import ExitStack

import httpx
import pytest
from websockets.sync.client import connect

from latentknobs.backends.loader import Models
from latentknobs.frontends.web.app import ServerConfig
from latentknobs.frontends.web.open_piece import OpenPiece
from latentknobs.frontends.web.server import start
from latentknobs.frontends.web.shared import SharedRoom
from latentknobs.scores import midi_bytes
from latentknobs.session import Session
from latentknobs.steering.batch_decoder import DecoderQueue
from latentknobs.studio.knob_settings import KnobSettings, turned
from latentknobs.studio.project import Project
from latentknobs.studio.shared_session import SharedSession
from latentknobs.workbench import Workbench, load_plugins
from tests.conftest import TINY_PLUGIN
from tests.frontends.web.conftest import as_message, served, tune
from tests.tiny_meters import KNOBS

PATIENCE = 60


class Tab:
    """One socket of a page."""

    def __init__(self, port):
        address = f"ws://127.0.0.1:{port}/api/v1/live"
        self._stack = ExitStack()
        self.socket = self._stack.enter_context(connect(address, subprotocols=["latentknobs.v1"], proxy=None))
        self.seq = 0

    def close(self):
        """Leave."""
        self._stack.close()

    def send(self, **message):
        """Send a frame; gives its number."""
        self.seq += 1
        self.socket.send(json.dumps({**message, "seq": self.seq}))
        return self.seq

    def get(self, kind, met=lambda _frame: True):
        """The next frame of a kind that meets a condition."""
        until = time.monotonic() + PATIENCE
        while True:
            frame = json.loads(self.socket.recv(timeout=max(0.1, until - time.monotonic())))
            if frame["type"] == kind and met(frame):
                return frame
            assert frame["type"] != "error" or kind == "error", frame


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A workbench with the tiny model and knobs that are exact."""
    folder = tmp_path_factory.mktemp("bench")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "tiny_model.py").write_text(TINY_PLUGIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Models, "names", ("tiny",))
        with Workbench.open(str(folder / "registry.db"), plugins=load_plugins(folder / "plugins")) as out:
            for run in KNOBS[:2]:
                out.registry.save_run(run)
            yield out


@pytest.fixture(scope="module")
def shared(bench):
    """A shared session on four bars that the tiny model reconstructs."""
    with DecoderQueue() as queue, SharedSession(bench, queue, ("tiny",), tune()) as out:
        yield out


@pytest.fixture(scope="module")
def port(shared):
    """The port of the page on it."""
    page = start(shared, ["--port", "0"])
    try:
        yield int(re.search(r":(\d+)/", page.where).group(1))
    finally:
        page.stop()


@pytest.fixture
def tab(port, shared):
    """A socket that has been told what there is; the session begins without knobs."""
    shared.set("reset")
    out = Tab(port)
    out.first = out.get("shared")
    yield out
    out.close()


def test_a_socket_is_told_all_that_there_is_first(tab, shared):
    """The piece, the values, the parameters and the notes."""
    assert tab.first["piece"]["notes"] == as_message(tune())["notes"]
    assert tab.first["values"] == json.loads(json.dumps(dict(shared.values)))
    assert {one["path"] for one in tab.first["parameters"]} == set(shared.parameters)
    assert tab.first["model"] == "tiny"
    assert tab.get("music")["turned"]["notes"]


def test_a_move_elsewhere_is_told_with_its_notes(tab, shared):
    """As OSC or MIDI makes it."""
    shared.set("knob/pitch", 2.0, "osc")

    assert tab.get("change", lambda one: one["path"] == "knob/pitch")["settings"]["knobs"] == {"pitch": 2.0}
    music = tab.get("music", lambda one: one["settings"]["knobs"] == {"pitch": 2.0})
    assert music["turned"]["notes"][0][1] == tab.first["piece"]["notes"][0][1] + 2
    assert music["turned"]["counts"]["by_model"] == 2


def test_a_move_in_one_tab_shows_in_the_other_and_does_not_come_back(port, tab, shared):
    """Its maker is told that it is done, and its notes."""
    other = Tab(port)
    other.get("shared")
    seq = tab.send(type="set", values={"knob/pitch": 1.0, "tempo": 90.0, "bars/1-2/knob/pitch": 3.0})

    frames = []
    while not frames or frames[-1]["type"] != "music" or frames[-1]["settings"]["knobs"].get("pitch@1-2") != 3.0:
        frames.append(json.loads(tab.socket.recv(timeout=PATIENCE)))
    assert [one["seq"] for one in frames if one["type"] == "done"] == [seq]
    assert not [one for one in frames if one["type"] == "change" and one["path"] == "tempo"]
    told = other.get("change", lambda one: one["values"]["tempo"] == 90.0 and one["values"]["knob/pitch"] == 1.0)
    assert told["values"]["bars/1-2/knob/pitch"] == 3.0
    assert shared.settings.named == {"pitch": 1.0, "pitch@1-2": 3.0}
    other.close()


def test_changes_that_come_while_the_server_is_busy_are_told_together(shared):
    """As one frame with the newest values, so that a flood of them holds nothing up."""
    frames, told = [], asyncio.Event()

    class Listener:
        def tell(self, kind, frame):
            if kind == "change":
                frames.append(json.loads(frame))
                if frames[-1]["values"]["tempo"] == 159.0:
                    told.set()

    async def flooded():
        def opened(name, session):
            return OpenPiece(name, "", session, session.turn({}), frozenset(), session.style)

        with SharedRoom(shared, opened) as room:
            room.join(Listener())
            for k in range(100):
                shared.set("tempo", 60.0 + k % 100, "osc")
            await told.wait()

    asyncio.run(asyncio.wait_for(flooded(), PATIENCE))
    assert len(frames) <= 10


def test_playing_is_told_so_that_pages_compute_the_same_place(tab, shared):
    """Where it was sent to, the loop's bars, and the clock by which they hold."""
    shared.set_all({"loop/bars": "2-3", "play": True}, "osc")
    told = tab.get("change", lambda one: one["values"]["play"])["transport"]
    assert (told["start"], told["end"], told["origin"], told["playing"]) == (16, 48, 16.0, True)
    assert told["since"] <= told["now"] <= time.monotonic()
    for _ in range(2):  # to the same place once more too
        shared.set("position", 40.0, "osc")
        told = tab.get("change", lambda one: one["path"] == "position")
        assert (told["value"], told["transport"]["origin"]) == (40.0, 40.0)
    shared.set_all({"play": False, "loop/bars": ""})


def test_what_cannot_be_set_is_an_error_of_its_frame(tab, shared):
    """And nothing is changed."""
    before = shared.values
    seq = tab.send(type="set", values={"knob/pitch": 99.0})
    fault = tab.get("error")

    assert (fault["seq"], shared.values) == (seq, before)
    assert "outside" in fault["error"]["message"]


def test_another_piece_is_told_to_all(port, tab, shared):
    """Its maker too, and undo brings the first one back."""
    other = Tab(port)
    other.get("shared")
    tab.send(type="load", piece=as_message(tune("other", 8)))

    for one in (tab, other):
        assert one.get("shared", lambda frame: frame["piece"]["name"] == "other")["values"]["file"] == "other"
    tab.send(type="set", values={"undo": ""})
    assert other.get("shared", lambda frame: frame["piece"]["name"] == "tune")
    other.close()


def test_pieces_of_the_page_have_the_same_knobs(tab, shared):
    """Not a copy each, since undo keeps several pieces."""
    opened = []
    for name in ("one", "two"):
        tab.send(type="load", piece=as_message(tune(name, 8)))
        tab.get("shared", lambda frame, name=name: frame["piece"]["name"] == name)
        opened.append(shared.session)
    knobs = [one.knobs_of(one.model)["pitch"] for one in opened]

    assert knobs[0] is knobs[1]
    for _ in opened:
        shared.set("undo")


def test_snapshots_and_history_are_told(tab, shared):
    """With their knobs, so that the page shows them."""
    tab.send(type="set", values={"knob/pitch": 2.0})
    tab.send(type="set", values={"snapshot/store": "1"})
    done = tab.get("done", lambda one: "1" in one["snapshots"])

    assert done["snapshots"]["1"]["knobs"] == {"pitch": 2.0}
    assert done["history"][-1] == "snapshot/store"
    tab.send(type="clear", paths=["knob/pitch"])
    assert tab.get("done", lambda one: one["values"]["knob/pitch"] == 0.0)


def test_the_page_is_there_with_its_own_options(port):
    """And its API works on the same models."""
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE, trust_env=False) as client:
        assert client.get("/").status_code == 200
        assert client.get("/api/v1/info").json()["model"] == "tiny"


def test_a_project_is_saved_and_opened_for_all(port, tab, shared):
    """By any of the tabs."""
    shared.set("bars/1-2/knob/pitch", 2.0)
    saved = shared.project()
    shared.set("reset")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=PATIENCE, trust_env=False) as client:
        answer = client.post("/models/tiny/project/read", content=saved.text)
        assert answer.json()["shared"], answer.text
        assert tab.get("shared", lambda one: one["settings"]["knobs"] == {"pitch@1-2": 2.0})
        state = {"piece": as_message(tune("else"))}
        again = client.post("/models/tiny/project", json={"state": state})
    assert Project.parse(again.content, "it") == saved


@pytest.fixture(scope="module")
def alone(bench):
    """A client of a server where each client has a session of its own."""
    with (
        served(bench, ServerConfig(model="tiny")) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=PATIENCE, trust_env=False) as out,
    ):
        yield out


def test_a_server_of_its_own_shares_nothing(alone):
    """And says so."""
    tab = Tab(alone.base_url.port)
    tab.send(type="set", values={"tempo": 90.0})
    assert "no shared session" in tab.get("error")["error"]["message"]
    tab.close()


def test_knobs_of_bars_are_turned_in_every_way(alone, bench):
    """By request, in a live frame, in a file, and as the recipe's command says."""
    piece = as_message(tune())
    state = {"piece": piece, "knobs": {"pitch": 1.0, "pitch@3-4": -2.0}}
    answer = alone.post("/models/tiny/turn", json=state).json()
    moved = [after[1] - before[1] for after, before in zip(answer["notes"], piece["notes"], strict=True)]
    assert moved == [1] * 8 + [-2] * 8

    tab = Tab(alone.base_url.port)
    tab.send(type="open", model="tiny", piece=piece)
    tab.send(type="turn", knobs=state["knobs"])
    assert tab.get("turned")["notes"] == answer["notes"]
    tab.close()
    session = Session.open(bench, tune(), "tiny")
    result = turned(session, KnobSettings.of(state["knobs"]))
    written = alone.post("/models/tiny/export", json={"state": state})
    assert written.content == midi_bytes(result.after, provenance=result.provenance)
    recipe = alone.post("/models/tiny/recipe", json={"state": state}).json()
    assert "--knob pitch=+1 --knob pitch@3-4=-2" in recipe["command"]
    compile(recipe["python"], "recipe", "exec")
    assert "KnobSettings.of({'pitch': 1.0, 'pitch@3-4': -2.0}, 0, None)" in recipe["python"]


@pytest.mark.parametrize("name", ["pitch@9-12", "pitch@4-3"])
def test_bars_that_there_are_not_are_refused(alone, name):
    """In a sentence."""
    answer = alone.post("/models/tiny/turn", json={"piece": as_message(tune()), "knobs": {name: 1.0}})

    assert answer.status_code == 422
    assert "bars" in answer.json()["error"]["message"]


def test_a_project_of_a_page_is_read_as_it_was_saved(alone, bench):
    """With its snapshots; the command line and Python read it too."""
    state = {"piece": as_message(tune()), "knobs": {"pitch@3-4": -2.0}, "seed": 3}
    snapshots = {"1": {"knobs": {"pitch": 2.0}}}
    saved = alone.post("/models/tiny/project", json={"state": state, "snapshots": snapshots, "loop": False})
    opened = alone.post("/models/tiny/project/read", content=saved.content).json()

    assert opened["piece"]["notes"] == state["piece"]["notes"]
    assert (opened["settings"]["knobs"], opened["settings"]["seed"]) == (state["knobs"], 3)
    assert (opened["snapshots"]["1"]["knobs"], opened["loop"]) == ({"pitch": 2.0}, False)
    project = Project.parse(saved.content, "it")
    assert project.open(bench).piece.notes == tune().notes
    refused = alone.post("/models/tiny/project/read", content=b"{}")
    assert (refused.status_code, "is no project" in refused.text) == (422, True)


def test_a_project_of_a_page_keeps_the_bars_that_are_looped(alone):
    """In the file and in what the page reads of it."""
    state = {"piece": as_message(tune())}
    saved = alone.post("/models/tiny/project", json={"state": state, "loop_bars": "3-4"})
    assert Project.parse(saved.content, "it").loop_bars == "3-4"
    assert alone.post("/models/tiny/project/read", content=saved.content).json()["loop_bars"] == "3-4"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"loop_bars": "90-99"}, "has the bars 1 to"),
        ({"settings": {"knobs": {}, "ranges": [{"bars": "90-99", "knobs": {"pitch": 1.0}}]}}, "has the bars 1 to"),
        ({"settings": {"knobs": {"gone": 1.0}, "ranges": []}}, "gone"),
        ({"settings": {"knobs": {"pitch": 1000.0}, "ranges": []}}, "1000 is outside"),
    ],
    ids=["loop", "bars", "knob", "amount"],
)
def test_a_project_that_the_piece_cannot_have_is_refused(alone, change, words):
    """With a sentence, as a shared session does."""
    saved = alone.post("/models/tiny/project", json={"state": {"piece": as_message(tune())}}).json()
    change = {name: {**saved[name], **one} if isinstance(one, dict) else one for name, one in change.items()}
    refused = alone.post("/models/tiny/project/read", json=saved | change)
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (422, "bad-project")
    assert words in error["message"]
