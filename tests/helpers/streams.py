"""A small task with a stream."""

import jax
import jax.numpy as jnp

import rnnx
from rnnx.types import Task

LAP = 3
"""Steps of training after which a stream begins again."""


def streaming() -> Task:
    """Running sums: of numbers since the stream began, which no batch by itself has."""
    adding = rnnx.tasks.get("adding")()

    def stream(key, batch_size, length, step):
        whole = jax.random.normal(key, (LAP * length, batch_size, 2))
        chunk = [jax.lax.dynamic_slice_in_dim(a, step % LAP * length, length) for a in (whole, jnp.cumsum(whole, 0))]
        batch = adding.sample(key, batch_size, length)._replace(restarts=jnp.full(batch_size, step % LAP == 0))
        return batch._replace(inputs=chunk[0], targets=chunk[1][..., :1], weights=jnp.ones((length, batch_size)))

    return adding._replace(stream=stream, losses=lambda ys, batch: jnp.square(ys - batch.targets)[..., 0])
