import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from latentknobs.core.evidence import AmountMetrics, Criterion, Effect, Equivariance, Evidence, SplitMetrics
from latentknobs.core.knob import RANK, KnobDimension, KnobEffect
from latentknobs.core.query_spec import DESCENDING, SORTS, KnobQuery
from latentknobs.core.where import NUMBERS, TEXTS
from latentknobs.errors import UnknownNameError, UsageError
from latentknobs.registry.addresses import ServerAddress
from latentknobs.registry.knob_results import Knobs
from latentknobs.registry.overlay import Registry
from latentknobs.registry.query_sql import knob_ids
from latentknobs.registry.store import KnobStore
from latentknobs.testing.store import MODEL, OTHER_MODEL, sample_run
from tests.postgres_server import rows_of

DAY = datetime(2025, 1, 2, tzinfo=UTC)


def varied(seed):
    """A run whose knobs differ from those of other seeds in all that can be asked for."""
    names, verdicts = ("pitch", "rhythm", "density"), list(RANK)
    run = sample_run(
        seed,
        name=names[seed % 3],
        verdict=verdicts[seed % 4],
        model_id=(MODEL, OTHER_MODEL)[seed % 2],
        parameters={"clips": seed},
        size=6,
    )
    knobs = tuple(
        evolve(
            knob,
            tags=("melody",) if seed % 3 else ("shipped",),
            dimensions=tuple(KnobDimension(d, (seed + d + 1) / 40) for d in range(seed % 4, 6)),
            effects=(
                KnobEffect("mean-pitch", 0.5, 0.05 * (seed + i)),
                KnobEffect("log2-onsets", -0.1, 0.6 - 0.05 * seed),
            ),
        )
        for i, knob in enumerate(run.knobs)
    )
    return evolve(run, knobs=knobs)


RUNS = [varied(seed) for seed in range(12)]


@pytest.fixture(scope="module")
def store(place):
    """A store of twelve runs, 24 knobs."""
    out = KnobStore.open(place())
    for run in RUNS:
        out.save_run(run)
    return out


def expected(query, current):
    """What a query means, in plain Python, of all knobs in the order of their rows."""
    found = []
    for run, knob in [(one, knob) for one in RUNS for knob in one.knobs]:
        effects = {e.attribute: e.effect for e in knob.effects}
        asked = effects.values() if query.moves is None else [effects.get(query.moves, -1)]
        if (
            (query.history or knob.operator_sha256 in current)
            and query.name in (None, knob.name, f"{knob.name[0]}*")
            and query.model in (None, knob.model_id)
            and (not query.tag or set(query.tag) & set(knob.tags))
            and (not query.augmentation or knob.augmentation in query.augmentation)
            and (not query.corpus or run.spec.corpus in query.corpus)
            and (not query.seed or run.spec.seed in query.seed)
            and (query.least is None or max(asked) >= query.least)
            and (query.uses is None or query.uses in {d.dim for d in knob.dimensions})
            and (not query.kind or knob.kind in query.kind)
            and (not query.verdict or knob.verdict in query.verdict)
            and (not query.run or knob.run_id in query.run)
            and (query.since is None or run.finished >= query.since)
            and (query.until is None or run.finished < query.until)
        ):
            found.append(evolve(knob, found=run.finished))
    found.sort(key=lambda k: (k.model_name, k.model_id, k.name))
    found.sort(key=query.key, reverse=(query.order in DESCENDING) != query.reverse)
    return [k.operator_sha256 for k in found[: query.limit]]


def several(values):
    """None, one or several of them."""
    return st.lists(st.sampled_from(list(values)), max_size=3) | st.sampled_from(list(values))


