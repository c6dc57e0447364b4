import os
import re

import pytest

from rnnx.data import DataError, Source, read_file
from rnnx.data._store import sha256
from rnnx.data._text import read_text


def test_a_text_in_latin_1_is_named_with_what_to_do(tmp_path, monkeypatch):
    content = "Molière".encode("latin-1")
    (tmp_path / "plays.txt").write_bytes(content)
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    told = (
        rf"^{re.escape(str(tmp_path / 'plays.txt'))} is not a text in UTF-8: byte 4 is 0xe8; .*iconv -f LATIN1 -t UTF-8"
    )
    with pytest.raises(DataError, match=rf"{told}, and put its new sha256 into the source\.$"):
        read_text("plays", Source("plays.txt", sha256(content), "nowhere", lambda: b""))
    with pytest.raises(DataError, match=rf"{told}\.$"):
        read_file(str(tmp_path / "plays.txt"))


def test_a_text_in_utf_16_is_told_apart(tmp_path):
    (tmp_path / "plays.txt").write_bytes("Molière".encode("utf-16"))
    with pytest.raises(DataError, match=r"byte 0 is 0xff; convert it, for example from UTF-16 by iconv -f UTF-16 -t "):
        read_file(str(tmp_path / "plays.txt"))


def test_lines_end_in_a_bare_newline(tmp_path, monkeypatch):
    """Of every text, and the hash is that of the file as it is."""
    content = "\ufeffone\r\ntwo\rthree\n\re\u0301\u2028".encode()
    (tmp_path / "plays.txt").write_bytes(content)
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    corpus = read_text("plays", Source("plays.txt", sha256(content), "nowhere", lambda: b""))
    mine = read_file(str(tmp_path / "plays.txt"))
    assert corpus.text == mine.text == "one\ntwo\nthree\n\ne\u0301\u2028"
    assert corpus.sha256 == mine.sha256 == sha256(content)
    assert (corpus.name, mine.name) == ("plays", str(tmp_path / "plays.txt"))


def test_a_file_that_there_is_not_is_named_with_the_nearest(tmp_path, monkeypatch):
    (tmp_path / "plays.txt").write_text("a")
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    for path, message in (
        ("play.txt", f"there is no file {tmp_path / 'play.txt'}; did you mean 'plays.txt'?"),
        ("none/plays.txt", f"there is no file {tmp_path / 'none' / 'plays.txt'}."),
        ("plays.txt/a", f"there is no file {tmp_path / 'plays.txt' / 'a'}."),
        ("~nobody-of-that-name/plays.txt", f"there is no file {tmp_path}/~nobody-of-that-name/plays.txt."),
        ("\0", f"there is no file {tmp_path}/\0."),
        ("other", "other is a folder: name a file of text."),
        ("a" * 300, f"cannot read {'a' * 300}: File name too long."),
    ):
        with pytest.raises(DataError) as refused:
            read_file(path)
        assert str(refused.value) == message


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="pipe is no regular file: name a file of text"):
        read_file(str(tmp_path / "pipe"))
