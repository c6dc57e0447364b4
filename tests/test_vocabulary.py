"""Vocabularies: texts as whole numbers and back."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnx.vocabulary import (
    END_OF_LINE,
    UNKNOWN,
    PairVocabulary,
    UnknownTokenError,
    Vocabulary,
    characters_of,
    split_words,
    words_of,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
# What words are made of and what separates them, more often than chance would have it.
PROSE = st.lists(st.sampled_from(["be", "Don't", "well-to-do", "é", *"'’-.,()‘“”_\" \n\t"])).map("".join)


@given(TEXTS)
def test_characters_are_read_back_as_they_were(text):
    vocabulary = characters_of(text)
    numbers = vocabulary.encode(text)
    assert numbers.dtype == np.int32
    assert vocabulary.decode(numbers) == text
    assert vocabulary.tokens == tuple(sorted(set(text)))
    assert len(vocabulary) == len(set(text))


def test_a_combining_accent_is_a_character_by_itself():
    assert characters_of("e\u0301\u00e9").tokens == ("e", "\u00e9", "\u0301")


def test_a_character_that_is_not_known_is_named_with_its_place():
    vocabulary = characters_of("abc\n")
    with pytest.raises(
        UnknownTokenError,
        match=r"^'é' \(U\+00E9\), character 3 of the text, is none of the 4 characters that are known\.$",
    ):
        vocabulary.encode("abéd")
    assert vocabulary.decode(vocabulary.encode("abéd", skip_unknown=True)) == "ab"


def test_symbols_are_what_stands_between_spaces():
    vocabulary = Vocabulary("symbol", ("AH", "T", "<eos>"))
    assert vocabulary.encode(" T  AH\tT ").tolist() == [1, 0, 1]
    assert vocabulary.decode([1, 0, 1]) == "T AH T"
    assert vocabulary.pieces([1, 0]) == ["T", " AH"]
    with pytest.raises(
        UnknownTokenError, match=r"^'EY', symbol 2 of the text, is none of the 3 symbols that are known\.$"
    ):
        vocabulary.encode("T EY")
    assert vocabulary.encode("T EY T", skip_unknown=True).tolist() == [1, 1]


def test_a_text_is_read_in_lower_case_where_that_is_asked_for():
    """And a vocabulary that has nothing of it is, in a record and by its hash, what it always was."""
    lower = Vocabulary("word", (UNKNOWN, "männer"), lower_case=True)
    assert lower.encode("MÄNNER Männer frauen").tolist() == [1, 1, 0]
    kept = Vocabulary("word", (UNKNOWN, "männer"))
    assert kept.encode("MÄNNER männer").tolist() == [0, 1]
    for vocabulary in (lower, kept):
        assert Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict()))) == vocabulary
    assert kept.to_dict() == {"unit": "word", "tokens": [UNKNOWN, "männer"]}
    assert lower.sha256 != kept.sha256


def test_a_pair_is_ended_by_its_own_token_or_by_none():
    letters, said = Vocabulary("character", ("a", "b")), Vocabulary("symbol", ("AE", END_OF_LINE, "B"))
    for pair, end in ((PairVocabulary(letters, said, 9), 1), (PairVocabulary(letters, letters, None), None)):
        assert pair.end == end
        assert PairVocabulary.from_dict(json.loads(json.dumps(pair.to_dict()))) == pair


@given(PROSE | TEXTS)
def test_words_are_the_same_after_writing_them(text):
    """Spaces are put where they are usual, and none of them makes other words of these."""
    vocabulary = words_of(text, 1)
    assert split_words(vocabulary.decode(vocabulary.encode(text))) == split_words(text)


@given(PROSE, st.integers(0, 20))
def test_what_is_written_does_not_change_by_what_comes_after(text, count):
    for vocabulary in (words_of(text, 1), characters_of(text)):
        numbers = vocabulary.encode(text)
        assert vocabulary.decode(numbers).startswith(vocabulary.decode(numbers[:count]))


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("Well-to-do; don't!\n", ["Well-to-do", ";", "don't", "!", "<eos>"]),
        ("O, I’ll -- 'tis 3rd.", ["O", ",", "I’ll", "-", "-", "'", "tis", "3rd", "."]),
        ("a\n\n b\t_c_", ["a", "<eos>", "<eos>", "b", "_", "c", "_"]),
        ("cafe\u0301s नमस्ते", ["cafe\u0301s", "नमस्ते"]),
        ("<eos> <unk>", ["<", "eos", ">", "<", "unk", ">"]),
    ],
)
def test_what_a_word_is(text, tokens):
    assert split_words(text) == tokens


def test_spaces_are_where_they_are_usual():
    vocabulary = words_of("", 1)
    text = '“Well,” he said (to me): don\'t!\nNo; "yes".\n'
    vocabulary = words_of(text, 1)
    assert vocabulary.decode(vocabulary.encode(text)) == '“Well,” he said (to me): don\'t!\nNo; " yes " .\n'.replace(
        '" .', '".'
    )


def test_words_are_those_that_occur_often_enough():
    """The most frequent first, and of those that are as frequent as each other in the order of the alphabet."""
    vocabulary = words_of("b a c a b d\nd d\n", min_count=2)
    assert vocabulary.tokens == ("<unk>", "<eos>", "d", "a", "b")
    assert vocabulary.encode("a c D\n").tolist() == [3, 0, 0, 1]
    assert vocabulary.encode("").dtype == np.int32


def test_equal_vocabularies_have_one_hash_and_others_have_others():
    one = Vocabulary("character", ("a", "b"))
    assert one.sha256 == characters_of("abba").sha256
    others = [Vocabulary("word", one.tokens), Vocabulary("character", ("b", "a")), Vocabulary("character", ("ab",))]
    assert len({one.sha256, *(other.sha256 for other in others)}) == 4


@given(TEXTS)
def test_a_record_in_json_has_all_of_it(text):
    for vocabulary in (characters_of(text), words_of(text, 1)):
        again = Vocabulary.from_dict(json.loads(json.dumps(vocabulary.to_dict())))
        assert again == vocabulary
        assert again.sha256 == vocabulary.sha256
