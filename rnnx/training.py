"""Training as pure functions: one step, and K steps per dispatch.

A batch is a function of (seed, step) alone, sampled inside `jit`, so there is no iterator whose position could be lost.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import optax
from flax import nnx
from jax.sharding import Mesh

from rnnx import checks, diagnostics, model, parallel
from rnnx.model import Precision
from rnnx.objective import PLAIN, Objective, gradient
from rnnx.types import Array, Batch, Cell, Histogram, Params, Task

OPTIMIZERS = {"adam": optax.adam, "rmsprop": optax.rmsprop, "sgd": optax.sgd}
"""Adam (Kingma & Ba 2015), RMSprop with a decay of 0.9 (Tieleman & Hinton 2012), plain stochastic gradient descent."""


class TrainState(NamedTuple):
    """All that training carries from one step to the next."""

    params: Params
    opt_state: Any
    step: Array  # number of updates done, int32


class StepMetrics(NamedTuple):
    """What one training step shows; gradients are those before clipping."""

    loss: Array
    gradient_norm: Array  # global, ‖∂L/∂params‖


class Hyperparameters(NamedTuple):
    """What experiments of one compiled program may differ in; under `vmap`, arrays with an axis of experiments."""

    seed: Array | int
    learning_rate: Array | float
    """Of the optimiser."""
    clip_norm: Array | float = math.inf
    """Limit of the global gradient norm; infinite for none."""


class Program(NamedTuple):
    """The compiled functions of one experiment; all `Hyperparameters` share them, one by one or by `vmap`."""

    init: Callable[[Array | int], TrainState]
    """(seed) -> TrainState."""
    train: Callable[[TrainState, Hyperparameters], tuple[TrainState, StepMetrics]]
    """(state, hyperparameters) -> state after K steps, and `StepMetrics` with an axis [K]. The state given is used up.

    A step whose loss or gradient is not finite is not taken: the state stays that of before it, with its `step`."""
    measure: Callable[[TrainState, Array | int], dict[str, Array | Histogram]]
    """(state, seed) -> held-out loss and metrics, and every diagnostic, on one fixed held-out batch per seed."""


def program(
    cell: Cell,
    task: Task,
    *,
    length: int,
    batch_size: int,
    steps_per_dispatch: int,
    measure_batch_size: int,
    measurements: tuple[str, ...],
    optimizer: str = "adam",
    precision: Precision = "float32",
    objective: Objective = PLAIN,
    mesh: Mesh | None = None,
) -> Program:
    """Build the functions that train a cell on a task and measure it.

    Args:
      cell, task, length, batch_size: what is trained, T and B.
      steps_per_dispatch: K.
      measure_batch_size: examples in the held-out batch.
      measurements: names of `rnnx.diagnostics`. They are of the whole gradient of the loss, whatever the objective is.
      optimizer: one of `OPTIMIZERS`.
      precision: what time runs in, forward and backward; see `rnnx.model.Model`.
      objective: what is minimised, and by which gradient.
      mesh: devices, as by `rnnx.parallel.mesh`, of which each trains on its share of every batch; each has a copy of
        the state. They all measure what one would: a diagnostic may look at all of its batch at once.

    Raises:
      ValueError: an unknown name; an objective that is none; a batch that can't be shared out evenly.

    >>> import jax, rnnx
    >>> adding = rnnx.tasks.get("adding")()
    >>> p = program(rnnx.gru(8), adding, length=5, batch_size=4, steps_per_dispatch=3, measure_batch_size=4,
    ...             measurements=("gates",))
    >>> state, metrics = p.train(p.init(0), Hyperparameters(seed=0, learning_rate=1e-3, clip_norm=1.0))
    >>> int(state.step), metrics.loss.shape
    (3, (3,))
    """
    optimizer = checks.choice("optimizer", optimizer, OPTIMIZERS)
    checks.choice("precision", precision, get_args(Precision))
    # Only the structure is needed here; the values come from `init`.
    graphdef = jax.eval_shape(lambda: model.split(cell, task, jax.random.key(0), precision))[0]
    measures = [diagnostics.get(name) for name in measurements]
    loss_and_gradient = gradient(graphdef, task, objective)
    lying: dict[str, Any] = {}
    if mesh is not None:
        parallel.check_batch_size(batch_size, mesh.size)
        loss_and_gradient = parallel.over_batch(loss_and_gradient, mesh)
        lying = dict.fromkeys(("in_shardings", "out_shardings"), parallel.everywhere(mesh))

    def update_rule(learning_rate: Array | float, clip_norm: Array | float) -> optax.GradientTransformation:
        return optax.chain(optax.clip_by_global_norm(clip_norm), OPTIMIZERS[optimizer](learning_rate))

    def init(seed: Array) -> TrainState:
        params = model.split(cell, task, _keys(seed)[0])[1]
        return TrainState(params, update_rule(1.0, 1.0).init(params), jnp.zeros((), jnp.int32))

    def train_step(
        state: TrainState, data_key: Array, update: optax.GradientTransformation
    ) -> tuple[TrainState, StepMetrics]:
        key = jax.random.fold_in(data_key, state.step)
        batch = task.sample(key, batch_size, length)
        value, gradients = loss_and_gradient(state.params, batch, key, state.step)
        norm = optax.tree.norm(gradients)
        opt_state = state.opt_state
        if objective.flossing_steps:
            anew = functools.partial(jnp.where, state.step == objective.flossing_steps)
            opt_state = jax.tree.map(anew, update.init(state.params), opt_state)
        with jax.numpy_dtype_promotion("standard"):  # Adam in optax raises a Python float to an integer power
            updates, opt_state = update.update(gradients, opt_state, state.params)
        taken = TrainState(optax.apply_updates(state.params, updates), opt_state, state.step + 1)
        finite = jnp.isfinite(value) & jnp.isfinite(norm)
        return jax.tree.map(functools.partial(jnp.where, finite), taken, state), StepMetrics(value, norm)

    def train(state: TrainState, given: Hyperparameters) -> tuple[TrainState, StepMetrics]:
        data_key = _keys(given.seed)[1]
        update = update_rule(given.learning_rate, given.clip_norm)
        return jax.lax.scan(lambda s, _: train_step(s, data_key, update), state, length=steps_per_dispatch)

    def measure(state: TrainState, seed: Array) -> dict[str, Array | Histogram]:
        batch = heldout_batch(task, seed, measure_batch_size, length)
        trained = nnx.merge(graphdef, state.params)
        found = model.evidence_of(trained, task, batch)
        outputs = trained.read_out(found.outputs)
        measured: dict[str, Array | Histogram] = {"heldout/loss": task.loss(outputs, batch)}
        measured |= {f"heldout/{name}": value for name, value in task.metrics(outputs, batch).items()}
        for diagnostic in measures:
            measured |= diagnostic(found)
        return measured

    return Program(init=jax.jit(init), train=jax.jit(train, donate_argnums=0, **lying), measure=jax.jit(measure))


def heldout_batch(task: Task, seed: Array | int, batch_size: int, length: int) -> Batch:
    """The examples that all measurements of a trial are made on, `[T, B, …]`."""
    return task.sample_heldout(_keys(seed)[2], batch_size, length)


def _keys(seed: Array | int) -> Array:
    """For parameters, for training data, for the held-out batch."""
    return jax.random.split(jax.random.key(seed), 3)
