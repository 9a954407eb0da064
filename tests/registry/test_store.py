import itertools
import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from latentknobs.core.evidence import Evidence
from latentknobs.core.knob import ARRAYS, BLOCKS, KINDS, RANK, VERDICTS, Knob, KnobDimension, KnobEffect, Operator
from latentknobs.core.run import Run, RunSpec
from latentknobs.core.seed import MOST_SEED
from latentknobs.errors import RegistryError
from latentknobs.registry import store as store_module
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, arrays, dump, facts, sample_run

NUMBERS = itertools.count()
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.text(), JSON, max_size=3)
EVIDENCES = st.builds(
    Evidence,
    target=st.none() | st.text(),
    fitted=st.lists(FLOATS, max_size=3).map(tuple),
    fitting=st.dictionaries(st.text(), st.text() | FLOATS | st.integers(-(2**60), 2**60), max_size=3),
)
NUMBERS_32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(0.125, 1e6, width=32)
SPECIAL = {"amounts": POSITIVE, "step": POSITIVE, "scale": POSITIVE}


def dimensions(size):
    """Dimensions of a knob that moves codes of this size."""
    each = st.builds(KnobDimension, st.integers(0, size - 1), st.floats(0, 1), st.none() | FLOATS)
    return st.lists(each, max_size=4, unique_by=lambda dimension: dimension.dim)


