"""
Makes the pictures of the page for the documents: python docs/pictures.py [--all] [--out FOLDER] [--chromium PATH].

Starts a server on a free port and opens the page in Chromium through Playwright. Without --all only the pictures
that the documents show are made: some scenes, and the animation of README.md.
"""

from __future__ import annotations

import argparse
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

IMAGES = Path(__file__).parent / "images"
HEIGHTS = {1440: 1000, 1024: 900, 390: 844}
SCENES = ("idle", "playing", "error", "grid", "registry")
SHOWN = (("playing", 1440, "dark"), ("grid", 1440, "light"), ("playing", 390, "light"), ("registry", 1440, "light"))
ANIMATION = "turning-knobs.gif"
MOVES = ([("pitch", 1)] * 5) + ([("rhythm", 1)] * 4) + ([("pitch", -1)] * 5) + ([("rhythm", -1)] * 4)
"""Presses of an arrow key in the animation, up or down."""
WINDOW, FRAME = (960, 1600), (960, 910)
"""Width and height of the browser and of what the animation shows."""
NOTES = "() => JSON.stringify(window.latentknobs.notes)"


@contextmanager
def serving() -> Iterator[str]:
    """A server on a free port; gives the page's address."""
    words = [sys.executable, "-m", "latentknobs", "serve", "--port", "0"]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # noqa: S603 - our own program
    try:
        assert server.stdout is not None
        for line in server.stdout:
            if match := re.search(r"http://[\w.:\[\]]+/", line):
                yield match[0]
                return
        raise SystemExit("The server ended before it said where it is.")
    finally:
        server.terminate()
        server.wait(10)


def opened(browser: Browser, url: str, width: int, height: int, theme: str) -> Page:
    """The page, ready, at a size in a theme."""
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]  # "light" or "dark"
    page.goto(url)
    page.locator("lk-latent-view").wait_for()
    return page


def picture(browser: Browser, url: str, scene: str, width: int, theme: str, folder: Path) -> Path:
    """One scene at one width in one theme."""
    page = opened(browser, url, width, HEIGHTS[width], theme)
    if scene not in ("idle", "registry"):
        _turn(page, "pitch", 5)
        _turn(page, "rhythm", 4)
    if scene == "playing":
        page.locator("[data-do=play]").click()
        # The page's policy forbids eval, with which Playwright waits: it is asked again and again instead.
        while not page.evaluate("() => window.latentknobs.position > 9"):
            page.wait_for_timeout(50)
    elif scene == "grid":
        page.locator("[data-view=grid]").click()
        page.locator("lk-grid [data-at='1,3']").click()
        page.wait_for_timeout(1500)
    elif scene == "error":
        page.locator("[data-view=melody]").click()
        page.locator("[data-way=file]").click()
        page.locator("[data-do=file]").set_input_files(
            {"name": "song.mid", "mimeType": "audio/midi", "buffer": b"MThd, but no more than that"}
        )
        page.locator("[data-notice=error]").wait_for()
    elif scene == "registry":
        page.locator("[data-do=registry]").click()
        page.get_by_role("link", name="pitch", exact=True).click()
        for part in ("lk-listen lk-roll", "lk-response-plot svg"):
            page.locator(part).wait_for()
    page.mouse.move(0, 0)
    page.wait_for_timeout(300)
    if scene != "registry":
        _hide_latency(page)
    path = folder / f"web-{scene}-{width}-{theme}.png"
    page.screenshot(path=path, full_page=scene != "registry")
    page.close()
    return path


def animation(browser: Browser, url: str, folder: Path) -> Path:
    """Melody and knobs while two knobs are turned up and back, in a loop."""
    page = opened(browser, url, *WINDOW, "dark")  # high enough that nothing scrolls; the frames show its upper part
    page.wait_for_timeout(500)
    _hide_latency(page)
    frames = [_frame(page)]
    for knob, step in MOVES:
        _turn(page, knob, step)
        frames.append(_frame(page))
    page.close()
    colours = frames[9].quantize(96, dither=Image.Dither.NONE)  # every colour of the scene occurs while both are turned
    frames = [frame.quantize(palette=colours, dither=Image.Dither.NONE) for frame in frames]
    path = folder / ANIMATION
    durations = [1200 if index in (0, 9) else 350 for index in range(len(frames))]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=durations, loop=0, optimize=True)
    return path


def _hide_latency(page: Page) -> None:
    """The latency of the machine that makes the pictures says nothing."""
    page.locator("[data-latency]").evaluate("(element) => { element.style.visibility = 'hidden'; }")


def _frame(page: Page) -> Image.Image:
    page.evaluate("() => document.activeElement?.blur()")
    width, height = FRAME
    image = Image.open(io.BytesIO(page.screenshot(clip={"x": 0, "y": 0, "width": width, "height": height})))
    return image.convert("RGB")


def _turn(page: Page, knob: str, steps: int) -> None:
    """Press the arrow key and wait for other notes; a small step may change none, so not for long."""
    notes = page.evaluate(NOTES)
    field = page.locator(f"lk-knob[data-knob={knob}] input[type=range]")
    for _ in range(abs(steps)):
        field.press("ArrowUp" if steps > 0 else "ArrowDown")
    for _ in range(40):
        if page.evaluate(NOTES) != notes:
            break
        page.wait_for_timeout(50)
    page.wait_for_timeout(400)


def main() -> None:
    """Make them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true", help="every scene at every width in both themes")
    parser.add_argument("--out", type=Path, default=IMAGES)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    every = [(scene, width, theme) for scene in SCENES for width in HEIGHTS for theme in ("light", "dark")]
    with sync_playwright() as playwright, serving() as url:
        browser = playwright.chromium.launch(
            executable_path=options.chromium, args=["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        )
        paths = [picture(browser, url, *scene, options.out) for scene in (every if options.all else SHOWN)]
        paths.append(animation(browser, url, options.out))
        for path in paths:
            print(path, f"{path.stat().st_size // 1024} KiB", file=sys.stderr)  # noqa: T201 - stderr is where notes go
        browser.close()


if __name__ == "__main__":
    main()
