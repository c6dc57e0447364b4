"""Training as pure functions: one step, and K steps per dispatch.

A batch is a function of (seed, step) alone, sampled inside `jit`, so there is no iterator whose position could be lost.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from rnnx import diagnostics, model
from rnnx.types import Array, Batch, Cell, Histogram, Params, Task


class TrainState(NamedTuple):
    """All that training carries from one step to the next."""

    params: Params
    opt_state: Any
    step: Array  # number of updates done, int32


class StepMetrics(NamedTuple):
    """What one training step shows; gradients are those before clipping."""

    loss: Array
    gradient_norm: Array  # global, ‖∂L/∂params‖
    clipped: Array  # 1 where the gradient was longer than the limit


class Program(NamedTuple):
    """The compiled functions of one experiment; seeds share it."""

    init: Callable[[Array | int], TrainState]
    """(seed) -> TrainState."""
    train: Callable[[TrainState, Array | int], tuple[TrainState, StepMetrics]]
    """(state, seed) -> state after K steps, and `StepMetrics` with an axis [K]. The state given is used up."""
    measure: Callable[[TrainState, Array | int], dict[str, Array | Histogram]]
    """(state, seed) -> held-out loss and metrics, and every diagnostic, on one fixed held-out batch per seed."""


def program(
    cell: Cell,
    task: Task,
    *,
    length: int,
    batch_size: int,
    learning_rate: float,
    clip_norm: float | None,
    steps_per_dispatch: int,
    measure_batch_size: int,
    measurements: tuple[str, ...],
) -> Program:
    """Build the functions that train a cell on a task with Adam and measure it.

    Args:
      cell, task, length, batch_size: what is trained, T and B.
      learning_rate: of Adam (Kingma & Ba 2015).
      clip_norm: limit of the global gradient norm, or `None`.
      steps_per_dispatch: K.
      measure_batch_size: examples in the held-out batch.
      measurements: names of `rnnx.diagnostics`.

    >>> import jax, rnnx
    >>> adding = rnnx.tasks.get("adding")()
    >>> p = program(rnnx.gru(8), adding, length=5, batch_size=4, learning_rate=1e-3, clip_norm=1.0,
    ...             steps_per_dispatch=3, measure_batch_size=4, measurements=("gates",))
    >>> state, metrics = p.train(p.init(0), 0)
    >>> int(state.step), metrics.loss.shape
    (3, (3,))
    """
    clip = optax.identity() if clip_norm is None else optax.clip_by_global_norm(clip_norm)
    optimizer = optax.chain(clip, optax.adam(learning_rate))
    # Only the structure is needed here; the values come from `init`.
    graphdef = jax.eval_shape(lambda: model.split(cell, task, jax.random.key(0)))[0]
    measures = [diagnostics.get(name) for name in measurements]

    def keys(seed: Array) -> Array:
        return jax.random.split(jax.random.key(seed), 3)

    def init(seed: Array) -> TrainState:
        params = model.split(cell, task, keys(seed)[0])[1]
        return TrainState(params, optimizer.init(params), jnp.zeros((), jnp.int32))

    def loss(params: Params, batch: Batch) -> Array:
        return task.loss(nnx.merge(graphdef, params)(batch), batch)

    def train_step(state: TrainState, data_key: Array) -> tuple[TrainState, StepMetrics]:
        batch = task.sample(jax.random.fold_in(data_key, state.step), batch_size, length)
        value, gradients = jax.value_and_grad(loss)(state.params, batch)
        norm = optax.tree.norm(gradients)
        with jax.numpy_dtype_promotion("standard"):  # Adam in optax raises a Python float to an integer power
            updates, opt_state = optimizer.update(gradients, state.opt_state, state.params)
        limit = jnp.inf if clip_norm is None else clip_norm
        metrics = StepMetrics(loss=value, gradient_norm=norm, clipped=(norm > limit).astype(norm.dtype))
        return TrainState(optax.apply_updates(state.params, updates), opt_state, state.step + 1), metrics

    def train(state: TrainState, seed: Array) -> tuple[TrainState, StepMetrics]:
        data_key = keys(seed)[1]
        return jax.lax.scan(lambda s, _: train_step(s, data_key), state, length=steps_per_dispatch)

    def measure(state: TrainState, seed: Array) -> dict[str, Array | Histogram]:
        batch = task.sample_heldout(keys(seed)[2], measure_batch_size, length)
        trained = nnx.merge(graphdef, state.params)
        found = model.evidence_of(trained, task, batch)
        outputs = trained.read_out(found.outputs)
        measured: dict[str, Array | Histogram] = {"heldout/loss": task.loss(outputs, batch)}
        measured |= {f"heldout/{name}": value for name, value in task.metrics(outputs, batch).items()}
        for diagnostic in measures:
            measured |= diagnostic(found)
        return measured

    return Program(init=jax.jit(init), train=jax.jit(train, donate_argnums=0), measure=jax.jit(measure))
