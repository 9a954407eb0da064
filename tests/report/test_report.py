"""The report: one page that needs nothing else, its pictures and tables beside it, the same bytes again."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest
from attrs import evolve

from latentknobs.core.knob import KnobDimension
from latentknobs.corpora.corpus_spec import CorpusSelection
from latentknobs.report import Figure, Report, Section, Table, report
from latentknobs.workbench import Workbench, load_plugins
from tests.tiny_meters import WALTZ, exact_run

VOID = {"meta", "img", "br", "link"}


@pytest.fixture(scope="module")
def made(tiny_registry):
    """The report of the tiny model and its two knobs."""
    with Workbench.open(str(tiny_registry), plugins=load_plugins(tiny_registry.parent / "plugins")) as bench:
        yield report(bench, "tiny", CorpusSelection("tiny", 200))


class _Balance(HTMLParser):
    """Fails where a tag is closed that was not opened last."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_needs_nothing_else(made):
    """The page is well formed, names the weights, and has its pictures inside: no address of anything else."""
    page = made.html()
    parser = _Balance()
    parser.feed(page)

    assert parser.open == []
    assert made.facts["weights"] in page
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', page) == []
    assert page.count("<img alt=") == page.count("data:image/png;base64,")


def test_every_part_is_a_file(made):
    """Each picture is a PNG and each table a CSV with as many rows as it has, a cell for each heading."""
    files = made.files()
    tables = [part for section in made.sections for part in section.parts if isinstance(part, Table)]

    assert all(data.startswith(b"\x89PNG") for name, data in files.items() if name.endswith(".png"))
    for table in tables:
        rows = list(csv.reader(io.StringIO(files[table.file].decode())))
        assert len(rows) == len(table.rows) + 1
        assert {len(row) for row in rows} == {len(table.headings)}


def test_what_a_knobs_section_has(made):
    """Mean change, fits, gates, effects and linearity of each knob stand there, and the overlap of both."""
    files, text = made.files(), made.html()

    for knob in ("pitch", "rhythm"):
        for stem in ("mean-change", "fits", "criteria", "effects"):
            assert f"{stem}-{knob}.csv" in files
        assert f"mean-change-{knob}.png" in files
        assert any(name.startswith(f"turned-{knob}-") for name in files)
    assert "Linearity of the mean change" in text
    assert {"overlap.csv", "variance.csv", "variance.png", "theme.png", "turned.csv", "grid.png"} <= set(files)


def test_a_model_in_another_time_signature_is_heard_too(meters):
    """On the example in its time signature, with the way between two melodies in that."""
    meters.registry.save_run(exact_run(WALTZ, "turns", 1))
    titles = [one.title for one in report(meters, "tiny-3-4", CorpusSelection("factors", 40), metrics=False).sections]

    assert titles[-2:] == ["The theme turned", "From one clip to another, two ways"]


@pytest.mark.slow
def test_the_same_again(made, tiny_registry):
    """The same model, registry and seed give the same bytes; without metrics only their section is missing."""
    with Workbench.open(str(tiny_registry), plugins=load_plugins(tiny_registry.parent / "plugins")) as bench:
        again = report(bench, "tiny", CorpusSelection("tiny", 200), metrics=False)

    assert again.sections == made.sections[:-1]
    assert again.files().items() - {("index.html", again.files()["index.html"])} <= made.files().items()


def test_the_metrics(made):
    """There are tables of codes, of what knobs target and of control, each with a row for each metric."""
    files = made.files()

    assert {"metrics-attributes.csv", "targets.csv", "control.csv"} <= set(files)
    assert files["metrics-attributes.csv"].decode().count("\n") == 12
    assert files["control.csv"].decode().count("\n") == 6


def test_a_knob_that_takes_all_dimensions(tiny_registry, monkeypatch):
    """Where the knobs leave too few dimensions for random controls the report says that they move the knobs' too."""
    with Workbench.open(str(tiny_registry), plugins=load_plugins(tiny_registry.parent / "plugins")) as bench:
        pitch = bench.registry.knob(bench.model("tiny").spec.model_id, "pitch")
        size = bench.model("tiny").spec.latent_size
        everything = evolve(
            pitch, dimensions=tuple(KnobDimension(d, 1 / size) for d in range(size)), low=-3.0, high=1.0
        )
        monkeypatch.setattr(type(bench.registry), "knobs", lambda *_, **__: (everything,))
        monkeypatch.setattr(type(bench.registry), "read", lambda *_, **__: [everything])
        made = report(bench, "tiny", CorpusSelection("tiny", 100), metrics=False)

    assert {"turned-pitch-minus-2.png", "turned-pitch-minus-3.png"} <= set(made.files())
    assert "random moves dimensions of pitch too: the knobs leave too few others" in made.html()
    assert "others moves dimensions of pitch too" in made.html()


def test_text_is_escaped():
    """What people named cannot become markup."""
    table = Table("a", "<b>", ("x",), (("<script>",),))
    page = Report("1 < 2", {"model": "<i>"}, (Section("&", ("<p>",), (table,)),)).html()

    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert "<title>1 &lt; 2</title>" in page


def test_a_long_table_is_folded():
    """A table of many rows is folded away under its caption, and all of it is there."""
    rows = tuple((str(i),) for i in range(40))
    page = Report("r", {}, (Section("s", (), (Table("a", "Many", ("x",), rows),)),)).html()

    assert "<summary>Many (a.csv): 40 rows</summary>" in page
    assert page.count("<td>") == 40


def test_two_parts_of_one_file():
    """Two tables of one name would overwrite each other: refused."""
    table = Table("a", "", ("x",), ())
    with pytest.raises(ValueError, match=r"named 'a\.csv'"):
        Report("r", {}, (Section("s", (), (table, table)),))
    Report("r", {}, (Section("s", (), (table, Figure("a", b"", "", ""))),))
