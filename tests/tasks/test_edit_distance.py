import functools
import itertools

from rnnx.tasks._edit_distance import edit_distance


@functools.cache
def reachable(word, edits):
    """All words over two letters that a number of edits, or fewer, makes of one: by brute force."""
    if edits == 0:
        return frozenset([word])
    before = reachable(word, edits - 1)
    deleted = {one[:n] + one[n + 1 :] for one in before for n in range(len(one))}
    inserted = {one[:n] + c + one[n:] for one in before for n in range(len(one) + 1) for c in "ab"}
    substituted = {one[:n] + c + one[n + 1 :] for one in before for n in range(len(one)) for c in "ab"}
    return before | deleted | inserted | substituted


def test_it_is_the_least_number_of_edits():
    """Of every pair of words of up to four letters."""
    words = ["".join(letters) for length in range(5) for letters in itertools.product("ab", repeat=length)]
    for one, other in itertools.product(words, repeat=2):
        least = next(edits for edits in itertools.count() if other in reachable(one, edits))
        assert edit_distance(one, other) == least, (one, other)


def test_symbols_are_what_is_edited():
    """Of phonemes, each of which is written in several letters."""
    assert edit_distance(("T", "AH", "M"), ("T", "AA", "M")) == 1
    assert edit_distance(["K", "AE", "T", "S"], ("K", "AE", "T")) == 1
    assert edit_distance((), ("AA", "AH")) == edit_distance(("AA", "AH"), ()) == 2
