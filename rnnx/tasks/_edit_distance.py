"""How far one sequence is from another, in edits; and how right texts are by that."""

from collections.abc import Sequence
from typing import Any

import numpy as np


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


def exact_match(
    asked: Sequence[tuple[str, Sequence[str]]], outputs: Sequence[str]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """The share of outputs that are right to the last character, and the character error rate, for `Decoding.score`.

    The latter is Σ edit distance to the nearest target / Σ characters of that, over all outputs.

    Args:
      asked: each source, with the targets any of which is right; of equally near ones the first counts.
      outputs: a text for each.

    >>> numbers, (one,) = exact_match([("Sep 3", ["09-03", "9-3"])], ["09-3"])
    >>> numbers["exact_match"], one["errors"], one["characters"]
    (0.0, 1, 5)
    """
    records: list[dict[str, Any]] = []
    for (source, targets), output in zip(asked, outputs, strict=True):
        distances = [edit_distance(output, target) for target in targets]
        nearest = int(np.argmin(distances))
        scored = {"errors": distances[nearest], "characters": len(targets[nearest])}
        records.append({"input": source, "targets": list(targets), "output": output, **scored})
    right = sum(record["errors"] == 0 for record in records)
    errors, characters = (sum(record[name] for record in records) for name in ("errors", "characters"))
    return {"exact_match": right / len(records), "character_error_rate": errors / characters}, records
