"""``latentknobs disentangle``, and the card of what it found."""

from __future__ import annotations

import numpy as np
import pytest

from latentknobs.core.experiment import UnsupervisedSettings
from latentknobs.discovery.unsupervised import LEFT_OUT
from latentknobs.workbench import Workbench

SEARCH = ("disentangle", "--model", "tiny", "--corpus", "tiny", "--clips", 160, "--candidates", 2, "--moves", "none")


@pytest.fixture
def found(cli):
    """What the command printed, and the command line to look further."""
    return cli(*SEARCH), cli


def test_the_command_prints_what_was_found_and_what_was_refused(found):
    """Tables on stdout: knobs, those refused with the criteria that they failed, and directions; notes on stderr."""
    shown, _ = found

    assert shown.code == 0, shown.err
    assert "knobs found: " in shown.out
    assert "named but refused" in shown.out
    assert "must be" in shown.out
    assert "pca 2" in shown.out
    assert "Candidates by sefa are left out: the model tiny has no LatentWeights." in shown.err
    for criterion, reason in LEFT_OUT.items():
        assert f"acceptance criterion {criterion} left out: {reason}" in shown.err


def test_as_json(cli):
    """--json has the knobs, every direction, and why a knob was refused; the same command the same numbers."""
    first, again = cli(*SEARCH, "--json").json, cli(*SEARCH, "--json").json

    (run,) = first["runs"]
    assert run["augmentation"] is None
    assert len(run["candidates"]) == 2
    assert run["left_out"] == LEFT_OUT
    assert set(run["refused"]) == {knob["name"] for knob in run["knobs"] if knob["verdict"] == "rejected"}
    assert all("limit" in why for why in run["refused"].values())
    assert first == again


def test_the_card_of_such_a_knob(found):
    """The card has no augmentation, names the gates that were left out and what should stay, and lists directions."""
    _, cli = found
    name = next(k["name"] for k in cli("knobs", "list", "--json").json if k["augmentation"] is None)

    shown = cli("knobs", "show", name, "--model", "tiny")

    assert shown.code == 0, shown.err
    assert " ".join(shown.out.split()).count("augmentation none") == 1
    assert "criterion equivariance  left out: there is no edit, so no edited clip to compare with." in shown.out
    assert "criterion content" in shown.out
    assert "preserves" in shown.out
    assert "* pca" in shown.out


def test_knobs_of_edits_keep_their_names(found):
    """The pitch and rhythm knobs are as they were; the new ones end in -auto."""
    _, cli = found

    knobs = {k["name"]: k["augmentation"] for k in cli("knobs", "list", "--model", "tiny", "--json").json}

    assert knobs.pop("pitch") == "transpose"
    assert knobs.pop("rhythm") == "note-split"
    assert knobs
    assert all(name.endswith("-auto") and edit is None for name, edit in knobs.items())


def test_there_is_no_mean_change_to_draw(found, tmp_path):
    """The picture of an edit is refused with a sentence."""
    _, cli = found
    name = next(k["name"] for k in cli("knobs", "list", "--json").json if k["augmentation"] is None)

    shown = cli("knobs", "show", name, "--model", "tiny", "--mean-change", tmp_path / "out.png")

    assert shown.code == 2
    assert "was found without an edit" in shown.one_sentence()


def test_the_workbench_stores_what_it_finds(workbench: Workbench):
    """The knob is read again with its operator and a range, and the run's parameters name attributes, not edits."""
    run = workbench.disentangle(
        "tiny", "tiny", clips=160, settings=UnsupervisedSettings(candidates=1, controls=2, trial_clips=20, moves=())
    )

    knob = workbench.knob(run.knobs[0].name, "tiny")
    assert knob.operator is not None
    assert knob.low < 0 < knob.high
    assert np.isfinite(knob.operator.arrays["direction"]).all()
    assert run.spec.parameters["clips"] == 160
    assert "attributes" in run.spec.parameters["plugins"]
    assert "augmentations" not in run.spec.parameters["plugins"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--corpus", "nowhere"), "nowhere"),
        (("--model", "nothing"), "nothing"),
        (("--clips", 4), "ask for more clips"),
        (("--moves", "guessing"), "there is: matched, flow, classifier"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(cli, words, sentence):
    """An unknown corpus or model, and too few clips."""
    shown = cli("disentangle", "--model", "tiny", "--corpus", "tiny", *words)

    assert shown.code in (1, 2)
    assert sentence in shown.one_sentence()
