import jax
import jax.numpy as jnp
import pytest

from rnnx.numerics import matmul_rows
from tests.variants import assert_close, like


@pytest.mark.parametrize("leading", [(), (4,), (5, 4), (5, 4, 2), (0, 4)])
def test_equals_the_matrix_product(float64, leading):
    xs, kernel = like((jnp.zeros((*leading, 3)), jnp.zeros((3, 7))), seed=0)
    ct = like(jnp.zeros((*leading, 7)), seed=1)
    assert_close(matmul_rows(xs, kernel), xs @ kernel)
    assert_close(jax.vjp(matmul_rows, xs, kernel)[1](ct), jax.vjp(jnp.matmul, xs, kernel)[1](ct))


def test_both_ways_it_is_a_product_of_matrices():
    """Not of arrays with several leading axes, which is what makes its gradient fast."""
    xs, kernel = jnp.zeros((5, 4, 3)), jnp.zeros((3, 7))
    program = jax.make_jaxpr(jax.grad(lambda x, k: jnp.sum(matmul_rows(x, k) ** 2), argnums=(0, 1)))(xs, kernel)
    products = [equation for equation in program.eqns if equation.primitive.name == "dot_general"]
    assert len(products) == 3
    assert {v.aval.ndim for equation in products for v in (*equation.invars, *equation.outvars)} == {2}
