"""The weights among a cell's parameters."""

from rnnx.pytrees import named_leaves
from rnnx.types import Array, Params

_OF_A_BATCH = ("memory", "memory_bias")
"""What `rnnx.attention` looks at stands among the parameters, but is no weight."""


def weights(params: Params) -> dict[str, Array]:
    """Every array that training changes, by name; or, of gradients, the gradient of each."""
    named = named_leaves(params)
    return {name: leaf for name, leaf in named.items() if name.rpartition(".")[2] not in _OF_A_BATCH}
