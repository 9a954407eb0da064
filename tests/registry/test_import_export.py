import json
import sqlite3
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import jsonschema
import pytest
from attrs import evolve

from latentknobs.errors import RegistryError, UsageError
from latentknobs.registry import serialization
from latentknobs.registry.import_export import SCHEMA, take
from latentknobs.registry.overlay import Registry
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, OTHER_MODEL, arrays, dump, facts, sample_run


def opened(folder, *runs):
    """A registry with these runs and nothing beneath."""
    folder.mkdir(exist_ok=True)
    out = Registry.open(folder / "registry.db", packaged=folder / "none.db")
    for run in runs:
        out.save_run(run)
    return out


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A registry with three knobs of two models; read it, never write it."""
    runs = (sample_run(1), sample_run(2, name="rhythm", verdict="provisional"), sample_run(3, model_id=OTHER_MODEL))
    out = opened(tmp_path_factory.mktemp("port") / "source", *runs)
    out.write_note(MODEL, "pitch", "tried")
    out.rename(MODEL, "rhythm", "motion")
    return out


@pytest.fixture(scope="module")
def text(source):
    """Its knobs in one file."""
    return source.export(source.knobs())


@pytest.fixture
def target(tmp_path):
    """An empty registry."""
    return opened(tmp_path / "target")


def test_knobs_travel_whole(source, text, target):
    """What is exported and imported is the same knobs, to the bit, with runs, tags, notes and names."""
    found = target.take(text, "knobs.json")

    assert {one.outcome for one in found} == {"added"}
    for mine, theirs in zip(target.knobs(), source.knobs(), strict=True):
        assert (facts(mine), arrays(mine)) == (facts(theirs), arrays(theirs))
    results = [[serialization.result_sha256(run) for run in registry.runs()] for registry in (source, target)]
    assert sorted(results[0]) == sorted(results[1])
    assert sorted(run.started for run in target.runs()) == sorted(run.started for run in source.runs())


@pytest.mark.parametrize("version", [1, 2])
def test_files_of_earlier_versions_are_read(text, source, target, version):
    """Where effects were called leakage, and in version 1 evidence had no version, the knobs are the same."""
    file = json.loads(text) | {"version": version}
    for knob in [knob for run in file["runs"] for knob in run["knobs"]]:
        knob["effects"] = [
            {"leakage" if name == "effect" else name: value for name, value in effect.items()}
            for effect in knob["effects"]
        ]
        if version == 1:
            del knob["evidence"]["version"]
    target.take(json.dumps(file), "knobs.json")

    assert [knob.effects for knob in target.knobs()] == [knob.effects for knob in source.knobs()]
    assert [arrays(knob) for knob in target.knobs()] == [arrays(knob) for knob in source.knobs()]


def test_a_second_import_changes_nothing(text, target):
    """Knobs that are there already are said to be, and no row changes."""
    target.take(text, "knobs.json")
    before = dump(target.path)

    assert {one.outcome for one in target.take(text, "knobs.json")} == {"there already"}
    assert dump(target.path) == before


def test_a_renamed_knob_is_there_already(text, target):
    """A knob that somebody calls otherwise is not imported a second time, and its name here is said."""
    target.take(text, "knobs.json")
    target.rename(MODEL, "pitch", "height")

    told = {(one.model_id, one.name): (one.outcome, one.why) for one in target.take(text, "knobs.json")}

    assert told[MODEL, "pitch"] == ("there already", "it is called 'height'")


def test_conflicts_are_all_said_and_nothing_is_stored(text, tmp_path):
    """Where names mean other knobs an import refuses, names each of them, and leaves the file as it is."""
    target = opened(tmp_path / "target", sample_run(7), sample_run(8, model_id=OTHER_MODEL))
    before = target.path.read_bytes()

    with pytest.raises(RegistryError, match=r"pitch: the name means the accepted affine knob.*; pitch: .*--conflict"):
        target.take(text, "knobs.json")

    assert target.path.read_bytes() == before


def test_conflicts_can_be_kept(text, tmp_path):
    """With keep the names that are taken mean what they did, and the others are imported."""
    target = opened(tmp_path / "target", sample_run(7))
    kept = arrays(target.knob(MODEL, "pitch"))

    told = {(one.model_id, one.name): one.outcome for one in target.take(text, "knobs.json", conflict="keep")}

    assert told[MODEL, "pitch"] == "kept what is there"
    assert told[MODEL, "motion"] == told[OTHER_MODEL, "pitch"] == "added"
    assert arrays(target.knob(MODEL, "pitch")) == kept
    assert sample_run(1).run_id not in {run.run_id for run in target.runs()}


def test_conflicts_can_be_replaced_but_never_by_worse(text, tmp_path):
    """With replace the file's knob becomes current, unless what is there has a better verdict."""
    better = evolve(sample_run(9, name="motion"), version="9")
    target = opened(tmp_path / "target", sample_run(7), better)

    told = {(one.model_id, one.name): one.outcome for one in target.take(text, "knobs.json", conflict="replace")}

    assert told[MODEL, "pitch"] == "replaced"
    assert told[MODEL, "motion"] == "kept what is there"
    assert arrays(target.knob(MODEL, "pitch")) == arrays(sample_run(1).knobs[1])
    assert target.knob(MODEL, "motion").run_id == better.run_id


