"""Knobs from one person to another: packed, checked, and added with nothing of it run before a yes."""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from attrs import evolve
from safetensors.numpy import load, save

from latentknobs.backends.gru_musicvae.network import GruMusicVae
from latentknobs.backends.network import NetworkConfig
from latentknobs.backends.weights import save_model
from latentknobs.errors import PackError
from latentknobs.hooks.trust import trust, trusted_paths
from latentknobs.packs.manifest import PackedFile
from latentknobs.packs.pack_files import MOST_TEXT, read_files, write_files
from latentknobs.packs.pack_reader import read_pack
from latentknobs.packs.pack_writer import make_pack
from latentknobs.testing.store import sample_run
from latentknobs.workbench import Workbench, load_plugins
from tests.conftest import TINY_PLUGIN

TINY = ("--model", "tiny")
EDIT = """
from pathlib import Path
from latentknobs import Note, NoteAugmentation, hookimpl
LATENTKNOBS_API = 1
with Path({sentinel!r}).open("a") as file:
    file.write("x")

class Edit(NoteAugmentation):
    \"\"\"Does nothing to speak of.\"\"\"
    name = knob_name = "theirs"
    def edit(self, notes, amount, rng):
        return [Note(note.onset, note.pitch) for note in notes]

@hookimpl
def register_augmentations():
    return [Edit()]  # \x1b[2K is what a terminal would obey
"""


@pytest.fixture(scope="module")
def sentinel(tmp_path_factory):
    """What the plugin writes into whenever it runs."""
    return tmp_path_factory.mktemp("ran") / "ran"


@pytest.fixture
def ran(sentinel):
    """How often the plugin has run."""
    return lambda: len(sentinel.read_text()) if sentinel.exists() else 0


@pytest.fixture(scope="module")
def made(tiny_registry, tmp_path_factory, sentinel):
    """The files of a pack with the tiny model's pitch and with a knob of the plugin's edit."""
    folder = tmp_path_factory.mktemp("author")
    (folder / "plugins").mkdir()
    (folder / "plugins" / "tiny_model.py").write_text(TINY_PLUGIN)
    (folder / "plugins" / "theirs.py").write_text(EDIT.format(sentinel=str(sentinel)), encoding="utf-8")
    path = str(shutil.copy(tiny_registry, folder / "registry.db"))
    with Workbench.open(path, plugins=load_plugins(folder / "plugins")) as workbench:
        operator = workbench.knob("pitch", "tiny").operator
        runs = workbench.registry.runs(workbench.model("tiny").spec.model_id)
        run = next(run for run in runs if run.spec.augmentation == "transpose")
        spec = evolve(run.spec, augmentation="theirs")
        knobs = [evolve(knob, name="theirs", augmentation="theirs", run_id=spec.run_id) for knob in run.knobs]
        knobs[run.current] = evolve(knobs[run.current], operator=operator)
        workbench.registry.save_run(evolve(run, spec=spec, knobs=tuple(knobs)))
        return make_pack(workbench, ["theirs", "pitch"], "tiny")


@pytest.fixture
def pack(made, cli, tmp_path_factory):
    """That pack as a folder."""
    path = tmp_path_factory.mktemp("pack") / "pack"
    write_files(path, made)
    return path


