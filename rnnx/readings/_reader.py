"""A model of language, and the text that it reads."""

from typing import Any, NamedTuple

import numpy as np

from rnnx.types import Params, Run, Task
from rnnx.vocabulary import Vocabulary

Values = dict[str, Any]
"""Numbers, arrays, texts and lists of texts, by tag."""


class Reader(NamedTuple):
    """What a reading is told of a trial."""

    model: Any
    """The graph definition of the model."""
    params: Params
    run: Run
    """How time runs in it where it is evaluated."""
    tokens: np.ndarray
    """[N], int32: a text that it was not trained on."""
    vocabulary: Vocabulary
    length: int
    """T, tokens of a sequence in training."""


def text_of(task: Task) -> np.ndarray:
    """The part of a task's text that is tested on, tokens `[N]`.

    Raises:
      ValueError: its test split is no text.

    >>> import rnnx
    >>> text_of(rnnx.tasks.get("adding")())
    Traceback (most recent call last):
    ValueError: the task has no text: it is none of language, such as characters.
    """
    if task.vocabulary is None or task.test_batches is None:
        raise ValueError("the task has no text: it is none of language, such as characters.")
    inputs, last = [], np.zeros(0, np.int32)
    for batch in task.test_batches(1):
        scored = np.asarray(batch.weights)[:, 0] > 0
        inputs.append(np.asarray(batch.inputs)[scored, 0])
        last = np.asarray(batch.targets)[scored, 0][-1:] if scored.any() else last
    return np.concatenate([*inputs, last]).astype(np.int32)
