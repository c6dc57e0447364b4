"""The model for trees: word vectors, a cell over the nodes, a readout at each of them.

    x_n = E[word_n] at the leaves     y = run(cell, x) over the nodes     output_n = y_n R + b

Socher et al. 2013: the readout is shared by leaves and inner nodes.
"""

import jax.numpy as jnp
from flax import nnx

from rnnx import cells
from rnnx.models._layers import embedding, read_out
from rnnx.types import Array, Batch, Cell, Run, Task, Tree
from rnnx.unroll import plain_run


class Recursive(nnx.Module):
    """Word vectors, one cell of form `Tree`, and a readout at every node.

    The recurrent part is called `tree`; its lag is the depth below the root.

    Args:
      cell: the cell: `recursive`, `mv_rnn`, `rntn` or `tree_lstm`. Word vectors have as many numbers as it asks for, or
        else as it has outputs.
      task: what it is for; `Batch.inputs` are `rnnx.types.Nodes`, and `lengths` the numbers of nodes.
      rngs: what parameters are drawn from.

    Raises:
      ValueError: a cell of another form; a task without words.

    >>> import jax, rnnx
    >>> task = rnnx.tasks.get("tournament")()
    >>> model = Recursive(rnnx.cells.get("rntn")(hidden_size=4), task, rngs=nnx.Rngs(0))
    >>> model(task.sample(jax.random.key(0), 3, 5)).shape  # 5 words, and so 9 nodes
    (9, 3, 3)
    """

    def __init__(self, cell: Cell, task: Task, *, rngs: nnx.Rngs):
        if not isinstance(cell.form, Tree):
            known = [name for name in cells.names() if isinstance(cells.get(name)(1).form, Tree)]
            raise ValueError(
                f"the model 'recursive' runs over trees and needs a cell of form Tree: {', '.join(known)}."
            )
        if task.vocab_size is None:
            raise ValueError("the model 'recursive' has a vector for each word, and this task has no words.")
        self.cell = cell
        features = cell.form.word_size or cell.output_size
        self.embedding = embedding(task.vocab_size, features, rngs)
        self.tree = nnx.Param(cell.init(rngs.params(), features))
        self.readout = nnx.Linear(cell.output_size, task.output_size, rngs=rngs)

    def __call__(self, batch: Batch, run: Run = plain_run) -> Array:
        """Outputs `[N, B, O]` at every node."""
        words, children = batch.inputs
        is_leaf = (children < 0).all(axis=-1)[..., None]
        xs = jnp.where(is_leaf, self.embedding(words), 0)
        ys = run("tree", self.cell, self.tree.get_value(), xs, lengths=batch.lengths, children=children).outputs
        return read_out(self.readout, ys)
