"""Discoveries and evaluations have the same bytes wherever they are done, and lose nothing where workers are lost."""

from __future__ import annotations

import os
import pickle
import re
import sqlite3
from importlib.metadata import version
from pathlib import Path

import pytest

from latentknobs.analysis import build_registry
from latentknobs.analysis.disentanglement_metrics import disentanglement
from latentknobs.analysis.model_evaluation import evaluate_model
from latentknobs.core.corpus import CorpusRequest, Tally
from latentknobs.core.executor_specs import in_turn
from latentknobs.core.experiment import Experiment, Settings, UnsupervisedSettings
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.corpora.sharding import carried_shards
from latentknobs.discovery.pairs import EncodeShards
from latentknobs.errors import ExecutorError, PluginError
from latentknobs.executors import worker
from latentknobs.hooks import hookimpl
from latentknobs.testing.executors import EncodeOnce
from latentknobs.testing.tiny import TinyCorpus
from latentknobs.workbench import Workbench

QUICK = Settings(shard=64, trial_clips=24, controls=3, control_clips=8, halves=2, resamples=2, fits=("mean", "ridge"))
MORE = Settings(
    shard=64, trial_clips=24, controls=3, control_clips=8, halves=2, resamples=2, fits=("network",), steps=4,
    recombined=4200,
)  # fmt: skip
PLUGIN = '''
import os, signal, time
from pathlib import Path
from latentknobs import TokenAugmentation, hookimpl
LATENTKNOBS_API = 1
HERE = Path(__file__).parent

class Raised(TokenAugmentation):
    """Moves all notes up."""
    name = knob_name = "raised"
    amounts = (1.0, 2.0)
    def edit_tokens(self, clips, amount, rng):
        with (HERE / "calls.txt").open("a") as file:
            file.write(f"{os.getpid()} {len(clips)}\\n")
        {in_worker}
        notes = clips < 126
        return clips + notes * int(amount), notes.any(axis=1)

@hookimpl
def register_augmentations():
    return [Raised()]
'''


@pytest.fixture
def raised(plugins_dir, own):
    """Makes a plugin whose edit also does something else, in workers; gives its calls: process and clips."""

    def make(in_worker: str = "pass"):
        only_there = f"if os.getpid() != {os.getpid()} and len(clips):\n            {in_worker}"
        (plugins_dir / "raised.py").write_text(PLUGIN.replace("{in_worker}", only_there), encoding="utf-8")
        return lambda: [line.split() for line in (plugins_dir / "calls.txt").read_text().splitlines()]

    return make


def _rows(registry: Path) -> str:
    """Everything that a registry holds, but for times."""
    with sqlite3.connect(registry) as connection:
        text = "\n".join(connection.iterdump())
    return re.sub(r"\d{4}-\d\d-\d\d[ T][\d:.+]+", "TIME", text)


def _discover(folder: Path, edit: str, executor: str, workers: int | None, settings: Settings = QUICK) -> str:
    path = folder / f"{executor}-{workers}.db"
    with Workbench.open(str(path), executor=executor, workers=workers) as workbench:
        workbench.discover(edit, corpus="tiny", model="tiny", clips=800, settings=settings)
    return _rows(path)


