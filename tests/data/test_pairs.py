import pytest

from rnnx import data
from rnnx.data import Text
from rnnx.data._pairs import parse_pairs


def test_pairs_of_ones_own(tmp_path):
    """Other ends of lines, an empty one, spaces around either side; all else is left as it is."""
    path = tmp_path / "pairs.tsv"
    path.write_bytes("\ufeffein Hund\t a dog \r\n\r\nein  Hund\tein\u00a0Tier".encode())
    found = data.read_pairs(str(path))
    assert found.pairs == (("ein Hund", "a dog"), ("ein  Hund", "ein\u00a0Tier"))
    assert found.name == str(path)
    assert found == data.read_pairs(str(path))


LINE = r"a line is a source and its target with a tab between them\."


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\tb\n\nc d\n", rf"line 3 of .*pairs\.tsv has 1 columns and not 2: {LINE}"),
        (b"a\tb\tCC-BY\n", rf"line 1 of .*pairs\.tsv has 3 columns and not 2: {LINE}"),
        (b"a\tb\nc\t \n", rf"line 2 of .*pairs\.tsv has no target: {LINE}"),
        (b"\tb\n", rf"line 1 of .*pairs\.tsv has no source: {LINE}"),
        (b"\n \n", rf".*pairs\.tsv has no pairs: {LINE}"),
        ("B\u00e4r\tbear".encode("latin-1"), r".*pairs\.tsv is not a text in UTF-8: byte 1 is 0xe4; .*"),
        (b"", r".*pairs\.tsv is empty: .*"),
    ],
)
def test_what_is_no_file_of_pairs_is_told_in_one_line(content, message, tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_bytes(content)
    with pytest.raises(data.DataError, match=f"^{message}$"):
        data.read_pairs(str(path))


def test_other_ends_of_lines_are_no_ends_of_lines():
    """A line separator is part of a text, as whatever ends no line in a file that was written by others."""
    assert parse_pairs(Text("mine", "a\u2028b\tc", "")).pairs == (("a\u2028b", "c"),)
