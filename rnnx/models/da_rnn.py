"""DA-RNN: an encoder that weighs the series it reads at each step, a decoder that looks back at the encoder's states.

    α_t = softmax_k(v · tanh([h_{t-1}; s_{t-1}] W + x^k U))        of series k, by all of its window x^k
    h_1 … h_w     = run(encoder, x)                                h_t is made with α_t ⊙ x_t
    β_t = softmax_i(v' · tanh([d_{t-1}; s'_{t-1}] W' + h_i U'))     z_t = Σ_i β_ti h_i
    d_2 … d_{w+1} = run(decoder, y)                                d_{t+1} is made with [y_t; z_t] w + b
    ŷ   = ([d_{w+1}; z_{w+1}] W_y + b_w) V + b_v

Qin, Song, Chen, Cheng, Jiang & Cottrell 2017, "A dual-stage attention-based recurrent neural network for time series
prediction"; s is the rest of an LSTM's state. Variant: the paper tells y of the step whose x it reads last, and so is
given one value of y less than of x. Here all series are known up to the last step, y_w too, and what is told is later.
Of several series that are told y_t is a vector, and so is what the decoder is given.
"""

import jax.numpy as jnp
from flax import nnx

from rnnx import checks
from rnnx.combinators._by_state import input_attention, temporal_attention
from rnnx.models._forecasting import check_suits, last_steps
from rnnx.models._layers import read_out
from rnnx.types import Array, Batch, Cell, Run, Task
from rnnx.unroll import plain_run


class DaRnn(nnx.Module):
    """Two cells of one kind with attention before each of their steps, called `encoder` and `decoder`.

    The encoder reads the series that are not told, or all of them where all are; a single one has always the weight 1.
    The paper's window is 10 steps.

    Args:
      cell: of both parts, in the paper an `lstm` of 64 or 128 units.
      task: what it is for, one of forecasts.
      window: w, how many steps are looked at.
      rngs: what parameters are drawn from.

    Raises:
      ValueError: a task of something else; a window that is none; a cell that can't be stepped, or whose output depends
        on its input too, such as `lru`; when called, less than w steps.

    >>> import jax, rnnx
    >>> adding = rnnx.tasks.get("adding")()
    >>> def sample(key, batch_size, length):
    ...     xs = jax.random.normal(key, (length + 1, batch_size, 2))
    ...     return rnnx.Batch(xs[:-1], xs[-1:], jax.numpy.ones(batch_size))
    >>> task = adding._replace(sample=sample, input_size=2, output_size=2)
    >>> model = DaRnn(rnnx.lstm(hidden_size=8), task, window=10, rngs=nnx.Rngs(0))
    >>> model(task.sample(jax.random.key(0), 5, 20)).shape
    (1, 5, 2)
    """

    def __init__(self, cell: Cell, task: Task, *, window: int = 10, rngs: nnx.Rngs):
        check_suits("da_rnn", cell, task)
        self.window, self.series = checks.size("window", window), task.output_size
        self.driving = task.output_size if task.input_size > task.output_size else 0  # the first of those that are read
        H = cell.output_size
        self.reads, self.writes = input_attention(cell, window), temporal_attention(cell, H)
        self.cells = nnx.Dict(
            encoder=nnx.Param(self.reads.init(rngs.params(), task.input_size - self.driving)),
            decoder=nnx.Param(self.writes.init(rngs.params(), task.output_size)),
        )
        self.hidden = nnx.Linear(2 * H, H, rngs=rngs)
        self.readout = nnx.Linear(H, task.output_size, rngs=rngs)

    def __call__(self, batch: Batch, run: Run = plain_run) -> Array:
        """Forecasts `[1, B, O]` of a batch whose inputs are numbers `[T, B, m]`."""
        xs = last_steps("da_rnn", batch.inputs, self.window, "window")
        driving, told = xs[..., self.driving :], xs[..., : self.series]
        params = self.cells["encoder"].get_value()._replace(memory=jnp.transpose(driving))
        encoded = run("encoder", self.reads, params, driving).outputs
        params = self.cells["decoder"].get_value()._replace(memory=encoded)
        decoded = run("decoder", self.writes, params, told).outputs
        return read_out(self.readout, read_out(self.hidden, decoded[-1:]))
