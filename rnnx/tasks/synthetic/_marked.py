"""Two marked numbers among many, of which something is to be told at the end: what the problems of this kind share."""

from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.types import Array, Batch, Example, Scores, Task

Markers = Literal["halves", "anywhere", "first_ten"]
"""Where the two stand: see `LEAST`, and the places below it."""

LEAST = {"halves": 2, "anywhere": 2, "first_ten": 6}
"""The shortest sequence with two places."""


def two_marked(name: str, told: str, combined: Callable[[Array, Array], Array], floor: float, markers: str) -> Task:
    """A task of two marked numbers.

    Args:
      name: of the problem, for messages.
      told: what the two numbers are for, in words.
      combined: what is to be told of them.
      floor: the variance of that, the loss of one that always tells its mean.
      markers: where the two stand.

    Raises:
      ValueError: unknown markers.
    """
    checks.choice("markers", markers, tuple(LEAST))

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        batch_size = checks.size("batch_size", batch_size)
        length = checks.size(f"length of the {name}", length, least=LEAST[markers])
        number_key, first_key, second_key = jax.random.split(key, 3)
        numbers = jax.random.uniform(number_key, (length, batch_size))
        step = jnp.arange(length)[:, None]
        places = _places(markers, first_key, second_key, batch_size, length)
        first, second = ((step == place).astype(numbers.dtype) for place in places)
        at_last = (step == length - 1).astype(numbers.dtype)
        answer = combined(jnp.sum(numbers * first, axis=0), jnp.sum(numbers * second, axis=0))
        return Batch(
            inputs=jnp.stack([numbers, first + second], axis=-1),
            targets=(at_last * answer)[..., None],
            weights=jnp.broadcast_to(at_last, (length, batch_size)),
        )

    def losses(outputs: Array, batch: Batch) -> Array:
        return jnp.square(outputs - batch.targets)[..., 0]

    def scores(outputs: Array, batch: Batch) -> Scores:
        near = jnp.abs(outputs - batch.targets)[..., 0] < 0.1
        return {"within_0.1": (near.astype(outputs.dtype), batch.weights)}

    def example(batch: Batch) -> Example:
        marked = np.flatnonzero(np.asarray(batch.inputs)[:, 0, 1])
        return examples.sequence(batch, tuple(marked), told)

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=losses,
        scores=scores,
        baseline_loss=lambda length: floor,
        input_size=2,
        output_size=1,
        loss_unit="mean squared error",
        min_length=LEAST[markers],
        example=example,
    )


def _places(markers: str, first_key: Array, second_key: Array, batch_size: int, length: int) -> tuple[Array, Array]:
    """Where the two stand, `[B]` each."""

    def drawn(key: Array, low: int, high: int) -> Array:
        return jax.random.randint(key, (batch_size,), low, high)

    if markers == "halves":
        return drawn(first_key, 0, length // 2), drawn(second_key, length // 2, length)
    first, last = (length, length) if markers == "anywhere" else (min(10, length // 2 - 1), length // 2 - 1)
    one = drawn(first_key, 0, first)
    other = drawn(second_key, 0, last - 1)  # among the places that are left
    return one, jnp.where(other < one, other, other + 1)
