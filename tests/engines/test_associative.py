"""What is special to engine `associative`; that it equals the loop is in test_engines.py."""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx import engines
from rnnx.types import Array, Cell, Diagonal
from tests.variants import B, T, assert_close, example, example_of, inner, like, run, slow_unless, weights

# What holds of complex numbers holds of real ones.
mostly_complex = pytest.mark.parametrize("variant", slow_unless(lambda variant: variant == "lru", ("minlstm", "lru")))


@pytest.mark.parametrize(
    ("variant", "reverse"),
    slow_unless(lambda *case: case == ("lru", True), itertools.product(("minlstm", "lru"), (False, True))),
)
def test_nan_gets_as_far_as_in_the_loop(float64, variant, reverse):
    """A state that is not a number spreads to the first reset and no further, forwards and backwards: the same entries
    of the same values and gradients are NaN, and all others agree."""
    ex = example(variant)
    broken = ex._replace(state=jax.tree.map(lambda s: s.at[1].set(jnp.nan), ex.state))
    at = T - 3 if reverse else 2
    given = {
        "reverse": reverse,
        "lengths": jnp.full(B, T),
        "mask": jnp.ones((T, B), bool),  # of nothing, so that the program is that of the laws of all engines
        "resets": jnp.zeros((T, B), bool).at[at, 1].set(True),
    }
    w = weights(ex)
    found, expected = (run(broken, w, kind=kind, **given) for kind in ("associative", "loop"))
    assert_close(found, expected)
    (states,) = found.trajectory.states
    is_nan = np.zeros((T, B), bool)
    is_nan[at + 1 :, 1] = reverse
    is_nan[:at, 1] = not reverse
    np.testing.assert_array_equal(np.isnan(states).all(axis=-1), is_nan)


def test_a_reset_to_a_learned_initial_state_teaches_it(float64):
    """What a reset puts in place of the state is a function of the parameters, and has a gradient; as in the loop."""
    ex = example_of(rnnx.learned_initial_state(rnnx.mingru(3)))
    w = weights(ex)
    given = {"lengths": jnp.array([5, 3, 0, 1]), "resets": jnp.zeros((T, B), bool).at[2].set(True)}
    found, expected = (run(ex, w, kind=kind, **given) for kind in ("associative", "loop"))
    assert_close(found, expected)
    assert jnp.all(found.params.initial_state.h != 0)


@mostly_complex
def test_derivatives_of_both_modes_and_orders_are_those_of_scan(float64, variant):
    """Jacobian times vector; Hessian times vector by forward over reverse, and by reverse over reverse."""
    ex = example(variant)
    w = weights(ex)
    resets = jnp.zeros((T, B), bool).at[2, 0].set(True)
    at, v = (ex.params, ex.xs, ex.state), like((ex.params, ex.xs, ex.state), seed=5)

    def derivatives(kind):
        def loss(at):
            params, xs, state = at
            trajectory = rnnx.unroll(ex.cell, params, xs, state, resets=resets, engine=kind)
            return inner(w.outputs, trajectory.outputs**2)

        @jax.jit
        def compute(at, v):
            first = jax.jvp(loss, (at,), (v,))[1]
            forward_over_reverse = jax.jvp(jax.grad(loss), (at,), (v,))[1]
            reverse_over_reverse = jax.grad(lambda at: real_product(jax.grad(loss)(at), v))(at)
            return first, forward_over_reverse, reverse_over_reverse

        return compute(at, v)

    assert_close(derivatives("associative"), derivatives("scan"))


def real_product(a, b):
    """Re Σ a b: with a gradient in JAX's convention, the derivative along b."""
    return jax.tree.reduce(jnp.add, jax.tree.map(lambda a, b: jnp.sum(a * b).real, a, b))


@mostly_complex
@pytest.mark.parametrize(
    ("of_params", "of_xs"), slow_unless(lambda of_params, of_xs: of_params != 0, [(0, 0), (0, None), (None, 0)])
)
def test_vmap_over_parameters_and_inputs(float64, variant, of_params, of_xs):
    """With resets, which are the same for all."""
    ex = example(variant)
    resets = jnp.zeros((T, B), bool).at[2, 0].set(True)
    many = like(jax.tree.map(lambda a: jnp.stack([a] * 3), (ex.params, ex.xs)), seed=4, scale=0.3)

    def loss(params, xs):
        return jnp.sum(rnnx.unroll(ex.cell, params, xs, resets=resets, engine="associative").outputs ** 2)

    gradient = jax.value_and_grad(loss, argnums=(0, 1))
    one, axes = jax.jit(gradient), (of_params, of_xs)
    given = [
        all_three if axis == 0 else jax.tree.map(lambda a: a[1], all_three)
        for all_three, axis in zip(many, axes, strict=True)
    ]
    at_once = jax.jit(jax.vmap(gradient, in_axes=axes))(*given)
    for n in range(3):
        alone = [jax.tree.map(lambda a, n=n: a[n], g) if axis == 0 else g for g, axis in zip(given, axes, strict=True)]
        assert_close(jax.tree.map(lambda a, n=n: a[n], at_once), one(*alone))


