"""Training as pure functions: one step, and K steps per dispatch.

A batch is a function of (seed, step) alone, sampled inside `jit`, so there is no iterator whose position could be lost;
one of a stream too, whose memory is part of the state.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import Mesh

from rnnx import checks
from rnnx import diagnostics as all_diagnostics
from rnnx.dynamics.jacobians import Flat
from rnnx.gradient_flow import gradient_flows
from rnnx.norm import global_norm
from rnnx.training import alignment, parallel
from rnnx.training.objective import PLAIN, Carried, Objective, evaluation, gradient
from rnnx.training.optimizers import (
    OPTIMIZERS,
    PLAIN_GROUPS,
    Groups,
    Hyperparameters,
    clipped_norm,
    update_rule,
)
from rnnx.training.runs import Precision, carried, execution, in_float32, visited
from rnnx.training.schedules import CONSTANT, Schedule
from rnnx.types import Array, Batch, Cell, GradientFlow, Histogram, Params, Run, Scores, State, Task
from rnnx.unroll import plain_run

_STREAM = 2**32 - 1
"""Folded into the key of the training data for what a stream draws; those of training steps end at 2³¹ - 1."""


class TrainState(NamedTuple):
    """All that training carries from one step to the next."""

    params: Params
    opt_state: Any
    step: Array  # number of updates done, int32
    carried: Carried = None  # where each recurrent part ended, with `Objective.carry_state`


Score = Callable[[Params, Batch, Carried], tuple[Scores, Carried]]
"""(params, batch, where parts ended in the batch before) -> loss and scores at each position, with their weights, and
where parts ended; `None` where nothing goes on."""


class StepMetrics(NamedTuple):
    """What one training step shows; gradients are those before clipping."""

    loss: Array
    gradient_norm: Array  # global, ‖∂L/∂params‖; inf if what clipping leaves of it is too large to be squared


class Program(NamedTuple):
    """The compiled functions of one experiment; all `Hyperparameters` share them, one by one or by `vmap`."""

    init: Callable[[Array | np.uint32 | int], TrainState]
    """(seed) -> TrainState."""
    train: Callable[[TrainState, Hyperparameters], tuple[TrainState, StepMetrics]]
    """(state, hyperparameters) -> state after K steps, and `StepMetrics` with an axis [K]. The state given is used up.

    A step whose loss or gradient is not finite is not taken: the state stays that of before it, with its `step`."""
    measure: Callable[[TrainState, Array | np.uint32 | int], dict[str, Array | Histogram]]
    """(state, seed) -> held-out loss and metrics, and every diagnostic, on one fixed held-out batch per seed."""
    score: Score
    """For `rnnx.training.evaluation`."""


def program(
    model: Callable[..., nnx.Module],
    task: Task,
    *,
    length: int,
    batch_size: int,
    steps_per_dispatch: int,
    measure_batch_size: int,
    diagnostics: tuple[str, ...],
    optimizer: str = "adam",
    schedule: Schedule = CONSTANT,
    precision: Precision = "float32",
    engine: str = "auto",
    remat: str | int | None = None,
    objective: Objective = PLAIN,
    groups: Groups = PLAIN_GROUPS,
    mesh: Mesh | None = None,
) -> Program:
    """Build the functions that train a model on a task and measure it.

    Args:
      model: (rngs=…) -> the model, called as `model(batch, run)`.
      task, length, batch_size: what it is trained on, T and B.
      steps_per_dispatch: K.
      measure_batch_size: examples in the held-out batch.
      diagnostics: names of `rnnx.diagnostics`, each of which sees every recurrent part of the model. They are of the
        whole gradient of the loss, whatever the objective is.
      optimizer: one of `rnnx.training.optimizers.OPTIMIZERS`.
      schedule: of the learning rate, as made by one of `rnnx.training.schedules`; a step is one update.
      precision, engine, remat: as for `rnnx.training.runs.execution`.
      objective: what is minimised, and by which gradient.
      groups: what is done otherwise with some of the parameters.
      mesh: devices, as by `rnnx.training.parallel.mesh`, of which each trains on its share of every batch; each has a
        copy of the state. They all measure what one would: a diagnostic may look at all of its batch at once.

    Raises:
      ValueError: an unknown name; an objective that is none, or asks for more Lyapunov exponents than there are, or for
        a state to be carried that the task or the model does not go on from; a batch that can't be shared out evenly.

    >>> import functools, jax, rnnx
    >>> adding = rnnx.tasks.get("adding")()
    >>> model = functools.partial(rnnx.models.get("sequence"), rnnx.gru(8), adding)
    >>> p = program(model, adding, length=5, batch_size=4, steps_per_dispatch=3, measure_batch_size=4,
    ...             diagnostics=("gates",))
    >>> state, metrics = p.train(p.init(0), Hyperparameters(seed=0, learning_rate=1e-3, clip_norm=1.0))
    >>> int(state.step), metrics.loss.shape
    (3, (3,))
    """
    optimizer = checks.choice("optimizer", optimizer, OPTIMIZERS)
    for name in diagnostics:
        all_diagnostics.get(name)  # one that there is
    if groups.l2 or groups.sgd:
        there = jax.eval_shape(lambda: split(model, jax.random.key(0))[1])
        for name, _ in (*groups.l2, *groups.sgd):
            checks.choice("group of parameters", name, there)
    execute = execution(precision, engine, remat)
    apply = applying(model)

    def evaluate(run: Run) -> Run:
        return execute(evaluation(objective)(run))

    def loss(params: Params, batch: Batch, run: Run) -> Array:
        return mean_loss(task, apply(params, batch, run), batch)

    loss_and_gradient = gradient(loss, objective, execute, apply)
    if objective.flossing_steps:

        def check_exponents(cell: Cell, params: Params, xs: Array) -> None:
            S, count = Flat(cell.initial_state(params, ()), batch_axes=0).size, objective.flossing_exponents
            if count > S:
                raise ValueError(
                    f"flossing_exponents must be at most {S}, the numbers in one example's state, not {count}: "
                    "there are no more Lyapunov exponents."
                )

        def visit_parts(key: Array) -> Array:
            batch = task.sample(key, 1, max(length, task.min_length))
            return loss(split(model, key)[1], batch, visited(plain_run, check_exponents))

        jax.eval_shape(visit_parts, jax.random.key(0))

    stream = task.stream if objective.carry_state else None
    carried_shapes: Carried = None
    if stream is not None:

        def ended_first(key: Array) -> Carried:
            batch = stream(key, batch_size, task.min_length, 0)
            return loss_and_gradient(split(model, key)[1], batch, key, jnp.int32(0), None)[2]

        carried_shapes = jax.eval_shape(ended_first, jax.random.key(0))
    elif objective.carry_state:
        raise ValueError("carry_state is for tasks that have a stream, and this one has none.")
    jit_options: dict[str, Any] = {}
    if mesh is not None:
        parallel.check_batch_size(batch_size, mesh.size)
        loss_and_gradient = parallel.shard_batch(loss_and_gradient, mesh)
        jit_options = dict.fromkeys(("in_shardings", "out_shardings"), parallel.replicated(mesh))

    def init(seed: Array) -> TrainState:
        params = split(model, _keys(seed)[0])[1]
        # The first batch restarts everywhere, and does not look at what is carried.
        states = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), carried_shapes)
        opt_state = update_rule(optimizer, 1.0, Hyperparameters(seed, 1.0), groups).init(params)
        return TrainState(params, opt_state, jnp.zeros((), jnp.int32), states)

    def train_step(state: TrainState, data_key: Array, given: Hyperparameters) -> tuple[TrainState, StepMetrics]:
        key = jax.random.fold_in(data_key, state.step)
        if stream is None:
            batch = task.sample(key, batch_size, length)
        else:
            batch = stream(jax.random.fold_in(data_key, _STREAM), batch_size, length, state.step)
        value, gradients, ended = loss_and_gradient(state.params, batch, key, state.step, state.carried)
        norm = global_norm(gradients)
        fit = jnp.isfinite(jnp.square(clipped_norm(gradients, norm, given)))  # optimisers square what they are given
        norm = jnp.where(fit, norm, norm * jnp.inf)
        update = update_rule(optimizer, given.learning_rate * schedule(state.step), given, groups)
        opt_state = state.opt_state
        for period, begins in (
            (objective.flossing_steps, lambda step: step == objective.flossing_steps),
            (groups.restart_every, lambda step: step % groups.restart_every == 0),
        ):
            if period:
                anew = functools.partial(jnp.where, begins(state.step))
                opt_state = jax.tree.map(anew, update.init(state.params), opt_state)
        with jax.numpy_dtype_promotion("standard"):  # Adam in optax raises a Python float to an integer power
            updates, opt_state = update.update(gradients, opt_state, state.params)
        taken = TrainState(optax.apply_updates(state.params, updates), opt_state, state.step + 1, ended)
        finite = jnp.isfinite(value) & jnp.isfinite(norm)
        return jax.tree.map(functools.partial(jnp.where, finite), taken, state), StepMetrics(value, norm)

    def train(state: TrainState, given: Hyperparameters) -> tuple[TrainState, StepMetrics]:
        data_key = _keys(given.seed)[1]
        return jax.lax.scan(lambda s, _: train_step(s, data_key, given), state, length=steps_per_dispatch)

    def measure(state: TrainState, seed: Array) -> dict[str, Array | Histogram]:
        batch = heldout_batch(task, seed, measure_batch_size, length)
        outputs, flows = measured_flows(apply, task, state.params, batch, evaluate)
        measured: dict[str, Array | Histogram] = {"heldout/loss": mean_loss(task, outputs, batch)}
        measured |= {f"heldout/{name}": value for name, value in mean_scores(task, outputs, batch).items()}
        if task.classes:
            measured["predicted/on_data"] = jnp.argmax(outputs[:, 0], axis=-1)
        if task.alignment:
            measured |= alignment.of_first_example(apply, task.alignment, state.params, batch, evaluate)
        return measured | all_diagnostics.measured(diagnostics, flows)

    def score(params: Params, batch: Batch, states: Carried) -> tuple[Scores, Carried]:
        run = evaluate(plain_run)
        ended: dict[str, State] = {}
        if batch.restarts is not None:
            run = carried(run, states, batch.restarts, ended)
        outputs = apply(params, batch, run)
        scores = {"loss": (task.losses(outputs, batch), batch.weights)} | task.scores(outputs, batch)
        return scores, None if batch.restarts is None else ended

    return Program(
        init=jax.jit(init),
        train=jax.jit(train, donate_argnums=0, **jit_options),
        measure=jax.jit(measure),
        score=jax.jit(score),
    )


def split(model: Callable[..., nnx.Module], key: Array) -> tuple[Any, Params]:
    """A new model as a static graph definition and pure parameters, nested dictionaries of arrays.

    `nnx.merge(graphdef, params)` puts them together again, inside `jit` and `grad` too.
    """
    graphdef, state = nnx.split(model(rngs=nnx.Rngs(params=key)))
    return graphdef, nnx.to_pure_dict(state)


def applying(model: Callable[..., nnx.Module]) -> Callable[[Params, Batch, Run], Any]:
    """(params, batch, run) -> the model's outputs, as a pure function."""
    # Only the structure is needed here; the values are the parameters.
    graphdef = jax.eval_shape(lambda: split(model, jax.random.key(0)))[0]
    return lambda params, batch, run: nnx.merge(graphdef, params)(batch, run)


