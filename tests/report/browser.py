"""Headless Chromium, driven by the Chrome DevTools Protocol.

Its messages are JSON, end in a zero byte, and go through two pipes.
"""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]
FLAGS += ["--disable-component-update", "--disable-sync", "--remote-debugging-pipe"]
LIMIT_S = 60
KEYS = {
    "Tab": 9,
    "Enter": 13,
    " ": 32,
    "ArrowRight": 39,
    "ArrowDown": 40,
    "ArrowUp": 38,
    "Home": 36,
}  # key -> its virtual key code


@contextmanager
def chromium(profile: Path) -> Iterator["Browser"]:
    """A browser with a fresh profile, ended with the block."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    given = [
        fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (theirs_in, theirs_out)
    ]  # out of the way of 3 and 4
    process = subprocess.Popen(
        [
            "bash",
            "-c",
            f'exec "$0" "$@" 3<&{given[0]} 4>&{given[1]}',
            CHROMIUM,
            *FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        pass_fds=given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for end in (theirs_in, theirs_out, *given):
        os.close(end)
    browser = Browser(ours_in, ours_out)
    try:
        yield browser
    finally:
        browser.command("Browser.close", session=None)
        process.wait(LIMIT_S)
        os.close(ours_in)
        os.close(ours_out)


class Browser:
    """One tab.

    Attributes:
        requests: every address that the page asked for.
        errors: what its scripts threw or its policy refused.
    """

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming, self._outgoing, self._buffer, self._last = incoming, outgoing, b"", 0
        self._session: str | None = None
        self.requests: list[str] = []
        self.errors: list[str] = []
        self._events: list[str] = []
        target = self.command("Target.createTarget", url="about:blank", session=None)["targetId"]
        self._session = self.command(
            "Target.attachToTarget", targetId=target, flatten=True, session=None
        )["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log", "DOM", "Accessibility"):
            self.command(f"{domain}.enable")

    def command(
        self, method: str, *, session: str | None = "", **parameters: Any
    ) -> dict[str, Any]:
        """Send a command of the protocol and wait for its result."""
        self._last += 1
        message: dict[str, Any] = {"id": self._last, "method": method, "params": parameters}
        if session == "" and self._session:
            message["sessionId"] = self._session
        os.write(self._outgoing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._last:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + LIMIT_S
        while b"\0" not in self._buffer:
            ready, _, _ = select.select([self._incoming], [], [], max(0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            read = os.read(self._incoming, 1 << 20)
            assert read, "the browser has ended"
            self._buffer += read
        raw, _, self._buffer = self._buffer.partition(b"\0")
        message = json.loads(raw)
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
            case "Runtime.exceptionThrown":
                self.errors.append(str(message["params"]["exceptionDetails"]))
            case "Log.entryAdded" if message["params"]["entry"]["level"] == "error":
                self.errors.append(message["params"]["entry"]["text"])
            case str(name):
                self._events.append(name)
        return message

    def open(
        self, path: Path, *, width: int = 1200, height: int = 900, scheme: str = "light"
    ) -> None:
        """Load a file in a window of that size, with that preferred colour scheme."""
        self.resize(width, height)
        self.prefer(scheme)
        self.requests.clear()
        self.errors.clear()
        self._events.clear()
        self.command("Page.navigate", url=path.as_uri())
        while "Page.loadEventFired" not in self._events:
            self._next()

    def resize(self, width: int, height: int) -> None:
        """The window's inner size; at most 500 wide it is a phone."""
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width <= 500,
        )

    def prefer(self, scheme: str, media: str = "") -> None:
        """Set prefers-color-scheme and, with `print`, the medium."""
        self.command(
            "Emulation.setEmulatedMedia",
            media=media,
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression, through JSON."""
        found = self.command(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def press(self, key: str, *, shift: bool = False, times: int = 1) -> None:
        """A key of the keyboard, down and up, as the browser itself gets it."""
        text = {"Enter": "\r", " ": " "}.get(key, key if len(key) == 1 else "")
        code = KEYS.get(key, ord(key[0].upper()))
        both = {
            "key": key,
            "windowsVirtualKeyCode": code,
            "code": {" ": "Space"}.get(key, key),
            "modifiers": 8 if shift else 0,
        }
        for _ in range(times):
            self.command(
                "Input.dispatchKeyEvent",
                type="keyDown" if text else "rawKeyDown",
                text=text,
                **both,
            )
            self.command("Input.dispatchKeyEvent", type="keyUp", **both)

    def picture(self, path: Path) -> None:
        """What the window shows, as png."""
        path.write_bytes(
            base64.b64decode(self.command("Page.captureScreenshot", format="png")["data"])
        )

    def print(self) -> bytes:
        """The page as the browser prints it: a PDF file, A4."""
        return base64.b64decode(
            self.command(
                "Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=False
            )["data"]
        )

    def names(self, role: str) -> list[str]:
        """The accessible names of all elements of that role."""
        nodes = self.command("Accessibility.getFullAXTree")["nodes"]
        return [
            node["name"]["value"]
            for node in nodes
            if not node["ignored"] and node["role"]["value"] == role
        ]
