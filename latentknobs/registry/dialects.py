"""
What SQLite and PostgreSQL say in other words: the one place where queries and tables know which of them is asked.

Texts are compared, sorted and searched in the same way on both: by their bytes (collation "C"), and LIKE takes the
letters a to z for A to Z and no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, String, TableValuedAlias, Text, case, cast, column, func, text, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import JSON, TypeEngine

SQLITE, POSTGRESQL = "sqlite", "postgresql"
ESCAPE = "/"


def text_type(length: int | None = None) -> TypeEngine[str]:
    """Text of any length on both; SQLite's files have the length in their schema."""
    plain = Text() if length is None else String(length)
    return plain.with_variant(Text(collation="C"), POSTGRESQL)


class Either(FunctionElement[Any]):
    """An expression that is another one on PostgreSQL than on SQLite."""

    inherit_cache = True

    def __init__(self, sqlite: ColumnElement[Any], postgresql: ColumnElement[Any]) -> None:
        super().__init__(sqlite, postgresql)
        self.type = sqlite.type


@compiles(Either)
def _first(element: Either, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses.clauses[0], **options))


@compiles(Either, POSTGRESQL)
def _second(element: Either, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses.clauses[1], **options))


def named(name: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
    """Whether a name is that of a pattern, in which ``*`` stands for any letters."""
    # Of GLOB's signs only the asterisk is ours.
    glob = name.op("GLOB", is_comparison=True)(pattern.replace("[", "[[]").replace("?", "[?]"))
    return Either(glob, name.like(_escaped(pattern).replace("*", "%"), escape=ESCAPE))


def like(term: ColumnElement[Any], pattern: str) -> ColumnElement[bool]:
    """LIKE without a sign that escapes others."""
    return Either(term.like(pattern), term.ilike(pattern.replace(ESCAPE, 2 * ESCAPE), escape=ESCAPE))


def contains(term: ColumnElement[Any], words: str) -> ColumnElement[bool]:
    """Whether a text has these words somewhere."""
    return Either(term.contains(words, autoescape=True), term.ilike(f"%{_escaped(words)}%", escape=ESCAPE))


def ends_with(term: ColumnElement[Any], words: str) -> ColumnElement[bool]:
    """Whether a text ends with these words."""
    return Either(term.endswith(words, autoescape=True), term.ilike(f"%{_escaped(words)}", escape=ESCAPE))


def _escaped(words: str) -> str:
    for sign in (ESCAPE, "%", "_"):
        words = words.replace(sign, ESCAPE + sign)
    return words


def plugins_in(parameters: ColumnElement[Any]) -> TableValuedAlias:
    """The plugins that a run's parameters name, ``key`` a name and ``value`` its origin and version."""
    valid = case((func.json_valid(parameters), parameters), else_="{}")
    inside = cast(type_coerce(parameters, String), JSON).op("->")(text("'plugins'"))
    those = case((func.json_typeof(inside) == "object", inside))
    each = Either(func.json_each(type_coerce(valid, String), "$.plugins"), func.json_each_text(those))
    return each.table_valued(column("key", String), column("value", String), name="plugin")


IN_VIEWS: Mapping[str, Mapping[str, str]] = {
    SQLITE: {
        "passed": "x.passed",
        "tags": """coalesce((SELECT group_concat(t.tag, ' ')
    FROM (SELECT tag FROM knob_tag WHERE knob_id = k.id ORDER BY tag) AS t), '')""",
        "plugins": "json_each(CASE WHEN json_valid(r.parameters) THEN r.parameters ELSE '{}' END, '$.plugins') AS p",
    },
    POSTGRESQL: {
        "passed": "CAST(x.passed AS INTEGER)",
        "tags": """coalesce((SELECT string_agg(t.tag, ' ' ORDER BY t.tag)
    FROM knob_tag AS t WHERE t.knob_id = k.id), '')""",
        "plugins": """json_each_text(CASE WHEN json_typeof(CAST(r.parameters AS JSON) -> 'plugins') = 'object'
    THEN CAST(r.parameters AS JSON) -> 'plugins' END) AS p ON true""",
    },
}
"""Parts of the views by their names in these."""
