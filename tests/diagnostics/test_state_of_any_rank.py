"""A matrix as state, and a state of several ranks, measure what the same numbers do as one vector."""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.types import Cell, Histogram
from tests.variants import B, T, assert_close, like, slow_unless

H, I = 2, 3
SHAPES = {"A": (H, H), "n": ()}


class FastState(NamedTuple):
    A: jax.Array  # [..., H, H], or [..., H · H]
    n: jax.Array  # [...], or [..., 1]


def fast_weights(as_vectors):
    """A_t = tanh(0.9 A_{t-1} + k_tᵀ v_t), n_t = 0.8 n_{t-1} + Σ x_t and y_t = q_t A_t + n_t."""

    def shaped(state, shapes):
        return FastState(*(s.reshape(*s.shape[:-1], *shape) for s, shape in zip(state, shapes, strict=True)))

    def stored(state):
        if not as_vectors:
            return state
        rows = (s.reshape(*s.shape[: s.ndim - len(axes)], -1) for s, axes in zip(state, SHAPES.values(), strict=True))
        return FastState(*rows)

    def loaded(state):
        return shaped(state, SHAPES.values()) if as_vectors else state

    def step(params, state, x):
        A, n = loaded(state)
        k, v, _ = jnp.split(x @ params, 3, axis=-1)
        return stored(FastState(jnp.tanh(0.9 * A + k[..., :, None] * v[..., None, :]), 0.8 * n + x.sum(axis=-1)))

    def read(params, state, x):
        A, n = loaded(state)
        q = (x @ params)[..., 2 * H :]
        return jnp.einsum("...i,...ij->...j", q, A) + n[..., None]

    def initial_state(params, batch_shape):
        shapes = [(math.prod(shape),) if as_vectors else shape for shape in SHAPES.values()]
        return FastState(*(jnp.zeros((*batch_shape, *shape), params.dtype) for shape in shapes))

    return Cell(lambda key, input_size: jnp.zeros((input_size, 3 * H)), initial_state, step, read, H)


CELLS = {as_vectors: fast_weights(as_vectors) for as_vectors in (False, True)}
PARAMS, XS = (np.asarray(a, np.float32) for a in like((jnp.ones((I, 3 * H)), jnp.ones((T, B, I))), seed=0))


@functools.cache
def flow_of(as_vectors):
    """In float32, which PARAMS are of."""
    cell = CELLS[as_vectors]
    flow = jax.jit(lambda p: rnnx.gradient_flow(cell, p, XS, lambda ys: jnp.sum(ys**2), lengths=[5, 3, 0, 4]))
    return flow(PARAMS)


def test_the_norm_of_the_state_gradient_is_that_of_all_of_it(float64):
    flow = flow_of(False)
    squares = [np.square(s).reshape(T, B, -1).sum(axis=-1) for s in flow.state_gradients]
    with np.errstate(divide="ignore"):
        assert_close(flow.log10_state_norm, np.log10(sum(squares)) / 2, rtol=1e-6)  # in float32, which PARAMS are of


# Of norms, of Jacobians, and of the states as they are.
KEPT = ("state_gradient", "lyapunov", "trajectories")


@pytest.mark.parametrize("name", slow_unless(lambda name: name in KEPT, rnnx.diagnostics.names()))
def test_every_measurement(float64, name):
    measure = jax.jit(rnnx.diagnostics.get(name))
    of_matrix, of_vector = (measure(flow_of(as_vectors)) for as_vectors in (False, True))
    # The same sums in another order, in float32, which rounds at 6e-8; some go through T products and a logarithm.
    assert_close(of_matrix, of_vector, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", rnnx.diagnostics.names())
def test_every_measurement_is_in_the_precision_of_the_flow(float64, name):
    """Where float64 is there to be had; traced only, and so for all."""
    for value in jax.eval_shape(rnnx.diagnostics.get(name), flow_of(False)).values():
        assert (value.edges if isinstance(value, Histogram) else value).dtype == "float32"


@pytest.mark.parametrize("kind", slow_unless(lambda kind: kind == "scan", ["scan", "loop", "newton"]))
def test_every_engine(float64, kind):
    given = {"lengths": [5, 3, 0, 4], "resets": np.zeros((T, B), bool), "truncate": 3, "reverse": True}

    def run(params, as_vectors, kind):
        outputs = rnnx.unroll(CELLS[as_vectors], params, XS, engine=kind, **given).outputs
        return jnp.sum(outputs), outputs

    of = jax.jit(jax.grad(run, has_aux=True), static_argnums=(1, 2))
    assert_close(of(PARAMS, False, kind), of(PARAMS, True, "scan"), rtol=1e-5, atol=1e-5)  # float32, as above


def test_zoneout_draws_for_every_number():
    def zoned_out():
        key = jax.random.key(0)
        return [rnnx.unroll(rnnx.zoneout(cell, 0.5, key), PARAMS, XS, return_states=True) for cell in CELLS.values()]

    held = jax.device_get(jax.jit(zoned_out)())
    assert_close(held[0].outputs, held[1].outputs, rtol=1e-5, atol=1e-5)  # float32, as above
    before = np.concatenate([np.zeros((1, B, H, H)), held[0].states.A[:-1]])
    kept = before == held[0].states.A
    assert kept.any(axis=(0, 1)).all()
    assert not kept.all(axis=(0, 1)).any()


@functools.cache
def flow_without_state():
    cell = Cell(lambda key, size: jnp.ones((size, H)), lambda *_: (), lambda p, s, x: s, lambda p, s, x: x @ p, H)
    return jax.jit(lambda p: rnnx.gradient_flow(cell, p, XS, lambda ys: jnp.sum(ys**2)))(PARAMS[:, :H])


@pytest.mark.parametrize("name", rnnx.diagnostics.names())
def test_of_a_cell_without_state_a_measurement_says_so_or_measures(name):
    found = flow_without_state()
    assert np.isneginf(found.log10_state_norm).all()
    if name not in (
        "flossing",
        "jacobian_products",
        "log_state_gradient",
        "lyapunov",
        "omega",
        "sensitivity",
        "trajectories",
    ):
        assert isinstance(jax.eval_shape(rnnx.diagnostics.get(name), found), dict)
        return
    with pytest.raises(ValueError, match=rf"^{name} needs a cell with a state, and this one has none\.$"):
        rnnx.diagnostics.get(name)(found)
