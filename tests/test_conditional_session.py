"""A conditional model in use: its condition in sessions, samples, registries, packs, metrics and SQL."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest

from latentknobs.analysis.disentanglement_metrics import disentanglement
from latentknobs.core.experiment import Settings
from latentknobs.core.piece import Piece
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.errors import UsageError
from latentknobs.evaluation.model_evaluation import ModelEvaluationSpec, evaluate
from latentknobs.frontends.cli.app import run_command_line
from latentknobs.frontends.web.knobs import sentences
from latentknobs.packs.pack_reader import pack_of
from latentknobs.packs.pack_writer import make_pack
from latentknobs.registry.overlay import Registry
from latentknobs.session import Session, conditions
from latentknobs.steering.prior_codes import PriorCodes, sample
from latentknobs.testing.tiny import tiny_clips
from latentknobs.testing.tiny_conditional import BLOCKS, TinyConditionalBackend
from latentknobs.workbench import Workbench, load_plugins

HELD = TinyConditionalBackend().spec.structure.held
NAME = "tiny-conditional"
SHARES = [("pitch", 8, pytest.approx(1.0)), ("style", 2, None), ("rhythm", 8, pytest.approx(0.0, abs=1e-6))]
"""Of the pitch knob's moved energy, by block."""
PLUGIN = '''"""The conditional model and the tiny corpus."""

from latentknobs.hooks import hookimpl
from latentknobs.testing.tiny import TinyCorpus
from latentknobs.testing.tiny_conditional import TINY_CONDITIONAL

LATENTKNOBS_API = 1


@hookimpl
def register_backends():
    return [TINY_CONDITIONAL]


@hookimpl
def register_corpora():
    return [TinyCorpus()]
'''


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    """A registry with the model's pitch knob, and the folder of its plugin."""
    folder = tmp_path_factory.mktemp("conditional")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "tiny_conditional_model.py").write_text(PLUGIN)
    with Workbench.open(str(folder / "registry.db"), plugins=load_plugins(folder / "plugins")) as workbench:
        settings = Settings(trial_clips=40, controls=40, control_clips=16, halves=5, resamples=5, fits=("ridge",))
        workbench.discover("transpose", corpus="tiny", model=NAME, clips=1200, settings=settings)
    return folder


@pytest.fixture
def conditional(stored):
    """A workbench with them."""
    with Workbench.open(str(stored / "registry.db"), plugins=load_plugins(stored / "plugins")) as workbench:
        yield workbench


def session_of(workbench, seed, style=None):
    """A session on two clips, of one style where it is said."""
    clips = tiny_clips(40, seed=seed)
    styles = TinyConditionalBackend().encode(clips).mean[:, HELD][:, 1]
    clips = clips[styles == style] if style is not None else clips
    return Session.open(workbench, Piece.join(clips[:2], TinyConditionalBackend().spec.clip_format), NAME)


def test_turning_and_varying_keep_the_condition(conditional):
    """Knobs, the paper's controls and variations leave each clip's condition as it is, to the bit."""
    session = session_of(conditional, 1)
    before = session.codes[:, HELD].tobytes()
    for amounts in ({"pitch": 2.0}, {"random": 2.0}, {"others": 2.0}, {"pitch": -1.0, "random": 3.0}):
        moved = session.move(amounts, like="pitch")
        assert moved.codes[:, HELD].tobytes() == before
        assert not np.array_equal(moved.codes, session.codes)
    for near in session.similar(0.2, 2, 0):
        assert near.codes[:, HELD].tobytes() == before


def test_a_way_between_two_styles_switches_at_its_middle(conditional):
    """The ends decode as the pieces do; every piece between them is in the style of the nearer one."""
    quiet, busy = session_of(conditional, 1, 0.0), session_of(conditional, 2, 1.0)
    assert (quiet.codes[:, HELD] != busy.codes[:, HELD]).any()
    cells = quiet.one_way(busy, 5)
    assert np.array_equal(cells[0].clips, quiet.plain)
    assert np.array_equal(cells[-1].clips, busy.plain)


