"""The one place where time runs."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rnnx import checks, engines
from rnnx.engines import Steps, one_step
from rnnx.engines._levels import by_levels
from rnnx.engines._segments import rematerialized, segment_size, truncated
from rnnx.engines._tree import over_nodes
from rnnx.own_steps import own_steps, packing
from rnnx.placement import like_step, like_steps, split_axes, vary, varying
from rnnx.pytrees import named_leaves
from rnnx.types import Array, Cell, Composed, Params, State, Trajectory, Tree


def unroll(
    cell: Cell,
    params: Params,
    xs: Array,
    state: State | None = None,
    *,
    lengths: Array | None = None,
    mask: Array | None = None,
    resets: Array | None = None,
    reverse: bool = False,
    children: Array | None = None,
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
      mask: `[T, B]` booleans, for sequences with gaps. A step where it is false is as one past the length, and might as
        well not be there: the state stays what it is, whatever x_t and `resets` are, and the output is zero.
      resets: `[T, B]` booleans. Where true the state is replaced by the cell's initial state before step t.
      reverse: run from t = T to 1; with `lengths` each example starts at its own last step. Outputs stay in the order
        of `xs`.
      children: `[T, B, 2]` whole numbers, for cells of form `Tree`, which need it: the nodes of a tree take the place
        of steps, children before their parents; the left and the right child of each, -1 for none. The last node is the
        root, whose state is `final_state`. A node has one parent at most: under `jit` that can't be checked. Of the
        other arguments `lengths`, numbers of nodes, `perturbations` and `engine` apply.
      engine: `"auto"` picks `"fused"` for cells with a `Dense` form (one custom backward pass: no forward-mode
        differentiation), `"associative"` for `Diagonal` ones on an accelerator, else `"scan"`. `"scan"` differentiates
        in both modes; `"loop"` is a Python loop, for tests. `"newton"` solves for all steps at once and warns
        where that fails; its options and its report are in `rnnx.engines.newton.solve`. Trees run level by level with
        `"auto"` (one custom backward pass), and with `"scan"` node by node.
      remat: what the backward pass computes again instead of keeping it. `None` keeps everything; `"full"` keeps the
        states; a whole number K keeps the state at every K-th step, `"sqrt"` at every √T-th.
      truncate: K, for truncated back-propagation through time: no gradient passes from step nK + 1 to step nK. Steps
        are counted as an example runs: with `reverse` from its own last one, and without those that are masked. Values
        stay what they are, and K of at least T changes nothing.
      return_states: also return s_1 … s_T `[T, B, …]`.
      perturbations: like the states `[T, B, …]`, added to s_t after step t. At zero it changes nothing, and the
        gradient with respect to it is ∂L/∂s_t, the total derivative, for every t in one backward pass. At padding and
        masked steps that gradient is zero.

    Returns:
      `Trajectory(outputs [T, B, Y], final_state, states)`.

    Raises:
      ValueError: unknown engine; arguments whose shapes, types or structure do not fit together; time, features or
        parameters that are split over devices; a symbolic T that the engine or `truncate` must know.

    >>> import jax, rnnx
    >>> cell = rnnx.gru(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.numpy.ones((5, 2, 3))
    >>> trajectory = rnnx.unroll(cell, params, xs, lengths=jax.numpy.array([5, 2]))
    >>> trajectory.outputs[:, 1, 0] != 0
    Array([ True,  True, False, False, False], dtype=bool)
    """
    check_engine(engine, remat)
    if truncate is not None:
        truncate = checks.size("truncate", truncate)
    xs = as_sequence(xs)
    T, *batch_shape = xs.shape[:-1]
    if any(map(split_axes, jax.tree.leaves(params))):
        raise ValueError("params must not be split over devices; jax.sharding.reshard(params, jax.P()) joins them.")
    initial = cell.initial_state(params, tuple(batch_shape))
    state = initial if state is None else jax.tree.map(jnp.asarray, state)
    check_like("state", state, initial, ())
    if perturbations is not None:
        perturbations = jax.tree.map(jnp.asarray, perturbations)
        check_like("perturbations", perturbations, initial, (T,))

    valid = own_steps(T, tuple(batch_shape), lengths, mask)
    if valid is not None:
        valid = like_steps(xs, valid)
        # What lies in the padding must not reach the cell at all: `where` after it would stop a NaN on the way
        # forward but not 0 * NaN on the way back.
        xs = jnp.where(valid[..., None], xs, jnp.zeros((), xs.dtype))
    if resets is not None:
        resets = checks.booleans("resets", resets, (T, *batch_shape))

    def run(
        cell: Cell, params: Params, xs: Array, state: State, perturbations: State | None, reverse: bool
    ) -> tuple[State, State]:
        if isinstance(cell.form, Composed):

            def run_part(
                cell: Cell, params: Params, xs: Array, state: State, perturbations: State | None, flip: bool = False
            ) -> tuple[State, State]:
                return run(cell, params, xs, state, perturbations, reverse ^ flip)

            return cell.form.over_time(run_part, params, xs, state, perturbations)
        cell, params, steps, state = placed(cell, params, Steps(xs, valid, resets, perturbations), state)
        if T == 0:
            return state, jax.tree.map(lambda s: jnp.broadcast_to(s, (0, *s.shape)), state)
        chosen = engines.choose(engine, cell, remat, T)

        def segment(steps: Steps, state: State) -> tuple[State, State]:
            return chosen.run(cell, params, steps, state, reverse, remat == "full")

        def kept_in_segments(steps: Steps, state: State) -> tuple[State, State]:
            if remat is None or remat == "full":
                return segment(steps, state)
            return rematerialized(segment, steps, state, segment_size(remat, steps.xs.shape[0]), reverse)

        if truncate is None:
            return kept_in_segments(steps, state)
        if valid is None or (mask is None and not reverse):  # all begin at one end, and have no gaps
            return truncated(kept_in_segments, steps, state, truncate, reverse)
        packed = packing(valid, reverse)
        packed_steps = packed.pack(steps)._replace(valid=packed.own)
        final, states = truncated(kept_in_segments, packed_steps, state, truncate, reverse)
        return final, packed.unpack(states, state)

    if isinstance(cell.form, Tree):
        _check_tree(resets=resets, reverse=reverse, truncate=truncate, remat=remat)
        children = _check_children(children, xs, valid)
        _check_nodes(cell, params, state, xs)
        given = params, xs, children, state, valid, perturbations
        final_state, states = _run_tree(engine)(cell, *vary(given, varying(given)))
    elif children is not None:
        raise ValueError("children are for cells of form Tree, and this cell has another.")
    else:
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
    if not split_axes(xs) <= set(range(1, xs.ndim - 1)):
        raise ValueError(f"of xs only batch axes may be split over devices, not time and features: {jax.typeof(xs)}.")
    return xs


