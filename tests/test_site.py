"""The documentation site: what is made from the program is whole and true, and the site needs no network."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import attrs
import pytest

from latentknobs import __version__
from latentknobs.core import evidence
from latentknobs.discovery.discover import PAIRS_PER_DIMENSION
from latentknobs.evaluation import acceptance_criteria
from latentknobs.frontends.cli.app import COMMANDS, GROUPS, run_command_line
from latentknobs.hooks import HOOK_API, specs
from latentknobs.hooks.plugin_types import KINDS
from latentknobs.registry.migrate import revisions
from latentknobs.workbench import DEFAULT_CLIPS, Workbench

ROOT = Path(__file__).parents[1]
FAQ, VERSIONS = ((ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("faq.md", "versioning.md"))


def _building():
    spec = importlib.util.spec_from_file_location("building", ROOT / "docs" / "building.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


building = _building()
HOOKS = building.hooks()


@pytest.fixture(scope="module")
def page():
    """The reference of hooks, by heading."""
    parts = re.split(r"^###? ", building.hooks_page(), flags=re.MULTILINE)[1:]
    return {part.splitlines()[0]: part for part in parts}


def test_hooks_are_those_of_the_specifications():
    """Every function of latentknobs/hooks/specs.py is in the reference, and nothing else."""
    text = inspect.getsource(specs)

    assert list(HOOKS) == re.findall(r"^@hookspec\ndef (\w+)", text, re.MULTILINE)
    assert HOOKS["run_finished"] == "(run: Run) -> None"


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_has_its_signature_and_docstring(page, hook):
    """What the specification says stands under the hook's heading."""
    doc = inspect.getdoc(getattr(specs, hook))

    assert doc
    assert f"`{hook}{HOOKS[hook]}`\n\n{doc}" in page[hook]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_every_field_of_an_offer_is_in_the_reference(page, kind):
    """Each field of what a hook asks for has a row, in the order of the class, which says what it is."""
    rows = re.findall(r"^\| `(\w+)` \| `([^`]+)` \| (.+?) \| (.+) \|$", page[kind.hook], re.MULTILINE)
    fields = [name for name, _, _ in building.fields(kind.type)]

    assert [name for name, *_ in rows] == fields
    assert "name" in fields or "path" in fields
    assert all(left and said.strip() for _, _, left, said in rows)


@pytest.mark.parametrize("name", building.values())
def test_every_value_says_what_its_fields_are(name):
    """No class that hooks give or are given has a field or a method without a word on it."""
    value = building.values()[name]
    said = building.described(value)

    assert said[""]
    assert [field for field, _, _ in building.fields(value) if not said.get(field)] == []
    assert [signature for signature, doc in building.methods(value) if not doc] == []


def test_values_are_those_that_hooks_speak_of(page):
    """What a function of an offer is called with has a section of its own, with the name that it is imported by."""
    for name in ("SelectInput", "BasisInput", "FitInput", "LabelledCodes", "Traversals", "CorpusRequest", "VAEBackend"):
        value = building.values()[name]
        home = re.search(r"`from ([\w.]+) import \w+`", page[name])[1]
        assert getattr(importlib.import_module(home), name) is value
    assert "Settings" not in page


@attrs.frozen
class _Given:
    """
    One thing.

    Attributes:
        size: How many,
            in all; as :class:`latentknobs.core.knob.Knob` says.
        other: Another | one.
    """

    size: int | None
    other: tuple[str, ...] = ("a",)


def test_docstrings_are_read():
    """A sentence that goes on over lines is one, references become names, defaults are shown."""
    assert building.described(_Given) == {
        "": "One thing.",
        "size": "How many, in all; as `Knob` says.",
        "other": "Another | one.",
    }
    assert list(building.fields(_Given)) == [
        ("size", "int | None", ""),
        ("other", "tuple[str, ...]", "`('a',)`"),
    ]


def test_every_command_is_in_the_reference(capsys):
    """Each command has what its own --help prints, wider."""
    found, page = building.commands(), building.commands_page()
    words = [*COMMANDS, *GROUPS, "train", "model import", "knobs list", "registry build"]
    run_command_line(["knobs", "diff", "--help"])

    assert [word for word in words if f"Usage: latentknobs {word}" not in found.get(word, "")] == []
    assert " ".join(found["knobs diff"].split()) == " ".join(capsys.readouterr().out.split())
    assert all(f"## latentknobs {word}\n" in page for word in words)


def test_the_first_page_is_the_readme():
    """Its words stay, its links are those of the site; fences are left alone."""
    first = building.first_page()

    assert "[docs/evidence.md](evidence.md)" in first
    assert "[MIT licence](../LICENSE)" in first
    assert building.relinked(
        "[a](b)\n```\n[a](b)\n```\n[c](https://d) [e](#f) [g](b#h)\n", lambda link: f"x/{link}"
    ) == ("[a](x/b)\n```\n[a](b)\n```\n[c](https://d) [e](#f) [g](x/b#h)\n")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('<script src="https://a.org/x.js"></script>', ["https://a.org/x.js"]),
        ("<link rel=stylesheet href=//a.org/x.css>", ["//a.org/x.css"]),
        ('<img alt="a" src="http://a.org/x.png">', ["http://a.org/x.png"]),
        ("@font-face { src: url('https://a.org/x.woff') }", ["https://a.org/x.woff"]),
        ("@import 'https://a.org/x.css';", ["https://a.org/x.css"]),
        ('<a href="https://a.org">a</a> <script src="js/x.js"></script> url(../x.woff) <p>https://a.org</p>', []),
    ],
)
def test_what_a_page_would_fetch_is_found(text, found):
    """Scripts, styles, fonts and pictures from elsewhere are told; links to other sites are allowed."""
    assert building.from_the_network(text) == found


