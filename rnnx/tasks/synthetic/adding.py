"""The adding problem: remember two marked numbers among many and give their sum at the end.

Each step shows a number from U[0, 1] and a marker. Variant: one marker in each half of the sequence, at a random place
(Arjovsky, Shah & Bengio 2016; Tallec & Ollivier 2018); others draw both anywhere (Bai 2018), or in the first ten and
the first half (Hochreiter & Schmidhuber 1997). Many-to-one; mean squared error.
"""

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.types import Array, Batch, Example, Scores, Task


def adding() -> Task:
    """The adding problem, one marker per half.

    Inputs `[T, B, 2]` (number, marker), targets `[T, B, 1]` with the sum at the last step, weights 1 there only. Always
    answering 1 has a mean squared error of Var(u₁ + u₂) = 1/6, the floor of a predictor without memory.

    Raises:
      ValueError: from `sample`, a length below 2.

    >>> import jax
    >>> batch = adding().sample(jax.random.key(0), 4, 10)
    >>> numbers, markers = batch.inputs[..., 0], batch.inputs[..., 1]
    >>> bool(jax.numpy.allclose((numbers * markers).sum(0), batch.targets[-1, :, 0]))
    True
    """

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        batch_size = checks.size("batch_size", batch_size)
        length = checks.size("length of the adding problem", length, least=2)
        number_key, first_key, second_key = jax.random.split(key, 3)
        numbers = jax.random.uniform(number_key, (length, batch_size))
        first = jax.random.randint(first_key, (batch_size,), 0, length // 2)
        second = jax.random.randint(second_key, (batch_size,), length // 2, length)
        step = jnp.arange(length)[:, None]
        markers = ((step == first) | (step == second)).astype(numbers.dtype)
        at_last = (step == length - 1).astype(numbers.dtype)
        total = jnp.sum(numbers * markers, axis=0)
        return Batch(
            inputs=jnp.stack([numbers, markers], axis=-1),
            targets=(at_last * total)[..., None],
            weights=jnp.broadcast_to(at_last, (length, batch_size)),
        )

    def losses(outputs: Array, batch: Batch) -> Array:
        return jnp.square(outputs - batch.targets)[..., 0]

    def scores(outputs: Array, batch: Batch) -> Scores:
        near = jnp.abs(outputs - batch.targets)[..., 0] < 0.1
        return {"within_0.1": (near.astype(outputs.dtype), batch.weights)}

    def example(batch: Batch) -> Example:
        marked = np.flatnonzero(np.asarray(batch.inputs)[:, 0, 1])
        return examples.sequence(batch, tuple(marked), "the two numbers to be added")

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=losses,
        scores=scores,
        baseline_loss=lambda length: 1 / 6,
        input_size=2,
        output_size=1,
        loss_unit="mean squared error",
        min_length=2,
        example=example,
    )
