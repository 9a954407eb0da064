"""The documentation site: generated pages are whole and true, and the site needs no network."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import latentknobs
from latentknobs import __version__
from latentknobs.core import evidence
from latentknobs.discovery.discover import PAIRS_PER_DIMENSION
from latentknobs.evaluation import acceptance_criteria
from latentknobs.frontends.cli.app import COMMANDS, GROUPS, run_command_line
from latentknobs.hooks import HOOK_API
from latentknobs.registry.migrate import revisions
from latentknobs.workbench import DEFAULT_CLIPS, Workbench

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
FAQ, VERSIONS = (
    (DOCS / name).read_text(encoding="utf-8") for name in ("how-to/troubleshooting.md", "reference/versions.md")
)


def _building():
    spec = importlib.util.spec_from_file_location("building", DOCS / "building.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


building = _building()


def test_every_public_name_is_in_the_reference():
    """Each name that latentknobs exports is documented from its docstring, once."""
    text = "".join((DOCS / "reference" / name).read_text(encoding="utf-8") for name in ("hooks.md", "api.md"))
    shown = re.findall(r"^::: latentknobs\.(\w+)$", text, re.MULTILINE)

    public = {name: getattr(latentknobs, name) for name in dir(latentknobs) if not name.startswith("_")}
    classes = [name for name, value in public.items() if isinstance(value, type) and "latentknobs" in value.__module__]
    errors = [name for name in classes if issubclass(public[name], latentknobs.LatentKnobsError)]

    assert sorted(name for name in shown if name[0].isupper()) == sorted({*classes} - {*errors})
    assert "errors" in shown


def test_every_command_is_in_the_reference(capsys):
    """Each command has what its own --help prints, wider."""
    texts, page = building.commands(), building.commands_page()
    words = [*COMMANDS, *GROUPS, "train", "model import", "knobs list", "registry build"]
    run_command_line(["knobs", "diff", "--help"])

    assert [word for word in words if f"Usage: latentknobs {word}" not in texts.get(word, "")] == []
    shown, printed = (
        " ".join(text.split()).replace("- ", "-") for text in (texts["knobs diff"], capsys.readouterr().out)
    )
    assert shown == printed  # narrower lines break at other hyphens
    assert all(f"## latentknobs {word}\n" in page for word in words)


def test_every_built_in_offer_is_in_the_reference():
    """The page of built-in plugins has a row for each augmentation, attribute, comparison, method and corpus."""
    page, plugins = building.built_ins_page(), building.built_ins()
    kinds = ("augmentations", "attributes", "comparisons", "fits", "selectors", "bases", "metrics", "corpora")
    names = [name for kind in kinds for name in getattr(plugins, kind)()]

    assert [name for name in names if f"\n| `{name}` |" not in page] == []
    assert "| `transpose` | pitch | -12 to 12 semitones | `mean-pitch` |" in page


def test_the_first_page_is_the_readme():
    """Its links are those of the site, links to other files of the repository become text, fences are left alone."""
    page = building.from_root("README.md")

    assert "[Evidence](results/evidence.md)" in page
    assert "[MIT licence](license.txt)" in page
    assert "(docs/" not in page.replace("```", "")


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ('<script src="https://a.org/x.js"></script>', ["https://a.org/x.js"]),
        ("<link rel=stylesheet href=//a.org/x.css>", ["//a.org/x.css"]),
        ('<img alt="a" src="http://a.org/x.png">', ["http://a.org/x.png"]),
        ("@font-face { src: url('https://a.org/x.woff') }", ["https://a.org/x.woff"]),
        ("@import 'https://a.org/x.css';", ["https://a.org/x.css"]),
        ('<a href="https://a.org">a</a> <script src="js/x.js"></script> url(../x.woff) <p>https://a.org</p>', []),
    ],
)
def test_what_a_page_would_fetch_is_found(text, urls):
    """Scripts, styles, fonts and pictures from elsewhere are told; links to other sites are allowed."""
    assert building.from_the_network(text) == urls


def test_versions_are_those_of_the_code():
    """docs/reference/versions.md states each version as it is."""
    rows = dict(re.findall(r"^\| ([^|]+?) \| ([^|]+?) \|", VERSIONS, re.MULTILINE))

    assert rows["the program"] == __version__
    assert (rows["the hooks"], rows["the registry's schema"]) == (str(HOOK_API), revisions()[-1])
    assert f"LATENTKNOBS_API = {HOOK_API}\n" in VERSIONS
    schema = (ROOT / "latentknobs" / "data" / f"knobs-{rows['exchange files']}.schema.json").read_text("utf-8")
    assert f'"const": {rows["exchange files"]}' in schema


def test_the_answers_state_the_limits_of_the_code():
    """Numbers of the questions and answers are those that acceptance criteria and discovery use."""
    assert f"Spearman at least {acceptance_criteria.LEAST_MONOTONE}" in FAQ
    assert f"within {acceptance_criteria.MOST_LEAKAGE} standard deviations" in FAQ
    changes = acceptance_criteria.LEAST_OF_CHANGES
    assert f"at least {acceptance_criteria.LEAST_EQUIVARIANCE} of the way (changes: {changes})" in FAQ
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
        fits = {knob.fit: knob for knob in workbench.knobs(name="rhythm", history=True)}

    assert (len(rhythm.dimensions), len(pitch.dimensions)) == (6, 1)
    assert "pitch is one dimension of 128 and rhythm is 6" in FAQ
    assert (pitch.kind, rhythm.kind) == ("shift", "residual")
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
    env = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # as make docs: the theme's own news is no warning of the site's
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "WARNING" not in done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_every_page_is_built(site):
    """Each document and each generated page becomes one; of Python only the examples that pages show are published."""
    pages = {path.relative_to(DOCS).with_suffix(".html") for path in DOCS.rglob("*.md")}
    pages |= {Path(name).with_suffix(".html") for name in building.PAGES}

    assert {path.relative_to(site) for path in site.rglob("*.html")} == pages | {Path("404.html")}
    examples = {path.relative_to(DOCS) for path in (DOCS / "examples").rglob("*.py")}
    assert {path.relative_to(site) for path in site.rglob("*.py")} == examples


@pytest.mark.slow
def test_the_reference_is_made_from_docstrings(site):
    """Signatures with types and defaults, and what docstrings say of fields, are on the pages of hooks and API."""
    hooks, api = (
        re.sub(r"<[^>]+>", "", (site / "reference" / name).read_text(encoding="utf-8"))
        for name in ("hooks.html", "api.html")
    )

    assert re.search(r"Attribute\(\s*name: str,\s*unit: str,", hooks)
    assert "Unique name (&#34;mean-pitch&#34;)" in hooks or 'Unique name ("mean-pitch")' in hooks
    assert re.search(r"BackendSpec\(", hooks)
    assert "Session" in api
    assert not re.search(r":(class|func|meth|mod):", hooks + api)


@pytest.mark.slow
def test_links_of_the_site_lead_somewhere(site):
    """Every link to a page, a part of a page or a file is to one that is there."""
    pages = {path: _Anchors(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
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

    assert [url for path in texts for url in building.from_the_network(path.read_text(encoding="utf-8"))] == []
    assert len(texts) > 15


@pytest.mark.slow
@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            "[a](nowhere.md), [a](plugins.md#no-heading), [a](../../no-file.txt)",
            ("nowhere.md", "no-heading", "no-file.txt"),
        ),
        ('<img src="https://example.org/a.png">', ("example.org/a.png",)),
    ],
)
def test_a_fault_stops_the_build(tmp_path, wrong, said):
    """A broken link or something from the network fails make docs, with its name."""
    for name in ("docs", "mkdocs.yml", "latentknobs", *building.FROM_ROOT):
        (tmp_path / name).symlink_to(ROOT / name) if name != "docs" else shutil.copytree(ROOT / name, tmp_path / name)
    with (tmp_path / "docs" / "how-to" / "troubleshooting.md").open("a", encoding="utf-8") as page:
        page.write(f"\n{wrong}\n")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert [word for word in said if word not in done.stdout + done.stderr] == []
