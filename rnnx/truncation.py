"""Long sequences a stretch at a time: training with an update after each, and evaluation of a text of any length."""

from collections.abc import Callable, Iterator
from typing import Any

import jax

from rnnx import checks


def in_chunks(function: Callable[[Any, Any], tuple[Any, Any]], carry: Any, sequence: Any, length: int) -> Iterator[Any]:
    """Call `carry, result = function(carry, chunk)` on one stretch of time after the other, and yield the results.

    Truncated back-propagation through time (Williams & Peng 1990, with updates every K steps): `carry` holds the cell's
    state beside parameters and optimiser, `function` takes the gradient within its chunk, and none passes from a chunk
    to the one before. For the truncated gradient at fixed parameters, in one program, there is
    `rnnx.unroll(…, truncate=K)`.

    Args:
      function: (carry, chunk) -> (carry, result); jitted, it compiles once, and once more if the last chunk is shorter.
      carry: what goes in at the first chunk.
      sequence: a pytree of arrays `[T, …]`.
      length: K, steps to a chunk.

    Raises:
      ValueError: a length below 1; arrays of different T.

    The loss of a long text, with the state carried on, is that of the whole:

    >>> import jax, jax.numpy as jnp, rnnx
    >>> cell = rnnx.gru(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (100, 4, 3))
    >>> @jax.jit
    ... def evaluate(state, xs):
    ...     trajectory = rnnx.unroll(cell, params, xs, state)
    ...     return trajectory.final_state, jnp.sum(trajectory.outputs ** 2)
    >>> total = sum(in_chunks(evaluate, cell.initial_state(params, (4,)), xs, 32))
    >>> bool(jnp.allclose(total, jnp.sum(rnnx.unroll(cell, params, xs).outputs ** 2), rtol=1e-5))
    True
    """
    length = checks.size("length", length)
    lengths = {len(leaf) for leaf in jax.tree.leaves(sequence)}
    if len(lengths) != 1:
        raise ValueError(f"the arrays of a sequence must have one number of steps, not {sorted(lengths)}.")
    return _in_chunks(function, carry, sequence, length, *lengths)


def _in_chunks(function: Callable, carry: Any, sequence: Any, length: int, steps: int) -> Iterator[Any]:
    """Apart from `in_chunks`, which as a generator would check its arguments only when first asked for a result."""
    for start in range(0, steps, length):
        carry, result = function(carry, jax.tree.map(lambda a, start=start: a[start : start + length], sequence))
        yield result
