"""What every cell keeps to; a new file is tested on arrival. Laws of time are in tests/test_unroll.py."""

import inspect
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.pytrees import named_leaves
from rnnx.types import Dense, Diagonal
from tests.variants import CELLS, STEPPED, VARIANTS, B, H, I, T, assert_close, example, like, make

every_cell = pytest.mark.parametrize("variant", VARIANTS)
every_stepped_cell = pytest.mark.parametrize("variant", STEPPED)
every_dense_cell = pytest.mark.parametrize("variant", [v for v in VARIANTS if isinstance(make(v).form, Dense)])
every_diagonal_cell = pytest.mark.parametrize("variant", [v for v in VARIANTS if isinstance(make(v).form, Diagonal)])
every_cell_with_gates = pytest.mark.parametrize("variant", [v for v in VARIANTS if make(v).gates is not None])


def policies(name):
    """The arguments of a cell's factory that say how its kernels are drawn, each with the kernel's name."""
    arguments = inspect.signature(rnnx.cells.get(name)).parameters
    suffix = "_initializer"
    return {a: a.removesuffix(suffix) + "_kernel" for a in arguments if a.endswith(suffix) and not a.startswith("bias")}


def shapes(tree):
    """Shapes, types and weak types: a scan, and the second call of a jitted function, look at all of them."""
    return jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype, leaf.weak_type), tree)


@every_stepped_cell
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
    # There is no complex number of two bfloat16.
    dtypes = {dtype, "complex128" if dtype == "float64" else "complex64"}
    assert all(leaf.shape[: len(batch_shape)] == batch_shape for leaf in jax.tree.leaves(state))
    assert all(leaf.dtype.name in dtypes for leaf in jax.tree.leaves(state))
    assert (y.shape, y.dtype) == ((*batch_shape, cell.output_size), dtype)
    assert hasattr(state, "_fields"), "the state must be a named tuple, so that its parts can't be swapped"


@every_stepped_cell
def test_leading_axes_are_independent(float64, variant):
    """The functions of a cell work on the last axis: a [T, B] block of steps is those steps one by one."""
    cell, params, _, _ = example(variant)
    state = like(cell.initial_state(params, (2, 3)), seed=1)
    x = like(jax.ShapeDtypeStruct((2, 3, I), float), seed=2)

    @jax.jit
    def step_and_read(state, x):
        return cell.step(params, state, x), cell.read(params, state, x)

    state, x = jax.device_get((state, x))
    at_once = jax.device_get(step_and_read(state, x))
    for index in np.ndindex(2, 3):
        at_index = lambda tree, index=index: jax.tree.map(lambda s: np.asarray(s[index]), tree)  # noqa: E731
        assert_close(at_index(at_once), step_and_read(at_index(state), x[index]))


@every_dense_cell
def test_a_form_gives_the_step(float64, variant):
    """Were `step` written out beside `form`, the two could differ."""
    cell, params, state, xs = example(variant)

    @jax.jit
    def both_ways(params, state, xs):
        h = cell.form.hidden(params, state)
        W = cell.form.recurrent(params)
        gx = cell.form.project(params, xs)
        assert W.shape == (h.shape[-1], gx.shape[-1])
        return cell.form.pointwise(params, state, gx[0], h @ W), cell.step(params, state, xs[0])

    assert_close(*both_ways(params, state, xs))


@every_diagonal_cell
def test_coefficients_of_all_steps_are_those_of_each(float64, variant):
    """And are what the step applies; an engine may have them all at once, with time as their first axis."""
    cell, params, state, xs = example(variant)
    state, xs = jax.device_get((state, xs))
    a, b = jax.device_get(jax.jit(cell.form.over_time)(params, xs))
    step = jax.jit(cell.step)
    for t in range(T):
        after = jax.tree.map(lambda a, s, b, t=t: a[t] * s + b[t], a, state, b)
        assert_close(after, step(params, state, xs[t]))
    assert all(leaf.shape[0] == T and leaf.ndim == 3 for leaf in jax.tree.leaves((a, b)))


