"""δ_t = ∂L/∂s_t against Jacobians taken one step at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.numerics import log10_norm
from rnnx.pytrees import named_leaves
from rnnx.types import Composed
from tests.variants import FEW, VARIANTS, B, H, I, T, assert_close, example, like, make, slow_unless

every_single_cell = pytest.mark.parametrize(
    "variant", slow_unless(lambda v: v in FEW[:2], (v for v in VARIANTS if not isinstance(make(v).form, Composed)))
)


def flat(state):
    """All parts of a state side by side, [..., S]; of complex ones the real part and then the imaginary part."""
    return jnp.concatenate([part for leaf in jax.tree.leaves(state) for part in real_parts(leaf)], axis=-1)


def real_parts(leaf):
    return [leaf.real, leaf.imag] if jnp.iscomplexobj(leaf) else [leaf]


def per_step(cell, params, states, xs):
    """J_t = ∂s_t/∂s_{t-1} [T, B, S, S] and ∂y_t/∂s_t [T, B, Y, S], each from a single step."""

    def unflat(s):
        leaves, treedef = jax.tree.flatten(states)
        parts = iter(jnp.split(s, sum(len(real_parts(leaf)) for leaf in leaves), axis=-1))
        return jax.tree.unflatten(
            treedef,
            [jax.lax.complex(next(parts), next(parts)) if jnp.iscomplexobj(leaf) else next(parts) for leaf in leaves],
        )

    def step(s, x):
        return flat(cell.step(params, unflat(s), x))

    def read(s, x):
        return cell.read(params, unflat(s), x)

    @jax.jit
    def jacobians(before, after, xs):
        return tuple(jax.vmap(jax.vmap(jax.jacobian(f)))(s, xs) for f, s in ((step, before), (read, after)))

    s = flat(states)
    return (np.asarray(J) for J in jacobians(s[:-1], s[1:], xs))


@every_single_cell
def test_state_gradients_are_jacobian_products(float64, variant):
    """δ_t = Σ_{k ≥ t} (∂y_k/∂s_k · J_k J_{k-1} … J_{t+1})ᵀ ∂L/∂y_k, and the recursion that follows from it:
    δ_t = ∂⁺L/∂s_t + J_{t+1}ᵀ δ_{t+1}, where ∂⁺ is the direct part through y_t alone."""
    cell, params, _, xs = example(variant)
    w = like(jax.ShapeDtypeStruct((T, B, H), float), seed=3)

    @jax.jit
    def run(params, xs):
        flow = rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.vdot(w, ys**2))
        return flow, rnnx.unroll(cell, params, xs).outputs

    flow, ys = run(params, xs)
    J, R = per_step(cell, params, flow.states, xs)
    direct = np.einsum("tbys,tby->tbs", R, 2 * w * ys)
    # JAX gives ∂L/∂Re s - i ∂L/∂Im s where s is complex.
    delta = np.asarray(flat(jax.tree.map(jnp.conj, flow.state_gradients)))

    for t in range(T):
        product = np.broadcast_to(np.eye(delta.shape[-1]), J[0].shape)  # J_k … J_{t+1}: the latest step stands leftmost
        total = direct[t]
        for k in range(t + 1, T):
            product = J[k] @ product
            total = total + np.einsum("bsr,bs->br", product, direct[k])
        assert_close(delta[t], total)

    assert_close(delta[:-1], direct[:-1] + np.einsum("tbsr,tbs->tbr", J[1:], delta[1:]))
    assert_close(delta[-1], direct[-1])


@pytest.mark.parametrize("variant", slow_unless(lambda v: v in (FEW[0], FEW[-1]), VARIANTS))
def test_what_else_is_returned(float64, variant):
    """Loss, parameter and input gradients are those of plain `jax.grad`; the states are s_0 … s_T."""
    cell, params, _, xs = example(variant)
    lengths = jnp.array([5, 3, 1, 4])

    def loss(params, xs):
        trajectory = rnnx.unroll(cell, params, xs, lengths=lengths, return_states=True)
        return jnp.sum(trajectory.outputs**2), trajectory

    @jax.jit
    def run(params, xs):
        flow = rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys**2), lengths=lengths)
        return flow, jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(params, xs)

    flow, ((value, trajectory), (param_gradients, input_gradients)) = run(params, xs)
    assert_close(flow.loss, value)
    assert_close(flow.param_gradients, param_gradients)
    assert_close(flow.input_gradients, input_gradients)
    initial = cell.initial_state(params, (B,))
    assert_close(jax.tree.map(lambda s: s[0], flow.states), initial)
    assert_close(jax.tree.map(lambda s: s[1:], flow.states), trajectory.states)
    assert_close(flow.log10_state_norm, jnp.log10(jnp.linalg.norm(flat(flow.state_gradients), axis=-1)))
    past = np.arange(T)[:, None] >= np.asarray(lengths)
    assert np.isneginf(flow.log10_state_norm[past]).all()
    # The outputs are zero past the lengths, and so is the loss's gradient 2 y; a linear loss of them has the same δ.
    assert_close(flow.output_gradients, 2 * trajectory.outputs)


def test_output_gradients_stop_at_the_lengths(float64):
    """Even those of a loss that scores what is past them, which is zero whatever the cell does."""
    cell, params, _, xs = example("rnn")
    lengths = jnp.array([5, 3, 0, 4])
    weights = like(jax.ShapeDtypeStruct((T, B, H), float), seed=3)
    flow = rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.vdot(weights, ys), lengths=lengths)
    there = np.arange(T)[:, None, None] < np.asarray(lengths)[:, None]
    assert_close(flow.output_gradients, np.where(there, weights, 0), rtol=0, atol=0)


@pytest.mark.parametrize("rho", slow_unless(lambda rho: rho == 0.5, [0.5, 1.0, 1.5]))
def test_a_linear_cell_decays_at_its_spectral_radius(float64, rho):
    """h_t = ρ h_{t-1} Q + x_t W: the slope of ln ‖δ_{T-k}‖ over k is ln ρ."""
    cell = rnnx.rnn(H, activation="identity")
    params = cell.init(jax.random.key(0), I)
    params = params._replace(recurrent_kernel=rho * params.recurrent_kernel)  # that was orthogonal
    xs = like(jax.ShapeDtypeStruct((30, B, I), float), seed=1)
    flow = jax.jit(lambda params, xs: rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys[-1])))(params, xs)
    for b in range(B):
        slope = np.polyfit(-np.arange(30), np.asarray(flow.log10_state_norm)[:, b] * np.log(10), deg=1)[0]
        np.testing.assert_allclose(slope, np.log(rho), rtol=0, atol=1e-13)  # 30 products, each rounded at 1e-16


@pytest.mark.parametrize("variant", slow_unless(lambda v: v in ("lstm", "bidirectional"), VARIANTS))
def test_nan_in_gives_nan_out(float64, variant):
    """A NaN in a parameter is in every gradient; a NaN among the inputs is in the gradients of its own example."""
    cell, params, _, xs = example(variant)
    flow = jax.jit(lambda p, x: rnnx.gradient_flow(cell, p, x, lambda ys: jnp.sum(ys[-1] ** 2)))
    leaves, structure = jax.tree.flatten(params)
    for n, name in enumerate(named_leaves(params)):
        if not name.endswith("kernel"):
            continue
        broken = [jnp.full_like(leaf, jnp.nan) if i == n else leaf for i, leaf in enumerate(leaves)]
        found = flow(jax.tree.unflatten(structure, broken), xs)
        assert jnp.isnan(found.loss)
        assert jnp.isnan(found.log10_state_norm[-1]).all()

    found = flow(params, xs.at[1, 2].set(jnp.nan))
    assert jnp.isnan(found.loss)
    assert jnp.isnan(found.log10_state_norm[-1, 2])
    assert not jnp.isnan(found.log10_state_norm[:, jnp.array([0, 1, 3])]).any()


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_log10_norm_neither_underflows_nor_overflows(precision, request):
    """‖(3, 4) · 10^p‖ = 5 · 10^p, for every p that the number format has, though (10^p)² may be out of its range."""
    if precision == "float64":
        request.getfixturevalue("float64")
    limits = np.finfo(precision)
    # Not nearer to the ends than 10: the entries themselves must be normal numbers.
    powers = np.arange(int(np.log10(limits.smallest_normal)) + 1, int(np.log10(limits.max)))
    v = np.array([[3.0, 4.0]]) * 10.0 ** powers[:, None].astype(float)
    found = log10_norm(jnp.asarray(v, precision))
    # log10 of a number that is off by one rounding is off by half of it; its own rounding is relative to |p| ≤ 308.
    np.testing.assert_allclose(found, powers + np.log10(5), rtol=4 * limits.eps, atol=4 * limits.eps)


def test_log10_norm_of_several_parts_zero_nan_and_infinity():
    assert_close(log10_norm(jnp.array([3.0]), jnp.array([4.0])), jnp.log10(5.0), rtol=1e-6)  # float32 rounds at 6e-8
    zero, nan, infinity = log10_norm(jnp.array([[0.0, 0.0], [1.0, jnp.nan], [1.0, -jnp.inf]]))
    assert jnp.isneginf(zero)
    assert jnp.isnan(nan)
    assert jnp.isposinf(infinity)


@pytest.mark.parametrize("shape", [(), (I,)])
def test_inputs_without_steps_or_features_are_refused_in_one_line(shape):
    cell, params, _, _ = example("rnn")
    with pytest.raises(ValueError, match=r"^xs must be \[T, B, I\] \(or \[T, I\]\), not \[.*\]\.$"):
        rnnx.gradient_flow(cell, params, jnp.zeros(shape), jnp.sum)