def first_state(cell: Cell, params: Params, xs: Array, *others: Any) -> State:
    """The initial state, placed on the devices as the states are of which these inputs, and others, make the next."""
    return vary(like_step(xs, cell.initial_state(params, xs.shape[1:-1])), varying(params, xs, others))


def placed(cell: Cell, params: Params, steps: Steps, state: State) -> tuple[Cell, Params, Steps, State]:
    """All that meets in a step, placed alike on the devices, and checked to be what the cell takes."""
    xs = steps.xs
    steps, state = like_steps(xs, steps), like_step(xs, state)
    axes = varying(params, steps, state, check_step(cell, params, state, xs))

    def initial_state(params: Params, batch_shape: tuple[int, ...]) -> State:
        return vary(like_step(xs, cell.initial_state(params, batch_shape)), axes)

    return cell._replace(initial_state=initial_state), *vary((params, steps, state), axes)


def _run_tree(engine: str) -> Callable[..., tuple[State, State]]:
    ways = {"auto": by_levels, "scan": over_nodes}
    if engine not in ways:
        raise ValueError(
            f"engine {engine!r} is for sequences; a cell of form Tree runs by 'auto', level by level, or by 'scan', "
            "node by node."
        )
    return ways[engine]


def _check_children(children: Array | None, xs: Array, valid: Array | None) -> Array:
    if children is None:
        raise ValueError("a cell of form Tree needs children [N, B, 2], the left and the right child of each node.")
    if xs.ndim != 3:
        raise ValueError(f"xs must be [N, B, I] for a cell of form Tree, not {list(xs.shape)}.")
    if split_axes(xs):
        raise ValueError(
            "a cell of form Tree does not run over an array that is split over devices; use jax.shard_map."
        )
    given, children = children, jnp.asarray(children)
    wanted = (*xs.shape[:2], 2)
    if children.shape != wanted or not jnp.issubdtype(children.dtype, jnp.signedinteger):
        raise ValueError(
            f"children must be signed whole numbers of shape {list(wanted)}, "
            f"not {children.dtype}{list(children.shape)}."
        )
    # Under jit nothing is known of the values.
    known = not isinstance(given, jax.core.Tracer)
    if known and ((np.asarray(given) < -1) | (np.asarray(given) >= wanted[0])).any():
        raise ValueError(f"children must lie between -1, for none, and {wanted[0] - 1}, the last node.")
    if known and not isinstance(valid, jax.core.Tracer) and _shared(np.asarray(given), valid):
        raise ValueError("children must be those of trees, where a node is the child of one other at most.")
    return children.astype(int)


