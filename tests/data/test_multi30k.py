import gzip
import shutil

import pytest

from rnnx import data
from rnnx.data.multi30k import LANGUAGES, SOURCES


def test_the_real_sentences(real_data):
    """Counted apart from the loader, by tools for text: zcat, wc, sed."""
    corpus = data.get("multi30k")()
    for part, count in (("train", 29_000), ("val", 1_014), ("test", 1_000)):
        lines = getattr(corpus, part)
        assert {language: len(lines[language]) for language in lines} == dict.fromkeys(LANGUAGES, count)
        assert all(line.strip() for language in LANGUAGES for line in lines[language])
    assert corpus.train["de"][0] == "Zwei junge weiße Männer sind im Freien in der Nähe vieler Büsche."
    assert corpus.train["en"][0] == "Two young, White males are outside near many bushes."
    assert corpus.test["en"][-1] == "A girl at the shore of a beach with a mountain in the distance."
    assert corpus.sha256 == {source.path: source.sha256 for source in SOURCES}


def cut(content):
    return content[:-100]


def of_another_encoding(content):
    return gzip.compress(gzip.decompress(content).decode("utf-8").encode("latin-1", "replace"))


def with_a_line_less(content):
    return gzip.compress(gzip.decompress(content).split(b"\n", 1)[1])


def foreign(content):
    return b"<html>404</html>"


@pytest.mark.parametrize("damage", [cut, of_another_encoding, with_a_line_less, foreign])
def test_a_damaged_file_is_refused_in_one_line(damage, real_data, tmp_path, monkeypatch):
    """Each by its hash, so that lines are never paired with those of another sentence."""
    shutil.copytree(real_data / "multi30k", tmp_path / "multi30k")
    path = tmp_path / "multi30k" / "val.de.gz"
    path.chmod(0o644)
    path.write_bytes(damage(path.read_bytes()))
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    with pytest.raises(data.DataError, match=r"^.*val\.de\.gz is not the expected file: its sha256 is [^\n]*$"):
        data.get("multi30k")()
