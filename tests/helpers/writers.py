"""Models that write, with so few tokens that all they could write can be written down."""

import functools
import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import rnnx
from rnnx.training.program import split
from rnnx.types import Batch, Decoder, Pair

V, B, P = 4, 3, 3
"""Tokens, examples, and what is read before anything is written."""

TASK = rnnx.tasks.get("adding")()._replace(vocab_size=V, input_size=V, output_size=V)


class Markov(nnx.Module):
    """What comes next depends on the last token alone: a row of a table of logits, [V, V]."""

    def __init__(self, *, table=None, rngs=None):
        self.table = nnx.Param(jnp.zeros((V, V)) if table is None else jnp.asarray(table))

    def __call__(self, batch):
        return self.table.get_value()[batch.inputs]

    def decoder(self, batch, run=rnnx.plain_run):
        table = self.table.get_value()
        return Decoder(state=batch.inputs[-1], step=lambda state, token: token, logits=lambda state: table[state])


MODELS = {
    "markov": Markov,
    "sequence": functools.partial(rnnx.models.get("sequence"), rnnx.gru(3), TASK, layers=2),
    "encoder_decoder": functools.partial(rnnx.models.get("encoder_decoder"), rnnx.lstm(3), TASK, attention="dot"),
}


class Writer(NamedTuple):
    graphdef: Any
    params: Any
    prompt: Batch

    def decoder(self, params, prompt=None):
        return nnx.merge(self.graphdef, params).decoder(self.prompt if prompt is None else prompt)

    def said(self, params, tokens):
        """Logits of the model by itself, [L, B, V], where it is given these tokens after the prompt."""
        inputs, model = self.prompt.inputs, nnx.merge(self.graphdef, params)
        if isinstance(inputs, Pair):
            before_first = jnp.full_like(tokens[:1], V)
            given = inputs._replace(target=jnp.concatenate([before_first, tokens[:-1]]))
            return model(self.prompt._replace(inputs=given))
        return model(self.prompt._replace(inputs=jnp.concatenate([inputs, tokens[:-1]])))[P - 1 :]


@functools.cache
def made(name, x64=False):
    """A writer of parameters that are the same every time; `x64` is whether the test is one in double precision."""
    assert x64 == jax.config.jax_enable_x64
    rng = np.random.default_rng(3)
    graphdef, shapes = jax.eval_shape(lambda: split(MODELS[name], jax.random.key(0)))
    params = jax.tree.map(lambda leaf: jnp.array(rng.normal(size=leaf.shape), float), shapes)
    tokens = jnp.array(rng.integers(V, size=(P, B)), jnp.int32)
    prompt = Pair(tokens, tokens) if name == "encoder_decoder" else tokens
    return Writer(graphdef, params, Batch(prompt, None, None))


def markov(probabilities, first):
    """A writer of these probabilities of the next token, a row for each last one, after prompts of one token each."""
    with np.errstate(divide="ignore"):
        graphdef, params = nnx.split(Markov(table=np.log(np.array(probabilities, np.float32))))
    return Writer(graphdef, params, Batch(jnp.array([first], jnp.int32), None, None))


def outputs(length, end=None):
    """All outputs of at most this many tokens, each up to its end if it has one; as tuples, in their order."""
    for tokens in itertools.product(range(V), repeat=length):
        stop = tokens.index(end) + 1 if end in tokens else length
        if all(token == end for token in tokens[stop:]):  # one of those that are the same up to the end
            yield tokens[:stop]
