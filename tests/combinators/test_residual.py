import jax
import jax.numpy as jnp
import pytest

import rnnx
from tests.variants import B, H, T, assert_close, example_of, like


def test_the_input_is_added_to_the_output(float64):
    """And with it, to ∂L/∂x_t, what L has as gradient at y_t; all else is the cell's."""
    cell = rnnx.lstm(H)
    around = rnnx.residual(cell)
    ex = example_of(cell)
    params, xs = cell.init(jax.random.key(0), H), like(jax.ShapeDtypeStruct((T, B, H), float), seed=1)
    w = like(xs, seed=2)

    @jax.jit
    def both(params, xs):
        def loss(cell):
            return lambda params, xs: (jnp.vdot(w, (ys := rnnx.unroll(cell, params, xs, ex.state).outputs)), ys)

        return tuple(jax.grad(loss(c), argnums=(0, 1), has_aux=True)(params, xs) for c in (around, cell))

    ((d_params, d_xs), ys), ((d_params_of_cell, d_xs_of_cell), ys_of_cell) = both(params, xs)
    assert_close(ys, xs + ys_of_cell)
    assert_close(d_params, d_params_of_cell)
    assert_close(d_xs, w + d_xs_of_cell)


@pytest.mark.parametrize(
    "cell",
    [rnnx.lstm(H), rnnx.gru(H, reset_after=False), rnnx.stack(rnnx.rnn(H))],
    ids=["Dense", "no form", "Composed"],
)
def test_the_recurrence_is_the_cells_own(cell):
    """So that every engine which runs the cell runs this."""
    around = rnnx.residual(cell)
    assert around.form is cell.form
    assert around.step is cell.step
    assert around.gates is cell.gates


def test_sizes_that_differ_are_refused_in_one_line():
    cell = rnnx.stack(rnnx.rnn(4), rnnx.residual(rnnx.rnn(3)))
    message = r"^residual adds inputs to outputs, so its input_size must be the cell's output_size, 3, not 4\.$"
    with pytest.raises(ValueError, match=message):
        cell.init(jax.random.key(0), 2)
