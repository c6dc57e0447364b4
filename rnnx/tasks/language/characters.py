"""Next-character prediction on real text: the character language model.

Many-to-many: at every step the next character is predicted from those before it. The first 90 % of the text are trained
on and the last 10 % held out. Each sequence starts at a random place with an empty memory; those of a stream go on
where the ones of the batch before ended, from first places that lie equally far apart in the text.
"""

import functools
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, data
from rnnx.tasks._scores import accuracy, cross_entropy
from rnnx.types import Array, Batch, Task


def characters(*, corpus: Literal["tinyshakespeare", "shakespeare"] = "tinyshakespeare") -> Task:
    """Next-character prediction.

    Inputs and targets `[T, B]` whole numbers below V, the number of distinct characters in the text; outputs are logits
    `[T, B, V]`; the loss is cross-entropy in nats per character. The text is one array on the device, sampled by index
    inside `jit`. The floor is the held-out cross-entropy of a bigram model of the training text: all that can be known
    from the current character alone.

    Args:
      corpus: the text, a name of `rnnx.data.texts`; it is fetched if it is not at hand.

    Raises:
      rnnx.data.DataError: the text can't be had.
      ValueError: unknown corpus; from `sample` and `sample_heldout`, a length longer than their part of the text; from
        `stream`, more examples than there are stretches of that length.

    >>> import jax
    >>> batch = characters().sample(jax.random.key(0), 4, 10)  # doctest: +SKIP
    >>> batch.inputs.shape, bool((batch.inputs[1:] == batch.targets[:-1]).all())  # doctest: +SKIP
    ((10, 4), True)
    """
    checks.choice("corpus", corpus, data.texts())
    train, heldout, V, sha256 = _encoded(corpus)

    def check(text: Array, part: str, batch_size: int, length: int) -> None:
        checks.size("batch_size", batch_size)
        checks.size("length", length)
        if length >= len(text):
            raise ValueError(f"length must be below {len(text)}, the characters {part}, not {length}.")

    def sampler(text: Array, part: str) -> Callable[[Array, int, int], Batch]:
        def sample(key: Array, batch_size: int, length: int) -> Batch:
            check(text, part, batch_size, length)
            starts = jax.random.randint(key, (batch_size,), 0, len(text) - length)
            window = text[jnp.arange(length + 1)[:, None] + starts].astype(jnp.int32)
            return Batch(
                inputs=window[:-1],
                targets=window[1:],
                weights=jnp.ones((length, batch_size)),
            )

        return sample

    text = jnp.asarray(train)

    def stream(key: Array, batch_size: int, length: int, step: Array | int) -> Batch:
        """Each example reads one stretch of the text after the other, and after the last, which is scored as far as the
        text goes, the first again, with an empty memory."""
        check(text, "to train on", batch_size, length)
        stretches = -(-(len(text) - 1) // length)
        if batch_size > stretches:
            raise ValueError(
                f"batch_size must be at most {stretches}, the stretches of {length} characters to train on, "
                f"not {batch_size}: examples of a stream begin at different ones."
            )
        apart = jnp.asarray(np.arange(batch_size) * stretches // batch_size, jnp.int32)
        first = apart + jax.random.randint(key, (), 0, stretches, jnp.int32)
        stretch = (first + step % stretches) % stretches
        position = jnp.arange(length, dtype=jnp.int32)[:, None] + stretch * length
        window = text[jnp.minimum(jnp.concatenate([position, position[-1:] + 1]), len(text) - 1)].astype(jnp.int32)
        return Batch(
            inputs=window[:-1],
            targets=window[1:],
            weights=(position < len(text) - 1).astype(float),
            restarts=(stretch == 0) | (step == 0),
        )

    return Task(
        sample=sampler(text, "to train on"),
        sample_heldout=sampler(jnp.asarray(heldout), "held out"),
        losses=cross_entropy,
        scores=lambda outputs, batch: {"accuracy": (accuracy(outputs, batch), batch.weights)},
        baseline_loss=lambda length: _bigram_cross_entropy(corpus),
        input_size=V,
        output_size=V,
        vocab_size=V,
        loss_unit="cross-entropy (nats per character)",
        stream=stream,
        data={"corpus": corpus, "sha256": sha256},
    )


@functools.lru_cache(maxsize=2)
def _encoded(corpus: str) -> tuple[np.ndarray, np.ndarray, int, str]:
    """Characters to train on and held out, as whole numbers below V; V; and the sha256 of the text."""
    text = data.get(corpus)()
    vocabulary, codes = np.unique(np.array(list(text.text)), return_inverse=True)
    split = int(0.9 * len(codes))
    smallest = np.min_scalar_type(len(vocabulary) - 1)  # which holds every code: a byte for up to 256 characters
    train, heldout = np.split(codes.astype(smallest), [split])
    return train, heldout, len(vocabulary), text.sha256


@functools.lru_cache(maxsize=2)
def _bigram_cross_entropy(corpus: str) -> float:
    """Held-out cross-entropy, nats per character, of p(b | a) = (n_ab + 1) / (n_a + V) counted on the training text."""
    train, heldout, V, _ = _encoded(corpus)

    def pairs(codes: np.ndarray) -> np.ndarray:
        return codes[:-1].astype(np.int64) * V + codes[1:]

    # Of the V² pairs most never occur, and of a large V there is no room for all.
    occurring, which = np.unique(np.concatenate([pairs(train), pairs(heldout)]), return_inverse=True)
    seen, asked = np.split(which, [len(train) - 1])
    n_ab = np.bincount(seen, minlength=len(occurring))[asked]
    n_a = np.bincount(train[:-1], minlength=V)[heldout[:-1]]
    return float(-np.log((n_ab + 1) / (n_a + V)).mean())
