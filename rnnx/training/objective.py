"""What training minimises, and by which gradient; by default the task's loss, by all of its gradient."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from rnnx import checks
from rnnx.dynamics.regularizers import gradient_flossing, omega_regulariser
from rnnx.gradient_flow import gradient_flows
from rnnx.training.runs import (
    carried,
    in_float32,
    replayed,
    truncated_at_random,
    visited,
    with_dropout,
    with_options,
    with_zoneout,
)
from rnnx.training.scheduled_sampling import with_own_targets
from rnnx.types import Array, Batch, Cell, Composed, GradientFlow, Params, Run, State, Trajectory
from rnnx.unroll import plain_run

Loss = Callable[[Params, Batch, Run], Array]
"""(params, batch, run) -> scalar: of a model and its task, time being run by `run`."""

Outputs = Callable[[Params, Batch, Run], Any]
"""(params, batch, run) -> what a model gives out."""

Carried = dict[str, State] | None
"""Where each recurrent part ended, by name; `None` where nothing is carried from batch to batch."""

Gradient = Callable[[Params, Batch, Array, Array, Carried], tuple[Array, Params, Carried]]
"""(params, batch, key, number of updates done, where parts ended in the batch before) -> the task's loss, what the
optimiser is given, and where parts ended."""

_TRUNCATION, _DROPOUT, _ZONEOUT, _DROP_STATE, _SCHEDULED_SAMPLING = (2**32 - n for n in range(1, 6))
"""Folded into the key of a training step; a task may have split it, which counts from 0."""


class Objective(NamedTuple):
    """Departures from the plain gradient of the loss, each off at its default; what is off is not computed.

    Where something is added to the loss or taken in its place, the loss that is told stays the task's.
    """

    truncate: int = 0
    """K of truncated back-propagation through time, steps; 0 for all of it."""
    random_truncation: float = 0.0
    """Probability of a cut after each step in truncation at random, which leaves the gradient without bias (Tallec &
    Ollivier 2017); another draw at each training step."""
    carry_state: bool = False
    """Whether each part starts in the state in which it ended in the batch before, for tasks that have a `stream`: the
    memory is that of the whole text, and the gradient reaches back to the start of the batch. Measured from an empty
    memory, as ever; what is drawn at random, such as masks of dropout, is drawn anew for each batch."""
    drop_state: float = 0.0
    """Probability, with `carry_state`, that an example begins a batch with an empty memory all the same (Melis, Dyer &
    Blunsom 2018, who take 0.01): without it a network is hardly ever trained on how a text begins."""
    dropout: float = 0.0
    """Share of each part's inputs that is dropped, the same ones at every step (Gal & Ghahramani 2016)."""
    recurrent_dropout: float = 0.0
    """Share of the hidden vector that is dropped before the recurrent product, likewise."""
    zoneout: float = 0.0
    """Probability that a number of the state is kept as it was; measured with its expectation (Krueger et al. 2017)."""
    omega: float = 0.0
    """α of the regulariser Ω, which keeps the gradient's norm from step to step (Pascanu, Mikolov & Bengio 2013): the
    gradient is that of L + α Ω."""
    scheduled_sampling: float = 0.0
    """Probability that a model of sequence to sequence is given what it says itself, and not the true target of the
    step before (Bengio et al. 2015; see `rnnx.training.scheduled_sampling`). The training loss is that of what it was
    given; measured it is with true targets, as ever."""
    scheduled_sampling_steps: int = 0
    """Training steps over which that probability rises from 0, in equal parts; with 0 it is there from the start."""
    scheduled_sampling_passes: int = 1
    """How often the model is run before each training step to learn what it says."""
    flossing_steps: int = 0
    """Training steps, the first ones, that bring Lyapunov exponents to zero and leave the loss alone (gradient flossing
    before training, Engelken 2023). The optimiser begins anew after them."""
    flossing_exponents: int = 1
    """How many exponents, the largest ones."""


PLAIN = Objective()

_OF_PARTS = ("truncate", "random_truncation", "dropout", "recurrent_dropout", "zoneout", "omega", "flossing_steps")
"""What is done with recurrent parts, and would be nothing where there are none."""


