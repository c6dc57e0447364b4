"""Every engine gives what the Python loop gives: values, and gradients with respect to everything."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnx
from rnnx import engines
from rnnx.types import Cell, Dense, Diagonal
from tests.variants import (
    ENGINES,
    VARIANTS,
    B,
    H,
    I,
    T,
    assert_close,
    example,
    inner,
    like,
    over_time,
    run,
    slow_unless,
    weights,
)

# Every engine on one cell: what they are tested on here does not depend on the cell.
_TAKEN = {kind: [variant for variant, taking in ENGINES if taking == kind] for kind in engines.names()}
CASES = [("lstm" if "lstm" in taken else taken[0], kind) for kind, taken in _TAKEN.items()]
for_every_engine = pytest.mark.parametrize(("variant", "name"), CASES)


def backwards(variant):
    """Half of the cells, in the fast suite: one way each, which compiles each engine once for all laws of a cell."""
    return list(VARIANTS).index(variant) % 2 == 1


every_engine_and_both_ways_once = pytest.mark.parametrize(
    ("variant", "name", "reverse"),
    slow_unless(
        lambda variant, name, reverse: reverse == backwards(variant),
        [(*case, reverse) for case in CASES for reverse in (False, True)],
    ),
)
ALL_STEPS = jnp.ones((T, B), bool)  # a mask that masks nothing, so that the program is that of the others

# A length above T counts as T.
lengths_of_a_batch = st.lists(st.integers(0, T + 1), min_size=B, max_size=B)
masks_of_a_batch = st.lists(st.lists(st.booleans(), min_size=B, max_size=B), min_size=T, max_size=T)
resets_of_a_batch = st.lists(st.lists(st.booleans(), min_size=B, max_size=B), min_size=T, max_size=T)


BY_THE_LOOP = [pair for pair in ENGINES if pair[1] != "loop"]
# A state of two parts, and complex numbers: on these the engines that make something of it.
IN_ALL = {"lstm": ("scan", "fused", "newton"), "lru": ("associative",)}
# What else there is goes by the first engine that takes it: both directions, what is drawn, combinators.
OF_ANOTHER_MAKE = ("bidirectional", "dropout", "zoneout_expected_learned_initial_state_layer_norm")
FIRST = dict(reversed(BY_THE_LOOP))


def is_kept(variant, name, reverse):
    """The rest is slow: cells that differ in their equations alone, which are compared with the reference by the engine
    that is theirs, and whose form is compared with their step in tests/cells/test_cells.py."""
    of_cell = name in IN_ALL.get(variant, ()) or (variant in OF_ANOTHER_MAKE and name == FIRST[variant])
    return of_cell and reverse == backwards(variant)


@pytest.mark.parametrize(
    ("variant", "name", "reverse"),
    slow_unless(is_kept, [(*pair, reverse) for pair in BY_THE_LOOP for reverse in (False, True)]),
)
@given(lengths=lengths_of_a_batch, mask=masks_of_a_batch, resets=resets_of_a_batch, seed=st.integers(0, 2))
def test_equals_the_loop(float64, variant, name, reverse, lengths, mask, resets, seed):
    ex = example(variant, seed=seed)
    given = {
        "reverse": reverse,
        "lengths": jnp.array(lengths),
        "mask": jnp.array(mask),
        "resets": jnp.array(resets),
        "perturbations": like(over_time(ex.state, T), seed),  # not zero, so that adding them is tested too
    }
    w = weights(ex, seed)
    assert_close(run(ex, w, kind=name, **given), run(ex, w, kind="loop", **given))


@pytest.mark.parametrize(
    ("variant", "name"), slow_unless(lambda variant, name: name in ("fused", "associative"), CASES)
)
def test_what_is_left_out_changes_nothing(float64, variant, name):
    cell, params, state, xs = example(variant)
    state = jax.tree.map(jnp.zeros_like, state)
    reverse = backwards(variant)
    ex = example(variant)._replace(state=state)
    w = weights(ex)
    masks = {"lengths": jnp.full(B, T), "mask": ALL_STEPS, "resets": jnp.zeros((T, B), bool)}
    full = run(ex, w, kind=name, reverse=reverse, **masks)  # and perturbations of zero

    def loss(params):
        trajectory = rnnx.unroll(cell, params, xs, engine=name, reverse=reverse, return_states=True)
        return inner(w.outputs, trajectory.outputs) + inner(w.final, trajectory.final_state), trajectory

    plain = jax.jit(jax.grad(loss, has_aux=True))(params)
    assert_close((full.params, full.trajectory), plain)


@every_engine_and_both_ways_once
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
@pytest.mark.parametrize("steps", [0, 3])
def test_an_empty_batch_is_no_crash(float64, variant, name, steps):
    """Under jit, where XLA's compiler meets it, with its gradient."""
    ex = example(variant, steps=steps, batch_shape=(0,))
    result = run(ex, weights(ex), kind=name, lengths=jnp.zeros(0, int))
    assert result.trajectory.outputs.shape == (steps, 0, H)
    assert_close(result.trajectory.final_state, ex.state, rtol=0, atol=0)  # the same nothing
    assert_close(result.params, jax.tree.map(jnp.zeros_like, ex.params), rtol=0, atol=0)