@pytest.fixture
def elsewhere(pack, tmp_path, monkeypatch):
    """A folder of another person, with a plugin that nobody has trusted; no folder of plugins is named."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("LATENTKNOBS_PLUGINS_DIR")
    monkeypatch.setenv("LATENTKNOBS_REGISTRY", "registry.db")
    monkeypatch.setenv("LATENTKNOBS_CONFIG", str(tmp_path / "config"))
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "stranger.py").write_text("LATENTKNOBS_API = 1\nraise RuntimeError\n")
    return tmp_path


@pytest.mark.slow
def test_a_pack_turns_as_where_it_was_made(cli, tmp_path, monkeypatch, tune):
    """Made in one place, as a folder and as a zip, and added in another: the same turns to the byte."""
    words = ("-k", "pitch=3", "-k", "rhythm=1", *TINY)
    assert cli("turn", tune, *words, "-o", tmp_path / "a.mid").code == 0
    for name in ("pack", "pack.zip", "again.zip"):
        assert cli("pack", "rhythm", "pitch", "-o", tmp_path / name, *TINY, "--license", "mit").code == 0
    monkeypatch.setenv("LATENTKNOBS_REGISTRY", str(tmp_path / "other.db"))
    first, again = (cli("add", tmp_path / name, "--json") for name in ("pack", "pack.zip"))
    assert cli("turn", tune, *words, "-o", tmp_path / "b.mid").code == 0

    assert (tmp_path / "pack.zip").read_bytes() == (tmp_path / "again.zip").read_bytes()
    assert read_files(tmp_path / "pack") == read_files(tmp_path / "pack.zip")
    assert [one["outcome"] for one in first.json["outcomes"]] == ["added"] * 2
    assert [one["outcome"] for one in again.json["outcomes"]] == ["there already"] * 2
    assert (tmp_path / "a.mid").read_bytes() == (tmp_path / "b.mid").read_bytes()


def test_the_readme_is_a_model_card(pack):
    """Its header is YAML with library, licence, tags, verdicts and numbers; its examples are files that sound."""
    files = read_files(pack)
    _, header, text = files["README.md"].decode().split("---\n", 2)
    card = yaml.safe_load(header)

    assert (card["library_name"], card["license"]) == ("latentknobs", "unknown")
    assert {one["name"]: one["verdict"] for one in card["knobs"]}.keys() == {"pitch", "theirs"}
    assert all(one["equivariance"] > 0.5 for one in card["knobs"])
    linked = {part.partition(")")[0] for part in text.split("](")[1:]}
    assert linked == {name for name in files if name.startswith("examples/")}
    assert "$ latentknobs turn IN.mid -k pitch=+12 --model tiny -o OUT.mid" in text
    before, after = (files[f"examples/{name}.wav"] for name in ("before", "pitch-after"))
    assert len(before) == len(after) > 44_100
    assert before != after


def test_the_sound_in_a_pack_is_the_models(meters):
    """A knob of a model in another time signature is heard on a melody in that, which the model turns."""
    assert "4 clips: " in make_pack(meters, ["pitch"], "tiny-6-8")["README.md"].decode()


def test_code_is_shown_and_not_run_before_a_yes(cli, pack, ran, elsewhere, listing, monkeypatch):
    """Without a terminal nothing happens; a no adds nothing; each shows size, hash and source that steers no screen."""
    before, runs = listing(), ran()
    asked = cli("add", pack)
    assert asked.code == 2
    assert asked.err.strip().splitlines()[-1].startswith("Error: Nothing was added: nobody can be asked")
    assert PackedFile.of((pack / "plugins" / "theirs.py").read_bytes()).sha256 in asked.out
    assert "return [Edit()]  # \\x1b[2K" in asked.out
    assert "\x1b" not in asked.out + asked.err
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))

    refused = cli("add", pack)

    assert refused.code == 2
    assert "as plugins/theirs.py" in refused.err
    assert (listing(), ran()) == (before, runs)


class Terminal(io.StringIO):
    """What a person types."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("typed", [True, False])
def test_with_a_yes_the_one_file_is_trusted(cli, pack, ran, elsewhere, monkeypatch, typed):
    """The plugin runs from the next command on; what lies beside it does not, and adding again asks nothing."""
    runs = ran()
    if typed:
        monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    done = cli("add", pack, *(() if typed else ("--yes",)))

    assert done.code == 0, done.err
    assert ran() == runs
    assert trusted_paths() == (elsewhere / "plugins" / "theirs.py",)
    assert (elsewhere / "plugins" / "theirs.py").read_bytes() == (pack / "plugins" / "theirs.py").read_bytes()
    states = {one["name"]: one["state"] for one in cli("plugins", "list", "--json").json}
    assert (states["theirs"], states["stranger"]) == ("loaded", "disabled")
    again = cli("add", pack, "--json")
    assert {one["outcome"] for one in again.json["outcomes"]} == {"there already"}
    assert again.json["added"] == []