QUERIES = st.builds(
    KnobQuery,
    name=st.none() | st.sampled_from(["pitch", "rhythm", "p*", "zzz"]),
    model=st.none() | st.sampled_from([MODEL, OTHER_MODEL]),
    tag=several(["melody", "shipped"]),
    augmentation=several(["transpose", "note-split"]),
    corpus=several(["folk", "pop"]),
    seed=several(range(14)),
    moves=st.none() | st.sampled_from(["mean-pitch", "log2-onsets", "rests"]),
    uses=st.none() | st.integers(0, 7),
    kind=several(["shift", "affine"]),
    verdict=several(list(RANK)),
    effect=st.none() | st.sampled_from([0.0, 0.3, 0.5]),
    since=st.none() | st.integers(0, 12).map(lambda days: DAY + timedelta(days=days)),
    until=st.none() | st.integers(0, 12).map(lambda days: DAY + timedelta(days=days)),
    run=several([run.run_id for run in RUNS]),
    history=st.booleans(),
    sort=st.none() | st.sampled_from(SORTS),
    reverse=st.booleans(),
    limit=st.none() | st.integers(1, 30),
)


@settings(max_examples=60)
@given(query=QUERIES)
def test_a_query_gives_what_its_conditions_mean(store, query):
    """Conditions, order and limit in SQL are those of plain Python, for any query."""
    current = {knob.operator_sha256 for knob in store.knobs()}

    assert [knob.operator_sha256 for knob in store.find(query)] == expected(query, current)


def test_conditions_narrow_something(store):
    """Each condition of the rule above leaves out some knobs and keeps others."""
    every = len(store.find(KnobQuery(history=True)))
    conditions = [
        {"name": "pitch"},
        {"name": "p*"},
        {"model": MODEL},
        {"tag": "melody"},
        {"moves": "mean-pitch"},
        {"uses": 0},
        {"kind": "shift"},
        {"verdict": "accepted"},
        {"effect": 0.5},
        {"since": "2025-01-07"},
        {"until": date(2025, 1, 7)},
        {"run": RUNS[3].run_id},
        {"limit": 5},
    ]

    assert every == 24
    for condition in conditions:
        assert 0 < len(store.find(KnobQuery(history=True, **condition))) < every, condition


@pytest.mark.parametrize("sort", SORTS)
def test_every_order_can_be_turned_round(store, sort):
    """An order reversed gives the keys the other way round, and the usual way is the documented one."""
    query = KnobQuery(history=True, sort=sort)
    keys = [query.key(knob) for knob in store.find(query)]

    assert keys == sorted(keys, reverse=sort in {"verdict", "effect", "share", "date"})
    assert [query.key(knob) for knob in store.find(evolve(query, reverse=True))] == keys[::-1]
    assert keys[0] != keys[-1]


def test_days_include_their_evening():
    """A day ends with its last moment, and a time without a zone is UTC."""
    query = KnobQuery(since="2025-01-07", until="2025-01-07")

    assert (query.until - query.since) == timedelta(days=1)
    assert KnobQuery(since="2025-01-07T12:00").since == datetime(2025, 1, 7, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("condition", "error", "match"),
    [
        ({"kind": "shft"}, UnknownNameError, "did you mean 'shift'"),
        ({"verdict": "good"}, UnknownNameError, "There is no verdict named 'good'"),
        ({"sort": "size"}, UnknownNameError, "There is no order named 'size'"),
        ({"sort": "name >= 1"}, UsageError, "is no number of a knob"),
        ({"sort": "target"}, UsageError, "is a text"),
        ({"since": "yesterday"}, UsageError, "is no date: write it as"),
        ({"limit": 0}, UsageError, "ask for 1 or more"),
        ({"effect": -0.5}, UsageError, "0 or more"),
        ({"effect": float("nan")}, UsageError, "0 or more"),
        ({"uses": -1}, UsageError, "count from 0"),
        ({"uses": [12, 13]}, UsageError, r"uses takes one number, not \[12, 13\]"),
        ({"moves": ["mean-pitch"]}, UsageError, "moves takes one text"),
        ({"where": ["low > 1"]}, UsageError, "is one text"),
        ({"since": ["2026-01-31"]}, UsageError, "is no date"),
        ({"sort": "share of 99999999999999999999"}, UsageError, "needs the number of a dimension"),
    ],
)
def test_conditions_that_mean_nothing_are_refused(condition, error, match):
    """A misspelt word or a number out of range is a usage error that says what there is."""
    with pytest.raises(error, match=match):
        KnobQuery(**condition)


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (KnobQuery(name="pitch", limit=20), "SEARCH current USING INDEX ix_current_name (name=?)"),
        (
            KnobQuery(moves="mean-pitch", limit=20),
            "SEARCH knob_effect USING COVERING INDEX ix_knob_effect_attribute_effect (attribute=? AND effect>?)",
        ),
        (
            KnobQuery(uses=17, limit=20),
            "SEARCH knob_dimension USING COVERING INDEX ix_knob_dimension_dim_share (dim=?)",
        ),
    ],
    ids=["name", "attribute", "dimension"],
)
def test_names_attributes_and_dimensions_are_looked_up(path, query, index):
    """These queries begin with an index and scan no table: they stay fast with a million knobs."""
    KnobStore.open(path).save_run(RUNS[0])
    sql = knob_ids(query).compile(dialect=sqlite.dialect(paramstyle="named"))
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {sql}", dict(sql.params)).fetchall()
    plan = [row[3] for row in rows]

    assert plan[0] == index
    assert not [step for step in plan if step.startswith("SCAN")]


