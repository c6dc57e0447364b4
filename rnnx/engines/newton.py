"""Newton's method over time: all T steps at once, again and again, until the states fit the recurrence. For any cell.

The states solve the T equations s_t = f(s_{t-1}, x_t). From a guess s, with A_t = ∂f/∂s at the guess s_{t-1},

    δ_t = A_t δ_{t-1} + f(s_{t-1}, x_t) - s_t,    δ_0 = 0,    s_t ← s_t + δ_t

is one iteration of Newton's method, and as a linear recurrence it takes log₂ T products one after another, not T.
Lim et al. 2024, "Parallelizing non-linear sequential models over the sequence length" (DEER), for dense Jacobians;
Gonzalez et al. 2024, "Towards scalable and stable parallelization of nonlinear RNNs" (quasi-DEER, ELK), for their
diagonals and for damping, here in its simplest form: A_t is multiplied by 1 - damping. Whatever stands in the place of
A_t, δ is zero exactly where the equations hold, so neither moves the answer, only the way to it; and as nothing
depends on later steps, t iterations make the first t steps right, T iterations all of them.

Derivatives are those of the equations, not of the iteration: ds_t = A_t ds_{t-1} + what moves directly, one more linear
recurrence, and for the gradient the same backwards in time with A_tᵀ. In both modes and to any order.
"""

import functools
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp

from rnnx import checks
from rnnx.dynamics.jacobians import Flat
from rnnx.engines import Engine, Steps, masked_step
from rnnx.engines._fixed_point import NewtonReport, fixed_point
from rnnx.types import Array, Cell, Composed, Dense, Diagonal, Params, State
from rnnx.unroll import as_sequence, check_like, placed

_DENSE_UP_TO = 32
"""The largest state, in numbers per example, whose dense Jacobians are the default."""


