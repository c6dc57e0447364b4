"""DSANet: convolutions over each series, attention between the series, and an autoregression beside. No recurrence.

    g_i = relu(Σ_l x_{T-w+l,i} G_l + b)                     of series i, n filters of the window's length
    l_i = max over t of relu(Σ_k x_{t+k,i} L_k + b)         n filters of a few steps
    g'  = encoder_g(g)        l' = encoder_l(l)             over the series, each of them as one place
    y_i = [g'_i; l'_i] R + b' + Σ_l u_l x_{T-w+l,i} + d     R, b', u, d the same for all series

    encoder: z = g E + b, then layers of
             z ← norm(z + attention(z))                     queries, keys and values each by a matrix of their own
             z ← norm(z + relu(z A + b) C + b)              and z D + b at the end

Huang, Wang, Wu & Tang 2019, "DSANet: dual self-attention network for multivariate time series forecasting". Places have
no positions: to exchange two series exchanges their forecasts. Layers are normed after the sum, as in Vaswani et al.
2017. Dropout is left out: it would stand between layers that no `run` runs.
"""

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from rnnx import checks
from rnnx.models._forecasting import autoregression, check_suits, last_steps, over_time
from rnnx.types import Array, Batch, Cell, Run, Task
from rnnx.unroll import plain_run


class Dsanet(nnx.Module):
    """Attention between series, of all steps of a window at once, and of a few.

    It has no recurrent part, and so no gradient flow. What the authors take: a cell of 512 units, 8 heads of 64.

    Args:
      cell: gives its size, H, to the places of the encoders, and is of no other account.
      task: what it is for, one of forecasts.
      window: w, how many steps are looked at.
      filters: n, of each convolution.
      kernel: the steps that a filter of the local convolution sees.
      layers: of each encoder.
      heads: of each attention.
      head_size: numbers of a query, a key and a value in each head.
      inner_size: units between A and C; 0 for 4 H.
      rngs: what parameters are drawn from.

    Raises:
      ValueError: a task of something else; sizes that are none, or a kernel longer than the window; when called, less
        than w steps.

    >>> import jax, rnnx
    >>> adding = rnnx.tasks.get("adding")()
    >>> def sample(key, batch_size, length):
    ...     xs = jax.random.normal(key, (length + 1, batch_size, 2))
    ...     return rnnx.Batch(xs[:-1], xs[-1:], jax.numpy.ones(batch_size))
    >>> task = adding._replace(sample=sample, input_size=2, output_size=2)
    >>> model = Dsanet(rnnx.gru(hidden_size=8), task, window=10, layers=1, rngs=nnx.Rngs(0))
    >>> model(task.sample(jax.random.key(0), 5, 20)).shape
    (1, 5, 2)
    """

    def __init__(
        self,
        cell: Cell,
        task: Task,
        *,
        window: int = 64,
        filters: int = 32,
        kernel: int = 3,
        layers: int = 6,
        heads: int = 8,
        head_size: int = 8,
        inner_size: int = 0,
        rngs: nnx.Rngs,
    ):
        check_suits("dsanet", cell, task)
        self.window, self.series = checks.size("window", window), task.output_size
        if checks.size("kernel", kernel) > window:
            raise ValueError(f"kernel must be at most the window, {window} steps, not {kernel}.")
        checks.size("layers", layers)
        checks.size("inner_size", inner_size, least=0)
        features = checks.size("heads", heads) * checks.size("head_size", head_size)
        n, H = checks.size("filters", filters), cell.output_size

        def encoder() -> Encoder:
            return Encoder(n, H, layers, heads, features, inner_size or 4 * H, rngs)

        self.whole, self.local = over_time(1, n, window, rngs), over_time(1, n, kernel, rngs)
        self.of_whole, self.of_local = encoder(), encoder()
        self.readout = nnx.Linear(2 * n, 1, rngs=rngs)
        self.autoregression = nnx.Linear(window, 1, rngs=rngs)

    def __call__(self, batch: Batch, run: Run = plain_run) -> Array:
        """Forecasts `[1, B, O]` of a batch whose inputs are numbers `[T, B, m]`."""
        xs = last_steps("dsanet", batch.inputs, self.window, "window")
        series = jnp.swapaxes(xs, 0, 1)[..., None]  # [B, w, m, 1]
        whole = jax.nn.relu(self.whole(series))[:, 0]  # [B, m, n]
        local = jax.nn.relu(self.local(series)).max(axis=1)
        seen = jnp.concatenate([self.of_whole(whole), self.of_local(local)], axis=-1)
        forecasts = self.readout(seen[:, : self.series])[..., 0]
        return (forecasts + autoregression(self.autoregression, xs, self.series))[None]


class Encoder(nnx.Module):
    """Layers of attention over places, `[B, m, n]` -> `[B, m, n]`."""

    def __init__(self, n: int, H: int, layers: int, heads: int, features: int, inner_size: int, rngs: nnx.Rngs):
        self.enter, self.leave = nnx.Linear(n, H, rngs=rngs), nnx.Linear(H, n, rngs=rngs)
        self.layers = nnx.List(Layer(H, heads, features, inner_size, rngs) for _ in range(layers))

    def __call__(self, places: Array) -> Array:
        """What each place is after it has seen all others."""
        z = self.enter(places)
        for layer in self.layers:
            z = layer(z)
        return self.leave(z)


class Layer(nnx.Module):
    """Attention and two layers at each place, each with a residual connection and layer norm after it."""

    def __init__(self, H: int, heads: int, features: int, inner_size: int, rngs: nnx.Rngs):
        self.attention = nnx.MultiHeadAttention(
            heads, H, features, attention_fn=dot_product_attention, decode=False, rngs=rngs
        )
        self.inner, self.outer = nnx.Linear(H, inner_size, rngs=rngs), nnx.Linear(inner_size, H, rngs=rngs)
        self.norms = nnx.List(nnx.LayerNorm(H, rngs=rngs) for _ in range(2))

    def __call__(self, z: Array) -> Array:
        """`[B, m, H]` -> `[B, m, H]`."""
        first, second = self.norms
        with jax.numpy_dtype_promotion("standard"):  # layer norm asks for float32 beside whatever type there is
            z = first(z + self.attention(z))
            return second(z + self.outer(jax.nn.relu(self.inner(z))))


def dot_product_attention(query: Array, key: Array, value: Array, **_: Any) -> Array:
    """softmax(q · k / √d) v in each head, `[B, m, heads, d]`, in the type that they have.

    `jax.nn.dot_product_attention`, which is flax's default, takes the softmax in float32 whatever that is.
    """
    scores = jnp.einsum("bqhd,bkhd->bhqk", query, key) * query.shape[-1] ** -0.5
    return jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores, axis=-1), value)