def checked(objective: Objective) -> Objective:
    """The objective, if it can be one.

    Raises:
      ValueError: a value out of its range; two truncations at once.

    >>> checked(Objective(random_truncation=1.0))
    Traceback (most recent call last):
    ValueError: random_truncation must be a probability of at least 0 and below 1, not 1.0.
    """
    checks.size("truncate", objective.truncate, least=0)
    if not isinstance(objective.carry_state, bool):
        raise ValueError(f"carry_state must be True or False, not {objective.carry_state!r}.")
    for name in ("random_truncation", "drop_state"):
        probability = getattr(objective, name)
        if checks.number(name, probability) < 0 or probability >= 1:
            raise ValueError(f"{name} must be a probability of at least 0 and below 1, not {probability!r}.")
    for name in ("dropout", "recurrent_dropout", "zoneout"):
        rate = getattr(objective, name)
        if checks.number(name, rate) < 0 or rate >= 1:
            raise ValueError(f"{name} must be a share of at least 0 and below 1, not {rate!r}.")
    if not 0 <= checks.number("scheduled_sampling", objective.scheduled_sampling) <= 1:
        raise ValueError(f"scheduled_sampling must be a probability from 0 to 1, not {objective.scheduled_sampling!r}.")
    checks.size("scheduled_sampling_steps", objective.scheduled_sampling_steps, least=0)
    checks.size("scheduled_sampling_passes", objective.scheduled_sampling_passes)
    if objective.drop_state and not objective.carry_state:
        raise ValueError(f"drop_state = {objective.drop_state!r} needs carry_state = True: no state is there to drop.")
    for name in ("random_truncation", "dropout", "recurrent_dropout", "zoneout"):
        if getattr(objective, name) and objective.omega:
            raise ValueError(
                f"omega looks at one step after another, which can't be done with {name}: set one of them to 0."
            )
    if checks.number("omega", objective.omega) < 0:
        raise ValueError(f"omega must be a number of at least 0, not {objective.omega!r}.")
    checks.size("flossing_steps", objective.flossing_steps, least=0)
    checks.size("flossing_exponents", objective.flossing_exponents)
    if objective.truncate and objective.random_truncation:
        raise ValueError("truncate and random_truncation are two ways to cut the gradient: set one of them to 0.")
    return objective


def evaluation(objective: Objective) -> Callable[[Run], Run]:
    """How time runs where the model is not trained: nothing is drawn at random, and zoneout is in expectation."""
    if objective.zoneout:
        return lambda run: with_zoneout(run, objective.zoneout)
    return lambda run: run


