"""The gradient flow of every recurrent layer in someone's own Flax model, which is left as it is."""

import functools
import threading

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import linen, nnx

import rnnx
from rnnx.flax_modules import LinenRecurrent, NNXRecurrent, linen_gradient_flows, nnx_gradient_flows
from tests.variants import B, H, I, T, assert_close, like

LENGTHS = jnp.array([5, 3, 1, 4])
# The same equations compiled twice, in float64.
ROUNDINGS = {"rtol": 1e-12, "atol": 1e-13}


def inputs():
    return like(jax.ShapeDtypeStruct((B, T, I), float), seed=2)


class Two(nnx.Module):
    """Someone's model: two different layers, with dropout between them, in a list and by name."""

    def __init__(self, rngs, dropout=0.0):
        self.layers = nnx.List([NNXRecurrent(rnnx.lstm(H), I, rngs=rngs)])
        self.upper = NNXRecurrent(rnnx.gru(H), H, reverse=True, rngs=rngs)
        self.dropout = nnx.Dropout(dropout, rngs=rngs)
        self.readout = nnx.Linear(H, 1, param_dtype=float, rngs=rngs)

    def __call__(self, xs):
        ys = self.upper(self.dropout(self.layers[0](xs, seq_lengths=LENGTHS)), seq_lengths=LENGTHS)
        return self.readout(ys[:, 0])[..., 0]


def squared(model, xs):
    return jnp.mean(model(xs) ** 2)


def same_flow(flow, expected):
    for name in ("loss", "inputs", "states", "lag", "input_gradients", "state_gradients", "final_state_gradients"):
        assert_close(getattr(flow, name), getattr(expected, name), **ROUNDINGS)
    assert_close(flow.param_gradients, expected.param_gradients, **ROUNDINGS)


@pytest.mark.parametrize("library", ["nnx", "linen"])
def test_of_a_layer_alone_it_is_that_of_its_cell(float64, library):
    """Batch-major, with lengths: what `rnnx.gradient_flow` gives time-major."""
    cell, xs = rnnx.lstm(H), inputs()
    layer = NNXRecurrent(cell, I, rngs=nnx.Rngs(0))
    expected = jax.jit(
        lambda params, xs: rnnx.gradient_flow(
            cell, params, jnp.moveaxis(xs, 1, 0), lambda ys: jnp.sum(ys[-2:] ** 3), lengths=LENGTHS
        )
    )(layer.arrays(), xs)
    if library == "nnx":

        def loss(layer, xs):
            return jnp.sum(layer(xs, seq_lengths=LENGTHS)[:, -2:] ** 3)

        value, gradients, flows = nnx.jit(functools.partial(nnx_gradient_flows, loss))(layer, xs)
        gradients = nnx.to_pure_dict(gradients)["weights"]
    else:

        def loss(variables, xs):
            return jnp.sum(LinenRecurrent(cell).apply(variables, xs, seq_lengths=LENGTHS)[:, -2:] ** 3)

        variables = {"params": {"weights": layer.arrays()._asdict()}}
        value, gradients, flows = jax.jit(functools.partial(linen_gradient_flows, loss))(variables, xs)
        gradients = gradients["params"]["weights"]
    assert list(flows) == ["cell"]
    assert_close(value, expected.loss, **ROUNDINGS)
    assert_close(gradients, expected.param_gradients._asdict(), **ROUNDINGS)
    same_flow(flows["cell"], expected)


def test_of_two_layers_it_agrees_with_finite_differences_and_with_flax(float64):
    model, xs = Two(nnx.Rngs(0)), inputs()
    value, gradients, flows = nnx.jit(functools.partial(nnx_gradient_flows, squared))(model, xs)
    assert list(flows) == ["layers/0", "upper"]
    expected, their_gradients = nnx.jit(nnx.value_and_grad(squared))(model, xs)
    assert_close(value, expected, **ROUNDINGS)
    assert jax.tree.structure(gradients) == jax.tree.structure(their_gradients)  # what an optimizer takes
    assert_close(nnx.to_pure_dict(gradients), nnx.to_pure_dict(their_gradients), **ROUNDINGS)

    lower, upper = model.layers[0], model.upper
    direction = like(flows["layers/0"].state_gradients, seed=3)

    @jax.jit
    def along(size):
        """The loss with every state of the lower layer moved."""
        moved = jax.tree.map(lambda d: size * d, direction)
        run = functools.partial(rnnx.unroll, lengths=LENGTHS)
        ys = run(lower.cell, lower.arrays(), jnp.moveaxis(xs, 1, 0), perturbations=moved).outputs
        ys = run(upper.cell, upper.arrays(), ys, reverse=True).outputs
        return jnp.mean(model.readout(ys[0]) ** 2)

    size = 1e-5  # the error is of order size² for the third derivative and 1e-16 / size for rounding
    slope = (along(size) - along(-size)) / (2 * size)
    # States past an example's length are not run through.
    inner = sum(map(jnp.vdot, jax.tree.leaves(flows["layers/0"].state_gradients), jax.tree.leaves(direction)))
    assert_close(inner, slope, rtol=1e-8, atol=0)


