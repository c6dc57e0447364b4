"""Ways to run time in training and in measuring: each is made outside the model, which calls what it is handed."""

import itertools
from collections.abc import Callable
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp

from rnnx import checks
from rnnx.combinators.dropout import dropout
from rnnx.combinators.random_truncation import random_truncation
from rnnx.combinators.zoneout import zoneout
from rnnx.engines import select
from rnnx.pytrees import in_type
from rnnx.types import Array, Cell, GradientFlow, Params, Run, State, Trajectory
from rnnx.unroll import first_state

Precision = Literal["float32", "bfloat16"]


def execution(
    precision: Precision = "float32", engine: str = "auto", remat: str | int | None = None
) -> Callable[[Run], Run]:
    """What changes speed, memory and rounding, but no result, as a wrapper of any run.

    Args:
      precision: as for `in_precision`.
      engine, remat: as for `rnnx.unroll`.

    >>> import jax, rnnx
    >>> cell = rnnx.gru(hidden_size=8)
    >>> xs = jax.numpy.ones((5, 2, 3))
    >>> run = execution(precision="bfloat16", engine="scan")(rnnx.plain_run)
    >>> run("cell", cell, cell.init(jax.random.key(0), 3), xs).outputs.dtype
    dtype('float32')
    """
    checks.choice("precision", precision, get_args(Precision))
    return lambda run: _naming_part(in_precision(with_options(run, engine=engine, remat=remat), precision))


def _naming_part(run: Run) -> Run:
    """What can't be done with a part is said with its name, but for the only one of a model, called `cell`."""

    def run_named(
        name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
    ) -> Trajectory:
        try:
            return run(name, cell, params, xs, state, **options)
        except ValueError as error:
            raise error if name == "cell" else ValueError(f"{name}: {error}") from error

    return run_named


def with_options(run: Run, **always: Any) -> Run:
    """With these options of `rnnx.unroll` at each call."""

    def run_with(
        name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
    ) -> Trajectory:
        return run(name, cell, params, xs, state, **always, **options)

    return run_with


def in_precision(run: Run, precision: Precision) -> Run:
    """Time runs in this precision, forward and backward: parameters, inputs and states are rounded on the way in.

    What comes out has the type of the inputs again; the model, its readout and the loss stay what they are.
    """
    if precision == "float32":
        return run

    def rounded(
        name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
    ) -> Trajectory:
        params, inputs, state = in_type(precision, (params, xs, state))
        return in_type(xs.dtype, run(name, cell, params, inputs, state, **options))

    return rounded


def truncated_at_random(run: Run, key: Array, probability: float) -> Run:
    """Each part with the gradient cut after each step with this probability, without bias: `rnnx.random_truncation`."""

    def cut(name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any) -> Trajectory:
        return run(name, random_truncation(cell, key, probability), params, xs, state, **options)

    return cut


def with_dropout(run: Run, key: Array, **rates: float) -> Run:
    """Each part with masks of its own, drawn anew from the key of each training step: `rnnx.dropout`."""
    numbers = itertools.count()

    def drop(
        name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
    ) -> Trajectory:
        cell = dropout(cell, jax.random.fold_in(key, next(numbers)), **rates)
        return run(name, cell, params, xs, state, **options)

    return drop


def with_zoneout(run: Run, rate: float, key: Array | None = None) -> Run:
    """Each part with numbers of its state kept at random, or in expectation without a key: `rnnx.zoneout`."""
    numbers = itertools.count()

    def keep(
        name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
    ) -> Trajectory:
        cell = zoneout(cell, rate, None if key is None else jax.random.fold_in(key, next(numbers)))
        return run(name, cell, params, xs, state, **options)

    return keep


