"""Utterances: the published ones and damaged ones."""

from collections import Counter

import numpy as np
import pytest

from rnnx import data
from rnnx.data.japanese_vowels import parse


def test_the_real_vowels(real_data):
    vowels = data.get("japanese_vowels")()
    assert Counter(one.speaker for one in vowels.train) == dict.fromkeys(range(9), 30)
    tested = Counter(one.speaker for one in vowels.test)
    assert [tested[speaker] for speaker in range(9)] == [31, 35, 88, 44, 29, 24, 40, 50, 29]  # as published
    lengths = [len(one.coefficients) for one in (*vowels.train, *vowels.test)]
    assert (min(lengths), max(lengths)) == (7, 29)
    assert {one.coefficients.shape[1] for one in (*vowels.train, *vowels.test)} == {12}
    np.testing.assert_array_equal(vowels.train[0].coefficients[:2, 0], [1.860936, 1.891651])
    assert vowels.train[0].coefficients[0, 1] == -0.207383


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@data\n1,2:3,4:1\n1,2:3:1\n", "line 3 of m is no utterance: .*"),
        ("@data\n1,2:3,x:1\n", "line 2 of m is no utterance: .*"),
        ("@data\n1,2:3,4:one\n", "line 2 of m is no utterance: .*"),
        ("1,2:3,4:1\n", "m has no utterances: they follow on a line @data."),
    ],
)
def test_what_is_none_is_told_with_its_line(text, message):
    with pytest.raises(data.DataError, match=f"^{message}$"):
        parse(text, "m")
