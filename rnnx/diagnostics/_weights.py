"""The weights among a cell's parameters."""

from typing import Any

import jax

from rnnx.pytrees import named_leaves
from rnnx.types import Array, Params

_OF_A_BATCH = ("memory", "memory_bias")
"""What `rnnx.attention` looks at stands among the parameters, but is no weight."""


def weights(params: Params) -> dict[str, Array]:
    """Every array that training changes, by name; or, of gradients, the gradient of each."""
    named = named_leaves(params)
    return {name: leaf for name, leaf in named.items() if name.rpartition(".")[2] not in _OF_A_BATCH}


def of_batch(params: Params) -> Any:
    """For `jax.vmap` over examples: the batch axis of what is of a batch, `None` for weights."""
    return jax.tree.map_with_path(lambda path, _: 1 if _is_of_a_batch(path) else None, params)


def of_example(params: Params) -> Params:
    """Within such a `jax.vmap`: the parameters of a batch of one."""
    return jax.tree.map_with_path(lambda path, leaf: leaf[:, None] if _is_of_a_batch(path) else leaf, params)


def _is_of_a_batch(path: tuple[Any, ...]) -> bool:
    return bool(path) and getattr(path[-1], "name", None) in _OF_A_BATCH
