"""What training minimises, and by which gradient; by default the task's loss, by all of its gradient."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from rnnx import checks
from rnnx.combinators.random_truncation import random_truncation
from rnnx.diagnostics.flossing import gradient_flossing
from rnnx.diagnostics.omega import omega_regulariser
from rnnx.model import in_float32
from rnnx.types import Array, Batch, Cell, Composed, Params, State, Task

Gradient = Callable[[Params, Batch, Array, Array], tuple[Array, Params]]
"""(params, batch, key, number of updates done) -> the task's loss, and what the optimiser is given."""

_TRUNCATION = 2**32 - 1
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
    omega: float = 0.0
    """α of the regulariser Ω, which keeps the gradient's norm from step to step (Pascanu, Mikolov & Bengio 2013): the
    gradient is that of L + α Ω."""
    flossing_steps: int = 0
    """Training steps, the first ones, that bring Lyapunov exponents to zero and leave the loss alone (gradient flossing
    before training, Engelken 2023). The optimiser begins anew after them."""
    flossing_exponents: int = 1
    """How many exponents, the largest ones."""


PLAIN = Objective()


def checked(objective: Objective) -> Objective:
    """The objective, if it can be one.

    Raises:
      ValueError: a value out of its range; two truncations at once.

    >>> checked(Objective(random_truncation=1.0))
    Traceback (most recent call last):
    ValueError: random_truncation must be a probability of at least 0 and below 1, not 1.0.
    """
    checks.size("truncate", objective.truncate, least=0)
    if checks.number("random_truncation", objective.random_truncation) < 0 or objective.random_truncation >= 1:
        raise ValueError(
            f"random_truncation must be a probability of at least 0 and below 1, not {objective.random_truncation!r}."
        )
    if checks.number("omega", objective.omega) < 0:
        raise ValueError(f"omega must be a number of at least 0, not {objective.omega!r}.")
    checks.size("flossing_steps", objective.flossing_steps, least=0)
    checks.size("flossing_exponents", objective.flossing_exponents)
    if objective.truncate and objective.random_truncation:
        raise ValueError("truncate and random_truncation are two ways to cut the gradient: set one of them to 0.")
    return objective


def gradient(graphdef: Any, task: Task, objective: Objective) -> Gradient:
    """How a training step finds loss and gradient.

    Args:
      graphdef: of `rnnx.model.split`.
      task: whose loss it is.
      objective: what else there is to it.

    Raises:
      ValueError: as `checked`; when called, what a cell can't do, such as Ω of one that can't be stepped.

    >>> import rnnx
    >>> adding = rnnx.tasks.get("adding")()
    >>> graphdef, params = rnnx.model.split(rnnx.gru(8), adding, jax.random.key(0))
    >>> batch = adding.sample(jax.random.key(1), 4, 10)
    >>> loss, gradients = gradient(graphdef, adding, Objective(truncate=5))(params, batch, jax.random.key(2), 0)
    >>> loss.shape, sorted(gradients)
    ((), ['cell', 'readout'])
    """
    objective = checked(objective)

    def loss(params: Params, batch: Batch, key: Array, perturbations: State | None = None) -> tuple[Array, State]:
        """The task's loss, and the states s_1 … s_T if they are perturbed."""
        trained = nnx.merge(graphdef, params)
        cell: Cell = trained.unbound_cell
        if perturbations is not None:
            cell = _stepwise(cell)
        if objective.random_truncation:
            cell = random_truncation(cell, jax.random.fold_in(key, _TRUNCATION), objective.random_truncation)
        trajectory = trained.run(
            batch,
            cell=cell,
            truncate=objective.truncate or None,
            perturbations=perturbations,
            return_states=perturbations is not None,
        )
        return task.loss(trained.read_out(trajectory.outputs), batch), trajectory.states

    def plain(params: Params, batch: Batch, key: Array, step: Array) -> tuple[Array, Params]:
        (value, _), gradients = jax.value_and_grad(loss, has_aux=True)(params, batch, key)
        return value, gradients

    def with_omega(params: Params, batch: Batch, key: Array, step: Array) -> tuple[Array, Params]:
        trained = nnx.merge(graphdef, params)
        cell = _stepwise(trained.unbound_cell)
        given, xs = trained.cell_given(batch)
        initial = cell.initial_state(given, xs.shape[1:-1])
        zeros = jax.tree.map(lambda s: jnp.zeros((len(xs), *s.shape), s.dtype), initial)
        taken = jax.value_and_grad(loss, argnums=(0, 3), has_aux=True)
        (value, states), (gradients, state_gradients) = taken(params, batch, key, zeros)

        def regulariser(params: Params) -> Array:
            trained = nnx.merge(graphdef, params)
            through_time = in_float32((trained.embed(batch), states, state_gradients))
            return objective.omega * omega_regulariser(cell, trained.cell.get_value(), *through_time)

        return value, jax.tree.map(jnp.add, gradients, jax.grad(regulariser)(params))

    def with_flossing(params: Params, batch: Batch, key: Array, step: Array) -> tuple[Array, Params]:
        def flossing(params: Params) -> Array:
            trained = nnx.merge(graphdef, params)
            cell, given, xs = trained.unbound_cell, trained.cell.get_value(), trained.embed(batch)
            return gradient_flossing(cell, given, xs, objective.flossing_exponents)

        return jax.lax.cond(
            step < objective.flossing_steps,
            lambda: (loss(params, batch, key)[0], jax.grad(flossing)(params)),
            lambda: trained_by(params, batch, key, step),
        )

    trained_by = with_omega if objective.omega else plain
    return with_flossing if objective.flossing_steps else trained_by


def _stepwise(cell: Cell) -> Cell:
    """A cell made of cells as one whose whole state is handed from step to step, which is where Ω looks."""
    return cell._replace(form=None) if isinstance(cell.form, Composed) else cell
