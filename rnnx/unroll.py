"""The one place where time runs."""

import jax
import jax.numpy as jnp

from rnnx import checks
from rnnx import engine as engines
from rnnx.engine import Steps
from rnnx.engine._segments import rematerialized, segment_size, truncated
from rnnx.parts import parts
from rnnx.types import Array, Cell, Composed, Params, State, Trajectory


def unroll(
    cell: Cell,
    params: Params,
    xs: Array,
    state: State | None = None,
    *,
    lengths: Array | None = None,
    resets: Array | None = None,
    reverse: bool = False,
    engine: str = "auto",
    remat: str | int | None = None,
    truncate: int | None = None,
    return_states: bool = False,
    perturbations: State | None = None,
) -> Trajectory:
    """Run a cell over a sequence: s_t = step(s_{t-1}, x_t) for t = 1 … T, and y_t = read(s_t, x_t).

    Call it under `jax.jit`, as everything in JAX: outside, each call compiles the loop anew.

    Args:
      cell: the cell.
      params: its parameters.
      xs: inputs `[T, B, I]`, or with any number of batch axes `[T, …, I]`.
      state: s_0 `[B, …]`; the cell's initial state if not given.
      lengths: `[B]` whole numbers. Past its length an example's state is frozen, its output is zero, and neither
        gradient nor NaN leaks out of the padding. A length above T counts as T.
      resets: `[T, B]` booleans. Where true the state is replaced by the cell's initial state before step t.
      reverse: run from t = T to 1; with `lengths` each example starts at its own last step. Outputs stay in the order
        of `xs`.
      engine: `"auto"` picks `"fused"` for cells with a `Dense` form (one custom backward pass: no forward-mode
        differentiation), `"associative"` for `Diagonal` ones on an accelerator, else `"scan"`. `"scan"` differentiates
        in both modes; `"loop"` is a Python loop, for tests. `"newton"` solves for all steps at once and warns
        where that fails; its options and its report are in `rnnx.engine.newton.solve`.
      remat: what the backward pass computes again instead of keeping it. `None` keeps everything; `"full"` keeps the
        states; a whole number K keeps the state at every K-th step, `"sqrt"` at every √T-th.
      truncate: K, for truncated back-propagation through time: no gradient passes from step nK + 1 to step nK. Values
        stay what they are, and K of at least T changes nothing.
      return_states: also return s_1 … s_T `[T, B, …]`.
      perturbations: like the states `[T, B, …]`, added to s_t after step t. At zero it changes nothing, and the
        gradient with respect to it is ∂L/∂s_t, the total derivative, for every t in one backward pass. At padding that
        gradient is zero.

    Returns:
      `Trajectory(outputs [T, B, Y], final_state, states)`.

    Raises:
      ValueError: unknown engine; arguments whose shapes, types or structure do not fit together.

    >>> import jax, rnnx
    >>> cell = rnnx.gru(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.numpy.ones((5, 2, 3))
    >>> trajectory = rnnx.unroll(cell, params, xs, lengths=jax.numpy.array([5, 2]))
    >>> trajectory.outputs[:, 1, 0] != 0
    Array([ True,  True, False, False, False], dtype=bool)
    """
    _check_engine(engine, remat)
    if truncate is not None:
        checks.size("truncate", truncate)
    xs = as_sequence(xs)
    T, *batch_shape = xs.shape[:-1]
    initial = cell.initial_state(params, tuple(batch_shape))
    state = initial if state is None else jax.tree.map(jnp.asarray, state)
    check_like("state", state, initial, ())
    if perturbations is not None:
        perturbations = jax.tree.map(jnp.asarray, perturbations)
        check_like("perturbations", perturbations, initial, (T,))

    valid = None
    if lengths is not None:
        lengths = jnp.asarray(lengths)
        if list(lengths.shape) != batch_shape or not jnp.issubdtype(lengths.dtype, jnp.integer):
            raise ValueError(
                f"lengths must be whole numbers of shape {batch_shape}, not {lengths.dtype}{list(lengths.shape)}."
            )
        valid = jnp.arange(T, dtype=lengths.dtype).reshape(T, *[1] * len(batch_shape)) < lengths
        # What lies in the padding must not reach the cell at all: `where` after it would stop a NaN on the way
        # forward but not 0 * NaN on the way back.
        xs = jnp.where(valid[..., None], xs, jnp.zeros((), xs.dtype))
    if resets is not None:
        resets = jnp.asarray(resets)
        if list(resets.shape) != [T, *batch_shape] or resets.dtype != jnp.bool_:
            raise ValueError(
                f"resets must be booleans of shape {[T, *batch_shape]}, not {resets.dtype}{list(resets.shape)}."
            )

    def run(
        cell: Cell, params: Params, xs: Array, state: State, perturbations: State | None, reverse: bool
    ) -> tuple[State, State]:
        if isinstance(cell.form, Composed):

            def run_part(
                cell: Cell, params: Params, xs: Array, state: State, perturbations: State | None, against: bool = False
            ) -> tuple[State, State]:
                return run(cell, params, xs, state, perturbations, reverse ^ against)

            return cell.form.over_time(run_part, params, xs, state, perturbations)
        check_step(cell, params, state, xs)
        if len(xs) == 0:
            return state, jax.tree.map(lambda s: jnp.zeros((0, *s.shape), s.dtype), state)
        chosen = engines.choose(engine, cell, remat)

        def stretch(steps: Steps, state: State) -> tuple[State, State]:
            return chosen.run(cell, params, steps, state, reverse, remat == "full")

        def kept_in_segments(steps: Steps, state: State) -> tuple[State, State]:
            if remat is None or remat == "full":
                return stretch(steps, state)
            return rematerialized(stretch, steps, state, segment_size(remat, len(steps.xs)), reverse)

        steps = Steps(xs, valid, resets, perturbations)
        if truncate is None:
            return kept_in_segments(steps, state)
        return truncated(kept_in_segments, steps, state, truncate, reverse)

    final_state, states = run(cell, params, xs, state, perturbations, reverse)
    outputs = cell.read(params, states, xs)
    if valid is not None:
        outputs = jnp.where(valid[..., None], outputs, jnp.zeros((), outputs.dtype))
    return Trajectory(outputs=outputs, final_state=final_state, states=states if return_states else None)


