"""What every cell keeps to; a new file is tested on arrival. Laws of time are in tests/test_unroll.py."""

import inspect

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from tests.examples import VARIANTS, B, H, I, T, assert_close, example, like, make

every_cell = pytest.mark.parametrize("variant", VARIANTS)
every_cell_with_a_form = pytest.mark.parametrize("variant", [v for v in VARIANTS if make(v).form is not None])
every_cell_with_gates = pytest.mark.parametrize("variant", [v for v in VARIANTS if make(v).gates is not None])


def shapes(tree):
    """Shapes, types and weak types: a scan, and the second call of a jitted function, look at all of them."""
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), tree)


@every_cell
@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
@pytest.mark.parametrize("batch_shape", [(), (B,), (T, B)])
def test_step_keeps_structure_shapes_and_types(variant, dtype, batch_shape, request):
    if dtype == "float64":
        request.getfixturevalue("float64")
    cell = make(variant)

    def run(key, x):
        params = jax.tree.map(lambda p: p.astype(dtype), cell.init(key, I))
        state = cell.initial_state(params, batch_shape)
        after = cell.step(params, state, x)
        return state, after, cell.read(params, after, x)

    x = jax.ShapeDtypeStruct((*batch_shape, I), dtype)
    state, after, y = jax.eval_shape(run, jax.random.key(0), x)
    assert shapes(after) == shapes(state)
    assert all(leaf.shape[: len(batch_shape)] == batch_shape and leaf.dtype == dtype for leaf in jax.tree.leaves(state))
    assert (y.shape, y.dtype) == ((*batch_shape, cell.output_size), dtype)
    assert hasattr(state, "_fields"), "the state must be a named tuple, so that its parts can't be swapped"


@every_cell
def test_leading_axes_are_independent(float64, variant):
    """The functions of a cell work on the last axis: a [T, B] block of steps is those steps one by one."""
    cell, params, _, _ = example(variant)
    state = like(cell.initial_state(params, (2, 3)), seed=1)
    x = like(jax.ShapeDtypeStruct((2, 3, I), float), seed=2)
    at_once = cell.step(params, state, x)
    read_at_once = cell.read(params, state, x)
    for index in np.ndindex(2, 3):
        one = jax.tree.map(lambda s, index=index: s[index], state)
        assert_close(jax.tree.map(lambda s, index=index: s[index], at_once), cell.step(params, one, x[index]))
        assert_close(read_at_once[index], cell.read(params, one, x[index]))


@every_cell_with_a_form
def test_a_form_gives_the_step(float64, variant):
    """Were `step` written out beside `form`, the two could differ."""
    cell, params, state, xs = example(variant)
    h = cell.form.hidden(state)
    W = cell.form.recurrent(params)
    gx = cell.form.project(params, xs)
    assert W.shape == (h.shape[-1], gx.shape[-1])
    assert_close(cell.form.pointwise(params, state, gx[0], h @ W), cell.step(params, state, xs[0]))


@every_cell
def test_initial_values_depend_on_the_key_alone(variant):
    cell = make(variant)
    params = cell.init(jax.random.key(0), I)
    assert_close(cell.init(jax.random.key(0), I), params, rtol=0, atol=0)
    other = cell.init(jax.random.key(1), I)
    assert not np.array_equal(other.input_kernel, params.input_kernel)
    assert not np.array_equal(other.recurrent_kernel, params.recurrent_kernel)
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize("name", rnnx.cells.names())
def test_kernels_are_drawn_independently(name):
    """By one policy and in one shape they still differ."""
    cell = rnnx.cells.get(name)(hidden_size=H, input_initializer="orthogonal", recurrent_initializer="orthogonal")
    params = cell.init(jax.random.key(0), H)
    assert params.input_kernel.shape == params.recurrent_kernel.shape
    assert not np.array_equal(params.input_kernel, params.recurrent_kernel)


@every_cell_with_gates
def test_gates_lie_between_zero_and_one(float64, variant):
    """And are those of each example, step and unit."""
    cell, params, state, xs = example(variant)
    before = jax.tree.map(lambda s: jnp.broadcast_to(s, (T, *s.shape)), state)
    for scale in (1, 1e4):
        for name, gate in cell.gates(params, before, scale * xs).items():
            assert gate.shape == (T, B, H), name
            assert jnp.all((gate >= 0) & (gate <= 1)), name
    at_one_step = cell.gates(params, state, xs[2])
    assert_close(at_one_step, {name: gate[2] for name, gate in cell.gates(params, before, xs).items()})


@pytest.mark.parametrize("name", rnnx.cells.names())
@pytest.mark.parametrize("size", [0, -1, 2.0, "8", None, True])
def test_a_bad_size_is_refused_in_one_line(name, size):
    with pytest.raises(ValueError, match=rf"^hidden_size must be a whole number of at least 1, not {size!r}\.$"):
        rnnx.cells.get(name)(hidden_size=size)


@pytest.mark.parametrize("name", rnnx.cells.names())
@pytest.mark.parametrize("argument", ["input_initializer", "recurrent_initializer"])
def test_an_unknown_initializer_is_refused_with_the_nearest(name, argument):
    with pytest.raises(
        ValueError, match=r"^no initializer named 'ortogonal'; did you mean 'orthogonal'\? Known: .*\.$"
    ):
        rnnx.cells.get(name)(hidden_size=H, **{argument: "ortogonal"})


@pytest.mark.parametrize("name", rnnx.cells.names())
def test_initializers_reach_their_kernels(name):
    """A policy may be a function, and is given the kernel's blocks."""

    def constant(value):
        return lambda key, rows, columns, gates: jnp.full((rows, gates * columns), value)

    cell = rnnx.cells.get(name)(hidden_size=H, input_initializer=constant(2.0), recurrent_initializer=constant(3.0))
    params = cell.init(jax.random.key(0), I)
    assert params.input_kernel.shape[0] == I
    assert params.recurrent_kernel.shape[0] == H
    assert jnp.all(params.input_kernel == 2)
    assert jnp.all(params.recurrent_kernel == 3)


@pytest.mark.parametrize("name", rnnx.cells.names())
def test_the_variant_is_stated(name):
    """The file says which variant it is and what the defaults are; every option is explained."""
    factory = rnnx.cells.get(name)
    module = inspect.getmodule(factory)
    assert "Variant" in module.__doc__
    assert "Defaults" in module.__doc__
    for argument in inspect.signature(factory).parameters:
        assert f"  {argument}: " in factory.__doc__, argument
