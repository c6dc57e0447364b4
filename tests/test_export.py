"""`jax.export` of programs whose batch size and number of steps are open."""

import jax
import jax.numpy as jnp
import pytest

import rnnx
from tests.variants import I, assert_close, example, like


def exported(variant, shape, sizes, **options):
    """What the exported gradient gives for inputs of these sizes, and what `scan` gives there."""
    ex = example(variant)

    def flow(params, xs, lengths, options):
        def loss(params, xs):
            outputs = rnnx.unroll(ex.cell, params, xs, lengths=lengths, **options).outputs
            return jnp.sum(jnp.square(outputs)), outputs

        return jax.grad(loss, argnums=(0, 1), has_aux=True)(params, xs)

    T, B = jax.export.symbolic_shape(shape)
    kinds = jax.tree.map(lambda p: jax.ShapeDtypeStruct(p.shape, p.dtype), ex.params)
    xs, lengths = jax.ShapeDtypeStruct((T, B, I), float), jax.ShapeDtypeStruct((B,), int)
    program = jax.export.export(jax.jit(lambda *given: flow(*given, options)))(kinds, xs, lengths)
    for steps, rows in sizes:
        given = ex.params, like(jax.ShapeDtypeStruct((steps, rows, I), float), 1), jnp.arange(rows) + steps - 1
        yield program.call(*given), jax.jit(lambda *given: flow(*given, options | {"engine": "scan"}))(*given)


@pytest.mark.parametrize(
    ("variant", "shape", "options"),
    [
        ("lstm", "T, B", {}),
        pytest.param("zoneout", "T, B", {"remat": "sqrt"}, marks=pytest.mark.slow),
        pytest.param("lru", "T, B", {}, marks=pytest.mark.slow),
        pytest.param("gru", "3*n, B", {"remat": 2, "truncate": 3, "reverse": True}, marks=pytest.mark.slow),
        pytest.param("bidirectional", "T, B", {"remat": "full"}, marks=pytest.mark.slow),
        pytest.param("gru_reset_before", "T, B", {"remat": 2}, marks=pytest.mark.slow),
        pytest.param("rnn_identity", "T, B", {"engine": "fused"}, marks=pytest.mark.slow),
        pytest.param("stack", "T, B", {}, marks=pytest.mark.slow),
        pytest.param("dropout", "T, B", {}, marks=pytest.mark.slow),
        pytest.param("lru", "5, B", {"engine": "associative"}, marks=pytest.mark.slow),
    ],
)
def test_open_sizes_give_what_known_ones_give(float64, variant, shape, options):
    sizes = [(6, 4), (3, 1)] if shape != "5, B" else [(5, 4), (5, 1)]
    for found, wanted in exported(variant, shape, sizes, **options):
        assert_close(found, wanted)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"engine": "associative"}, "'associative' must know the number of steps, which here is T"),
        ({"engine": "loop"}, "'loop' must know the number of steps, which here is T"),
        ({"engine": "newton"}, "'newton' must know the number of steps, which here is T"),
        ({"truncate": 3}, "truncate=3 must divide the number of steps if that is symbolic, as in 3.n; it is T."),
    ],
)
def test_what_must_know_a_size_says_so(float64, options, said):
    with pytest.raises(ValueError, match=said):
        next(exported("lru", "T, B", [], **options))


def test_newton_cannot_be_exported_with_open_sizes(float64):
    with pytest.raises(ValueError, match="'newton' can't be exported with open sizes"):
        next(exported("lru", "5, B", [], engine="newton"))
