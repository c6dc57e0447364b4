"""The parts of the weight gradient against parameters that are different ones at each step, and closed forms."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics._contributions import scan_lags
from rnnx.diagnostics.weight_gradient_by_lag import weight_gradient_by_lag
from tests.diagnostics.scalar import scalar_evidence
from tests.diagnostics.test_diagnostics import collecting, loss, measure
from tests.variants import STEPPED, B, T, assert_close, example, of_two_parts, slow_unless

every_stepped_cell = pytest.mark.parametrize("variant", of_two_parts(STEPPED))


through_lags = jax.jit(lambda flow: scan_lags("test", flow, lambda part, older: (part, older)))


def parts_of(cell, params, xs, lengths):
    """∂L/∂params, each G_k with the sum of the older ones, and Σ G_k."""
    flow = collecting(cell)(params, xs, lengths)
    return flow.param_gradients, *through_lags(flow)


@functools.cache
def measuring(cell):
    return jax.jit(
        lambda params, xs, unit: weight_gradient_by_lag(
            rnnx.gradient_flow(cell, params, xs, lambda ys: unit * loss(ys))
        )
    )


# The reference is the same loop for all cells: complex, layers, an initial state that is learned.
@pytest.mark.parametrize(
    "variant",
    slow_unless(
        lambda variant: variant == "lru", ["lru", "stack", "zoneout_expected_learned_initial_state_layer_norm"]
    ),
)
def test_the_parts_are_the_gradients_of_parameters_used_at_one_step_only(float64, variant):
    """L as a function of θ_1 … θ_T, one for each step: G_t = ∂L/∂θ_t where all are the same θ."""
    cell, params, _, xs = example(variant)

    @jax.jit
    @jax.grad
    def expected(each):
        state = cell.initial_state(each[0], (B,))
        total = 0
        for t in range(T):
            state = cell.step(each[t], state, xs[t])
            total += loss(cell.read(each[t], state, xs[t]))
        return total

    by_step = expected([params] * T)
    _, (found, older), _ = parts_of(cell, params, xs, jnp.full(B, T))
    for k in range(T):
        assert_close(jax.tree.map(lambda g, k=k: g[k], found), by_step[T - 1 - k])
        left = jax.tree.map(lambda *parts: sum(parts), jax.tree.map(jnp.zeros_like, params), *by_step[: T - 1 - k])
        assert_close(jax.tree.map(lambda g, k=k: g[k], older), left)


@every_stepped_cell
def test_the_parts_add_up_to_the_gradient(float64, variant):
    """Σ_k G_k = ∂L/∂θ, with examples of different lengths, and NaN in their padding."""
    cell, params, _, xs = example(variant)
    lengths = jnp.array([5, 3, 0, 4])
    xs = jnp.where((jnp.arange(T)[:, None] < lengths)[..., None], xs, jnp.nan)
    gradient, (found, _), total = parts_of(cell, params, xs, lengths)
    assert_close(total, gradient)
    assert_close(jax.tree.map(lambda g: g.sum(axis=0), found), gradient)


STEPS = 30
of_scalar = jax.jit(lambda a: weight_gradient_by_lag(scalar_evidence(a, STEPS)))


@pytest.mark.parametrize("a", [0.9, -0.9, 1.0, 1.1])
def test_known_answer_8(float64, a):
    """h ← a h + w x, x = 1: ∂h_T/∂w = Σ_k a^k, so that G_k = a^k for w."""
    measured = of_scalar(a)
    k = np.arange(STEPS)
    tag = "weight_gradient_by_lag/input_kernel"
    # Up to thirty products, each rounded at 1e-16.
    np.testing.assert_allclose(measured[f"{tag}/log10_norm"], k * np.log10(abs(a)), rtol=0, atol=1e-13)
    sign = np.sign(a) ** k * np.sign(np.sum(a**k))
    np.testing.assert_allclose(measured[f"{tag}/cosine"], sign, rtol=1e-13)
    norms = abs(a) ** k
    np.testing.assert_allclose(measured[f"{tag}/share_older_than_10"], norms[10:].sum() / norms.sum(), rtol=1e-13)
    np.testing.assert_allclose(measured[f"{tag}/cancellation"], abs(np.sum(a**k)) / norms.sum(), rtol=1e-12)


with_the_laws = pytest.mark.xdist_group("weight_gradient_by_lag")  # of test_diagnostics.py, whose programs these are


@with_the_laws
def test_all_arrays_together(float64):
    """‖G_k‖² over all arrays is the sum of those of each; cos likewise, weighed by norms."""
    cell, params, _, xs = example("lstm")
    measured = measure("weight_gradient_by_lag", cell, params, xs)
    gradients = collecting(cell)(params, xs, jnp.full(B, T)).param_gradients
    names = ("input_kernel", "recurrent_kernel", "bias")
    norms = {name: 10 ** np.asarray(measured[f"weight_gradient_by_lag/{name}/log10_norm"]) for name in (*names, "all")}
    assert_close(norms["all"] ** 2, sum(norms[name] ** 2 for name in names))
    whole = {name: np.linalg.norm(g) for name, g in gradients._asdict().items()}
    inner = sum(norms[n] * whole[n] * measured[f"weight_gradient_by_lag/{n}/cosine"] for n in names)
    expected = inner / norms["all"] / np.sqrt(sum(w**2 for w in whole.values()))
    assert_close(measured["weight_gradient_by_lag/all/cosine"], expected)


@with_the_laws
def test_a_part_that_is_exactly_zero_has_no_direction(float64):
    """At the first step h_{t-1} = 0, so that U has no part in it; and none at all if there is no other step."""
    cell, params, _, xs = example("lstm")
    tag = "weight_gradient_by_lag/recurrent_kernel"
    measured = measure("weight_gradient_by_lag", cell, params, xs)
    assert np.isneginf(measured[f"{tag}/log10_norm"][-1])
    assert measured[f"{tag}/cosine"][-1] == 0
    one = measure("weight_gradient_by_lag", cell, params, xs[:1])
    assert (one[f"{tag}/share_older_than_10"], one[f"{tag}/cancellation"]) == (0, 1)


def test_small_gradients_are_not_lost():
    """In float32, where the square of 1e-25 is zero: norms, directions and shares are those of the gradient itself."""
    cell, params, _, xs = example("gru")
    plain, small = (measuring(cell)(params, xs, jnp.float32(unit)) for unit in (1.0, 1e-25))
    for tag, value in plain.items():
        less = 25 if tag.endswith("log10_norm") else 0
        # Roundings of float32, some of them near 25; of smaller entries near the smallest number some digits are gone.
        np.testing.assert_allclose(small[tag], value - less, atol=1e-4, err_msg=tag)


@pytest.mark.parametrize("variant", ["bidirectional", "dropout", "zoneout"])
def test_a_cell_that_can_not_be_stepped_is_refused_in_one_line(variant):
    cell, params, _, xs = example(variant)
    with pytest.raises(ValueError, match=r"(?m)^weight_gradient_by_lag needs a cell that can be stepped; .*\.$"):
        jax.eval_shape(lambda: weight_gradient_by_lag(rnnx.gradient_flow(cell, params, xs, loss)))
