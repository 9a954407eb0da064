import numpy as np
import pytest

from latentknobs.core.melody_format import HOLD, MELODY, REST
from latentknobs.steering.by_rule import RuleEdited
from latentknobs.steering.rule_comparison import RuleComparison


def clip(*pitches, step=4):
    """One clip of notes of so many steps, and silence."""
    out = np.full((1, 32), REST, dtype=np.int16)
    for k, pitch in enumerate(pitches):
        out[0, k * step] = pitch
        out[0, k * step + 1 : (k + 1) * step] = HOLD
    return out


def edited(clips, *, done=True):
    """What an edit made of one clip."""
    return RuleEdited(clips, np.array([done]), ("" if done else "no",))


QUARTERS, EIGHTHS = clip(60, 62, 64, 65), clip(60, 60, 62, 62, 64, 64, 65, 65, step=2)


@pytest.mark.parametrize(
    ("made", "exact", "loose", "tolerance", "apart"),
    [
        (QUARTERS, edited(QUARTERS), edited(QUARTERS), 0.05, False),
        (EIGHTHS, edited(QUARTERS), edited(QUARTERS), 0.05, True),  # possible in full, and not done
        (EIGHTHS, edited(QUARTERS, done=False), edited(QUARTERS), 0.05, False),  # split elsewhere, the same pitches
        (clip(60, 62, 67, 65), edited(QUARTERS, done=False), edited(QUARTERS), 0.05, True),  # another pitch
        (clip(60, 62, 67, 65), edited(QUARTERS), edited(QUARTERS), 1.0, False),  # evidence claims nothing
        (clip(60, 62, 64, 77), edited(QUARTERS), edited(QUARTERS), 1.0, True),  # an octave above all
        (clip(60, 62, 64, 77), edited(QUARTERS, done=False), edited(QUARTERS, done=False), 1.0, False),  # no rule
    ],
)
def test_the_edit_contradicts_what_evidence_rules_out(made, exact, loose, tolerance, apart):
    """Tokens where it is possible in full, pitches where it is not, and octaves everywhere."""
    assert RuleComparison(exact, loose, np.array([False]), tolerance).apart(made, MELODY).tolist() == [apart]


@pytest.mark.parametrize(("made", "apart"), [(QUARTERS, False), (clip(60, 62, 63, 65), True)])
def test_where_the_edit_can_change_nothing_nothing_may_change(made, apart):
    """Whatever evidence says: a knob is learned on clips that its edit changes."""
    compared = RuleComparison(edited(QUARTERS, done=False), edited(QUARTERS), np.array([True]), 1.0)

    assert compared.apart(made, MELODY).tolist() == [apart]