# Three of five steps are left of each example; a step that is masked holds NaN, and a reset that is not made.
MASK = np.array([[1, 0, 1, 0], [1, 1, 0, 0], [0, 1, 1, 1], [1, 0, 0, 1], [0, 1, 1, 1]], bool)
RESETS = np.array([[0, 1, 0, 1], [0, 0, 0, 1], [1, 0, 0, 0], [1, 0, 1, 1], [0, 1, 0, 0]], bool)


def without_masked_steps(a):
    """The rows `[T, B, …]` of each example that its mask leaves."""
    return np.stack([np.asarray(a)[MASK[:, b], b] for b in range(B)], axis=1)


@every_engine_and_both_ways_once
def test_a_masked_step_might_as_well_not_be_there(float64, variant, name, reverse):
    """Values and all gradients are those of the sequences without it."""
    ex = example(variant)
    ex = ex._replace(xs=jnp.where(MASK[..., None], ex.xs, jnp.nan))
    w = weights(ex)
    given = {"kind": name, "reverse": reverse}
    found = jax.device_get(run(ex, w, mask=jnp.array(MASK), lengths=jnp.full(B, T), resets=jnp.array(RESETS), **given))

    def left(a):
        """And two steps of padding, so that the program is the same one."""
        rows = without_masked_steps(a)
        return np.concatenate([rows, np.zeros_like(rows[:2])])

    left_out = ex._replace(xs=left(ex.xs)), w._replace(outputs=left(w.outputs))
    wanted = jax.device_get(run(*left_out, resets=left(RESETS), mask=ALL_STEPS, lengths=jnp.full(B, 3), **given))

    at_once = lambda r: (r.trajectory.final_state, r.params, r.state)  # noqa: E731
    assert_close(at_once(found), at_once(wanted))
    over_steps = lambda r: (r.trajectory.outputs, r.trajectory.states, r.xs, r.perturbations)  # noqa: E731
    assert_close(
        jax.tree.map(without_masked_steps, over_steps(found)), jax.tree.map(lambda a: a[:3], over_steps(wanted))
    )
    for value in (found.trajectory.outputs, found.xs, *jax.tree.leaves(found.perturbations)):
        assert (value[~MASK] == 0).all()
    for s in jax.tree.leaves(found.trajectory.states):
        before, after = (s[1:], s[:-1]) if reverse else (s[:-1], s[1:])
        stays = ~MASK[:-1] if reverse else ~MASK[1:]  # as it was after the step before
        np.testing.assert_array_equal(after[stays], before[stays])


@every_engine_and_both_ways_once
def test_one_step_is_step_then_read(float64, variant, name, reverse):
    cell, params, state, xs = example(variant, steps=1)

    @jax.jit
    def both_ways(params, state, xs):
        trajectory = rnnx.unroll(cell, params, xs, state, engine=name, reverse=reverse, return_states=True)
        after = cell.step(params, state, xs[0])
        return trajectory, after, cell.read(params, after, xs[0])[None]

    trajectory, after, y = both_ways(params, state, xs)
    assert_close(trajectory.final_state, after)
    assert_close(trajectory.outputs, y)
    assert_close(trajectory.states, jax.tree.map(lambda s: s[None], after))


