"""Equinox: a cell of one example, mapped over the batch, inside a `jax.lax.scan` that the user writes.

LSTM gates i, f, g, o; GRU r, z, n with the reset after the product, its recurrent bias called `bias_n`. Kernels are
transposed, [G, I]. There is no vanilla cell, so one is written here as its other cells are.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from scripts.benchmark.layers.problem import Layer, Problem
from scripts.benchmark.libraries import Network, _jax

PACKAGES = ("equinox", "jax", "jaxlib", "numpy")
LAYOUT = "[T, B, I]"
FORM = {
    "rnn": "a cell of one's own (Equinox has none) under `jax.vmap` in `jax.lax.scan`, `jax.jit`",
    "lstm": "`eqx.nn.LSTMCell` under `jax.vmap` in `jax.lax.scan`, `jax.jit`",
    "gru": "`eqx.nn.GRUCell` under `jax.vmap` in `jax.lax.scan`, `jax.jit`",
}
REFERENCE: dict[str, dict[str, Any]] = {}


class TanhCell(eqx.Module):
    """h_t = tanh(W x_t + U h_{t-1} + b)."""

    weight_ih: jax.Array
    weight_hh: jax.Array
    bias: jax.Array

    def __init__(self, input_size: int, hidden_size: int, *, key: jax.Array):
        self.weight_ih = jnp.zeros((hidden_size, input_size))
        self.weight_hh = jnp.zeros((hidden_size, hidden_size))
        self.bias = jnp.zeros(hidden_size)

    def __call__(self, input: jax.Array, hidden: jax.Array) -> jax.Array:
        """One step of one example."""
        return jnp.tanh(self.weight_ih @ input + self.weight_hh @ hidden + self.bias)


_CELLS: dict[str, Any] = {"rnn": TanhCell, "lstm": eqx.nn.LSTMCell, "gru": eqx.nn.GRUCell}


def build(problem: Problem) -> Network:
    """The problem in Equinox."""
    name, H, B = problem.point.cell, problem.point.hidden, problem.point.batch

    def cell(layer: Layer) -> Any:
        arrays = [layer.input_kernel.T, layer.recurrent_kernel.T, layer.bias, layer.recurrent_bias]
        values = [_jax.on_device(array) for array in arrays if array is not None]
        return eqx.tree_at(_weights, _CELLS[name](H, H, key=jax.random.key(0)), values)

    def apply(cells: list[Any], xs: jax.Array) -> jax.Array:
        zero = jnp.zeros((B, H), xs.dtype)
        for cell in cells:

            def step(state: Any, x: jax.Array, cell: Any = cell) -> tuple[Any, jax.Array]:
                state = jax.vmap(cell)(x, state)
                return state, state[0] if name == "lstm" else state

            _, xs = jax.lax.scan(step, (zero, zero) if name == "lstm" else zero, xs)
        return xs

    return _jax.network(problem, apply, [cell(layer) for layer in problem.layers], _read)


def _weights(cell: Any) -> list[Any]:
    names = [name for name in ("weight_ih", "weight_hh", "bias", "bias_n") if hasattr(cell, name)]
    return [getattr(cell, name) for name in names]


def _read(cells: list[Any]) -> list[Layer]:
    layers = []
    for cell in cells:
        W, U, *biases = map(np.asarray, _weights(cell))
        layers.append(Layer(W.T, U.T, *biases))
    return layers
