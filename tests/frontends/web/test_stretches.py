"""A piece in several time signatures on the page: all models of the server steer it."""

from __future__ import annotations

import base64
import shlex
from pathlib import Path

import httpx
import pytest
from attrs import evolve

from latentknobs.backends.loader import Models
from latentknobs.frontends.cli.app import run_command_line as command_line
from latentknobs.frontends.web.app import ServerConfig
from latentknobs.scores import midi_bytes
from latentknobs.session import Session
from latentknobs.steering.common_knobs import common_knobs
from latentknobs.workbench import Workbench, load_plugins
from tests.conftest import TINY_PLUGIN
from tests.frontends.web.conftest import API, as_message, rows, served
from tests.tiny_meters import JIG, KNOBS, MIXED, NAMES, PLUGIN, WALTZ, exact_run, quarters
from tests.tiny_meters import TINY as TINY_SPEC

TINY = f"{API}/models/tiny"


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    """A workbench with the models of 4/4, 3/4 and 6/8 and their knobs; two have a second one, for grids."""
    folder = tmp_path_factory.mktemp("meters")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "tiny_model.py").write_text(TINY_PLUGIN)
    (folder / "plugins" / "tiny_meters.py").write_text(PLUGIN)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Models, "names", NAMES)
        with Workbench.open(str(folder / "registry.db"), plugins=load_plugins(folder / "plugins")) as out:
            for run in (*KNOBS, *(exact_run(spec, "turns", 1) for spec in (TINY_SPEC, WALTZ))):
                out.registry.save_run(run)
            yield out


@pytest.fixture(scope="module")
def port(bench):
    """The port of a server that was started with all three."""
    with served(bench, ServerConfig(model=NAMES)) as out:
        yield out


def post(client, verb, **body):
    """The server's answer."""
    answer = client.post(f"{TINY}/{verb}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_each_stretch_is_steered_by_its_model(client, bench):
    """As a session of Python does it; the answer has the models, and knobs in the range that all have."""
    piece = quarters(*MIXED)
    opened = post(client, "open", piece=as_message(piece))
    turned = post(client, "turn", piece=as_message(piece), knobs={"pitch": 3})
    wanted = Session.open(bench, piece, NAMES).turn({"pitch": 3})

    assert opened["models"] == ["tiny", "tiny-3-4"]
    assert [window["bars"] for window in opened["windows"]] == [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]]
    assert {knob["name"]: (knob["low"], knob["high"]) for knob in opened["knobs"]}["pitch"] == (-5, 5)
    assert turned["notes"] == rows(wanted.after.notes)
    assert (turned["ways"], turned["counts"]["by_model"]) == (["model"] * 5, 5)


@pytest.mark.parametrize(("steps", "common"), [((2, 3), 6), ((0.5, 0.75), 1.5), ((None, 2), 2), ((None, None), None)])
def test_a_knob_moves_in_steps_that_every_model_takes(steps, common):
    """Their least common multiple."""
    own = [{"pitch": evolve(run.knobs[0], step=step)} for run, step in zip(KNOBS[::2], steps, strict=True)]

    assert common_knobs(own)["pitch"].step == common


def test_a_piece_of_the_models_format_is_as_before(client):
    """No other model, no other knobs."""
    opened = post(client, "open", piece=as_message(quarters(("4/4", 16))))

    assert (opened["models"], opened["knobs"]) == (["tiny"], None)


def test_a_waltz_has_the_waltz_model_alone(client):
    """Though the address names the one for 4/4; what that can be turned by is known."""
    opened = post(client, "open", piece=as_message(quarters(("3/4", 12))))

    assert opened["models"] == ["tiny-3-4"]
    assert {knob["name"] for knob in opened["knobs"] if not knob["reserved"]} == {"pitch", "turns"}


@pytest.mark.parametrize("spec", [TINY_SPEC, WALTZ, JIG], ids=lambda spec: spec.name)
def test_a_knob_is_heard_on_a_melody_of_its_model(client, spec):
    """That model alone steers the melody that the server has for it, in the knob's own range."""
    at = f"{API}/models/{spec.name}"
    piece = client.get(f"{at}/melody").json()
    opened = client.post(f"{at}/open", json={"piece": piece}).json()
    turned = client.post(f"{at}/turn", json={"piece": piece, "knobs": {"pitch": 9}})
    lacking = client.post(f"{at}/turn", json={"piece": piece, "knobs": {"rhythm": 1}}).json()

    assert (opened["models"], opened["knobs"]) == ([spec.name], None)
    assert turned.status_code == (422 if spec is WALTZ else 200)
    assert any("has no knob rhythm" in remark for remark in lacking["remarks"]) == (spec is not TINY_SPEC)


