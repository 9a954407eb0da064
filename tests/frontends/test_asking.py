"""What people type to ask the registry, to look after knobs, and to do runs again."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from latentknobs.testing.store import MODEL, sample_run
from latentknobs.workbench import Workbench

TINY = ("--model", "tiny")


def rows(result):
    """What --csv printed."""
    assert result.code == 0, result.err
    return list(csv.DictReader(io.StringIO(result.out)))


def test_conditions_of_the_list_are_those_of_python(cli, own):
    """Each option gives what the argument of the same name gives, as JSON, as CSV and as a table."""
    asked = {
        "--tag": ("tag", "mine"),
        "--augmentation": ("augmentation", "note-split"),
        "--moves": ("moves", "mean-pitch"),
        "--uses": ("uses", 8),
        "--kind": ("kind", "shift"),
        "--verdict": ("verdict", "accepted"),
        "--effect": ("effect", 2.0),
        "--since": ("since", "2100-01-01"),
        "--until": ("until", "2000-01-01"),
        "--model": ("model", "tiny"),
        "--sort": ("sort", "date"),
        "--limit": ("limit", 1),
    }
    cli("knobs", "tag", "pitch", "mine", *TINY)
    with Workbench.open() as workbench:
        expected = {option: [k.as_dict() for k in workbench.knobs(**{n: v})] for option, (n, v) in asked.items()}

    for option, (_, value) in asked.items():
        listed = cli("knobs", "list", option, value, "--json").json
        assert [{n: v for n, v in row.items() if n != "format"} for row in listed] == expected[option], option
    assert [len(expected[o]) for o in ("--tag", "--since", "--until", "--limit")] == [1, 0, 0, 1]
    names = [row["name"] for row in rows(cli("knobs", "list", "p*", *TINY, "--csv"))]
    assert names == ["pitch"]
    assert "pitch" in cli("knobs", "list", "--tag", "mine").out
    forward, back = (
        cli("knobs", "list", "--sort", "name", *TINY, *more, "--json").json for more in ((), ("--reverse",))
    )
    assert [k["name"] for k in back] == [k["name"] for k in forward][::-1]
    assert len(cli("knobs", "list", "--history", *TINY, "--json").json) > len(forward)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--kind", "shft"), "did you mean 'shift'"),
        (("--sort", "size"), "There is no order named 'size'"),
        (("--since", "yesterday"), "write it as 2026-01-31"),
        (("--model", "nothing"), "There is no model"),
        (("--json", "--csv"), "not both"),
        (("--uses", "8", "--uses", "9"), "--uses takes one value, not 2"),
        (("--moves", "rests", "--moves", "mean-pitch"), "--moves takes one value"),
    ],
)
def test_conditions_that_mean_nothing_are_one_sentence(cli, words, says):
    """A misspelt word is answered with what there is, and exit code 2."""
    result = cli("knobs", "list", *words)

    assert result.code == 2
    assert says in result.one_sentence()


def test_tags_and_notes_are_written_and_read(cli):
    """What is written is printed without a text, on the card and as JSON."""
    assert cli("knobs", "tag", "pitch", "mine", "best", *TINY).out == "best\nmine\n"
    assert cli("knobs", "tag", "pitch", "--remove", "best", *TINY, "--json").json == {"name": "pitch", "tags": ["mine"]}
    assert cli("knobs", "note", "pitch", "From -5 to +7.", *TINY).out == "From -5 to +7.\n"
    assert cli("knobs", "note", "pitch", *TINY, "--json").json["note"] == "From -5 to +7."
    card = cli("knobs", "show", "pitch", *TINY).out
    assert "mine" in card
    assert "From -5 to +7." in card
    assert cli("knobs", "note", "pitch", "", *TINY).out == ""


def test_a_knob_is_renamed_and_deleted(cli):
    """The new name means the knob, the old one nothing; a deleted knob is gone, and the way back is said."""
    assert "now called height" in cli("knobs", "rename", "pitch", "height", *TINY).err
    assert "did you mean" in cli("knobs", "show", "hight", *TINY).one_sentence()
    assert "rhythm" in cli("knobs", "rename", "height", "rhythm", *TINY).one_sentence()
    assert "runs repeat" in cli("knobs", "delete", "height", *TINY).err
    assert [k["name"] for k in cli("knobs", "list", *TINY, "--json").json] == ["rhythm"]


def test_knobs_go_from_one_registry_to_another(cli, tmp_path):
    """An exported file is imported elsewhere; a second knob of the name is refused, kept or replaced as asked."""
    file, other = tmp_path / "knobs.json", tmp_path / "other.db"
    assert "pitch, rhythm written to" in cli("knobs", "export", *TINY, "-o", file).err
    assert "add --force" in cli("knobs", "export", *TINY, "-o", file).one_sentence()
    assert json.loads(file.read_text())["format"] == "latentknobs-knobs"

    told = cli("knobs", "import", file, "--registry", other, "--json").json
    assert [(one["name"], one["outcome"]) for one in told] == [("pitch", "added"), ("rhythm", "added")]
    theirs = cli("knobs", "list", *TINY, "--registry", other, "--json").json
    assert theirs == cli("knobs", "list", *TINY, "--json").json
    assert "there already" in cli("knobs", "import", file, "--registry", other).out

    cli("knobs", "rename", "pitch", "old", *TINY, "--registry", other)
    cli("knobs", "rename", "rhythm", "pitch", *TINY, "--registry", other)
    data = json.loads(file.read_text())
    data["knobs"] = [one for one in data["knobs"] if one["name"] == "pitch"]
    file.write_text(json.dumps(data))
    assert "there already" in cli("knobs", "import", file, "--registry", other).out
    cli("knobs", "delete", "old", *TINY, "--registry", other)
    assert "--conflict keep" in cli("knobs", "import", file, "--registry", other).one_sentence()
    assert "kept what is there" in cli("knobs", "import", file, "--registry", other, "--conflict", "keep").out
    assert cli("knobs", "import", file, "--registry", other, "--conflict", "ask").code == 2


def test_a_file_that_cannot_be_imported_is_one_sentence(cli, tmp_path):
    """A missing file, a binary one and one of something else are errors that name the file."""
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "song.json").write_text('{"notes": []}')
    for name in ("none.json", "binary.json", "song.json"):
        result = cli("knobs", "import", tmp_path / name)
        assert result.code == 1
        assert name in result.one_sentence()


def test_knobs_are_set_beside_one_another(cli):
    """A diff says what differs, of two knobs and of two fits of one run; similar lists the likest first."""
    (pitch,) = cli("knobs", "list", "pitch", *TINY, "--json").json
    found = cli("knobs", "diff", "pitch", "rhythm", *TINY, "--json").json
    assert found["facts"]["name"] == ["pitch", "rhythm"]
    assert found["dimensions"]["only_a"]
    fits = [
        k["fit"] for k in cli("knobs", "list", "pitch", "--history", *TINY, "--json").json if k["fit"] != pitch["fit"]
    ]
    other = f"pitch@{pitch['run']}/{fits[0]}"
    assert cli("knobs", "diff", "pitch", other, *TINY, "--json").json["facts"]["fit"] == [pitch["fit"], fits[0]]
    assert "slope of mean-pitch" in cli("knobs", "diff", "pitch", other, *TINY).out
    assert "same operator" in cli("knobs", "diff", "pitch", f"pitch@{pitch['run']}", *TINY).err

    likest = cli("knobs", "similar", "pitch", *TINY, "--history", "--json").json
    assert likest[0]["name"] == "pitch"
    assert likest[0]["effects"] > 0.99
    assert [one["effects"] for one in likest] == sorted((one["effects"] for one in likest), reverse=True)
    assert "rhythm" in cli("knobs", "similar", "pitch", *TINY, "--limit", 40).out
    assert "pitch@" in cli("knobs", "diff", "pitch", f"pitch@{pitch['run']}/zzz", *TINY).one_sentence()


def test_runs_are_listed_and_shown(cli):
    """The list has a row for each run, and one run is shown with its parameters and every knob that was tried."""
    listed = rows(cli("runs", "list", *TINY, "--csv"))
    assert [row["augmentation"] for row in listed] == ["transpose", "note-split"]
    assert cli("runs", "list", *TINY, "--augmentation", "transpose", "--json").json[0]["run"] == listed[0]["run"]
    assert listed[0]["run"] in cli("runs", "list").out

    shown = cli("runs", "show", listed[0]["run"], "--json").json
    assert (shown["parameters"]["clips"], len(shown["knobs"])) == (800, int(listed[0]["knobs"]))
    assert "trial_clips" in cli("runs", "show", listed[0]["run"]).out
    assert "There is no run named '045c' in the registry" in cli("runs", "show", "045c").one_sentence()
    assert cli("runs", "show", listed[0]["run"][:6], "--json").json["run"] == listed[0]["run"]
    of_run = cli("knobs", "list", "--run", listed[0]["run"][:6], *TINY, "--json").json
    assert {knob["run"] for knob in of_run} == {listed[0]["run"]}

    ids = [row["run"] for row in listed]
    apart = cli("runs", "diff", *ids, "--json").json
    assert apart["settings"]["augmentation"] == ["transpose", "note-split"]
    assert "Another edit: transpose and note-split." in cli("runs", "diff", *ids).out


def test_knobs_are_drawn(cli, tmp_path):
    """A picture of one knob, of several and of all of a model is written as PNG or SVG, never over another."""
    for words, name in (
        (("pitch",), "one.png"),
        (("pitch", "rhythm", "--figure", "effects"), "two.svg"),
        ((), "all.svg"),
    ):
        assert cli("knobs", "plot", *words, *TINY, "-o", tmp_path / name).code == 0
        assert (tmp_path / name).stat().st_size > 5000
    assert "is there already" in cli("knobs", "plot", "pitch", *TINY, "-o", tmp_path / "one.png").one_sentence()
    assert ".svg" in cli("knobs", "plot", "pitch", *TINY, "-o", tmp_path / "one.pdf").one_sentence()
    wrong = cli("knobs", "plot", "pitch", *TINY, "--figure", "effcts", "-o", tmp_path / "x.png").one_sentence()
    assert "did you mean 'effects'" in wrong


def test_conditions_choose_knobs_and_runs(cli):
    """A condition, several values and what is only in history: each is answered, and an empty answer is told."""
    listed = cli("knobs", "list", "--where", "r2 >= 0 and name in (pitch, rhythm)", *TINY, "--json").json
    assert [(one["name"], one["current"]) for one in listed] == [("pitch", True), ("rhythm", True)]
    shown = rows(cli("knobs", "list", "--sort", "r2", "--show", "r2", "--csv", *TINY))
    assert sorted((float(row["r2"]) for row in shown), reverse=True) == [float(row["r2"]) for row in shown]
    assert "r2" in cli("knobs", "list", "--show", "r2", *TINY).out
    assert rows(cli("knobs", "list", "pitch", "--show", "target", "--csv", *TINY))[0]["target"] == "mean-pitch"
    assert "mean-pitch" in cli("knobs", "list", "pitch", "--show", "target", *TINY).out
    assert "is a text" in cli("knobs", "list", "--sort", "target", *TINY).one_sentence()
    assert "share of 8" in cli("knobs", "list", "--uses", 8, *TINY).out
    amounts = rows(cli("knobs", "list", "pitch", "--rows", "response", "--csv", *TINY))
    assert {row["split"] for row in amounts} == {"test", "validation"}
    assert "bound" in cli("knobs", "list", "pitch", "--rows", "criteria", *TINY).out
    far = rows(cli("knobs", "list", "pitch", "--rows", "response", "--only", "amount > 0", "--csv", *TINY))
    assert 0 < len(far) < len(amounts)
    first = rows(
        cli("knobs", "list", "--rows", "effects", "--only", "attribute = mean-pitch", "--limit", 1, "--csv", *TINY)
    )
    assert [row["attribute"] for row in first] == ["mean-pitch"]
    assert "No row meets" in cli("knobs", "list", "pitch", "--rows", "effects", "--only", "effect > 1e9", *TINY).err
    assert "add --rows" in cli("knobs", "list", "--only", "effect > 1").one_sentence()
    assert "did you mean 'criteria'" in cli("knobs", "list", "--rows", "criterio").one_sentence()
    every = rows(cli("knobs", "list", "--history", "--verdict", "provisional", "--verdict", "rejected", "--csv", *TINY))
    assert {row["current"] for row in every} == {"1", "0"}
    none = cli("knobs", "list", "pitch", "--where", "current = 0", *TINY)
    assert (none.code, none.out) == (0, "")
    assert "of other fits and earlier runs do: add --history" in none.err
    assert "No run meets the conditions." in cli("runs", "list", "--until", "2020-01-01").err
    assert cli("knobs", "list", "--where", "low <").code == 2
    for asked in (("--moves", "mean-pich"), ("--augmentation", "transposee"), ("--corpus", "flok")):
        result = cli("knobs", "list", *asked)
        assert (result.code, "did you mean" in result.one_sentence()) == (2, True)


def test_doing_again_prints_what_differs(cli, monkeypatch):
    """What repeat and verify found is printed as a table and as JSON."""
    from latentknobs.analysis import reproduction

    run = sample_run()
    verdicts = [knob.verdict for knob in run.knobs]
    number = {"number": "verdict", "a": verdicts[0], "b": verdicts[1], "difference": None}
    facts = {"same_operator": False, "verdict": verdicts, "moved": [number]}
    knob = {"name": "a", "kind": "b", "fit": "c", **facts}
    again = reproduction.Reproduction(run, run, {"plugins": ("1", "2")}, (knob,))
    monkeypatch.setattr(reproduction, "repeat", lambda *_args, **_options: again)
    assert cli("runs", "repeat", "x", "--json").json["same"] is False
    result = cli("runs", "repeat", "x")
    assert "does not give the same again" in result.err
    assert "plugins: 1 then, 2 now" in result.err
    assert "verdict" in result.out

    verified = reproduction.Verification(run.knobs[1], MODEL, run.knobs[1])
    monkeypatch.setattr(reproduction, "verify", lambda *_args, **_options: verified)
    assert [one["survives"] for one in cli("knobs", "verify", "pitch", "--of", "tiny", "--json").json] == [True]
    assert "slope of mean-pitch" in cli("knobs", "verify", "pitch", "--of", "tiny").out


def test_a_transfer_prints_both_models_side_by_side(cli, monkeypatch):
    """Each knob has a row for either model and a line that says whether it is there; JSON has the same numbers."""
    from latentknobs.analysis import knob_transfer
    from latentknobs.analysis.knob_transfer import TransferResult

    gone, there = sample_run().knobs
    found = [
        TransferResult(there, there, "r"),
        TransferResult(gone, gone, "r"),
        TransferResult(gone, None, reason="It was not."),
    ]
    monkeypatch.setattr(knob_transfer, "transfer", lambda *_args, **_options: found)
    facts = cli("knobs", "transfer", "tiny", "twin", "--json").json
    result = cli("knobs", "transfer", "tiny", "twin", "pitch")

    assert [one["exists"] for one in facts] == [True, False, False]
    assert facts[0]["a"] == facts[0]["b"]
    assert facts[2]["b"] is None
    for text in ("in both", "not in twin", "It was not.", "equivariance"):
        assert text in result.out
    bare = str(Path(__file__).parents[2] / "benchmarks" / "models" / "lstm-64.safetensors")
    assert "has no knobs in the registry" in cli("knobs", "transfer", bare, "tiny").one_sentence()
