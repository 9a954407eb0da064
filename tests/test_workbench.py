from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from attrs import evolve, frozen

from latentknobs.core.corpus import CorpusRequest, Song
from latentknobs.core.experiment import Settings
from latentknobs.core.melody_format import HOLD
from latentknobs.corpora.corpus_spec import DEFAULT_CORPUS, CorpusPart, check_format, parse_sources, read
from latentknobs.errors import AmountError, ModelError, RegistryError, UnknownNameError, UsageError
from latentknobs.hooks.built_ins import BUILTINS
from latentknobs.session import Session
from latentknobs.steering.control_directions import check_amount
from latentknobs.steering.variation import slerp
from latentknobs.testing.tiny import tiny_clips
from latentknobs.workbench import Workbench, load_plugins


@frozen
class _Songs:
    """A corpus of these songs."""

    name: str
    given: tuple[Song, ...]
    doc: str = "Made here."
    licence: str = "None."
    clip_format: str = "melody-2bar"
    takes: str = ""

    def songs(self, _request, _argument=""):
        return iter(self.given)


def test_the_built_ins_load():
    """Every built-in plugin loads whole, with no local files."""
    reports = load_plugins().reports()

    assert {r.name: r.error for r in reports if r.origin == "built-in" and r.state != "loaded"} == {}
    assert len([r for r in reports if r.origin == "built-in"]) == len(BUILTINS)


def test_default_corpora_exist():
    """The corpora that discoveries use unless told otherwise are there, and their augmentations too."""
    workbench = Workbench.open()

    for name, corpus in DEFAULT_CORPUS.items():
        assert workbench.augment(name).name == name
        assert parse_sources(corpus, workbench.corpora)
    assert parse_sources("folk", workbench.corpora)


def test_models_load_once(workbench):
    """A model is found by shipped name and by kind and location, and loaded once for a device."""
    assert workbench.model("tiny") is workbench.model("tiny")
    assert workbench.model("tiny:").spec.model_id == workbench.model("tiny").spec.model_id
    assert "tiny" in workbench.models.names


def test_a_path_no_backend_recognises(workbench, tmp_path):
    """A file that is no model of any backend says so; one that is not there is an unknown name."""
    (tmp_path / "notes.txt").write_text("no model")

    with pytest.raises(ModelError, match="No backend recognises"):
        workbench.model(str(tmp_path / "notes.txt"))
    with pytest.raises(UnknownNameError, match="no such file"):
        workbench.model(str(tmp_path / "none.safetensors"))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("folk", [("folk", "")]),
        ("folk+whole-notes", [("folk", ""), ("whole-notes", "")]),
        ("midi:/a/b", [("midi", "/a/b")]),
        ("parts+parts:bach", [("parts", ""), ("parts", "bach")]),
        ("midi:/a+b/c+folk", [("midi", "/a+b/c"), ("folk", "")]),
        ("midi:C:/tunes", [("midi", "C:/tunes")]),
    ],
)
def test_corpora_as_people_name_them(workbench, text, names):
    """Names are joined with +, an argument stands after a colon, and a + in a folder's name does not end it."""
    assert [(s.corpus.name, s.argument) for s in parse_sources(text, workbench.corpora)] == names


@pytest.mark.parametrize("text", ["", "folk+", "folk+folk", "folk:x", "midi", "midi:", "fulk"])
def test_corpora_that_are_none(workbench, text):
    """What names no corpus, or one wrongly, is a usage error."""
    with pytest.raises(UsageError):
        parse_sources(text, workbench.corpora)


def test_clips_are_shared_between_corpora(workbench):
    """The clips of a request are shared evenly, and the songs come corpus by corpus."""
    songs = list(workbench.songs("tiny+whole-notes", CorpusRequest(clips=40, pitch_range=(36, 96))))
    clips = {name: sum(len(s.clips) for s in songs if s.name.startswith(name)) for name in ("tiny", "whole-notes")}

    assert sum(clips.values()) >= 40
    assert clips["tiny"] == 20


def test_joined_corpora_share_no_clip_between_splits():
    """A tune of one corpus that is a test song of another is left out there, however it is transposed, and counted."""
    tune, other = tiny_clips(2, seed=1)
    up = np.where(tune < HOLD, tune + 2, tune).astype(np.int16)
    first = _Songs("one", (Song("one/a", np.stack([tune]), "train"),))
    second = _Songs("two", (Song("two/b", np.stack([up, other]), "test"), Song("two/c", np.stack([up]), "validation")))
    told = []
    request = CorpusRequest(tally=lambda what, count: told.append((what, count)))

    songs = list(read([CorpusPart(second, ""), CorpusPart(first, "")], request))

    assert [(s.name, s.split, len(s.clips)) for s in songs] == [("two/b", "test", 1), ("one/a", "train", 1)]
    assert np.array_equal(songs[0].clips, [other])
    assert told == [("clips seen in an earlier split", 1)] * 2


