"""Labelled texts: published ones, damaged ones, and those of one's own."""

from collections import Counter

import pytest

from rnnx import data
from rnnx.data._labelled import read_labelled


def test_the_real_reviews(real_data):
    """Counted apart from the loader, by tools for text."""
    reviews = data.get("mr")()
    assert Counter(label for _, label in reviews.train) == {"negative": 5331, "positive": 5331}
    assert len({text for text, _ in reviews.train}) == 10_662
    assert reviews.test == ()
    texts = " ".join(text for text, _ in reviews.train)
    assert "\N{HORIZONTAL ELLIPSIS}" in texts  # 0x85, which Latin-1 takes for a line end
    assert "\N{EN DASH}" in texts
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in texts)
    assert "clich\u00e9s disappear into the vertiginous perspectives" in texts


def test_the_real_questions(real_data):
    questions = data.get("trec")()
    assert (len(questions.train), len(questions.test)) == (5452, 500)
    coarse = Counter(label.partition(":")[0] for _, label in questions.train)
    assert coarse == {"ENTY": 1250, "HUM": 1223, "DESC": 1162, "NUM": 896, "LOC": 835, "ABBR": 86}
    assert len({label for _, label in questions.train}) == 50
    assert {label for _, label in questions.test} < {label for _, label in questions.train}
    assert questions.train[0] == ("How did serfdom develop in and then leave Russia ?", "DESC:manner")


@pytest.mark.parametrize("name", ["mr", "trec"])
def test_a_file_that_is_cut_off_is_refused(real_data, name, tmp_path, monkeypatch):
    for n, source in enumerate(data.sources(name)):
        content = (real_data / source.path).read_bytes()
        (tmp_path / source.path).parent.mkdir(exist_ok=True)
        (tmp_path / source.path).write_bytes(content[:-1000] if n else content)
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    with pytest.raises(data.DataError, match=r"^.* is not the expected file: its sha256 is .*$"):
        data.get(name)()


def test_texts_of_ones_own(tmp_path):
    """With a byte order mark, other ends of lines, empty lines, spaces around, a no-break space within."""
    path = tmp_path / "mine.tsv"
    path.write_bytes("\ufeffSch\u00f6n, 8\u00a01/2!\tgut\r\n\r\n  na ja \t schlecht\n".encode())
    texts = read_labelled(str(path))
    assert texts.name == str(path)
    assert texts.train == (("Sch\u00f6n, 8\u00a01/2!", "gut"), ("na ja", "schlecht"))
    assert texts == read_labelled(str(path))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"good\ta\nbad film\n",
            r"line 2 of .*mine\.tsv has no tab: a line is a text, a tab and its label.*",
        ),
        (b"good\ta\n\n\tb\n", r"line 3 of .*mine\.tsv has no text: .*"),
        (b"good\t\n", r"line 1 of .*mine\.tsv has no label after its tab: .*"),
        (b"a\tgood\tb\n", r"line 1 of .*mine\.tsv has several tabs: .*"),
        (b"good\ta\nbad\ta\n", r".*mine\.tsv needs texts of two classes at least: .*"),
        (b"\n\n", r".*mine\.tsv needs texts of two classes at least: .*"),
        ("sch\u00f6n\ta".encode("latin-1"), r".*mine\.tsv is not a text in UTF-8: byte 3 is 0xf6; .*"),
    ],
)
def test_damaged_texts_are_told_in_one_line(content, message, tmp_path):
    path = tmp_path / "mine.tsv"
    path.write_bytes(content)
    with pytest.raises(data.DataError, match=f"^{message}$"):
        read_labelled(str(path))
