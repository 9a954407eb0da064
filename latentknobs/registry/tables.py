"""
The tables, typed. Files are made by the migrations, never from here; a test holds the two together.

A database on a server, of which there is none older than schema 0005, is made from here; later migrations change it.

People address a knob by (model, name); row ids stay inside this package.
"""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Dialect,
    Double,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from latentknobs.registry.dialects import POSTGRESQL, text_type

APPLICATION = "latentknobs"
"""What the ``registry`` table says of a file that is ours."""
MOST_JSON = 2**26
"""Bytes that a compressed value may have."""


class UtcTime(TypeDecorator[datetime]):
    """An aware time, kept as ISO text in UTC so that text order is time order."""

    impl = text_type(32)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:  # noqa: ARG002 (SQLAlchemy's)
        """Write it in UTC, always with microseconds."""
        return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 (SQLAlchemy's)
        """Read it as an aware time in UTC; what is no time stays as it is, and its knob or run is refused."""
        try:
            return datetime.fromisoformat(value)
        except (TypeError, ValueError):
            return value


class JsonText(TypeDecorator[Any]):
    """A JSON value as text; floats come back exactly, keys in their order."""

    impl = text_type()
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:  # noqa: ARG002 (SQLAlchemy's)
        """Write it; NaN and infinity are not JSON."""
        return json.dumps(value, allow_nan=False, separators=(",", ":"))

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 (SQLAlchemy's)
        """Read it; what is no JSON stays as it is, and its knob or run is refused."""
        try:
            return json.loads(value)
        except (TypeError, ValueError, RecursionError):
            return value


class CompressedJson(TypeDecorator[Any]):
    """A large JSON value, compressed by zlib."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> bytes:  # noqa: ARG002 (SQLAlchemy's)
        """Write it; NaN and infinity are not JSON."""
        return compress_json(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:  # noqa: ARG002 (SQLAlchemy's)
        """Read it; what is no such value stays as it is, and its knob is refused."""
        try:
            inflater = zlib.decompressobj()
            text = inflater.decompress(value, MOST_JSON)
            return json.loads(text) if inflater.eof else value
        except (TypeError, ValueError, RecursionError, zlib.error):
            return value


def compress_json(value: Any) -> bytes:
    """A JSON value as :class:`CompressedJson` keeps it."""
    return zlib.compress(json.dumps(value, allow_nan=False, separators=(",", ":")).encode(), 9)


class Base(DeclarativeBase):
    """Holds the metadata; every constraint has a name, so that a migration can speak of it."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {float: Double, datetime: UtcTime}


class RegistryRow(Base):
    """One row: what this file is."""

    __tablename__ = "registry"
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    application: Mapped[str] = mapped_column(text_type(32))
    built_in: Mapped[bool]
    version: Mapped[str] = mapped_column(text_type(64))
    created_at: Mapped[datetime]


class ModelRow(Base):
    """A model, under the name it was last called by."""

    __tablename__ = "model"

    id: Mapped[int] = mapped_column(primary_key=True)
    sha256: Mapped[str] = mapped_column(text_type(64), unique=True)
    name: Mapped[str] = mapped_column(text_type())
    first_seen: Mapped[datetime]


class RunRow(Base):
    """One discovery; ``identity`` is Run.run_id, ``result_sha256`` covers all that it found."""

    __tablename__ = "run"
    __table_args__ = (
        UniqueConstraint("identity", "result_sha256"),
        # The view of plugins reads them, and one row that is no JSON would be the end of it there.
        CheckConstraint("CAST(parameters AS jsonb) IS NOT NULL", name="parameters_json").ddl_if(dialect=POSTGRESQL),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    identity: Mapped[str] = mapped_column(text_type(16))
    result_sha256: Mapped[str] = mapped_column(text_type(64))
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), index=True)
    model_name: Mapped[str] = mapped_column(text_type())
    augmentation: Mapped[str | None] = mapped_column(text_type(), index=True)
    corpus: Mapped[str] = mapped_column(text_type())
    seed: Mapped[int] = mapped_column(BigInteger)
    parameters: Mapped[Any] = mapped_column(JsonText, nullable=False)
    counts: Mapped[Any] = mapped_column(JsonText, nullable=False)
    candidate: Mapped[int | None]
    version: Mapped[str] = mapped_column(text_type(64))
    started: Mapped[datetime]
    finished: Mapped[datetime] = mapped_column(index=True)

    model: Mapped[ModelRow] = relationship()
    knobs: Mapped[list[KnobRow]] = relationship(back_populates="run", order_by="KnobRow.position")


class KnobRow(Base):
    """A knob of a run; never updated."""

    __tablename__ = "knob"
    __table_args__ = (
        UniqueConstraint("run_id", "name", "kind", "fit"),
        CheckConstraint("low <= 0 AND high >= 0", name="range_holds_zero"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    run_id: Mapped[int] = mapped_column(ForeignKey("run.id", ondelete="CASCADE"))
    position: Mapped[int]
    name: Mapped[str] = mapped_column(text_type(), index=True)
    kind: Mapped[str] = mapped_column(text_type(16))
    fit: Mapped[str] = mapped_column(text_type())
    unit: Mapped[str] = mapped_column(text_type())
    step: Mapped[float | None]
    low: Mapped[float]
    high: Mapped[float]
    verdict: Mapped[str] = mapped_column(text_type(16), index=True)
    operator_sha256: Mapped[str] = mapped_column(text_type(64))
    evidence: Mapped[Any] = mapped_column(CompressedJson, nullable=False)

    run: Mapped[RunRow] = relationship(back_populates="knobs")
    dimensions: Mapped[list[DimensionRow]] = relationship(order_by="DimensionRow.position")
    effects: Mapped[list[EffectRow]] = relationship(order_by="EffectRow.position")
    criteria: Mapped[list[CriterionRow]] = relationship()
    amounts: Mapped[list[AmountRow]] = relationship()
    response: Mapped[ResponseRow | None] = relationship()
    blocks: Mapped[list[BlockRow]] = relationship()
    tags: Mapped[list[TagRow]] = relationship(order_by="TagRow.tag")
    note: Mapped[NoteRow | None] = relationship()


class DimensionRow(Base):
    """One of a knob's selected dimensions; position 0 is the most important."""

    __tablename__ = "knob_dimension"
    __table_args__ = (
        CheckConstraint("dim >= 0", name="dim_from_zero"),
        CheckConstraint("share >= 0", name="share_from_zero"),
        Index(None, "dim", "share"),
        {"sqlite_with_rowid": False},
    )

    knob_id: Mapped[int] = mapped_column(ForeignKey("knob.id", ondelete="CASCADE"), primary_key=True)
    dim: Mapped[int] = mapped_column(primary_key=True)
    position: Mapped[int]
    share: Mapped[float]
    weight: Mapped[float | None]


class EffectRow(Base):
    """What a knob does to one attribute."""

    __tablename__ = "knob_effect"
    __table_args__ = (Index(None, "attribute", "effect"), {"sqlite_with_rowid": False})

    knob_id: Mapped[int] = mapped_column(ForeignKey("knob.id", ondelete="CASCADE"), primary_key=True)
    attribute: Mapped[str] = mapped_column(text_type(), primary_key=True)
    position: Mapped[int]
    slope: Mapped[float]
    effect: Mapped[float]


class CriterionRow(Base):
    """One acceptance criterion of a knob; as the next three tables, read from evidence for people who ask in SQL."""

    __tablename__ = "knob_criterion"
    __table_args__ = ({"sqlite_with_rowid": False},)

    knob_id: Mapped[int] = mapped_column(ForeignKey("knob.id", ondelete="CASCADE"), primary_key=True)
    criterion: Mapped[str] = mapped_column(text_type(16), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    split: Mapped[str] = mapped_column(text_type(16))
    of: Mapped[str | None] = mapped_column(text_type())
    amount: Mapped[float | None]
    value: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    bound: Mapped[float]
    passed: Mapped[bool]


class AmountRow(Base):
    """What was measured of a knob at one amount on the songs of one split."""

    __tablename__ = "knob_amount"
    __table_args__ = ({"sqlite_with_rowid": False},)

    knob_id: Mapped[int] = mapped_column(ForeignKey("knob.id", ondelete="CASCADE"), primary_key=True)
    split: Mapped[str] = mapped_column(text_type(16), primary_key=True)
    amount: Mapped[float] = mapped_column(primary_key=True)
    clips: Mapped[int]
    value: Mapped[float | None]
    low: Mapped[float | None]
    high: Mapped[float | None]
    equivariance: Mapped[float | None]
    equivariance_low: Mapped[float | None]
    equivariance_high: Mapped[float | None]
    accuracy: Mapped[float | None]
    floor: Mapped[float | None]
    ceiling: Mapped[float | None]


class ResponseRow(Base):
    """How a knob's target answers the amount, on test songs."""

    __tablename__ = "knob_response"

    knob_id: Mapped[int] = mapped_column(ForeignKey("knob.id", ondelete="CASCADE"), primary_key=True)
    target: Mapped[str] = mapped_column(text_type())
    slope: Mapped[float | None]
    r2: Mapped[float | None]


class BlockRow(Base):
    """A block or a step of the code that a knob moves, from dimension ``first`` on; no share = the condition."""

    __tablename__ = "knob_block"
    __table_args__ = ({"sqlite_with_rowid": False},)

    knob_id: Mapped[int] = mapped_column(ForeignKey("knob.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    block: Mapped[str] = mapped_column(text_type())
    first: Mapped[int]
    size: Mapped[int]
    share: Mapped[float | None]


class TagRow(Base):
    """A word that someone gave a knob."""

    __tablename__ = "knob_tag"
    __table_args__ = ({"sqlite_with_rowid": False},)

    knob_id: Mapped[int] = mapped_column(ForeignKey("knob.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(text_type(), primary_key=True, index=True)


class NoteRow(Base):
    """What somebody wrote of a knob."""

    __tablename__ = "knob_note"

    knob_id: Mapped[int] = mapped_column(ForeignKey("knob.id", ondelete="CASCADE"), primary_key=True)
    text: Mapped[str] = mapped_column(text_type())


class CurrentRow(Base):
    """The knob that (model, name) means; the name is the run's until somebody renames it."""

    __tablename__ = "current"
    __table_args__ = ({"sqlite_with_rowid": False},)

    model_id: Mapped[int] = mapped_column(ForeignKey("model.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(text_type(), primary_key=True, index=True)
    knob_id: Mapped[int] = mapped_column(ForeignKey("knob.id", ondelete="CASCADE"), unique=True)

    knob: Mapped[KnobRow] = relationship()


class OperatorArrayRow(Base):
    """One array of a current knob's operator, packed by :mod:`latentknobs.core.operator_codec`."""

    __tablename__ = "operator_array"

    knob_id: Mapped[int] = mapped_column(ForeignKey("knob.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(text_type(), primary_key=True)
    shape: Mapped[Any] = mapped_column(JsonText, nullable=False)
    packing: Mapped[str] = mapped_column(text_type(16))
    data: Mapped[bytes] = mapped_column(LargeBinary)
