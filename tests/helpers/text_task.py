"""A small task of text, all of which is at hand."""

import jax
import jax.numpy as jnp
import numpy as np

import rnnx
from rnnx.tasks._scores import cross_entropy
from rnnx.types import Batch, Task


def text_task(tokens: np.ndarray, V: int) -> Task:
    """Next-token prediction at random places of a text."""

    def sample(key, batch_size, length):
        starts = jax.random.randint(key, (batch_size,), 0, len(tokens) - length)
        window = jnp.asarray(tokens, jnp.int32)[jnp.arange(length + 1)[:, None] + starts]
        return Batch(window[:-1], window[1:], jnp.ones((length, batch_size)))

    return rnnx.tasks.get("adding")()._replace(
        sample=sample,
        sample_heldout=sample,
        losses=cross_entropy,
        scores=lambda outputs, batch: {},
        input_size=V,
        output_size=V,
        vocab_size=V,
        train_tokens=lambda: tokens,
    )


def markov(length: int, V: int) -> np.ndarray:
    """A text of tokens below V - 1, so that the last one never occurs, each of which is often the one before plus 1."""
    rng = np.random.default_rng(0)
    steps = rng.choice(V - 1, length, p=np.r_[0.1, 0.6, np.full(V - 3, 0.3 / (V - 3))])
    return (np.cumsum(steps) % (V - 1)).astype(np.int32)
