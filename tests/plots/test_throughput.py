"""The picture of a model's speed."""

from __future__ import annotations

import pytest
from attrs import evolve

from latentknobs.errors import UsageError
from latentknobs.plots import draw_throughput
from tests.core.test_bench_result import RESULT


def drawn(path, *results, **words):
    """The text of an SVG."""
    draw_throughput(results, path, **words)
    return path.read_text(encoding="utf-8")


def test_one_machine_and_several(tmp_path):
    """Of several machines each is named below; the same results give the same bytes."""
    other = evolve(RESULT, machine=evolve(RESULT.machine, cpu="Another one", load=3.0))

    one, two = drawn(tmp_path / "one.svg", RESULT, title="mine"), drawn(tmp_path / "two.svg", RESULT, other)

    assert "A processor" not in one
    assert all(text in one for text in ("<!-- mine -->", "<!-- float32 -->", "<!-- decode -->"))
    assert "<!-- A processor, 2 threads on 2 cores, 2026-01-02 -->" in two
    assert "<!-- Another one, 2 threads on 2 cores, busy, 2026-01-02 -->" in two
    assert drawn(tmp_path / "again.svg", RESULT, other) == two


def test_nothing_is_not_drawn(tmp_path):
    """Without a result there is no picture."""
    with pytest.raises(UsageError, match="nothing to draw"):
        draw_throughput([], tmp_path / "none.png")
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_is_there_is_left(tmp_path):
    """Unless it may be replaced."""
    path = tmp_path / "one.svg"
    path.write_text("mine")

    with pytest.raises(UsageError, match="exists"):
        draw_throughput([RESULT], path)
    assert path.read_text() == "mine"
    assert "<svg" in drawn(path, RESULT, overwrite=True)
