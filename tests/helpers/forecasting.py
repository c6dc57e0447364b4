"""A small task of forecasts, made by hand, and the models for such tasks on it."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import rnnx
from rnnx.training.program import applying, split
from rnnx.types import Batch, Cell, Params, Run, Task
from tests.variants import like


def forecasting_task(m: int = 3, O: int = 2, horizon: int = 3) -> Task:
    """Waves of several periods, of which the first O are told, so many steps after the last input."""

    def sample(key, batch_size, length):
        starts, phases = (jax.random.uniform(k, (batch_size, m)) for k in jax.random.split(key))
        t = jnp.arange(length + horizon, dtype=float)[:, None, None]
        xs = jnp.sin(t / (2.0 + jnp.arange(m, dtype=float)) + 6 * phases) + 0.3 * starts
        return Batch(xs[:length], xs[-1:, :, :O], jnp.ones(batch_size))

    def losses(outputs, batch):
        return jnp.mean((outputs[-1] - batch.targets[0]) ** 2, axis=-1)

    return rnnx.tasks.get("adding")()._replace(
        sample=sample,
        sample_heldout=sample,
        losses=losses,
        scores=lambda outputs, batch: {},
        input_size=m,
        output_size=O,
    )


class Forecaster(NamedTuple):
    """A model as a pure function of parameters and inputs, with some of both, in double precision."""

    forecast: Callable[[Params, Any], jax.Array]
    """(params, xs [T, B, m]) -> [B, O], compiled."""
    forecast_by: Callable[[Params, Any, Run], jax.Array]
    """The same by any `run`, not compiled."""
    params: Params
    xs: np.ndarray
    flows: Callable[[Params, Any], dict[str, rnnx.GradientFlow]]
    """(params, xs) -> those of Σ `weights` · forecasts, compiled."""
    weights: np.ndarray


@functools.cache
def forecaster(name: str, cell: Cell, T: int, B: int = 3, m: int = 3, O: int = 2, **options: Any) -> Forecaster:
    """To be called with `float64`; all parameters matter, biases too."""
    model = functools.partial(rnnx.models.get(name), cell, forecasting_task(m, O), **options)
    apply = applying(model)
    params = jax.jit(lambda: split(model, jax.random.key(0))[1])()
    params = jax.tree.map(lambda p, more: np.asarray(p, float) + np.asarray(more), params, like(params, 0, scale=0.3))
    rng = np.random.default_rng(1)
    xs, weights = rng.standard_normal((T, B, m)), rng.standard_normal((B, O))

    def forecast(params, xs, run=rnnx.plain_run):
        outputs = apply(params, Batch(xs, None, None), run)
        assert outputs.shape == (1, xs.shape[1], O)
        return outputs[0]

    def flows(params, xs):
        return rnnx.gradient_flows(lambda params, run: jnp.sum(weights * forecast(params, xs, run)), params)[2]

    return Forecaster(jax.jit(forecast), forecast, params, xs, jax.jit(flows), weights)


def assert_is(
    reference: Callable[[Params, np.ndarray], np.ndarray], of: Forecaster, of_no_account: str = "nothing"
) -> None:
    """Forecasts are those of the reference, and so is the gradient by the inputs and by each array of the parameters,
    in a direction drawn at random, by the complex step through the reference; each of them counts, but for those so
    called."""
    found = of.forecast(of.params, of.xs)
    # float64 rounds at 1.1e-16; some hundreds of roundings of numbers of order 1 to 10.
    np.testing.assert_allclose(found, reference(of.params, of.xs), rtol=1e-12, atol=1e-12)

    @jax.jit
    @jax.grad
    def gradient(at):
        return jnp.sum(of.weights * of.forecast(*at))

    def loss(at):
        return np.sum(of.weights * reference(*at))

    at = (of.params, of.xs)
    gradients, directions = gradient(at), jax.tree.map(np.asarray, like(at, 2))
    leaves, structure = jax.tree.flatten(at)
    for n, (path, slope) in enumerate(jax.tree.leaves_with_path(gradients)):
        direction = jax.tree.leaves(directions)[n]
        moved = [leaf + 1e-100j * direction if k == n else leaf for k, leaf in enumerate(leaves)]
        expected = loss(jax.tree.unflatten(structure, moved)).imag / 1e-100
        where = jax.tree_util.keystr(path)
        np.testing.assert_allclose(np.sum(slope * direction), expected, rtol=1e-10, atol=1e-11, err_msg=where)
        assert (abs(expected) > 1e-8) != (of_no_account in where), where


def assert_flows_are_differences(of: Forecaster) -> None:
    """∂L/∂s_t of every part, in a direction drawn at random over all steps, examples and units, by moved states."""
    flows = of.flows(of.params, of.xs)
    for part, flow in flows.items():
        direction = like(flow.state_gradients, 3)

        @jax.jit
        def loss(e, part=part, direction=direction):
            def run(name, cell, params, xs, state=None, **options):
                if name == part:
                    options["perturbations"] = jax.tree.map(lambda d: e * d, direction)
                return rnnx.plain_run(name, cell, params, xs, state, **options)

            return jnp.sum(of.weights * of.forecast_by(of.params, of.xs, run))

        e = 1e-5  # e² of the third derivative, and roundings of 1e-16 / e
        slope = jax.tree.map(lambda g, d: jnp.sum(g * d), flow.state_gradients, direction)
        found = sum(jax.tree.leaves(slope))
        np.testing.assert_allclose(found, (loss(e) - loss(-e)) / (2 * e), rtol=1e-7, atol=1e-8, err_msg=part)
