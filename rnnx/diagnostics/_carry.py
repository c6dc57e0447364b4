"""The gradient of what is carried from one step to the next."""

import jax
import jax.numpy as jnp

from rnnx.types import Composed, Evidence, State
from rnnx.unroll import unroll


def carried(evidence: Evidence) -> State:
    """∂L/∂s_t `[T, B, …]` of the carry between steps t and t + 1, for any cell that can be stepped.

    In a cell made of cells each of them runs over the whole sequence, and the gradient at a lower layer's h_t has in it
    what passes through the layer above at the same t; there the cell is run step by step instead, which costs a forward
    and a backward pass. For all other cells it is what `gradient_flow` found.
    """
    cell, params, flow = evidence.cell, evidence.params, evidence.flow
    if not isinstance(cell.form, Composed):
        return flow.state_gradients

    def outputs(perturbations: State) -> jax.Array:
        return unroll(
            cell._replace(form=None),
            params,
            evidence.inputs,
            lengths=evidence.lengths,
            perturbations=perturbations,
        ).outputs

    zeros = jax.tree.map(lambda s: jnp.zeros_like(s[1:]), flow.states)
    return jax.vjp(outputs, zeros)[1](flow.output_gradients)[0]
