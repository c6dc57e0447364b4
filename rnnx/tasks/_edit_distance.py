"""How far one sequence is from another, in edits."""

from collections.abc import Sequence
from typing import Any


def edit_distance(one: Sequence[Any], other: Sequence[Any]) -> int:
    """The least number of insertions, deletions and substitutions that make one sequence the other (Levenshtein 1966).

    By dynamic programming, in time of the product of both lengths (Wagner & Fischer 1974).

    >>> edit_distance("kitten", "sitting")
    3
    """
    row = list(range(len(other) + 1))  # from the empty sequence to each beginning of the other
    for n, symbol in enumerate(one, 1):
        diagonal, row[0] = row[0], n
        for m, wanted in enumerate(other, 1):
            diagonal, row[m] = row[m], min(diagonal + (symbol != wanted), row[m] + 1, row[m - 1] + 1)
    return row[-1]
