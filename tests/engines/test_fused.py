"""What the fused engine promises beyond the laws of every engine, and the memory that rematerialisation saves."""

import functools
import importlib
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from tests.variants import B, H, I, assert_close, example, inner, like, over_time, run, slow_unless, weights

# A prime: whole chunks and a rest.
LONG = 131


@pytest.fixture
def chunks(monkeypatch):
    """Chunks of 256 / B = 64 steps, which sizes as small as a test's would not be cut into."""
    fused = importlib.import_module("rnnx.engines.fused")
    monkeypatch.setattr(fused, "_SMALL", 0)
    monkeypatch.setattr(fused, "_IN_CACHE", 0)


def masks(steps):
    rng = np.random.default_rng(0)
    return {
        "lengths": jnp.array([steps, steps - 2, 1, steps // 2]),
        "resets": jnp.asarray(rng.random((steps, B)) < 0.05),
    }


# What is kept is gx + gh for one cell, both for the other.
@pytest.mark.parametrize(
    ("variant", "steps", "reverse"),
    slow_unless(
        lambda *case: case == ("lstm", LONG, True),
        itertools.product(("lstm", "gru"), (LONG, 256), (False, True)),
    ),
)
def test_chunks_of_steps_equal_the_scan(float64, chunks, variant, steps, reverse):
    ex = example(variant, steps=steps)
    w = weights(ex)
    given = {"reverse": reverse, "perturbations": like(over_time(ex.state, steps), 3), **masks(steps)}
    # Gradients of parameters sum some 1e3 terms of order 1, rounded at 1.1e-16 each.
    assert_close(run(ex, w, kind="fused", **given), run(ex, w, kind="scan", **given), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize(
    ("variant", "reverse"),
    slow_unless(
        lambda variant, reverse: (variant, reverse) == ("lstm", False),
        itertools.product(("lstm", "gru"), (False, True)),
    ),
)
def test_a_wide_batch_without_gradient_equals_the_scan(float64, chunks, variant, reverse):
    """There each step projects its own input: 128 rows are enough for a product."""
    rows = 128
    ex = example(variant, steps=9)
    xs, state = (jax.tree.map(lambda a, n=n: jnp.repeat(a, rows // B, n), v) for v, n in ((ex.xs, 1), (ex.state, 0)))
    lengths = jnp.arange(rows) % 10
    resets = jnp.asarray(np.random.default_rng(0).random((9, rows)) < 0.2)

    def states(engine):
        return rnnx.unroll(
            ex.cell, ex.params, xs, state, lengths=lengths, resets=resets, reverse=reverse, engine=engine
        )

    program = str(jax.make_jaxpr(lambda: states("fused"))())
    assert "length=9" in program  # one loop over all steps, not one over chunks of two
    assert_close(*jax.jit(lambda: (states("fused"), states("scan")))())


@functools.cache
def flow(cell, engine, remat, reverse=False):
    def loss(params, xs, state, perturbations, w, masks):
        trajectory = rnnx.unroll(
            cell, params, xs, state, engine=engine, remat=remat, reverse=reverse, perturbations=perturbations, **masks
        )
        return inner(w.outputs, trajectory.outputs) + inner(w.final, trajectory.final_state)

    return jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2, 3)))


@pytest.mark.parametrize(
    ("engine", "remat", "reverse"),
    slow_unless(
        lambda *case: case == ("fused", 4, True),
        itertools.product(("scan", "fused"), ("full", "sqrt", 4, 200), (False, True)),
    ),
)
def test_rematerialization_changes_nothing(float64, engine, remat, reverse):
    ex = example("gru", steps=11)  # no multiple of what any segment has
    w = weights(ex)
    arguments = (ex.params, ex.xs, ex.state, like(over_time(ex.state, 11), 3), w, masks(11))
    assert_close(flow(ex.cell, engine, remat, reverse)(*arguments), flow(ex.cell, "scan", None, reverse)(*arguments))


@pytest.mark.parametrize("remat", slow_unless(lambda remat: remat == 4, ["full", "sqrt", 4]))
def test_forward_mode_under_rematerialization(float64, remat):
    ex = example("gru", steps=11)
    v = like((ex.params, ex.xs), 4)

    def tangents(remat):
        def outputs(params, xs):
            return rnnx.unroll(ex.cell, params, xs, ex.state, engine="scan", remat=remat).outputs

        return jax.jvp(outputs, (ex.params, ex.xs), v)

    assert_close(jax.jit(tangents, static_argnums=0)(remat), jax.jit(tangents, static_argnums=0)(None))


def temporary_bytes(engine, remat, steps, B=16, H=32):
    """What the gradient of a loss on the last state needs beside its arguments and results."""
    cell = rnnx.lstm(H)
    params = jax.eval_shape(lambda: cell.init(jax.random.key(0), H))
    xs = jax.ShapeDtypeStruct((steps, B, H), jnp.float32)

    def loss(params, xs):
        return jnp.sum(rnnx.unroll(cell, params, xs, engine=engine, remat=remat).final_state.h)

    compiled = jax.jit(jax.grad(loss)).lower(params, xs).compile()
    return compiled.memory_analysis().temp_size_in_bytes


@pytest.mark.parametrize("engine", slow_unless(lambda engine: engine == "fused", ["scan", "fused"]))
def test_memory_of_each_policy(engine):
    T = 16 * 1024
    kept, full, sqrt = (temporary_bytes(engine, remat, T) for remat in (None, "full", "sqrt"))
    assert full <= kept / 2
    assert sqrt <= full / 4
    # √T: a sixteenth of the steps takes a quarter of the memory, but for what does not depend on T at all.
    assert sqrt <= 4.5 * temporary_bytes(engine, "sqrt", T // 16)


def loops(jaxpr, depth=0):
    """Every scan in a program with its depth, inner ones included."""
    for equation in jaxpr.eqns:
        inside = [p.jaxpr if hasattr(p, "jaxpr") else p for p in jax.tree.leaves(list(equation.params.values()))]
        deeper = depth + (equation.primitive.name == "scan")
        if equation.primitive.name == "scan":
            yield depth, equation.params["jaxpr"].jaxpr
        for part in inside:
            if hasattr(part, "eqns"):
                yield from loops(part, deeper)


@pytest.mark.parametrize("variant", slow_unless(lambda variant: variant != "rnn", ["rnn", "lstm", "gru"]))
def test_a_step_holds_one_product(chunks, variant):
    """Forwards and backwards: all others are done for a chunk of steps at once."""
    ex = example(variant, steps=256)

    def loss(params, xs):
        return jnp.sum(rnnx.unroll(ex.cell, params, xs, engine="fused").outputs ** 2)

    program = jax.make_jaxpr(jax.grad(loss, argnums=(0, 1)))(ex.params, ex.xs).jaxpr
    steps = [body for depth, body in loops(program) if depth == 1]
    assert len(steps) == 2
    for body in steps:
        assert str(body).count("dot_general") == 1


def test_what_no_one_asks_for_is_not_computed(chunks):
    """Without perturbations the backward loop gives out no gradient of states."""
    ex = example("lstm", steps=256)

    def loss(perturbations):
        return jnp.sum(rnnx.unroll(ex.cell, ex.params, ex.xs, engine="fused", perturbations=perturbations).outputs)

    def outputs_of_steps(perturbations):
        def of_params(params):
            return jnp.sum(
                rnnx.unroll(ex.cell, params, ex.xs, engine="fused", perturbations=perturbations).outputs ** 2
            )

        program = jax.make_jaxpr(jax.grad(of_params))(ex.params).jaxpr
        return [len(body.outvars) for depth, body in loops(program) if depth == 1][-1]

    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape), over_time(ex.state, 256))
    assert outputs_of_steps(zeros) == outputs_of_steps(None) + len(jax.tree.leaves(ex.state))


def test_recurrent_gradients_in_bfloat16_keep_what_is_small():
    """Summed over time in float32, where a scan adds to a sum in bfloat16 at every step and loses what is small."""
    T, B, H = 1024, 8, 16
    cell = rnnx.lstm(H)
    params = jax.tree.map(lambda p: p.astype(jnp.bfloat16), cell.init(jax.random.key(0), H))
    xs = jax.random.normal(jax.random.key(1), (T, B, H), jnp.bfloat16)

    def gradient(params, xs, engine):
        def loss(params):
            return jnp.sum(rnnx.unroll(cell, params, xs, engine=engine).outputs)

        return jax.jit(jax.grad(loss))(params).recurrent_kernel

    exact = gradient(jax.tree.map(lambda p: p.astype(jnp.float32), params), xs.astype(jnp.float32), "scan")

    def error(engine):
        found = gradient(params, xs, engine)
        assert found.dtype == jnp.bfloat16
        return jnp.linalg.norm(found.astype(jnp.float32) - exact) / jnp.linalg.norm(exact)

    # One rounding to bfloat16 is off by up to 2⁻⁹ = 0.002; the sum of a thousand of them was off by 0.18 when written.
    assert error("fused") < 0.01
    assert error("scan") > 0.05


@pytest.mark.slow  # others in test_closure.py
def test_a_cell_may_close_over_what_is_traced(float64):
    """Dropout's masks are made inside jit, and under vmap over keys and grad in either order."""
    inner_cell = rnnx.lstm(H)
    params = inner_cell.init(jax.random.key(0), I)
    xs = like(jax.ShapeDtypeStruct((5, B, I), float), 1)
    keys = jax.random.split(jax.random.key(1), 3)

    def loss(params, key, engine):
        cell = rnnx.dropout(inner_cell, key, input_rate=0.3, recurrent_rate=0.3)
        return jnp.sum(rnnx.unroll(cell, params, xs, engine=engine).outputs ** 2)

    def both_ways(engine):
        one = functools.partial(loss, engine=engine)
        each = jax.vmap(jax.grad(one), in_axes=(None, 0))(params, keys)
        mean = jax.grad(lambda p: jnp.mean(jax.vmap(one, in_axes=(None, 0))(p, keys)))(params)
        return each, mean

    assert_close(jax.jit(both_ways, static_argnums=0)("fused"), jax.jit(both_ways, static_argnums=0)("scan"))


@pytest.mark.parametrize("variant", slow_unless(lambda variant: variant == "gru", ("lstm", "gru")))
def test_second_derivatives(float64, variant):
    """Hessian times vector through the custom backward pass, by reverse over reverse and by forward over reverse."""
    ex = example(variant, steps=3)
    w, v = weights(ex), like((ex.params, ex.xs), seed=5)

    def products(engine):
        def loss(primals):
            params, xs = primals
            return inner(w.outputs, rnnx.unroll(ex.cell, params, xs, ex.state, engine=engine).outputs ** 2)

        at = (ex.params, ex.xs)
        return jax.grad(lambda at: inner(jax.grad(loss)(at), v))(at), jax.jvp(jax.grad(loss), (at,), (v,))[1]

    reverse, forward = jax.jit(products, static_argnums=0)("fused")
    assert_close(reverse, forward)
    assert_close(reverse, jax.jit(products, static_argnums=0)("scan")[0])


def test_forward_mode_is_refused_and_the_scan_does_it():
    ex = example("lstm")

    def outputs(xs, engine):
        return rnnx.unroll(ex.cell, ex.params, xs, engine=engine).outputs

    with pytest.raises(TypeError, match="custom_vjp"):
        jax.jvp(lambda xs: outputs(xs, "auto"), (ex.xs,), (ex.xs,))
    jax.jvp(lambda xs: outputs(xs, "scan"), (ex.xs,), (ex.xs,))


def test_a_cell_without_the_form_is_refused_in_one_line():
    ex = example("gru_reset_before")
    with pytest.raises(ValueError, match=r"^engine 'fused' is for cells of form Dense, and this cell has no form; "):
        rnnx.unroll(ex.cell, ex.params, ex.xs, engine="fused")
    with pytest.raises(ValueError, match=r"^engine 'loop' does not rematerialise, so remat must be None; .* 'scan'\.$"):
        rnnx.unroll(ex.cell, ex.params, ex.xs, engine="loop", remat="full")
    with pytest.raises(ValueError, match=r"^remat must be None, 'full', 'sqrt' or a whole number of steps, not 'half'"):
        rnnx.unroll(ex.cell, ex.params, ex.xs, remat="half")
    with pytest.raises(ValueError, match=r"^remat must be a whole number of at least 1, not 0\.$"):
        rnnx.unroll(ex.cell, ex.params, ex.xs, remat=0)
