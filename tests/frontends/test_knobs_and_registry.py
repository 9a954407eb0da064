"""What `knobs show` draws, and what `registry build` prints."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from latentknobs.analysis.build_registry import SHIPPED_AUGMENTATIONS
from latentknobs.core.evidence import Evidence
from latentknobs.frontends.cli.registry import build as command
from latentknobs.testing.store import sample_run
from latentknobs.workbench import Workbench


def test_the_mean_change_of_a_knob_is_drawn(cli, tmp_path):
    """With --mean-change the card, or the JSON, comes with a PNG of the mean change of every dimension."""
    for name, words in (("a.png", ()), ("b.png", ("--json",))):
        result = cli("knobs", "show", "pitch", "--model", "tiny", "--mean-change", tmp_path / name, *words)
        assert result.code == 0, result.err
        assert str(tmp_path / name) in result.err
        assert "mean-pitch" in result.out
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


@pytest.mark.parametrize(
    ("name", "says"), [("there.png", "add --force"), ("card.pdf", "should end in .png"), ("none/card.png", "not there")]
)
def test_a_picture_that_cannot_be_written_is_refused(cli, tmp_path, name, says):
    """A file that is there, of another kind or in no folder is refused with a sentence and left as it is."""
    (tmp_path / "there.png").write_text("mine")
    words = ("knobs", "show", "pitch", "--model", "tiny", "--mean-change")
    result = cli(*words, tmp_path / name)

    assert result.code == 2
    assert says in result.one_sentence()
    assert (tmp_path / "there.png").read_text() == "mine"
    assert cli(*words, tmp_path / "there.png", "--force").code == 0


def test_a_knob_without_a_mean_change_is_told(cli, tmp_path, monkeypatch):
    """Evidence that holds no mean change cannot be drawn, and the sentence says what to do."""
    stored = Workbench.knob
    monkeypatch.setattr(Workbench, "knob", lambda *words: evolve(stored(*words), evidence=Evidence()))
    result = cli("knobs", "show", "pitch", "--model", "tiny", "--mean-change", tmp_path / "a.png")

    assert "discover it again" in result.one_sentence()
    assert not (tmp_path / "a.png").exists()


def test_registry_build_as_json(cli, monkeypatch):
    """With --json stdout has the file that was written and the runs, as discover prints them."""
    run = sample_run()
    path, names = Path("one.db"), []

    def build(workbench, **_options):
        names.extend(workbench.augment(name).knob_name for name in SHIPPED_AUGMENTATIONS)
        return path, (run,)

    monkeypatch.setattr(command, "build_shipped", build)
    facts = cli("registry", "build", "--json").json

    assert names[:3] == ["pitch", "rhythm", "inversion"]
    assert facts["files"] == ["one.db"]
    assert [found["run"] for found in facts["runs"]] == [run.run_id]
    assert facts["runs"][0]["knobs"][0]["name"] == run.knobs[0].name
    shown = cli("registry", "build")
    assert run.knobs[run.current].name in shown.out
    assert "written to one.db" in shown.err