def as_sequence(xs: Array) -> Array:
    """Inputs as an array `[T, …, I]`; `ValueError` if it lacks one of these two axes."""
    xs = jnp.asarray(xs)
    if xs.ndim < 2:
        raise ValueError(f"xs must be [T, B, I] (or [T, I]), not {list(xs.shape)}.")
    return xs


def _check_engine(engine: str, remat: str | int | None) -> None:
    if engine != "auto":
        engines.get(engine)
    if remat is not None and remat not in ("full", "sqrt"):
        if isinstance(remat, str):
            raise ValueError(f"remat must be None, 'full', 'sqrt' or a whole number of steps, not {remat!r}.")
        checks.size("remat", remat)


def check_step(cell: Cell, params: Params, state: State, xs: Array) -> None:
    """That the cell takes such inputs: a wrong number of features would else surface deep inside an engine."""
    assert cell.step is not None, "a cell that can't be stepped has the form Composed"
    x = jax.ShapeDtypeStruct(xs.shape[1:], xs.dtype)
    try:
        jax.eval_shape(cell.step, params, state, x)
    except TypeError as error:
        raise ValueError(
            f"the cell can't step on x_t {x.dtype}{list(x.shape)}: {str(error).splitlines()[0]}"
        ) from error


def check_like(name: str, value: State, like: State, leading: tuple[int, ...]) -> None:
    """The same structure, shapes and types, so that (h, c) can't be swapped and nothing is broadcast by accident."""
    if jax.tree.structure(value) != jax.tree.structure(like):  # type: ignore[operator]
        detail = "" if type(value) is not type(like) else " of other parts"
        raise ValueError(f"{name} must be a {type(like).__name__}, not {type(value).__name__}{detail}.")
    given = parts(value)
    for part, wanted in parts(like).items():
        if given[part].shape != (*leading, *wanted.shape):
            raise ValueError(
                f"{name}.{part} must have shape {[*leading, *wanted.shape]}, not {list(given[part].shape)}."
            )
        if given[part].dtype != wanted.dtype:
            raise ValueError(f"{name}.{part} must be {wanted.dtype}, not {given[part].dtype}.")
