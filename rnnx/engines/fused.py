"""One custom backward pass for every `Dense` cell: only what is truly sequential stays in the loop.

Forward, step by step:

    gx_t = project(x_t)                                     one product for a chunk of steps
    s_t  = pointwise(s_{t-1}, gx_t, hidden(s_{t-1}) W)      one product a step

Backward, with δ_t = ∂L/∂s_t and the pre-activation cotangents g_t = ∂L/∂gx_t, g'_t = ∂L/∂gh_t:

    δ_{t-1}, g_t, g'_t = (∂pointwise_t)ᵀ δ_t,    δ_{t-1} += (∂hidden)ᵀ (g'_t Wᵀ)      one product a step
    ∂L/∂W = Σ_t h_{t-1}ᵀ g'_t,    ∂L/∂x and ∂L/∂W_x from g_t                          one product each for a chunk

Automatic differentiation of a scan would add to ∂L/∂W at every step instead, which reads and writes the whole matrix
T times. The derivative of `pointwise` is taken by `jax.vjp` for all steps of a chunk at once, so that the loop itself
holds no transcendental function. Where ∂pointwise/∂gx and ∂pointwise/∂gh are one and the same expression, as in an RNN
and an LSTM, `pointwise` depends on gx + gh alone, and only the sum is kept.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rnnx.engines import Engine, Steps, fusion_barrier, one_step, select
from rnnx.engines._closure import opened
from rnnx.engines._dependence import depends_on_sum, used_in_steps
from rnnx.engines._segments import divisor_near, merge_segments, run_two_segments, split
from rnnx.engines._zeros import materialize_zeros, without_zeros
from rnnx.numerics import product_over_rows
from rnnx.types import Array, Cell, Dense, Params, State

_SMALL = 2**22
"""Bytes of pre-activations that the CPU computes for all steps at once."""
_IN_CACHE = 2**20
"""Bytes of pre-activations in a chunk, if there are more."""

_MANY_ROWS = 128
"""Rows of a batch from which on a step's own projection is a product as good as a chunk's."""


class _Given(NamedTuple):
    """All arrays that come in."""

    params: Params
    fixed: Any  # the arrays that nothing is differentiated by
    steps: Steps
    state: State
    initial: State  # what a reset restores; `None` without resets


class _Kept(NamedTuple):
    """What the backward pass needs of the forward pass, in chunks of K steps: [T / K, K, *batch, …]."""

    states: State
    entries: State  # the state before each chunk, [T / K, *batch, …]
    gates: Any  # gx + gh, or both, or nothing if they are to be computed again


def _run(cell: Cell, params: Params, steps: Steps, state: State, reverse: bool, recompute: bool) -> tuple[State, State]:
    form = cell.form
    assert isinstance(form, Dense)
    T, *batch_shape, _ = steps.xs.shape
    initial = None if steps.resets is None else cell.initial_state(params, tuple(batch_shape))
    gate_bytes = jax.eval_shape(form.recurrent, params).shape[-1] * steps.xs.dtype.itemsize
    chunk = _chunk_size(T, math.prod(batch_shape), gate_bytes)

    form_of, params, fixed = opened(form, params, one_step(steps.xs), state, {chunk, T % chunk})

    def part(steps: Steps, state: State) -> tuple[State, State]:
        run = _differentiable(form_of, min(chunk, steps.xs.shape[0]), not recompute, reverse)
        return run(_Given(params, fixed, steps, state, initial))

    return run_two_segments(part, part, steps, state, T // chunk * chunk, reverse)


def _chunk_size(T: int, rows: int, row_bytes: int) -> int:
    """How many steps are projected at once, K.

    On the CPU all T where that is little. Else a chunk's pre-activations should stay in the cache, while its products
    should have rows enough to be worth the call; writing all of [T, B, G] and reading it back costs more than it saves.
    An accelerator has the bandwidth, and wants few launches. A divisor of T near by saves a second program for the
    rest. What `jax.export` leaves open counts as little.
    """
    if jax.export.is_symbolic_dim(T) or jax.export.is_symbolic_dim(rows):
        return T
    rows = max(rows, 1)
    step_bytes = rows * row_bytes
    if jax.default_backend() != "cpu" or T * step_bytes <= _SMALL:
        return T
    wanted = max(_IN_CACHE // step_bytes, 256 // rows, 1)
    return divisor_near(T, wanted) if wanted < T else T


def _differentiable(form_of: Callable[[list[Array]], Dense], chunk: int, keeps_gates: bool, reverse: bool) -> Any:
    """The run over whole chunks, as a function of `_Given` with its own backward pass."""

    @jax.custom_vjp
    def run(given: _Given) -> tuple[State, State]:
        form = form_of(given.fixed)
        if chunk != given.steps.xs.shape[0] and math.prod(given.steps.xs.shape[1:-1]) >= _MANY_ROWS:
            return _step_by_step(form, reverse, given)
        final, kept = _forward(form, chunk, reverse, given, keep=_nothing)
        return final, merge_segments(kept.states)

    def forward(traced: _Given) -> tuple[tuple[State, State], tuple[_Given, _Kept]]:
        given = jax.tree.map(lambda primal: primal.value, traced)
        form = form_of(given.fixed)
        keep: Callable = _nothing
        if keeps_gates:
            keep = jnp.add if depends_on_sum(form, given.params, one_step(given.steps.xs), given.state) else _both
        final, kept = _forward(form, chunk, reverse, given, keep)
        return (final, merge_segments(kept.states)), (given, kept)

    def backward(residuals: tuple[_Given, _Kept], cotangents: tuple[State, State]) -> tuple[_Given]:
        return (_backward(form_of(residuals[0].fixed), chunk, reverse, *residuals, *cotangents),)

    run.defvjp(forward, backward, symbolic_zeros=True)
    return run


def _nothing(gx: Array, gh: Array) -> None:
    return None


def _both(gx: Array, gh: Array) -> tuple[Array, Array]:
    return gx, gh


def _step(form: Dense, given: _Given, keep: Callable) -> Callable[[State, Steps], tuple[State, tuple[State, Any]]]:
    """The body of the forward loop, with gx_t where `Steps` has x_t."""
    params, initial = given.params, given.initial
    W = form.recurrent(params)

    def step(state: State, at_t: Steps) -> tuple[State, tuple[State, Any]]:
        gx, valid, reset, perturbation = at_t
        before = state if reset is None else select(reset, initial, state)
        gh = form.hidden(params, before) @ W
        after = form.pointwise(params, before, gx, gh)
        if perturbation is not None:
            after = jax.tree.map(jnp.add, after, perturbation)
        after = after if valid is None else select(valid, after, state)
        return after, (after, keep(gx, gh))

    return step


def _forward(form: Dense, chunk: int, reverse: bool, given: _Given, keep: Callable) -> tuple[State, _Kept]:
    step = _step(form, given, keep)

    def projected_step(state: State, at_t: Steps) -> tuple[State, tuple[State, Any]]:
        return step(state, at_t._replace(xs=fusion_barrier(at_t.xs)))

    def steps(entry: State, of_chunk: Steps) -> tuple[State, _Kept]:
        projected = of_chunk._replace(xs=form.project(given.params, of_chunk.xs))
        final, (states, gates) = jax.lax.scan(projected_step, entry, projected, reverse=reverse)
        return final, _Kept(states, entry, gates)

    return jax.lax.scan(steps, given.state, split(given.steps, chunk), reverse=reverse)


def _step_by_step(form: Dense, reverse: bool, given: _Given) -> tuple[State, State]:
    """The states alone, in one loop that writes them where they stay."""
    step = _step(form, given, _nothing)

    def projecting(state: State, at_t: Steps) -> tuple[State, State]:
        after, (states, _) = step(state, at_t._replace(xs=form.project(given.params, at_t.xs)))
        return after, states

    return jax.lax.scan(projecting, given.state, given.steps, reverse=reverse)


def _backward(
    form: Dense, chunk: int, reverse: bool, given: _Given, kept: _Kept, d_final: State, d_states: State
) -> _Given:
    """Cotangents of everything given."""
    params, initial = given.params, given.initial
    W, of_recurrent = jax.vjp(form.recurrent, params)
    W_T = W.T  # outside the loop: XLA's CPU product with a matrix to be transposed takes up to twice as long
    small = used_in_steps(form, params, one_step(given.steps.xs), given.state)
    # In bfloat16 a sum over time would lose what is small.
    accumulator = jnp.float32 if W.dtype.itemsize < 4 else W.dtype
    d_states, add_direct = without_zeros(d_states)

    def derivative(before: State, gx: Array, gh: Array) -> tuple[Any, Any]:
        """(∂pointwise)ᵀ and (∂hidden)ᵀ at one step, as functions that can be sliced over time."""
        p = small.of(params)
        _, of_pointwise = jax.vjp(lambda p, *rest: form.pointwise(small.put(p), *rest), p, before, gx, gh)
        _, of_hidden = jax.vjp(lambda p, s: form.hidden(small.put(p), s), p, before)
        return of_pointwise, of_hidden

    def step(carry: tuple, at_t: tuple) -> tuple[tuple, tuple]:
        delta, d_initial = carry
        direct, (of_pointwise, of_hidden), valid, reset, _ = at_t
        delta = add_direct(delta, direct)
        passed = None if valid is None else _where(valid, 0, delta)  # a frozen state hands its gradient on
        delta = delta if valid is None else _where(valid, delta, 0)
        d_small, d_before, d_gx, d_gh = of_pointwise(delta)
        d_small, d_before = _add((d_small, d_before), of_hidden(d_gh @ W_T))
        if reset is not None:
            d_initial = _add(d_initial, _where(reset, d_before, 0))
            d_before = _where(reset, 0, d_before)
        d_before = d_before if passed is None else _add(passed, d_before)
        d_perturbation = None if given.steps.perturbations is None else delta
        return (d_before, d_initial), (d_small, d_gx, None if d_gh is d_gx else d_gh, d_perturbation)

    def steps(carry: tuple, of_chunk: tuple) -> tuple[tuple, tuple]:
        delta, d_initial, d_params, d_small, d_W = carry
        (xs, valid, resets, _), (states, entry, gates), direct = of_chunk
        befores = _shifted(entry, states, reverse)
        if resets is not None:
            befores = select(resets, jax.tree.map(lambda i, s: jnp.broadcast_to(i, s.shape), initial, states), befores)
        h = form.hidden(params, befores)
        gx, of_project = jax.vjp(form.project, params, xs)
        if gates is None:
            gates = (gx, h @ W)
        elif not isinstance(gates, tuple):
            gates = (gates, jnp.zeros_like(gates))
        derivatives = jax.vmap(derivative)(befores, *gates)
        # How many steps there are may show in nothing else, and as a number it may not be symbolic.
        length, counted = (None, xs) if jax.export.is_symbolic_dim(xs.shape[0]) else (xs.shape[0], None)
        (delta, d_initial), (d_smalls, d_gx, d_gh, d_perturbations) = jax.lax.scan(
            step, (delta, d_initial), (direct, derivatives, valid, resets, counted), length, not reverse
        )
        d_gh = d_gx if d_gh is None else d_gh
        d_params_here, d_xs = of_project(d_gx)
        d_W += product_over_rows(h, d_gh, accumulator)
        d_params = jax.tree.map(lambda total, d: total + d.astype(total.dtype), d_params, d_params_here)
        d_small = jax.tree.map(lambda total, d: total + jnp.sum(d, axis=0, dtype=total.dtype), d_small, d_smalls)
        return (delta, d_initial, d_params, d_small, d_W), (d_xs, d_perturbations)

    zeros = functools.partial(
        jax.tree.map, lambda leaf: jnp.zeros_like(leaf, dtype=np.promote_types(leaf.dtype, accumulator))
    )
    start = (
        materialize_zeros(d_final, given.state),
        _zeros_like(initial),
        zeros(params),
        zeros(small.of(params)),
        zeros(W),
    )
    over_time = (split(given.steps._replace(perturbations=None), chunk), kept, split(d_states, chunk))
    (d_state, d_initial, d_params, d_small, d_W), (d_xs, d_perturbations) = jax.lax.scan(
        steps, start, over_time, reverse=not reverse
    )
    (of_W,) = of_recurrent(d_W.astype(W.dtype))
    d_params = jax.tree.map(lambda d, p: d.astype(p.dtype), small.add(d_params, d_small), params)
    d_steps = Steps(merge_segments(d_xs), None, None, merge_segments(d_perturbations))
    return _Given(_add(d_params, of_W), None, d_steps, d_state, d_initial)


def _shifted(entry: State, states: State, reverse: bool) -> State:
    """s_{t-1} for the steps of a chunk, from s_t and the state before the chunk."""

    def shift(e: Array, s: Array) -> Array:
        return jnp.concatenate([s[1:], e[None]] if reverse else [e[None], s[:-1]])

    return jax.tree.map(shift, entry, states)


def _where(mask: Array, on_true: Any, on_false: Any) -> State:
    """`select` with zeros where 0 is given."""
    like = on_false if isinstance(on_true, int) else on_true
    return select(mask, *(_zeros_like(like) if isinstance(tree, int) else tree for tree in (on_true, on_false)))


def _add(a: Any, b: Any) -> Any:
    return jax.tree.map(jnp.add, a, b)


def _zeros_like(tree: Any) -> Any:
    return jax.tree.map(jnp.zeros_like, tree)


fused = Engine(_run, form=Dense, rematerializes=True)