def test_the_knob_of_a_model_is_looked_up_by_its_key(path):
    """No other knob of its name is looked at, however many models have one."""
    KnobStore.open(path).save_run(RUNS[0])
    sql = knob_ids(KnobQuery(model="0" * 64, name="pitch")).compile(dialect=sqlite.dialect(paramstyle="named"))
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", dict(sql.params))]

    assert "SEARCH current USING PRIMARY KEY (model_id=? AND name=?)" in plan


@settings(max_examples=25)
@given(query=QUERIES.filter(lambda query: not query.history))
def test_layers_are_asked_as_one(tmp_path_factory, query):
    """Two files, one above the other, answer as one list of the knobs that win, with any condition and limit."""
    registry = _layers(tmp_path_factory)
    wins = {(knob.model_id, knob.name): knob for knob in registry.knobs()}
    found = registry.find(query)
    everything = registry.find(evolve(query, limit=None))

    assert all(wins[knob.model_id, knob.name].operator_sha256 == knob.operator_sha256 for knob in found)
    assert [k.operator_sha256 for k in found] == [k.operator_sha256 for k in everything[: query.limit]]
    assert [query.key(knob) for knob in found] == sorted(map(query.key, found), reverse=query.descending)


_MADE = {}


def _layers(factory):
    if "registry" not in _MADE:
        folder = factory.mktemp("layers")
        beneath = KnobStore.open(folder / "package.db", allow_built_in=True)
        for i, run in enumerate(RUNS):
            (beneath if i % 3 else KnobStore.open(folder / "own.db")).save_run(run)
        _MADE["registry"] = Registry.open(folder / "own.db", packaged=folder / "package.db")
    return _MADE["registry"]


def test_a_knob_that_is_hidden_is_not_found_by_what_hides_it(path, tmp_path):
    """Where one's own knob does not meet a condition, the package's of the same name does not stand in for it."""
    packaged = KnobStore.open(tmp_path / "package.db", allow_built_in=True)
    packaged.save_run(sample_run(1))
    own = sample_run(2)
    own = evolve(own, knobs=tuple(evolve(knob, effects=()) for knob in own.knobs))
    KnobStore.open(path).save_run(own)
    registry = Registry.open(path, packaged=tmp_path / "package.db")

    assert registry.find(KnobQuery(moves="mean-pitch")) == ()
    assert len(registry.find(KnobQuery(name="pitch"))) == 1
    assert len(registry.find(KnobQuery(moves="mean-pitch", history=True))) == 2


def test_a_million_ids_are_read_in_parts(store, monkeypatch):
    """Knobs come in their order however many are read at once."""
    whole = [knob.operator_sha256 for knob in store.find(KnobQuery(history=True, sort="effect"))]
    monkeypatch.setattr("latentknobs.registry.knob_loader.MOST_IDS", 5)

    assert [knob.operator_sha256 for knob in store.find(KnobQuery(history=True, sort="effect"))] == whole
    assert len(whole) == 24


