"""A trained model, the task that it was trained on, and the text of that if it is one of language."""

from typing import Any, NamedTuple

import numpy as np

from rnnx.types import Params, Run, Task
from rnnx.vocabulary import Vocabulary

Values = dict[str, Any]
"""Numbers, arrays, texts and lists of texts, by tag."""


class Reader(NamedTuple):
    """What a reading is told of a trial.

    >>> import rnnx
    >>> Reader(None, None, rnnx.plain_run, rnnx.tasks.get("adding")(), length=8).tokens
    Traceback (most recent call last):
    ValueError: the task has no text: it is none of language, such as characters.
    """

    model: Any
    """The graph definition of the model."""
    params: Params
    run: Run
    """How time runs in it where it is evaluated."""
    task: Task
    length: int
    """T, steps of a sequence in training."""
    text: np.ndarray | None = None
    """[N], int32: tokens that it was not trained on; `None` of a task that has no text."""

    @property
    def tokens(self) -> np.ndarray:
        """The text; `ValueError` where there is none."""
        if self.text is None:
            raise ValueError("the task has no text: it is none of language, such as characters.")
        return self.text

    @property
    def vocabulary(self) -> Vocabulary:
        """What its tokens stand for; `ValueError` where there is no text."""
        if self.task.vocabulary is None:
            raise ValueError("the task has no text: it is none of language, such as characters.")
        return self.task.vocabulary


def text_of(task: Task) -> np.ndarray | None:
    """The part of a task's text that is tested on, tokens `[N]`; `None` where its test split is no text.

    >>> import rnnx
    >>> text_of(rnnx.tasks.get("adding")()) is None
    True
    """
    if task.vocabulary is None or task.test_batches is None:
        return None
    inputs, last = [], np.zeros(0, np.int32)
    for batch in task.test_batches(1):
        scored = np.asarray(batch.weights)[:, 0] > 0
        inputs.append(np.asarray(batch.inputs)[scored, 0])
        last = np.asarray(batch.targets)[scored, 0][-1:] if scored.any() else last
    return np.concatenate([*inputs, last]).astype(np.int32)
