"""Keras on JAX, through `stateless_call` in `jax.jit`; batch-major, as it always is.

LSTM gates i, f, c, o; GRU z, r, h with the reset after the product (its default) and two biases, of which the second
has rnnx's recurrent bias in its last block and is zero in the others here.
"""

import os
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np

from scripts.benchmark.layers.problem import Layer, Problem
from scripts.benchmark.libraries import Network, _jax
from scripts.benchmark.libraries._gates import reorder

PACKAGES = ("keras", "jax", "jaxlib", "numpy")
LAYOUT = "[B, T, I]"
FORM = {
    "rnn": "`keras.layers.SimpleRNN`, `stateless_call` in `jax.jit`",
    "lstm": "`keras.layers.LSTM`, `stateless_call` in `jax.jit`",
    "gru": "`keras.layers.GRU`, `stateless_call` in `jax.jit`",
}
REFERENCE: dict[str, dict[str, Any]] = {}
_LAYERS: dict[str, Any] = {"rnn": keras.layers.SimpleRNN, "lstm": keras.layers.LSTM, "gru": keras.layers.GRU}
_EXCHANGE_R_AND_Z = (1, 0, 2)


def build(problem: Problem) -> Network:
    """The problem in Keras."""
    cell, H, B, L, T = problem.point
    model = keras.Sequential(
        [keras.Input((T, H), batch_size=B), *(_LAYERS[cell](H, return_sequences=True) for _ in range(L))]
    )
    params = [_jax.on_device(array) for layer in problem.layers for array in _keras_layout(cell, layer)]
    rest = [variable.value for variable in model.non_trainable_variables]

    def apply(params: list[jax.Array], xs: jax.Array) -> jax.Array:
        outputs, _ = model.stateless_call(params, rest, xs)
        return outputs

    def read(params: list[jax.Array]) -> list[Layer]:
        arrays = [np.asarray(array) for array in params]
        return [_our_layout(cell, *arrays[3 * number : 3 * number + 3]) for number in range(L)]

    return _jax.network(problem, apply, params, read, batch_major=True)


def _keras_layout(cell: str, layer: Layer) -> list[np.ndarray]:
    W, U, b, d = layer
    if cell != "gru":
        return [W, U, b]
    assert d is not None
    second = np.concatenate([np.zeros(2 * len(d), d.dtype), d])
    return [reorder(array, _EXCHANGE_R_AND_Z) for array in (W, U, np.stack([b, second]))]


def _our_layout(cell: str, W: np.ndarray, U: np.ndarray, b: np.ndarray) -> Layer:
    if cell != "gru":
        return Layer(W, U, b)
    W, U, b = (reorder(array, _EXCHANGE_R_AND_Z) for array in (W, U, b))
    return Layer(W, U, b[0], np.split(b[1], 3)[2])
