import re

import pytest

from rnnx import data
from rnnx.data.cmudict import SOURCES, parse, read_dictionary


def test_the_real_dictionary(real_data):
    """Counted apart from the loader, by tools for text: grep, cut, sort, uniq."""
    dictionary = data.get("cmudict")()
    assert (dictionary.name, dictionary.sha256) == ("cmudict", SOURCES[0].sha256)
    words = dictionary.words
    assert len(words) == 126_052
    assert sum(map(len, words.values())) == 135_164  # of 135,166 lines: two say what the word's first line says
    assert len({phoneme for listed in words.values() for pronunciation in listed for phoneme in pronunciation}) == 69
    assert words["tomato"] == (("T", "AH0", "M", "EY1", "T", "OW2"), ("T", "AH0", "M", "AA1", "T", "OW2"))
    assert words["aalborg"] == (("AO1", "L", "B", "AO0", "R", "G"), ("AA1", "L", "B", "AO0", "R", "G"))  # a comment
    assert words["'bout"] == (("B", "AW1", "T"),)
    assert next(iter(words)) == "'bout"
    assert not any(re.search(r"[ ()#]", word) for word in words)


def test_a_dictionary_of_ones_own(tmp_path):
    """Other symbols, other ends of lines, a word between the lines of another."""
    path = tmp_path / "mine.dict"
    path.write_bytes("# Deutsch\r\nBär b ɛː ɐ\r\n\r\nab a p\r\nBär(2) b eː ɐ\r\nBär(3) b ɛː ɐ\r\n".encode())
    dictionary = read_dictionary(str(path))
    assert dictionary.name == str(path)
    assert dictionary.words == {"Bär": (("b", "ɛː", "ɐ"), ("b", "eː", "ɐ")), "ab": (("a", "p"),)}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"ab AE1 B\nac\n", r"line 2 of .*mine\.dict has a word, 'ac', and no phonemes: a line is .*"),
        (b"ab # AE1 B\n", r"line 1 of .*mine\.dict has a word, 'ab', and no phonemes: a line is .*"),
        (b"# nothing\n\n", r".*mine\.dict has no words: a line is .*"),
        ("Bär b".encode("latin-1"), r".*mine\.dict is not a text in UTF-8: byte 1 is 0xe4; .*"),
        (b"", r".*mine\.dict is empty: .*"),
    ],
)
def test_a_damaged_dictionary_is_told_in_one_line(content, message, tmp_path):
    path = tmp_path / "mine.dict"
    path.write_bytes(content)
    with pytest.raises(data.DataError, match=f"^{message}$"):
        read_dictionary(str(path))


def test_a_dictionary_that_is_cut_off_is_refused(real_data, tmp_path, monkeypatch):
    path = tmp_path / SOURCES[0].path
    path.parent.mkdir()
    path.write_bytes((real_data / SOURCES[0].path).read_bytes()[:-1000])
    monkeypatch.setenv("RNNX_DATA_DIR", str(tmp_path))
    with pytest.raises(data.DataError, match=r"^.*cmudict\.dict is not the expected file: its sha256 is .*$"):
        data.get("cmudict")()


def test_a_text_of_lines_is_read_in_their_order():
    text = data.Text("mine", "b B\na AH0\nb(2) B IY1", "")
    assert list(parse(text).words.items()) == [("b", (("B",), ("B", "IY1"))), ("a", (("AH0",),))]
