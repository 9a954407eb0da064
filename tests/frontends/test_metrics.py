"""``model metrics``: its tables, its JSON, and what it refuses."""

from __future__ import annotations

WORDS = ("model", "metrics", "tiny", "--corpus", "tiny", "--clips", 200, "--resamples", 2)


def test_the_tables(cli):
    """What was measured on what, each metric in dimensions and in knobs, and the targets, are printed."""
    result = cli(*WORDS)

    assert result.code == 0, result.err
    for text in ("in dimensions", "in knobs", "dci-completeness", "best dimension", "restrictiveness", "R2"):
        assert text in result.out


def test_the_json(cli):
    """The JSON has what the tables are made of, with seed and hash."""
    facts = cli(*WORDS, "--json").json

    assert (facts["model"], facts["split"], facts["seed"]) == ("tiny", "test", 0)
    assert len(facts["model_id"]) == 64
    assert facts["codes"]["attributes"]["mean"]["knobs"]["mig"]["overall"]["value"] > 0


def test_a_split_that_teaches(cli):
    """Training songs cannot be judged: exit 2 and one sentence."""
    result = cli(*WORDS, "--split", "train")

    assert result.code == 2
    assert "validation, test" in result.one_sentence()