def carried(run: Run, states: dict[str, State] | None, restarts: Array, ended: dict[str, State]) -> Run:
    """Each part goes on from the state in which it ended in the batch before; no gradient passes to that batch.

    Args:
      run: how time runs beside that.
      states: where each part ended, by name; without them all begin as they would.
      restarts: `[B]` booleans: which examples begin with the cell's own initial state again.
      ended: where each part ends now is put in here by name.

    Raises:
      ValueError: when called, a part for which the batch before is not what came before.

    >>> import jax, rnnx
    >>> cell, ended = rnnx.gru(hidden_size=8), {}
    >>> params, xs = cell.init(jax.random.key(0), 3), jax.numpy.ones((10, 2, 3))
    >>> for chunk in jax.numpy.split(xs, 2):
    ...     run = carried(rnnx.plain_run, ended or None, jax.numpy.array([False, True]), ended)
    ...     h = run("cell", cell, params, chunk).final_state.h
    >>> whole, half = (rnnx.unroll(cell, params, part).final_state.h for part in (xs, xs[:5]))
    >>> bool(jax.numpy.allclose(h[0], whole[0])), bool(jax.numpy.allclose(h[1], half[1]))
    (True, True)
    """

    def carry(
        name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
    ) -> Trajectory:
        _check_goes_on(name, cell, xs, state, restarts, options.get("reverse", False))
        if states is not None:
            state = select(restarts, first_state(cell, params, xs), jax.lax.stop_gradient(states[name]))
        trajectory = run(name, cell, params, xs, state, **options)
        ended[name] = trajectory.final_state
        return trajectory

    return carry


def _check_goes_on(name: str, cell: Cell, xs: Array, state: State | None, restarts: Array, reverse: bool) -> None:
    """That a part can begin where it ended in the batch before."""
    why = None
    if reverse:
        why = "runs in reverse"
    elif state is not None:
        why = "starts from a state that the model hands it"
    elif cell.step is None:
        why = "has a cell that can't be stepped"
    elif xs.shape[1:-1] != restarts.shape:
        why = f"runs over {list(xs.shape[1:-1])} sequences, not the {list(restarts.shape)} of the batch"
    if why:
        raise ValueError(
            f"the part {name!r} {why}, and can't read on from batch to batch, as objective.carry_state and the test "
            "split of a text ask for: choose another model, or set carry_state to False where that is all."
        )


def replayed(flows: dict[str, GradientFlow], visit: Callable[[GradientFlow, Params, Array], None]) -> Run:
    """Time does not run: each part is what it was, its states constant, and is shown beside the parameters and inputs
    that it has now, of which its outputs are functions still."""

    def replay(
        name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
    ) -> Trajectory:
        flow = flows[name]
        visit(flow, params, xs)
        after = jax.lax.stop_gradient(flow.after)
        final_state = jax.tree.map(lambda s: s[-1], after)
        return Trajectory(cell.read(params, after, xs), final_state, after)

    return replay


def visited(run: Run, visit: Callable[[Cell, Params, Array], None]) -> Run:
    """Each part is shown, with its parameters and inputs, before it runs."""

    def shown(
        name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
    ) -> Trajectory:
        visit(cell, params, xs)
        return run(name, cell, params, xs, state, **options)

    return shown


def keeping_states(run: Run, states: dict[str, State]) -> Run:
    """The states s_1 … s_T of each part, `[T, B, …]`, are put in here by name.

    >>> import jax, rnnx
    >>> cell, states = rnnx.gru(hidden_size=8), {}
    >>> params, xs = cell.init(jax.random.key(0), 3), jax.numpy.ones((10, 2, 3))
    >>> trajectory = keeping_states(rnnx.plain_run, states)("cell", cell, params, xs)
    >>> states["cell"].h.shape
    (10, 2, 8)
    """

    def keep(
        name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
    ) -> Trajectory:
        trajectory = run(name, cell, params, xs, state, **options | {"return_states": True})
        states[name] = trajectory.states
        return trajectory

    return keep


def in_float32(tree: Any) -> Any:
    """What was computed in bfloat16 as float32, and all else as it is."""
    return jax.tree.map(lambda a: a.astype(jnp.float32) if a.dtype == jnp.bfloat16 else a, tree)
