"""The model that every experiment trains: embedding, recurrent cell, readout.

    x_t = E[token_t]  (tasks of whole numbers)     y = unroll(cell, x)     output_t = y_t R + b

The layouts one-to-one, one-to-many, many-to-one and many-to-many are the task's weights over time; the model stays.
"""

from typing import Any

import jax.numpy as jnp
from flax import nnx

from rnnx.evidence import evidence
from rnnx.tasks._loss import last_scored
from rnnx.types import Array, Batch, Cell, Evidence, Params, Task
from rnnx.unroll import unroll


class Model(nnx.Module):
    """Embedding, cell and readout as a Flax NNX module.

    The embedding has as many features as the cell has outputs. Inputs that are numbers go to the cell as they are.

    >>> import jax, rnnx
    >>> from flax import nnx
    >>> task = rnnx.tasks.get("adding")()
    >>> model = Model(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
    >>> batch = task.sample(jax.random.key(0), 4, 10)
    >>> model(batch).shape
    (10, 4, 1)
    """

    def __init__(self, cell: Cell, task: Task, *, rngs: nnx.Rngs):
        self.unbound_cell = cell
        features = cell.output_size if task.discrete else task.input_size
        self.embedding = nnx.Embed(task.input_size, features, rngs=rngs) if task.discrete else None
        self.cell = nnx.Param(cell.init(rngs.params(), features))
        self.readout = nnx.Linear(cell.output_size, task.output_size, rngs=rngs)

    def embed(self, batch: Batch) -> Array:
        """What the cell sees, `[T, B, I]`."""
        return batch.inputs if self.embedding is None else self.embedding(batch.inputs)

    def __call__(self, batch: Batch) -> Array:
        """Outputs `[T, B, O]` of a batch."""
        ys = unroll(self.unbound_cell, self.cell.get_value(), self.embed(batch), lengths=batch.lengths).outputs
        return self.read_out(ys)

    def read_out(self, ys: Array) -> Array:
        """Outputs `[T, B, O]` from the cell's outputs; over rows, as in `rnnx.product`."""
        return self.readout(ys.reshape(-1, ys.shape[-1])).reshape(*ys.shape[:-1], -1)


def split(cell: Cell, task: Task, key: Array) -> tuple[Any, Params]:
    """A new model as a static graph definition and pure parameters `{"cell": …, "embedding": …, "readout": …}`.

    `nnx.merge(graphdef, params)` puts them together again, inside `jit` and `grad` too.
    """
    graphdef, state = nnx.split(Model(cell, task, rngs=nnx.Rngs(params=key)))
    return graphdef, nnx.to_pure_dict(state)


def evidence_of(model: Model, task: Task, batch: Batch) -> Evidence:
    """Evidence for the diagnostics, of the loss at each example's last scored step.

    A many-to-many loss is a sum over steps, and its gradient at s_t is dominated by the terms right after t; what the
    last term alone sends back tells how far the memory reaches, and means the same for every layout.
    """
    last = last_scored(batch)
    only_last = jnp.arange(batch.weights.shape[0])[:, None] == last
    scored = batch._replace(weights=batch.weights * only_last.astype(batch.weights.dtype))
    return evidence(
        model.unbound_cell,
        model.cell.get_value(),
        model.embed(batch),
        loss=lambda ys: task.loss(model.read_out(ys), scored),
        last=last,
        lengths=batch.lengths,
    )
