import io
import zipfile

import pytest

from rnnx import data
from rnnx.data import sst
from rnnx.data.sst import parse


def test_a_tree_is_read_off_its_brackets():
    tree = parse("(4 (3 (2 quite) (3 (2 a) (2 film))) (2 .))")
    assert tree.words == ("quite", "a", "film", "", "", ".", "")
    assert tree.labels == (2, 2, 2, 3, 3, 2, 4)
    assert tree.children == ((-1, -1), (-1, -1), (-1, -1), (1, 2), (0, 3), (-1, -1), (4, 5))


def test_words_are_those_of_the_sentence():
    """A no-break space belongs to its word, capitals stay, and escapes are undone."""
    tree = parse("(2 (2 (2 8\u00a01\\/2) (2 -LRB-)) (2 (2 \\*) (2 THE)))")
    assert [word for word in tree.words if word] == ["8\u00a01/2", "(", "*", "THE"]


def test_the_real_trees(real_data):
    trees = data.get("sst")()
    parts = {"train": (8544, 318_582), "dev": (1101, 41_447), "test": (2210, 82_600)}
    assert {name: count(getattr(trees, name)) for name in parts} == parts
    everything = (*trees.train, *trees.dev, *trees.test)
    assert max(len(tree.words) for tree in everything) == 111  # 56 words
    assert min(len(tree.words) for tree in everything) == 3
    for tree in everything:  # each node but the root is the child of one later node
        used = sorted(child for pair in tree.children for child in pair if child >= 0)
        assert used == list(range(len(tree.words) - 1))
        assert all(max(pair) < n for n, pair in enumerate(tree.children))
        assert all(bool(word) == (pair == (-1, -1)) for word, pair in zip(tree.words, tree.children, strict=True))
    words = {word for tree in everything for word in tree.words}
    assert {"8\u00a01/2", "(", ")", "writer/director", "***"} <= words
    assert not any("\\" in word or word in ("-LRB-", "-RRB-") for word in words)


def count(trees):
    return len(trees), sum(len(tree.words) for tree in trees)


def test_an_archive_without_the_member_is_a_download_that_failed(monkeypatch):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("trees/dev.txt", "(2 a)")
    for content in (buffer.getvalue(), b"<html>"):
        monkeypatch.setattr(sst, "_archive", lambda content=content: content)
        with pytest.raises(data.DataError, match=r"failed \(no archive with trees/train\.txt: "):
            data.get("sst")()
