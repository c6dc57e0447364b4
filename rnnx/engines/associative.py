"""A parallel scan over time, for cells of form `Diagonal`: log₂ T rounds of elementwise work instead of T steps.

The maps s ↦ a_t ⊙ s + b_t compose in any grouping (Blelloch 1990, "Prefix sums and their applications"):

    (a_2, b_2) after (a_1, b_1)  =  (a_2 ⊙ a_1,  a_2 ⊙ b_1 + b_2)

All states together solve one linear system, s_t - a_t ⊙ s_{t-1} = b_t. Its derivative is the same system with
another right side, and its transpose is the same recurrence in the other direction,

    δ_t = ∂⁺L/∂s_t + a_{t+1} ⊙ δ_{t+1}      ∂L/∂a_t = δ_t ⊙ s_{t-1}      ∂L/∂b_t = δ_t

so the backward pass is one more parallel scan, which keeps a and s only. `jax.lax.custom_linear_solve` says this once
for forward mode, reverse mode and all higher orders. Differentiating through the rounds instead mostly took longer, up
to 1.4 times, complex 3 times, and memory for 8 arrays of the size of the states, not 5 (complex 9.5, not 6.5).

Nothing here needs logarithms: where |a| ≤ 1 products of a can only fade out, and nothing is divided by them, as it is
where the scan is written with cumulative sums of logarithms (Heinsen 2023).

The work is about twice that of T steps and goes through memory log₂ T times, so it pays only where there are far more
processors than entries in a state. On two CPU cores it took 2 to 12 times as long as a scan (docs/engines.md).
"""

import functools

import jax
import jax.numpy as jnp

from rnnx.engines import Engine, Steps, select
from rnnx.engines._linear import parallel, shifted
from rnnx.types import Array, Cell, Diagonal, Params, State


def _run(cell: Cell, params: Params, steps: Steps, state: State, reverse: bool, recompute: bool) -> tuple[State, State]:
    """Run the linear recurrence of a cell by parallel scans."""
    assert isinstance(cell.form, Diagonal)
    xs, valid, resets, perturbations = steps
    a, b = cell.form.over_time(params, xs)
    if perturbations is not None:
        b = jax.tree.map(jnp.add, b, perturbations)
    if valid is not None:  # frozen: s ↦ 1 ⊙ s + 0
        a = select(valid, a, jax.tree.map(jnp.ones_like, a))
        b = select(valid, b, jax.tree.map(jnp.zeros_like, b))
        resets = None if resets is None else resets & valid

    # A state that is given, at the first step or by a reset, enters through b.
    first = -1 if reverse else 0
    given = jax.tree.map(lambda b, s: jnp.zeros_like(b).at[first].set(s), b, state)
    if resets is not None:
        initial = cell.initial_state(params, xs.shape[1:-1])
        given = select(resets, jax.tree.map(lambda s, b: jnp.broadcast_to(s, b.shape), initial, b), given)
    b = jax.tree.map(lambda a, s, b: a * s + b, a, given, b)

    states = jax.tree.map(functools.partial(_recurrence, resets=resets, reverse=reverse), a, b)
    return jax.tree.map(lambda s: s[0 if reverse else -1], states), states


def _recurrence(a: Array, b: Array, resets: Array | None, reverse: bool) -> Array:
    """s_t = a_t ⊙ s_{t-1} + b_t with s_0 = 0, or b_t alone at a reset; all [T, …]."""
    resets = None if resets is None else jnp.expand_dims(resets, range(resets.ndim, b.ndim))

    def without_what_was_before(s: Array) -> Array:
        s_tm1 = shifted(s, reverse)
        if resets is not None:  # before the product, so that neither it nor its derivative meets a NaN
            s_tm1 = jnp.where(resets, jnp.zeros_like(s), s_tm1)
        return s - a * s_tm1

    def solve(_: object, b: Array) -> Array:
        return parallel(a, b, resets, reverse)

    def solve_transposed(_: object, direct: Array) -> Array:
        a_tp1 = shifted(a, not reverse)
        resets_tp1 = None if resets is None else shifted(resets, not reverse)
        return parallel(a_tp1, direct, resets_tp1, not reverse)

    return jax.lax.custom_linear_solve(without_what_was_before, b, solve, solve_transposed)


associative = Engine(_run, form=Diagonal, counts_steps=True)
