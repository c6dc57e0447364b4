"""Sequences that all are of one length, each of one class, told at its end."""

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.tasks.images._parts import part_of
from rnnx.types import Array, Batch, Example, Task

CLASSES = 10


class Sequences(NamedTuple):
    """What is trained on, held out, or tested on."""

    inputs: np.ndarray
    """`[N, T, I]`, float32."""
    labels: np.ndarray
    """`[N]`, whole numbers below 10."""

    def rows(self, which: np.ndarray) -> "Sequences":
        """Some of them."""
        return Sequences(self.inputs[which], self.labels[which])


class Parts(NamedTuple):
    """The three of a data set."""

    train: Sequences
    heldout: Sequences
    test: Sequences


def split(whole: Sequences) -> Parts:
    """Of each class every fifth to test on, and of the others every tenth held out, in the order in which they stand.

    >>> parts = split(Sequences(np.zeros((100, 1, 1)), np.repeat([0, 1], 50)))
    >>> [len(part.labels) for part in parts], int(parts.test.labels.sum())
    ([72, 8, 20], 10)
    """
    labels = whole.labels
    parts = part_of(labels, "train"), part_of(labels, "heldout"), part_of(labels, "test")
    return Parts(*map(whole.rows, parts))


def task(parts: Parts, example: Callable[[Batch], Example], data: Mapping[str, str]) -> Task:
    """The task of telling the class at the last step; T is `length`, or what an example has, with padding after it."""
    _, steps, size = parts.train.inputs.shape

    def test_batches(batch_size: int) -> Iterator[Batch]:
        checks.size("batch_size", batch_size)
        count = len(parts.test.labels)
        return (
            _batch(parts.test, np.arange(n, min(n + batch_size, count)), steps) for n in range(0, count, batch_size)
        )

    return Task(
        sample=functools.partial(_sample, parts.train),
        sample_heldout=functools.partial(_sample, parts.heldout),
        losses=cross_entropy,
        scores=lambda outputs, batch: {"accuracy": (accuracy(outputs, batch), batch.weights)},
        baseline_loss=lambda length: math.log(CLASSES),
        input_size=size,
        output_size=CLASSES,
        loss_unit="cross-entropy (nats per example)",
        min_length=steps,
        data=data,
        test_batches=test_batches,
        example=example,
    )


def _sample(part: Sequences, key: Array, batch_size: int, length: int) -> Batch:
    checks.size("batch_size", batch_size)
    checks.size("length", length, least=part.inputs.shape[1])
    return _batch(part, jax.random.randint(key, (batch_size,), 0, len(part.labels)), length)


def _batch(part: Sequences, which: Array | np.ndarray, T: int) -> Batch:
    steps = part.inputs.shape[1]
    inputs = jnp.swapaxes(jnp.asarray(part.inputs)[which], 0, 1)
    labels = jnp.asarray(part.labels, jnp.int32)[which]
    at_last = jnp.broadcast_to(jnp.arange(T, dtype=jnp.int32)[:, None] == steps - 1, (T, len(which)))
    return Batch(
        inputs=jnp.pad(inputs, ((0, T - steps), (0, 0), (0, 0))),
        targets=jnp.where(at_last, labels, 0),
        weights=at_last.astype(jnp.float32),
        lengths=None if steps == T else jnp.full(len(which), steps, jnp.int32),
    )