@pytest.mark.parametrize(
    ("variant", "name", "batch_shape"),
    slow_unless(
        lambda variant, name, batch_shape: (name, batch_shape) in (("associative", ()), ("fused", (2, 2))),
        [(*case, batch_shape) for case in CASES for batch_shape in ((), (2, 2))],
    ),
)
def test_any_batch_axes(float64, variant, name, batch_shape):
    """What an engine gives for [T, B, I] it gives for [T, I] and for [T, 2, 2, I]."""
    size = int(np.prod(batch_shape))

    def reshaped(tree, before):
        """The first `size` examples, in the wanted shape, behind `before` axes."""

        def one(leaf):
            leaf = np.asarray(leaf)[(slice(None),) * before + (slice(size),)]
            return leaf.reshape((*leaf.shape[:before], *batch_shape, *leaf.shape[before + 1 :]))

        return jax.tree.map(one, tree)

    ex, lengths = example(variant), jnp.array([3, 5, 0, 1])
    resets = jnp.zeros((T, B), bool).at[1, 0].set(True)
    w = weights(ex)
    w = w._replace(outputs=w.outputs.at[:, size:].set(0), final=jax.tree.map(lambda s: s.at[size:].set(0), w.final))
    given = {"kind": name, "reverse": backwards(variant)}
    wanted = run(ex, w, lengths=lengths, mask=ALL_STEPS, resets=resets, **given)

    found = run(
        ex._replace(state=reshaped(ex.state, 0), xs=reshaped(ex.xs, 1)),
        w._replace(outputs=reshaped(w.outputs, 1), final=reshaped(w.final, 0)),
        lengths=reshaped(lengths, 0),
        mask=reshaped(ALL_STEPS, 1),
        resets=reshaped(resets, 1),
        **given,
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


class Nothing(NamedTuple):
    """The state of a cell that remembers nothing."""


def stateless(form):
    return Cell(
        init=lambda key, input_size: jnp.ones((input_size, H)),
        initial_state=lambda params, batch_shape: Nothing(),
        step=lambda params, state, x: state,
        read=lambda params, state, x: jnp.tanh(x @ params),
        output_size=H,
        form=form,
    )


STATELESS = {
    "loop": None,
    "scan": None,
    "newton": None,
    "associative": Diagonal(lambda params, xs: (Nothing(), Nothing())),
    "fused": Dense(
        project=lambda params, xs: xs[..., :0],
        recurrent=lambda params: jnp.zeros((0, 0)),
        hidden=lambda params, state: jnp.zeros((B, 0)),
        pointwise=lambda params, state, gx, gh: state,
    ),
}


@pytest.mark.parametrize("name", engines.names())
def test_a_cell_without_state_runs(float64, name):
    cell = stateless(STATELESS[name])
    params, xs = like((jnp.ones((I, H)), jnp.ones((T, B, I))), seed=0)
    masks = {"lengths": [5, 3, 0, 1], "resets": RESETS, "truncate": 2, "reverse": True}

    def loss(params):
        plain, masked = (rnnx.unroll(cell, params, xs, engine=name, **options).outputs for options in ({}, masks))
        return jnp.sum(plain), (plain, masked)

    gradient, (plain, masked) = jax.jit(jax.grad(loss, has_aux=True))(params)
    assert_close(plain, jnp.tanh(xs @ params))
    assert_close(masked, jnp.where((jnp.arange(T)[:, None] < jnp.array([5, 3, 0, 1]))[..., None], plain, 0))
    assert_close(gradient, jax.grad(lambda params: jnp.sum(jnp.tanh(xs @ params)))(params))
    for form in {None, STATELESS[name]}:  # `scan` runs all forms
        assert_close(rnnx.unroll(stateless(form), params, xs, engine="scan").outputs, plain)


@for_every_engine
@pytest.mark.parametrize(("of_xs", "of_params"), [(jnp.float64, jnp.float32), (jnp.float32, jnp.bfloat16)])
def test_inputs_wider_than_the_parameters_are_refused_in_one_line(float64, variant, name, of_xs, of_params):
    ex = example("minlstm" if name == "associative" else variant)
    params = jax.tree.map(lambda p: p.astype(of_params), ex.params)
    wide, narrow = of_xs.dtype.name, of_params.dtype.name
    message = (
        rf"^a step on x_t {wide}\[4, 2\] makes {wide} of the state's h, which is {narrow}: "
        rf"give inputs no wider than the parameters, such as xs\.astype\({narrow}\)\.$"
    )
    with jax.numpy_dtype_promotion("standard"), pytest.raises(ValueError, match=message):
        rnnx.unroll(ex.cell, params, ex.xs.astype(of_xs), engine=name)
