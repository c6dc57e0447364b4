import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics.weight_gradient import weight_gradient
from tests.variants import assert_close, example


@pytest.mark.parametrize("variant", ["gru", "gru_reset_before"])
def test_it_is_the_frobenius_norm_of_each_array(float64, variant):
    """Of each array that the cell has: the recurrent bias of a GRU that resets before the product is none."""
    cell, params, _, xs = example(variant)

    @jax.jit
    def measure(params, xs):
        evidence = rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys**2))
        return evidence.param_gradients, weight_gradient(evidence)

    gradients, measured = measure(params, xs)
    expected = {
        f"weight_gradient/{name}/log10_norm": np.log10(np.linalg.norm(gradient))
        for name, gradient in gradients._asdict().items()
        if gradient is not None
    }
    assert len(expected) >= 3
    assert_close(measured, expected)