def test_joined_corpora_give_a_clip_once_and_a_name_once():
    """What two corpora both have in a split comes from the first one, counted; songs of one name are told apart."""
    tune, other = tiny_clips(2, seed=1)
    first = _Songs("one", (Song("tune.mid", np.stack([tune, tune]), "train"),))
    second = _Songs("two", (Song("tune.mid", np.stack([tune, other]), "train"), Song("b", np.stack([tune]), "train")))
    told = []
    request = CorpusRequest(tally=lambda what, count: told.append((what, count)))

    songs = list(read([CorpusPart(first, ""), CorpusPart(second, "")], request))

    assert [(s.name, len(s.clips)) for s in songs] == [("tune.mid", 2), ("tune.mid (2)", 1)]
    assert np.array_equal(songs[1].clips, [other])
    assert told == [("duplicate clips", 1)] * 2


def test_discover_tells_observers_and_stores(workbench, plugins_dir):
    """A run is told to observers, stored, and can be read back; the same run twice is the same knob."""
    seen = []

    from latentknobs import hookimpl

    class Watching:
        @hookimpl
        def run_finished(self, run):
            seen.append(("run", run.run_id))

        @hookimpl
        def knob_saved(self, knob):
            seen.append(("knob", knob.name))

    workbench.plugins.register(Watching(), "watching")
    settings = Settings(trial_clips=20, controls=5, control_clips=8, fits=("mean", "ridge"))
    options = {"corpus": "tiny", "model": "tiny", "clips": 400, "seed": 7, "settings": settings}
    first, second = (workbench.discover("transpose", **options) for _ in range(2))

    assert first.run_id == second.run_id
    assert [k.operator_sha256 for k in first.knobs] == [k.operator_sha256 for k in second.knobs]
    assert seen[0] == ("run", first.run_id)
    assert seen.count(("knob", "pitch")) == len(first.knobs)
    assert first.spec.parameters["clips"] == 400
    assert "tiny_model" in first.spec.parameters["plugins"]
    assert workbench.knob("pitch", "tiny").model_name == "tiny"
    told = len(seen)
    again = workbench.discover("transpose", **options, resume=True)
    assert again.finished == first.finished, "a run that is stored is not made again, nor told"
    assert len(seen) == told
    assert workbench.discover("transpose", **{**options, "seed": 8}, resume=True).run_id != first.run_id


def test_discover_checks_the_registry_first(workbench, tmp_path, monkeypatch):
    """A registry that cannot be written is told before any clip is read."""
    from latentknobs.testing.tiny import TinyCorpus

    def read(*_args, **_kwargs):
        raise AssertionError("clips were read")

    monkeypatch.setattr(TinyCorpus, "songs", read)
    elsewhere = Workbench.open(str(tmp_path / "none" / "registry.db"), plugins=workbench.plugins)
    with pytest.raises(RegistryError, match="does not exist"):
        elsewhere.discover("transpose", corpus="tiny", model="tiny")


def test_other_formats_are_refused(workbench):
    """A corpus of another clip format than the model's is a usage error."""
    source = parse_sources("tiny", workbench.corpora)[0]

    with pytest.raises(UsageError, match="has clips of"):
        check_format([evolve(source, corpus=evolve(source.corpus, clip_format="drums"))], workbench.model("tiny").spec)


@pytest.mark.slow
def test_building_the_packages_registry(workbench, tmp_path, monkeypatch):
    """It writes one marked registry at the top of the checkout, and refuses where there is none."""
    from latentknobs.analysis import build_registry
    from latentknobs.registry.store import KnobStore

    build = build_registry.build
    monkeypatch.setattr(build_registry, "TOP", tmp_path)
    settings = Settings(trial_clips=20, controls=5, control_clips=8, steps=5)
    monkeypatch.setitem(DEFAULT_CORPUS, "transpose", "tiny")
    with pytest.raises(UsageError, match="no checkout"):
        build(workbench, [("tiny", "transpose")], clips=400, settings=settings)
    (tmp_path / "pyproject.toml").write_text("")
    path, runs = build(workbench, [("tiny", "transpose")], clips=400, settings=settings)

    assert path == tmp_path / "registry.db"
    with KnobStore.open(path) as store:
        assert store.built_in
        assert [knob.name for knob in store.knobs()] == ["pitch"]
        assert [run.run_id for run in store.runs()] == [run.run_id for run in runs]


def test_amounts_off_the_step_are_refused(workbench):
    """A knob with a step takes its multiples only, and the message names the two nearest."""
    knob = evolve(workbench.knob("pitch", "tiny"), step=1.0)

    assert check_amount(knob, 2.0) == 2.0
    with pytest.raises(AmountError, match=r"choose \+1 or \+2"):
        check_amount(knob, 1.5)
    with pytest.raises(AmountError, match=r"choose -2 or -1"):
        check_amount(knob, -1.5)


