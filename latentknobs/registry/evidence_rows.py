"""Criteria, amounts and response of a knob as rows, for people who ask in SQL: evidence itself is compressed."""

from __future__ import annotations

from latentknobs.core.evidence import Evidence
from latentknobs.core.knob_rows import criterion_rows, response_rows
from latentknobs.registry.tables import AmountRow, BlockRow, CriterionRow, ResponseRow


def criteria(evidence: Evidence) -> list[CriterionRow]:
    """The acceptance criteria, and those that ended the usable range on validation songs."""
    return [CriterionRow(position=i, **row) for i, row in enumerate(criterion_rows(evidence))]


def amounts(evidence: Evidence) -> list[AmountRow]:
    """What was measured at each amount, on validation and on test songs."""
    own = {column.name for column in AmountRow.__table__.columns}
    return [AmountRow(**{name: row[name] for name in row if name in own}) for row in response_rows(evidence)]


def response(evidence: Evidence) -> ResponseRow | None:
    """The response of the target; None without one."""
    if evidence.target is None:
        return None
    measured = evidence.test and evidence.test.response
    slope, r2 = (measured.slope.value, measured.r2.value) if measured else (None, None)
    return ResponseRow(target=evidence.target, slope=slope, r2=r2)


def blocks(evidence: Evidence) -> list[BlockRow]:
    """The blocks or steps of the code; none of a plain vector."""
    places = evidence.structure.parts.values()
    return [
        BlockRow(position=i, block=one.name, first=at.start, size=one.size, share=one.share)
        for i, (one, at) in enumerate(zip(evidence.blocks, places, strict=True))
    ]


def evidence_rows(evidence: Evidence) -> list[CriterionRow | AmountRow | ResponseRow | BlockRow]:
    """All of them, of no knob yet."""
    target = response(evidence)
    return [*criteria(evidence), *amounts(evidence), *blocks(evidence), *(() if target is None else (target,))]