def gradient(
    loss: Loss,
    objective: Objective,
    execute: Callable[[Run], Run] = lambda run: run,
    outputs: Outputs | None = None,
) -> Gradient:
    """How a training step finds loss and gradient.

    Args:
      loss: of a model and its task.
      objective: what else there is to it.
      execute: wraps whatever runs time, as `rnnx.training.runs.execution` does.
      outputs: of the model, which scheduled sampling looks at.

    Raises:
      ValueError: as `checked`; when called, what a cell can't do, such as Ω of one that can't be stepped, or what is
        done with recurrent parts where there are none.

    >>> import rnnx
    >>> cell = rnnx.gru(8)
    >>> def loss(params, batch, run):
    ...     return (run("cell", cell, params, batch.inputs).outputs[-1] ** 2).mean()
    >>> batch = rnnx.tasks.get("adding")().sample(jax.random.key(1), 4, 10)
    >>> truncated = gradient(loss, Objective(truncate=5))
    >>> value, gradients, _ = truncated(cell.init(jax.random.key(0), 2), batch, jax.random.key(2), 0, None)
    >>> value.shape, gradients.bias.shape
    ((), (24,))
    """
    objective = checked(objective)
    loss = _with_parts(loss, objective)

    def training(run: Run, key: Array) -> Run:
        """As the objective has it, around whatever runs time in the end."""
        if objective.truncate:
            run = with_options(run, truncate=objective.truncate)
        if objective.random_truncation:
            run = truncated_at_random(run, jax.random.fold_in(key, _TRUNCATION), objective.random_truncation)
        if objective.dropout or objective.recurrent_dropout:
            rates = {"input_rate": objective.dropout, "recurrent_rate": objective.recurrent_dropout}
            run = with_dropout(run, jax.random.fold_in(key, _DROPOUT), **rates)
        if objective.zoneout:
            run = with_zoneout(run, objective.zoneout, jax.random.fold_in(key, _ZONEOUT))
        return execute(run)

    def carrying(params: Params, batch: Batch, run: Run, key: Array, states: Carried) -> tuple[Array, Carried]:
        """The task's loss, and where each part ended."""
        if not objective.carry_state:
            return loss(params, batch, run), None
        restarts = batch.restarts
        if restarts is None:
            raise ValueError("Task.stream must say in Batch.restarts which examples begin anew.")
        if objective.drop_state:
            dropped = jax.random.bernoulli(jax.random.fold_in(key, _DROP_STATE), objective.drop_state, restarts.shape)
            restarts = restarts | dropped
        ended: dict[str, State] = {}
        return loss(params, batch, carried(run, states, restarts, ended)), ended

    def plain(params: Params, batch: Batch, key: Array, step: Array, states: Carried) -> tuple[Array, Params, Carried]:
        (value, ended), gradients = jax.value_and_grad(
            lambda params: carrying(params, batch, training(plain_run, key), key, states), has_aux=True
        )(params)
        return value, gradients, ended

    def with_omega(
        params: Params, batch: Batch, key: Array, step: Array, states: Carried
    ) -> tuple[Array, Params, Carried]:
        def stepwise(params: Params, run: Run) -> tuple[Array, Carried]:
            return carrying(params, batch, training(_stepwise(run), key), key, states)

        (value, ended), gradients, flows = gradient_flows(stepwise, params, has_aux=True)

        def regulariser(params: Params) -> Array:
            terms: list[Array] = []

            def visit(flow: GradientFlow, params: Params, xs: Array) -> None:
                terms.append(omega_regulariser(flow.cell, params, xs, flow.after, flow.state_gradients))

            loss(params, batch, replayed(in_float32(flows), visit))
            return objective.omega * functools.reduce(jnp.add, terms)

        return value, jax.tree.map(jnp.add, gradients, jax.grad(regulariser)(params)), ended

    def with_flossing(
        params: Params, batch: Batch, key: Array, step: Array, states: Carried
    ) -> tuple[Array, Params, Carried]:
        def flossing(params: Params) -> Array:
            terms: list[Array] = []

            def visit(cell: Cell, params: Params, xs: Array) -> None:
                terms.append(gradient_flossing(cell, params, xs, objective.flossing_exponents))

            loss(params, batch, visited(plain_run, visit))
            return functools.reduce(jnp.add, terms)

        def flossed() -> tuple[Array, Params, Carried]:
            value, ended = carrying(params, batch, training(plain_run, key), key, states)
            return value, jax.grad(flossing)(params), ended

        return jax.lax.cond(
            step < objective.flossing_steps, flossed, lambda: trained_by(params, batch, key, step, states)
        )

    def with_scheduled_sampling(
        params: Params, batch: Batch, key: Array, step: Array, states: Carried
    ) -> tuple[Array, Params, Carried]:
        assert outputs is not None
        rise = objective.scheduled_sampling_steps
        probability = objective.scheduled_sampling * (jnp.minimum(step / rise, 1) if rise else 1)
        run = training(plain_run, key)
        given = with_own_targets(
            lambda batch: outputs(params, batch, run),
            batch,
            jax.random.fold_in(key, _SCHEDULED_SAMPLING),
            probability,
            objective.scheduled_sampling_passes,
        )
        return as_given(params, given, key, step, states)

    trained_by = with_omega if objective.omega else plain
    as_given = with_flossing if objective.flossing_steps else trained_by
    return with_scheduled_sampling if objective.scheduled_sampling else as_given


def _with_parts(loss: Loss, objective: Objective) -> Loss:
    """The loss, which refuses a model without the recurrent parts that the objective is about."""
    name = next((name for name in _OF_PARTS if getattr(objective, name)), None)
    if name is None:
        return loss

    def loss_of_parts(params: Params, batch: Batch, run: Run) -> Array:
        parts: list[Cell] = []
        value = loss(params, batch, visited(run, lambda cell, params, xs: parts.append(cell)))
        if not parts:
            raise ValueError(f"{name} is for models with a recurrent part, and this one has none: set it to 0.")
        return value

    return loss_of_parts


def _stepwise(run: Run) -> Run:
    """A cell made of cells as one whose whole state is handed from step to step, which is where Ω looks."""

    def run_stepwise(
        name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
    ) -> Trajectory:
        cell = cell._replace(form=None) if isinstance(cell.form, Composed) else cell
        return run(name, cell, params, xs, state, **options)

    return run_stepwise
