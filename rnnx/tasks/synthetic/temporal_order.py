"""The temporal order problem: in which order two symbols came, told at the end of a long sequence.

Two symbols A, B are to be remembered among four distractors c, d, e, f; the classes are AA, AB, BA, BB. After task 6a
of Hochreiter & Schmidhuber 1997 (X, Y among a, b, c, d). Variant: Pascanu, Mikolov & Bengio 2013, where the length T is
the same for all, the first place is drawn from T/10 … 2T/10 and the second from 4T/10 … 5T/10. In 6a itself a start
symbol E and a trigger B, two more inputs, stand at the ends, T is drawn from 100 … 110 and the places from 10 … 20 and
50 … 60. Many-to-one; cross-entropy.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Array, Batch, Example, Task

_SYMBOLS = 2  # A, B
_DISTRACTORS = 4  # c, d, e, f


def temporal_order() -> Task:
    """The temporal order problem with two relevant symbols, 6a, in the variant of Pascanu et al. 2013.

    Inputs `[T, B, 6]` one-hot (A, B, c, d, e, f), targets `[T, B]` with the class 2·first + second (A = 0, B = 1) at
    the last step, weights 1 there only; outputs are logits `[T, B, 4]`. The floor is ln 4 nats: the classes are equally
    likely, and the last symbol says nothing.

    Raises:
      ValueError: from `sample`, a length below 3.

    >>> import jax
    >>> batch = temporal_order().sample(jax.random.key(0), 1, 10)
    >>> "".join("ABcdef"[symbol] for symbol in batch.inputs[:, 0].argmax(-1)), int(batch.targets[-1, 0])
    ('eeBffBcefc', 3)
    """

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        batch_size = checks.size("batch_size", batch_size)
        length = checks.size("length of the temporal order problem", length, least=3)
        symbol_key, distractor_key, first_key, second_key = jax.random.split(key, 4)
        first, second = jax.random.randint(symbol_key, (2, batch_size), 0, _SYMBOLS)
        distractors = _SYMBOLS + jax.random.randint(distractor_key, (length, batch_size), 0, _DISTRACTORS)
        first_place = jax.random.randint(first_key, (batch_size,), length // 10, 2 * length // 10 + 1)
        second_place = jax.random.randint(second_key, (batch_size,), 4 * length // 10, 5 * length // 10 + 1)
        step = jnp.arange(length)[:, None]
        symbols = jnp.where(step == first_place, first, jnp.where(step == second_place, second, distractors))
        at_last = step == length - 1
        return Batch(
            inputs=jax.nn.one_hot(symbols, _SYMBOLS + _DISTRACTORS),
            targets=jnp.where(at_last, _SYMBOLS * first + second, 0),
            weights=jnp.broadcast_to(at_last.astype(jnp.float32), (length, batch_size)),
        )

    def example(batch: Batch) -> Example:
        symbols = np.asarray(batch.inputs)[:, 0].argmax(axis=-1)
        marks = np.flatnonzero(symbols < _SYMBOLS)
        target = "".join("AB"[symbol] for symbol in divmod(int(batch.targets[-1, 0]), _SYMBOLS))
        pieces = ["ABcdef"[symbol] for symbol in symbols]
        return examples.text(pieces, target, marks=tuple(marks), marked="the two symbols whose order is asked")

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=lambda outputs, batch: {"accuracy": (accuracy(outputs, batch), batch.weights)},
        baseline_loss=lambda length: math.log(_SYMBOLS**2),
        input_size=_SYMBOLS + _DISTRACTORS,
        output_size=_SYMBOLS**2,
        loss_unit="cross-entropy (nats)",
        min_length=3,
        example=example,
    )
