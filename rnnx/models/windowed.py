"""The model whose readout sees the outputs of several steps, side by side.

    output_t = [y_{t-K+1} … y_t] R + b,    y_t = 0 for t < 1

Where K is all of a sequence and the last step is scored, the readout sees all that the cell has put out, "flattened",
and nothing need be remembered to the end: a network so read is another than one of which the last state is asked.
"""

import jax.numpy as jnp
from flax import nnx

from rnnx import checks
from rnnx.models._layers import Layers, embedding, read_out, repeated, values
from rnnx.types import Array, Batch, Cell, Run, Task, Tree
from rnnx.unroll import plain_run


class Windowed(nnx.Module):
    """Embedding, one or more layers of a cell, and a readout of the outputs of the last steps at every step.

    The recurrent parts are called as those of `sequence`.

    Args:
      cell: the cell of every layer, each with parameters of its own.
      task: what it is for.
      window: K, of how many steps, the present one among them.
      layers: how many, each over the outputs of the one below.
      bidirectional: each layer is two, one of them run from the last step to the first, their outputs side by side.
      rngs: what parameters are drawn from.

    Raises:
      ValueError: a window or a number of layers below 1; a cell of trees.

    >>> import jax, rnnx
    >>> task = rnnx.tasks.get("adding")()
    >>> model = Windowed(rnnx.gru(hidden_size=8), task, window=10, rngs=nnx.Rngs(0))
    >>> model(task.sample(jax.random.key(0), 4, 10)).shape, model.readout.kernel.shape
    ((10, 4, 1), (80, 1))
    """

    def __init__(
        self,
        cell: Cell,
        task: Task,
        *,
        window: int = 10,
        layers: int = 1,
        bidirectional: bool = False,
        rngs: nnx.Rngs,
    ):
        if isinstance(cell.form, Tree):
            raise ValueError(
                "the model 'windowed' runs over time, and this cell over trees: the model 'recursive' does."
            )
        self.window = checks.size("window", window)
        self.layers = Layers(repeated(cell, layers), bidirectional=bidirectional)
        features = task.input_size if task.vocab_size is None else cell.output_size
        self.embedding = None if task.vocab_size is None else embedding(task.vocab_size, features, rngs)
        self.cells = self.layers.init(features, rngs)
        self.readout = nnx.Linear(self.window * self.layers.output_size, task.output_size, rngs=rngs)

    def __call__(self, batch: Batch, run: Run = plain_run) -> Array:
        """Outputs `[T, B, O]` of a batch whose inputs are `[T, B]` tokens or `[T, B, I]` numbers."""
        xs = batch.inputs if self.embedding is None else self.embedding(batch.inputs)
        ys, _ = self.layers(values(self.cells), run, xs, lengths=batch.lengths)
        T = len(ys)
        before = jnp.pad(ys, ((self.window - 1, 0), (0, 0), (0, 0)))
        return read_out(self.readout, jnp.concatenate([before[k : k + T] for k in range(self.window)], axis=-1))
