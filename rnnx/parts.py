"""The arrays of a nested state or of nested parameters, by name."""

from typing import Any

import jax

from rnnx.types import Array


def parts(tree: Any) -> dict[str, Array]:
    """Name every leaf by the way to it, with a dot between levels: `h`, `layers.0.h`.

    >>> from rnnx.cells.lstm import LSTMState
    >>> list(parts(LSTMState(h=1.0, c=2.0)))
    ['h', 'c']
    >>> list(parts({"layers": (LSTMState(h=1.0, c=2.0),)}))
    ['layers.0.h', 'layers.0.c']
    """
    leaves = jax.tree.leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}