def test_there_are_three_ways_to_meet_a_conflict(text, target):
    """Another word is a usage error before anything is made."""
    with pytest.raises(UsageError, match="refuse, keep, replace"):
        target.take(text, "knobs.json", conflict="ask")
    assert not target.path.exists()


def test_a_hash_cannot_be_exported(saved, tmp_path):
    """A knob whose operator is gone is refused with a sentence that says how it comes back."""
    with closing(sqlite3.connect(saved)) as connection:
        connection.execute("DELETE FROM operator_array")
        connection.commit()
    registry = Registry.open(saved, packaged=tmp_path / "none.db")

    with pytest.raises(RegistryError, match="repeat its run"):
        registry.export(registry.knobs(operators=False))


def change(text, *path, to):
    """The file with one place changed; to = ... takes it away."""
    data = json.loads(text)
    place = data
    for step in path[:-1]:
        place = place[step]
    if to is ...:
        del place[path[-1]]
    else:
        place[path[-1]] = to
    return json.dumps(data)


@pytest.mark.parametrize(
    ("path", "to", "match"),
    [
        (("format",), "another", "format: expected latentknobs-knobs, got 'another'"),
        (("version",), 4, "version: expected one of 1, 2, 3, got 4"),
        (("more",), 1, "unknown key 'more'"),
        (("runs", 0, "seed"), ..., r"runs\[0\].seed: missing"),
        (("runs", 0, "seed"), -1, r"runs\[0\]: A seed must be"),
        (("runs", 0, "seed"), True, r"runs\[0\].seed: expected a whole number, got True"),
        (("runs", 0, "model_id"), "xyz", r"runs\[0\]: 'model_id' must match"),
        (("runs", 0, "started"), "yesterday", r"runs\[0\].started: expected a time, got 'yesterday'"),
        (("runs", 0, "started"), "2025-99-99T00:00:00Z", r"runs\[0\].started: expected a time"),
        (("runs", 0, "current"), 9, "candidate number 9 of 2"),
        (
            ("runs", 0, "knobs", 1, "kind"),
            "spiral",
            r"runs\[0\].knobs\[1\].kind: expected one of shift, affine, group, residual",
        ),
        (("runs", 0, "knobs", 1, "low"), 5, "must be finite and hold 0"),
        (("runs", 0, "knobs", 1, "operator_sha256"), "0" * 64, "not the one of its hash"),
        (("runs", 0, "knobs", 1, "dimensions"), [{"dim": 1, "share": 2.0, "weight": None}], "share"),
        (("knobs", 0, "run"), 7, "names a run or a position that is not there"),
        (("knobs", 0, "name"), "Pitch!", r"knobs\[0\]: 'name' must match"),
        (("knobs", 0, "operator", "offsets", "data"), "!!", r"knobs\[0\]: Only base64"),
        (("knobs", 0, "operator", "offsets", "shape"), [77], r"knobs\[0\]: operator.offsets"),
        (("knobs", 0), [], r"knobs\[0\]: expected an object, got \[\]"),
    ],
    ids=lambda value: None if not isinstance(value, tuple) else "-".join(map(str, value)),
)
def test_a_file_that_is_wrong_says_where(text, target, path, to, match):
    """A file that the schema does not allow, or that contradicts itself, is refused by its first wrong place."""
    with pytest.raises(RegistryError, match=rf"knobs.json is no file of knobs.*{match}|cannot be stored.*{match}"):
        target.take(change(text, *path, to=to), "knobs.json")
    assert not target.path.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": NaN}'])
def test_what_is_no_json_object_is_refused(target, text):
    """A file of something else is one sentence."""
    with pytest.raises(RegistryError, match=r"knobs\.json is no file of knobs"):
        target.take(text, "knobs.json")


def test_two_knobs_of_one_name_are_refused(text, target):
    """A file in which a name would mean two knobs of one model is refused."""
    data = json.loads(text)
    data["knobs"].append(data["knobs"][0])

    with pytest.raises(RegistryError, match="two knobs of one model have one name"):
        target.take(json.dumps(data), "knobs.json")


def test_several_that_make_one_registry_at_once_all_store_their_knobs(text, tmp_path):
    """The first one makes the file, the others write to it."""
    stores = [KnobStore.open(tmp_path / "new.db") for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        told = list(pool.map(lambda store: take(store, text, "knobs.json"), stores))

    outcomes = Counter(summary.outcome for summaries in told for summary in summaries)
    assert outcomes == {"added": 3, "there already": 6}


def test_the_schema_describes_what_is_written(text):
    """The published schema is a JSON schema, and our file is as it says."""
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(text), schema)


def test_a_file_is_imported_into_the_file_that_is_written(text, tmp_path):
    """Above a built-in registry the knobs go to discovered.db, as discoveries do."""
    KnobStore.open(tmp_path / "registry.db", create=True, allow_built_in=True)
    registry = Registry.open(tmp_path / "registry.db", packaged=tmp_path / "none.db")
    before = registry.path.read_bytes()
    registry.take(text, "knobs.json")

    assert len(registry.knobs()) == 3
    assert registry.path.read_bytes() == before
    assert (tmp_path / "discovered.db").is_file()
