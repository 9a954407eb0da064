"""Notes, and indexes that hold what knobs are sorted by."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Nothing that is there changes."""
    op.create_table(
        "knob_note",
        sa.Column("knob_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("knob_id", name=op.f("pk_knob_note")),
        sa.ForeignKeyConstraint(["knob_id"], ["knob.id"], name=op.f("fk_knob_note_knob_id_knob"), ondelete="CASCADE"),
    )
    op.create_index(op.f("ix_current_name"), "current", ["name"])
    op.create_index(op.f("ix_run_finished"), "run", ["finished"])
    for table, old, new in (("knob_effect", "attribute", "leakage"), ("knob_dimension", "dim", "share")):
        op.drop_index(op.f(f"ix_{table}_{old}"), table)
        op.create_index(op.f(f"ix_{table}_{old}_{new}"), table, [old, new])
