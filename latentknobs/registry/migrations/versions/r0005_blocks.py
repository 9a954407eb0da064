"""The blocks of a knob's code with their shares of the moved energy, filled from the evidence after the migration."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nothing that is there changes."""
    op.create_table(
        "knob_block",
        sa.Column("knob_id", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("block", sa.Text(), nullable=False),
        sa.Column("first", sa.Integer(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("share", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("knob_id", "position", name=op.f("pk_knob_block")),
        sa.ForeignKeyConstraint(["knob_id"], ["knob.id"], name=op.f("fk_knob_block_knob_id_knob"), ondelete="CASCADE"),
        sqlite_with_rowid=False,
    )
