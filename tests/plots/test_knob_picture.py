"""The picture of knobs."""

from xml.etree import ElementTree as ET

import pytest
from attrs import evolve
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.font_manager import fontManager

from latentknobs.core.evidence import (
    AmountMetrics,
    Criterion,
    Effect,
    Equivariance,
    Evidence,
    Interval,
    Response,
    SplitMetrics,
)
from latentknobs.core.knob import KnobDimension
from latentknobs.errors import UnknownNameError, UsageError
from latentknobs.plots import figure, knob_picture
from latentknobs.registry.knob_results import Knobs
from latentknobs.testing.store import sample_run


def measured(**changes):
    """A knob with a response, criteria at two amounts and more dimensions than a panel names."""
    one = Interval(1.0, 0.9, 1.1, 0.05)
    amounts = tuple(
        AmountMetrics(
            amount=amount,
            clips=64,
            equivariance=Equivariance(0.8, 0.7, 0.9, 0.05, 0.9, 0.5, 1.0),
            effects={"mean-pitch": Effect(amount, amount - 0.1, amount + 0.1, 0.05, 0.2, 64)},
            leakage={},
            content={},
        )
        for amount in (-1.0, 1.0)
    )
    criteria = tuple(
        Criterion(kind=kind, of=of, amount=amount, value=0.5, low=0.4, high=0.6, limit=0.3, passed=amount > 0)
        for amount in (-1.0, 1.0)
        for kind, of in (("equivariance", None), ("leakage", "rests"), ("leakage", "chromaticism"), ("content", "f1"))
    )
    test = SplitMetrics(amounts=amounts, response=Response(slope=one, r2=one, r2_clips=one, spearman=one, clips=64))
    evidence = Evidence(target="mean-pitch", criteria=criteria, test=test)
    dimensions = tuple(KnobDimension(d, 0.02) for d in range(30))
    knob = evolve(sample_run().knobs[1], operator=None, evidence=evidence, dimensions=dimensions)
    return evolve(knob, **changes)


def texts(picture):
    """All that is written in it."""
    from matplotlib.text import Text

    return {one.get_text() for one in picture.figure.findobj(Text)}


def test_one_knob_has_all_four_figures():
    """Response with slope, criteria with limits, dimensions by share and effects are in one picture, with units."""
    written = texts(knob_picture([measured()]))

    for text in (
        "pitch\nresponse on test songs",
        "slope 1.000, R² 1.000",
        "amount (semitones)",
        "change of mean-pitch",
        "equivariance (≥ 0.3 at the low end)",
        "largest leakage (≤ 0.3 at the upper end)",
        "pitch\n30 selected dimensions",
        "dimension (rest: 14 more)",
        "share of the moved energy (%)",
        "+1.70",
    ):
        assert text in written, text


def test_several_knobs_are_told_apart(tmp_path):
    """Each has its panel under a name that no other has, and a row of the heat map; files are PNG or SVG by name."""
    knobs = [measured(), measured(fit="mean"), measured(evidence=Evidence(), dimensions=(), effects=())]
    picture = Knobs(knobs).plot("response", "effects")
    picture.save(tmp_path / "knobs.png")
    picture.save(tmp_path / "knobs.svg")

    assert {"pitch ridge", "pitch mean", "The edit has no target attribute."} <= texts(picture)
    assert (tmp_path / "knobs.png").read_bytes().startswith(b"\x89PNG")
    assert ET.parse(tmp_path / "knobs.svg").getroot().tag.endswith("svg")


def test_the_same_picture_is_the_same_file():
    """SVG and PNG have no date and no random names in them."""
    first, second = (knob_picture([measured()], ["dimensions"]) for _ in range(2))

    assert first._repr_svg_() == second._repr_svg_()
    assert first._repr_png_() == second._repr_png_()


def test_names_are_not_formulas():
    """A dollar sign stays one, and a letter that no font has is written as its number."""
    odd = measured(unit="$x^{$ and \u0378", model_name="$y^{ \u0379")
    picture = knob_picture([odd, measured()], ["response", "effects"])
    picture._repr_png_()

    assert "amount ($x^{$ and U+0378 )" in texts(picture)
    assert any(text.startswith("pitch $y^{ U+0379") for text in texts(picture))


@pytest.fixture
def font_of_u0378(tmp_path):
    """A font that has what no other has: the unassigned character U+0378, as a square."""
    pen = TTGlyphPen(None)
    for corner in ((0, 0), (0, 700), (700, 700), (700, 0)):
        (pen.lineTo if pen.points else pen.moveTo)(corner)
    pen.closePath()
    square = pen.glyph()
    font = FontBuilder(1000, isTTF=True)
    font.setupGlyphOrder([".notdef", "square"])
    font.setupCharacterMap({0x378: "square"})
    font.setupGlyf({".notdef": square, "square": square})
    font.setupHorizontalMetrics({".notdef": (800, 0), "square": (800, 0)})
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Odd letters", "styleName": "Regular"})
    font.setupOS2(sTypoAscender=800, usWinAscent=800, usWinDescent=200)
    font.setupPost()
    font.save(tmp_path / "odd.ttf")
    fontManager.addfont(tmp_path / "odd.ttf")
    figure._font_with.cache_clear()
    figure._fonts.cache_clear()
    yield
    fontManager.ttflist.pop()
    figure._font_with.cache_clear()
    figure._fonts.cache_clear()


@pytest.mark.usefixtures("font_of_u0378")
def test_a_letter_that_the_font_lacks_is_drawn_in_one_that_has_it():
    """Whatever else stands in the name, in titles and at ticks."""
    odd = measured(unit="$x^{$ and \u0378", model_name="$y^{ \u0378")
    picture = knob_picture([odd, measured()], ["response", "effects"])
    picture._repr_png_()

    assert "amount ($x^{$ and \u0378)" in texts(picture)
    assert any(text.startswith("pitch $y^{ \u0378") for text in texts(picture))


@pytest.mark.parametrize(
    ("count", "figures", "error", "match"),
    [
        (0, (), UsageError, "shows 1 to 12 knobs"),
        (13, ("response",), UsageError, "or up to 60 with their effects alone, and these are 13"),
        (61, (), UsageError, "shows 1 to 60 knobs, and these are 61"),
        (1, ("respnse",), UnknownNameError, "did you mean 'response'"),
    ],
)
def test_what_cannot_be_drawn_is_told(count, figures, error, match):
    """No knob, too many, and figures of another name are usage errors."""
    with pytest.raises(error, match=match):
        knob_picture([measured()] * count, figures)


def test_many_knobs_are_a_heat_map():
    """More than twelve knobs are drawn as a heat map of their effects."""
    assert "effects on attributes" in texts(knob_picture([measured()] * 13))


def test_answers_are_tables_in_a_notebook():
    """Knobs, a knob and a run show themselves as HTML in which names are text."""
    knob = measured(unit="<b>")
    run = sample_run()

    assert "<td" in Knobs([knob])._repr_html_()
    assert "&lt;b&gt;" in knob._repr_html_()
    assert "mean-pitch" in knob._repr_html_()
    assert run.run_id in run._repr_html_()
