"""Haiku: a core under `hk.dynamic_unroll`, `hk.DeepRNN` for layers.

LSTM gates i, g, f, o, with 1 added to f, kernels for x and h joined to one. GRU gates z, r, a, with the reset *before*
the product and z the share of the *new* state: another function than rnnx's default, equal to
`gru(reset_after=False)` with the weights of z negated (σ(-a) = 1 - σ(a)). The vanilla core is relu only, so one with
tanh is written here as Haiku's own is.
"""

from typing import Any

import haiku as hk
import jax
import jax.numpy as jnp
import numpy as np

from scripts.benchmark.layers.problem import Layer, Problem
from scripts.benchmark.libraries import Network, _jax
from scripts.benchmark.libraries._gates import reorder

PACKAGES = ("dm-haiku", "jax", "jaxlib", "numpy")
LAYOUT = "[T, B, I]"
FORM = {
    "rnn": "a core of one's own (`hk.VanillaRNN` is relu only) in `hk.dynamic_unroll`, `hk.transform`, `jax.jit`",
    "lstm": "`hk.LSTM` in `hk.dynamic_unroll`, `hk.transform`, `jax.jit`",
    "gru": "`hk.GRU` in `hk.dynamic_unroll`, `hk.transform`, `jax.jit`; another function: it resets before the product",
}
REFERENCE: dict[str, dict[str, Any]] = {"gru": {"reset_after": False}}


class TanhRNN(hk.RNNCore):
    """h_t = tanh(x_t W + h_{t-1} U + b)."""

    def __init__(self, hidden_size: int, name: str | None = None):
        super().__init__(name=name)
        self.hidden_size = hidden_size

    def __call__(self, inputs: jax.Array, state: jax.Array) -> tuple[jax.Array, jax.Array]:
        """One step of a batch."""
        x, h = hk.Linear(self.hidden_size), hk.Linear(self.hidden_size, with_bias=False)
        state = jnp.tanh(x(inputs) + h(state))
        return state, state

    def initial_state(self, batch_size: int | None) -> jax.Array:
        """h_0 = 0."""
        return jnp.zeros((batch_size, self.hidden_size) if batch_size else self.hidden_size)


_CORES: dict[str, Any] = {"rnn": TanhRNN, "lstm": hk.LSTM, "gru": hk.GRU}
_OWN_INVERSE = {"lstm": (0, 2, 1, 3), "gru": (1, 0, 2)}
"""Orders of the blocks; each exchanges two of them, so it leads back as well."""


def build(problem: Problem) -> Network:
    """The problem in Haiku."""
    cell, H, B = problem.point.cell, problem.point.hidden, problem.point.batch

    def unroll(xs: jax.Array) -> jax.Array:
        core = hk.DeepRNN([_CORES[cell](H, name=f"layer{n}") for n in range(problem.point.layers)])
        return hk.dynamic_unroll(core, xs, core.initial_state(B))[0]

    params: dict[str, Any] = {}
    for number, layer in enumerate(problem.layers):
        params |= _haiku_layout(cell, f"layer{number}", layer)
    transformed: Any = hk.without_apply_rng(hk.transform(unroll))

    def read(params: Any) -> list[Layer]:
        return [_our_layout(cell, f"layer{number}", params) for number in range(problem.point.layers)]

    return _jax.network(problem, transformed.apply, jax.tree.map(_jax.on_device, params), read)


def _haiku_layout(cell: str, name: str, layer: Layer) -> dict[str, dict[str, np.ndarray]]:
    W, U, b, _ = layer
    if cell == "rnn":
        return {f"{name}/linear": {"w": W, "b": b}, f"{name}/linear_1": {"w": U}}
    W, U, b = (reorder(a, _OWN_INVERSE[cell]) for a in (W, U, b))
    if cell == "lstm":
        H = len(b) // 4
        b[2 * H : 3 * H] -= 1
        return {f"{name}/linear": {"w": np.concatenate([W, U]), "b": b}}
    return {name: {"w_i": _negate_z(W), "w_h": _negate_z(U), "b": _negate_z(b)}}


def _our_layout(cell: str, name: str, params: Any) -> Layer:
    """The way back, of gradients: what was added to the forget bias does not change its gradient."""
    if cell == "rnn":
        linear = params[f"{name}/linear"]
        return Layer(*map(np.asarray, (linear["w"], params[f"{name}/linear_1"]["w"], linear["b"])))
    if cell == "lstm":
        w, b = map(np.asarray, (params[f"{name}/linear"]["w"], params[f"{name}/linear"]["b"]))
        arrays = [*np.split(w, [len(w) - len(b) // 4]), b]
    else:
        arrays = [_negate_z(np.asarray(params[name][part])) for part in ("w_i", "w_h", "b")]
    return Layer(*(reorder(a, _OWN_INVERSE[cell]) for a in arrays))


def _negate_z(array: np.ndarray) -> np.ndarray:
    """The first third, which belongs to z, with the other sign."""
    z, others = np.split(array, [array.shape[-1] // 3], axis=-1)
    return np.concatenate([-z, others], axis=-1)
