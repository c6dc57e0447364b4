"""The model for captions: a small convolutional network looks at a picture, and a cell writes to it.

    m_p = conv(conv(conv(image)))_p + e_p     places p: 3 × 3 pixels, every other place each time, relu; e is learnt
    s_0 = m W + b                             of all places together
    y = run(decoder, E[target], s_0)          output_t = y_t R + b

One to many: all that the decoder knows of the picture is in its first state (Vinyals, Toshev, Bengio & Erhan 2015, who
feed it at a step before the first). With attention it looks at all places before each of its steps as well (Xu, Ba,
Kiros, Cho, Courville et al. 2015, whose first state is made of their mean). In training it is given the true word of
the step before (teacher forcing).
"""

import itertools
from typing import Literal

import jax
import jax.numpy as jnp
from flax import nnx

from rnnx import checks
from rnnx.combinators.attention import attended
from rnnx.combinators.attention import attention as with_attention
from rnnx.dynamics.jacobians import Flat
from rnnx.models._convolution import convolution
from rnnx.models._layers import embedding, read_out
from rnnx.types import Array, Batch, Captioned, Cell, Decoder, Params, Run, State, Task, Tree
from rnnx.unroll import plain_run

_FEATURES = (16, 32)
"""Of the first convolutions; the last one has as many as the cell has outputs."""


class Captioner(nnx.Module):
    """A convolutional network, whose weights no cell has, and a recurrent part called `decoder`.

    A picture of Y × X pixels has P = ⌈Y/8⌉ · ⌈X/8⌉ places, row by row. Places and word vectors have as many features as
    the cell has outputs.

    Args:
      cell: the decoder's.
      task: what it is for; `Batch.inputs` are `rnnx.types.Captioned`, with pictures of one size.
      attention: of the decoder, over the places; see `rnnx.combinators.attention`.
      rngs: what parameters are drawn from.

    Raises:
      ValueError: an unknown kind of attention, or a cell that can't attend, such as `lru`; a task without pictures.

    >>> import jax, rnnx
    >>> task = rnnx.tasks.get("scenes")()
    >>> model = Captioner(rnnx.gru(hidden_size=8), task, attention="dot", rngs=nnx.Rngs(0))
    >>> model(task.sample(jax.random.key(0), 4, 11)).shape == (11, 4, task.output_size)
    True
    """

    def __init__(
        self,
        cell: Cell,
        task: Task,
        *,
        attention: Literal["none", "dot", "additive"] = "additive",
        rngs: nnx.Rngs,
    ):
        checks.choice("attention", attention, ("none", "dot", "additive"))
        if isinstance(cell.form, Tree):
            raise ValueError("the model 'captioner' runs over time, and this cell over trees.")
        inputs = jax.eval_shape(lambda: task.sample(jax.random.key(0), 1, task.min_length)).inputs
        if not isinstance(inputs, Captioned):
            raise ValueError("the model 'captioner' writes to pictures, and this task has none.")
        H = cell.output_size
        *_, Y, X, C = inputs.image.shape
        sizes = (C, *_FEATURES, H)
        self.convolutions = nnx.List(convolution(below, above, rngs) for below, above in itertools.pairwise(sizes))
        P = -(-Y // 8) * -(-X // 8)
        self.places = nnx.Param(0.1 * jax.random.normal(rngs.params(), (P, 1, H)))
        self.attends = attention != "none"
        self.cell = cell if attention == "none" else with_attention(cell, H, score=attention)
        self.cells = nnx.Dict(decoder=nnx.Param(self.cell.init(rngs.params(), H)))
        self.start = nnx.Linear(P * H, self._flat.size, rngs=rngs)
        self.words = embedding(task.output_size + 1, H, rngs)  # and what stands before the first
        self.readout = nnx.Linear(H, task.output_size, rngs=rngs)

    def __call__(self, batch: Batch, run: Run = plain_run) -> Array:
        """Outputs `[T, B, O]` at every step of the target."""
        inputs = batch.inputs
        params, state = self._look(inputs.image)
        words = self.words(inputs.target)
        decoded = run("decoder", self.cell, params, words, state, lengths=inputs.target_lengths)
        return read_out(self.readout, decoded.outputs)

    def decoder(self, batch: Batch, run: Run = plain_run) -> Decoder:
        """What writes to each picture of a batch; the targets that are in the batch are not read.

        >>> import jax, rnnx
        >>> task = rnnx.tasks.get("scenes")()
        >>> model = Captioner(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
        >>> decoder = model.decoder(task.sample(jax.random.key(0), 4, 11))
        >>> first = decoder.logits(decoder.state).argmax(axis=-1)  # the likeliest word of each caption
        >>> decoder.logits(decoder.step(decoder.state, first)).shape == (4, task.output_size)
        True
        """
        params, looked = self._look(batch.inputs.image)

        def read(state: State, token: Array) -> tuple[State, Array]:
            decoded = run("decoder", self.cell, params, self.words(token[None]), state)
            return decoded.final_state, read_out(self.readout, decoded.outputs[0])

        before_first = jnp.full(batch.inputs.image.shape[1], self.readout.out_features)
        return Decoder(
            state=read(looked, before_first),
            step=lambda state, token: read(state[0], token),
            logits=lambda state: state[1],
        )

    def _look(self, image: Array) -> tuple[Params, State]:
        """Parameters of the decoder, with what it looks at, and the state that it starts in."""
        (seen,) = image
        for layer in self.convolutions:
            seen = nnx.relu(layer(seen))
        B, *_, H = seen.shape
        memory = jnp.swapaxes(seen.reshape(B, -1, H), 0, 1) + self.places.get_value()
        params = self.cells["decoder"].get_value()
        start = self._flat.unpack(read_out(self.start, jnp.swapaxes(memory, 0, 1).reshape(B, -1)))
        return attended(params, memory) if self.attends else params, start

    @property
    def _flat(self) -> Flat:
        """The state of an example as a row of numbers."""
        params = self.cells["decoder"].get_value()
        return Flat(jax.eval_shape(lambda: self.cell.initial_state(params, ())), batch_axes=0)
