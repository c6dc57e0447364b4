"""Writing frames by chance, of entries that are drawn each by itself, such as the keys of a piano.

p_k = σ(z_k / T)        temperature T; at 0 the entries whose probability is above a half
"""

import functools

import jax
import jax.numpy as jnp
from flax import nnx

from rnnx import checks
from rnnx.decoding._decoder import decoder_of, graph_of
from rnnx.types import Array, Batch, Params, Run
from rnnx.unroll import plain_run


def sample_frames(
    model: nnx.Module | nnx.GraphDef,
    params: Params,
    batch: Batch,
    key: Array,
    *,
    length: int,
    temperature: float | Array = 1.0,
    run: Run = plain_run,
) -> Array:
    """Frames that a model writes after those of a batch.

    Compiles once for each model, length, way to run time, and shape of the batch.

    Args:
      model: one that has a `decoder`, or its graph definition.
      params: its parameters.
      batch: what is read first, at least one frame: inputs `[T, B, K]`.
      key: frame t of all examples is drawn with `jax.random.fold_in(key, t)`.
      length: how many frames.
      temperature: T, at least 0.
      run: how time runs, as in the model's own call.

    Returns:
      `[length, B, K]`, booleans; those that were read are not among them.

    Raises:
      ValueError: a length below 1, a negative temperature; a batch or a model that nothing can be written after.

    >>> import jax, rnnx
    >>> from rnnx.keyboard import Keyboard
    >>> task = rnnx.tasks.get("adding")()._replace(output_size=2, keyboard=Keyboard(keys=2))
    >>> model = rnnx.models.get("sequence")(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
    >>> silence = rnnx.Batch(inputs=jax.numpy.zeros((1, 3, 2)), targets=None, weights=None)
    >>> sample_frames(model, nnx.state(model), silence, jax.random.key(0), length=7).shape
    (7, 3, 2)
    """
    length = checks.size("length", length)
    if not isinstance(temperature, jax.Array) and checks.number("temperature", temperature) < 0:
        raise ValueError(f"temperature must be at least 0, where the likelier of two is taken, not {temperature!r}.")
    return _sample(graph_of(model), params, batch, key, length, temperature, run)


@functools.partial(jax.jit, static_argnames=("graphdef", "length", "run"))
def _sample(
    graphdef: nnx.GraphDef, params: Params, batch: Batch, key: Array, length: int, temperature: Array, run: Run
) -> Array:
    decoder = decoder_of(graphdef, params, batch, run)

    def draw(state: Array, t: Array) -> tuple[Array, Array]:
        logits = decoder.logits(state)
        T = jnp.asarray(temperature, logits.dtype)
        tiny = jnp.finfo(logits.dtype).tiny  # of what is smaller the inverse may be infinite, and ∞ · 0 no number
        drawn = jax.random.bernoulli(jax.random.fold_in(key, t), jax.nn.sigmoid(logits / jnp.maximum(T, tiny)))
        frame = jnp.where(tiny > T, logits > 0, drawn)
        return decoder.step(state, frame.astype(batch.inputs.dtype)), frame

    return jax.lax.scan(draw, decoder.state, jnp.arange(length, dtype=jnp.int32))[1]
