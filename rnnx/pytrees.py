"""Nested structures by flat names: the arrays of a pytree, the settings of a config."""

from typing import Any

import jax
import jax.numpy as jnp

from rnnx.types import Array


def named_leaves(tree: Any) -> dict[str, Array]:
    """Name every leaf by the way to it, with a dot between levels: `h`, `layers.0.h`.

    >>> from rnnx.cells.lstm import LSTMState
    >>> list(named_leaves(LSTMState(h=1.0, c=2.0)))
    ['h', 'c']
    >>> list(named_leaves({"layers": (LSTMState(h=1.0, c=2.0),)}))
    ['layers.0.h', 'layers.0.c']
    """
    leaves = jax.tree.leaves_with_path(tree)
    return {jax.tree_util.keystr(path, simple=True, separator="."): leaf for path, leaf in leaves}


def in_type(dtype: Any, tree: Any) -> Any:
    """Real numbers as another type, and all else as it is: complex ones would lose their imaginary part."""
    return jax.tree.map(lambda a: a.astype(dtype) if jnp.issubdtype(a.dtype, jnp.floating) else a, tree)


def flatten_dict(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"cell": {"name": "rnn"}}` as `{"cell.name": "rnn"}`.

    >>> flatten_dict({"cell": {"name": "rnn"}, "seed": 0})
    {'cell.name': 'rnn', 'seed': 0}
    """
    flat: dict[str, Any] = {}
    for key, value in nested.items():
        flat |= flatten_dict(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat
