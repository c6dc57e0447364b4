import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.dynamics.jacobians import flat_step, pull, push
from rnnx.dynamics.mean_field import annealed_rate
from rnnx.dynamics.regularizers import gradient_flossing
from rnnx.dynamics.singular_values import jacobian_singular_values
from tests.variants import STEPPED, B, assert_close, example, like, one_of_each_kind


@pytest.mark.parametrize("variant", one_of_each_kind(STEPPED))
def test_pushed_and_pulled_vectors_are_products_with_the_jacobian(float64, variant):
    """With that of each example, found entry by entry; complex entries are two real ones."""
    cell, params, state, xs = example(variant)
    flat, step = flat_step("test", cell, params, state, 1)
    s, x, m = flat.pack(state), xs[0], 2
    vectors = like(jax.ShapeDtypeStruct((B, m, flat.size), float), 3)

    @jax.jit
    def products(s, x, vectors):
        across = jax.jacfwd(step)(s, x)  # [B, S, B, S]
        J = jnp.moveaxis(jnp.diagonal(across, axis1=0, axis2=2), -1, 0)
        return J, push(step, s, x, vectors), pull(step, s, x, vectors)

    J, (after, pushed), pulled = products(s, x, vectors)
    assert_close(after, flat.pack(cell.step(params, state, x)))
    assert_close(pushed, jnp.einsum("bij,bmj->bmi", J, vectors))
    assert_close(pulled, jnp.einsum("bij,bmi->bmj", J, vectors))


CANNOT_BE_STEPPED = rnnx.bidirectional(rnnx.rnn(2), rnnx.rnn(2))


@functools.cache
@jax.jit
def what_cannot_be_stepped():
    """Parameters and gradient flow."""
    params = CANNOT_BE_STEPPED.init(jax.random.key(0), 2)
    return params, rnnx.gradient_flow(CANNOT_BE_STEPPED, params, jnp.ones((3, 1, 2)), jnp.sum)


@pytest.mark.parametrize("name", ["recursion", "jacobian_products", "lyapunov", "flossing", "log_state_gradient"])
def test_a_measurement_of_a_cell_that_cannot_be_stepped_says_so(name):
    with pytest.raises(ValueError, match=f"^{name} needs a cell that can be stepped; .* only be unrolled, and"):
        rnnx.diagnostics.get(name)(what_cannot_be_stepped()[1])


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("lyapunov_spectrum", rnnx.diagnostics.lyapunov_spectrum),
        ("lyapunov_spectrum", lambda cell, params, xs: gradient_flossing(cell, params, xs, 1)),
        ("jacobian_singular_values", jacobian_singular_values),
        ("annealed_rate", lambda cell, params, xs: annealed_rate(cell, jax.random.key(0), 2)),
    ],
)
def test_a_function_of_a_cell_that_cannot_be_stepped_says_so(name, function):
    params, _ = what_cannot_be_stepped()
    with pytest.raises(ValueError, match=f"^{name} needs a cell that can be stepped; .* only be unrolled, and"):
        function(CANNOT_BE_STEPPED, params, jnp.ones((3, 1, 2)))


def test_nothing_of_another_example_is_in_a_jacobian():
    """Guards the test above, whose Jacobians are taken apart by example."""
    cell, params, state, xs = example("gru")
    flat, step = flat_step("test", cell, params, state, 1)
    across = np.array(jax.jit(jax.jacfwd(step))(flat.pack(state), xs[0]))
    across[np.arange(B), :, np.arange(B)] = 0
    np.testing.assert_array_equal(across, 0)