@pytest.mark.parametrize("amount", [float("nan"), float("inf"), 12.5, -13])
def test_amounts_outside_the_range_are_refused(workbench, amount):
    """NaN, infinity, and what lies outside the usable range is refused; its ends are not."""
    knob = workbench.knob("pitch", "tiny")

    assert check_amount(knob, knob.high) == knob.high
    with pytest.raises(AmountError):
        check_amount(knob, amount)


def test_turning_needs_an_operator(workbench, monkeypatch):
    """A knob of which only the hash was kept says how to get its operator back."""
    session = Session.open(workbench, model="tiny")
    knob = session.knob("pitch")
    session = evolve(session, knobs={knob.model_id: {"pitch": evolve(knob, operator=None)}})

    with pytest.raises(RegistryError, match=f"repeat its run {knob.run_id}"):
        session.turn({"pitch": 1})


def test_a_session_of_another_model_cannot_be_mixed(workbench):
    """Two sessions meet only with one model."""
    a, b = Session.open(workbench, model="tiny"), Session.open(workbench, model="tiny")
    (part,) = b.parts
    other = evolve(part.model, spec=evolve(part.model.spec, model_id="0" * 64))
    b = evolve(b, parts=(evolve(part, model=other),))

    with pytest.raises(UsageError, match="different models"):
        a.one_way(b, 3)


def test_controls_need_a_free_dimension(workbench):
    """Where codes vary in no dimension a control is refused with a sentence."""
    session = Session.open(workbench, model="tiny")
    knob = session.knob("pitch")
    still = evolve(knob, evidence=evolve(knob.evidence, covariance_diagonal=(0.0,) * 24))

    with pytest.raises(UsageError, match="do not vary"):
        session.control("others", still, 1, seed=0)


def test_a_control_without_any_knob_is_refused(workbench):
    """A control has the length of a knob: where the model has none it cannot be turned."""
    session = Session.open(workbench, model="tiny")
    session = evolve(session, knobs={session.model.spec.model_id: {}})

    with pytest.raises(UnknownNameError, match="random"):
        session.turn({"random": 1})


def test_ties_over_the_edge_of_clips_stay(workbench):
    """A note held over a clip's edge is one note again after turning."""
    from latentknobs.core.clip import Note
    from latentknobs.core.piece import Piece

    piece = Piece((Note(0, 60, 28), Note(28, 62, 8), Note(36, 64, 28)), 64, name="tied")
    turned = Session.open(workbench, piece, "tiny").turn({"pitch": 2})

    assert [(n.onset, n.pitch, n.length) for n in turned.after.notes] == [(0, 62, 28), (28, 64, 8), (36, 66, 28)]


def test_slerp_keeps_the_length_of_equal_codes():
    """The arc between codes of one length has that length, and its ends are the codes."""
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 16)).astype(np.float32)
    a, b = a / np.linalg.norm(a), b / np.linalg.norm(b)

    assert np.array_equal(slerp(a, b, 0.0), a)
    assert np.array_equal(slerp(a, b, 1.0), b)
    for t in (0.25, 0.5, 0.9):
        assert np.linalg.norm(slerp(a, b, t)) == pytest.approx(1.0, abs=1e-6)


def test_folders_come_from_the_environment(monkeypatch, tmp_path):
    """LATENTKNOBS_ variables say where things are; without, the current folder and the user's cache do."""
    from latentknobs.core import paths

    assert Path(paths.default_registry()).parent == paths.cache_dir().parent
    for name in ("REGISTRY", "CACHE", "CONFIG", "PLUGINS_DIR"):
        monkeypatch.delenv(f"LATENTKNOBS_{name}")
    monkeypatch.chdir(tmp_path)

    assert paths.default_registry() == "registry.db"
    assert paths.named_plugins_dir() is None
    assert paths.cache_dir().name == "latentknobs"
    assert paths.config_dir().name == "latentknobs"


def test_clips_are_those_of_the_split_that_is_named(workbench):
    """Each split has clips of its own songs; together they are all, and another word is answered."""
    every = workbench.clips("tiny", "tiny", clips=120)
    parts = [workbench.clips("tiny", "tiny", clips=120, split=split) for split in ("train", "validation", "test")]

    assert sum(map(len, parts)) == len(every)
    assert {clip.tobytes() for part in parts for clip in part} == {clip.tobytes() for clip in every}
    with pytest.raises(UnknownNameError, match="did you mean 'test'"):
        workbench.clips("tiny", "tiny", clips=120, split="tests")


def test_the_first_example_of_the_api_reference(tmp_path, monkeypatch):
    """Clips of test songs, their codes, decodings and a turned knob, as docs/reference/api.md has it."""
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[1] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    names = {}
    exec(page.split("```python\n")[1].split("```")[0], names)

    assert names["codes"].shape == (len(names["clips"]), 128)
    assert np.median(names["change"]) == pytest.approx(3, abs=0.1)
