"""Gradient noise scale: how many examples a batch needs for its gradient to stand out from the noise."""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp

from rnnx.diagnostics._again import pulled_back, run_again
from rnnx.diagnostics._tags import Tag
from rnnx.diagnostics._weights import of_batch, of_example, weights
from rnnx.norm import power_of_two
from rnnx.types import Array, GradientFlow, Histogram, Params, State

TAGS = (
    Tag(
        "noise_scale/noise_scale",
        "examples",
        "B = tr Σ / ‖G‖² from the gradients of single examples; `Infinity` where the batch cannot tell ‖G‖² from zero",
        headline=True,
    ),
    Tag("noise_scale/log10_trace", "log10", "tr Σ, Σ being the covariance of the gradients of single examples"),
    Tag("noise_scale/log10_squared_norm", "log10", "‖G‖², G being the whole gradient"),
)


class NoiseScale(NamedTuple):
    """See `gradient_noise_scale`."""

    noise_scale: Array
    """B = tr Σ / ‖G‖², in examples; inf where the estimate of ‖G‖² is not above zero."""
    trace: Array
    """tr Σ."""
    squared_norm: Array
    """‖G‖²; the estimate has no bias, so that it can come out below zero."""


def noise_scale(flow: GradientFlow) -> dict[str, Array | Histogram]:
    """B = tr Σ / ‖G‖² of the gradient of the cell's parameters (McCandlish et al. 2018, "simple" noise scale).

    G is the mean and Σ the covariance of the gradients of single examples. The loss must be a mean over the examples
    (those with a step to score), as that of every task here: an example's own gradient is then its part of ∂L/∂θ times
    their number n. Both are estimated without bias, as in `gradient_noise_scale`. Tags:

    - `noise_scale/noise_scale`: B, examples. Batches much smaller than it are mostly noise, larger ones hardly teach
      more. `inf` where the batch can't tell ‖G‖² from zero; NaN for a single example;
    - `noise_scale/log10_trace`, `noise_scale/log10_squared_norm`: log10 of tr Σ and ‖G‖², `-inf` where not above zero.

    Cost: a forward and a backward pass, with a gradient `[B, …]` for each parameter array. A cell with random masks
    draws others for an example by itself.

    >>> import jax, rnnx
    >>> cell = rnnx.rnn(hidden_size=8)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> xs = jax.random.normal(jax.random.key(1), (20, 16, 3))
    >>> def run(params):
    ...     return rnnx.gradient_flow(cell, params, xs, lambda ys: (ys[-1] ** 2).mean())
    >>> found = jax.jit(run)(params)
    >>> float(noise_scale(found)["noise_scale/noise_scale"]) > 1
    True
    """
    over_time = flow.inputs, flow.states, flow.resets, flow.children, flow.output_gradients

    def of_one(params: Params, over_time: tuple, length: Array, d_final: State) -> dict[str, Array]:
        inputs, states, resets, children, d_outputs = jax.tree.map(lambda a: a[:, None], over_time)
        alone = dataclasses.replace(
            flow,
            inputs=inputs,
            states=states,
            resets=resets,
            children=children,
            lengths=length[None],
            output_gradients=d_outputs,
            final_state_gradients=jax.tree.map(lambda d: d[None], d_final),
        )
        return weights(pulled_back(alone, lambda params: run_again(alone, flow.cell, params), of_example(params)))

    axes = of_batch(flow.params), 1, 0, 0
    contributions = jax.vmap(of_one, in_axes=axes)(flow.params, over_time, flow.last + 1, flow.final_state_gradients)
    # Scaled to numbers of order 1: the squares of small ones would underflow.
    largest = jnp.max(jnp.stack([jnp.max(jnp.abs(leaf)) for leaf in jax.tree.leaves(contributions)]))
    largest = jnp.where(largest == 0, 1, largest)
    counted = flow.last >= 0
    n = jnp.sum(counted).astype(largest.dtype)
    scaled = jax.tree.map(lambda leaf: leaf / largest.astype(leaf.dtype), contributions)
    found = gradient_noise_scale(scaled, counted)
    unit = 2 * (jnp.log10(largest) + jnp.log10(n))
    return {
        "noise_scale/noise_scale": found.noise_scale,
        "noise_scale/log10_trace": jnp.log10(found.trace) + unit,
        "noise_scale/log10_squared_norm": jnp.log10(jnp.maximum(found.squared_norm, 0)) + unit,
    }


def gradient_noise_scale(gradients: Params, counted: Array | None = None) -> NoiseScale:
    """Noise scale from the gradients of n single examples, in one pass over them.

        tr Σ = Σ_b ‖g_b - ḡ‖² / (n - 1),    ‖G‖² = ‖ḡ‖² - tr Σ / n

    both without bias: ‖ḡ‖² alone has the noise of the mean in it.

    Args:
      gradients: a pytree of arrays `[B, …]`.
      counted: `[B]`, which examples count; all of them if not given.

    >>> found = gradient_noise_scale({"w": jnp.array([[1.0, 2.0], [3.0, 2.0]])})
    >>> float(found.trace), float(found.squared_norm)
    (2.0, 7.0)
    """
    leaves = jax.tree.leaves(gradients)
    counted = jnp.ones(len(leaves[0]), bool) if counted is None else counted
    there = [counted.reshape(-1, *[1] * (g.ndim - 1)) for g in leaves]
    largest = [jnp.max(jnp.abs(g), where=where, initial=0) for g, where in zip(leaves, there, strict=True)]
    unit = power_of_two(jnp.stack(largest).max())  # whose squares may be beyond the number format
    n = jnp.sum(counted).astype(unit.dtype)
    trace = square = jnp.zeros((), n.dtype)
    for g, where in zip(leaves, there, strict=True):
        g = g / unit.astype(g.dtype)
        mean = jnp.sum(g, axis=0, where=where) / n.astype(g.dtype)
        trace += jnp.sum(jnp.square(jnp.abs(g - mean)), where=where) / (n - 1)
        square += jnp.sum(jnp.square(jnp.abs(mean)))
    square -= trace / n
    return NoiseScale(trace / jnp.maximum(square, 0), trace * unit * unit, square * unit * unit)
