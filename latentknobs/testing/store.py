"""
The contract of a store of knobs, and runs to try one with.

Subclass :class:`StoreContract` and override its fixture::

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self, tmp_path):
            return MyStore(tmp_path / "knobs")
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np
import pytest
from attrs import evolve

from latentknobs.core.evidence import Criterion, Evidence
from latentknobs.core.knob import FROM_REGISTRY, Knob, KnobDimension, KnobEffect, Operator, Verdict
from latentknobs.core.run import Run, RunSpec
from latentknobs.errors import RegistryError, UnknownNameError

MODEL = "ab" * 32
OTHER_MODEL = "cd" * 32
TIMES = frozenset({"created_at", "first_seen", "started", "finished"})
"""Columns that differ between two runs of the same seed."""


class Store(Protocol):
    """What a store does; :class:`latentknobs.registry.store.KnobStore` says it in full."""

    def save_run(self, run: Run) -> bool: ...
    def knob(self, model_id: str, name: str) -> Knob: ...
    def knobs(
        self,
        *,
        model_id: str | None = None,
        name: str | None = None,
        verdict: Verdict | None = None,
        current_only: bool = True,
        operators: bool = True,
    ) -> tuple[Knob, ...]: ...
    def run(self, run_id: str) -> Run: ...
    def runs(self, model_id: str | None = None) -> tuple[Run, ...]: ...


def sample_run(
    seed: int = 0,
    *,
    name: str = "pitch",
    verdict: Verdict = "accepted",
    model_id: str = MODEL,
    version: str = "1.0",
    size: int = 4,
    parameters: dict[str, object] | None = None,
) -> Run:
    """
    A run with two knobs of one name, an affine one that is the candidate and a rejected shift.

    Args:
        seed: Seed of the run; the numbers of its knobs follow from it.
        name: Name of both knobs.
        verdict: Verdict of the candidate.
        model_id: The model.
        version: The version of latentknobs that it says it is from.
        size: D.
        parameters: Of the run.
    """
    rng = np.random.default_rng(seed)
    spec = RunSpec(model_id, f"model-{model_id[:4]}", "transpose", "folk", seed, parameters or {"clips": 64})
    affine = Operator(
        "affine",
        {
            "amounts": np.array([-1.0, 1.0]),
            "matrices": rng.normal(size=(2, size, size)),
            "offsets": rng.normal(size=(2, size)),
        },
    )
    knob = Knob(
        name=name,
        model_id=model_id,
        model_name=spec.model_name,
        augmentation="transpose",
        kind="affine",
        fit="ridge",
        unit="semitones",
        step=1.0,
        low=-1.0,
        high=1.0,
        verdict=verdict,
        dimensions=(KnobDimension(2, 0.625, None), KnobDimension(0, 0.3, None)),
        effects=(KnobEffect("mean-pitch", 0.98, 1.7), KnobEffect("log2-onsets", 0.01, 0.02)),
        evidence=Evidence(
            fitted=(-1.0, 1.0),
            deviation=float(rng.random()),
            fitting={"note": "Fünf \u266d"},
            preserves=("log2-onsets",),
            criteria=(Criterion(kind="leakage", of="log2-onsets", amount=1.0, value=0.02, limit=0.25, passed=True),),
        ),
        operator=affine,
        run_id=spec.run_id,
        tags=("shipped", "melody"),
    )
    shift = evolve(
        knob,
        kind="shift",
        fit="mean",
        step=None,
        verdict="rejected",
        dimensions=(KnobDimension(1, 1.0, -0.5),),
        operator=Operator("shift", {"direction": rng.normal(size=size)}),
        operator_sha256="",
    )
    start = datetime(2025, 1, 2, 3, 4, 5, 678, tzinfo=UTC) + timedelta(days=seed)
    return Run(spec, (shift, knob), 1, {"clips": 64, "masked at +1": 3}, version, start, start + timedelta(minutes=1))


def facts(knob: Knob) -> tuple[object, ...]:
    """All of a knob but its operator's arrays and what a registry adds, ready to be compared."""
    return knob.as_dict() | {"tags": sorted(knob.tags)} | dict.fromkeys(FROM_REGISTRY), knob.evidence


