"""The copy memory problem: keep ten symbols over a long blank stretch and repeat them.

    input    s_1 … s_10  - - … -  >  - … -        s from an alphabet of 8, blanks -, and one delimiter >
    target   - … … … … … … … -  -  s_1 … s_10     the last ten steps; blank before

Variant: Arjovsky, Shah & Bengio 2016 (after Hochreiter & Schmidhuber 1997), one-hot, scored at every step. Their T is
the delay of the first symbol beyond the ten, so that a sequence has T + 20 steps; here `length` is the number of steps.
Bai, Kolter & Koltun 2018 show the delimiter at all of the last eleven steps. Many-to-many; cross-entropy.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, examples
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Array, Batch, Example, Scores, Task

_COPIED = 10
_ALPHABET = 8
_BLANK, _DELIMITER = _ALPHABET, _ALPHABET + 1
_SHOWN = "abcdefgh->"


def copy_memory() -> Task:
    """The copy memory problem with ten symbols out of eight, in the variant of Arjovsky et al. 2016.

    Inputs `[T, B, 10]` one-hot (eight symbols, blank, delimiter), targets `[T, B]`, weights 1 at every step; outputs
    are logits `[T, B, 9]`. The floor is the loss of one that knows when to answer but not what, 10 ln 8 / T nats a
    step. `recalled` is the accuracy over the last ten steps.

    Raises:
      ValueError: from `sample`, a length below 21.

    >>> import jax
    >>> batch = copy_memory().sample(jax.random.key(0), 1, 25)
    >>> "".join("abcdefgh->"[symbol] for symbol in batch.inputs[:, 0].argmax(-1))
    'faafddahfd---->----------'
    >>> "".join("abcdefgh-"[symbol] for symbol in batch.targets[:, 0])
    '---------------faafddahfd'
    """

    def sample(key: Array, batch_size: int, length: int) -> Batch:
        batch_size = checks.size("batch_size", batch_size)
        length = checks.size("length of the copy memory problem", length, least=2 * _COPIED + 1)
        symbols = jax.random.randint(key, (_COPIED, batch_size), 0, _ALPHABET)
        blank = jnp.full((length - _COPIED, batch_size), _BLANK)
        inputs = jnp.concatenate([symbols, blank]).at[length - _COPIED - 1].set(_DELIMITER)
        return Batch(
            inputs=jax.nn.one_hot(inputs, _ALPHABET + 2),
            targets=jnp.concatenate([blank, symbols]),
            weights=jnp.ones((length, batch_size)),
        )

    def scores(outputs: Array, batch: Batch) -> Scores:
        symbols = (batch.targets != _BLANK).astype(batch.weights.dtype)
        return {"recalled": (accuracy(outputs, batch), batch.weights * symbols)}

    def example(batch: Batch) -> Example:
        pieces = [_SHOWN[symbol] for symbol in np.asarray(batch.inputs)[:, 0].argmax(axis=-1)]
        target = _SHOWN[int(batch.targets[-1, 0])]
        return examples.text(pieces, target, marks=(_COPIED - 1,), marked="the symbol to be repeated there")

    return Task(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=scores,
        baseline_loss=lambda length: _COPIED * math.log(_ALPHABET) / length,
        input_size=_ALPHABET + 2,
        output_size=_ALPHABET + 1,
        loss_unit="cross-entropy (nats per step)",
        min_length=2 * _COPIED + 1,
        example=example,
    )
