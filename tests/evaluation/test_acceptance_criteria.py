import pytest
from attrs import evolve

from latentknobs.core.evidence import AmountMetrics, Effect, Equivariance, Interval, Leakage, Response
from latentknobs.evaluation.acceptance_criteria import (
    UsableRange,
    amount_criteria,
    judge,
    range_criteria,
    reach,
    usable_range,
)
from latentknobs.evaluation.knob_metrics import KnobMetrics

CONTROLS = (100, 1 / 101)


def _at(amount, *, low=0.8, leak=0.1, kept=1.0, ceiling=1.0, clips=100, other=9.0, lost=0.0, compared=100):
    """The measures at one amount, good unless told; "other" is an attribute and comparison that need not stay."""
    shape = None if kept is None else Interval(kept, kept, kept, 0.0)
    return AmountMetrics(
        amount=amount,
        clips=clips,
        equivariance=Equivariance(0.9, low, 1.0, 0.05, 0.9, 0.2, ceiling),
        effects={"stays": Effect(0.0, 0.0, 0.0, 0.0, 0.0, compared)},
        leakage={"stays": Leakage(leak / 2, leak, lost), "other": Leakage(other, other, 1.0)},
        content={"shape": shape, "other": Interval(0.0, 0.0, 0.0, 0.0)},
    )


def _measured(*at, monotone=1.0):
    plain = Interval(1.0, 1.0, 1.0, 0.0)
    result = None if monotone is None else Response(plain, plain, plain, evolve(plain, value=monotone), 50)
    return KnobMetrics({x.amount: x for x in sorted(at, key=lambda x: x.amount)}, result, None)


@pytest.fixture
def config(make_config):
    """What is kept: the attribute "stays" and the comparison "shape"."""
    return make_config(preserves=frozenset({"stays", "shape"}), target="stays")


FAULTS = [{"low": 0.29}, {"leak": 0.26}, {"kept": 0.89}, {"low": float("nan")}, {"leak": float("nan")}, {"lost": 0.2}]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_range_goes_outwards_and_stops_at_the_first_failure(config, fault):
    """Each side ends before the first amount that misses a limit, whatever lies beyond."""
    good = [_at(float(a)) for a in (-3, -2, -1, 1, 3, 4)]

    assert usable_range(_measured(*good, _at(2.0, **fault)), config) == UsableRange(-3, 1, meets=True)
    assert usable_range(_measured(*good[1:], _at(-3.0, **fault), _at(2.0)), config) == UsableRange(-2, 4, meets=True)
    assert usable_range(_measured(_at(1.0, **fault), _at(2.0), _at(-1.0)), config) == UsableRange(-1, 0, meets=True)


def test_changes_must_be_half_right(config):
    """Where changes are measured, equivariance must reach 0.5 by its lower bound."""
    ends = [usable_range(_measured(_at(1.0, low=low)), evolve(config, measure="changes")).high for low in (0.49, 0.5)]

    assert ends == [0, 1]


def test_beyond_the_first_failure_no_amount_is_asked():
    """The reach is found from the inside: an amount behind one that fails is not looked at."""
    asked = []

    def holds(amount):
        asked.append(amount)
        return amount not in (-2.0, 3.0)

    assert reach([-3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0], holds) == (-1.0, 2.0)
    assert asked == [-1.0, -2.0, 1.0, 2.0, 3.0]


def test_without_a_good_amount_there_is_no_range(config):
    """Where the first amounts fail on both sides, or nothing was measured, the range is 0 to 0."""
    assert usable_range(_measured(_at(-1.0, low=0.0), _at(1.0, low=0.0), _at(2.0)), config) == UsableRange(
        0, 0, meets=False
    )
    assert usable_range(_measured(), config) == UsableRange(0, 0, meets=False)


def test_a_knob_that_meets_no_limit_but_equivariance_can_be_heard(config):
    """Where no amount meets every limit, the range is where equivariance holds, and it says so."""
    leaking = [_at(float(a), leak=0.5) for a in (-2, -1, 1, 2)]

    assert usable_range(_measured(*leaking, _at(3.0, low=0.1)), config) == UsableRange(-2, 2, meets=False)


