"""A cell may close over whatever JAX can trace."""

import jax
import jax.numpy as jnp
import pytest

import rnnx
from rnnx.types import Dense
from tests.variants import assert_close, example, inner


def closing(theta, number, key):
    """A GRU that closes over what is differentiated by, over a whole number and over a key, in all its functions."""
    cell = example("gru").cell

    def pointwise(params, state, gx, gh):
        after = cell.form.pointwise(params, state, gx, gh)
        return after._replace(h=after.h * theta["h"][number] + 0.1 * jax.random.normal(key, after.h.shape[-1:]))

    form = Dense(
        project=lambda params, xs: cell.form.project(params, xs) * theta["x"],
        recurrent=lambda params: cell.form.recurrent(params) * theta["W"],
        hidden=lambda params, state: cell.form.hidden(params, state) + theta["x"],
        pointwise=pointwise,
    )
    return cell._replace(form=form, step=form.step)


def given():
    ex = example("gru")
    theta = {"x": jnp.array(1.3), "W": jnp.array(0.8), "h": jnp.array([0.5, 0.9])}
    return theta, ex.params, ex.xs, jnp.array(1), jax.random.key(3)


def loss(engine, **options):
    def value(theta, params, xs, number, key):
        resets = (jnp.arange(xs[..., 0].size) % 7 == 3).reshape(xs.shape[:-1])
        trajectory = rnnx.unroll(closing(theta, number, key), params, xs, engine=engine, resets=resets, **options)
        return jnp.sum(jnp.square(trajectory.outputs))

    return value


def of_gradient(f):
    return jax.jit(jax.value_and_grad(f, argnums=(0, 1, 2)))


def within_a_scan(f):
    """Whose loop, and the `jax.checkpoint` in it, is over when the backward pass is made."""

    def total(theta, params, xs, number, key):
        def add(sum_, n):
            return sum_ + jax.checkpoint(f)(theta, params, xs, number - n, jax.random.fold_in(key, n)), None

        return jax.lax.scan(add, jnp.zeros(()), jnp.arange(2))[0]

    return of_gradient(total)


def side_by_side(f):
    def each(theta, params, xs, number, key):
        thetas = jax.tree.map(lambda a: jnp.stack([a, 0.9 * a]), theta)
        take = jax.vmap(jax.value_and_grad(f, argnums=(0, 1, 2)), in_axes=(0, None, None, 0, 0))
        return take(thetas, params, xs, jnp.stack([number, number - 1]), jax.random.split(key))

    return jax.jit(each)


def hessian_vector_product(f):
    def squared(*arguments):
        gradients = jax.grad(f, argnums=(0, 1, 2))(*arguments)
        return inner(gradients, gradients)

    return of_gradient(squared)


@pytest.mark.parametrize(
    ("around", "options"),
    [
        pytest.param(of_gradient, {"remat": 2, "truncate": 3, "reverse": True}, marks=pytest.mark.slow),
        (within_a_scan, {"remat": "full"}),
        pytest.param(side_by_side, {"reverse": True}, marks=pytest.mark.slow),
        pytest.param(hessian_vector_product, {}, marks=pytest.mark.slow),
    ],
)
def test_what_is_closed_over_has_the_gradient_it_has_in_a_scan(float64, around, options):
    found, wanted = (around(loss(engine, **options))(*given()) for engine in ("fused", "scan"))
    assert_close(found, wanted, rtol=1e-11, atol=1e-11)  # second derivatives add up thousands of terms of order 10


def test_parameters_that_are_whole_numbers_may_be_among_them(float64):
    cell = example("gru").cell
    _, params, xs, number, _ = given()
    form = cell.form._replace(
        project=lambda p, xs: cell.form.project(p[0], xs) * p[1].astype(xs.dtype),
        recurrent=lambda p: cell.form.recurrent(p[0]),
        hidden=lambda p, state: cell.form.hidden(p[0], state),
        pointwise=lambda p, *rest: cell.form.pointwise(p[0], *rest),
    )
    scaled = cell._replace(
        form=form,
        step=form.step,
        initial_state=lambda p, shape: cell.initial_state(p[0], shape),
        read=lambda p, *rest: cell.read(p[0], *rest),
    )

    def value(params, engine):
        return jnp.sum(jnp.square(rnnx.unroll(scaled, (params, number + 1), xs, engine=engine).outputs))

    found, wanted = (jax.jit(jax.grad(value), static_argnums=1)(params, engine) for engine in ("fused", "scan"))
    assert_close(found, wanted)
