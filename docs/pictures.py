"""
Makes the pictures of the page for the documents: python docs/pictures.py [--all] [--out FOLDER] [--chromium PATH].

Starts a server of its own on a free port and opens the page in Chromium through Playwright. Without --all only the
pictures that the documents show are made.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
WIDTHS = {1440: 1000, 1024: 900, 390: 844}
SCENES = ("idle", "playing", "error", "grid")
SHOWN = (
    ("idle", 1440, "light"),
    ("playing", 1440, "dark"),
    ("grid", 1440, "light"),
    ("error", 1024, "light"),
    ("grid", 1024, "dark"),
    ("playing", 390, "light"),
    ("grid", 390, "dark"),
)


@contextmanager
def serving() -> Iterator[str]:
    """A server on a free port; gives the page's address."""
    words = [sys.executable, "-m", "latentknobs", "serve", "--port", "0"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 - our own program
    try:
        assert server.stdout is not None
        for line in server.stdout:
            if found := re.search(r"http://[\w.:\[\]]+/", line):
                yield found[0]
                return
        raise SystemExit("The server ended before it said where it is.")
    finally:
        server.terminate()
        server.wait(10)


def picture(browser: Browser, url: str, scene: str, width: int, theme: str, folder: Path) -> Path:
    """One scene at one width in one theme."""
    page = browser.new_page(viewport={"width": width, "height": WIDTHS[width]}, color_scheme=theme)  # type: ignore[arg-type]  # "light" or "dark"
    page.goto(url)
    page.locator("lk-latent-view").wait_for()
    if scene != "idle":
        _turn(page, "pitch", "ArrowUp", 5)
        _turn(page, "rhythm", "ArrowUp", 4)
    if scene == "playing":
        page.locator("[data-do=play]").click()
        # The page's policy forbids eval, with which Playwright waits: it is asked again and again instead.
        while not page.evaluate("() => window.latentknobs.position > 9"):
            page.wait_for_timeout(50)
    elif scene == "grid":
        page.locator("[data-view=grid]").click()
        page.locator("lk-grid [data-at='1,3']").click()
        page.wait_for_timeout(700)
    elif scene == "error":
        page.locator("[data-view=melody]").click()
        page.locator("[data-way=file]").click()
        page.locator("[data-do=file]").set_input_files(
            {"name": "song.mid", "mimeType": "audio/midi", "buffer": b"MThd, but no more than that"}
        )
        page.locator("[data-notice=error]").wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)
    path = folder / f"web-{scene}-{width}-{theme}.png"
    page.screenshot(path=path, full_page=True)
    page.close()
    return path


def _turn(page: Page, knob: str, key: str, times: int) -> None:
    field = page.locator(f"lk-knob[data-knob={knob}] input[type=range]")
    for _ in range(times):
        field.press(key)
    page.wait_for_timeout(300)


def main() -> None:
    """Make them."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--all", action="store_true", help="every scene at every width in both themes")
    asked.add_argument("--out", type=Path, default=IMAGES)
    asked.add_argument("--chromium", default="/usr/bin/chromium")
    asked.add_argument("--url", help="a server that runs already")
    given = asked.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    every = [(scene, width, theme) for scene in SCENES for width in WIDTHS for theme in ("light", "dark")]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=given.chromium, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )

        def make(url: str) -> None:
            for scene, width, theme in every if given.all else SHOWN:
                path = picture(browser, url, scene, width, theme, given.out)
                print(path, f"{path.stat().st_size // 1024} KiB", file=sys.stderr)  # noqa: T201 - stderr is where notes go

        if given.url:
            make(given.url)
        else:
            with serving() as url:
                make(url)
        browser.close()


if __name__ == "__main__":
    main()
