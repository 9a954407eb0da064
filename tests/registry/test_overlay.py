import shutil

import pytest

from latentknobs.errors import RegistryError, UnknownNameError
from latentknobs.registry.overlay import Registry
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, OTHER_MODEL, arrays, sample_run


@pytest.fixture
def packaged(tmp_path):
    """A package's own registry: an accepted pitch knob and an accepted rhythm knob."""
    path = tmp_path / "package" / "registry.db"
    path.parent.mkdir()
    store = KnobStore.open(path, allow_built_in=True)
    store.save_run(sample_run(1))
    store.save_run(sample_run(2, name="rhythm"))
    return path


@pytest.fixture
def registry(path, packaged):
    """A person's registry, not there yet, above the package's."""
    return Registry.open(path, packaged=packaged)


def seeds(registry):
    """Which run each current knob is from."""
    by_run = {run.run_id: run.spec.seed for run in registry.runs()}
    return {knob.name: by_run[knob.run_id] for knob in registry.knobs()}


def test_the_packages_knobs_are_always_there(registry, path):
    """Without a file of one's own the package's knobs are read, with their operators, and no file is made."""
    assert seeds(registry) == {"pitch": 1, "rhythm": 2}
    assert arrays(registry.knob(MODEL, "pitch")) == arrays(sample_run(1).knobs[1])
    assert not path.exists()


def test_ones_own_knobs_win(registry, path):
    """A knob of the open registry hides the package's of the same model and name."""
    run = sample_run(3)

    assert registry.save_run(run) == run.knobs
    assert [source.path for source in registry.sources() if source.written] == [path]
    assert seeds(registry) == {"pitch": 3, "rhythm": 2}
    assert arrays(registry.knob(MODEL, "pitch")) == arrays(run.knobs[1])


def test_the_package_is_never_written(registry, packaged):
    """Discoveries leave the package's file byte for byte as it is."""
    before = packaged.read_bytes()
    registry.save_run(sample_run(3))

    assert packaged.read_bytes() == before


@pytest.mark.parametrize("verdict", ["rejected", "provisional", "not measurable"])
def test_a_worse_knob_of_ones_own_does_not_hide_an_accepted_one(registry, verdict):
    """A rejected or provisional knob never takes the place of an accepted one, across files too."""
    registry.save_run(sample_run(3, verdict=verdict))

    assert seeds(registry)["pitch"] == 1
    assert registry.knobs(verdict=verdict) == ()
    assert len(registry.knobs(name="pitch", current_only=False)) == 4


def test_another_model_is_another_knob(registry):
    """Knobs of other models hide nothing."""
    registry.save_run(sample_run(3, model_id=OTHER_MODEL))

    assert [(knob.model_id, knob.name) for knob in registry.knobs()] == [
        (MODEL, "pitch"),
        (MODEL, "rhythm"),
        (OTHER_MODEL, "pitch"),
    ]


def test_in_a_checkout_discoveries_go_beside_the_committed_file(tmp_path, packaged):
    """Where the open file is itself built-in it is read, and discovered.db above it is written."""
    committed = tmp_path / "registry.db"
    shutil.copyfile(packaged, committed)
    before = committed.read_bytes()
    registry = Registry.open(committed, packaged=packaged)

    registry.check_writable()
    registry.save_run(sample_run(3))

    assert [source.path for source in registry.sources() if source.written] == [tmp_path / "discovered.db"]
    assert seeds(registry) == {"pitch": 3, "rhythm": 2}
    assert committed.read_bytes() == before
    again = Registry.open(committed, packaged=packaged)
    assert seeds(again) == {"pitch": 3, "rhythm": 2}


def test_a_copy_is_counted_once(tmp_path, packaged):
    """The checkout's registry.db is a copy of the package's: its runs and knobs are listed once."""
    committed = tmp_path / "registry.db"
    shutil.copyfile(packaged, committed)
    registry = Registry.open(committed, packaged=packaged)

    assert [run.spec.seed for run in registry.runs()] == [1, 2]
    assert len(registry.knobs(current_only=False)) == 4


def test_saving_again_tells_of_no_new_knob(registry):
    """A run that is there already gives no knobs, so that nobody is told of them twice."""
    registry.save_run(sample_run(3))

    assert registry.save_run(sample_run(3)) == ()


def test_runs_come_from_every_layer(registry):
    """A run is found in whichever file holds it, the package's runs first."""
    registry.save_run(sample_run(3))

    assert [run.spec.seed for run in registry.runs()] == [1, 2, 3]
    assert registry.run(sample_run(2).run_id).spec.seed == 2
    with pytest.raises(UnknownNameError, match="There is no run named"):
        registry.run("0" * 16)


def test_unknown_names_say_what_there_is(registry):
    """The names offered come from every layer."""
    registry.save_run(sample_run(3, name="density"))

    with pytest.raises(UnknownNameError, match="there is: density, pitch, rhythm"):
        registry.knob(MODEL, "zzz")


def test_a_package_without_knobs_will_do(path, tmp_path):
    """Before the first make registry there is no file beneath."""
    registry = Registry.open(path, packaged=tmp_path / "none.db")

    assert (registry.knobs(), registry.runs()) == ((), ())
    assert [source.role for source in registry.sources()] == ["open"]


def test_sources_say_where_knobs_are(registry, path, packaged):
    """Each file is listed with its role, whether it is there and written, and how many knobs it holds."""
    listed = [(source.role, source.path, source.exists, source.written, source.knobs) for source in registry.sources()]

    assert listed == [("open", path, False, True, 0), ("package", packaged, True, False, 2)]


def test_sources_say_what_is_wrong(path, packaged):
    """A file that cannot be read is named with its error, and the others are still listed."""
    path.write_bytes(b"not a registry" * 100)
    registry = Registry.open(path, packaged=packaged)

    with pytest.raises(RegistryError, match="nor any SQLite file"):
        registry.knobs()

    broken, package = registry.sources()
    assert "nor any SQLite file" in broken.error
    assert (package.error, package.knobs) == (None, 2)


def test_a_closed_registry_opens_again(registry, path):
    """Closing lets go of the files; what another program did in between is seen."""
    with registry:
        assert seeds(registry)["pitch"] == 1
    KnobStore.open(path).save_run(sample_run(3))

    assert seeds(registry)["pitch"] == 3
