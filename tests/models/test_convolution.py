"""Convolution as one product."""

import jax
import jax.numpy as jnp
import pytest

from rnnx.models._convolution import by_patches
from tests.variants import assert_close, like


@pytest.mark.parametrize(("pixels", "strides"), [((7, 4), (2, 2)), ((8, 5), (1, 2))])
@pytest.mark.parametrize("padding", ["SAME", "VALID", ((2, 0), (1, 1))])
def test_it_is_that_of_jax_and_so_are_its_gradients(float64, pixels, strides, padding):
    """At the edges too, of pictures of an odd and an even number of pixels."""
    given = like((jax.ShapeDtypeStruct((2, *pixels, 3), float), jax.ShapeDtypeStruct((3, 3, 3, 5), float)), 0)

    def loss(of, given):
        return jnp.sum(jnp.sin(of(*given, strides, padding)))

    def expected(inputs, kernel, strides, padding):
        layout = ("NHWC", "HWIO", "NHWC")
        return jax.lax.conv_general_dilated(inputs, kernel, strides, padding, dimension_numbers=layout)

    both = jax.jit(lambda given: [jax.value_and_grad(loss, argnums=1)(of, given) for of in (by_patches, expected)])
    assert_close(*both(given))
