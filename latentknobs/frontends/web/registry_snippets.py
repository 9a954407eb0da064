"""What a page of the registry shows, in SQL, as a command and in Python, to copy."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from latentknobs.backends.loader import DEFAULT_MODEL
from latentknobs.core.knob import RANK
from latentknobs.core.query_spec import UNEDITED, KnobQuery
from latentknobs.core.where import read_term
from latentknobs.frontends.web.reproduction_snippet import REGISTRY
from latentknobs.frontends.web.responses import Snippets
from latentknobs.registry.where_sql import as_text, number_text

FILE = "SQL sees one file: knobs of the package and of files beneath are in their own."
PYTHON = """\
from latentknobs import Workbench

with Workbench.open() as workbench:
    {line}
"""
_RANKS = " ".join(f"WHEN '{verdict}' THEN {rank}" for verdict, rank in RANK.items())
_ORDER: Mapping[str, str] = {
    "verdict": f"CASE k.verdict {_RANKS} END",
    "effect": "k.effect",
    "share": "(SELECT max(share) FROM v_knob_dimensions WHERE knob_id = k.knob_id)",
    "date": "k.found",
}
"""Columns of v_knobs that are sorted by; the others have their own names."""


def of_query(filters: Mapping[str, Any], query: KnobQuery, *, own_registry: bool) -> Snippets:
    """
    A table of knobs.

    Args:
        filters: As they were asked for.
        query: The same as the registry takes them.
        own_registry: Whether the server was started with a registry of its own.
    """
    line = f"knobs = workbench.knobs({_arguments(filters)})"
    return _snippets(_sql(query), ["knobs", "list", *_options(filters)], line, own_registry=own_registry)


def of_knobs(knobs: Iterable[tuple[str, str]], *, own_registry: bool) -> Snippets:
    """One knob, or several side by side, by id and model."""
    named = list(knobs)
    each = [f"workbench.knob({id_!r}{'' if model == DEFAULT_MODEL else f', {model!r}'})" for id_, model in named]
    if len(named) == 1:
        words, line = ["knobs", "show", named[0][0]], f"knob = {each[0]}"
    else:
        words, line = ["knobs", "diff", *(id_ for id_, _ in named[:2])], f"knobs = [{', '.join(each)}]"
    words += [] if named[0][1] == DEFAULT_MODEL else ["--model", named[0][1]]
    if len(named) > 1 and named[1][1] != named[0][1]:
        words += ["--with-model", named[1][1]]
    these = " OR ".join(_is(id_) for id_, _ in named)
    effects = f"SELECT * FROM v_knob_effects WHERE {these} ORDER BY knob_id, position;"  # noqa: S608 - text to copy
    sql = f"SELECT * FROM v_knobs WHERE {these};\n{effects}"  # noqa: S608 - text to copy
    return _snippets(sql, words, line, own_registry=own_registry)


def of_runs(filters: Mapping[str, Any], query: KnobQuery, *, own_registry: bool) -> Snippets:
    """A table of runs; arguments as for knobs."""
    conditions = _of_runs(query, "finished")
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    sql = f"SELECT k.* FROM v_runs AS k{where} ORDER BY started;"  # noqa: S608 - text to copy
    line = f"runs = workbench.runs({_arguments(filters)})"
    return _snippets(sql, ["runs", "list", *_options(filters)], line, own_registry=own_registry)


def of_run(run_id: str, *, own_registry: bool) -> Snippets:
    """One run."""
    sql = "\n".join(f"SELECT * FROM {view} WHERE run = {_quoted(run_id)};" for view in ("v_runs", "v_knobs"))  # noqa: S608 - text to copy
    line = f"run = workbench.run({run_id!r})"
    return _snippets(sql, ["runs", "show", run_id], line, own_registry=own_registry)


def _snippets(sql: str, words: list[str], line: str, *, own_registry: bool) -> Snippets:
    return Snippets(
        sql=sql,
        command=shlex.join(["latentknobs", *words]),
        python=PYTHON.format(line=line),
        remarks=[FILE, *([REGISTRY] if own_registry else [])],
    )


def _is(id_: str) -> str:
    name, _, at = id_.partition("@")
    run, _, fit = at.partition("/")
    return f"(name = {_quoted(name)} AND run = {_quoted(run)} AND fit = {_quoted(fit)})"


def _sql(query: KnobQuery) -> str:
    """The statement on the views that gives the knobs of a query, in its order."""
    first = _ORDER.get(query.order or "", f"k.{query.order}")
    if query.term is not None:
        first = f"coalesce({number_text(read_term(query.term))}, {query.last!r})"
    tables = ["v_knobs AS k"]
    conditions = [] if query.history else ["k.current = 1"]
    if query.moves is not None:
        tables.append("v_knob_effects AS e ON e.knob_id = k.knob_id")
        conditions += [f"e.attribute = {_quoted(query.moves)}", f"e.effect >= {query.least!r}"]
        first = "e.effect" if query.order == "effect" else first
    elif query.least is not None:
        conditions.append(f"k.effect >= {query.least!r}")
    if query.uses is not None:
        tables.append("v_knob_dimensions AS d ON d.knob_id = k.knob_id")
        conditions.append(f"d.dim = {query.uses}")
        first = "d.share" if query.order == "share" else first
    if query.name is not None:
        pattern = query.name.replace("[", "[[]").replace("?", "[?]") if "*" in query.name else None
        conditions.append(f"k.name = {_quoted(query.name)}" if pattern is None else f"k.name GLOB {_quoted(pattern)}")
    conditions.append(_any(f"instr(' ' || k.tags || ' ', {_quoted(f' {tag} ')})" for tag in query.tag))
    conditions += [_is_any("kind", query.kind), _is_any("verdict", query.verdict), *_of_runs(query, "found")]
    if query.where is not None:
        conditions.append(f"({as_text(query.where.condition)})")
    conditions = [one for one in conditions if one]
    lines = [
        "SELECT k.*",
        f"FROM {' JOIN '.join(tables)}",
        *([f"WHERE {' AND '.join(conditions)}"] if conditions else []),
        f"ORDER BY {first}{' DESC' if query.descending else ''}, k.model, k.model_id, k.name, k.knob_id"
        + ("" if query.limit is None else f" LIMIT {query.limit}")
        + ";",
    ]
    return "\n".join(lines)


def _of_runs(query: KnobQuery, time: str) -> list[str]:
    """The conditions on a knob's run; ``time`` is the column with its end."""
    unedited = "k.augmentation IS NULL" if UNEDITED in query.augmentation else ""
    edits = _is_any("augmentation", [name for name in query.augmentation if name != UNEDITED])
    conditions = [
        _any(filter(None, (edits, unedited))),
        _any(_used(plugin) for plugin in query.plugin),
        _is_any("model_id", () if query.model is None else (query.model,)),
        _is_any("run", query.run),
        _is_any("corpus", query.corpus),
        _is_any("seed", query.seed),
    ]
    for sign, moment in ((">=", query.since), ("<", query.until)):
        if moment is not None:
            conditions.append(f"k.{time} {sign} {_quoted(moment.isoformat(timespec='microseconds'))}")
    return [one for one in conditions if one]


