"""The random permutation problem: the first of many symbols decides what comes last.

    s_1 s_2 … s_T  then  s_1        s_1 is 1 or 2, all others are any of the 98 others

After Hochreiter & Schmidhuber 1997, and as a problem of its own Martens & Sutskever 2011 and Pascanu, Mikolov & Bengio
2013, where the next symbol is to be told at every step; but the last is the only one of which anything can be known.
Variant: that one alone is scored. Nothing that stands between helps or returns. Many-to-one; cross-entropy.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Array, Batch, Example, Task

_SYMBOLS = 100
_FIRST = 2


def random_permutation() -> Task:
    """The random permutation problem of 100 symbols.

    Inputs `[T, B, 100]` one-hot, targets `[T, B]` with the first symbol (0 or 1) at the last step, weights 1 there
    only; outputs are logits `[T, B, 100]`. The floor is ln 2 nats: of one that knows that it is one of the two.

    Raises:
      ValueError: from `sample`, a length below 2.

    >>> import jax
    >>> batch = random_permutation().sample(jax.random.key(0), 1, 5)
    >>> batch.inputs[:, 0].argmax(-1).tolist(), int(batch.targets[-1, 0])
    ([1, 42, 28, 90, 99], 1)
    """

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        batch_size = checks.size("batch_size", batch_size)
        length = checks.size("length of the random permutation problem", length, least=2)
        first_key, others_key = jax.random.split(key)
        first = jax.random.randint(first_key, (1, batch_size), 0, _FIRST)
        others = jax.random.randint(others_key, (length - 1, batch_size), _FIRST, _SYMBOLS)
        at_last = jnp.arange(length)[:, None] == length - 1
        return Batch(
            inputs=jax.nn.one_hot(jnp.concatenate([first, others]), _SYMBOLS),
            targets=jnp.where(at_last, first, 0),
            weights=jnp.broadcast_to(at_last.astype(jnp.float32), (length, batch_size)),
        )

    def example(batch: Batch) -> Example:
        pieces = [f"{symbol + 1} " for symbol in np.asarray(batch.inputs)[:, 0].argmax(axis=-1)]
        return examples.text(pieces, pieces[0].strip(), marks=(0,), marked="the symbol that comes again")

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=lambda outputs, batch: {"accuracy": (accuracy(outputs, batch), batch.weights)},
        baseline_loss=lambda length: math.log(_FIRST),
        input_size=_SYMBOLS,
        output_size=_SYMBOLS,
        loss_unit="cross-entropy (nats)",
        min_length=2,
        example=example,
    )
