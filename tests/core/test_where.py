"""Conditions as people write them."""

import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentknobs.core.where import Compared, Junction, Term, read_row_condition, read_where
from latentknobs.errors import LatentKnobsError, UnknownNameError, UsageError


def meaning(text):
    """What a condition was read as."""
    return read_where(text).condition


def test_a_comparison_is_read():
    """A term with its part and amount stands beside a value of its type."""
    assert meaning("equivariance >= 0.95") == Compared(Term("equivariance"), ">=", (0.95,))
    assert meaning("equivariance@-3>.9") == meaning("EQUIVARIANCE at -3 > 0.9")
    assert meaning("leakage of mean-pitch at -12 <= 1e-1") == Compared(
        Term("leakage", "mean-pitch", -12.0), "<=", (0.1,)
    )
    assert meaning("content by 'two words'@3 < 1") == Compared(Term("content", "two words", 3.0), "<", (1.0,))
    assert meaning("run == 5e48") == Compared(Term("run"), "=", ("5e48",))
    assert meaning("found >= 2026-01-31T12:00") == Compared(Term("found"), ">=", ("2026-01-31T12:00",))
    assert meaning("note = 'it''s'") == Compared(Term("note"), "=", ("it's",))


def test_words_join_comparisons():
    """Not binds before and, and before or; parentheses come first."""
    low, high, step = (Compared(Term(name), "<", (1.0,)) for name in ("low", "high", "step"))

    assert meaning("low < 1 or high < 1 and not step < 1") == Junction(
        "or", (low, Junction("and", (high, Junction("not", (step,)))))
    )
    assert meaning("(low < 1 OR high < 1) AND step < 1") == Junction("and", (Junction("or", (low, high)), step))
    assert meaning("step is not null") == Junction("not", (Compared(Term("step"), "is null"),))
    assert meaning("name not in (a, 'b')") == Junction("not", (Compared(Term("name"), "in", ("a", "b")),))


@pytest.mark.parametrize(
    ("text", "error", "match"),
    [
        ("equivarance > 1", UnknownNameError, "'equivarance' at character 1 .* did you mean 'equivariance'"),
        ("verdict = acepted", UnknownNameError, "did you mean 'accepted'"),
        ("low > 1 and kind in (shift, affin)", UnknownNameError, "did you mean 'affine'"),
        ("low >", UsageError, "cannot be read at its end"),
        ("low > 1; drop table knob", UsageError, r"cannot be read at character 8 \('; drop table knob'\)"),
        ("low > 1 and high > a", UsageError, "'high' at character 13 of the condition is a number"),
        ("low > nan", UsageError, "is a number"),
        ("low like '1%'", UsageError, "is a number: compare it by"),
        ("low@3 > 1", UsageError, "has no amounts"),
        ("name of x = 1", UsageError, "has no parts"),
        ("share > 0.1", UsageError, "write share of 14"),
        ("share of x > 0.1", UsageError, "needs the number of a dimension"),
        ("share of 99999999999999999999 > 0", UsageError, "needs the number of a dimension"),
        ("share of ١٤ > 0", UsageError, "needs the number of a dimension"),
        ("equivariance@+1e999 > 0", UsageError, "needs a finite amount"),
        ("response > 1", UsageError, "write response@3"),
        ("(" * 400 + "low > 1" + ")" * 400, UsageError, "nested too deeply"),
        ("low > 1 " * 200, UsageError, "1000 characters at most"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text, error, match):
    """One sentence says where, and the nearest name."""
    with pytest.raises(error, match=match):
        read_where(text)


@given(st.text("lowandrtis()<>=@%'\"-.019, ", max_size=40))
def test_any_text_is_read_or_refused(text):
    """No text raises anything but an error of ours."""
    with suppress(LatentKnobsError):
        read_where(text)


def test_threads_read_at_once():
    """Threads that are the first to read conditions on some columns all read them, as requests of the page do."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as pool:
            for number in range(10):  # other columns, hence another grammar
                columns = ("share", f"other-{number}")
                read = pool.map(lambda _, columns=columns: read_row_condition("share >= 0.5", columns), range(8))
                assert len({str(condition) for condition in read}) == 1
    finally:
        sys.setswitchinterval(interval)