def test_whose_knobs_are_turned_is_said(client):
    """A piece without bars of the model of the address says that, opened and turned."""
    at, piece = f"{API}/models/tiny-6-8", as_message(quarters(("4/4", 16)))
    opened = client.post(f"{at}/open", json={"piece": piece}).json()
    turned = client.post(f"{at}/turn", json={"piece": piece, "knobs": {"rhythm": 1}}).json()

    said = "tune has no bars of 6/8, which tiny-6-8 is for: its knobs are those of tiny."
    assert (opened["remarks"], turned["remarks"]) == ([said], [said])


def test_an_amount_beyond_one_of_the_models_is_refused(client):
    """In one sentence."""
    body = {"piece": as_message(quarters(*MIXED)), "knobs": {"pitch": 7}}
    error = client.post(f"{TINY}/turn", json=body).json()["error"]

    assert "outside the usable range of tiny and tiny-3-4 together, -5 to +5" in error["message"]


def test_a_grid_says_its_time_signatures(client):
    """A cell of waltzes can be opened as a waltz again; its corners are the two."""
    a, b = (quarters(("3/4", 12), name=name, shift=shift) for name, shift in (("a", 0), ("b", 5)))
    body = {
        "a": {"piece": as_message(a)},
        "b": {"piece": as_message(b)},
        "size": 3,
        "rows": "pitch",
        "columns": "turns",
    }
    (first, *_), *_, (*_, last) = post(client, "grid", **body)["cells"]

    assert (first["notes"], last["notes"]) == (rows(a.notes), rows(b.notes))
    assert (first["steps"], first["stretches"]) == (48, as_message(a)["stretches"])


def test_pieces_of_other_stretches_have_no_grid(client):
    """In one sentence."""
    a, b = as_message(quarters(*MIXED)), as_message(quarters(("3/4", 12)))
    body = {"a": {"piece": a}, "b": {"piece": b}, "rows": "pitch", "columns": "rhythm"}
    error = client.post(f"{TINY}/grid", json=body | {"columns": "turns"}).json()["error"]

    assert "there is a way only between pieces with as many bars in each time signature" in error["message"]


def test_recipe_and_export_are_of_all_models(client, here, meters_dir):
    """The command names them, and gives the bytes of the export."""
    data = midi_bytes(quarters(*MIXED, name="mixed"))
    read = client.post(f"{TINY}/read", params={"file": "mixed.mid"}, content=data).json()
    state = {"piece": read["piece"], "knobs": {"pitch": 2}}
    sent = base64.b64encode(data).decode()
    exported = client.post(f"{TINY}/export", json={"state": state, "file": sent})
    recipe = post(client, "recipe", state=state, file=sent)

    (here / "mixed.mid").write_bytes(data)
    program, *words = shlex.split(recipe["command"])
    assert (program, words[-6:-2]) == ("latentknobs", ["--model", "tiny", "--model", "tiny-3-4"])
    assert command_line(words) == 0
    assert Path("turned.mid").read_bytes() == exported.content
    Path("turned.mid").unlink()
    exec(compile(recipe["python"], "recipe", "exec"), {})
    assert Path("turned.mid").read_bytes() == exported.content


def test_a_long_file_is_counted_in_the_clips_of_all_models(client):
    """Bars that another model takes more of at once have room that they would not have by rule."""
    data = midi_bytes(quarters(("3/8", 600), name="long"))
    read = client.post(f"{TINY}/read", params={"file": "long.mid"}, content=data).json()

    assert (len(read["windows"]), read["note"]) == (100, "")


def test_a_server_of_one_model_steers_with_that_alone(bench):
    """Bars of other time signatures are by rule, as with one --model on the command line."""
    with served(bench, ServerConfig(model="tiny")) as port, httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        opened = post(client, "open", piece=as_message(quarters(*MIXED)))

    assert opened["models"] == ["tiny"]
    assert [window["way"] for window in opened["windows"]] == ["model", "model", "rule", "rule", "model"]
    assert opened["windows"][2]["why"] == "No model here is for 3/4."