def with_criteria(seed):
    """A run whose candidate was judged at three amounts, the last outside its usable range."""
    run = sample_run(seed, name=f"knob-{seed}")

    def criterion(kind, amount, value, of=None):
        return Criterion(kind=kind, of=of, amount=amount, value=value, low=0.7, high=0.9, limit=0.3, passed=True)

    criteria = (
        criterion("effect", None, 0.01),
        *(criterion("equivariance", amount, value) for amount, value in ((-1.0, 0.9), (1.0, seed / 10), (2.0, 0.0))),
        criterion("leakage", 1.0, 0.1, "rests"),
        criterion("leakage", 1.0, seed / 10, "log2-onsets"),
    )
    at = AmountMetrics(
        amount=1.0,
        clips=64,
        equivariance=Equivariance(0.8, 0.7, 0.9, 0.05, 0.9, 0.5, 1.0),
        effects={"mean-pitch": Effect(seed / 10, 0.1, 1.1, 0.1, 0.2, 64)},
        leakage={},
        content={},
    )
    ended = (criterion("equivariance", 1.0, 0.01),)
    evidence = Evidence(target="mean-pitch", criteria=criteria, range_criteria=ended, test=SplitMetrics(amounts=(at,)))
    return evolve(run, knobs=(run.knobs[0], evolve(run.knobs[1], evidence=evidence)))


@pytest.fixture(scope="module")
def judged(place):
    """A store of knobs 1 to 9, whose equivariance at +1 is that many tenths."""
    out = KnobStore.open(place())
    for seed in range(1, 10):
        out.save_run(with_criteria(seed))
    return out


@pytest.mark.parametrize(
    ("where", "seeds"),
    [
        ("equivariance >= 0.8", "89"),
        ("equivariance@1 >= 0.8", "89"),
        ("equivariance@-1 >= 0.8", "123456789"),
        ("equivariance@2 >= 0.8", ""),
        ("leakage > 0.15", "23456789"),
        ("leakage of log2-onsets < 0.25", "12"),
        ("leakage of rests@1 < 0.25 and seed < 3", "12"),
        ("p <= 0.01", "123456789"),
        ("response@1 >= 0.75", "89"),
        ("accuracy < 0.95 and not (seed > 1 or seed = 1)", ""),
        ("name in ('knob-1', knob-3) or name like '%-5'", "135"),
        ("name contains '_'", ""),
        ("target is null", ""),
        ("target = mean-pitch and current = 1 and seed >= 8", "89"),
        ("effect of mean-pitch > 1 and share of 2 > 0.5 and dimensions = 2 and seed = 4", "4"),
        ("tags contains 'shipped' and found < 2025-01-05 and version = '1.0'", "12"),
        ("note = ''' or 1 = 1 --'", ""),
    ],
)
def test_a_condition_selects(judged, where, seeds):
    """A criterion is its worst value over the usable range or that at one amount; columns are the view's."""
    assert "".join(str(knob.seed) for knob in judged.find(KnobQuery(where=where))) == seeds


def test_columns_of_conditions_are_the_views(judged):
    """What a condition calls a column is one of v_knobs, and all but the row's own number can be asked for."""
    columns, _ = rows_of(judged, "SELECT * FROM v_knobs")

    assert {*TEXTS, *NUMBERS} == {*columns} - {"knob_id"}


