"""Several parts in one backward pass: what is handed from one to the other, and in which order it is told."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from tests.variants import assert_close, slow_unless

T, B, I, H = 5, 3, 2, 4
CELL = rnnx.lstm(H)


@pytest.fixture
def given(float64):
    return drawn()


@functools.cache  # in one program, which would be some dozens
def drawn():
    @jax.jit
    def draw():
        params = {name: CELL.init(jax.random.key(n), I) for n, name in enumerate(("encoder", "decoder"))}
        xs, ys = jax.random.normal(jax.random.key(2), (2, T, B, I))
        return jax.tree.map(lambda a: a.astype(float), (params, xs, ys))

    return draw()


def handed_over(xs, ys):
    def loss(params, run):
        encoded = run("encoder", CELL, params["encoder"], xs, lengths=jnp.array([5, 2, 4]))
        decoded = run("decoder", CELL, params["decoder"], ys, encoded.final_state)
        return jnp.sum(decoded.outputs[-1] ** 2) + 0.1 * jnp.sum(encoded.outputs**2)

    return loss


def test_a_state_that_is_handed_over_has_a_gradient_of_its_own(given):
    """∂L/∂s of the encoder's last state in all, and by the hand-over alone, against finite differences."""
    params, xs, ys = given
    loss = handed_over(xs, ys)
    value, gradients, flows = jax.jit(lambda params: rnnx.gradient_flows(loss, params))(params)
    plainly = jax.jit(lambda params: jax.value_and_grad(loss)(params, rnnx.plain_run))(params)
    assert_close((value, gradients), plainly)
    for name, flow in flows.items():
        assert_close(flow.param_gradients, gradients[name])
    assert (flows["encoder"].state_given, flows["decoder"].state_given) == (False, True)
    assert_close(jax.tree.map(lambda s: s[0], flows["decoder"].states), final(flows["encoder"]))

    @jax.jit
    def moved(e):
        def run(name, cell, params, xs, state=None, **options):
            if name == "decoder":
                state = state._replace(c=state.c.at[1, 2].add(e))
            return rnnx.plain_run(name, cell, params, xs, state, **options)

        return loss(params, run)

    slope = (moved(1e-5) - moved(-1e-5)) / 2e-5
    # A difference over 2e-5: 1e-10 of curvature, 1e-11 of rounding.
    np.testing.assert_allclose(flows["encoder"].final_state_gradients.c[1, 2], slope, rtol=0, atol=1e-9)
    assert not any(leaf.any() for leaf in jax.tree.leaves(flows["decoder"].final_state_gradients))


def final(flow):
    return jax.tree.map(lambda s: s[flow.last + 1, jnp.arange(B)], flow.states)


def test_a_part_in_reverse_is_told_in_the_order_in_which_it_ran(given):
    """As if its inputs had been turned round, each example at its own length."""
    params, xs, _ = given
    lengths = jnp.array([5, 2, 4])
    t = jnp.arange(T)[:, None]
    turned = jnp.where(t < lengths, lengths - 1 - t, t)
    flipped = jnp.take_along_axis(xs, turned[..., None], axis=0)
    weights = jax.random.normal(jax.random.key(3), (T, B, H))
    turned_weights = jnp.take_along_axis(weights, turned[..., None], axis=0)

    def flow(xs, weights, reverse):
        def loss(params, run):
            return jnp.sum(run("cell", CELL, params, xs, lengths=lengths, reverse=reverse).outputs * weights)

        return rnnx.gradient_flows(loss, params["encoder"])[2]["cell"]

    backwards, forwards = jax.jit(lambda: (flow(xs, weights, True), flow(flipped, turned_weights, False)))()
    assert backwards.position[:, 1].tolist() == [1, 0, 2, 3, 4]
    there = backwards.lag >= 0
    for field in ("inputs", "input_gradients", "output_gradients"):
        of_both = (jnp.where(there[..., None], getattr(f, field), 0) for f in (backwards, forwards))
        assert_close(*of_both)
    for field in ("state_gradients", "param_gradients", "lag", "log10_state_norm"):
        assert_close(getattr(backwards, field), getattr(forwards, field))
    assert_close(
        jax.tree.map(lambda s: jnp.where((there)[..., None], s, 0), backwards.after),
        jax.tree.map(lambda s: jnp.where((there)[..., None], s, 0), forwards.after),
    )


def test_a_name_is_used_once(given):
    params, xs, _ = given

    def loss(params, run):
        run("cell", CELL, params, xs)
        return run("cell", CELL, params, xs).outputs.sum()

    with pytest.raises(
        ValueError, match=r"^the part 'cell' has run already; each call of run needs a name of its own\."
    ):
        rnnx.gradient_flows(loss, params["encoder"])