def test_a_range_by_equivariance_alone_is_never_accepted(config):
    """Whatever test songs say, a knob that validation songs refused stays rejected, and the reason is a criterion."""
    result = _verdict(config, meets=False)

    assert result.verdict == "rejected"
    assert [c.name for c in result.criteria if not c.passed] == ["all limits at some amount on validation songs"]


def test_the_limits_themselves_are_met(config):
    """A value on its limit passes."""
    edge = _at(1.0, low=0.3, leak=0.25, kept=0.9)

    assert all(criterion.passed for criterion in amount_criteria(edge, config))


def test_what_need_not_stay_is_no_criterion(config):
    """Attributes and comparisons outside ``preserves`` make no criterion, nor does what is not defined."""
    names = {criterion.name for criterion in amount_criteria(_at(-1.0), config)}

    assert names == {"equivariance at -1", "leakage of stays at -1", "content by shape at -1"}
    assert not any("content" in criterion.name for criterion in amount_criteria(_at(1.0, kept=None), config))
    assert not any("equivariance" in criterion.name for criterion in amount_criteria(_at(1.0, ceiling=0.24), config))


GOOD = [_at(-1.0), _at(1.0), _at(2.0)]


def _verdict(config, *at, controls=CONTROLS, monotone=1.0, low=-1.0, high=2.0, meets=True):
    return judge(_measured(*(at or GOOD), monotone=monotone), UsableRange(low, high, meets), config, *controls)


def test_a_knob_that_meets_every_limit_is_accepted(config):
    """All criteria met, with enough clips and controls: accepted, and every criterion is kept."""
    result = _verdict(config)

    assert result.verdict == "accepted"
    assert all(criterion.passed for criterion in result.criteria)
    assert {(criterion.kind, criterion.of) for criterion in result.criteria} == {
        ("effect", None),
        ("monotone", None),
        ("equivariance", None),
        ("leakage", "stays"),
        ("content", "shape"),
    }


@pytest.mark.parametrize(
    ("criterion", "fault"),
    [
        ("effect beyond random controls (p)", {"controls": (100, 2 / 101)}),
        ("monotone", {"monotone": 0.89}),
        ("equivariance at +1", {"at": [_at(-1.0), _at(1.0, low=0.2), _at(2.0)]}),
        ("leakage of stays at +2", {"at": [_at(-1.0), _at(1.0), _at(2.0, leak=0.3)]}),
        ("loss of stays at +1", {"at": [_at(-1.0), _at(1.0, lost=0.2), _at(2.0)]}),
        ("leakage of stays at -1", {"at": [_at(-1.0, leak=0.3), _at(1.0), _at(2.0)]}),
        ("content by shape at +1", {"at": [_at(-1.0), _at(1.0, kept=0.5), _at(2.0)]}),
    ],
)
def test_each_criterion_can_reject(config, criterion, fault):
    """One limit missed on test songs is enough, and the criterion that failed is the one that says so."""
    result = _verdict(config, *fault.get("at", ()), **{name: value for name, value in fault.items() if name != "at"})

    assert result.verdict == "rejected"
    assert [g.name for g in result.criteria if not g.passed] == [criterion]


def test_what_is_defined_nowhere_has_no_criterion(config):
    """An attribute that no clip has, before or after, says nothing: it neither passes nor fails."""
    names = {criterion.name for criterion in amount_criteria(_at(1.0, compared=0), config)}

    assert names == {"equivariance at +1", "content by shape at +1"}


def test_leakage_counts_at_the_ends_of_the_range(config):
    """Inside the range leakage is reported, not judged."""
    assert _verdict(config, _at(-1.0), _at(1.0, leak=5.0), _at(2.0)).verdict == "accepted"


def test_amounts_outside_the_range_do_not_count(config):
    """What fails beyond the usable range harms nobody."""
    assert _verdict(config, *GOOD, _at(3.0, low=-1.0, leak=5.0)).verdict == "accepted"