def test_samples_take_their_condition_of_a_corpus(conditional):
    """No prior is known of a condition: without clips that is said, with them each sample has one of theirs."""
    model = conditional.model(NAME)
    with pytest.raises(UsageError, match=r"under a condition, style, .*--corpus"):
        sample(model, 2, seed=0)
    given = conditions(conditional, NAME, "tiny")
    assert {tuple(row) for row in given[:, HELD]} == {(0.0, 1.0), (1.0, 0.0)}
    assert len(sample(model, 2, seed=0, prior=PriorCodes(conditions=given))) == 2


def test_knob_and_blocks_survive_exchange(conditional, tmp_path):
    """Exported and taken elsewhere, the operator holds what it held and the blocks are still known."""
    knob = conditional.knob("pitch", NAME)
    other = Registry.open(tmp_path / "other.db", packaged=tmp_path / "none.db")
    other.take(conditional.registry.export([knob]), "knobs.json")
    again = other.knob(knob.model_id, "pitch")
    assert again.operator_sha256 == knob.operator_sha256
    assert np.array_equal(again.operator.held, HELD)
    assert [(one.name, one.size, one.share) for one in again.evidence.blocks] == SHARES


def test_blocks_are_shown_where_dimensions_are(conditional):
    """In SQL, Python, notebooks and the page's cards."""
    knobs = conditional.knobs(model=NAME)
    rows = [(row["block"], row["size"], row["share"]) for row in knobs.blocks().rows()]
    assert rows == SHARES
    with closing(sqlite3.connect(conditional.registry.path)) as connection:
        query = "SELECT block, size, share FROM v_knob_blocks WHERE current ORDER BY position"
        assert connection.execute(query).fetchall() == rows
        named = connection.execute(
            "SELECT block, place FROM v_knob_dimensions WHERE current ORDER BY position"
        ).fetchall()
    (knob,) = conditional.registry.knobs(model_id=conditional.model(NAME).spec.model_id)
    assert named == [("pitch", place) for place in [one.dim for one in knob.dimensions]]
    assert knob.dimension_names()[0] == "pitch[0]"
    assert "pitch 100%, style held, rhythm 0%" in knob._repr_html_()
    assert any("pitch 100%, style held" in line for line in sentences(knob))
    assert knob.as_dict()["blocks"][1] == {"name": "style", "size": 2, "share": None}


def test_metrics_and_figures_are_of_the_latent(conditional):
    """Metrics of disentanglement, active units, spectrum and KL leave the condition out."""
    result = disentanglement(conditional, NAME, CorpusSelection("tiny", 300), resamples=0)
    assert "left_out" not in result["knobs"]["pitch"]
    assert result["codes"]["attributes"]["mean"]["dimensions"]["sap"]["facts"]["active"] == sum(BLOCKS.values()) - 2
    songs = conditional.songs_for(conditional.model(NAME), CorpusSelection("tiny", 200))
    figures = evaluate(conditional.model(NAME), songs, ModelEvaluationSpec("train", 0))
    assert figures["active_units"] == len(figures["spectrum"]) == sum(BLOCKS.values()) - 2
    assert np.isfinite(figures["kl"]["value"])
    assert figures["drawn"]["exact"] is not None


def test_a_pack_holds_what_the_knob_holds(conditional):
    """What comes out of a pack is the operator that went in."""
    knob = conditional.knob("pitch", NAME)
    files = make_pack(conditional, ["pitch"], NAME, licence="mit")
    (again,) = pack_of(files, "the pack").knobs
    assert again.operator_sha256 == knob.operator_sha256
    assert np.array_equal(again.operator.held, HELD)


def test_the_command_line_names_blocks(stored, monkeypatch, capfd):
    """A knob's card and a model's facts say what the blocks are, and rows can be asked for."""
    monkeypatch.setenv("LATENTKNOBS_PLUGINS_DIR", str(stored / "plugins"))
    monkeypatch.setenv("LATENTKNOBS_REGISTRY", str(stored / "registry.db"))

    def run(*words):
        assert run_command_line(list(words)) == 0
        return capfd.readouterr().out

    card = run("knobs", "show", "pitch", "--model", NAME)
    assert "pitch 100%, style held, rhythm 0%" in card
    assert "pitch[0]" in card
    facts = json.loads(run("model", "show", NAME, "--json"))
    assert (facts["blocks"], facts["condition"]) == (BLOCKS, "style")
    rows = run("knobs", "list", "--model", NAME, "--rows", "blocks", "--csv").splitlines()
    assert [row.split(",")[8] for row in rows] == ["block", *BLOCKS]