class _Vector(NamedTuple):
    h: Array  # [..., H]


def told(a, b):
    """A cell with a and b as they are told by `a(decay, x)` and `b(decay, x)`."""
    form = Diagonal(lambda decay, xs: (_Vector(a(decay, xs)), _Vector(b(decay, xs))))
    return Cell(
        init=lambda key, input_size: jnp.ones(1),
        initial_state=lambda decay, batch_shape: _Vector(jnp.zeros((*batch_shape, 1), decay.dtype)),
        step=form.step,
        read=lambda decay, state, x: state.h,
        output_size=1,
        form=form,
    )


LEAKY = told(lambda decay, x: decay, lambda decay, x: x)  # h_t = λ h_{t-1} + x_t
DRIVEN = told(lambda _, x: x[..., :1], lambda _, x: x[..., 1:])  # a_t and b_t are the inputs


@pytest.mark.parametrize("dtype", slow_unless(lambda dtype: dtype == "complex64", ["float32", "complex64"]))
def test_the_error_over_many_steps_is_that_of_a_few_roundings(float64, dtype):
    """4096 steps are 12 rounds up and 12 down, in each of which a term meets at most two products and a sum.

    Each rounds by u = 6e-8 of what stands there, a product of complex numbers by less than 3 u. So no entry of the
    states or of their gradients is off by more than 24 · (1 + 2 · 3) u of what it would be were all a and b positive,
    so that nothing cancels. That is a bound for any a; what is found is far below it.
    """
    steps, batch = 4096, 2
    rng = np.random.default_rng(0)
    a = rng.uniform(0.9, 0.9999, (steps, batch, 1))
    b, w = rng.standard_normal((2, steps, batch, 1))
    if dtype == "complex64":
        a = a * np.exp(1j * rng.uniform(0, 6, a.shape))

    def states_and_gradient(kind, xs, w, precision):
        def loss(b):
            xs_b = jnp.concatenate([xs[..., :1], b], axis=-1)
            states = rnnx.unroll(DRIVEN, jnp.ones(1, precision), xs_b, engine=kind).outputs
            return jnp.sum(w * states).real, states

        return jax.jit(jax.grad(loss, has_aux=True))(xs[..., 1:])

    xs = jnp.asarray(np.concatenate([a, b], axis=-1), dtype)
    w = jnp.asarray(w, dtype)
    double = "complex128" if dtype == "complex64" else "float64"
    found = states_and_gradient("associative", xs, w, dtype)
    exact = states_and_gradient("scan", xs.astype(double), w.astype(double), double)
    positive = states_and_gradient("scan", jnp.abs(xs).astype(double), jnp.abs(w).astype(double), double)
    for one, expected, size in zip(found, exact, positive, strict=True):
        assert one.dtype == dtype
        one, expected, size = map(np.asarray, (one, expected, size))
        assert np.max(np.abs(one - expected) / np.abs(size)) < 24 * 7 * 6e-8


@pytest.mark.parametrize("decay", slow_unless(lambda decay: decay == 0.8, [0.3, 0.8]))
def test_the_curse_of_memory(float64, decay):
    """h_t = λ h_{t-1} + x_t with white x: E h² = 1 / (1 - λ²), E (dh/dλ)² = (1 + λ²) / (1 - λ²)³.

    h_T is linear in x, so that both are sums over t of squares, of ∂h_T/∂x_t and ∂²h_T/∂x_t∂λ; with no sampling error.
    """
    steps = 400  # λ^400 < 1e-38

    @jax.jit
    def impulse_response(decay):
        def last(xs):
            return rnnx.unroll(LEAKY, decay[None], xs, engine="associative").outputs[-1, 0]

        return jax.grad(last)(jnp.zeros((steps, 1)))

    response, slope = jax.jvp(impulse_response, (jnp.asarray(decay),), (jnp.ones(()),))
    # Rounding of a sum of some hundred terms, and of 1 - λ².
    np.testing.assert_allclose(jnp.sum(response**2), 1 / (1 - decay**2), rtol=1e-12)
    np.testing.assert_allclose(jnp.sum(slope**2), (1 + decay**2) / (1 - decay**2) ** 3, rtol=1e-12)


def test_auto_takes_it_where_steps_are_dear(monkeypatch):
    """Not on a CPU, where it was measured to be slower; and nowhere for a cell of another form."""
    diagonal, dense = rnnx.mingru(3), rnnx.lstm(3)
    for backend, expected in {"cpu": "scan", "gpu": "associative", "tpu": "associative"}.items():
        monkeypatch.setattr(jax, "default_backend", lambda backend=backend: backend)
        assert engines.choose("auto", diagonal, None, 5) is engines.get(expected)
        assert engines.choose("auto", diagonal, "full", 5) is engines.get(
            "scan"
        )  # it keeps what `remat` is not to keep
        assert engines.choose("auto", dense, None, 5) is not engines.get("associative")
