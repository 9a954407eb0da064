"""A real server over the shipped model and a real browser; skipped where there is no Chromium or no Playwright."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from attrs import evolve

from latentknobs.workbench import Workbench
from tests.browser.page_driver import Hands
from tests.browser.serving import PATIENCE, Server

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
REJECTED = "register"
UI = Path(__file__).parents[2] / "latentknobs" / "frontends" / "web" / "ui"
AXE = Path("node_modules/axe-core/axe.min.js")
RUN_AXE = """async () => {
  const { violations, passes } = await axe.run();
  const places = (nodes) => nodes.slice(0, 3).map(({ target }) => target.flat().join(" ")).join(" | ");
  const words = ({ id, impact, nodes }) => `${impact} ${id}: ${places(nodes)}`;
  const wrong = violations.filter(({ impact }) => ["serious", "critical"].includes(impact)).map(words);
  const contrasts = passes.find(({ id }) => id === "color-contrast")?.nodes.length ?? 0;
  return { wrong, contrasts };
}"""
WATCH = """document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));"""


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's folder: its registry has the shipped knobs, and one that was rejected."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "plugins").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LATENTKNOBS_CACHE", str(folder / "cache"))
        with Workbench.open(str(folder / "registry.db")) as workbench:
            found = next(run for run in workbench.registry.runs() if run.spec.augmentation == "transpose")
            run = workbench.registry.run(found.spec.run_id)
            spec = evolve(run.spec, parameters={**run.spec.parameters, "name": REJECTED})
            knob = run.knobs[run.current]
            first, *others = knob.evidence.criteria
            evidence = evolve(knob.evidence, criteria=(evolve(first, passed=False), *others))
            knob = evolve(knob, name=REJECTED, run_id=spec.run_id, verdict="rejected", evidence=evidence)
            assert workbench.registry.save_run(evolve(run, spec=spec, knobs=(knob,), current=0))
    return folder


@pytest.fixture(scope="session")
def server(home: Path) -> Iterator[Server]:
    """The one server of all tests but those that start and end their own."""
    out = Server(home)
    out.start()
    yield out
    out.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own, to be started and ended by it; asked for before pages, so that they go first."""
    (tmp_path / "plugins").mkdir()
    out = Server(tmp_path)
    yield out
    out.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; anew for each module, since Playwright holds the thread's event loop while it is there."""
    playwright = pytest.importorskip("playwright.sync_api", reason="no Playwright here: pip install playwright")
    if CHROMIUM is None:
        pytest.skip("no Chromium here: apt-get install chromium")
    with playwright.sync_playwright() as started:
        # Autoplay stays forbidden: sound has to come from a person's key. Root has no sandbox.
        out = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--mute-audio"])
        yield out
        out.close()


@pytest.fixture
def new_page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Callable[..., Hands]]:
    """
    Makes pages in contexts of their own, at a server; ``beside`` makes a second tab of a page.

    At the end of the test no page had asked for anything outside its origin, and no console showed an error but those
    that the test forgives, each of which was there.
    """
    contexts, wrong, forgiven = [], [], []

    def watch(context: Any, url: str) -> None:
        def asked(request: Any) -> None:
            where = urlsplit(request.url)
            if where.scheme not in ("blob", "data") and where.netloc != urlsplit(url).netloc:
                wrong.append(f"asked for {request.url}")

        context.on("request", asked)
        context.on("page", lambda page: page.on("websocket", asked))
        context.on("console", lambda said: said.type == "error" and wrong.append(f"console: {said.text}"))
        context.on("weberror", lambda error: wrong.append(f"error: {error.error}"))
        context.add_init_script(WATCH)

    def make(server: Server | None = None, *, beside: Hands | None = None, **options: Any) -> Hands:
        server = server or request.getfixturevalue("server")
        if beside:
            return Hands(beside.page.context.new_page(), server.url, beside.api, forgiven)
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 1000}, **options})
        context.set_default_timeout(PATIENCE * 1000)
        contexts.append(context)
        watch(context, server.url)
        client = server.client()
        request.addfinalizer(client.close)
        return Hands(context.new_page(), server.url, client, forgiven)

    yield make
    for context in contexts:
        context.close()
    assert [what for what in wrong if not any(re.search(pattern, what) for pattern in forgiven)] == []
    assert [pattern for pattern in forgiven if not any(re.search(pattern, what) for what in wrong)] == []


@pytest.fixture
def hands(new_page: Callable[..., Hands]) -> Hands:
    """The page as it opens: the example as A and B, live."""
    out = new_page()
    out.open()
    out.ready()
    return out


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The source of axe-core: of the page's own folder, else as its lock file has it."""
    place = UI / AXE
    if not place.exists():
        if shutil.which("npm") is None:
            pytest.skip("no npm here, with which axe-core is got")
        folder = tmp_path_factory.mktemp("axe")
        for name in ("package.json", "package-lock.json"):
            shutil.copy(UI / name, folder)
        words = ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"]
        got = subprocess.run(words, cwd=folder, capture_output=True, timeout=300, check=False)
        place = folder / AXE
        if got.returncode or not place.exists():
            pytest.skip("axe-core could not be got: npm ci in latentknobs/frontends/web/ui")
    return place.read_text(encoding="utf-8")


@pytest.fixture
def tell(capsys: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Says a figure to whoever runs the tests, also where they pass."""

    def say(text: str) -> None:
        with capsys.disabled():
            sys.stdout.write(f"\n{text}\n")

    return say
