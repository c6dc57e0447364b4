"""Terms that training adds to a loss so that gradients are kept: Ω, and gradient flossing.

    Ω = Σ_t (ρ_t - 1)²,    ρ_t = ‖δ_t J_t‖ / ‖δ_t‖,    δ_t = ∂L/∂s_t,    J_t = ∂s_t/∂s_{t-1},    t = 2 … T

Pascanu, Mikolov & Bengio 2013. Their equation (9) has these norms (variant "norm"); their equation (10), the gradient,
is that of squared norms, ρ_t = ‖δ_t J_t‖² / ‖δ_t‖² (variant "squared"), and so is their program. Only what the
recurrent weights do to J_t at step t itself is differentiated: states and δ_t are constants. The paper's state is the
pre-activation a_t with s_t = φ(a_t), for which δ_t J_t has one more factor φ'(a_{t-1}) on its right, and δ_t the factor
φ'(a_t); here it is the state that a cell carries, so that Ω means the same for every cell.
"""

import functools
from typing import Literal

import jax
import jax.numpy as jnp

from rnnx import checks
from rnnx.dynamics.jacobians import check_state, check_stepped
from rnnx.dynamics.lyapunov import lyapunov_spectrum
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Dense, Params, State


def omega_regulariser(
    cell: Cell,
    params: Params,
    xs: Array,
    states: State,
    state_gradients: State,
    variant: Literal["squared", "norm"] = "squared",
) -> Array:
    """Ω as a function to add to a loss, with an α of about 2 (their program) to 4 (their text).

    Its gradient is with respect to `recurrent(params)` alone for cells of form `Dense`, with everything else in a step
    held constant; for other cells with respect to all parameters that the step uses.

    Args:
      cell: a cell that can be stepped.
      params: its parameters.
      xs: inputs `[T, B, I]`.
      states: s_1 … s_T, `[T, B, …]`.
      state_gradients: ∂L/∂s_t of the state handed from step to step, `[T, B, …]`: that of `rnnx.gradient_flow`, but for
        a cell made of cells run it as `cell._replace(form=None)`. Steps where it is exactly zero do not count.
      variant: "squared" or "norm".

    Returns:
      A scalar, the mean over the examples.

    Raises:
      ValueError: a cell that can't be stepped; an unknown variant.

    Cost: the derivative of one step, at all steps at once, and with its own gradient about twice that again.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params, xs = cell.init(jax.random.key(0), 3), jnp.ones((20, 4, 3))
    >>> def run(params):
    ...     return rnnx.gradient_flow(cell, params, xs, lambda ys: ys[-1].sum())
    >>> flow = jax.jit(run)(params)
    >>> added = jax.grad(lambda p: omega_regulariser(cell, p, xs, flow.after, flow.state_gradients))(params)
    >>> gradients = jax.tree.map(lambda g, d: g + 2.0 * d, flow.param_gradients, added)
    >>> bool((added.recurrent_kernel != 0).any()), bool((added.input_kernel != 0).any())
    (True, False)
    """
    checks.choice("variant", variant, ("squared", "norm"))
    step = check_stepped("omega", cell)
    check_state("omega", states)
    constants = (xs[1:], jax.tree.map(lambda s: s[:-1], states), jax.tree.map(lambda d: d[1:], state_gradients))
    xs, before, delta = jax.lax.stop_gradient(constants)
    largest = jnp.stack([jnp.max(jnp.abs(d), axis=_of_one(d)) for d in jax.tree.leaves(delta)]).max(axis=0)
    used = largest != 0  # [T - 1, B]; NaN is used, and seen
    # A step that does not count may hold anything, be it NaN.
    xs, before = jax.tree.map(lambda a: jnp.where(_beside(a, used), a, jnp.zeros((), a.dtype)), (xs, before))
    # As a direction, since squares of a small gradient would underflow.
    scaled = jax.tree.map(lambda d: d / _beside(d, jnp.where(used, largest, 1)).astype(d.dtype), delta)
    norm = jnp.sqrt(jnp.where(used, _square(scaled), 1))
    u = jax.tree.map(lambda d: d / _beside(d, norm).astype(d.dtype), scaled)

    form = cell.form
    if isinstance(form, Dense):
        uJ = _through_recurrent_weights(form, params, xs, before, u)
    else:
        (uJ,) = jax.vjp(lambda s: step(params, s, xs), before)[1](u)
    ratio = _square(uJ)
    if variant == "norm":  # whose slope at 0 is infinite
        ratio = jnp.where(ratio == 0, 0, jnp.sqrt(jnp.where(ratio == 0, 1, ratio)))
    terms = jnp.where(used, jnp.square(ratio - 1), 0)
    return jnp.sum(terms) / jnp.maximum(jnp.sum(jnp.any(used, axis=0)), 1).astype(terms.dtype)


