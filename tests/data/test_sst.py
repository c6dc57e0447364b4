import io
import zipfile

import pytest

from rnnx import data
from rnnx.data import sst
from rnnx.data.sst import parse, parse_any, read_treebank


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


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("(3 (2 a) (2 b)", "character 14: 1 brackets are not closed."),
        ("(3 (2 a) (2 b)))", "character 16: a bracket is closed that was not opened."),
        ("(3 (2 a) b)", r"character 10: 'b\)' is no node: a tree is as in .*"),
        ("(7 a)", r"character 1: '\(7 a\)' is no node: .*"),
        ("(3 a) (2 b)", "character 11: there are 2 trees."),
        ("(3 )", "character 4: the node that ends here has 0 children, and must have .*"),
        ("(3 (2 a) (2 b) (2 c))", "character 21: the node that ends here has 3 children, and must have .*"),
        ("(3 (2 a) (2 b)) )  (2 c)", "character 17: a bracket is closed that was not opened."),
        ("(3 (2 a)  )  (2 b)", "character 11: the node that ends here has 1 children, and must have .*"),
        ("(3 (2 very good) (3 film))", "character 4: 'very good' is more than one word, of which each is a node."),
        ("(3 (2 very\tgood) (3 film))", r"character 4: 'very\\tgood' is more than one word, of which each is a node."),
        ("(3 x (2 a) (2 b))", "character 17: the node that ends here has 2 children and a word, 'x', and must have .*"),
    ],
)
def test_a_damaged_tree_is_told_with_its_place(line, message, tmp_path):
    with pytest.raises(ValueError, match=f"^{message}$"):
        parse(line)
    path = tmp_path / "mine.txt"
    path.write_text(f"(3 (2 very) (3 good))\n\n{line}\n")
    with pytest.raises(data.DataError, match=rf"^line 3 of .*mine\.txt is no tree: {message}$"):
        read_treebank(str(path))


def test_a_treebank_of_ones_own_may_have_trees_of_one_leaf(tmp_path):
    path = tmp_path / "mine.txt"
    path.write_text("(4 Great)\n (3 (2 very) (3 good)) \n")
    (leaf, tree), sha256 = read_treebank(str(path))
    assert (leaf.words, leaf.children, leaf.labels) == (("Great",), ((-1, -1),), (4,))
    assert tree == parse("(3 (2 very) (3 good))")
    assert list(sha256) == [str(path)]
    path.write_text("\n")
    with pytest.raises(data.DataError, match=r"^.*mine\.txt has no trees: a line is one, such as .*$"):
        read_treebank(str(path))


def test_a_tree_may_be_given_without_labels():
    labelled = parse("(2 (2 (2 8\u00a01\\/2) (2 -LRB-)) (2 film))")
    assert parse_any("((8\u00a01\\/2 -LRB-) film)") == labelled
    assert parse_any("( (8\u00a01\\/2  -LRB-) film )") == labelled
    assert parse_any("(3 (2 very) (3 good))").labels == (2, 3, 3)
    with pytest.raises(
        ValueError, match=r"^character 24: 1 brackets are not closed, where it is \(2 .* with labels\.$"
    ):
        parse_any("((a b) c")
    for nothing in ("", " ", "()", "( ())"):
        with pytest.raises(ValueError, match=r"^there are no words in it\.$"):
            parse_any(nothing)
