"""Scheduled sampling: while it is trained, a model is given some of what it says itself, and not true targets alone.

    ŷ_t = argmax_o z_t(x_1 … x_t)                            what it says at step t, by what it was given until then
    x_t = ŷ_{t-1} with probability p, else y_{t-1}           a coin for each step and example; x_1 says that it begins

Bengio, Vinyals, Jaitly & Shazeer 2015, who let p rise while training goes on, from the true targets alone ("teacher
forcing"). Theirs is one step after the other; here the model runs over all steps at once, as often as is asked for,
each time given what it said the time before by the same coins (Duckworth, Neelakantan, Goodrich, Kaiser & Bengio 2019,
"Parallel scheduled sampling"). What it says at the first k steps is then, after k passes, what it would say one step
after the other; with as many passes as there are steps nothing is left of the difference. After one pass, the default,
what it is given is what it says after true targets (Mihaylova & Martins 2019, "Scheduled sampling for transformers").

Nothing is differentiated through what was said. No model knows of it: its inputs are others.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from rnnx.types import Array, Batch, Pair


def with_own_targets(
    outputs: Callable[[Batch], Array], batch: Batch, key: Array, probability: Array | float, passes: int = 1
) -> Batch:
    """A batch of sequence to sequence in which a model is given some of what it says itself.

    Args:
      outputs: the model's, logits `[T, B, O]`.
      batch: whose inputs are a `Pair`.
      key: for the coins.
      probability: p; with 0 the batch is as it was.
      passes: how often the model is run.

    Raises:
      ValueError: another kind of inputs.

    >>> true = jnp.array([[3], [0], [1]])
    >>> batch = Batch(Pair(jnp.zeros((2, 1), int), true), targets=true, weights=jnp.ones((3, 1)))
    >>> always_two = lambda batch: jax.nn.one_hot(jnp.full((3, 1), 2), 3)
    >>> with_own_targets(always_two, batch, jax.random.key(0), 1.0).inputs.target[:, 0].tolist()
    [3, 2, 2]
    """
    if not isinstance(batch.inputs, Pair):
        raise ValueError(
            "scheduled_sampling is for sequence to sequence, where a model is given its targets: set it to 0."
        )
    true = batch.inputs.target
    coins = jax.random.bernoulli(key, probability, true.shape)

    def given(target: Array) -> Batch:
        return batch._replace(inputs=batch.inputs._replace(target=target))

    def again(_: Array, target: Array) -> Array:
        said = jnp.argmax(outputs(given(target)), axis=-1).astype(true.dtype)
        return jnp.where(coins, jnp.concatenate([true[:1], said[:-1]]), true)

    return given(jax.lax.fori_loop(0, passes, again, true))
