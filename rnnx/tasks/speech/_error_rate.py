"""Edit distances of whole batches, inside of jit."""

import jax
import jax.numpy as jnp

from rnnx.types import Array


def edit_distances(outputs: Array, counts: Array, targets: Array, target_counts: Array) -> Array:
    """The least number of insertions, deletions and substitutions from each output to its target, `[B]`.

    The row of the table after n outputs follows from the one before (Wagner & Fischer 1974); that an insertion goes on
    from its own left is a running minimum: d_m = min over j ≤ m of (a_j - j) + m.

    Args:
      outputs: `[T, B]`, of which the first `counts` `[B]` count.
      targets: `[N, B]`, of which the first `target_counts` `[B]` count.

    >>> one, other = jnp.array([[1], [2], [3], [0]]), jnp.array([[2], [3], [3]])
    >>> edit_distances(one, jnp.array([3]), other, jnp.array([3])).tolist()
    [2]
    """
    m = jnp.arange(len(targets) + 1, dtype=jnp.int32)[:, None]

    def after(row: Array, at: tuple[Array, Array]) -> tuple[Array, None]:
        n, symbol = at
        replaced = row[:-1] + (targets != symbol).astype(row.dtype)
        best = jnp.concatenate([row[:1] + 1, jnp.minimum(replaced, row[1:] + 1)])
        best = jax.lax.cummin(best - m, axis=0) + m
        return jnp.where(n < counts, best, row), None

    first = jnp.broadcast_to(m, (len(m), outputs.shape[1]))
    steps = jnp.arange(len(outputs), dtype=jnp.int32)
    last, _ = jax.lax.scan(after, first, (steps, outputs))
    return jnp.take_along_axis(last, target_counts[None].astype(jnp.int32), axis=0)[0]
