"""Criteria and responses as rows, filled from the evidence after the migration; an effect is called so."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Nothing that is there changes but the name of a column."""
    op.drop_index(op.f("ix_knob_effect_attribute_leakage"), "knob_effect")
    op.execute("ALTER TABLE knob_effect RENAME COLUMN leakage TO effect")
    op.create_index(op.f("ix_knob_effect_attribute_effect"), "knob_effect", ["attribute", "effect"])
    op.create_table(
        "knob_criterion",
        sa.Column("knob_id", sa.Integer(), nullable=False),
        sa.Column("criterion", sa.String(16), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("split", sa.String(16), nullable=False),
        sa.Column("of", sa.Text(), nullable=True),
        *(sa.Column(name, sa.Double(), nullable=True) for name in ("amount", "value", "low", "high")),
        sa.Column("bound", sa.Double(), nullable=False),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("knob_id", "criterion", "position", name=op.f("pk_knob_criterion")),
        _of_knob("knob_criterion"),
        sqlite_with_rowid=False,
    )
    measured = ("value", "low", "high", "equivariance", "equivariance_low", "equivariance_high", "accuracy", "floor")
    op.create_table(
        "knob_amount",
        sa.Column("knob_id", sa.Integer(), nullable=False),
        sa.Column("split", sa.String(16), nullable=False),
        sa.Column("amount", sa.Double(), nullable=False),
        sa.Column("clips", sa.Integer(), nullable=False),
        *(sa.Column(name, sa.Double(), nullable=True) for name in (*measured, "ceiling")),
        sa.PrimaryKeyConstraint("knob_id", "split", "amount", name=op.f("pk_knob_amount")),
        _of_knob("knob_amount"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "knob_response",
        sa.Column("knob_id", sa.Integer(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("slope", sa.Double(), nullable=True),
        sa.Column("r2", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("knob_id", name=op.f("pk_knob_response")),
        _of_knob("knob_response"),
    )


def _of_knob(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_knob_id_knob")
    return sa.ForeignKeyConstraint(["knob_id"], ["knob.id"], name=name, ondelete="CASCADE")
