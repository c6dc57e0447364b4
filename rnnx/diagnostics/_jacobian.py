"""One step of a cell as a map of real vectors, and its Jacobian J_t = ∂s_t/∂s_{t-1} applied to many at once.

No Jacobian is formed: m vectors cost m times what one step costs, in either direction.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from rnnx.engine._flat import Flat
from rnnx.types import Array, Cell, Evidence, Params, State

Step = Callable[[Array, Array], Array]
"""(s_{t-1} [..., S], x_t [..., I]) -> s_t [..., S]."""


def check_stepped(measurement: str, cell: Cell) -> Callable[[Params, State, Array], State]:
    """The cell's step; `ValueError` if it has none."""
    if cell.step is None:
        raise ValueError(
            f"{measurement} needs a cell that can be stepped; one with bidirectional, or with dropout or zoneout "
            "in training, can only be unrolled."
        )
    return cell.step


def flat_step(measurement: str, cell: Cell, params: Params, state: State, batch_axes: int) -> tuple[Flat, Step]:
    """The state as a vector of real numbers, and the step between two of them.

    Raises:
      ValueError: a cell that can't be stepped.
    """
    structured = check_stepped(measurement, cell)
    flat = Flat(state, batch_axes)
    return flat, lambda s, x: flat.pack(structured(params, flat.unpack(s), x))


def stepped_inputs(evidence: Evidence) -> Array:
    """The inputs `[T, B, I]`, zero past an example's length: nothing has been stepped there, and there may be NaN."""
    xs, lengths = evidence.inputs, evidence.lengths
    if lengths is None:
        return xs
    return jnp.where((jnp.arange(len(xs), dtype=lengths.dtype)[:, None] < lengths)[..., None], xs, 0)


def push(step: Step, s: Array, x: Array, vectors: Array) -> tuple[Array, Array]:
    """s_t `[..., S]`, and J_t v of all vectors `[..., m, S]`: forwards in time."""
    after, jvp = jax.linearize(lambda s: step(s, x), s)
    return after, jax.vmap(jvp, in_axes=-2, out_axes=-2)(vectors)


def pull(step: Step, s: Array, x: Array, vectors: Array) -> Array:
    """J_tᵀ v of all vectors `[..., m, S]`: backwards in time."""
    _, vjp = jax.vjp(lambda s: step(s, x), s)
    return jax.vmap(lambda v: vjp(v)[0], in_axes=-2, out_axes=-2)(vectors)