EFFECTS = st.lists(
    st.builds(KnobEffect, st.text(), FLOATS, FLOATS), max_size=4, unique_by=lambda effect: effect.attribute
)
TIMES = st.datetimes(min_value=datetime(1, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001 (hypothesis asks for a naive one)


@st.composite
def operators(draw, kind):
    """Any operator of a kind."""
    lengths = {letter: draw(st.integers(1, 3)) for letter in "DAHL"} | {"1": 1}
    deeper = BLOCKS if kind == "residual" and draw(st.booleans()) else {}
    arrays = {
        name: draw(hnp.arrays(np.float32, [lengths[letter] for letter in axes], elements=SPECIAL.get(name, NUMBERS_32)))
        for name, axes in {**ARRAYS[kind], **deeper}.items()
    }
    if "amounts" in arrays:
        arrays["amounts"] = np.cumsum(arrays["amounts"])
    return Operator(kind, arrays)


@st.composite
def runs(draw):
    """Any run that may be stored; each has an identity and a knob name of its own."""
    number = next(NUMBERS)
    parameters = draw(OBJECTS) | {"number": number}
    seed = draw(st.integers(0, MOST_SEED))
    spec = RunSpec(MODEL, draw(st.text()), draw(st.none() | st.text()), draw(st.text()), seed, parameters)
    fits = draw(st.lists(st.text(), min_size=1, max_size=3, unique=True))
    knobs = []
    for fit in fits:
        kind = draw(st.sampled_from(KINDS))
        operator = draw(operators(kind))
        knob = Knob(
            name=f"knob-{number}",
            model_id=MODEL,
            model_name=spec.model_name,
            augmentation=spec.augmentation,
            kind=kind,
            fit=fit,
            unit=draw(st.text()),
            step=draw(st.none() | st.floats(1e-300, 1e300)),
            low=-abs(draw(FLOATS)),
            high=abs(draw(FLOATS)),
            verdict=draw(st.sampled_from(VERDICTS)),
            dimensions=tuple(draw(dimensions(operator.size))),
            effects=tuple(draw(EFFECTS)),
            evidence=draw(EVIDENCES),
            operator=operator,
            run_id=spec.run_id,
            tags=tuple(draw(st.lists(st.text(), max_size=3, unique=True))),
        )
        knobs.append(knob)
    counts = draw(st.dictionaries(st.text(), st.integers(0, 2**40), max_size=3))
    current = draw(st.integers(0, len(knobs) - 1))
    return Run(spec, tuple(knobs), current, counts, draw(st.text()), draw(TIMES), draw(TIMES))


@pytest.fixture(scope="module")
def long_lived(tmp_path_factory):
    """One store for all examples of a property."""
    return KnobStore.open(tmp_path_factory.mktemp("store") / "registry.db")


@settings(max_examples=25)
@given(run=runs())
def test_any_run_comes_back_as_it_was(long_lived, run):
    """Every text, number, array and time of a run is read back exactly."""
    long_lived.save_run(run)

    got = long_lived.run(run.run_id)

    assert [facts(knob) for knob in got.knobs] == [facts(knob) for knob in run.knobs]
    assert arrays(got.knobs[run.current]) == arrays(run.knobs[run.current])
    assert json.dumps(got.spec.parameters) == json.dumps(run.spec.parameters)
    assert (got.spec.corpus, got.spec.seed, got.spec.model_name) == (
        run.spec.corpus,
        run.spec.seed,
        run.spec.model_name,
    )
    assert (got.current, got.counts, got.version) == (run.current, run.counts, run.version)
    assert (got.started, got.finished) == (run.started, run.finished)


def test_numpy_numbers_are_kept_as_numbers(path):
    """A number that numpy made is stored as SQLite's number, not as its bytes."""
    run = sample_run()
    shift, affine = run.knobs
    odd = evolve(
        affine,
        low=np.float32(-1.5),
        step=np.float64(0.5),
        dimensions=(KnobDimension(np.int64(3), np.float32(0.5), np.float32(0.25)),),
    )
    store = KnobStore.open(path)
    store.save_run(evolve(run, knobs=(shift, odd), counts={"clips": np.int64(7)}))

    got = store.run(run.run_id)

    assert (got.knobs[1].low, got.knobs[1].step, got.counts) == (-1.5, 0.5, {"clips": 7})
    assert got.knobs[1].dimensions == (KnobDimension(3, 0.5, 0.25),)


def test_same_seed_same_rows(tmp_path):
    """The same runs at other times give the same rows, times apart."""
    dumps = []
    for number in range(2):
        store = KnobStore.open(tmp_path / f"{number}.db")
        for seed in range(3):
            run = sample_run(seed)
            store.save_run(evolve(run, started=run.started + timedelta(hours=number)))
        dumps.append(dump(store.path))

    assert dumps[0] == dumps[1]
    assert len(dumps[0]) > 30


def test_rows_of_another_seed_differ(tmp_path):
    """The dump that the rule above compares sees what it compares."""
    for seed in range(2):
        KnobStore.open(tmp_path / f"{seed}.db").save_run(sample_run(seed))

    assert dump(tmp_path / "0.db") != dump(tmp_path / "1.db")


def test_every_verdict_has_a_rank():
    """No verdict is forgotten where knobs are compared."""
    assert set(RANK) == set(VERDICTS)


def test_what_fails_in_the_middle_changes_no_byte(saved, monkeypatch):
    """When saving raises after rows were written, the file is byte for byte as before."""
    before = saved.read_bytes()

    def fail(session, *_):
        session.flush()
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module, "settle", fail)
    with pytest.raises(KeyboardInterrupt):
        KnobStore.open(saved).save_run(sample_run(1, size=700))  # more than SQLite's cache: pages reach the file

    assert saved.read_bytes() == before
    assert list(saved.parent.iterdir()) == [saved]


def test_what_fails_first_leaves_no_file(path, monkeypatch):
    """When the first run cannot be saved, no registry is left behind."""

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(store_module, "settle", fail)
    with pytest.raises(KeyboardInterrupt):
        KnobStore.open(path).save_run(sample_run())

    assert list(path.parent.iterdir()) == []


def test_saving_again_leaves_the_file_as_it_is(saved):
    """A run that is there with the same result does not touch the file."""
    before = saved.read_bytes()

    assert not KnobStore.open(saved).save_run(sample_run())

    assert saved.read_bytes() == before


def test_what_is_no_unicode_is_refused(saved):
    """A text that is no Unicode, such as a folder's name can be, is a clear error and stores nothing."""
    run = sample_run(1)
    run = evolve(run, spec=evolve(run.spec, corpus="midi:\udcff"), knobs=(), current=None)

    with pytest.raises(RegistryError, match=r"Run [0-9a-f]{16} cannot be stored"):
        KnobStore.open(saved).save_run(run)

    assert len(KnobStore.open(saved).runs()) == 1


def test_a_model_has_the_name_it_was_last_called_by(path):
    """A model is one row however often its card is renamed, and each run keeps the name of its day."""
    store = KnobStore.open(path)
    old, new = sample_run(1), sample_run(2)
    store.save_run(old)
    renamed = tuple(evolve(knob, model_name="renamed") for knob in new.knobs)
    store.save_run(evolve(new, spec=evolve(new.spec, model_name="renamed"), knobs=renamed))

    with closing(sqlite3.connect(path)) as connection:
        models = connection.execute("SELECT sha256, name FROM model").fetchall()
    assert models == [(MODEL, "renamed")]
    assert [run.spec.model_name for run in store.runs()] == [old.spec.model_name, "renamed"]


def test_a_run_that_the_file_cannot_mean_is_left_out(saved, caplog):
    """A run whose row holds what no run can have is one sentence that names the run."""
    with closing(sqlite3.connect(saved)) as connection:
        connection.execute("UPDATE run SET seed = -1")
        connection.commit()

    assert KnobStore.open(saved).runs() == ()
    assert re.search(r"The run [0-9a-f]{16} in .* is damaged: A seed .* not -1", caplog.text)
