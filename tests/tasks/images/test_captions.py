"""Scores of captions."""

import math

import pytest

from rnnx.tasks.images import _captions
from rnnx.tasks.images._captions import Split, bleu


def test_bleu_is_that_of_the_paper():
    """By hand: of 6 words 5 are right, of 5 pairs 3, of 4 triples 2, of 3 runs of four 1; as long as the caption."""
    outputs, captions = ["the cat sat on the mat"], ["the cat sat on a mat"]
    precisions = [5 / 6, 3 / 5, 2 / 4, 1 / 3]
    for n in (1, 2, 3, 4):
        mean = math.exp(sum(map(math.log, precisions[:n])) / n)
        assert bleu(outputs, captions, n) == pytest.approx(100 * mean, rel=1e-9)  # float64


def test_what_is_too_short_is_punished():
    assert bleu(["the cat"], ["the cat sat on"], 1) == pytest.approx(100 * math.exp(1 - 4 / 2), rel=1e-9)


def test_it_is_of_the_whole_split_and_no_mean_over_captions():
    """The runs of four are those of the second caption alone, and half of all words are right."""
    assert bleu(["a b", "a b c d"], ["a b", "a b c d"], 4) == 100
    assert bleu(["x y", "a b"], ["a b", "a b"], 1) == pytest.approx(50)
    assert bleu(["red apple", "key"], ["red apple", "key"], 4) == 0  # no caption has four words
    assert bleu([""], ["a"], 1) == 0


def test_splits_are_scored_each_by_itself_and_in_order():
    splits = {"one": Split(["a.png"], ["a cat"]), "two": Split(["b.png", "c.png"], ["a dog", "a cat"])}
    numbers, records = _captions.score(splits, ("a", "cat", "dog"), [[0, 1], [0, 1], [0, 1]])
    assert (numbers["exact_one"], numbers["exact_two"]) == (1, 0.5)
    assert numbers.keys() == {f"{of}_{name}" for name in splits for of in ("exact", "bleu1", "bleu2", "bleu3", "bleu4")}
    assert [(record["input"], record["output"], record["right"]) for record in records] == [
        ("a.png", "a cat", True),
        ("b.png", "a cat", False),
        ("c.png", "a cat", True),
    ]
