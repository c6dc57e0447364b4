"""A part of a model run again, from where it started, and what reaches it from outside."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from rnnx.types import Array, Cell, GradientFlow, Params, State
from rnnx.unroll import unroll


def start(flow: GradientFlow) -> State | None:
    """s_0 where it was handed over; `None` where it is the cell's own, and so a function of the parameters."""
    return jax.tree.map(lambda s: s[0], flow.states) if flow.state_given else None


def run_again(flow: GradientFlow, cell: Cell, params: Params, **options: Any) -> tuple[Array, State]:
    """(outputs, final state) of the part with another cell or other parameters."""
    given = {"lengths": flow.lengths, "resets": flow.resets, "children": flow.children, **options}
    trajectory = unroll(cell, params, flow.inputs, start(flow), **given)
    return trajectory.outputs, trajectory.final_state


def pulled_back(flow: GradientFlow, again: Callable[[Any], tuple[Array, State]], at: Any) -> Any:
    """The gradient of the loss with respect to the argument of `again`, at `at`, by way of outputs and final state."""
    return jax.vjp(again, at)[1]((flow.output_gradients, flow.final_state_gradients))[0]


def direct(flow: GradientFlow, xs: Array) -> State:
    """∂⁺L/∂s_t `[T, B, …]`, what reaches a state from outside: by y_t, and the last one by being handed over."""
    (by_output,) = jax.vjp(lambda s: flow.cell.read(flow.params, s, xs), flow.after)[1](flow.output_gradients)

    def with_final(d: Array, final: Array) -> Array:
        # Of a tree the root, of which there is one too.
        at_end = (flow.lag == 0).reshape(*flow.lag.shape, *[1] * (d.ndim - flow.lag.ndim))
        return d + jnp.where(at_end, final, jnp.zeros((), d.dtype))

    return jax.tree.map(with_final, by_output, flow.final_state_gradients)


def check_without_resets(diagnostic: str, flow: GradientFlow) -> None:
    """`ValueError` where the state was replaced on the way: going back one step at a time would pass through that."""
    if flow.resets is not None:
        raise ValueError(f"{diagnostic} goes back one step after another, and this part was run with resets.")


def stepped_inputs(flow: GradientFlow) -> Array:
    """The inputs `[T, B, I]`, zero past an example's length: nothing has been stepped there, and there may be NaN."""
    check_without_resets("a diagnostic of this kind", flow)
    xs, lengths = flow.inputs, flow.lengths
    if lengths is None:
        return xs
    return jnp.where((jnp.arange(len(xs), dtype=lengths.dtype)[:, None] < lengths)[..., None], xs, 0)
