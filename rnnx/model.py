"""The model that every experiment trains: embedding, recurrent cell, readout.

    x_t = E[token_t]  (tasks of whole numbers)     y = unroll(cell, x)     output_t = y_t R + b

The layouts one-to-one, one-to-many, many-to-one and many-to-many are the task's weights over time; the model stays.
"""

from typing import Any, Literal

import jax
import jax.numpy as jnp
from flax import nnx

from rnnx.evidence import evidence
from rnnx.gradient_flow import log10_norm
from rnnx.tasks._loss import last_scored
from rnnx.types import Array, Batch, Cell, Evidence, Params, Task, Trajectory
from rnnx.unroll import unroll

Precision = Literal["float32", "bfloat16"]


class Model(nnx.Module):
    """Embedding, cell and readout as a Flax NNX module.

    The embedding has as many features as the cell has outputs. Inputs that are numbers go to the cell as they are.
    With `precision="bfloat16"` time runs in it, forward and backward: the cell's parameters and inputs are rounded on
    the way in. The parameters themselves, embedding, readout and loss stay what they are.

    >>> import jax, rnnx
    >>> from flax import nnx
    >>> task = rnnx.tasks.get("adding")()
    >>> model = Model(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
    >>> batch = task.sample(jax.random.key(0), 4, 10)
    >>> model(batch).shape
    (10, 4, 1)
    """

    def __init__(self, cell: Cell, task: Task, *, precision: Precision = "float32", rngs: nnx.Rngs):
        self.unbound_cell = cell
        self.precision = precision
        features = cell.output_size if task.discrete else task.input_size
        self.embedding = nnx.Embed(task.input_size, features, rngs=rngs) if task.discrete else None
        self.cell = nnx.Param(cell.init(rngs.params(), features))
        self.readout = nnx.Linear(cell.output_size, task.output_size, rngs=rngs)

    def embed(self, batch: Batch) -> Array:
        """What the cell sees, `[T, B, I]`."""
        return batch.inputs if self.embedding is None else self.embedding(batch.inputs)

    def cell_given(self, batch: Batch) -> tuple[Params, Array]:
        """What time runs on: the cell's parameters and what it sees, in the model's precision."""
        given = self.cell.get_value(), self.embed(batch)
        return given if self.precision == "float32" else jax.tree.map(lambda a: a.astype(jnp.bfloat16), given)

    def run(self, batch: Batch, *, cell: Cell | None = None, **options: Any) -> Trajectory:
        """The cell, or another of the same parameters in its place, over a batch; options are those of `unroll`."""
        return unroll(cell or self.unbound_cell, *self.cell_given(batch), lengths=batch.lengths, **options)

    def __call__(self, batch: Batch, *, truncate: int | None = None) -> Array:
        """Outputs `[T, B, O]` of a batch; `truncate` as in `rnnx.unroll`."""
        return self.read_out(self.run(batch, truncate=truncate).outputs)

    def read_out(self, ys: Array) -> Array:
        """Outputs `[T, B, O]` from the cell's outputs; over rows, as in `rnnx.product`."""
        rows = ys.reshape(-1, ys.shape[-1]).astype(self.readout.kernel.get_value().dtype)
        return self.readout(rows).reshape(*ys.shape[:-1], -1)


def split(cell: Cell, task: Task, key: Array, precision: Precision = "float32") -> tuple[Any, Params]:
    """A new model as a static graph definition and pure parameters `{"cell": …, "embedding": …, "readout": …}`.

    `nnx.merge(graphdef, params)` puts them together again, inside `jit` and `grad` too.
    """
    graphdef, state = nnx.split(Model(cell, task, precision=precision, rngs=nnx.Rngs(params=key)))
    return graphdef, nnx.to_pure_dict(state)


def evidence_of(model: Model, task: Task, batch: Batch) -> Evidence:
    """Evidence for the diagnostics, of the loss at each example's last scored step.

    A many-to-many loss is a sum over steps, and its gradient at s_t is dominated by the terms right after t; what the
    last term alone sends back tells how far the memory reaches, and means the same for every layout.

    What was computed in bfloat16 is what is told, but as float32, so that a logarithm of it has more than 8 bits.
    """
    last = last_scored(batch)
    only_last = jnp.arange(batch.weights.shape[0])[:, None] == last
    scored = batch._replace(weights=batch.weights * only_last.astype(batch.weights.dtype))
    found = evidence(
        model.unbound_cell,
        *model.cell_given(batch),
        loss=lambda ys: task.loss(model.read_out(ys), scored),
        last=last,
        lengths=batch.lengths,
    )
    if model.precision == "float32":
        return found
    params, inputs, flow = in_float32((found.params, found.inputs, found.flow))
    flow = flow._replace(log10_state_norm=log10_norm(*jax.tree.leaves(flow.state_gradients)))
    return found._replace(params=params, inputs=inputs, flow=flow)


def in_float32(tree: Any) -> Any:
    """What was computed in bfloat16 as float32, and all else as it is."""
    return jax.tree.map(lambda a: a.astype(jnp.float32) if a.dtype == jnp.bfloat16 else a, tree)