def test_an_error_takes_all_back(cli, pack, elsewhere, listing, monkeypatch):
    """Where the knobs cannot be stored, the plugin is gone again and not trusted; what was trusted before still is."""
    trust(elsewhere / "plugins" / "stranger.py")
    (elsewhere / "plugins" / "stranger.py").write_text("LATENTKNOBS_API = 1\n")
    before = listing()
    monkeypatch.setenv("LATENTKNOBS_REGISTRY", "nowhere/registry.db")
    assert cli("add", pack, "--yes").code == 1
    assert listing() == before

    monkeypatch.setenv("LATENTKNOBS_REGISTRY", "registry.db")
    (elsewhere / "plugins" / "theirs.py").symlink_to(elsewhere / "out.py")
    assert "another file" in cli("add", pack, "--yes").err
    assert (listing(), os.path.lexists("out.py")) == (before, False)


def test_a_name_that_means_another_knob_is_told(cli, pack, elsewhere, listing):
    """As knobs import does: nothing is stored, or with --conflict keep only what has no such name."""
    with Workbench.open() as workbench:
        model = json.loads((pack / "knobs.json").read_text())["model"]["model_id"]
        workbench.registry.save_run(sample_run(1, model_id=model))
    before = listing()

    assert "pitch: the name means the accepted" in cli("add", pack, "--yes").err
    assert listing() == before | {str(elsewhere / "config" / "trusted-plugins"): b""}
    outcomes = cli("add", pack, "--yes", "--json", "--conflict", "keep").json["outcomes"]
    assert {one["name"]: one["outcome"] for one in outcomes} == {"pitch": "kept what is there", "theirs": "added"}


def changed_operator(change):
    """Change the arrays of pitch's operator."""

    def damage(folder, facts):
        path = folder / "operators" / "pitch.safetensors"
        arrays = {name: array.copy() for name, array in load(path.read_bytes()).items()}
        change(arrays)
        path.write_bytes(save(arrays))

    return damage


def written(name, text):
    """Write a file of the pack."""
    return lambda folder, _: (folder / name).write_text(text)


DAMAGE = {
    "NaN": changed_operator(lambda arrays: arrays["direction"].fill(np.nan)),
    "another operator": changed_operator(lambda arrays: arrays["direction"].fill(1)),
    "sizes": changed_operator(lambda arrays: arrays.update(direction=arrays["direction"][:3].copy())),
    "doubles": changed_operator(lambda arrays: arrays.update(direction=arrays["direction"].astype(np.float64))),
    "no arrays": written("operators/pitch.safetensors", "cos\nsystem\n(S'true'\ntR."),
    "range": lambda _, facts: facts["runs"][0]["knobs"][0].update(low=5),
    "position": lambda _, facts: facts["knobs"][0].update(position=99),
    "two of one name": lambda _, facts: facts["knobs"][1].update(name="pitch"),
    "device": lambda _, facts: facts["knobs"][0].update(name="con"),
    "version": lambda _, facts: facts.update(version=2),
    "unknown key": lambda _, facts: facts.update(more=1),
    "surrogate": lambda _, facts: facts["model"].update(name="\ud800"),
    "escape": lambda _, facts: facts["model"].update(name="\x1b[2Jmodel"),
    "bidi": lambda _, facts: facts["runs"][0]["knobs"][0].update(unit="a\u202eb"),
    "infinite": lambda _, facts: facts["knobs"][0].update(amount=float("inf")),
    "model": lambda _, facts: facts["model"].update(model_id="00" * 32),
    "dimensions": lambda _, facts: facts["model"].update(latent_size=3),
    "plugin's place": lambda _, facts: facts["plugins"][0].update(path="plugins/../../evil.py"),
    "no plugin": written("plugins/theirs.py", "print('no line of the hooks')"),
    "nothing": lambda _, facts: facts.update(knobs=[]),
}
BROKEN = {
    "hash": written("README.md", "# another"),
    "extra": written("examples/more.mid", "x"),
    "missing": lambda folder, _: (folder / "examples" / "before.mid").unlink(),
    "no manifest": lambda folder, _: (folder / "knobs.json").unlink(),
    "100 MB": lambda folder, _: os.truncate(folder / "knobs.json", 100_000_000),
    "most": written("knobs.json", "[" * MOST_TEXT),
    "no JSON": written("knobs.json", "{"),
    "no text": lambda folder, _: (folder / "knobs.json").write_bytes(b"\xff"),
    "twice": written("knobs.json", '{"version": 1, "version": 1}'),
    "huge number": written("knobs.json", "9" * 5000),
}