def solve(
    cell: Cell,
    params: Params,
    xs: Array,
    state: State | None = None,
    valid: Array | None = None,
    resets: Array | None = None,
    reverse: bool = False,
    perturbations: State | None = None,
    *,
    jacobian: Literal["dense", "diagonal"] | None = None,
    damping: float = 0.0,
    tolerance: float | None = None,
    max_iterations: int | None = None,
) -> tuple[State, State, NewtonReport]:
    """Run a cell over a sequence by Newton's method, and say how it went.

    If an example does not converge, or is not finite, all states are computed step by step and a `RuntimeWarning` says
    so. Under `jax.vmap` all those mapped over are then computed so, and each keeps the answer that is its own.

    Args:
      cell, params, xs, state: as for `rnnx.unroll`, but not a cell of form `Composed`.
      valid, resets, reverse, perturbations: as in `rnnx.engines`.
      jacobian: `"dense"` squares the error in each iteration and keeps T·B·S² numbers, S being the size of one
        example's state. `"diagonal"` keeps T·B·S, converges slowly or not at all, and its derivatives run step by
        step; for a cell without a form it takes as long as the dense one to compute. Dense up to S = 32 if not given.
      damping: 0 … 1, for where the iteration overshoots; the higher, the slower.
      tolerance: for `NewtonReport.correction` and `.residual`; ε^⅔ if not given (2.4e-5 in float32, 3.7e-11 in
        float64). The error left is of the order of its square with dense Jacobians (rounding comes on top), with
        diagonal ones or damping of the order of itself.
      max_iterations: T + 1 are enough for anything finite; that or 64, whichever is smaller, if not given.

    Returns:
      (final_state `[B, …]`, states `[T, B, …]`, `NewtonReport`)

    Raises:
      ValueError: a `Composed` cell; inputs or a state that do not fit it; a state whose parts differ in precision; an
        option out of range; symbolic sizes (`jax.export`).

    >>> import jax, rnnx
    >>> from rnnx.engines.newton import solve
    >>> cell = rnnx.gru(hidden_size=4)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (100, 2, 3))
    >>> _, states, report = jax.jit(lambda params, xs: solve(cell, params, xs))(params, xs)
    >>> int(report.iterations) < 20, report.converged
    (True, Array([ True,  True], dtype=bool))
    """
    xs = as_sequence(xs)
    if cell.step is None or isinstance(cell.form, Composed):
        raise ValueError(
            "a cell of form Composed is not solved as one; rnnx.unroll(…, engine='newton') runs its parts."
        )
    T, *batch_shape, _ = xs.shape
    if any(map(jax.export.is_symbolic_dim, xs.shape)):
        raise ValueError(
            f"engine 'newton' can't be exported with open sizes, as here xs {list(xs.shape)}, since it warns by a "
            "callback and counts its steps; 'scan' can."
        )
    initial = cell.initial_state(params, tuple(batch_shape))
    state = initial if state is None else jax.tree.map(jnp.asarray, state)
    check_like("state", state, initial, ())
    cell, params, steps, state = placed(cell, params, Steps(xs, valid, resets, perturbations), state)
    initial = cell.initial_state(params, tuple(batch_shape))
    flat = Flat(state, len(batch_shape))
    if jacobian is None:
        jacobian = "dense" if flat.size <= _DENSE_UP_TO else "diagonal"
    checks.choice("jacobian", jacobian, ("dense", "diagonal"))
    if not 0 <= checks.number("damping", damping) <= 1:
        raise ValueError(f"damping must be between 0 and 1, not {damping!r}.")
    if tolerance is None:
        tolerance = float(jnp.finfo(flat.dtype).eps) ** (2 / 3)
    checks.number("tolerance", tolerance, above=0)
    if max_iterations is None:
        max_iterations = min(T + 1, 64)
    checks.size("max_iterations", max_iterations)
    if 0 in (T, *batch_shape, flat.size):  # nothing to solve, and XLA's products of empty matrices may crash
        zero = jnp.zeros(batch_shape, flat.dtype)
        report = NewtonReport(jnp.zeros((), int), zero, zero, jnp.ones(batch_shape, bool))
        return state, jax.tree.map(lambda s: jnp.zeros((T, *s.shape), s.dtype), state), report

    if reverse:
        steps = jax.tree.map(lambda a: jnp.flip(a, 0), steps)
    inputs, step, step_apart = _steps(cell, params, steps.xs)

    def f(step: Callable[[State, Array], State], s: Array, at_t: Steps) -> Array:
        return flat.pack(masked_step(step, initial, flat.unpack(s), at_t))

    def with_dense(s: Array, at_t: Steps) -> tuple[Array, Array]:
        """f and ∂f/∂s [B, S, S], column by column."""
        f_s, push = jax.linearize(lambda s: f(step, s, at_t), s)
        columns = jax.vmap(lambda e: push(jnp.zeros_like(s) + e), out_axes=-1)
        return f_s, columns(jnp.eye(flat.size, dtype=s.dtype))

    def with_diagonal(s: Array, at_t: Steps) -> tuple[Array, Array]:
        """f and the diagonal of ∂f/∂s [B, S]; entries that do not mix are seen in one product."""
        f_s, push = jax.linearize(lambda s: f(step_apart or step, s, at_t), s)
        apart = flat.parts() if step_apart else jnp.eye(flat.size, dtype=s.dtype)
        add = lambda i, total: total + apart[i] * push(jnp.zeros_like(s) + apart[i])  # noqa: E731
        return f_s, jax.lax.fori_loop(0, len(apart), add, jnp.zeros_like(s))

    states, report = fixed_point(
        lambda s, at_t: f(step, s, at_t),
        with_dense if jacobian == "dense" else with_diagonal,
        flat.pack(state),
        steps._replace(xs=inputs),
        dense=jacobian == "dense",
        damping=damping,
        tolerance=tolerance,
        max_iterations=max_iterations,
    )
    final_state = flat.unpack(states[-1])
    return final_state, jax.vmap(flat.unpack)(jnp.flip(states, 0) if reverse else states), report


def _steps(cell: Cell, params: Params, xs: Array) -> tuple[Array, Callable, Callable | None]:
    """(inputs, step, step_apart): what can be done for all x at once done, and the step on what that gives.

    `step_apart` has the values of `step`, but as seen by differentiation the units of a layer do not mix. For a `Dense`
    cell the diagonals of the blocks of W are left of it; `None` where nothing is known of the cell.
    """
    assert cell.step is not None
    step = functools.partial(cell.step, params)
    form = cell.form
    if not isinstance(form, Dense):
        return xs, step, step if isinstance(form, Diagonal) else None
    W = form.recurrent(params)

    def step_dense(state: State, gx: Array) -> State:
        return form.pointwise(params, state, gx, form.hidden(params, state) @ W)

    H, G = W.shape
    if G % H:
        return form.project(params, xs), step_dense, None
    diagonals = jnp.diagonal(W.reshape(H, G // H, H), axis1=0, axis2=2).reshape(G)

    def step_apart(state: State, gx: Array) -> State:
        h = form.hidden(params, state)
        own = jnp.tile(h - jax.lax.stop_gradient(h), G // H) * diagonals  # zero, but not for differentiation
        return form.pointwise(params, state, gx, jax.lax.stop_gradient(h @ W) + own)

    return form.project(params, xs), step_dense, step_apart


def _run(cell: Cell, params: Params, steps: Steps, state: State, reverse: bool, recompute: bool) -> tuple[State, State]:
    """Run the cell by `solve` with its defaults."""
    xs, valid, resets, perturbations = steps
    return solve(cell, params, xs, state, valid, resets, reverse, perturbations)[:2]


newton = Engine(_run, counts_steps=True)
