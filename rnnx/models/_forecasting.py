"""What the models that forecast time series have in common: which tasks they are for, and what they look at.

A task of forecasts has numbers `[T, B, m]` as inputs, of which the first O series are told some steps after the last of
them, and one loss an example. The forecast is the last of a model's outputs.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from rnnx.models._convolution import by_patches
from rnnx.models._layers import read_out
from rnnx.types import Array, Cell, Task, Tree


def check_suits(model: str, cell: Cell, task: Task) -> None:
    """That a model can forecast what the task asks for, by a cell that runs over time; else `ValueError`."""
    if isinstance(cell.form, Tree):
        raise ValueError(f"the model '{model}' runs over time, and this cell over trees.")
    if not forecasts(task):
        raise ValueError(
            f"the model '{model}' forecasts the first of the series that it reads, and this task asks for something "
            "else: choose a task of time series, or another model."
        )


def forecasts(task: Task) -> bool:
    """Whether a task asks for forecasts of its first inputs.

    >>> import rnnx
    >>> forecasts(rnnx.tasks.get("adding")())  # for a sum
    False
    """
    batch = jax.eval_shape(lambda: task.sample(jax.random.key(0), 1, task.min_length))
    arrays = batch.inputs, batch.targets
    if not all(isinstance(a, jax.ShapeDtypeStruct) and jnp.issubdtype(a.dtype, jnp.floating) for a in arrays):
        return False
    of_series = batch.inputs.ndim == 3 and batch.weights.ndim == 1 and batch.lengths is None
    return of_series and batch.inputs.shape[-1] == task.input_size >= task.output_size


def last_steps(model: str, xs: Array, steps: int, option: str) -> Array:
    """The last steps of `xs [T, B, m]`; `ValueError` if there are not so many, with the option that asks for them."""
    if len(xs) < steps:
        raise ValueError(
            f"the model '{model}' looks at the last {steps} steps ({option}), and here are {len(xs)}: set task.length "
            f"to {steps} or more, or look at less."
        )
    return xs[len(xs) - steps :]


def over_time(channels: int, filters: int, steps: int, rngs: nnx.Rngs, *, use_bias: bool = True) -> nnx.Conv:
    """A convolution over time alone, `[B, T, X, channels]` -> `[B, T - steps + 1, X, filters]`: X are not mixed.

    It is computed by `by_patches`, as that of pictures is.
    """
    return nnx.Conv(
        channels, filters, (steps, 1), padding="VALID", use_bias=use_bias, conv_general_dilated=by_patches, rngs=rngs
    )


def autoregression(layer: nnx.Linear, xs: Array, series: int) -> Array:
    """Σ_l w_l x_{T-q+l} + b of each of the first series, by one w for all: `[q, B, m]` -> `[B, series]`.

    >>> layer = nnx.Linear(3, 1, rngs=nnx.Rngs(0))
    >>> layer.kernel.set_value(jnp.array([[0.0], [0.0], [1.0]]))  # what it was last: persistence
    >>> autoregression(layer, jnp.arange(12.0).reshape(3, 1, 4), series=2)
    Array([[8., 9.]], dtype=float32)
    """
    return read_out(layer, jnp.moveaxis(xs[..., :series], 0, -1))[..., 0]
