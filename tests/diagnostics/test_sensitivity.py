"""∂s_T/∂θ against closed forms for one linear unit, and against Jacobians."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics.sensitivity import sensitivity
from rnnx.dynamics.memory import curse_of_memory, gauss_newton_traces
from rnnx.pytrees import named_leaves
from tests.diagnostics.scalar import last, scalar
from tests.variants import B, assert_close, example, slow_unless


@pytest.mark.parametrize("rho", [0.0, 0.6, -0.6])
@pytest.mark.parametrize("lam", [0.0, 0.5, -0.5, 0.9])
def test_known_answer_9_closed_forms_are_the_sums(lam, rho):
    """E h² = Σ_{j,k} λ^{j+k} ρ^|j-k|, E (dh/dλ)² = Σ_{j,k} j k λ^{j+k-2} ρ^|j-k|, over what came j and k steps ago."""
    j = np.arange(1000)  # 0.9^1000 = 1e-46
    correlation = float(rho) ** np.abs(j[:, None] - j)
    of_state = float(lam) ** j
    of_slope = np.concatenate([[0.0], j[1:] * float(lam) ** (j[1:] - 1)])
    found = curse_of_memory(lam, rho)
    # Sums of a million terms, of which some hundred count.
    np.testing.assert_allclose(found.state, of_state @ correlation @ of_state, rtol=1e-12)
    np.testing.assert_allclose(found.sensitivity, of_slope @ correlation @ of_slope, rtol=1e-12)
    if rho == 0:
        np.testing.assert_allclose(found.state, 1 / (1 - lam**2), rtol=1e-14)
        np.testing.assert_allclose(found.sensitivity, (1 + lam**2) / (1 - lam**2) ** 3, rtol=1e-14)


@functools.cache
def measuring():
    cell = scalar(0.0)[0]
    return jax.jit(lambda params, xs: sensitivity(rnnx.gradient_flow(cell, params, xs, last)))


@pytest.mark.parametrize(
    ("lam", "rho"),
    slow_unless(lambda *case: case == (0.5, 0.6), [(lam, rho) for lam in (0.5, 0.8) for rho in (0.0, 0.6)]),
)
def test_known_answer_9_by_simulation(float64, lam, rho):
    """h ← λ h + x: U is λ, of which a single probe of ±1 is exact, so all the noise is that of the inputs."""
    steps, examples = 80, 20_000  # 0.8^80 · 80 = 1e-6 of what came before is left
    rng = np.random.default_rng(0)
    xs = np.empty((steps, examples, 1))
    xs[0] = rng.standard_normal((examples, 1))
    for t in range(1, steps):
        xs[t] = rho * xs[t - 1] + np.sqrt(1 - rho**2) * rng.standard_normal((examples, 1))
    _, params = scalar(lam)
    measured = measuring()(params, jnp.asarray(xs))
    # dh/dλ is Gaussian: its mean square over n examples has the relative standard error √(2 / n); four of them.
    expected = curse_of_memory(lam, rho).sensitivity
    found = 10 ** measured["sensitivity/recurrent_kernel/log10"]
    np.testing.assert_allclose(found, expected, rtol=4 * np.sqrt(2 / examples))
    # ∂h_T/∂w = h_T for w = 1.
    np.testing.assert_allclose(
        10 ** measured["sensitivity/input_kernel/log10"],
        curse_of_memory(lam, rho).state,
        rtol=4 * np.sqrt(2 / examples),
    )
    np.testing.assert_allclose(10 ** measured["sensitivity/bias/log10"], (1 - lam**steps) ** 2 / (1 - lam) ** 2)


def test_it_is_the_norm_of_the_jacobian_at_each_last_step(float64):
    """Exactly for ν, θ and γ of an LRU, each entry of which moves one unit; -inf for C and D, which move none."""
    cell, params, _, xs = example("lru")
    lengths = jnp.array([5, 3, 0, 1])

    @jax.jit
    def run(params):
        def final(params):
            h = rnnx.unroll(cell, params, xs, lengths=lengths).final_state.h
            return jnp.stack([h.real, h.imag])

        measured = sensitivity(rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys**2), lengths=lengths))
        return measured, jax.jacobian(final)(params)

    measured, J = run(params)
    for name in ("nu", "theta", "gamma"):
        squares = np.sum(np.square(getattr(J, name)), axis=(0, 2, 3))
        assert_close(measured[f"sensitivity/{name}/log10"], np.log10(squares[[0, 1, 3]].mean()))
    for name in ("output_kernel", "skip_kernel"):
        assert np.isneginf(measured[f"sensitivity/{name}/log10"])


@pytest.mark.parametrize("variant", slow_unless(lambda variant: variant == "lstm", ["lstm", "stack", "bidirectional"]))
def test_gauss_newton_traces(float64, variant):
    """tr(JᵀJ), which the random vectors have as their mean."""
    cell, params, _, xs = example(variant)
    lengths = jnp.array([5, 3, 2, 4])
    probes = 2000

    @jax.jit
    def run(params):
        J = jax.jacobian(lambda p: rnnx.unroll(cell, p, xs, lengths=lengths).outputs)(params)
        return gauss_newton_traces(cell, params, xs, lengths=lengths, probes=probes), J

    traces, J = run(params)
    assert set(traces) == set(named_leaves(params))
    for name, trace in traces.items():
        leaf = named_leaves(J)[name]
        J_of_one = np.asarray(leaf).reshape(*leaf.shape[:3], -1)  # [T, B, Y, θ]
        block = np.einsum("tbyi,tbyj->ij", J_of_one, J_of_one) / B
        # Vectors of ±1 have the variance 2 Σ_{i≠j} M_ij² for the trace of M; four standard errors.
        spread = np.sqrt(2 * (np.sum(block**2) - np.sum(np.diag(block) ** 2)) / probes)
        np.testing.assert_allclose(trace, np.trace(block), rtol=1e-12, atol=4 * spread, err_msg=name)
        assert 4 * spread < 0.5 * np.trace(block), "so that the test can tell"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.0,), r"^decay must lie between -1 and 1, both excluded, not [^\n]*1\.[^\n]*\.$"),
        (([0.5, np.nan],), r"^decay must lie"),
        ((0.5, -1.0), r"^correlation must lie between -1 and 1, both excluded, not [^\n]*\.$"),
    ],
)
def test_where_there_is_no_limit(arguments, message):
    with pytest.raises(ValueError, match=message):
        curse_of_memory(*arguments)