@pytest.mark.parametrize("controls", [1, 20, 99])
def test_few_controls_are_provisional(config, controls):
    """With fewer than 100 controls a knob beyond every one of them is provisional, beyond all but one rejected."""
    verdicts = [_verdict(config, controls=(controls, (1 + stronger) / (1 + controls))).verdict for stronger in (0, 1)]

    assert verdicts == ["provisional", "rejected"]


def test_many_controls_need_no_more_than_100(config):
    """With 1,000 controls the limit is still 1 in 101."""
    assert _verdict(config, controls=(1000, 9 / 1001)).verdict == "accepted"
    assert _verdict(config, controls=(1000, 11 / 1001)).verdict == "rejected"


def test_few_clips_at_an_end_are_provisional(config):
    """Fewer than 64 test clips at an end of the range are too few; inside it they are enough."""
    assert _verdict(config, _at(-1.0), _at(1.0), _at(2.0, clips=63)).verdict == "provisional"
    assert _verdict(config, _at(-1.0), _at(1.0, clips=20), _at(2.0, clips=64)).verdict == "accepted"


def test_without_room_anywhere_nothing_is_measurable(config):
    """Where no amount has room between floor and ceiling, the verdict says so; one amount with room is enough."""
    no_room = [_at(a, ceiling=0.24) for a in (-1.0, 1.0, 2.0)]

    result = _verdict(config, *no_room)
    assert result.verdict == "not measurable"
    assert [(c.name, c.low, c.high, c.limit) for c in result.criteria] == [
        (f"ceiling minus floor at {a:+g}", 0.2, 0.24, 0.05) for a in (-1, 1, 2)
    ]
    assert _verdict(config, *no_room[:2], _at(2.0)).verdict == "accepted"


@pytest.mark.parametrize(
    "nothing", [{"low": 0.0, "high": 0.0}, {"controls": (100, None)}, {"low": 5.0, "high": 6.0}], ids=str
)
def test_without_a_usable_range_a_knob_is_rejected(config, nothing):
    """No range, no controls or no test clips inside the range: rejected, and the criterion says why."""
    result = _verdict(config, **nothing)

    assert result.verdict == "rejected"
    assert [criterion.name for criterion in result.criteria] == ["usable range"]


def test_an_edit_without_a_monotone_measure_has_no_such_criterion(config):
    """On/off edits, and edits without a target, are judged by the other criteria."""
    result = _verdict(config, monotone=None)

    assert result.verdict == "accepted"
    assert "monotone" not in {criterion.name for criterion in result.criteria}


def test_a_doubtful_equivariance_counts_by_its_lower_bound(config):
    """The lower end of the interval is held against the limit, not the value."""
    x = _at(1.0)
    doubtful = evolve(x, equivariance=evolve(x.equivariance, low=0.1))

    assert usable_range(_measured(doubtful), config) == UsableRange(0, 0, meets=False)
    (failed,) = range_criteria(_measured(doubtful), UsableRange(0, 0, meets=False), config)
    assert (failed.value, failed.low, failed.shortfall) == (0.9, 0.1, pytest.approx(0.2))


def test_what_ends_the_range_is_kept_amount_by_amount(config):
    """Each criterion that fails on validation songs, with its numbers; a range ended by the controls says so too."""
    fails = _measured(_at(-1.0, leak=0.5, kept=0.8), _at(1.0), _at(2.0, lost=0.3))
    whole = _measured(_at(1.0))

    criteria = range_criteria(fails, usable_range(fails, config), config)
    assert [(c.name, c.shortfall) for c in criteria] == [
        ("leakage of stays at -1", pytest.approx(0.25)),
        ("content by shape at -1", pytest.approx(0.1)),
        ("loss of stays at +2", pytest.approx(0.2)),
    ]
    assert range_criteria(whole, usable_range(whole, config), config) == ()
    assert [c.kind for c in range_criteria(whole, UsableRange(0, 1, meets=False), config)] == ["effect"]