def test_parameters_of_two_parts_have_the_gradient_of_both(given):
    """The sum over parts of what each says of its parameters, where they are the same ones, is that of the model."""
    params, xs, ys = given

    def loss(params, run):
        first = run("first", CELL, params, xs, reverse=True)
        second = run("second", CELL, params, ys, first.final_state, lengths=jnp.array([5, 2, 4]))
        return jnp.sum(second.outputs**2) + jnp.sum(first.outputs[0])

    _, gradients, flows = jax.jit(lambda params: rnnx.gradient_flows(loss, params))(params["encoder"])
    assert_close(jax.tree.map(jnp.add, *(flow.param_gradients for flow in flows.values())), gradients)
    assert_close(gradients, jax.jit(jax.grad(loss), static_argnums=1)(params["encoder"], rnnx.plain_run))


def test_what_else_a_loss_gives_is_handed_on(given):
    params, xs, _ = given

    def loss(params, run):
        outputs = run("cell", CELL, params, xs).outputs
        return outputs.sum(), outputs

    of_loss = jax.jit(lambda params: rnnx.gradient_flows(loss, params, has_aux=True))
    (value, outputs), _, _ = of_loss(params["encoder"])
    assert_close(value, outputs.sum())


def test_gradient_flow_is_that_of_one_part_and_goes_through_jit_as_it_is(given):
    params, xs, _ = given
    flow = jax.jit(lambda p: rnnx.gradient_flow(CELL, p, xs, lambda ys: ys[-1].sum()))(params["encoder"])
    assert flow.cell is CELL
    assert flow.last.tolist() == [T - 1] * B
    assert_close(flow.outputs, rnnx.unroll(CELL, params["encoder"], xs).outputs)
    assert {field.name for field in dataclasses.fields(flow)} > {
        "loss",
        "states",
        "state_gradients",
        "log10_state_norm",
    }
    assert rnnx.evidence is rnnx.gradient_flow  # for one release


@functools.cache
def measured(kind):
    """With lengths of an integer type."""
    cell, xs = rnnx.rnn(H), jax.random.normal(jax.random.key(1), (12, 2, I))

    @jax.jit
    def of_flows(params):
        flows = [
            rnnx.gradient_flow(cell, params, xs, jnp.sum, lengths=np.array(lengths, kind))
            for lengths in ([12, 5], [5, 0])
        ]
        return [rnnx.diagnostics.get(name)(flow) for flow in flows for name in ("state_gradient", "hidden_units")]

    return of_flows(cell.init(jax.random.key(0), I))


@pytest.mark.parametrize("kind", slow_unless(lambda kind: kind == "uint8", ["uint8", "uint32", "int64"]))
def test_lengths_of_any_integer_type(kind):
    """Lags go back from the last step, below 0 where an example is shorter than another, or has no step."""
    assert_close(measured(kind), measured("int32"), rtol=0, atol=0)


def test_with_a_mask_it_is_that_of_what_is_left(given):
    """The same sequences without the masked steps, with lags that count what is left; NaN may be masked."""
    params, xs, _ = given
    mask = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 0], [1, 0, 1], [0, 1, 1]], bool)
    lengths, last, left_lengths = [5, 5, 4], [3, 4, 3], [3, 3, 2]
    left = np.zeros(xs.shape)
    for b in range(B):
        steps = np.flatnonzero(mask[: lengths[b], b])
        left[: len(steps), b] = xs[steps, b]

    def of_last(last):
        return lambda ys: jnp.sum(ys[np.array(last), np.arange(B)] ** 2 * jnp.array([1.0, 2.0, 4.0])[:, None])

    xs = jnp.where(mask[..., None], xs, jnp.nan)
    params = params["encoder"]

    @jax.jit
    def both(params):
        found = rnnx.gradient_flow(CELL, params, xs, of_last(last), lengths=lengths, mask=mask)
        wanted = rnnx.gradient_flow(CELL, params, left, of_last(np.array(left_lengths) - 1), lengths=left_lengths)
        names = ("state_gradient", "gates", "weight_gradient_by_lag", "recursion")
        return found, wanted, [[rnnx.diagnostics.get(name)(flow) for name in names] for flow in (found, wanted)]

    found, wanted, measured = both(params)
    assert found.lengths.tolist() == left_lengths
    assert found.last.tolist() == [2, 2, 1]
    assert found.position[:3, 0].tolist() == [0, 1, 3]
    there = found.lag >= 0
    for field in ("inputs", "output_gradients", "input_gradients"):
        assert_close(*(jnp.where(there[..., None], getattr(flow, field), 0) for flow in (found, wanted)))
    for field in ("lag", "state_gradients", "param_gradients", "final_state_gradients", "log10_state_norm"):
        assert_close(getattr(found, field), getattr(wanted, field))
    for of_flow in measured:
        of_flow[0].pop(
            "state_gradient/on_data"
        )  # its steps stand where they stand in the data, masked ones beside them
    assert_close(*measured)
