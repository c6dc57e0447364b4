"""MNIST-1D: which of ten shapes a noisy sequence of 40 numbers has, told at its end.

    x_1 … x_40  a number a step        class at the last step: 0 … 9

The 4000 to train on and the 1000 to test on are as published (Greydanus & Kobak 2024); every tenth of the former is
held out. Two protocols, that are two models and not two tasks:

- by the state at the last step: the model `sequence`;
- as published, 91 % with a GRU: 6 units in both directions, and a readout that sees the outputs of all 40 steps side by
  side, `model.name=windowed model.window=40 model.bidirectional=True`.

Published too are 94 % with a convolution, 68 % with layers that are fully connected, and 32 % with logistic regression.
Many-to-one; cross-entropy.
"""

import numpy as np

from rnnx import examples
from rnnx.data.mnist1d import mnist1d as _sequences
from rnnx.tasks.images import _classes
from rnnx.tasks.images._classes import Parts, Sequences
from rnnx.types import Batch, Example, Task


def mnist1d() -> Task:
    """Shapes of one dimension.

    Inputs `[T, B, 1]`, standardised; targets `[T, B]` with the class at step 40, weights 1 there only; outputs are
    logits `[T, B, 10]`. T is `length`, at least 40; past that is padding. The floor is ln 10 nats.

    Raises:
      rnnx.data.DataError: the file that is there is another one.
      ValueError: from `sample`, a length below 40.

    >>> import jax
    >>> batch = mnist1d().sample(jax.random.key(0), 4, 40)  # doctest: +SKIP
    >>> batch.inputs.shape, batch.weights.sum(axis=0).tolist()  # doctest: +SKIP
    ((40, 4, 1), [1.0, 1.0, 1.0, 1.0])
    """
    sequences = _sequences()
    train = Sequences(sequences.train.astype(np.float32)[..., None], sequences.train_digits)
    test = Sequences(sequences.test.astype(np.float32)[..., None], sequences.test_digits)
    held = np.arange(len(train.labels)) % 10 == 9
    parts = Parts(train.rows(np.flatnonzero(~held)), train.rows(np.flatnonzero(held)), test)

    def example(batch: Batch) -> Example:
        """Drawn as a recording is, a curve over time."""
        steps = train.inputs.shape[1]
        values, label = np.asarray(batch.inputs)[:steps, 0, 0], int(np.asarray(batch.targets)[steps - 1, 0])
        return examples.sound(values, str(label))

    return _classes.task(parts, example, {"sequences": "mnist1d", "sha256": sequences.sha256})
