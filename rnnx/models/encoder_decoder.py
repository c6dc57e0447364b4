"""The model for sequence to sequence: cells read the source, others write the target from where the first ended.

    s^enc = run(encoder, E_src[source])     y = run(decoder, E_tgt[target], s_0 = s^enc_last)     output_t = y_t R + b

Sutskever, Vinyals & Le 2014; with attention over all the encoder's outputs Bahdanau, Cho & Bengio 2015. In training the
decoder is given the true target of the step before (teacher forcing). Of several layers each is handed the state of the
same layer, and the lowest one of the decoder attends (Wu et al. 2016).
"""

from typing import Literal

import jax.numpy as jnp
from flax import nnx

from rnnx import checks
from rnnx.combinators.attention import attended
from rnnx.combinators.attention import attention as with_attention
from rnnx.models._layers import Layers, changed, embedding, read_out, repeated, values
from rnnx.types import Array, Batch, Cell, Decoder, Params, Run, State, Task, Tree
from rnnx.unroll import plain_run


class EncoderDecoder(nnx.Module):
    """Two cells of one kind, the second of which starts in the state that the first ended in.

    The recurrent parts are called `encoder` and `decoder`; `encoder/layer0`, `encoder/layer1`, … where each is several
    layers, and `encoder/forward`, `encoder/backward` where it reads both ways. Word vectors have as many features as
    the cell has outputs.

    Args:
      cell: the cell of all parts, with parameters of their own.
      task: what it is for; `Batch.inputs` are `rnnx.types.Pair`, and `lengths` those of the sources.
      attention: of the decoder, over the encoder's outputs; see `rnnx.combinators.attention`.
      layers: how many the encoder has, and the decoder.
      bidirectional: the encoder reads in both directions; the decoder starts where the forward one ended.
      residual, layer_norm: as of the model `sequence`.
      learned_initial_state: the encoder's first state is a parameter; the decoder is handed its own.
      rngs: what parameters are drawn from.

    Raises:
      ValueError: an unknown kind of attention, or a cell that can't attend, such as `lru`; a task without tokens.

    >>> import jax, rnnx
    >>> task = rnnx.tasks.get("reverse")()
    >>> model = EncoderDecoder(rnnx.gru(hidden_size=8), task, attention="dot", rngs=nnx.Rngs(0))
    >>> model(task.sample(jax.random.key(0), 4, 10)).shape
    (10, 4, 8)
    """

    def __init__(
        self,
        cell: Cell,
        task: Task,
        *,
        attention: Literal["none", "dot", "additive"] = "additive",
        layers: int = 1,
        bidirectional: bool = False,
        residual: bool = False,
        layer_norm: bool = False,
        learned_initial_state: bool = False,
        rngs: nnx.Rngs,
    ):
        checks.choice("attention", attention, ("none", "dot", "additive"))
        if isinstance(cell.form, Tree):
            raise ValueError("the model 'encoder_decoder' runs over time, and this cell over trees.")
        if task.vocab_size is None:
            raise ValueError("the model 'encoder_decoder' has a vector for each token, and this task has no tokens.")
        H = cell.output_size
        self.attends = attention != "none"
        reading = changed(cell, layer_norm=layer_norm, learned_initial_state=learned_initial_state)
        writing = changed(cell, layer_norm=layer_norm)
        self.reads = Layers(repeated(reading, layers), "encoder", bidirectional, residual)
        lowest = writing if attention == "none" else with_attention(writing, self.reads.output_size, score=attention)
        self.writes = Layers((lowest, *repeated(writing, layers)[1:]), "decoder", residual=residual)
        self.source = embedding(task.vocab_size, H, rngs)
        self.target = embedding(task.output_size + 1, H, rngs)  # and what stands before the first target
        self.cells = nnx.Dict(**self.reads.init(H, rngs), **self.writes.init(H, rngs))
        self.readout = nnx.Linear(H, task.output_size, rngs=rngs)

    def __call__(self, batch: Batch, run: Run = plain_run) -> Array:
        """Outputs `[T, B, O]` at every step of the target."""
        pair = batch.inputs
        params, states = self._encode(batch, run)
        decoded, _ = self.writes(params, run, self.target(pair.target), states, lengths=pair.target_lengths)
        return read_out(self.readout, decoded)

    def decoder(self, batch: Batch, run: Run = plain_run) -> Decoder:
        """What writes a target to each source of a batch; the targets that are in the batch are not read.

        >>> import jax, rnnx
        >>> task = rnnx.tasks.get("reverse")()
        >>> model = EncoderDecoder(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
        >>> decoder = model.decoder(task.sample(jax.random.key(0), 4, 10))
        >>> first = decoder.logits(decoder.state).argmax(axis=-1)  # the likeliest symbol of each example
        >>> decoder.logits(decoder.step(decoder.state, first)).shape
        (4, 8)
        """
        params, encoded = self._encode(batch, run)

        def read(states: tuple[State, ...], token: Array) -> tuple[tuple[State, ...], Array]:
            outputs, states = self.writes(params, run, self.target(token[None]), states)
            return states, read_out(self.readout, outputs[0])

        before_first = jnp.full(batch.inputs.source.shape[1], self.readout.out_features)
        return Decoder(
            state=read(encoded, before_first),
            step=lambda state, token: read(state[0], token),
            logits=lambda state: state[1],
        )

    def _encode(self, batch: Batch, run: Run) -> tuple[dict[str, Params], tuple[State, ...]]:
        """Parameters of all parts, with what the decoder looks at, and the state that each of its layers starts in."""
        params = values(self.cells)
        encoded, states = self.reads(params, run, self.source(batch.inputs.source), lengths=batch.lengths)
        if self.attends:
            (lowest,) = self.writes.parts(0)
            params[lowest] = attended(params[lowest], encoded, lengths=batch.lengths)
        return params, states
