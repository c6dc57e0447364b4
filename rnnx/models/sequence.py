"""The model for a sequence of inputs with an output at each: embedding, recurrent layers, readout.

    x_t = E[token_t]  (tasks of tokens)     y = run(cell, x), layer by layer     output_t = y_t R + b

With `tied_embedding` R is Eᵀ (Press & Wolf 2017; Inan, Khosravi & Socher 2017): a token is as likely as its vector is
like y_t, and to learn one is to learn the other. Entries of E begin with variance 1 / H, which is that of R too.

The layouts one-to-one, one-to-many, many-to-one and many-to-many are the task's weights over time; the model stays.
"""

import jax.numpy as jnp
from flax import nnx

from rnnx.models._layers import Layers, changed, embedding, read_out, repeated, values
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Batch, Cell, Decoder, Run, State, Task, Tree
from rnnx.unroll import plain_run


class Sequence(nnx.Module):
    """Embedding, one or more layers of a cell, and a readout at every step.

    The embedding has as many features as the cell has outputs. Inputs that are numbers go to the cell as they are. The
    recurrent parts are called `cell`; `layer0`, `layer1`, … where there are several; each with `forward` and `backward`
    where they run in both directions.

    Args:
      cell: the cell of every layer, each with parameters of its own.
      task: what it is for.
      layers: how many, each over the outputs of the one below.
      bidirectional: each layer is two, one of them run from the last step to the first, their outputs side by side. At
        the last step the second one has seen no more than that step, so it is of use where every step is scored.
      residual: each layer but the first adds its inputs to its outputs, y_t = x_t + y'_t (He et al. 2016).
      layer_norm: with `rnnx.layer_norm` within each cell; for cells of form `Dense`.
      learned_initial_state: each part's first state is a parameter (`rnnx.learned_initial_state`).
      tied_embedding: the readout is the embedding, transposed, and a bias.
      rngs: what parameters are drawn from.

    Raises:
      ValueError: a number of layers below 1; `layer_norm` of a cell of another form; `tied_embedding` where outputs are
        not for the tokens that are read, or of layers that are two.

    >>> import jax, rnnx
    >>> task = rnnx.tasks.get("adding")()
    >>> model = Sequence(rnnx.gru(hidden_size=8), task, layers=2, rngs=nnx.Rngs(0))
    >>> model(task.sample(jax.random.key(0), 4, 10)).shape
    (10, 4, 1)
    """

    def __init__(
        self,
        cell: Cell,
        task: Task,
        *,
        layers: int = 1,
        bidirectional: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
        learned_initial_state: bool = False,
        tied_embedding: bool = False,
        rngs: nnx.Rngs,
    ):
        if isinstance(cell.form, Tree):
            raise ValueError(
                "the model 'sequence' runs over time, and this cell over trees: the model 'recursive' does."
            )
        cell = changed(cell, layer_norm=layer_norm, learned_initial_state=learned_initial_state)
        self.layers = Layers(repeated(cell, layers), bidirectional=bidirectional, residual=residual)
        tokens = task.vocab_size is not None and task.vocab_size == task.output_size
        self.generates = tokens or (task.keyboard is not None and task.input_size == task.output_size)
        if tied_embedding and not tokens:
            raise ValueError("tied_embedding is for tasks whose outputs are for the tokens that are read, unlike here.")
        if tied_embedding and bidirectional:
            raise ValueError(
                f"tied_embedding needs outputs as wide as the embedding, {cell.output_size}, and those of both "
                f"directions are {self.layers.output_size}: set bidirectional to False."
            )
        features = task.input_size if task.vocab_size is None else cell.output_size
        self.embedding = None if task.vocab_size is None else embedding(task.vocab_size, features, rngs)
        self.cells = self.layers.init(features, rngs)
        width = self.layers.output_size
        self.readout = None if tied_embedding else nnx.Linear(width, task.output_size, rngs=rngs)
        self.bias = nnx.Param(jnp.zeros(task.output_size)) if tied_embedding else None

    def __call__(self, batch: Batch, run: Run = plain_run) -> Array:
        """Outputs `[T, B, O]` of a batch whose inputs are `[T, B]` tokens or `[T, B, I]` numbers."""
        ys, _ = self.layers(values(self.cells), run, self._embed(batch.inputs), lengths=batch.lengths)
        return self._read_out(ys)

    def decoder(self, batch: Batch, run: Run = plain_run) -> Decoder:
        """What goes on writing after the tokens of a batch, of which there is at least one; targets are not read.

        Where a task has a `keyboard` they are frames, `[T, B, I]`.

        Raises:
          ValueError: the outputs are not for the tokens that are read; no tokens; a model whose outputs depend on later
            tokens too, or that cannot be stepped.

        >>> import jax, rnnx
        >>> task = rnnx.tasks.get("adding")()._replace(vocab_size=5, output_size=5)
        >>> model = Sequence(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
        >>> prompt = rnnx.Batch(inputs=jax.numpy.array([[3], [1]]), targets=None, weights=None)
        >>> decoder = model.decoder(prompt)
        >>> decoder.logits(decoder.step(decoder.state, jax.numpy.array([4]))).shape
        (1, 5)
        """
        if not self.generates:
            raise ValueError("a sequence model writes where its outputs are for the tokens that it reads, unlike here.")
        if self.layers.bidirectional or self.layers.cells[0].step is None:
            raise ValueError("a model that runs in both directions, or whose cell can't be stepped, writes nothing.")
        if not len(batch.inputs):
            raise ValueError("a sequence model needs at least one token to go on from.")

        def read(
            tokens: Array, states: tuple[State, ...] | None, lengths: Array | None = None
        ) -> tuple[Array, tuple[State, ...]]:
            return self.layers(values(self.cells), run, self._embed(tokens), states, lengths=lengths)

        def step(state: tuple[tuple[State, ...], Array], token: Array) -> tuple[tuple[State, ...], Array]:
            ys, states = read(token[None], state[0])
            return states, self._read_out(ys[0])

        ys, states = read(batch.inputs, None, batch.lengths)
        T, B = batch.inputs.shape[:2]
        last = T - 1 if batch.lengths is None else jnp.clip(batch.lengths, 1, T) - 1
        # Of that step alone: logits of all of a prompt are many, and nobody asks for them.
        logits = self._read_out(ys[last, jnp.arange(B)])
        return Decoder(state=(states, logits), step=step, logits=lambda state: state[1])

    def _embed(self, inputs: Array) -> Array:
        """x of tokens; of numbers, what they are."""
        return inputs if self.embedding is None else self.embedding(inputs)

    def _read_out(self, ys: Array) -> Array:
        """Outputs `[…, O]` of the last layer's `[…, Y]`."""
        if self.readout is not None:
            return read_out(self.readout, ys)
        assert self.embedding is not None
        assert self.bias is not None
        return matmul_rows(ys, self.embedding.embedding.get_value().T) + self.bias.get_value()
