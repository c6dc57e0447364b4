import re

import pytest

from rnnx.data import DataError, Source
from rnnx.data._store import sha256
from rnnx.data._text import read_text


def test_a_text_in_latin_1_is_named_with_what_to_do(tmp_path, monkeypatch):
    content = "Molière".encode("latin-1")
    (tmp_path / "plays.txt").write_bytes(content)
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    told = (
        rf"^{re.escape(str(tmp_path / 'plays.txt'))} is not a text in UTF-8: byte 4 is 0xe8; .*iconv -f LATIN1 -t UTF-8"
    )
    with pytest.raises(DataError, match=told):
        read_text("plays", Source("plays.txt", sha256(content), "nowhere", lambda: b""))
