"""What the libraries on JAX have in common: one compiled function for each pass."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from scripts.benchmark.layers.problem import Answer, Layer, Problem
from scripts.benchmark.libraries import Network


def network(
    problem: Problem,
    apply: Callable[[Any, jax.Array], jax.Array],
    params: Any,
    read: Callable[[Any], list[Layer]],
    batch_major: bool = False,
) -> Network:
    """A network from `apply(params, xs) -> outputs`; `read` brings a pytree like params into rnnx's layout.

    Everything is in float32, or in float64 where `jax_enable_x64` is set.
    """

    def turn(a: np.ndarray) -> np.ndarray:
        return a.swapaxes(0, 1) if batch_major else a

    def loss(params: Any, xs: jax.Array, coefficients: jax.Array) -> jax.Array:
        return jnp.sum(apply(params, xs) * coefficients)

    forward = jax.jit(apply)
    backward = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))
    params, xs, coefficients = jax.block_until_ready(
        (params, on_device(turn(problem.xs)), on_device(turn(problem.coefficients)))
    )

    def answer(outputs: jax.Array, gradients: Any) -> Answer:
        _, (param_gradients, input_gradient) = gradients
        return Answer(turn(np.asarray(outputs)), turn(np.asarray(input_gradient)), read(param_gradients))

    return Network(
        forward=lambda: jax.block_until_ready(forward(params, xs)),
        backward=lambda: jax.block_until_ready(backward(params, xs, coefficients)),
        answer=answer,
    )


def on_device(array: Any) -> jax.Array:
    """A copy on the device, in the precision in force."""
    return jnp.array(array, dtype=float)