def test_criteria_are_rows_of_a_view(judged):
    """SQL sees each criterion with its interval, and each amount with the target's change beside the ideal one."""
    _, criteria = rows_of(
        judged,
        "SELECT split, criterion, of, amount, value, low, high, bound, passed FROM v_knob_criteria "
        "WHERE name = 'knob-5' AND fit = 'ridge' AND amount = 1 ORDER BY split, criterion, of DESC",
    )
    _, amounts = rows_of(
        judged,
        "SELECT split, amount, target, value, low, high, ideal, equivariance, floor FROM v_knob_response "
        "WHERE name = 'knob-5' AND fit = 'ridge'",
    )

    assert criteria == [
        ("test", "equivariance", None, 1.0, 0.5, 0.7, 0.9, 0.3, 1),
        ("test", "leakage", "rests", 1.0, 0.1, 0.7, 0.9, 0.3, 1),
        ("test", "leakage", "log2-onsets", 1.0, 0.5, 0.7, 0.9, 0.3, 1),
        ("validation", "equivariance", None, 1.0, 0.01, 0.7, 0.9, 0.3, 1),
    ]
    assert amounts == [("test", 1.0, "mean-pitch", 0.5, 0.1, 1.1, 1.0, 0.8, 0.5)]


@pytest.mark.parametrize(
    ("condition", "error", "match"),
    [
        ({"name": "ptich"}, UnknownNameError, "did you mean 'pitch'"),
        ({"tag": "meldy"}, UnknownNameError, "did you mean 'melody'"),
        ({"augmentation": ["transpose", "transposee"]}, UnknownNameError, "did you mean 'transpose'"),
        ({"corpus": "flok"}, UnknownNameError, "There is no corpus named 'flok' in the registry; did you mean 'folk'"),
        ({"moves": "mean-pich"}, UnknownNameError, "did you mean 'mean-pitch'"),
        ({"plugin": "lift"}, UnknownNameError, "There is no plugin named 'lift'"),
        ({"run": "0000"}, UnknownNameError, "There is no run named '0000'"),
        ({"uses": 500}, UsageError, "has the dimension 500; the nearest is 5"),
        ({"seed": 99}, UsageError, "has the seed 99; the nearest is 11"),
        ({"where": "effect of mean-pich > 1"}, UnknownNameError, "did you mean 'mean-pitch'"),
        ({"where": "corpus = flok or low < 0"}, UnknownNameError, "did you mean 'folk'"),
        ({"where": "share of 77 > 0"}, UsageError, "the nearest is 5"),
    ],
)
def test_what_nothing_has_is_refused(store, condition, error, match):
    """A value that no knob or run has is an error with the nearest one."""
    with pytest.raises(error, match=match):
        store.check_names(KnobQuery(**condition))


def test_what_something_has_is_not_refused(store):
    """Values that a knob of any run has pass, whether one has them all or not."""
    store.check_names(KnobQuery(name="pitch", tag=["melody", "shipped"], seed=[0, 11], corpus="folk", uses=5))
    store.check_names(KnobQuery(name="zzz*", augmentation="none", where="name like 'zzz%'"))


def test_plugins_are_asked_by_name_and_version(place):
    """A run is found by a plugin that it used, and by that plugin's version."""
    store = KnobStore.open(place())
    for seed, version in ((1, "0.1"), (2, "0.2")):
        store.save_run(sample_run(seed, name=f"knob-{seed}", parameters={"plugins": {"lift": f"file {version}"}}))

    assert [len(store.find(KnobQuery(plugin=plugin))) for plugin in ("lift", "lift@0.2", "lift@2")] == [2, 1, 0]
    store.check_names(KnobQuery(plugin=["lift", "lift@0.1"]))
    with pytest.raises(UnknownNameError, match=r"did you mean 'lift@0.\d'"):
        store.check_names(KnobQuery(plugin="lift@0.3"))


def test_without_evidence_the_rest_is_there(judged):
    """A knob read without its evidence has all else, and its target."""
    (whole,), (light,) = (judged.find(KnobQuery(name="knob-3"), evidence=evidence) for evidence in (True, False))

    of_evidence = {"effects_at": None, "reasons": None}
    assert light.as_dict() | of_evidence == whole.as_dict() | of_evidence
    assert light.evidence == Evidence(target=whole.evidence.target)


TERMS = ["equivariance", "equivariance@1", "leakage", "leakage of rests", "p", "response@1", "accuracy", "clips@1"]
TERMS += ["equivariance_low"]
TERMS += [
    "effect",
    "effect of rests",
    "slope of mean-pitch",
    "share of 2",
    "weight of 2",
    "seed",
    "r2",
    "step",
    "current",
]