def weighted_mean(values: Array, weights: Array) -> Array:
    """Σ w v / Σ w over all positions."""
    return jnp.sum(weights * values) / jnp.sum(weights)


def mean_loss(task: Task, outputs: Any, batch: Batch) -> Array:
    """The loss of a batch: the weighted mean over its positions."""
    return weighted_mean(task.losses(outputs, batch), batch.weights)


def mean_scores(task: Task, outputs: Any, batch: Batch) -> dict[str, Array]:
    """The scores of a batch, each the weighted mean over the positions where it is defined."""
    return position_means(task.scores(outputs, batch))


def position_means(scores: Scores) -> dict[str, Array]:
    """The weighted means of those scores that positions have; what is for `Task.summary` alone is left out."""
    return {
        name: weighted_mean(values, weights)
        for name, (values, weights) in scores.items()
        if values.ndim == weights.ndim
    }


def at_last(batch: Batch) -> Batch:
    """The batch with only the last scored position of each example left to count.

    A many-to-many loss is a sum over steps, and its gradient at s_t is dominated by the terms right after t; what the
    last term alone sends back tells how far the memory reaches, and means the same for every layout.
    """
    weights = batch.weights
    if weights.ndim == 1:
        return batch
    last = len(weights) - 1 - jnp.argmax(weights[::-1] > 0, axis=0)
    only_last = jnp.arange(len(weights))[:, None] == last
    return batch._replace(weights=weights * only_last.astype(weights.dtype))


def measured_flows(
    apply: Callable[[Params, Batch, Run], Any],
    task: Task,
    params: Params,
    batch: Batch,
    execute: Callable[[Run], Run] = lambda run: run,
) -> tuple[Any, dict[str, GradientFlow]]:
    """The model's outputs, and the gradient flow of each part, of the loss at each example's last scored position.

    What was computed in bfloat16 is what is told, but as float32, so that a logarithm of it has more than 8 bits.
    """
    scored = at_last(batch)

    def loss(params: Params, run: Run) -> tuple[Array, Any]:
        outputs = apply(params, scored, execute(run))
        return mean_loss(task, outputs, scored), outputs

    (_, outputs), _, flows = gradient_flows(loss, params, has_aux=True)
    return outputs, in_float32(flows)


def heldout_batch(task: Task, seed: Array | int, batch_size: int, length: int) -> Batch:
    """The examples that all measurements of a trial are made on, `[T, B, …]`."""
    return task.sample_heldout(_keys(seed)[2], batch_size, length)


def _keys(seed: Array | np.uint32 | int) -> Array:
    """For parameters, for training data, for the held-out batch."""
    return jax.random.split(jax.random.key(seed), 3)