def arrays(knob: Knob) -> dict[str, tuple[tuple[int, ...], bytes]] | None:
    """Shape and bytes of an operator's arrays, None where a knob has none."""
    if knob.operator is None:
        return None
    return {name: (array.shape, array.tobytes()) for name, array in knob.operator.arrays.items()}


def dump(path: Path) -> list[str]:
    """Every row of a registry file in a fixed order, times left out, binary values as their SHA-256."""
    out = []
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        query = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        for (table,) in connection.execute(query).fetchall():
            info = connection.execute(f'PRAGMA table_info("{table}")').fetchall()
            key = [f'"{column[1]}"' for column in info if column[5]] or ["1"]
            rows = connection.execute(f'SELECT * FROM "{table}" ORDER BY {", ".join(key)}')  # noqa: S608 (its own names)
            for row in rows:
                shown = [
                    f"{column[1]}={_shown(value)}"
                    for column, value in zip(info, row, strict=True)
                    if column[1] not in TIMES
                ]
                out.append(f"{table}: {', '.join(shown)}")
    return out


def _shown(value: object) -> str:
    return hashlib.sha256(value).hexdigest() if isinstance(value, bytes) else repr(value)


class StoreContract:
    """What any store must do; see the module's text."""

    @pytest.fixture
    def store(self) -> Store:
        """An empty store: override it."""
        pytest.fail("override the fixture 'store' with one that gives an empty store")

    def test_starts_empty(self, store: Store) -> None:
        """An empty store has no knobs and no runs, and says so when asked for one."""
        assert (store.knobs(), store.runs()) == ((), ())
        with pytest.raises(UnknownNameError, match="There is no knob named 'pitch'"):
            store.knob(MODEL, "pitch")
        with pytest.raises(UnknownNameError, match="There is no run named"):
            store.run("0" * 16)

    def test_gives_back_what_was_saved(self, store: Store) -> None:
        """A run comes back with every number as it was, its candidate with its operator."""
        run = sample_run()

        assert store.save_run(run)

        got = store.run(run.run_id)
        assert got.run_id == run.run_id
        assert [facts(knob) for knob in got.knobs] == [facts(knob) for knob in run.knobs]
        assert arrays(got.knobs[1]) == arrays(run.knobs[1])
        assert (got.current, got.counts, got.version) == (run.current, run.counts, run.version)
        assert (got.started, got.finished) == (run.started, run.finished)
        assert arrays(store.knob(MODEL, "pitch")) == arrays(run.knobs[1])

    def test_only_current_knobs_keep_their_operator(self, store: Store) -> None:
        """A knob that is not current, or no longer, keeps its evidence and its operator's hash alone."""
        first, second = sample_run(1), sample_run(2)
        store.save_run(first)
        store.save_run(second)

        old = store.run(first.run_id).knobs

        assert [knob.operator for knob in old] == [None, None]
        assert [knob.operator_sha256 for knob in old] == [knob.operator_sha256 for knob in first.knobs]
        assert [knob.evidence for knob in old] == [knob.evidence for knob in first.knobs]

    def test_saving_again_changes_nothing(self, store: Store) -> None:
        """The same run with the same result, at another time, adds nothing."""
        run = sample_run()
        later = evolve(run, started=run.started + timedelta(days=1), finished=run.finished + timedelta(days=1))
        store.save_run(run)

        assert not store.save_run(later)

        assert [got.started for got in store.runs()] == [run.started]

    def test_repeating_a_run_brings_its_operator_back(self, store: Store) -> None:
        """The candidate of a run that is saved again is the newer one again."""
        first, second = sample_run(1), sample_run(2)
        for run in (first, second, first):
            store.save_run(run)

        got = store.knob(MODEL, "pitch")

        assert (got.run_id, arrays(got)) == (first.run_id, arrays(first.knobs[1]))
        assert len(store.runs()) == 2

    def test_another_result_is_stored_beside_the_first(self, store: Store) -> None:
        """The same spec from another version of latentknobs never changes what is stored."""
        old, new = sample_run(version="1.0"), sample_run(version="2.0")

        assert store.save_run(old)
        assert store.save_run(new)

        assert [run.version for run in store.runs()] == ["1.0", "2.0"]
        assert store.run(old.run_id).version == "2.0"

    @pytest.mark.parametrize(
        ("there", "comes", "wins"),
        [
            ("accepted", "accepted", True),
            ("accepted", "provisional", False),
            ("accepted", "not measurable", False),
            ("accepted", "rejected", False),
            ("provisional", "accepted", True),
            ("provisional", "provisional", True),
            ("provisional", "not measurable", False),
            ("provisional", "rejected", False),
            ("not measurable", "accepted", True),
            ("not measurable", "provisional", True),
            ("not measurable", "not measurable", True),
            ("not measurable", "rejected", False),
            ("rejected", "accepted", True),
            ("rejected", "provisional", True),
            ("rejected", "not measurable", True),
            ("rejected", "rejected", True),
        ],
    )
    def test_which_knob_is_current(self, store: Store, there: Verdict, comes: Verdict, wins: bool) -> None:
        """A knob never takes the place of one with a better verdict; among equals the newer wins."""
        first, second = sample_run(1, verdict=there), sample_run(2, verdict=comes)
        store.save_run(first)
        store.save_run(second)

        got = store.knob(MODEL, "pitch")

        expected = second if wins else first
        assert (got.run_id, arrays(got)) == (expected.run_id, arrays(expected.knobs[1]))

    def test_a_run_may_have_no_candidate(self, store: Store) -> None:
        """Without a candidate the knobs are stored and none is current."""
        run = evolve(sample_run(), current=None)
        store.save_run(run)

        assert store.knobs() == ()
        assert [knob.kind for knob in store.knobs(current_only=False)] == ["shift", "affine"]

    def test_knobs_are_found_and_sorted(self, store: Store) -> None:
        """Knobs come by model and name, and can be asked for by model, name and verdict."""
        store.save_run(sample_run(1, name="rhythm", verdict="rejected"))
        store.save_run(sample_run(2, model_id=OTHER_MODEL))
        store.save_run(sample_run(3))

        assert _names(store.knobs()) == ["ab pitch", "ab rhythm", "cd pitch"]
        assert _names(store.knobs(model_id=OTHER_MODEL)) == ["cd pitch"]
        assert _names(store.knobs(name="pitch")) == ["ab pitch", "cd pitch"]
        assert _names(store.knobs(verdict="rejected")) == ["ab rhythm"]
        assert [run.spec.seed for run in store.runs()] == [1, 2, 3]
        assert [run.spec.seed for run in store.runs(MODEL)] == [1, 3]
        assert [knob.operator for knob in store.knobs(operators=False)] == [None] * 3

    def test_unknown_names_say_what_there_is(self, store: Store) -> None:
        """A misspelt name is answered with the nearest one of that model."""
        store.save_run(sample_run())

        with pytest.raises(UnknownNameError, match="did you mean 'pitch'"):
            store.knob(MODEL, "pich")
        with pytest.raises(UnknownNameError, match="none yet"):
            store.knob(OTHER_MODEL, "pitch")

    def test_a_candidate_needs_its_operator(self, store: Store) -> None:
        """A run whose candidate has no operator, or another than its hash says, is refused as a whole."""
        run = sample_run()
        shift, affine = run.knobs
        for faulty in (evolve(affine, operator=None), evolve(affine, operator_sha256="0" * 64)):
            with pytest.raises(RegistryError, match="cannot be stored"):
                store.save_run(evolve(run, knobs=(shift, faulty)))

        assert store.runs() == ()


def _names(knobs: Sequence[Knob]) -> list[str]:
    return [f"{knob.model_id[:2]} {knob.name}" for knob in knobs]
