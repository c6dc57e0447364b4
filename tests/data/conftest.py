import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

import pytest

# Read before `cache`, below, hides it from the tests.
REAL_DATA = os.environ.get("RNNX_DATA_DIR")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no RNNX_DATA_DIR, and no proxy between a test and its server."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("RNNX_CACHE_DIR", str(folder))
    monkeypatch.delenv("RNNX_DATA_DIR", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return folder


@pytest.fixture
def real_data(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of real data sets that the tests were started with."""
    if not REAL_DATA:
        pytest.skip("RNNX_DATA_DIR is not set")
    monkeypatch.setenv("RNNX_DATA_DIR", REAL_DATA)
    return Path(REAL_DATA)


class Server(NamedTuple):
    """A real HTTP server on loopback: `/whole`, `/other`, `/truncated` (it hangs up half-way), anything else is 404.

    `/together` answers only once two clients have asked, so that they are sure to overlap.
    """

    url: str
    whole: bytes
    asked: list[str]  # the path of each request so far


@pytest.fixture
def server() -> Iterator[Server]:
    whole = b"First Citizen:\nBefore we proceed any further, hear me speak.\n" * 1000
    asked: list[str] = []
    both = threading.Barrier(2)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            if self.path == "/together":
                both.wait(timeout=120)
            body = {"/other": b"something else"}.get(self.path, whole)
            if self.path not in {"/whole", "/other", "/truncated", "/together"}:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if self.path == "/truncated" else body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Server(f"http://127.0.0.1:{http.server_port}", whole, asked)
        http.shutdown()
        thread.join()


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A loopback port that refuses connections: bound, so that nobody else takes it, but not listening."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]
