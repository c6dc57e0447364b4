"""Loss by length: what a model loses on sequences of lengths that it was not trained on."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from flax import nnx

from rnnx.diagnostics._tags import Tag
from rnnx.readings._reader import Reader, Values
from rnnx.training.program import position_means, weighted_mean
from rnnx.types import Array, Params, Run

TAGS = (
    Tag("loss_by_length/steps", "steps", "lengths: T, that of training, and 2, 4 and 10 times that"),
    Tag("loss_by_length/loss", "of the task", "loss of fresh held-out sequences of each length"),
    Tag("loss_by_length/without_memory", "of the task", "loss of a predictor without memory at each length"),
    Tag("loss_by_length/score/<score>", "0 … 1", "what else the task is scored by, such as accuracy, at each length"),
    Tag(
        "loss_by_length/longest",
        "steps",
        "the largest of these lengths up to which, at every one, the loss is a tenth or more below that without "
        "memory; 0 where it is not so at T",
        headline=True,
    ),
)

_TIMES = (1, 2, 4, 10)

_EXAMPLES = 256
"""Of each length, drawn by one key for all trials."""

_CLEARLY = 0.9


def loss_by_length(reader: Reader) -> Values:
    """The loss at lengths T, 2 T, 4 T and 10 T, where T is that of training.

    A network may have learnt what is asked for, or what is asked for at one length. Tags: `loss_by_length/steps` `[4]`,
    `loss_by_length/loss` `[4]`, `loss_by_length/without_memory` `[4]`, `loss_by_length/longest`, and for each score of
    the task `loss_by_length/score/<score>` `[4]`.

    Cost: 256 sequences of each length, forward alone, and a program for each.

    Raises:
      ValueError: a task that has no sequences of such a length.

    >>> import functools, rnnx
    >>> from rnnx.training.program import split
    >>> task = rnnx.tasks.get("parity")()
    >>> graphdef, params = split(functools.partial(rnnx.models.get("sequence"), rnnx.gru(4), task), jax.random.key(0))
    >>> values = loss_by_length(Reader(graphdef, params, rnnx.plain_run, task, length=5))
    >>> values["loss_by_length/steps"].tolist(), values["loss_by_length/longest"]
    ([5, 10, 20, 50], 0.0)
    """
    lengths = np.array([reader.length * times for times in _TIMES])
    measured = [_at(reader, int(length)) for length in lengths]
    losses = np.array([loss for loss, _ in measured])
    without = np.array([reader.task.baseline_loss(int(length)) for length in lengths])
    short = np.flatnonzero(~(losses < _CLEARLY * without))
    longest = [0, *lengths][short[0] if short.size else len(lengths)]
    return {
        "loss_by_length/steps": lengths,
        "loss_by_length/loss": losses,
        "loss_by_length/without_memory": without,
        **{
            f"loss_by_length/score/{name}": np.array([scores[name] for _, scores in measured])
            for name in measured[0][1]
        },
        "loss_by_length/longest": float(longest) if np.isfinite(losses).all() else np.nan,
    }


def _at(reader: Reader, length: int) -> tuple[float, dict[str, float]]:
    """Loss and scores of sequences of one length."""
    task = reader.task
    loss, scores = _measured(
        reader.model, reader.params, reader.run, task.sample_heldout, task.losses, task.scores, length
    )
    return float(loss), {name: float(value) for name, value in scores.items()}


# By what a task consists of, since it can't be hashed itself: trials of one program share these.
@functools.partial(jax.jit, static_argnames=("model", "run", "sample", "losses", "scores", "length"))
def _measured(
    model: Any, params: Params, run: Run, sample: Callable, losses: Callable, scores: Callable, length: int
) -> tuple[Array, dict[str, Array]]:
    batch = sample(jax.random.key(0), _EXAMPLES, length)
    outputs = nnx.merge(model, params)(batch, run)
    return weighted_mean(losses(outputs, batch), batch.weights), position_means(scores(outputs, batch))
