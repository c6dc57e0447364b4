"""The gradient of what is carried from one step to the next."""

import jax
import jax.numpy as jnp

from rnnx.diagnostics._again import pulled_back, run_again
from rnnx.types import Array, Composed, GradientFlow, State


def carry_gradients(flow: GradientFlow) -> State:
    """∂L/∂s_t `[T, B, …]` of the carry between steps t and t + 1, for any cell that can be stepped.

    In a cell made of cells each of them runs over the whole sequence, and the gradient at a lower layer's h_t has in it
    what passes through the layer above at the same t; there the cell is run step by step instead, which costs a forward
    and a backward pass. For all other cells it is what `gradient_flow` found.
    """
    cell = flow.cell
    if not isinstance(cell.form, Composed):
        return flow.state_gradients

    def again(perturbations: State) -> tuple[Array, State]:
        return run_again(flow, cell._replace(form=None), flow.params, perturbations=perturbations)

    return pulled_back(flow, again, jax.tree.map(jnp.zeros_like, flow.after))