@pytest.mark.parametrize("term", TERMS)
def test_a_number_is_the_same_in_sql_and_python(judged, term):
    """Values of knobs are those that conditions compare, and the order by them has those without one last."""
    knobs = Knobs(judged.find(KnobQuery(history=True, sort=term)))
    values = knobs.values(term)
    measured = [value for value in values if value is not None]

    assert values == [*sorted(measured, reverse=True), *[None] * (len(values) - len(measured))]
    assert len(judged.find(KnobQuery(history=True, where=f"{term} is null"))) == values.count(None)
    for value in set(measured):
        found = judged.find(KnobQuery(history=True, where=f"{term} = {float(value)!r}"))
        assert len(found) == values.count(value)
    if measured:
        turned = Knobs(judged.find(KnobQuery(history=True, sort=term, reverse=True))).values(term)
        assert turned == [*sorted(measured), *[None] * values.count(None)]


@pytest.mark.parametrize("part", ["effects", "dimensions", "criteria", "response"])
def test_parts_of_knobs_are_rows_of_a_view(judged, part):
    """What Python and --rows give of knobs is what the view of that part has."""
    rows = Knobs(judged.find(KnobQuery(history=True))).parts(part)
    columns, _ = rows_of(judged, f"SELECT * FROM v_knob_{part}")
    _, found = rows_of(judged, f"SELECT {', '.join(rows.columns)} FROM v_knob_{part}")

    assert {*rows.columns} == {*columns} - {"knob_id"}
    assert sorted(map(repr, found)) == sorted(repr(tuple(map(_plain, row.values()))) for row in rows.rows())
    assert "<table>" in rows._repr_html_()


def _plain(value):
    return int(value) if isinstance(value, bool) else value


@pytest.mark.parametrize(
    "condition",
    [
        "value >= 0.5",
        "of = 'rests' or of is null",
        "not of = 'rests'",
        "amount is not null and (value < 0.2 or criterion in ('effect', 'equivariance'))",
        "criterion like 'L_AK%' and passed = 1",
        "not (of like 'log2%' or value > 0.5)",
        "split = 'validation' and current = 1 and name != 'knob-3'",
    ],
)
def test_rows_are_chosen_as_in_sql(judged, condition):
    """A condition on rows means what it means in SQL, also where values are missing."""
    rows = Knobs(judged.find(KnobQuery(history=True))).criteria()
    # On a server LIKE tells A from a, as in conditions it never does.
    asked = condition.replace(" like ", " ilike ") if isinstance(judged.address, ServerAddress) else condition
    _, found = rows_of(judged, f"SELECT {', '.join(rows.columns)} FROM v_knob_criteria WHERE {asked}")
    chosen = rows.only(condition)

    assert 0 < len(chosen) < len(rows)
    assert sorted(map(repr, found)) == sorted(repr(tuple(map(_plain, row.values()))) for row in chosen)


def test_a_condition_on_rows_names_their_columns(judged):
    """A column that the rows do not have is told with the nearest, and contains looks inside a text."""
    effects = Knobs(judged.find(KnobQuery())).effects()

    assert {row["attribute"] for row in effects.only("attribute contains 'PITCH'")} == {"mean-pitch"}
    assert not list(Knobs(judged.find(KnobQuery())).dimensions().only("block = 'rhythm'"))
    with pytest.raises(UnknownNameError, match="did you mean 'effect'"):
        effects.only("efect > 1")
    with pytest.raises(UsageError, match="cannot be read"):
        effects.only("effect@3 > 1")


def test_an_answer_prints_its_names():
    """Printed, an answer tells how many it has and the first names, each once; not their evidence."""
    knobs = Knobs(knob for seed in range(3) for knob in varied(seed).knobs)

    assert repr(knobs) == f"<Knobs: {len(knobs)}: pitch, rhythm, density>"
    assert repr(knobs.effects()).startswith("<KnobRows: ")
    assert repr(Knobs()) == "<Knobs: 0>"
