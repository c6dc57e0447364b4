"""Ω against its formula written out, and its gradient against finite differences with everything else held."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.diagnostics._carry import carry_gradients
from rnnx.diagnostics.omega import omega
from rnnx.dynamics.regularizers import omega_regulariser
from rnnx.pytrees import named_leaves
from tests.diagnostics.test_diagnostics import collecting, loss
from tests.variants import B, H, T, assert_close, example, of_two_parts, slow_unless

VARIANTS = ("squared", "norm")
every_form_of_omega = pytest.mark.parametrize("form", VARIANTS)
POWER = {"squared": 2, "norm": 1}


def given(variant):
    """A cell with everything that Ω is a function of."""
    cell, params, _, xs = example(variant)
    flow = collecting(cell)(params, xs, jnp.full(B, T))
    return cell, params, xs, flow.after, carried(flow)


carried = jax.jit(carry_gradients)


@functools.cache
def compiled(cell, form="squared", gradient=False):
    """Ω of params, xs, states and deltas, or that and its gradient."""
    regulariser = functools.partial(omega_regulariser, cell, variant=form)
    return jax.jit(jax.value_and_grad(regulariser) if gradient else regulariser)


def of_rnn(U, xs, hs, deltas, params, form):
    """Pascanu's Ω for h_t = tanh(a_t), a_t = x_t W + h_{t-1} U + b: ∂h_t/∂h_{t-1} = U diag(1 - tanh² a_t), as it acts
    on rows; a_t in it is a constant, U is not."""
    total = 0
    for b in range(B):
        for t in range(1, T):
            a = xs[t, b] @ params.input_kernel + hs[t - 1, b] @ params.recurrent_kernel + params.bias
            back = (deltas[t, b] * (1 - np.tanh(a) ** 2)) @ U.T
            ratio = np.linalg.norm(back) / np.linalg.norm(deltas[t, b])
            total += (ratio ** POWER[form] - 1) ** 2
    return total / B


@every_form_of_omega
def test_the_value_and_gradient_for_an_rnn(float64, form):
    cell, params, xs, states, deltas = given("rnn")
    held = [np.asarray(a) for a in (xs, states.h, deltas.h)]
    numpy_params = jax.tree.map(np.asarray, params)

    def reference(U):
        return of_rnn(U, *held, numpy_params, form)

    value, gradients = compiled(cell, form, gradient=True)(params, xs, states, deltas)
    assert_close(value, np.float64(reference(numpy_params.recurrent_kernel)))
    # Central differences: rounding 1e-16 / 1e-6 and the third derivative times 1e-12.
    for i, j in np.ndindex(H, H):
        step = np.zeros((H, H))
        step[i, j] = 1e-6
        U = numpy_params.recurrent_kernel
        slope = (reference(U + step) - reference(U - step)) / 2e-6
        np.testing.assert_allclose(gradients.recurrent_kernel[i, j], slope, rtol=1e-6, atol=1e-7)
    assert not np.any(gradients.input_kernel)
    assert not np.any(gradients.bias)


def test_the_pre_activation_of_the_paper_has_the_same_ratios_for_a_linear_cell(float64):
    """With φ' = 1 the paper's coordinates and those here are one; elsewhere they differ by φ'(a_{t-1}) and φ'(a_t)."""
    cell, params, xs, states, deltas = given("rnn_identity")
    U = np.asarray(params.recurrent_kernel)
    d = np.asarray(deltas.h)[1:]
    ratios = np.linalg.norm(d @ U.T, axis=-1) ** 2 / np.linalg.norm(d, axis=-1) ** 2
    assert_close(compiled(cell)(params, xs, states, deltas), np.sum((ratios - 1) ** 2) / B)


def by_jacobians(cell, params, xs, states, deltas, form):
    """The mean over the examples of Σ_t (‖δ_t J_t‖^p / ‖δ_t‖^p - 1)², with J_t by forward mode from one step."""

    def of_step(s, x, delta):
        leaves, structure = jax.tree.flatten(s)

        def change(n, v):
            """δ · J e, where e moves part n by v. JAX gives ∂L/∂Re s - i ∂L/∂Im s where s is complex."""
            e = jax.tree.unflatten(structure, [v if i == n else jnp.zeros_like(s) for i, s in enumerate(leaves)])
            column = jax.jvp(lambda s: cell.step(params, s, x), (s,), (e,))[1]
            return sum(jax.tree.leaves(jax.tree.map(lambda d, c: jnp.sum(jnp.real(d * c)), delta, column)))

        square = 0
        for n, leaf in enumerate(leaves):
            units = jnp.eye(leaf.size, dtype=leaf.dtype)
            for unit in [1, 1j] if jnp.iscomplexobj(leaf) else [1]:
                square += jnp.sum(jax.vmap(functools.partial(change, n))(unit * units) ** 2)
        norm = sum(jnp.sum(jnp.abs(d) ** 2) for d in jax.tree.leaves(delta))
        return ((square / norm) ** (POWER[form] / 2) - 1) ** 2

    before, after = jax.tree.map(lambda s: s[:-1], states), jax.tree.map(lambda d: d[1:], deltas)
    return jnp.sum(jax.vmap(jax.vmap(of_step))(before, xs[1:], after)) / B


@pytest.mark.parametrize(
    "variant",
    slow_unless(lambda name: name in ("gru_reset_before", "lru"), ["lstm", "gru_reset_before", "lru", "stack"]),
)
def test_the_value_by_jacobians(float64, variant):
    """Any cell: several parts, no form, complex numbers, layers."""
    cell, *arguments = given(variant)
    by_hand = functools.partial(by_jacobians, cell, form="norm")
    if variant == "gru_reset_before":  # all that the step uses is live
        value, gradients = compiled(cell, "norm", gradient=True)(*arguments)
        expected, gradients_by_hand = jax.jit(jax.value_and_grad(by_hand))(*arguments)
        assert_close(gradients, gradients_by_hand)
        assert np.any(gradients.input_kernel)
    else:
        value, expected = compiled(cell, "norm")(*arguments), jax.jit(by_hand)(*arguments)
    assert_close(value, expected)


@pytest.mark.parametrize("variant", slow_unless(lambda name: name == "lstm", ["lstm", "gru", "layer_norm"]))
def test_the_gradient_is_that_of_the_recurrent_weights_with_everything_else_held(float64, variant):
    """Along a random direction, by finite differences of W where it takes δ back, and nowhere else."""
    stepped = "zoneout_expected_learned_initial_state_layer_norm" if variant == "layer_norm" else variant
    cell, params, xs, states, deltas = given(stepped)
    form = cell.form
    W = np.asarray(form.recurrent(params))
    direction = np.random.default_rng(0).standard_normal(W.shape)

    @jax.jit
    def value(moved):
        before = jax.tree.map(lambda s: s[:-1], states)
        after = jax.tree.map(lambda d: d[1:], deltas)
        gx, gh = form.project(params, xs[1:]), form.hidden(params, before) @ W
        by_state, by_gh = jax.vjp(lambda s, gh: form.pointwise(params, s, gx, gh), before, gh)[1](after)
        by_hidden = jax.vjp(lambda s: form.hidden(params, s), before)[1](by_gh @ moved.T)[0]
        back = jax.tree.map(jnp.add, by_state, by_hidden)
        square, norm = (sum(jnp.sum(d**2, axis=-1) for d in jax.tree.leaves(tree)) for tree in (back, after))
        return jnp.sum((square / norm - 1) ** 2) / B

    found, gradients = compiled(cell, gradient=True)(params, xs, states, deltas)
    assert_close(found, value(W))
    by_name = named_leaves(gradients)
    (kernel,) = [by_name.pop(name) for name in list(by_name) if name.endswith("recurrent_kernel")]
    slope = (value(W + 1e-6 * direction) - value(W - 1e-6 * direction)) / 2e-6
    # Central differences, as above, of a polynomial of degree 4 in W.
    np.testing.assert_allclose(np.vdot(kernel, direction), slope, rtol=1e-6)
    for name, rest in by_name.items():
        assert not np.any(rest), name


@pytest.mark.parametrize(
    "variant",
    of_two_parts(["lstm", "lru", "stack", "zoneout_expected_learned_initial_state_layer_norm"]),
)
def test_the_measurement_keeps_to_the_steps_that_are_there(float64, variant):
    """Each example of its own length by itself, NaN in its padding or not; those without a second step do not count."""
    cell, params, _, xs = example(variant)
    lengths = np.array([5, 3, 0, 1])
    padded = jnp.where((jnp.arange(T)[:, None] < lengths)[..., None], xs, jnp.nan)
    compiled = jax.jit(omega)

    def measure(xs, lengths):
        return compiled(collecting(cell)(params, xs, lengths))["omega/value"]

    whole = measure(padded, jnp.asarray(lengths))
    each = [measure(xs, jnp.where(jnp.arange(B) == b, lengths, 0)) for b in (0, 1)]
    assert_close(whole, (each[0] + each[1]) / 2)
    assert measure(xs, jnp.array([1, 1, 0, 1])) == 0


def test_an_orthogonal_linear_cell_keeps_the_norm(float64):
    """U = ρ Q: Ω = (T - 1) (ρ² - 1)², or (ρ - 1)² of the norms."""
    cell, _, _, xs = example("rnn_identity")
    params = cell.init(jax.random.key(0), xs.shape[-1])
    for rho in (1.0, 0.8, 1.2):
        scaled = params._replace(recurrent_kernel=rho * params.recurrent_kernel)
        found = collecting(cell)(scaled, xs, jnp.full(B, T))
        after = jax.tree.map(lambda s: s[1:], found.states)
        for form, power in POWER.items():
            value = compiled(cell, form)(scaled, xs, after, found.state_gradients)
            # Roundings of an orthogonal matrix, drawn in float64.
            np.testing.assert_allclose(value, (T - 1) * (rho**power - 1) ** 2, rtol=1e-10, atol=1e-24)


def test_a_small_gradient_has_the_ratios_of_a_large_one():
    """In float32, where the square of 1e-25 is zero."""
    cell, params, xs, states, deltas = given("rnn")
    small = jax.tree.map(lambda d: 1e-25 * d, deltas)
    plain = compiled(cell)(params, xs, states, deltas)
    np.testing.assert_allclose(compiled(cell)(params, xs, states, small), plain, rtol=1e-5)


def test_a_gradient_that_is_lost_in_one_step_has_a_slope():
    """ρ_t = 0, as behind dead units, where the norm itself has no slope: what comes out is 0 and not NaN."""
    cell, params, xs, states, deltas = given("rnn_relu")
    dead = params._replace(bias=jnp.full(H, -100.0))
    value, gradients = compiled(cell, "norm", gradient=True)(dead, xs, states, deltas)
    assert value > 0
    assert not any(np.isnan(leaf).any() for leaf in jax.tree.leaves(gradients))


def test_it_runs_in_bfloat16():
    """As training in it does."""
    cell, *arguments = given("rnn")
    low = jax.tree.map(lambda a: np.asarray(a).astype(jnp.bfloat16), arguments)
    value = compiled(cell)(*low)
    np.testing.assert_allclose(float(value), compiled(cell)(*arguments), rtol=0.1)  # 8 bits, some roundings


def test_bad_arguments_are_refused_in_one_line():
    arguments = given("rnn")
    with pytest.raises(
        ValueError, match=r"^no variant named 'square'; did you mean 'squared'\? Known: norm, squared\.$"
    ):
        omega_regulariser(*arguments, variant="square")
    cell, params, _, xs = example("bidirectional")
    with pytest.raises(ValueError, match=r"(?m)^omega needs a cell that can be stepped; .*\.$"):
        jax.eval_shape(lambda: omega(rnnx.gradient_flow(cell, params, xs, loss)))
