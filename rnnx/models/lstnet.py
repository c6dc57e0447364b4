"""LSTNet: a convolution over time, two recurrent networks of which one skips a period, and an autoregression beside.

    c_t = relu(Σ_k x_{t+k} F_k + b)                   k = 0 … C - 1, all m series in each filter
    r   = the last output of run(gru, c)
    s_i = the last output of run(skip, c_{·p + i})    i = 1 … p: h_t from h_{t-p} and c_t, the last ⌊(T - C) / p⌋ p of c
    y   = [r; s_1; …; s_p] R + b' + Σ_l w_l x_{T-q+l} + d     of each series by its own values and one w for all

Lai, Chang, Yang & Liu 2018, "Modeling long- and short-term temporal patterns with deep neural networks". Variant: that
of the authors' code where it differs from the paper. The convolution is not padded; the cells are those of `rnnx`,
whose GRU has tanh in its candidate and not relu; there is no function after the output. What is not a whole period is
left out at the start. Dropout of c is that of the objective, which drops what a part reads, the same numbers at every
step; that of r and s is left out.
"""

import inspect

import jax
import jax.numpy as jnp
from flax import nnx

from rnnx import checks
from rnnx.factory import call_of
from rnnx.models._forecasting import autoregression, check_suits, last_steps, over_time
from rnnx.models._layers import read_out
from rnnx.types import Array, Batch, Cell, Run, Task
from rnnx.unroll import plain_run


class Lstnet(nnx.Module):
    """LSTNet with a cell of any kind; by default with the numbers of the authors' command for exchange rates.

    The recurrent parts are called `gru` and `skip`, whatever the cell is. `skip` runs over p sequences an example,
    those of one example beside each other, so that a step of it, and a lag, is p steps of the data.

    Args:
      cell: of both parts, 50 units of a `gru` in that command; the skip's has `skip_size` units.
      task: what it is for, one of forecasts.
      filters: of the convolution.
      kernel: C, the steps that a filter sees.
      skip: p, the steps of a period; 0 for no such part.
      skip_size: units of the part that skips.
      highway_window: q, the steps that the autoregression sees; 0 for none.
      rngs: what parameters are drawn from.

    Raises:
      ValueError: a task of something else; sizes that are none; a cell that can't be made with `skip_size` units; when
        called, less than C + p steps, or than q.

    >>> import jax, rnnx
    >>> adding = rnnx.tasks.get("adding")()
    >>> def sample(key, batch_size, length):
    ...     xs = jax.random.normal(key, (length + 1, batch_size, 2))
    ...     return rnnx.Batch(xs[:-1], xs[-1:], jax.numpy.ones(batch_size))
    >>> task = adding._replace(sample=sample, input_size=2, output_size=2)
    >>> model = Lstnet(rnnx.gru(hidden_size=8), task, skip=4, highway_window=3, rngs=nnx.Rngs(0))
    >>> model(task.sample(jax.random.key(0), 5, 20)).shape
    (1, 5, 2)
    """

    def __init__(
        self,
        cell: Cell,
        task: Task,
        *,
        filters: int = 50,
        kernel: int = 6,
        skip: int = 24,
        skip_size: int = 5,
        highway_window: int = 24,
        rngs: nnx.Rngs,
    ):
        check_suits("lstnet", cell, task)
        self.series, O = task.output_size, task.output_size
        self.kernel = checks.size("kernel", kernel)
        self.skip = checks.size("skip", skip, least=0)
        self.window = checks.size("highway_window", highway_window, least=0)
        filters, skip_size = checks.size("filters", filters), checks.size("skip_size", skip_size)
        self.convolution = over_time(task.input_size, filters, kernel, rngs)
        self.cell, self.skip_cell = cell, of_size(cell, skip_size) if skip else None
        self.cells = nnx.Dict(gru=nnx.Param(cell.init(rngs.params(), filters)))
        if self.skip_cell is not None:
            self.cells["skip"] = nnx.Param(self.skip_cell.init(rngs.params(), filters))
        self.readout = nnx.Linear(cell.output_size + skip * skip_size, O, rngs=rngs)
        self.highway = nnx.Linear(highway_window, 1, rngs=rngs) if highway_window else None

    def __call__(self, batch: Batch, run: Run = plain_run) -> Array:
        """Forecasts `[1, B, O]` of a batch whose inputs are numbers `[T, B, m]`."""
        xs = batch.inputs
        recent = last_steps("lstnet", xs, self.window, "highway_window")
        last_steps("lstnet", xs, self.kernel + self.skip, "kernel + skip")  # else nothing is left to run over
        c = jax.nn.relu(self.convolution(jnp.swapaxes(xs, 0, 1)[:, :, None]))
        c = jnp.swapaxes(c[:, :, 0], 0, 1)  # [T - C + 1, B, filters]
        seen = [run("gru", self.cell, self.cells["gru"].get_value(), c).outputs[-1]]
        if self.skip_cell is not None:
            params = self.cells["skip"].get_value()
            sequences = interleaved(c, self.skip, (len(xs) - self.kernel) // self.skip)
            skipped = run("skip", self.skip_cell, params, sequences).outputs[-1]
            seen.append(skipped.reshape(len(seen[0]), -1))
        outputs = read_out(self.readout, jnp.concatenate(seen, axis=-1))
        if self.highway is not None:
            outputs += autoregression(self.highway, recent, self.series)
        return outputs[None]


def interleaved(c: Array, p: int, periods: int) -> Array:
    """The last periods of `[T, B, F]` as p sequences an example, each of every p-th step: `[periods, B p, F]`.

    >>> interleaved(jnp.arange(7.0).reshape(7, 1, 1), p=3, periods=2)[..., 0]
    Array([[1., 2., 3.],
           [4., 5., 6.]], dtype=float32)
    """
    T, B, F = c.shape
    steps = c[T - periods * p :].reshape(periods, p, B, F)
    return jnp.swapaxes(steps, 1, 2).reshape(periods, B * p, F)


def of_size(cell: Cell, units: int) -> Cell:
    """The cell with so many units and all other options as they are.

    Raises:
      ValueError: a cell of another size that no factory made by its `hidden_size`.

    >>> import rnnx
    >>> of_size(rnnx.gru(50, reset_after=False), 5)
    rnnx.gru(5, reset_after=False)
    """
    if cell.output_size == units:
        return cell
    call = call_of(cell)
    if call is not None:
        given = inspect.signature(call.again.func).bind(*call.again.args, **call.again.keywords).arguments
        if "hidden_size" in given:
            return call.again.func(**given | {"hidden_size": units})
    raise ValueError(
        f"the model 'lstnet' makes its skip of the same cell with {units} units, and this one says nothing of its "
        f"hidden_size: take a cell such as rnnx.gru(50), or set skip_size to {cell.output_size}."
    )