def _shared(children: np.ndarray, valid: Array | None) -> bool:
    """Whether a node is the child of several, `[N, B, 2]`."""
    N, B, _ = children.shape
    if valid is not None:
        children = np.where(np.asarray(valid)[..., None], children, -1)
    counts = np.zeros((N + 1, B), int)
    np.add.at(counts, (children, np.arange(B)[:, None]), 1)  # none, -1, is the last row
    return bool((counts[:N] > 1).any())


def _check_nodes(cell: Cell, params: Params, state: State, xs: Array) -> None:
    """That the cell takes such inputs, at leaves and at inner nodes."""
    assert isinstance(cell.form, Tree)
    x = one_step(xs)
    for function, given in ((cell.form.leaf, (params, x)), (cell.form.compose, (params, state, state, x))):
        try:
            after = jax.eval_shape(function, *given)
        except TypeError as error:
            raise ValueError(
                f"the cell can't take x_n {x.dtype}{list(x.shape)}: {str(error).splitlines()[0]}"
            ) from error
        for (part, wanted), made in zip(named_leaves(state).items(), jax.tree.leaves(after), strict=True):
            if (made.shape, made.dtype) != (wanted.shape, wanted.dtype):
                raise ValueError(
                    f"x_n {x.dtype}{list(x.shape)} makes {made.dtype}{list(made.shape)} of the state's {part}, "
                    f"which is {wanted.dtype}{list(wanted.shape)}."
                )


def _check_tree(**unused: Any) -> None:
    """`ValueError` for what has no meaning where nodes take the place of time."""
    for name, value in unused.items():
        if value is not None and value is not False:
            raise ValueError(f"{name} is for sequences; a cell of form Tree runs over nodes.")


def check_engine(engine: str, remat: str | int | None) -> None:
    """That there is such an engine, and such a way to rematerialise."""
    if engine != "auto":
        engines.get(engine)
    if remat is not None and remat not in ("full", "sqrt"):
        if isinstance(remat, str):
            raise ValueError(f"remat must be None, 'full', 'sqrt' or a whole number of steps, not {remat!r}.")
        checks.size("remat", remat)


def check_step(cell: Cell, params: Params, state: State, xs: Array) -> State:
    """That the cell takes such inputs: a wrong number of features, or numbers in more digits than the state has, would
    else surface deep inside an engine. The shapes and types of the state after the step."""
    assert cell.step is not None, "a cell that can't be stepped has the form Composed"
    x = one_step(xs)
    try:
        after = jax.eval_shape(cell.step, params, state, x)
    except TypeError as error:
        raise ValueError(
            f"the cell can't step on x_t {x.dtype}{list(x.shape)}: {str(error).splitlines()[0]}"
        ) from error
    for (part, before), stepped in zip(named_leaves(state).items(), jax.tree.leaves(after), strict=False):
        if stepped.dtype != before.dtype:
            raise ValueError(
                f"a step on x_t {x.dtype}{list(x.shape)} makes {stepped.dtype} of the state's {part}, which is "
                f"{before.dtype}: give inputs no wider than the parameters, such as xs.astype({_real(before.dtype)})."
            )
    return after


def _real(dtype: jnp.dtype) -> jnp.dtype:
    """The type of the parts of a complex number."""
    return jnp.finfo(dtype).dtype if jnp.issubdtype(dtype, jnp.inexact) else dtype


def check_like(name: str, value: State, like: State, leading: tuple[int, ...]) -> None:
    """The same structure, shapes and types, so that (h, c) can't be swapped and nothing is broadcast by accident."""
    if jax.tree.structure(value) != jax.tree.structure(like):  # type: ignore[operator]
        detail = "" if type(value) is not type(like) else " of other parts"
        raise ValueError(f"{name} must be a {type(like).__name__}, not {type(value).__name__}{detail}.")
    given = named_leaves(value)
    for part, wanted in named_leaves(like).items():
        if given[part].shape != (*leading, *wanted.shape):
            raise ValueError(
                f"{name}.{part} must have shape {[*leading, *wanted.shape]}, not {list(given[part].shape)}."
            )
        if given[part].dtype != wanted.dtype:
            raise ValueError(f"{name}.{part} must be {wanted.dtype}, not {given[part].dtype}.")


def plain_run(
    name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
) -> Trajectory:
    """Run a part of a model by `rnnx.unroll` and nothing else: the `rnnx.types.Run` for anyone's own code.

    >>> import jax, rnnx
    >>> from flax import nnx
    >>> task = rnnx.tasks.get("adding")()
    >>> model = rnnx.models.get("sequence")(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
    >>> model(task.sample(jax.random.key(0), 4, 10), rnnx.plain_run).shape
    (10, 4, 1)
    """
    return unroll(cell, params, xs, state, **options)
