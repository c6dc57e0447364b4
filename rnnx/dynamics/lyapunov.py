"""Lyapunov exponents: the rates at which small differences between states grow over a long time.

    Q_t R_t = J_t Q_{t-1},    λ_i = mean over t of ln |R_t,ii|        (Benettin et al. 1980)

of the network driven by its inputs: Engelken, Wolf & Abbott 2020, "Lyapunov spectra of chaotic recurrent neural
networks"; Vogt et al. 2020, "On Lyapunov exponents for RNNs". Gradients, which J_tᵀ carries backwards, grow at the
same rates.
"""

import jax
import jax.numpy as jnp

from rnnx import checks
from rnnx.dynamics.jacobians import Step, flat_step, push
from rnnx.placement import like_step, vary, varying
from rnnx.types import Array, Cell, Params, State
from rnnx.unroll import as_sequence, check_like, check_step


def lyapunov_spectrum(
    cell: Cell,
    params: Params,
    xs: Array,
    count: int | None = None,
    transient: int = 0,
    state: State | None = None,
) -> Array:
    """The largest Lyapunov exponents of a cell driven by inputs, nats per step.

    -inf says that a direction is lost for good: some J_t is singular, to the resolution of the number format. A NaN in
    a state gives NaN. Differentiable, as long as nothing is -inf.

    Args:
      cell: a cell that can be stepped.
      params: its parameters.
      xs: inputs `[T, B, I]`.
      count: how many exponents, at most S, the numbers in one example's state; all of them if not given.
      transient: the first steps are not averaged over: they carry the state to where it stays, and turn the frame Q,
        which starts at random (always the same), towards the directions that grow most.
      state: s_0 `[B, …]`; the cell's initial state if not given.

    Returns:
      `[B, count]`, the largest first.

    Raises:
      ValueError: a cell that can't be stepped; a count above S; a transient that leaves no step; inputs or a state that
        do not fit the cell.

    Cost: per step `count` products with J_t and a QR of `[S, count]`, S · count² per example; memory S · count per
    example, whatever T is.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8, activation="identity")
    >>> params = cell.init(jax.random.key(0), 3)  # linear and orthogonal: nothing grows or decays
    >>> rates = lyapunov_spectrum(cell, params, jax.numpy.ones((20, 2, 3)), count=4)
    >>> rates.shape, bool(abs(rates).max() < 1e-6)
    ((2, 4), True)
    """
    xs = as_sequence(xs)
    T, *batch_shape, _ = xs.shape
    initial = cell.initial_state(params, tuple(batch_shape))
    state = initial if state is None else jax.tree.map(jnp.asarray, state)
    check_like("state", state, initial, ())
    state = vary(like_step(xs, state), varying(params, xs, state))
    flat, step = flat_step("lyapunov_spectrum", cell, params, state, len(batch_shape))
    check_step(cell, params, state, xs)
    count = flat.size if count is None else checks.size("count", count)
    if count > flat.size:
        raise ValueError(f"count must be at most {flat.size}, the numbers in one example's state, not {count}.")
    if checks.size("transient", transient, least=0) >= T:
        raise ValueError(f"transient must be below {T}, the number of steps, not {transient}.")
    counted = jnp.broadcast_to((jnp.arange(T) >= transient).reshape(T, *[1] * len(batch_shape)), (T, *batch_shape))
    return driven_exponents(step, flat.pack(state), xs, counted, count)


def driven_exponents(step: Step, s_0: Array, xs: Array, counted: Array, count: int) -> Array:
    """Mean of ln |R_ii| over the steps `counted [T, B]`, sorted, `[B, count]`."""
    S = s_0.shape[-1]
    # Not the identity: a frame along the axes would never leave the subspaces of a Jacobian with blocks, whatever
    # grows in the others.
    frame = jnp.linalg.qr(jax.random.normal(jax.random.key(0), (S, count), s_0.dtype)).Q

    def advance(
        carry: tuple[Array, Array, Array], at_t: tuple[Array, Array]
    ) -> tuple[tuple[Array, Array, Array], None]:
        s, Q, total = carry
        x, counted = at_t
        s, pushed = push(step, s, x, Q.mT)
        Q, R = jnp.linalg.qr(pushed.mT)
        growth = jnp.where(jnp.isnan(s).any(axis=-1, keepdims=True), jnp.nan, _log_diagonal(R))
        return (s, Q, total + jnp.where(counted[..., None], growth, 0)), None

    zero = jnp.zeros_like(s_0)
    start = (s_0, zero[..., None] + frame, zero[..., :count])
    (_, _, total), _ = jax.lax.scan(advance, start, (xs, counted))
    steps = jnp.sum(counted, axis=0, dtype=total.dtype)[..., None]
    return jnp.sort(total / steps, axis=-1, descending=True)


def _log_diagonal(R: Array) -> Array:
    """ln |R_ii|; -inf where it is no more than what rounding leaves of zero."""
    diagonal = jnp.abs(jnp.diagonal(R, axis1=-2, axis2=-1))
    rounding = R.shape[-1] * jnp.finfo(R.dtype).eps * jnp.max(jnp.abs(R), axis=(-2, -1))
    return jnp.log(jnp.where(diagonal <= rounding[..., None], 0, diagonal))
