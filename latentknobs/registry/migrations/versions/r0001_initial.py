"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "registry",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("application", sa.String(32), nullable=False),
        sa.Column("built_in", sa.Boolean(), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registry")),
        sa.CheckConstraint("id = 1", name=op.f("ck_registry_one_row")),
    )
    op.create_table(
        "model",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_model")),
        sa.UniqueConstraint("sha256", name=op.f("uq_model_sha256")),
    )
    op.create_table(
        "run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identity", sa.String(16), nullable=False),
        sa.Column("result_sha256", sa.String(64), nullable=False),
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("model_name", sa.Text(), nullable=False),
        sa.Column("augmentation", sa.Text(), nullable=True),
        sa.Column("corpus", sa.Text(), nullable=False),
        sa.Column("seed", sa.BigInteger(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("candidate", sa.Integer(), nullable=True),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("started", sa.String(32), nullable=False),
        sa.Column("finished", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("identity", "result_sha256", name=op.f("uq_run_identity_result_sha256")),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_run_model_id_model")),
    )
    op.create_index(op.f("ix_run_augmentation"), "run", ["augmentation"])
    op.create_index(op.f("ix_run_model_id"), "run", ["model_id"])
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
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_knob")),
        sa.UniqueConstraint("run_id", "name", "kind", "fit", name=op.f("uq_knob_run_id_name_kind_fit")),
        sa.CheckConstraint("low <= 0 AND high >= 0", name=op.f("ck_knob_range_holds_zero")),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_knob_run_id_run"), ondelete="CASCADE"),
    )
    op.create_index(op.f("ix_knob_name"), "knob", ["name"])
    op.create_index(op.f("ix_knob_verdict"), "knob", ["verdict"])
    op.create_table(
        "knob_dimension",
        sa.Column("knob_id", sa.Integer(), nullable=False),
        sa.Column("dim", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("share", sa.Double(), nullable=False),
        sa.Column("weight", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("knob_id", "dim", name=op.f("pk_knob_dimension")),
        sa.CheckConstraint("dim >= 0", name=op.f("ck_knob_dimension_dim_from_zero")),
        sa.CheckConstraint("share >= 0", name=op.f("ck_knob_dimension_share_from_zero")),
        _of_knob("knob_dimension"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_knob_dimension_dim"), "knob_dimension", ["dim"])
    op.create_table(
        "knob_effect",
        sa.Column("knob_id", sa.Integer(), nullable=False),
        sa.Column("attribute", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("slope", sa.Double(), nullable=False),
        sa.Column("leakage", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("knob_id", "attribute", name=op.f("pk_knob_effect")),
        _of_knob("knob_effect"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_knob_effect_attribute"), "knob_effect", ["attribute"])
    op.create_table(
        "knob_tag",
        sa.Column("knob_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("knob_id", "tag", name=op.f("pk_knob_tag")),
        _of_knob("knob_tag"),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_knob_tag_tag"), "knob_tag", ["tag"])
    op.create_table(
        "current",
        sa.Column("model_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("knob_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("model_id", "name", name=op.f("pk_current")),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name=op.f("fk_current_model_id_model"), ondelete="CASCADE"),
        sa.UniqueConstraint("knob_id", name=op.f("uq_current_knob_id")),
        _of_knob("current"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "operator_array",
        sa.Column("knob_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("knob_id", "name", name=op.f("pk_operator_array")),
        _of_knob("operator_array"),
    )


def _of_knob(table: str) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_knob_id_knob")
    return sa.ForeignKeyConstraint(["knob_id"], ["knob.id"], name=name, ondelete="CASCADE")
