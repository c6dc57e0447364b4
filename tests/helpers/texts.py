"""Texts of a test's own, and what a task makes of them."""

from pathlib import Path

import numpy as np


def written(folder: Path, text: str, name: str = "mine.txt") -> str:
    """The path of a file that holds the text just as it is, in UTF-8."""
    path = folder / name
    path.write_bytes(text.encode())
    return str(path)


def decoded(batch, vocabulary):
    """The text of each example: its inputs, and the last target."""
    return [vocabulary.decode(column) for column in np.concatenate([batch.inputs, batch.targets[-1:]]).T]


def in_one(batches):
    """The tokens that test batches of one text read and are scored by, `[N - 1]` each, from its start to its end; each
    batch must go on with all examples of the one before, and each example where the one before it ends."""
    batches = list(batches)
    assert len({batch.weights.shape for batch in batches}) == 1
    for n, batch in enumerate(batches):
        expected = [n == b == 0 for b in range(batch.weights.shape[1])]
        np.testing.assert_array_equal(batch.restarts, expected)
    inputs, targets, weights = (
        np.concatenate([getattr(batch, name) for batch in batches]).T.ravel()
        for name in ("inputs", "targets", "weights")
    )
    scored = np.count_nonzero(weights)
    np.testing.assert_array_equal(weights, np.arange(len(weights)) < scored)
    np.testing.assert_array_equal(inputs[1:scored], targets[: scored - 1])
    return inputs[:scored], targets[:scored]