@every_cell
def test_initial_values_depend_on_the_key_alone(variant):
    cell = make(variant)
    params = cell.init(jax.random.key(0), I)
    assert_close(cell.init(jax.random.key(0), I), params, rtol=0, atol=0)
    other = named_leaves(cell.init(jax.random.key(1), I))
    kernels = [name for name in other if name.endswith("kernel")]
    assert kernels
    for name in kernels:
        assert not np.array_equal(other[name], named_leaves(params)[name])
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize("name", CELLS)
def test_kernels_are_drawn_independently(name):
    """By one policy and in one shape they still differ, and so do the blocks of each."""
    cell = rnnx.cells.get(name)(hidden_size=H, **dict.fromkeys(policies(name), "orthogonal"))
    kernels = [leaf for part, leaf in named_leaves(cell.init(jax.random.key(0), H)).items() if part.endswith("kernel")]
    blocks = [block for kernel in kernels for block in np.split(np.asarray(kernel), kernel.shape[1] // H, axis=1)]
    for one, other in itertools.combinations(blocks, 2):
        assert one.shape == other.shape == (H, H)
        # Not up to a factor either: orthogonal matrices times a constant have the same norm in each column.
        assert not np.allclose(one / np.linalg.norm(one), other / np.linalg.norm(other), atol=1e-3)


@every_cell_with_gates
def test_gates_lie_between_zero_and_one(float64, variant):
    """And are those of each example, step and unit."""
    cell, params, state, xs = example(variant)
    before = jax.tree.map(lambda s: jnp.broadcast_to(s, (T, *s.shape)), state)
    gates = jax.jit(cell.gates)
    of_all = [jax.device_get(gates(params, before, scale * xs)) for scale in (1, 1e4)]
    for name, gate in (item for found in of_all for item in found.items()):
        assert gate.shape == (T, B, H), name
        assert np.all((gate >= 0) & (gate <= 1)), name
    assert_close(gates(params, state, xs[2]), {name: gate[2] for name, gate in of_all[0].items()})


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("size", [0, -1, 2.0, "8", None, True])
def test_a_bad_size_is_refused_in_one_line(name, size):
    with pytest.raises(ValueError, match=rf"^hidden_size must be a whole number of at least 1, not {size!r}\.$"):
        rnnx.cells.get(name)(hidden_size=size)


@pytest.mark.parametrize(("name", "argument"), [(name, argument) for name in CELLS for argument in policies(name)])
def test_an_unknown_initializer_is_refused_with_the_nearest(name, argument):
    with pytest.raises(
        ValueError, match=r"^no initializer named 'ortogonal'; did you mean 'orthogonal'\? Known: .*\.$"
    ):
        rnnx.cells.get(name)(hidden_size=H, **{argument: "ortogonal"})


@pytest.mark.parametrize("name", CELLS)
def test_initializers_reach_their_kernels(name):
    """A policy may be a function, is given the kernel's rows and blocks, and decides on its own kernel alone."""

    def kernels(values):
        def constant(value):
            return lambda key, rows, columns, gates: jnp.full((rows, gates * columns), value)

        cell = rnnx.cells.get(name)(hidden_size=H, **{argument: constant(v) for argument, v in values.items()})
        params = cell.init(jax.random.key(0), I)
        return {argument: getattr(params, kernel) for argument, kernel in policies(name).items()}

    assert "input_initializer" in policies(name)
    ones = dict.fromkeys(policies(name), 1.0)
    plain = kernels(ones)
    for argument, kernel in plain.items():
        assert kernel.shape[0] == (I if argument == "input_initializer" else H)
        assert jnp.all(kernel == kernel[0, 0])
        assert kernel[0, 0] > 0
        twice = kernels(ones | {argument: 2.0})
        assert_close(twice, plain | {argument: 2 * kernel}, rtol=0, atol=0)  # a factor of two does not round


@pytest.mark.parametrize("name", CELLS)
def test_the_variant_is_stated(name):
    """The file says which variant it is and what the defaults are; every option is explained."""
    factory = rnnx.cells.get(name)
    module = inspect.getmodule(factory)
    assert "Variant" in module.__doc__
    assert "Defaults" in module.__doc__
    for argument in inspect.signature(factory).parameters:
        assert f"  {argument}: " in factory.__doc__, argument


@pytest.mark.parametrize("name", CELLS)
def test_sizes_of_a_small_integer_type_do_not_run_over(name):
    """Three gates of a hundred units are three hundred."""
    of_type, plain = (
        jax.eval_shape(lambda key, kind=kind: rnnx.cells.get(name)(kind(100)).init(key, kind(200)), jax.random.key(0))
        for kind in (np.uint8, int)
    )
    assert shapes(of_type) == shapes(plain)
