"""Next-character prediction on real text: the character language model.

Many-to-many: at every step the next character is predicted from those before it. The first 90 % of the text are trained
on and the last 10 % held out. Each sequence starts at a random place with an empty memory.
"""

import functools
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, data
from rnnx.tasks._loss import cross_entropy, share_right
from rnnx.types import Array, Batch, Task


def characters(*, corpus: Literal["tinyshakespeare", "shakespeare"] = "tinyshakespeare") -> Task:
    """Next-character prediction.

    Inputs and targets `[T, B]` whole numbers below V, the number of distinct characters in the text; outputs are logits
    `[T, B, V]`; the loss is cross-entropy in nats per character. The text is one array on the device, sampled by index
    inside `jit`. The floor is the held-out cross-entropy of a bigram model of the training text: all that can be known
    from the current character alone.

    Args:
      corpus: the text, a name of `rnnx.data`; it is fetched if it is not at hand.

    Raises:
      rnnx.data.DataError: the text can't be had.
      ValueError: unknown corpus; from `sample`, a length longer than the text.

    >>> import jax
    >>> batch = characters().sample(jax.random.key(0), 4, 10)  # doctest: +SKIP
    >>> batch.inputs.shape, bool((batch.inputs[1:] == batch.targets[:-1]).all())  # doctest: +SKIP
    ((10, 4), True)
    """
    checks.choice("corpus", corpus, data.names())
    train, heldout, V, sha256 = _encoded(corpus)

    def sampler(text: Array) -> Callable[[Array, int, int], Batch]:
        def sample(key: Array, batch_size: int, length: int) -> Batch:
            checks.size("batch_size", batch_size)
            checks.size("length", length)
            if length >= len(text):
                raise ValueError(f"length must be below {len(text)}, the characters there are, not {length}.")
            starts = jax.random.randint(key, (batch_size,), 0, len(text) - length)
            window = text[jnp.arange(length + 1)[:, None] + starts].astype(jnp.int32)
            return Batch(
                inputs=window[:-1],
                targets=window[1:],
                weights=jnp.ones((length, batch_size)),
            )

        return sample

    return Task(
        sample=sampler(jnp.asarray(train)),
        sample_heldout=sampler(jnp.asarray(heldout)),
        loss=cross_entropy,
        metrics=lambda outputs, batch: {"accuracy": share_right(outputs, batch)},
        floor=lambda length: _bigram_cross_entropy(corpus),
        input_size=V,
        output_size=V,
        discrete=True,
        loss_unit="cross-entropy (nats per character)",
        provenance={"corpus": corpus, "sha256": sha256},
    )


@functools.lru_cache(maxsize=2)
def _encoded(corpus: str) -> tuple[np.ndarray, np.ndarray, int, str]:
    """Characters to train on and held out, as whole numbers below V; V; and the sha256 of the text."""
    text = data.get(corpus)()
    vocabulary, codes = np.unique(np.array(list(text.text)), return_inverse=True)
    split = int(0.9 * len(codes))
    train, heldout = np.split(codes.astype(np.uint8), [split])
    return train, heldout, len(vocabulary), text.sha256


@functools.lru_cache(maxsize=2)
def _bigram_cross_entropy(corpus: str) -> float:
    """Held-out cross-entropy, nats per character, of p(b | a) = (n_ab + 1) / (n_a + V) counted on the training text."""
    train, heldout, V, _ = _encoded(corpus)

    def pairs(codes: np.ndarray) -> np.ndarray:
        return codes[:-1].astype(np.int64) * V + codes[1:]

    n = np.bincount(pairs(train), minlength=V * V).reshape(V, V) + 1.0
    log_p = np.log(n / n.sum(axis=1, keepdims=True))
    return float(-log_p.ravel()[pairs(heldout)].mean())
