"""The committed files of the page and of the notebook's widget: what they hold, and that their sources make them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import latentknobs

WEB = Path(latentknobs.__file__).parent / "frontends" / "web"
STATIC = WEB / "static"
WIDGET = WEB.parent / "notebook" / "static"
UI = WEB / "ui"
PAGES = ["index.html", "registry.html"]
FILES = ["app.css", "app.js", "icon.svg", *PAGES]
BUILT = [*(STATIC / name for name in FILES), WIDGET / "widget.css", WIDGET / "widget.js"]
NAMESPACES = {f"http://www.w3.org/{name}" for name in ("2000/svg", "1999/xhtml", "1999/xlink", "1998/Math/MathML")}
MISSING = [name for name in ("node", "npm") if shutil.which(name) is None]
AWAY = re.compile(r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b")


class Page(HTMLParser):
    """What a page loads, and what a strict policy would refuse."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.loads: list[str] = []
        self._script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note sources, handlers and styles."""
        self._script = tag == "script"
        if tag == "style":
            self.inline.append("<style>")
        for name, value in attrs:
            if name == "style" or name.startswith("on") or (value or "").strip().lower().startswith("javascript:"):
                self.inline.append(f"{tag} {name}")
            if name in ("src", "href"):
                self.loads.append(value or "")

    def handle_data(self, data: str) -> None:
        """Note the text of a script."""
        if self._script and data.strip():
            self.inline.append(data)
        self._script = False


def test_the_pages_are_five_files():
    """The pages are one module, one stylesheet, one picture and themselves, the widget two; there is no source map."""
    assert sorted(path.name for path in STATIC.iterdir()) == FILES
    assert sorted(path.name for path in WIDGET.iterdir()) == ["widget.css", "widget.js"]


@pytest.mark.parametrize("path", BUILT, ids=lambda path: path.name)
def test_no_file_names_another_host(path):
    """No file names an address of another host, but for the names of XML namespaces."""
    text = path.read_text(encoding="utf-8")
    found = {link.rstrip("/") for link in re.findall(r"(?:https?:|wss?:)?//[\w-]+(?:\.[\w-]+)+[\w./-]*", text)}

    assert found - NAMESPACES == set()


@pytest.mark.parametrize("name", PAGES)
def test_the_page_has_nothing_inline(name):
    """A page has no inline script, style or handler and loads its own files only, as the strict policy asks."""
    page = Page((STATIC / name).read_text(encoding="utf-8"))

    assert page.inline == []
    assert sorted(page.loads) == ["/static/app.css", "/static/app.js", "/static/icon.svg"]


def test_inline_scripts_are_found():
    """A page with an inline script, a style and a handler is known as such."""
    page = Page("<style>a{}</style><p style='x' onclick='y'></p><script>z()</script><a href='javascript:w'></a>")

    assert page.inline == ["<style>", "p style", "p onclick", "z()", "a href"]


@pytest.mark.parametrize("path", [STATIC / "app.js", WIDGET / "widget.js"], ids=lambda path: path.name)
def test_the_bundle_builds_no_code_from_text(path):
    """It neither evaluates text nor writes style attributes, which the page's policy forbids."""
    text = path.read_text(encoding="utf-8")

    assert re.findall(r"\beval\(|new Function\(|\bstyle=[\"'$]|document\.write", text) == []


def test_versions_of_the_tools_are_exact():
    """package.json names one version of each package; the lock file has a checksum for each, and names no registry."""
    package = json.loads((UI / "package.json").read_text(encoding="utf-8"))
    lock = json.loads((UI / "package-lock.json").read_text(encoding="utf-8"))
    asked = package["dependencies"] | package["devDependencies"] | package["overrides"]
    locked = {name: entry for name, entry in lock["packages"].items() if name}

    assert [name for name, version in asked.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []
    assert [name for name, entry in locked.items() if "integrity" not in entry] == []
    assert [name for name, entry in locked.items() if "resolved" in entry] == []


@pytest.mark.skipif("node" in MISSING or not (UI / "node_modules").is_dir(), reason="no npm ci was run here")
def test_the_types_are_those_of_the_api(tmp_path):
    """schema.ts is what npm run types makes of the application's OpenAPI document."""
    environ = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(WEB.parents[2])}
    subprocess.run(["node", "types.mjs", str(tmp_path / "schema.ts")], cwd=UI, env=environ, timeout=120, check=True)

    assert (tmp_path / "schema.ts").read_bytes() == (UI / "src" / "schema.ts").read_bytes()


@pytest.mark.slow
@pytest.mark.skipif(bool(MISSING), reason=f"no {' and no '.join(MISSING)} here, with which the page is built")
def test_the_sources_make_the_committed_files(tmp_path):
    """From a clean checkout, npm ci and the scripts give the committed files to the byte; types and tests are right."""
    ui = tmp_path / "web" / "ui"
    shutil.copytree(UI, ui, ignore=shutil.ignore_patterns("node_modules"))
    got = _npm(ui, "ci", "--no-audit", "--no-fund")
    if got.returncode and AWAY.search(got.stdout):
        pytest.skip("npm's registry cannot be reached from here")
    assert got.returncode == 0, got.stdout

    for words in (["run", "types"], ["run", "build"], ["run", "check"], ["test"]):
        done = _npm(ui, *words)
        assert done.returncode == 0, done.stdout
    assert (ui / "src" / "schema.ts").read_bytes() == (UI / "src" / "schema.ts").read_bytes()
    assert {path.name: (tmp_path / path.relative_to(WEB.parent)).read_bytes() for path in BUILT} == {
        path.name: path.read_bytes() for path in BUILT
    }


def _npm(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHON": sys.executable, "PYTHONPATH": str(WEB.parents[2])}
    out = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "env": environ}
    return subprocess.run(["npm", *words], cwd=folder, text=True, timeout=600, check=False, **out)
