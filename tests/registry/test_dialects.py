"""SQLite and PostgreSQL give one answer, whatever letters are in what is asked."""

from __future__ import annotations

import pytest
from attrs import evolve

from latentknobs.core.query_spec import KnobQuery
from latentknobs.registry.copying import copy
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, OTHER_MODEL, sample_run

WORDS = (
    "folk",
    "FOLK",
    "Folk_1",
    "folk%",
    "fo/lk",
    "fo\\lk",
    "\u00e9tude",
    "\u00c9TUDE",
    "a b",
    "z",
    "Z",
    "[x]*?",
    "100",
)
"""Corpora, and what follows the names of models."""


@pytest.fixture(scope="module")
def both(tmp_path_factory, postgres):
    """The same runs in a file and on a server, with words that are hard to tell apart."""
    file = KnobStore.open(tmp_path_factory.mktemp("dialects") / "registry.db")
    for seed, word in enumerate(WORDS):
        name = f"k{'-_'[seed % 2]}{seed % 5}" + ("-auto" if seed % 3 == 0 else "")
        parameters = (
            {"plugins": {"lift": f"file 0.{seed}" if seed - 7 else "file RC_7", word: "x 1"}}
            if seed % 4
            else {"clips": 1}
        )
        run = sample_run(seed, name=name, model_id=(MODEL, OTHER_MODEL)[seed % 2], parameters=parameters)
        knobs = tuple(evolve(knob, tags=(f"t{word.replace(' ', '')}", "b", "B")) for knob in run.knobs)
        knobs = tuple(evolve(knob, model_name=word) for knob in knobs)
        spec = evolve(run.spec, corpus=word, model_name=word)
        knobs = tuple(evolve(knob, run_id=spec.run_id) for knob in knobs)
        file.save_run(evolve(run, spec=spec, knobs=knobs))
    url = postgres.new_database()
    copy(file.address, url)
    return file, KnobStore.open(url)


WHERE = [
    *(f"corpus {operation} '{word}'" for word in WORDS for operation in ("=", ">", "<=", "like", "contains")),
    "corpus like 'F_LK%'",
    "corpus like '%/%' or corpus like '%\\%'",
    "not corpus like '%\u00e9%'",
    "tags contains 'TFOLK' or tags contains '%'",
    "name in ('k-0', 'k_1') and seed < 5000000000",
    "seed = 9999999999",
    "share of 2147483646 is null",
    "share of 2 > 0.5 and effect of mean-pitch >= 1.7",
    "target is null and current = 1",
    "current != 1 or r2 is not null",
    "found < '2025-01-07' and version like '1._'",
]


@pytest.mark.parametrize("where", WHERE)
def test_a_condition_means_the_same_on_both(both, where):
    """Letters, signs, cases and large numbers select the same knobs in the same order."""
    file, shared = (
        [found.as_dict() for found in one.find(KnobQuery(where=where, history=True), evidence=False)] for one in both
    )

    assert shared == file


QUERIES = [
    *({"name": name, "history": history} for name in ("k*", "k_*", "k-*", "*auto", "K*", "k%") for history in (0, 1)),
    *({"corpus": word} for word in WORDS),
    *({"corpus": word, "plugin": "lift"} for word in WORDS),
    *({"plugin": plugin} for plugin in ("lift@0.1", "lift@0.11", "lift@rc_7", "lift@%", "folk%", "x", "no", "FOLK@1")),
    *({"sort": sort, "reverse": turned} for sort in ("name", "model", "verdict", "date", "seed") for turned in (0, 1)),
    {"sort": "equivariance", "history": True},
    {"sort": "share of 2", "history": True},
    {"uses": 2**31 - 1},
    {"tag": ["b", "t100"], "limit": 3},
]


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_query_means_the_same_on_both(both, query):
    """Names with wildcards, plugins, orders and limits give the same knobs, and the same pages, in the same order."""
    asked = KnobQuery(
        **{name: bool(value) if name in ("history", "reverse") else value for name, value in query.items()}
    )
    file, shared = ([found.as_dict() for found in one.find(asked, evidence=False)] for one in both)
    pages = [
        [(entry.model_id, entry.name, bool(entry.current), entry.total) for entry in one.index(asked)] for one in both
    ]

    assert shared == file
    assert pages[0] == pages[1]
    assert both[1].run_outlines(asked) == both[0].run_outlines(asked)


KINDS = ("model", "tag", "augmentation", "corpus", "seed", "fit", "run", "version", "attribute", "dimension", "knob")


@pytest.mark.parametrize("kind", [*KINDS, "comparison", "plugin"])
def test_what_is_known_is_the_same_on_both(both, kind):
    """Every kind of name or number that can be asked for has the same values."""
    file, shared = both

    assert shared.known(kind) == file.known(kind)
    assert shared.models() == file.models()