def test_versions_are_those_of_the_code():
    """docs/versioning.md states each version as it is."""
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|", VERSIONS, re.MULTILINE))

    assert rows["the program"] == __version__
    assert (rows["the hooks"], rows["the registry's schema"]) == (str(HOOK_API), revisions()[-1])
    assert f"LATENTKNOBS_API = {HOOK_API}\n" in VERSIONS
    schema = (ROOT / "latentknobs" / "data" / f"knobs-{rows['exchange files']}.schema.json").read_text("utf-8")
    assert f'"const": {rows["exchange files"]}' in schema


def test_the_answers_state_the_limits_of_the_code():
    """Numbers of docs/faq.md are those that gates and discovery use."""
    assert f"Spearman at least {acceptance_criteria.LEAST_MONOTONE}" in FAQ
    assert f"within {acceptance_criteria.MOST_LEAKAGE} standard deviations" in FAQ
    assert f"at least {acceptance_criteria.LEAST_EQUIVARIANCE} of the way" in FAQ
    assert f"less than {evidence.LEAST_ROOM} apart" in FAQ
    least = f"{acceptance_criteria.LEAST_CONTROLS} random controls or fewer than {acceptance_criteria.LEAST_CLIPS}"
    assert f"fewer than {least} test clips" in FAQ
    assert f"{DEFAULT_CLIPS:,} by default" in FAQ
    assert PAIRS_PER_DIMENSION == 4
    assert f"({4 * 128} of 128)" in FAQ


def test_the_answers_state_the_shipped_knobs():
    """How many dimensions they have, and how they stand beside an attribute vector, is what the registry holds."""
    with Workbench.open() as workbench:
        pitch, rhythm = (workbench.knob(name) for name in ("pitch", "rhythm"))
        fits = {knob.fit: knob for knob in workbench.knobs(name="pitch", history=True)}

    assert (len(rhythm.dimensions), len(pitch.dimensions)) == (1, 40)
    assert "rhythm is one dimension of 128 and pitch is 40" in FAQ
    assert (pitch.kind, rhythm.kind) == ("affine", "residual")
    assert fits["attribute-vector"].verdict == "rejected"
    assert {knob.verdict for knob in fits.values() if knob.kind == "shift"} == {"rejected"}


class _Anchors(HTMLParser):
    """The ids of a page and what it leads to."""

    def __init__(self, text):
        super().__init__()
        self.ids, self.links = {""}, []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        """Take what a tag has of both."""
        said = dict(attributes)
        self.ids |= {said["id"]} if "id" in said else set()
        self.links += [said[key] for key in ("href", "src") if said.get(key)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site as make docs builds it, in a folder of its own."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_every_page_is_built(site):
    """Each document and each page that is made becomes one; of files of Python, those that pages show."""
    pages = {path.stem for path in (ROOT / "docs").glob("*.md")} | {Path(name).stem for name in building.PAGES}

    assert {path.stem for path in site.glob("*.html")} == pages | {"404"}
    shown = {site / "source" / path.relative_to(ROOT) for path in _linked_python()}
    assert set(site.rglob("*.py")) == shown | {site / "examples" / "live_client.py"}


def _linked_python():
    text = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "docs").glob("*.md"))
    return sorted({(ROOT / "docs" / link).resolve() for link in re.findall(r"\]\((\.\./[^)#]+\.py)", text)})


@pytest.mark.slow
def test_links_of_the_site_lead_somewhere(site):
    """Every link to a page, a part of a page or a file is to one that is there."""
    pages = {path: _Anchors(path.read_text(encoding="utf-8")) for path in site.glob("*.html")}
    dead = []
    for path, page in pages.items():
        for link in page.links if path.name != "404.html" else ():
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not to.is_file() or (to in pages and parts.fragment not in pages[to].ids):
                dead.append(f"{path.name}: {link}")

    assert dead == []
    assert sum(len(page.links) for page in pages.values()) > 500


@pytest.mark.slow
def test_nothing_of_the_site_comes_from_the_network(site):
    """No page and no style sheet names a script, style, font or picture of another site."""
    texts = [path for path in site.rglob("*") if path.suffix in (".html", ".css")]

    assert [found for path in texts for found in building.from_the_network(path.read_text(encoding="utf-8"))] == []
    assert len(texts) > 15


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("[a](nowhere.md)", "nowhere.md"),
        ("[a](plugins.md#nowhere)", "nowhere"),
        ("[a](../nowhere.txt)", "nowhere.txt"),
        ('<img src="https://example.org/a.png">', "example.org/a.png"),
    ],
)
def test_a_fault_stops_the_build(tmp_path, wrong, said):
    """A broken link or something from the network fails make docs, with its name."""
    for name in ("docs", "mkdocs.yml", "README.md", "CHANGELOG.md", "LICENSE", "benchmarks", "latentknobs"):
        (tmp_path / name).symlink_to(ROOT / name) if name != "docs" else shutil.copytree(ROOT / name, tmp_path / name)
    with (tmp_path / "docs" / "faq.md").open("a", encoding="utf-8") as page:
        page.write(f"\n{wrong}\n")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert said in done.stdout + done.stderr
