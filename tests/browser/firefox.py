"""Firefox over WebDriver BiDi, which Playwright does not speak to Debian's: as much of a page as ``Hands`` needs."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.browser.serving import PATIENCE

FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
PULSEAUDIO = shutil.which("pulseaudio")
"""Firefox plays nothing, silently either, where there is no sound device; Chromium has one of its own."""
PREFERENCES = """
user_pref("browser.download.folderList", 2);
user_pref("browser.download.useDownloadDir", true);
user_pref("browser.download.always_ask_before_handling_new_types", false);
user_pref("browser.download.alwaysOpenPanel", false);
user_pref("media.volume_scale", "0.0");
user_pref("app.normandy.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
"""
KEYS = {
    "Control": "\ue009",
    "Shift": "\ue008",
    "Enter": "\ue007",
    "Escape": "\ue00c",
    "Space": " ",
    "Home": "\ue011",
    "ArrowUp": "\ue013",
}
FIND = """(css) => {
  const within = (root, selector, out) => {
    for (const one of root.querySelectorAll("*")) {
      if (one.matches(selector)) out.add(one);
      if (one.shadowRoot) within(one.shadowRoot, selector, out);
    }
    return out;
  };
  let roots = [document];
  for (const selector of css.match(/(?:\\[[^\\]]*\\]|[^\\s\\[])+/g)) {
    const found = new Set();
    for (const root of roots) {
      if (root.shadowRoot) within(root.shadowRoot, selector, found);
      within(root, selector, found);
    }
    roots = [...found];
  }
  return roots;
}"""
"""The elements of a selector; a blank goes through shadow roots too, as in Playwright."""


class Firefox:
    """A running Firefox: pages in contexts of their own, none of which asked for another origin or logged an error."""

    def __init__(self, folder: Path) -> None:
        self.downloads = folder / "downloads"
        profile = folder / "profile"
        for one in (self.downloads, profile):
            one.mkdir(parents=True)
        saved = f'user_pref("browser.download.dir", {json.dumps(str(self.downloads))});\n'
        (profile / "user.js").write_text(PREFERENCES + saved)
        assert FIREFOX is not None
        self._log = (folder / "firefox.log").open("w+")
        self._socket_folder = tempfile.TemporaryDirectory(prefix="pulse")  # a socket's path is short
        socket = f"{self._socket_folder.name}/socket"
        modules = ("module-null-sink", f"module-native-protocol-unix auth-anonymous=1 socket={socket}")
        sound = [str(PULSEAUDIO), "-n", "--exit-idle-time=-1", *(f"--load={module}" for module in modules)]
        own = {"XDG_RUNTIME_DIR": self._socket_folder.name, "PULSE_SERVER": f"unix:{socket}"}
        self._sound = self._started(sound, own)
        words = [FIREFOX, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
        self._process = self._started(words, own)
        self._numbers = itertools.count(1)
        self.wrong: list[str] = []
        self._socket = self._connected(folder / "firefox.log")
        self.call("session.new", capabilities={})
        self.call("session.subscribe", events=["log.entryAdded"])

    def _started(self, words: list[str], own: dict[str, str]) -> subprocess.Popen[bytes]:
        environment = {**os.environ, **own}
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=self._log, stderr=self._log, env=environment)

    def _connected(self, log: Path) -> ClientConnection:
        end = time.monotonic() + 2 * PATIENCE
        while "BiDi listening on " not in (said := log.read_text()):
            assert self._process.poll() is None, said
            assert time.monotonic() < end, "Firefox does not listen"
            time.sleep(0.05)
        address = said.split("BiDi listening on ")[1].split()[0]
        return connect(f"{address}/session", max_size=None, proxy=None).__enter__()

    def call(self, method: str, **parameters: Any) -> Any:
        """The result of a command; what pages log in the meantime is kept."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv(PATIENCE))
            if answer.get("method") == "log.entryAdded" and answer["params"]["level"] == "error":
                self.wrong.append(str(answer["params"]["text"]))
            if answer.get("id") == number:
                assert answer["type"] == "success", f"{method}: {answer.get('message')}"
                return answer["result"]

    def page(self) -> FirefoxPage:
        """A page that shares nothing with others."""
        user = self.call("browser.createUserContext")["userContext"]
        context = self.call("browsingContext.create", type="tab", userContext=user)["context"]
        self.call("browsingContext.setViewport", context=context, viewport={"width": 1280, "height": 1000})
        return FirefoxPage(self, context)

    def close(self) -> None:
        """Ends it."""
        for process in (self._process, self._sound):
            process.terminate()
            process.wait(PATIENCE)
        self._log.close()
        self._socket_folder.cleanup()


class FirefoxPage:
    """A page, with the names that Playwright's has."""

    def __init__(self, firefox: Firefox, context: str) -> None:
        self.firefox, self.browsing_context = firefox, context
        self.keyboard = FirefoxKeyboard(self)

    def add_init_script(self, script: str) -> None:
        """Runs a script before each page's own."""
        function = f"() => {{ {script} }}"
        self.firefox.call("script.addPreloadScript", functionDeclaration=function, contexts=[self.browsing_context])

    def goto(self, url: str) -> None:
        """Opens an address."""
        self.firefox.call("browsingContext.navigate", context=self.browsing_context, url=url, wait="complete")

    def reload(self) -> None:
        """Opens the same one again."""
        self.firefox.call("browsingContext.reload", context=self.browsing_context, wait="complete")

    def evaluate(self, function: str, argument: Any = None) -> Any:
        """What a function of the page gives, as JSON has it."""
        whole = f"async (text) => JSON.stringify(await ({function})(JSON.parse(text)) ?? null)"
        result = self.called(whole, {"type": "string", "value": json.dumps(argument)})
        return json.loads(result["value"])

    def called(self, function: str, *arguments: dict[str, Any]) -> dict[str, Any]:
        """What a function of the page gives, as the protocol has it."""
        result = self.firefox.call(
            "script.callFunction",
            functionDeclaration=function,
            arguments=list(arguments),
            target={"context": self.browsing_context},
            awaitPromise=True,
            userActivation=False,
        )
        assert result["type"] == "success", result["exceptionDetails"]["text"]
        value: dict[str, Any] = result["result"]
        return value

    def act(self, kind: str, actions: list[dict[str, Any]]) -> None:
        """Keys or the pointer do something."""
        source = {"type": kind, "id": kind, "actions": actions}
        self.firefox.call("input.performActions", context=self.browsing_context, actions=[source])

    def wait_for_timeout(self, milliseconds: float) -> None:
        """Lets time go by."""
        time.sleep(milliseconds / 1000)

    def locator(self, css: str) -> FirefoxLocator:
        """Elements by a selector."""
        return FirefoxLocator(self, css)

    @contextmanager
    def expect_download(self) -> Iterator[Download]:
        """The file that is saved meanwhile."""
        before = set(self.firefox.downloads.iterdir())
        out = Download()
        yield out
        end = time.monotonic() + PATIENCE
        while not out.found:
            assert time.monotonic() < end, "nothing was saved"
            time.sleep(0.05)
            new = set(self.firefox.downloads.iterdir()) - before
            if not any(one.suffix == ".part" for one in new):
                out.found = [one for one in new if one.stat().st_size]


class Download:
    """A file that was saved."""

    def __init__(self) -> None:
        self.found: list[Path] = []

    @property
    def value(self) -> Download:
        """As Playwright has it."""
        return self

    def path(self) -> Path:
        """Where it is."""
        [path] = self.found
        return path


class FirefoxKeyboard:
    """The keys."""

    def __init__(self, page: FirefoxPage) -> None:
        self._page = page

    def press(self, keys: str) -> None:
        """One key, with others held: "Shift+a"."""
        *held, key = [KEYS.get(name, name.removeprefix("Digit")) for name in keys.split("+")]
        down = [{"type": "keyDown", "value": one} for one in [*held, key]]
        self._page.act("key", down + [{"type": "keyUp", "value": one} for one in [key, *reversed(held)]])

    def type(self, text: str) -> None:
        """One after another."""
        for key in text:
            self.press(key)


class FirefoxLocator:
    """Elements by a selector, found anew for each use."""

    def __init__(self, page: FirefoxPage, css: str) -> None:
        self._page, self._css = page, css

    def _of(self, function: str, argument: Any = None) -> Any:
        """What a function of the one element and an argument gives."""
        self.wait_for()
        whole = f"([css, argument]) => (({function})(({FIND})(css)[0], argument))"
        return self._page.evaluate(whole, [self._css, argument])

    def locator(self, css: str) -> FirefoxLocator:
        """Elements within."""
        return FirefoxLocator(self._page, f"{self._css} {css}")

    def count(self) -> int:
        """How many there are."""
        found: int = self._page.evaluate(f"(css) => ({FIND})(css).length", self._css)
        return found

    def wait_for(self) -> None:
        """Until there is one."""
        end = time.monotonic() + PATIENCE
        while not self.count():
            assert time.monotonic() < end, f"in vain: {self._css}"
            time.sleep(0.02)

    def click(self) -> None:
        """With the pointer, in its middle."""
        self._of('(one) => one.scrollIntoView({ block: "nearest" })')
        look = "(one) => { const b = one.getBoundingClientRect(); return [b.x + b.width / 2, b.y + b.height / 2]; }"
        x, y = self._of(look)
        move = {"type": "pointerMove", "x": round(x), "y": round(y)}
        self._page.act("pointer", [move, {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0}])

    def press(self, keys: str) -> None:
        """A key, with the focus on it."""
        self._of("(one) => one.focus()")
        self._page.keyboard.press(keys)

    def fill(self, text: str) -> None:
        """Another value: typed, or put where a slider is."""
        put = "(one, text) => { one.focus(); if (one.type === 'range') one.value = text; else one.select(); }"
        self._of(put, text)
        if self._of("(one) => one.type") != "range":
            self._page.keyboard.type(text)

    def dispatch_event(self, kind: str) -> None:
        """An event."""
        self._of("(one, kind) => void one.dispatchEvent(new Event(kind, { bubbles: true }))", kind)

    def select_option(self, value: str) -> None:
        """An option by its value."""
        self._of(
            '(one, value) => { one.value = value; one.dispatchEvent(new Event("change", { bubbles: true })); }', value
        )

    def inner_text(self) -> str:
        """What it says."""
        text: str = self._of("(one) => one.innerText")
        return text

    def all_inner_texts(self) -> list[str]:
        """What all say."""
        texts: list[str] = self._page.evaluate(f"(css) => ({FIND})(css).map((one) => one.innerText)", self._css)
        return texts

    def set_input_files(self, file: dict[str, Any]) -> None:
        """Chooses a file, by its name and bytes."""
        self.wait_for()
        path = self._page.firefox.downloads.parent / str(file["name"])
        path.write_bytes(file["buffer"])
        element = self._page.called(f"(css) => ({FIND})(css)[0]", {"type": "string", "value": self._css})
        self._page.firefox.call(
            "input.setFiles",
            context=self._page.browsing_context,
            element={"sharedId": element["sharedId"]},
            files=[str(path)],
        )
