"""Where a file is looked for, and what happens to a wrong one (promise R15)."""

import hashlib
import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from rnnx.data import DataError, Source
from rnnx.data._download import http_file
from rnnx.data._store import obtain, on_disk

PATH = "some/text.txt"


def served(server, page: str = "/whole") -> Source:
    """A source whose right bytes are those of `/whole`, fetched from any page."""
    url = server.url + page
    return Source(PATH, hashlib.sha256(server.whole).hexdigest(), url, partial(http_file, url))


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def put(folder: Path, content: bytes) -> Path:
    path = folder / PATH
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    return path


def test_a_download_is_kept_and_not_repeated(server, cache):
    source = served(server)
    assert not on_disk(source)
    first = obtain(source)
    assert first.path == cache / PATH
    assert first.content == server.whole == first.path.read_bytes()
    assert on_disk(source)
    assert obtain(source) == first
    assert server.asked == ["/whole"]
    assert files(cache) == [cache / PATH]


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ("/other", f"gave another file (sha256 {hashlib.sha256(b'something else').hexdigest()}"),
        ("/truncated", "IncompleteRead("),
        ("/nowhere", "404 Client Error: Not Found"),
    ],
)
def test_a_bad_download_is_refused_and_nothing_is_kept(server, cache, page, reason):
    with pytest.raises(DataError) as raised:
        obtain(served(server, page))
    message = str(raised.value)
    assert reason in message
    assert "\n" not in message
    assert files(cache) == []


def test_the_message_names_every_place_tried_and_the_way_out(closed_port, cache, tmp_path, monkeypatch):
    url = f"http://127.0.0.1:{closed_port}/input.txt"
    source = Source(PATH, "0" * 64, url, partial(http_file, url))
    with pytest.raises(DataError) as raised:
        obtain(source)
    message = str(raised.value)
    places = f"RNNX_DATA_DIR is not set; the cache has no {cache / PATH}; {url} failed ("
    assert message.startswith(f"cannot get {PATH}: {places}")
    assert "Connection refused)" in message
    assert f"Set RNNX_DATA_DIR to a folder holding {PATH}" in message
    assert "\n" not in message

    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path / "mine"))
    with pytest.raises(DataError, match=f"RNNX_DATA_DIR has no {tmp_path / 'mine' / PATH}"):
        obtain(source)


def test_the_reason_is_not_an_error_that_the_caller_was_handling_already(closed_port):
    url = f"http://127.0.0.1:{closed_port}/"
    try:
        raise KeyError("elsewhere")
    except KeyError:
        with pytest.raises(DataError, match="Connection refused"):
            obtain(Source(PATH, "0" * 64, url, partial(http_file, url)))


def test_the_users_own_file_comes_first(server, cache, tmp_path, monkeypatch):
    mine = put(tmp_path / "mine", server.whole)
    put(cache, b"never looked at")
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path / "mine"))
    assert obtain(served(server)).path == mine
    assert server.asked == []


@pytest.mark.parametrize("damage", ["truncated", "flipped bit", "empty"])
def test_a_damaged_file_of_the_user_is_refused_and_left_alone(server, tmp_path, monkeypatch, damage):
    right = server.whole
    wrong = {"truncated": right[:-1], "flipped bit": bytes([right[0] ^ 1]) + right[1:], "empty": b""}[damage]
    mine = put(tmp_path / "mine", wrong)
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path / "mine"))
    source = served(server)
    with pytest.raises(DataError) as raised:
        obtain(source)
    for part in (str(mine), source.sha256, hashlib.sha256(wrong).hexdigest()):
        assert part in str(raised.value)
    assert "\n" not in str(raised.value)
    assert mine.read_bytes() == wrong
    assert server.asked == []


def test_a_damaged_file_in_the_cache_is_replaced(server, cache):
    cached = put(cache, b"damaged")
    assert obtain(served(server)).path == cached
    assert cached.read_bytes() == server.whole
    assert files(cache) == [cached]


def test_a_damaged_file_in_the_cache_is_named_when_it_cannot_be_replaced(server, cache):
    cached = put(cache, b"damaged")
    with pytest.raises(DataError, match=f"{cached} in the cache is damaged"):
        obtain(served(server, "/nowhere"))


@pytest.mark.parametrize("variable", ["RNNX_DATA_DIR", "RNNX_CACHE_DIR"])
def test_a_folder_in_the_place_of_the_file_is_refused(server, tmp_path, monkeypatch, variable):
    (tmp_path / "odd" / PATH).mkdir(parents=True)
    monkeypatch.setenv(variable, str(tmp_path / "odd"))
    with pytest.raises(DataError, match=r"cannot read .*text\.txt: Is a directory"):
        obtain(served(server))


FETCH = """
import hashlib, resource, sys
from functools import partial
from rnnx.data import DataError, Source
from rnnx.data._download import http_file
from rnnx.data._store import obtain
url, path, sha256, limit = sys.argv[1:]
if limit != "none":
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    print(len(obtain(Source(path, sha256, url, partial(http_file, url))).content))
except DataError as error:
    sys.exit(f"refused: {error}")
"""


def fetching(source: Source, limit: str = "none") -> subprocess.Popen[str]:
    """A process that fetches a source, unable to write a file of more than `limit` bytes."""
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, source.origin, source.path, source.sha256, limit],
        # Byte code that is being cached would run into the limit too.
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_processes_at_once_share_a_cache(server, cache):
    source = served(server, "/together")
    both = [fetching(source), fetching(source)]
    for process in both:
        output, errors = process.communicate()
        assert (process.returncode, output.strip()) == (0, str(len(server.whole))), errors
    assert server.asked.count("/together") == 2
    assert files(cache) == [cache / PATH]
    assert (cache / PATH).read_bytes() == server.whole


def test_a_write_that_fails_half_way_leaves_nothing_behind(server, cache):
    process = fetching(served(server), limit="1000")
    _, errors = process.communicate()
    assert process.returncode == 1
    assert f"refused: cannot write {cache / PATH}: File too large; set RNNX_CACHE_DIR" in errors
    assert files(cache) == []