@pytest.mark.parametrize("what", [*DAMAGE, *BROKEN])
def test_a_hostile_pack_is_refused(pack, ran, what):
    """In one sentence that a terminal can show, and nothing of it has run."""
    facts = json.loads((pack / "knobs.json").read_text())
    (DAMAGE | BROKEN)[what](pack, facts)
    if what in DAMAGE:
        sign(pack, facts)
    runs = ran()

    with pytest.raises(PackError) as caught:
        read_pack(pack)
    assert str(caught.value).isprintable()
    assert ran() == runs


def sign(folder, facts):
    """Write a pack's manifest with the hashes of the files that are there."""
    for name in facts["files"]:
        data = (folder / name).read_bytes()
        facts["files"][name] = {"size": len(data), "sha256": PackedFile.of(data).sha256}
    (folder / "knobs.json").write_text(json.dumps(facts))


def test_a_refused_pack_changes_nothing(cli, pack, elsewhere, listing):
    """Check and add end in one sentence, and registry and folders are as they were."""
    (pack / "README.md").write_text("# another")
    before = listing()

    for words in (("add", pack, "--yes"), ("pack", "check", pack)):
        assert "README.md that is not the one of its hash" in cli(*words).one_sentence()
    assert listing() == before


def test_what_cannot_be_packed_is_told(cli, tmp_path):
    """An unknown knob, no licence to pass weights on, a place that is taken, and a licence of several words."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "mine.txt").touch()
    for words, says in {
        ("ptch", "-o", tmp_path / "a"): "did you mean 'pitch'",
        ("pitch", "--weights", "-o", tmp_path / "a"): "states no licence",
        ("pitch", "--force", "-o", tmp_path / "mine"): "is no pack",
        ("pitch", "-o", tmp_path / "no" / "a.zip"): "make it first",
        ("pitch", "--license", "as I say", "-o", tmp_path / "a"): "one word",
    }.items():
        assert says in cli("pack", *words, *TINY).one_sentence()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("licence", ["MIT", "all rights reserved"])
def test_weights_travel_where_their_licence_allows_it(cli, tmp_path, monkeypatch, licence):
    """They come with their card, are those of the knobs, and are where the knobs then say they are."""
    config = NetworkConfig(
        encoder_hidden=4, decoder_hidden=4, decoder_layers=1, embedding=4, latent_size=4, vocabulary=130, steps=32
    )
    path = tmp_path / "mine.safetensors"
    identity = save_model(GruMusicVae(config), path, {"licence": licence})
    with Workbench.open() as workbench:
        workbench.registry.save_run(sample_run(1, model_id=identity))
    made = cli("pack", "pitch", "--model", path, "--weights", "-o", tmp_path / "pack")
    if licence != "MIT":
        assert "states no licence that lets everyone pass them on (all rights reserved)" in made.one_sentence()
        return
    (tmp_path / "there").mkdir()
    monkeypatch.chdir(tmp_path / "there")
    monkeypatch.setenv("LATENTKNOBS_REGISTRY", "registry.db")
    assert cli("add", tmp_path / "pack", "--json").json["model"]["here"] == "models/mine.safetensors"
    assert Path("models/mine.safetensors").read_bytes() == path.read_bytes()
    assert cli("add", tmp_path / "pack").code == 0

    other = save_model(GruMusicVae(config), tmp_path / "pack" / "models" / "mine.safetensors", {"licence": "MIT"})
    facts = json.loads((tmp_path / "pack" / "knobs.json").read_text())
    sign(tmp_path / "pack", facts)
    shutil.rmtree("models")
    assert other != identity
    assert "another model" in cli("add", tmp_path / "pack").one_sentence()
    assert not Path("models").exists()