def _through_recurrent_weights(form: Dense, params: Params, xs: Array, before: State, u: State) -> State:
    """u J at all steps at once, with W alone to be differentiated: the derivative of each other part is a constant.

    u J = u ∂pointwise/∂s + (u ∂pointwise/∂gh) Wᵀ ∂hidden/∂s
    """
    W = form.recurrent(params)
    held = jax.lax.stop_gradient(params)
    gx = form.project(held, xs)
    h, of_hidden = jax.vjp(lambda s: form.hidden(held, s), before)
    gh = matmul_rows(h, jax.lax.stop_gradient(W))
    _, of_pointwise = jax.vjp(lambda s, gh: form.pointwise(held, s, gx, gh), before, gh)
    by_state, u_gh = of_pointwise(u)
    (by_hidden,) = of_hidden(matmul_rows(u_gh, W.T))
    return jax.tree.map(jnp.add, by_state, by_hidden)


def _of_one(leaf: Array) -> tuple[int, ...]:
    """The axes of one example at one step, of [T, B, …]."""
    return tuple(range(2, leaf.ndim))


def _beside(leaf: Array, values: Array) -> Array:
    """Values [T, B] with the axes of a leaf [T, B, …]."""
    return values.reshape(*values.shape, *[1] * (leaf.ndim - 2))


def _square(state: State) -> Array:
    """‖s‖² of each step and example, [T, B]."""
    squares = [jnp.sum(jnp.square(s.real) + jnp.square(s.imag), axis=_of_one(s)) for s in jax.tree.leaves(state)]
    return functools.reduce(jnp.add, squares)


def gradient_flossing(
    cell: Cell,
    params: Params,
    xs: Array,
    count: int,
    target: float = 0.0,
    transient: int = 0,
    state: State | None = None,
) -> Array:
    """Mean over examples and the `count` largest Lyapunov exponents of (λ_i - target)², (nats per step)².

    A loss to be minimised before training, or added to the loss while training, through the QR of every step: Engelken
    2023, "Gradient flossing: improving gradient descent through dynamic control of Jacobians".

    Args:
      cell, params, xs, count, transient, state: as for `lyapunov_spectrum`. Fewer exponents than the state has
        numbers: the last ones may be -inf, of which nothing can be made.
      target: λ*, nats per step.

    Returns:
      A scalar, differentiable in `params`, `xs` and `state`.

    Raises:
      ValueError: as `lyapunov_spectrum`.

    Cost: that of `lyapunov_spectrum`; its gradient takes a few times as long, and memory for T frames `[S, count]` per
    example.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 2, 3))
    >>> floss = jax.jit(jax.value_and_grad(lambda params: gradient_flossing(cell, params, xs, count=2)))
    >>> value, gradient = floss(params)
    >>> smaller, _ = floss(jax.tree.map(lambda p, g: p - 0.1 * g, params, gradient))
    >>> bool(smaller < value)
    True
    """
    return jnp.mean(jnp.square(lyapunov_spectrum(cell, params, xs, count, transient, state) - target))