def _is_any(column: str, values: Sequence[str | int]) -> str:
    each = [_quoted(value) if isinstance(value, str) else str(value) for value in values]
    return f"k.{column} = {each[0]}" if len(each) == 1 else f"k.{column} IN ({', '.join(each)})" if each else ""


def _any(conditions: Iterable[str]) -> str:
    each = list(conditions)
    return f"({' OR '.join(each)})" if len(each) > 1 else "".join(each)


def _used(plugin: str) -> str:
    name, at, version = plugin.partition("@")
    of = f" AND ' ' || version LIKE {_quoted(f'% {version}')}" if at else ""
    return f"k.run IN (SELECT run FROM v_run_plugins WHERE plugin = {_quoted(name)}{of})"  # noqa: S608 - text to copy


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _options(filters: Mapping[str, Any]) -> list[str]:
    """The filters as options of a command; a name is its argument."""
    words = []
    for name, value in filters.items():
        if value is True:
            words.append(f"--{name}")
        elif value is not False:
            several = value if isinstance(value, list) else [value]
            words += [str(value)] if name == "name" else [word for one in several for word in (f"--{name}", _text(one))]
    return words


def _arguments(filters: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_python(value)}" for name, value in filters.items() if value is not False)


def _python(value: Any) -> str:
    return repr(value[0] if isinstance(value, list) and len(value) == 1 else value)


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
