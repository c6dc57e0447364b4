"""The gradient along one part of the state against the same by `stop_gradient`, and identities."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics._carry import carry_gradients
from rnnx.diagnostics.paths import path_gradients, paths
from rnnx.pytrees import named_leaves
from tests.diagnostics.test_diagnostics import collecting
from tests.variants import STEPPED, B, H, I, T, assert_close, example, of_two_parts, over_time

every_stepped_cell = pytest.mark.parametrize("variant", of_two_parts(STEPPED))


def zeros(state, steps):
    return jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), over_time(state, steps))


def last_step(ys):
    return jnp.sum(ys[-1] ** 2)


@every_stepped_cell
def test_all_paths_together(float64, variant):
    """With all parts open it is the state gradient; and at lag 1 the paths add up to it, whatever the cell is."""
    cell, params, _, xs = example(variant)
    along = jax.jit(path_gradients)
    flow = collecting(cell)(params, xs, jnp.full(B, T))
    assert_close(along(flow)["all"], jax.tree.map(lambda d: d[::-1], jax.jit(carry_gradients)(flow)))

    only_last = flow.output_gradients * (jnp.arange(T) == T - 1).astype(float)[:, None, None]
    gradients = along(dataclasses.replace(flow, output_gradients=only_last))
    at_1 = jax.tree.map(lambda g: g[1], gradients)
    whole = at_1.pop("all")
    assert set(at_1) == set(named_leaves(whole))
    assert_close(jax.tree.map(lambda *g: sum(g), *at_1.values()), whole)
    assert max(jnp.abs(leaf).max() for leaf in jax.tree.leaves(whole)) > 0.01


@pytest.mark.parametrize("variant", ["lstm", pytest.param("stack", marks=pytest.mark.slow)])
def test_each_path_is_that_of_a_cell_with_the_other_parts_detached(float64, variant):
    """Of a loss at every step, with examples of different lengths, and NaN in their padding."""
    cell, params, _, xs = example(variant)
    lengths = jnp.array([5, 3, 0, 4])
    xs = jnp.where((jnp.arange(T)[:, None] < lengths)[..., None], xs, jnp.nan)

    def loss(ys):
        return jnp.sum(ys**2)

    found = jax.jit(lambda p: path_gradients(rnnx.gradient_flow(cell, p, xs, loss, lengths=lengths)))(params)
    state = cell.initial_state(params, (B,))
    for n, part in enumerate(named_leaves(state)):

        def opened(state, n=n):
            leaves, structure = jax.tree.flatten(state)
            detached = [leaf if i == n else jax.lax.stop_gradient(leaf) for i, leaf in enumerate(leaves)]
            return jax.tree.unflatten(structure, detached)

        alone = cell._replace(form=None, step=lambda p, s, x, opened=opened: cell.step(p, opened(s), x))
        flow = jax.jit(
            lambda p, alone=alone: jax.grad(
                lambda perturbations: loss(
                    rnnx.unroll(alone, p, xs, lengths=lengths, perturbations=perturbations).outputs
                )
            )(zeros(state, T))
        )(params)
        for name, gradient in named_leaves(found[part]).items():
            expected = np.zeros((T, B, H))
            for b, length in enumerate(lengths):
                expected[:length, b] = named_leaves(flow)[name][:length, b][::-1]
            np.testing.assert_allclose(gradient, expected, rtol=1e-12, atol=1e-14, err_msg=f"{part}: {name}")


def test_an_lstm_without_recurrent_weights_has_the_path_along_c_alone(float64):
    """From lag 1 on: h leads nowhere but to y_T."""
    cell, params, _, xs = example("lstm")
    params = params._replace(recurrent_kernel=jnp.zeros((H, 4 * H)))
    measured = jax.jit(lambda p: paths(rnnx.gradient_flow(cell, p, xs, last_step)))(params)
    assert_close(measured["paths/c/log10_norm"], measured["paths/all/log10_norm"])
    assert jnp.isneginf(measured["paths/h/log10_norm"][1:]).all()
    assert measured["paths/h/log10_norm"][0] == measured["paths/all/log10_norm"][0]


def test_the_norms_are_medians_over_the_examples_that_have_the_lag(float64):
    cell, params, _, xs = example("lstm")
    lengths = jnp.array([5, 3, 3, 4])

    @jax.jit
    def run(params, xs):
        found = rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys**2), lengths=lengths)
        return paths(found), path_gradients(found)

    measured, gradients = run(params, xs)
    for path, (h, c) in gradients.items():
        with np.errstate(divide="ignore"):  # of those that lack the lag
            norms = np.log10(np.sqrt(np.sum(h**2, axis=-1) + np.sum(c**2, axis=-1)))
        for k in range(T):
            values = np.sort(norms[k][np.asarray(lengths) > k])
            low, high = values[(len(values) - 1) // 2], values[len(values) // 2]
            assert low - 1e-12 <= measured[f"paths/{path}/log10_norm"][k] <= high + 1e-12, "a median, to rounding"


@pytest.mark.parametrize("variant", ["bidirectional", "dropout"])
def test_a_cell_that_can_not_be_stepped_is_refused_in_one_line(variant):
    cell, params, _, _ = example(variant)
    with pytest.raises(ValueError, match=r"(?m)^paths needs a cell that can be stepped; .*\.$"):
        jax.eval_shape(lambda: paths(rnnx.gradient_flow(cell, params, jnp.zeros((T, B, I)), last_step)))
