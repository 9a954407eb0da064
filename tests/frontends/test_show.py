"""What tables of knobs say in a cell."""

from attrs import evolve

from latentknobs.core.evidence import Evidence
from latentknobs.core.knob import Knob, KnobEffect
from latentknobs.frontends.cli.output import effects, knob_card


def _knob(*found):
    return Knob(
        name="pitch",
        model_id="0" * 64,
        model_name="tiny",
        augmentation="transpose",
        kind="shift",
        fit="mean",
        unit="semitones",
        step=None,
        low=-1,
        high=1,
        verdict="accepted",
        dimensions=(),
        effects=tuple(KnobEffect(*each) for each in found),
    )


def test_effects_are_those_that_the_knob_moves_most():
    """The attributes that it moves by most standard deviations come first, three of them, the others are counted."""
    knob = _knob(("a", 0.1, 0.5), ("b", 1.0, 3.0), ("c", -2.0, 2.0), ("d", 4.0, 1.0))

    assert effects(knob) == "b +1.00, c -2.00, d +4.00, and 1 more"
    assert effects(knob, first="d").startswith("d +4.00, b +1.00")


def test_the_target_comes_first():
    """The attribute that the edit targets stands before those that it moves by more standard deviations."""
    knob = evolve(_knob(("a", 0.5, 3.0), ("b", 1.0, 2.0)), evidence=Evidence(target="b"))

    assert effects(knob) == "b +1.00, a +0.50"


def test_an_effect_of_0_is_left_out():
    """An attribute whose slope would be printed as 0 is not named."""
    assert effects(_knob(("a", 0.004, 2.0), ("b", -0.005, 1.0))) == "b -0.01"


def test_a_side_effect_is_named(capsys):
    """A card says of each large effect whether it was wanted, preserved, or one that no criterion looks at."""
    knob = _knob(("a", 1.0, 3.0), ("b", 0.0, 0.01), ("c", 2.0, 0.9), ("d", 0.1, 0.1))
    knob_card(evolve(knob, evidence=Evidence(target="a", preserves=("b",))))
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in capsys.readouterr().out.splitlines()]

    roles = {row[0]: row[3] for row in rows if len(row) == 4 and row[0] in ("a", "b", "c", "d")}
    assert roles == {"a": "target", "b": "preserved", "c": "side effect, not judged", "d": ""}
