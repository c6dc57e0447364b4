"""Sequence to sequence on made-up symbols: say them again, in their order.

    source   s_1 s_2 … s_n        target   s_1 s_2 … s_n        n from 1 to `length`, at random

Each symbol is to be said n steps after it was read, so that without attention the state that is handed over must hold
all of them, and which of them comes next; `reverse` is easier at its start, where what was read last is said first.
Cross-entropy. A task of rnnx, after that of Graves, Wayne & Danihelka 2014 ("Neural Turing machines") with bits.
"""

from rnnx.tasks.synthetic._symbols import said_again
from rnnx.types import Task


def copy() -> Task:
    """Copying sequences of eight symbols, of 1 to `length` steps each.

    Inputs are `Pair`: sources `[T, B]`, and what the decoder is given, the target of the step before (8 before the
    first); targets `[T, B]`, weights 1 up to an example's length, outputs logits `[T, B, 8]`. The baseline is ln 8
    nats: symbols are drawn independently. `exact` is the share of examples with every symbol right, each given those
    before.

    Raises:
      ValueError: from `sample`, a length below 1.

    >>> import jax
    >>> batch = copy().sample(jax.random.key(2), 1, 5)
    >>> bool((batch.inputs.source == batch.targets).all())
    True
    """
    return said_again(lambda t, length: t)
