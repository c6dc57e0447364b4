"""The gradient at every step of time, for anyone's cell, data and loss."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from rnnx.types import Array, Cell, GradientFlow, Params, State
from rnnx.unroll import as_sequence, unroll


def gradient_flow(
    cell: Cell,
    params: Params,
    xs: Array,
    loss: Callable[[Array], Array],
    *,
    lengths: Array | None = None,
) -> GradientFlow:
    """Differentiate a loss with respect to the parameters, every state and every input, in one backward pass.

    δ_t = ∂L/∂s_t is the total derivative: the state is perturbed after step t, before y_t is read and before step
    t + 1 (Pascanu, Mikolov & Bengio 2013, "On the difficulty of training recurrent neural networks").

    Call it under `jax.jit` if it is called more than once: outside, each call compiles anew.

    Args:
      cell: the cell.
      params: its parameters.
      xs: inputs `[T, B, I]`.
      loss: maps the outputs `[T, B, Y]` to a scalar.
      lengths: `[B]`, as in `rnnx.unroll`; the gradient is zero past an example's length.

    Returns:
      `GradientFlow`: `.loss`, `.param_gradients`, `.state_gradients` (like the state, `[T, B, …]`),
      `.input_gradients [T, B, I]`, `.output_gradients [T, B, Y]`, `.log10_state_norm [T, B]`, `.states`
      (s_0 … s_T, `[T + 1, B, …]`).

    Raises:
      ValueError: as `rnnx.unroll`.

    How much of the gradient at the last of 50 steps is left at the first, in powers of ten:

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=16, forget_bias=0.0)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (50, 8, 3))
    >>> flow = rnnx.gradient_flow(cell, params, xs, loss=lambda ys: ys[-1].sum())
    >>> lost = flow.log10_state_norm[0] - flow.log10_state_norm[-1]
    >>> lost.shape, bool((lost < -5).all())
    ((8,), True)
    """
    xs = as_sequence(xs)
    initial = cell.initial_state(params, xs.shape[1:-1])
    zeros = jax.tree.map(lambda s: jnp.zeros((xs.shape[0], *s.shape), s.dtype), initial)

    def run(params: Params, xs: Array, perturbations: State) -> tuple[Array, State]:
        trajectory = unroll(cell, params, xs, lengths=lengths, return_states=True, perturbations=perturbations)
        return trajectory.outputs, trajectory.states

    # In two halves, through the loss and through time, since what passes between them is asked for too.
    outputs, through_time, states = jax.vjp(run, params, xs, zeros, has_aux=True)
    value, output_gradients = jax.value_and_grad(loss)(outputs)
    param_gradients, input_gradients, state_gradients = through_time(output_gradients)
    if lengths is not None:
        t = jnp.arange(xs.shape[0]).reshape(-1, *[1] * (xs.ndim - 2))
        valid = t < jnp.asarray(lengths)
        output_gradients = jnp.where(valid[..., None], output_gradients, 0)
    return GradientFlow(
        loss=value,
        param_gradients=param_gradients,
        state_gradients=state_gradients,
        input_gradients=input_gradients,
        output_gradients=output_gradients,
        log10_state_norm=log10_norm(*jax.tree.leaves(state_gradients)),
        states=jax.tree.map(lambda s_0, s: jnp.concatenate([s_0[None], s]), initial, states),
    )


def log10_norm(*parts: Array) -> Array:
    """log10 of the Euclidean norm over the last axis of all parts together, without squaring what may underflow.

    log10 ‖v‖ = log10 m + ½ log10 Σ (v / m)²  with m = max |v|. Exactly zero gives -inf; NaN gives NaN.

    v [..., H] -> [...].

    >>> round(float(log10_norm(jax.numpy.array([3e-30, 4e-30]))), 4)
    -29.301
    """
    v = jnp.concatenate([jnp.abs(part) for part in parts], axis=-1)
    largest = jnp.max(v, axis=-1)
    one = jnp.ones((), v.dtype)
    m = jnp.where((largest > 0) & (largest < jnp.inf), largest, one)
    square = jnp.sum(jnp.square(v / m[..., None]), axis=-1)  # at least 1, but for v = 0
    return jnp.log10(largest) + 0.5 * jnp.log10(jnp.maximum(square, one))
