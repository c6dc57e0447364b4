"""Writing by chance: each token is drawn from what the model says, as temperature, top-k and top-p change it.

    p_i ∝ exp(z_i / T)              temperature T; at 0 the likeliest token alone
    keep the k largest              top-k (Fan, Lewis & Dauphin 2018)
    keep the fewest of those whose p, which again sums to one, comes to at least top_p, the largest first
                                    top-p, "nucleus" (Holtzman et al. 2020)

In this order. Of equal tokens the one of the lower number counts as the larger.
"""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from rnnx import checks
from rnnx.decoding._decoder import decoder_of, graph_of
from rnnx.types import Array, Batch, Decoder, Params, Run
from rnnx.unroll import plain_run


def sample(
    model: nnx.Module | nnx.GraphDef,
    params: Params,
    batch: Batch,
    key: Array,
    *,
    length: int,
    temperature: float | Array = 1.0,
    top_k: int | Array = 0,
    top_p: float | Array = 1.0,
    run: Run = plain_run,
) -> Array:
    """Tokens that a model writes after those of a batch.

    Compiles once for each model, length, way to run time, and shape of the batch: all else may change, or be traced.

    Args:
      model: one that has a `decoder`, or its graph definition.
      params: its parameters, as `nnx.split` or `rnnx.training.program.split` gives them.
      batch: what is read first: of a sequence model the prompt, at least one token; of sequence to sequence the source.
      key: token t of all examples is drawn with `jax.random.fold_in(key, t)`.
      length: how many tokens.
      temperature, top_k, top_p: as for `filtered_logits`.
      run: how time runs, as in the model's own call.

    Returns:
      `[length, B]`, int32; the prompt is not among them.

    Raises:
      ValueError: a length below 1; as from `filtered_logits`; a batch or a model that nothing can be written after.

    >>> import jax, rnnx
    >>> task = rnnx.tasks.get("adding")()._replace(vocab_size=5, output_size=5)
    >>> model = rnnx.models.get("sequence")(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
    >>> prompt = rnnx.Batch(inputs=jax.numpy.array([[3, 0], [1, 1]]), targets=None, weights=None)
    >>> sample(model, nnx.state(model), prompt, jax.random.key(0), length=7, temperature=0.8).shape
    (7, 2)
    """
    _check(temperature, top_k, top_p)
    length = checks.size("length", length)
    return _sample(graph_of(model), params, batch, key, length, temperature, top_k, top_p, run)


@functools.partial(jax.jit, static_argnames=("graphdef", "length", "run"))
def _sample(
    graphdef: nnx.GraphDef,
    params: Params,
    batch: Batch,
    key: Array,
    length: int,
    temperature: Array,
    top_k: Array,
    top_p: Array,
    run: Run,
) -> Array:
    decoder = decoder_of(graphdef, params, batch, run)
    settings = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    return write(decoder, decoder.state, key, length=length, **settings)[0]


def write(
    decoder: Decoder,
    state: Any,
    key: Array,
    *,
    length: int,
    start: int | Array = 0,
    temperature: float | Array = 1.0,
    top_k: int | Array = 0,
    top_p: float | Array = 1.0,
) -> tuple[Array, Any]:
    """Further tokens from a state, and the state after them: a text in stretches is the text that is written at once.

    Args:
      decoder: made in this trace; its own state is not looked at.
      state: where to go on from: `decoder.state`, or what was returned before.
      key: of the whole text; see `sample`.
      length: how many tokens.
      start: how many of the text were written before.
      temperature, top_k, top_p: as for `filtered_logits`.

    Returns:
      (tokens `[length, B]`, state)

    Raises:
      ValueError: a length below 1; as from `filtered_logits`.

    >>> import jax, jax.numpy as jnp
    >>> table = jnp.log(jnp.array([[0.0, 0.5, 0.5], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))  # what follows on each token
    >>> decoder = Decoder(state=jnp.array([0]), step=lambda state, token: token, logits=lambda state: table[state])
    >>> whole, _ = write(decoder, decoder.state, jax.random.key(0), length=6)
    >>> first, state = write(decoder, decoder.state, jax.random.key(0), length=2)
    >>> second, _ = write(decoder, state, jax.random.key(0), length=4, start=2)
    >>> bool((jnp.concatenate([first, second]) == whole).all())
    True
    """

    _check(temperature, top_k, top_p)

    def draw(state: Any, t: Array) -> tuple[Any, Array]:
        logits = filtered_logits(decoder.logits(state), temperature, top_k, top_p)
        token = jax.random.categorical(jax.random.fold_in(key, t), logits).astype(jnp.int32)
        return decoder.step(state, token), token

    steps = jnp.arange(checks.size("length", length), dtype=jnp.int32)
    state, tokens = jax.lax.scan(draw, state, jnp.asarray(start, jnp.int32) + steps)
    return tokens, state


