"""A headless Chromium, spoken to over a pipe in its DevTools protocol: what a page shows and what goes wrong on it."""

import base64
import itertools
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

PATH = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--remote-debugging-pipe",
)

# Text of a page with that of the components inside it, which `innerText` does not enter.
_TEXT = """(function text(node) {
    if (node.nodeType == Node.TEXT_NODE) return node.textContent;
    if (['STYLE', 'SCRIPT'].includes(node.tagName)) return '';
    if (node.tagName == 'IFRAME') return node.contentDocument ? text(node.contentDocument.body) : '';
    return [...(node.shadowRoot ? node.shadowRoot.childNodes : []), ...node.childNodes].map(text).join(' ');
})(document.body)"""


class Browser:
    """One page after the other; `errors` are those of the page that is open."""

    def __init__(self, profile: Path, width: int = 1400, height: int = 1000):
        reads, self._out = os.pipe()
        self._in, writes = os.pipe()
        # Chromium reads from 3 and writes to 4. It is bash that puts the pipes there: a function that runs between fork
        # and exec would have Python fork a process with jax's threads, which jax warns of.
        there = f'exec "$@" 3<&{reads} 4>&{writes}'
        self._process = subprocess.Popen(
            [
                "bash",
                "-c",
                there,
                "bash",
                PATH,
                *_FLAGS,
                f"--user-data-dir={profile}",
                f"--window-size={width},{height}",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(reads, writes),
        )
        os.close(reads)
        os.close(writes)
        self._numbers, self._buffer, self._session = itertools.count(1), b"", None
        self.errors: list[str] = []
        target = self._send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._send(f"{domain}.enable")

    def open(self, url: str) -> None:
        """Go to a page; from a blank one, so that another part of the same page loads anew, too."""
        self._send("Page.navigate", url="about:blank")
        self.errors.clear()
        self._send("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """The value of JavaScript in the page."""
        return self._send("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def text(self) -> str:
        """All text of the page."""
        return self.evaluate(_TEXT) or ""

    def wait_for(self, words: str, seconds: float = 30) -> None:
        """Until the page shows some words; an error with what it shows instead if it does not."""
        deadline = time.monotonic() + seconds
        while words not in self.text():
            if time.monotonic() > deadline:
                raise AssertionError(f"{words!r} is not on the page, but {' '.join(self.text().split())[:2000]!r}")
            time.sleep(0.2)

    def wait_until(self, expression: str, seconds: float = 30) -> None:
        """Until JavaScript in the page is true; an error with what the page shows if it does not become so."""
        deadline = time.monotonic() + seconds
        while not self.evaluate(expression):
            if time.monotonic() > deadline:
                raise AssertionError(f"not so: {expression}, on {' '.join(self.text().split())[:2000]!r}")
            time.sleep(0.2)

    def screenshot(self, path: Path) -> None:
        """What is to be seen, as a PNG file."""
        path.write_bytes(base64.b64decode(self._send("Page.captureScreenshot")["data"]))

    def click(self, x: float, y: float) -> None:
        """The left button of the mouse at a place of the window."""
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self._send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def resize(self, width: int, height: int = 900) -> None:
        """Another window, in pixels; also narrower than a window of Chromium can be."""
        self._send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def close(self) -> None:
        """End the process."""
        os.close(self._out)
        os.close(self._in)
        self._process.kill()
        self._process.wait()

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method and read on to its answer; errors of the page come in between."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        message |= {"sessionId": self._session} if self._session else {}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            said = self._read()
            self._note(said)
            if said.get("id") == number:
                if "error" in said:
                    raise AssertionError(f"{method}: {said['error']}")
                return said["result"]

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._in], [], [], 60)[0]:
                raise AssertionError("the browser has not answered for a minute")
            self._buffer += os.read(self._in, 1 << 20)
        message, _, self._buffer = self._buffer.partition(b"\0")
        return json.loads(message)

    def _note(self, said: dict[str, Any]) -> None:
        given = said.get("params", {})
        if said.get("method") == "Runtime.exceptionThrown":
            thrown = given["exceptionDetails"]
            self.errors.append(thrown.get("exception", {}).get("description", thrown["text"]))
        elif said.get("method") == "Log.entryAdded" and given["entry"]["level"] == "error":
            self.errors.append(f"{given['entry']['text']} {given['entry'].get('url', '')}")
        elif said.get("method") == "Runtime.consoleAPICalled" and given["type"] == "error":
            self.errors.append(str([argument.get("value") for argument in given["args"]]))
