"""Attention: which steps of the source, places of a picture or series a network looks at."""

import jax.numpy as jnp

from rnnx.combinators._by_state import ByStateParams, weights_by_state
from rnnx.combinators.attention import AttentionParams, attention_weights
from rnnx.diagnostics._share import valid_mask
from rnnx.diagnostics._tags import Tag
from rnnx.types import Array, GradientFlow

TAGS = (
    Tag(
        "attention/weights",
        "0 … 1",
        "of the first example, α at each step of the target for each step of the source, or place of a picture, "
        "`[T, S]`, or of DA-RNN's encoder for each series; a row sums to one, and is NaN past the example's last step",
    ),
    Tag(
        "attention/places",
        "places",
        "how many steps of the source, places of a picture or series it looks at, e to the entropy of α: 1 where it "
        "looks at one alone, S where at all alike; mean over steps and examples",
        headline=True,
    ),
)


def attention(flow: GradientFlow) -> dict[str, Array]:
    """The weights of a part that attends, such as the decoder of `encoder_decoder` or both parts of `da_rnn`; nothing
    of any other part.

    Tags: `attention/weights [T, S]` of the first example, for which each step looks at all of the source with weights
    that sum to one (Bahdanau, Cho & Bengio 2015, figure 3); `attention/places`, exp(−Σ_s α_ts ln α_ts), the perplexity
    of the weights: mean over the steps of all examples. Cost: the scores of all steps once more.

    >>> import jax, jax.numpy as jnp, rnnx
    >>> from rnnx.combinators.attention import attended
    >>> cell = rnnx.attention(rnnx.gru(hidden_size=8), memory_size=6)
    >>> params = attended(cell.init(jax.random.key(0), 3), jnp.ones((7, 4, 6)))  # all places alike
    >>> flow = rnnx.gradient_flow(cell, params, jnp.ones((5, 4, 3)), lambda ys: ys[-1].sum())
    >>> told = attention(flow)
    >>> told["attention/weights"].shape, round(float(told["attention/places"]), 3)
    ((5, 7), 7.0)
    """
    params = flow.params
    if isinstance(params, AttentionParams):
        weights = attention_weights(params, flow.cell.read(params, flow.before, flow.inputs))  # [T, B, S]
    elif isinstance(params, ByStateParams):
        weights = weights_by_state(params, flow.before, flow.inputs.ndim - 1)
    else:
        return {}
    information = jnp.where(weights == 0, 0, weights * jnp.log(weights))
    places = jnp.exp(-jnp.sum(information, axis=-1))
    there = valid_mask(places, flow.last)
    return {
        "attention/weights": jnp.where(there[:, 0, None], weights[:, 0], jnp.nan),
        "attention/places": jnp.mean(places, where=there),
    }
