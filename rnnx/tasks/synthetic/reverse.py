"""Sequence to sequence on made-up symbols: say them again, the last one first.

    source   s_1 s_2 … s_n        target   s_n … s_2 s_1        n from 1 to `length`, at random

The first symbol to be said was read last, and the last one first: without attention the state that is handed over must
hold all of them, and the loss at the last step reaches back over the whole source. Cross-entropy. A task of rnnx, after
the reversed sources of Sutskever, Vinyals & Le 2014.
"""

from rnnx.tasks.synthetic._symbols import said_again
from rnnx.types import Task


def reverse() -> Task:
    """Reversing sequences of eight symbols, of 1 to `length` steps each.

    Inputs are `Pair`: sources `[T, B]`, and what the decoder is given, the target of the step before (8 before the
    first); targets `[T, B]`, weights 1 up to an example's length, outputs logits `[T, B, 8]`. The baseline is ln 8
    nats: symbols are drawn independently. `exact` is the share of examples with every symbol right, each given those
    before.

    Raises:
      ValueError: from `sample`, a length below 1.

    >>> import jax
    >>> batch = reverse().sample(jax.random.key(2), 1, 5)
    >>> n = int(batch.lengths[0])
    >>> bool((batch.inputs.source[:n, 0][::-1] == batch.targets[:n, 0]).all())
    True
    """

    return said_again(lambda t, length: length - 1 - t)
