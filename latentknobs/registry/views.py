"""
The views that people ask in SQL: docs/reference/registry.md says what each column is.

They are made anew after every migration, from here, so that they stay what they are while tables change: a column
may be added, none is renamed or taken away.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce

from sqlalchemy import Connection

from latentknobs.registry.dialects import IN_VIEWS, SQLITE

_KNOB = """
  k.id AS knob_id, coalesce(c.name, k.name) AS name, CAST(c.knob_id IS NOT NULL AS INTEGER) AS current,
  r.model_name AS model, m.sha256 AS model_id, r.identity AS run, k.kind AS kind, k.fit AS fit, k.verdict AS verdict"""
_FROM = """
  JOIN run AS r ON r.id = k.run_id
  JOIN model AS m ON m.id = r.model_id
  LEFT JOIN current AS c ON c.knob_id = k.id"""
_VIEWS: Mapping[str, str] = {
    "v_knobs": f"""
SELECT{_KNOB},
  r.augmentation AS augmentation, k.unit AS unit, k.step AS step, k.low AS low, k.high AS high,
  (SELECT count(*) FROM knob_dimension AS d WHERE d.knob_id = k.id) AS dimensions,
  (SELECT max(e.effect) FROM knob_effect AS e WHERE e.knob_id = k.id) AS effect,
  <tags> AS tags,
  coalesce(n.text, '') AS note, r.corpus AS corpus, r.seed AS seed, r.finished AS found,
  k.operator_sha256 AS operator_sha256, r.version AS version, x.target AS target, x.slope AS slope, x.r2 AS r2
FROM knob AS k{_FROM}
  LEFT JOIN knob_note AS n ON n.knob_id = k.id
  LEFT JOIN knob_response AS x ON x.knob_id = k.id""",  # noqa: S608 - both parts are our own
    "v_knob_dimensions": f"""
SELECT{_KNOB},
  d.dim AS dim, d.position AS position, d.share AS share, d.weight AS weight, b.block AS block, d.dim - b.first AS place
FROM knob_dimension AS d
  JOIN knob AS k ON k.id = d.knob_id{_FROM}
  LEFT JOIN knob_block AS b ON b.knob_id = d.knob_id AND d.dim >= b.first AND d.dim < b.first + b.size""",
    "v_knob_blocks": f"""
SELECT{_KNOB},
  b.block AS block, b.position AS position, b.size AS size, b.share AS share
FROM knob_block AS b
  JOIN knob AS k ON k.id = b.knob_id{_FROM}""",
    "v_knob_effects": f"""
SELECT{_KNOB},
  e.attribute AS attribute, e.position AS position, e.slope AS slope, e.effect AS effect
FROM knob_effect AS e
  JOIN knob AS k ON k.id = e.knob_id{_FROM}""",
    "v_knob_criteria": f"""
SELECT{_KNOB},
  x.criterion AS criterion, x.of AS of, x.amount AS amount, x.value AS value, x.low AS low, x.high AS high,
  x.bound AS bound, <passed> AS passed, x.split AS split
FROM knob_criterion AS x
  JOIN knob AS k ON k.id = x.knob_id{_FROM}""",
    "v_knob_response": f"""
SELECT{_KNOB},
  x.split AS split, x.amount AS amount, x.clips AS clips, y.target AS target, x.value AS value, x.low AS low,
  x.high AS high, CASE WHEN y.target IS NOT NULL THEN x.amount END AS ideal, x.equivariance AS equivariance,
  x.equivariance_low AS equivariance_low, x.equivariance_high AS equivariance_high, x.accuracy AS accuracy,
  x.floor AS floor, x.ceiling AS ceiling
FROM knob_amount AS x
  JOIN knob AS k ON k.id = x.knob_id{_FROM}
  LEFT JOIN knob_response AS y ON y.knob_id = k.id""",
    "v_run_plugins": """
SELECT r.identity AS run, r.model_name AS model, m.sha256 AS model_id, p.key AS plugin, p.value AS version
FROM run AS r
  JOIN model AS m ON m.id = r.model_id
  JOIN <plugins>""",
    "v_runs": """
SELECT r.identity AS run, r.model_name AS model, m.sha256 AS model_id, r.augmentation AS augmentation,
  r.corpus AS corpus, r.seed AS seed, r.parameters AS parameters, r.counts AS counts, r.version AS version,
  r.started AS started, r.finished AS finished,
  (SELECT count(*) FROM knob AS k WHERE k.run_id = r.id) AS knobs,
  (SELECT count(*) FROM knob AS k WHERE k.run_id = r.id AND k.verdict = 'accepted') AS accepted
FROM run AS r
  JOIN model AS m ON m.id = r.model_id""",
}
"""Each with the names of its dialect's parts in <>."""


def views(dialect: str) -> dict[str, str]:
    """The query of each view, as a database says it."""
    out = {}
    for name, query in _VIEWS.items():
        out[name] = reduce(lambda text, part: text.replace(f"<{part[0]}>", part[1]), IN_VIEWS[dialect].items(), query)
    return out


VIEWS = views(SQLITE)
"""Those of files."""


def drop_views(connection: Connection) -> None:
    """Take them away: a table that a view reads cannot be rebuilt."""
    for name in VIEWS:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")


def make_views(connection: Connection) -> None:
    """Make them for the tables of this version."""
    for name, query in views(connection.dialect.name).items():
        connection.exec_driver_sql(f"CREATE VIEW {name} AS{query}")