def filtered_logits(
    logits: Array, temperature: float | Array = 1.0, top_k: int | Array = 0, top_p: float | Array = 1.0
) -> Array:
    """Logits of what tokens are drawn from; the order of the filters is that of their arguments.

    All three may be traced, top-k too: it is a comparison of ranks, and costs nothing beside the sort that top-p needs.
    Without both nothing is sorted. What is known before the program runs is checked. A NaN among the logits makes NaN
    of those that are kept.

    Args:
      logits: `[..., V]`.
      temperature: T, at least 0; at 0, or so small that a float32 can't hold it, the likeliest token alone is kept.
      top_k: how many tokens are kept; 0, or V and more, for all.
      top_p: what the probabilities of those that are kept come to at least, above 0 and up to 1: the token that crosses
        it is among them, so that there is always one. 1 for all.

    Returns:
      `[..., V]`, at least float32: 0 for the likeliest token, -inf for those that are not kept.

    Raises:
      ValueError: a temperature that is negative or not finite; a negative top_k; a top_p outside (0, 1].

    >>> logits = jnp.log(jnp.array([0.1, 0.4, 0.2, 0.3]))
    >>> left = jax.nn.softmax(filtered_logits(logits, top_k=3, top_p=0.5))  # 4/9 do not suffice, 7/9 do
    >>> [round(float(p), 3) for p in left]
    [0.0, 0.571, 0.0, 0.429]
    """
    _check(temperature, top_k, top_p)
    return _filtered(logits, temperature, top_k, top_p)


@jax.jit
def _filtered(logits: Array, temperature: Array, top_k: Array, top_p: Array) -> Array:
    dtype = np.promote_types(logits.dtype, np.float32)
    logits, T, p = (jnp.asarray(value, dtype) for value in (logits, temperature, top_p))
    k, V = jnp.asarray(top_k, jnp.int32), logits.shape[-1]
    tiny = jnp.finfo(dtype).tiny  # what is smaller, or 1 / T then, is 0 to many processors
    k = jnp.where(tiny > T, 1, jnp.where(k == 0, V, k))
    # Below the largest, so that what a small T makes too large for the type is -inf, and of a probability of 0.
    scaled = (logits - jnp.max(logits, axis=-1, keepdims=True)) / jnp.clip(T, tiny, 1 / tiny)

    def filtered() -> Array:
        order = jnp.argsort(logits, axis=-1, descending=True, stable=True)
        rank = jnp.arange(V, dtype=jnp.int32)
        kept = jnp.broadcast_to(rank < k, logits.shape)
        probabilities = jax.nn.softmax(jnp.take_along_axis(scaled, order, axis=-1), where=kept)
        before = jnp.cumsum(probabilities, axis=-1) - probabilities  # of all that are larger
        kept &= (before < p) | (rank == 0) | (p >= 1)  # whatever is lost in rounding
        kept = jnp.put_along_axis(jnp.zeros_like(kept), order, kept, axis=-1, inplace=False)
        return jnp.where(kept, scaled, -jnp.inf)

    # To sort 10,000 words takes a CPU core 2 ms, six times as long as to draw one of them.
    return jax.lax.cond((k >= V) & (p >= 1), lambda: scaled, filtered)


def _check(temperature: Any, top_k: Any, top_p: Any) -> None:
    """That the settings are ones, as far as they are known."""
    temperature, top_k, top_p = map(_known, (temperature, top_k, top_p))
    if temperature is not None and checks.number("temperature", temperature) < 0:
        raise ValueError(f"temperature must be at least 0, where the likeliest token is taken, not {temperature!r}.")
    if top_k is not None:
        checks.size("top_k", top_k, least=0)
    if top_p is not None and checks.number("top_p", top_p, above=0) > 1:
        raise ValueError(f"top_p must be at most 1, where all tokens are kept, not {top_p!r}.")


def _known(value: Any) -> Any:
    """A setting as a number of Python, whatever its type; `None` where it is traced."""
    if isinstance(value, jax.core.Tracer):
        return None
    return value.item() if isinstance(value, np.ndarray | np.generic | jax.Array) and value.size == 1 else value
