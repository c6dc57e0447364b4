"""Sentiment in five classes, three or two: which label is in which, and who is right about positive and negative."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp

from rnnx.types import Array

CLASSES = {5: (0, 1, 2, 3, 4), 3: (0, 0, 1, 2, 2), 2: (0, 0, -1, 1, 1)}
"""The class of each of the five labels, by number of classes; -1 where it is not scored."""

NAMES = {
    5: ("very negative", "negative", "neutral", "positive", "very positive"),
    3: ("negative", "neutral", "positive"),
    2: ("negative", "positive"),
}
"""What the classes are called."""

SIGNS = {5: ("−−", "−", "0", "+", "++"), 3: ("−", "0", "+"), 2: ("−", "+")}
"""What stands for them in a picture."""


def polarity(outputs: Array, targets: Array) -> tuple[Array, Array]:
    """Whether logits `[…, O]` are right about positive and negative, and where targets `[…]` are one of these.

    Of what is neutral no output is right or wrong. Said is that of the two sides which has more of the probability.

    >>> polarity(jnp.log(jnp.array([[0.3, 0.1, 0.4, 0.05, 0.15]])), jnp.array([1]))
    (Array([1.], dtype=float32), Array([ True], dtype=bool))
    """
    classes = outputs.shape[-1]
    neutral = (classes - 1) / 2  # of two classes, none is
    negative, positive = np.arange(classes) < neutral, np.arange(classes) > neutral
    is_positive = jnp.asarray(positive)[targets]
    says_positive = logsumexp(outputs[..., positive], axis=-1) > logsumexp(outputs[..., negative], axis=-1)
    return (says_positive == is_positive).astype(outputs.dtype), is_positive | jnp.asarray(negative)[targets]
