"""Operators packed without loss, in 16 bits where these hold them; evidence with a version, compressed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from latentknobs.core.evidence_upgrade import upgrade_evidence
from latentknobs.core.operator_codec import pack_array

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Every number stays; what is damaged stays as it is."""
    op.rename_table("operator_array", "operator_array_0002")
    op.create_table(
        "operator_array",
        sa.Column("knob_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.Column("packing", sa.String(16), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("knob_id", "name", name=op.f("pk_operator_array")),
        sa.ForeignKeyConstraint(
            ["knob_id"], ["knob.id"], name=op.f("fk_operator_array_knob_id_knob"), ondelete="CASCADE"
        ),
    )
    for knob_id, name, shape, data in _moved("operator_array", "knob_id, name, shape, data"):
        _insert("operator_array", (knob_id, name, shape, *_packed(shape, data)))
    op.drop_table("operator_array_0002")

    for column in ("name", "verdict"):
        op.drop_index(op.f(f"ix_knob_{column}"), "knob")
    op.rename_table("knob", "knob_0002")
    op.create_table(
        "knob",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("fit", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text(), nullable=False),
        sa.Column("step", sa.Double(), nullable=True),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("operator_sha256", sa.String(64), nullable=False),
        sa.Column("evidence", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knob")),
        sa.UniqueConstraint("run_id", "name", "kind", "fit", name=op.f("uq_knob_run_id_name_kind_fit")),
        sa.CheckConstraint("low <= 0 AND high >= 0", name=op.f("ck_knob_range_holds_zero")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_knob_run_id_run"), ondelete="CASCADE"),
    )
    for *facts, evidence in _moved("knob", "*"):
        _insert("knob", (*facts, _compressed(evidence)))
    op.drop_table("knob_0002")
    for column in ("name", "verdict"):
        op.create_index(op.f(f"ix_knob_{column}"), "knob", [column])


def _moved(table: str, columns: str) -> Iterator[Any]:
    """The rows of the old table, each read when it is wanted and deleted after that: a registry may be large."""
    connection = op.get_bind()
    while row := connection.exec_driver_sql(
        f"SELECT rowid, {columns} FROM {table}_0002 ORDER BY rowid LIMIT 1"  # noqa: S608 - our own names
    ).fetchone():
        yield row[1:]
        connection.exec_driver_sql(f"DELETE FROM {table}_0002 WHERE rowid = ?", (row[0],))  # noqa: S608 - the same


def _insert(table: str, values: tuple[Any, ...]) -> None:
    marks = ", ".join("?" for _ in values)
    op.get_bind().exec_driver_sql(f"INSERT INTO {table} VALUES ({marks})", values)  # noqa: S608 - the same


def _packed(shape: Any, data: Any) -> tuple[str, Any]:
    try:
        return pack_array(np.frombuffer(data, dtype="<f4").reshape(json.loads(shape)))
    except (TypeError, ValueError, RecursionError):
        return "float32", data


def _compressed(text: Any) -> Any:
    try:
        upgraded = json.dumps(upgrade_evidence(json.loads(text)), allow_nan=False, separators=(",", ":"))
        return zlib.compress(upgraded.encode(), 9)
    except (TypeError, ValueError, RecursionError):
        return text