def test_a_layer_that_is_called_again_gets_a_number():
    """Its gradient is the sum of both calls', and each has its own states."""

    class Again(nnx.Module):
        def __init__(self, rngs):
            self.rnn = NNXRecurrent(rnnx.rnn(I), I, rngs=rngs)
            self.same = self.rnn

        def __call__(self, xs):
            return self.same(self.rnn(xs))

    _, gradients, flows = jax.jit(functools.partial(nnx_gradient_flows, squared, Again(nnx.Rngs(0))))(inputs())
    assert list(flows) == ["rnn", "rnn#2"]
    total = jax.tree.map(jnp.add, *(flow.param_gradients for flow in flows.values()))
    # Float32: the sum in another order.
    assert_close(nnx.to_pure_dict(gradients)["rnn"]["weights"], total._asdict(), rtol=1e-5, atol=1e-6)


def test_of_a_linen_model_it_goes_by_the_names_of_modules():
    class Model(linen.Module):
        @linen.compact
        def __call__(self, xs):
            shared = LinenRecurrent(rnnx.gru(I), name="shared")
            return LinenRecurrent(rnnx.lstm(H))(shared(shared(xs)))

    variables = Model().init(jax.random.key(0), inputs())
    flows = jax.jit(lambda v, xs: linen_gradient_flows(lambda v: jnp.mean(Model().apply(v, xs)), v)[2])(
        variables, inputs()
    )
    assert {path: type(flow.state_gradients).__name__ for path, flow in flows.items()} == {
        "shared": "GRUState",
        "shared#2": "GRUState",
        "LinenRecurrent_0": "LSTMState",
    }


def test_the_model_and_what_else_is_given_stay_as_they_are():
    """Dropout draws what it would have drawn; no count of random numbers goes on."""
    model, rngs, xs = Two(nnx.Rngs(0, dropout=1), dropout=0.5), nnx.Rngs(noise=2), inputs()
    state = nnx.state((model, rngs), nnx.Not(nnx.RngKey))
    before = jax.tree.map(np.asarray, nnx.to_pure_dict(state))

    def noisy(model, xs, rngs, scale):
        outputs = model(xs + scale * rngs.noise.normal(xs.shape))
        return jnp.mean(outputs**2), outputs

    measured = nnx.jit(functools.partial(nnx_gradient_flows, noisy, has_aux=True))
    (_, outputs), _, flows = measured(model, xs, rngs, 0.5)
    assert list(flows) == ["layers/0", "upper"]
    assert_close(nnx.to_pure_dict(nnx.state((model, rngs), nnx.Not(nnx.RngKey))), before, rtol=0, atol=0)
    # Compiled among other things: a few float32 roundings.
    assert_close(outputs, nnx.jit(noisy)(model, xs, rngs, 0.5)[1], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    "transform",
    [
        lambda layer: lambda xs: nnx.jit(lambda layer, xs: layer(xs))(layer, xs),
        lambda layer: lambda xs: nnx.remat(lambda layer, xs: layer(xs))(layer, xs),
        lambda layer: lambda xs: nnx.vmap(lambda layer, xs: layer(xs), in_axes=(None, 0))(layer, xs),
        lambda layer: lambda xs: jax.lax.scan(lambda carry, xs: (carry, layer(xs)), 0, xs[None])[1],
    ],
)
def test_a_layer_within_a_transformation_is_refused_by_name(transform):
    def loss(model, xs):
        return jnp.mean(transform(model.upper)(xs))

    model = Two(nnx.Rngs(0))
    xs = jnp.ones((B, T, H))
    with pytest.raises(
        ValueError, match=r"^the layer '(upper|cell)' is called within a transformation.*: transform the"
    ):
        nnx_gradient_flows(loss, model, xs)
    assert np.isfinite(loss(model, xs))  # and nothing of it is left


def test_nothing_is_left_behind_by_an_error_nor_seen_by_another_thread():
    model, xs, seen = NNXRecurrent(rnnx.rnn(H), I, rngs=nnx.Rngs(0)), inputs(), []

    def failing(layer, xs):
        elsewhere = threading.Thread(target=lambda: seen.append(float(jnp.mean(model(np.ones((B, T, I)))))))
        elsewhere.start()
        elsewhere.join()
        layer(xs)
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        nnx_gradient_flows(failing, model, xs)
    assert len(seen) == 1
    assert np.isfinite(model(xs)).all()
    _, _, flows = nnx_gradient_flows(squared, model, xs)
    assert list(flows) == ["cell"]


def test_a_model_without_such_layers_has_no_flows():
    model = nnx.Linear(I, 1, rngs=nnx.Rngs(0))
    value, gradients, flows = nnx_gradient_flows(squared, model, jnp.ones((B, I)))
    assert flows == {}
    assert np.isfinite(value)
    assert gradients
