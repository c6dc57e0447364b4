"""Every engine gives what the Python loop gives: values, and gradients with respect to everything."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnx
from rnnx import engine
from tests.examples import ENGINES, B, H, I, T, assert_close, example, inner, like, over_time, run, weights

# Every engine on one cell: what they are tested on here does not depend on the cell.
_TAKEN = {kind: [variant for variant, taking in ENGINES if taking == kind] for kind in engine.names()}
for_every_engine = pytest.mark.parametrize(
    ("variant", "name"), [("lstm" if "lstm" in taken else taken[0], kind) for kind, taken in _TAKEN.items()]
)

# A length above T counts as T.
lengths_of_a_batch = st.lists(st.integers(0, T + 1), min_size=B, max_size=B)
resets_of_a_batch = st.lists(st.lists(st.booleans(), min_size=B, max_size=B), min_size=T, max_size=T)


@pytest.mark.parametrize(("variant", "name"), [pair for pair in ENGINES if pair[1] != "loop"])
@given(lengths=lengths_of_a_batch, resets=resets_of_a_batch, reverse=st.booleans(), seed=st.integers(0, 9))
def test_equals_the_loop(float64, variant, name, lengths, resets, reverse, seed):
    ex = example(variant, seed=seed)
    given = {
        "reverse": reverse,
        "lengths": jnp.array(lengths),
        "resets": jnp.array(resets),
        "perturbations": like(over_time(ex.state, T), seed),  # not zero, so that adding them is tested too
    }
    w = weights(ex, seed)
    assert_close(run(ex, w, kind=name, **given), run(ex, w, kind="loop", **given))


@for_every_engine
def test_what_is_left_out_changes_nothing(float64, variant, name):
    cell, params, state, xs = example(variant)
    state = jax.tree.map(jnp.zeros_like, state)
    all_given = {
        "state": state,
        "lengths": jnp.full(B, T),
        "resets": jnp.zeros((T, B), bool),
        "perturbations": jax.tree.map(lambda s: jnp.zeros((T, *s.shape), s.dtype), state),
    }

    def loss(params, arguments):
        trajectory = rnnx.unroll(cell, params, xs, engine=name, return_states=True, **arguments)
        return inner(w, (trajectory.outputs, trajectory.final_state)), trajectory

    w = like((jax.ShapeDtypeStruct((T, B, H), float), state), seed=10)
    plain = jax.jit(jax.grad(loss, has_aux=True))(params, {})
    full = jax.jit(jax.grad(loss, has_aux=True))(params, all_given)
    assert_close(full, plain)


@for_every_engine
@pytest.mark.parametrize("reverse", [False, True])
def test_no_steps_leave_the_state_alone(float64, variant, name, reverse):
    ex = example(variant, steps=0)
    w = weights(ex)
    masks = {"lengths": jnp.zeros(B, int), "resets": jnp.zeros((0, B), bool)}
    result = run(ex, w, kind=name, reverse=reverse, **masks)
    assert result.trajectory.outputs.shape == (0, B, H)
    assert_close(result.trajectory.final_state, ex.state, rtol=0, atol=0)  # nothing is computed
    assert_close(result.trajectory.states, jax.tree.map(lambda s: jnp.zeros((0, *s.shape), s.dtype), ex.state))
    assert_close(result.state, jax.tree.map(jnp.conj, w.final), rtol=0, atol=0)  # JAX's convention, where complex
    assert_close(result.params, jax.tree.map(jnp.zeros_like, ex.params), rtol=0, atol=0)
    assert result.xs.shape == (0, B, I)


@for_every_engine
@pytest.mark.parametrize("reverse", [False, True])
def test_one_step_is_step_then_read(float64, variant, name, reverse):
    cell, params, state, xs = example(variant, steps=1)
    trajectory = rnnx.unroll(cell, params, xs, state, engine=name, reverse=reverse, return_states=True)
    after = cell.step(params, state, xs[0])
    assert_close(trajectory.final_state, after)
    assert_close(trajectory.outputs, cell.read(params, after, xs[0])[None])
    assert_close(trajectory.states, jax.tree.map(lambda s: s[None], after))


@for_every_engine
@pytest.mark.parametrize("batch_shape", [(), (2, 2)], ids=["no batch axis", "two batch axes"])
def test_any_batch_axes(float64, variant, name, batch_shape):
    """What an engine gives for [T, B, I] it gives for [T, I] and for [T, 2, 2, I]."""
    size = int(np.prod(batch_shape))

    def reshaped(tree, before):
        """The first `size` examples, in the wanted shape, behind `before` axes."""

        def one(leaf):
            leaf = leaf[(slice(None),) * before + (slice(size),)]
            return leaf.reshape(*leaf.shape[:before], *batch_shape, *leaf.shape[before + 1 :])

        return jax.tree.map(one, tree)

    ex, lengths = example(variant), jnp.array([3, 5, 0, 1])
    resets = jnp.zeros((T, B), bool).at[1, 0].set(True)
    w = weights(ex)
    w = w._replace(outputs=w.outputs.at[:, size:].set(0), final=jax.tree.map(lambda s: s.at[size:].set(0), w.final))
    wanted = run(ex, w, kind=name, lengths=lengths, resets=resets)

    found = run(
        ex._replace(state=reshaped(ex.state, 0), xs=reshaped(ex.xs, 1)),
        w._replace(outputs=reshaped(w.outputs, 1), final=reshaped(w.final, 0)),
        kind=name,
        lengths=reshaped(lengths, 0),
        resets=reshaped(resets, 1),
    )
    assert_close(found.params, wanted.params)
    assert_close(found.state, reshaped(wanted.state, 0))
    over_steps = lambda r: (r.trajectory.outputs, r.trajectory.states, r.xs, r.perturbations)  # noqa: E731
    assert_close(over_steps(found), reshaped(over_steps(wanted), 1))
    assert_close(found.trajectory.final_state, reshaped(wanted.trajectory.final_state, 0))


def test_an_unknown_engine_is_named_with_the_nearest():
    cell, params, _, xs = example("rnn")
    with pytest.raises(ValueError, match=r"no engine named 'scna'; did you mean 'scan'\? Known: .*loop.*\.$"):
        rnnx.unroll(cell, params, xs, engine="scna")


def test_an_engine_for_another_form_is_refused_with_those_that_run_the_cell():
    cell, params, _, xs = example("lstm")
    message = (
        r"^engine 'associative' is for cells of form Diagonal, and this cell has the form Dense; it runs on .*'scan'"
    )
    with pytest.raises(ValueError, match=message):
        rnnx.unroll(cell, params, xs, engine="associative")
    with pytest.raises(ValueError, match=r"and this cell has no form; it runs on 'loop'"):
        rnnx.unroll(cell._replace(form=None), params, xs, engine="associative")