def test_a_run_has_the_same_rows_with_two_workers(raised, tmp_path):
    """Every stored row and operator of a plugin's edit; its shards were edited in workers, not here."""
    calls = raised()
    alone = _discover(tmp_path, "raised", "serial", None)
    before = len(calls())

    assert _discover(tmp_path, "raised", "processes", 2) == alone
    elsewhere = [process for process, clips in calls()[before:] if int(clips) and process != str(os.getpid())]
    assert len(elsewhere) >= 2 * (800 // 80)


@pytest.mark.slow
@pytest.mark.parametrize(("executor", "workers"), [("processes", 1), ("processes", 3), ("dask", 2)])
def test_a_run_has_the_same_rows_everywhere(plugins_dir, tmp_path, executor, workers):
    """Recombined clips and a network as well, whatever the executor and the number of its workers."""
    alone = _discover(tmp_path, "note-split", "serial", None, MORE)

    assert _discover(tmp_path, "note-split", executor, workers, MORE) == alone


@pytest.mark.slow
def test_codes_of_the_shipped_model_are_the_same_with_workers(own, two_threads):
    """Bytes of all codes: torch on two threads here, on one thread in each worker."""
    songs = list(TinyCorpus().songs(CorpusRequest(clips=96)))
    with Workbench.open(str(own / "new.db"), executor="processes", workers=2) as workbench:
        backend = workbench.model()
        task = EncodeShards(Experiment.without_methods(backend, workbench.augment("transpose")))
        items = [(shard, n) for n, (shard, _) in enumerate(carried_shards(backend, songs, 32, Tally()))]
        for (_, alone), (_, there) in zip(in_turn(task, items), workbench.map(task, items), strict=True):
            assert pickle.dumps(there and there.edits) == pickle.dumps(alone and alone.edits)
            assert pickle.dumps(there and there.posterior) == pickle.dumps(alone and alone.posterior)


@pytest.mark.slow
def test_evaluations_are_the_same_with_workers(workbench, own):
    """Model evaluation, metrics and a run without an edit."""
    selection = CorpusSelection("tiny", 800)
    settings = UnsupervisedSettings(shard=64, trial_clips=24, controls=3, control_clips=8, moves=())

    def all_of(bench: Workbench) -> list[object]:
        run = bench.disentangle("tiny", "tiny", clips=800, settings=settings, keep=False)
        return [
            evaluate_model(bench, "tiny", selection),
            disentanglement(bench, "tiny", selection, resamples=5),
            [knob.as_dict() for knob in run.knobs],
            list(run.counts.items()),
        ]

    with Workbench.open(str(own / "registry.db"), executor="processes", workers=2) as other:
        assert repr(all_of(other)) == repr(all_of(workbench))


@pytest.mark.slow
def test_the_runs_of_the_registry_are_the_same_with_workers(plugins_dir, tmp_path, monkeypatch):
    """`registry build` gives each worker a run; the file holds the same rows in the same order."""
    wanted = [("tiny", "transpose"), ("tiny", "note-split"), ("tiny", "inversion")]
    monkeypatch.setattr(build_registry, "checkout", lambda: tmp_path)
    found = []
    for executor, workers in (("serial", None), ("processes", 2)):
        with Workbench.open(executor=executor, workers=workers) as workbench:
            build_registry.build(workbench, wanted, clips=400, settings=QUICK)
        found.append(_rows(tmp_path / "registry.db"))

    assert found[0] == found[1]
    assert found[0].count("'note-split'") >= 1


def test_a_killed_worker_changes_no_row(raised, plugins_dir, tmp_path):
    """One worker is killed in the middle of a shard, which another does again."""
    kill = plugins_dir / "kill"
    calls = raised("if (HERE / 'kill').exists(): (HERE / 'kill').unlink(), signal.raise_signal(signal.SIGKILL)")
    alone = _discover(tmp_path, "raised", "serial", None)
    before = len(calls())
    kill.touch()

    assert _discover(tmp_path, "raised", "processes", 2) == alone
    assert not kill.exists()
    assert len({process for process, _ in calls()[before:]}) >= 3  # this one, the lost one, and one after it


def test_workers_that_are_lost_again_and_again_are_told(raised, tmp_path, monkeypatch):
    """A shard that ends every worker ends the work with one sentence, after three tries, and stores nothing."""
    raised("signal.raise_signal(signal.SIGKILL)")
    with pytest.raises(ExecutorError, match=r"^Workers of processes were lost 3 times over one piece of work"):
        _discover(tmp_path, "raised", "processes", 1)

    with Workbench.open(str(tmp_path / "processes-1.db")) as workbench:
        assert all(run.model != "tiny" for run in workbench.runs())


@pytest.mark.parametrize("there", ["another", "none"])
def test_a_worker_without_the_plugin_is_told(raised, plugins_dir, tmp_path, there):
    """The plugin changes, or is taken away, after this program has loaded it: no worker does half of the work."""
    raised()
    with Workbench.open(str(tmp_path / "new.db"), executor="processes", workers=1) as workbench:
        path = plugins_dir / "raised.py"
        path.write_text(path.read_text() + "# changed\n") if there == "another" else path.unlink()
        words = "has sha256:" if there == "another" else "lacks it"
        with pytest.raises(ExecutorError, match=rf"^The plugin 'raised' \(sha256:\w+\) is not the same .* {words}"):
            workbench.discover("raised", corpus="tiny", model="tiny", clips=800, settings=QUICK)
        assert all(run.model != "tiny" for run in workbench.runs())


@pytest.mark.parametrize("package", ["latentknobs", "torch"])
def test_a_worker_of_another_version_is_told(plugins_dir, tmp_path, monkeypatch, package):
    """The versions of latentknobs and of what computes are compared before anything is loaded."""
    if package == "latentknobs":
        monkeypatch.setattr(worker, "__version__", "9.9")
    else:
        monkeypatch.setattr(worker, "version", lambda name: "9.9" if name == package else version(name))
    with (
        Workbench.open(str(tmp_path / "new.db"), executor="processes", workers=1) as workbench,
        pytest.raises(ExecutorError, match=rf"has {package} \d+\.\d+\.\d+, and this program has 9\.9"),
    ):
        workbench.discover("transpose", corpus="tiny", model="tiny", clips=800, settings=QUICK)


def test_a_plugin_in_memory_is_told(latentknobs_plugins, plugins_dir, tmp_path):
    """What no worker could load is told before any work is given out."""

    class Offers:
        @hookimpl
        def register_augmentations(self):
            return []

    latentknobs_plugins.register(Offers(), "memory")
    with (
        Workbench.open(str(tmp_path / "new.db"), plugins=latentknobs_plugins, executor="processes") as workbench,
        pytest.raises(ExecutorError, match="The plugin 'memory' is in this program's memory alone"),
    ):
        list(workbench.map(None, [1]))


@pytest.mark.parametrize(
    ("does", "says"),
    [("time.sleep(60)", "it took more than 1 s and was given up"), ("raise SystemExit(3)", r"it calls sys\.exit\(3\)")],
)
def test_plugins_are_contained_in_workers(raised, tmp_path, monkeypatch, does, says):
    """A call that hangs, or would end its worker, is the same sentence as in one process."""
    monkeypatch.setenv("LATENTKNOBS_PLUGIN_TIMEOUT", "1")
    raised(does)
    with pytest.raises(PluginError, match=rf"^augmentation 'raised' at amount 1 of .*raised\.py failed: .*{says}"):
        _discover(tmp_path, "raised", "processes", 1)


LOADED = """
import os
from pathlib import Path
from latentknobs import BackendFactory, hookimpl
from latentknobs.testing.tiny import TinyBackend
LATENTKNOBS_API = 1

def load(location, device):
    with (Path(__file__).parent / "loads.txt").open("a") as file:
        file.write(f"{os.getpid()}\\n")
    return TinyBackend()

@hookimpl
def register_backends():
    return [BackendFactory("counted", "A model whose loading is counted.", load, shipped={"counted": ""})]
"""


def test_a_worker_loads_a_model_once(plugins_dir, tmp_path):
    """Tasks name the model by its hash; each process loads it for the first one and keeps it for the next."""
    (plugins_dir / "counted.py").write_text(LOADED, encoding="utf-8")
    with Workbench.open(str(tmp_path / "new.db"), executor="processes", workers=2) as workbench:
        for round_ in ("one", "two"):
            (tmp_path / round_).mkdir()
            list(workbench.map(EncodeOnce(workbench.model("counted"), tmp_path / round_), range(6)))
    loads = (plugins_dir / "loads.txt").read_text(encoding="utf-8").split()

    assert len(loads) == len(set(loads))
    assert 2 <= len(loads) <= 3  # here, and in one worker or both


NO_EXECUTOR = """
from contextlib import contextmanager
from latentknobs import ExecutorFactory, hookimpl
LATENTKNOBS_API = 1

@contextmanager
def three(argument, workers):
    yield 3

@hookimpl
def register_executors():
    return [ExecutorFactory("three", "No executor.", three)]
"""


def test_what_is_no_executor_is_told(plugins_dir, tmp_path):
    """A plugin's context manager gives an executor, or its name is told."""
    (plugins_dir / "three.py").write_text(NO_EXECUTOR, encoding="utf-8")
    with pytest.raises(
        PluginError, match=r"^executor 'three' of plugin 'three' \(.*\) returned an int; it must return"
    ):
        Workbench.open(str(tmp_path / "new.db"), executor="three")
