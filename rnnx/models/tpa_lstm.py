"""TPA-LSTM: attention over what each unit of a network did in a window of time, and an autoregression beside.

    h_1 … h_T = run(lstm, x)                          H = [h_{T-w} … h_{T-1}], a row a unit
    C_ij      = Σ_l H_il F_jl                         k filters of the window's length over each row
    α_i       = σ(C_i · W_a h_T)                      of each unit by itself, unlike a softmax
    v         = Σ_i α_i C_i
    y         = (h_T W_h + v W_v) W_y + Σ_l u_l x_{T-w+l} + d      of each series by its own values and one u for all

Shih, Sun & Lee 2019, "Temporal pattern attention for multivariate time series forecasting". Variant: the equations of
the paper, where attention comes once, after the last step; in the authors' code it is part of the recurrence, at every
step and in every layer. No biases but that of the autoregression. Dropout of inputs and state is that of the objective.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from rnnx import checks
from rnnx.models._forecasting import autoregression, check_suits, last_steps, over_time
from rnnx.types import Array, Batch, Cell, Run, Task
from rnnx.unroll import plain_run


class TpaLstm(nnx.Module):
    """Temporal pattern attention over the outputs of a cell, which may be of any kind.

    The recurrent part is called `lstm`, whatever the cell is. It runs over all of the steps that it is given.

    Args:
      cell: an `lstm` in the paper.
      task: what it is for, one of forecasts.
      filters: k.
      window: w, how many steps before the last one are looked at, and how many the autoregression sees.
      highway: whether there is that autoregression.
      rngs: what parameters are drawn from.

    Raises:
      ValueError: a task of something else; sizes that are none; when called, less than w + 1 steps.

    >>> import jax, rnnx
    >>> adding = rnnx.tasks.get("adding")()
    >>> def sample(key, batch_size, length):
    ...     xs = jax.random.normal(key, (length + 1, batch_size, 2))
    ...     return rnnx.Batch(xs[:-1], xs[-1:], jax.numpy.ones(batch_size))
    >>> task = adding._replace(sample=sample, input_size=2, output_size=2)
    >>> model = TpaLstm(rnnx.lstm(hidden_size=8), task, window=6, rngs=nnx.Rngs(0))
    >>> model(task.sample(jax.random.key(0), 5, 20)).shape
    (1, 5, 2)
    """

    def __init__(
        self,
        cell: Cell,
        task: Task,
        *,
        filters: int = 32,
        window: int = 24,
        highway: bool = True,
        rngs: nnx.Rngs,
    ):
        check_suits("tpa_lstm", cell, task)
        H, k = cell.output_size, checks.size("filters", filters)
        self.window, self.series = checks.size("window", window), task.output_size
        self.cell = cell
        self.cells = nnx.Dict(lstm=nnx.Param(cell.init(rngs.params(), task.input_size)))
        self.filters = over_time(1, k, window, rngs, use_bias=False)
        self.query = nnx.Linear(H, k, use_bias=False, rngs=rngs)
        self.of_state = nnx.Linear(H, H, use_bias=False, rngs=rngs)
        self.of_patterns = nnx.Linear(k, H, use_bias=False, rngs=rngs)
        self.readout = nnx.Linear(H, task.output_size, use_bias=False, rngs=rngs)
        self.autoregression = nnx.Linear(window, 1, rngs=rngs) if highway else None

    def __call__(self, batch: Batch, run: Run = plain_run) -> Array:
        """Forecasts `[1, B, O]` of a batch whose inputs are numbers `[T, B, m]`."""
        xs = batch.inputs
        last_steps("tpa_lstm", xs, self.window + 1, "window + 1")
        hs = run("lstm", self.cell, self.cells["lstm"].get_value(), xs).outputs
        h = hs[-1]
        patterns = self._patterns(hs[-self.window - 1 : -1])
        v = jnp.einsum("bh,bhk->bk", pattern_attention(patterns, self.query(h)), patterns)
        outputs = self.readout(self.of_state(h) + self.of_patterns(v))
        if self.autoregression is not None:
            outputs += autoregression(self.autoregression, xs[-self.window :], self.series)
        return outputs[None]

    def _patterns(self, hs: Array) -> Array:
        """What each filter finds in the window of each unit, C: `[w, B, H]` -> `[B, H, k]`."""
        return self.filters(jnp.swapaxes(hs, 0, 1)[..., None])[:, 0]


def pattern_attention(patterns: Array, query: Array) -> Array:
    """α_i = σ(C_i · q) of patterns `[B, H, k]` and a query `[B, k]`: `[B, H]`, each between 0 and 1 by itself.

    >>> pattern_attention(jnp.zeros((1, 3, 2)), jnp.ones((1, 2)))  # and no sum of 1
    Array([[0.5, 0.5, 0.5]], dtype=float32)
    """
    return jax.nn.sigmoid(jnp.einsum("bhk,bk->bh", patterns, query))
