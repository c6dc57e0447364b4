"""Layers for Flax: they run `unroll`, train in a user's model, and stand where Flax's own recurrent layers stood."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import linen, nnx, traverse_util

import rnnx
from rnnx.cells.gru import GRUParams
from rnnx.cells.lstm import LSTMParams, LSTMState
from rnnx.cells.rnn import RNNParams
from rnnx.flax_modules import LinenRecurrent, NNXRecurrent
from rnnx.logbook import Checkpoints
from rnnx.pytrees import named_leaves
from tests.variants import B, H, I, T, assert_close, inner, like, slow_unless

LENGTHS = [5, 3, 1, 4]
XS = like(jax.ShapeDtypeStruct((B, T, I), jnp.float32), seed=2)

# A flat cell, one without a form, nested parameters and states, and one that can be unrolled only.
CELLS = {
    "lstm": rnnx.lstm(H),
    "gru_reset_before": rnnx.gru(H, reset_after=False),
    "stack": rnnx.stack(rnnx.lstm(H), rnnx.learned_initial_state(rnnx.gru(H))),
    "bidirectional": rnnx.bidirectional(rnnx.rnn(H), rnnx.rnn(H)),
}
every_cell = pytest.mark.parametrize("name", CELLS)


def xs64():
    return like(jax.ShapeDtypeStruct((B, T, I), float), seed=2)


# Both ways of each option, on nested parameters and on a cell that can be unrolled only.
KEPT = {("stack", False, True), ("bidirectional", True, False)}


@pytest.mark.parametrize(
    ("name", "reverse", "time_major"),
    slow_unless(lambda *case: case in KEPT, itertools.product(CELLS, (False, True), (False, True))),
)
def test_both_layers_are_unroll(float64, name, reverse, time_major):
    """Outputs and final carry, from a given carry and with lengths; options of the layer or of the call."""
    cell, xs = CELLS[name], xs64()
    nnx_layer = NNXRecurrent(cell, I, rngs=nnx.Rngs(0), time_major=time_major, reverse=reverse, return_carry=True)
    linen_layer = LinenRecurrent(cell)
    variables = linen_layer.init(jax.random.key(0), xs)
    params = nnx_layer.arrays()
    assert jax.tree.structure(params) == jax.tree.structure(cell.init(jax.random.key(0), I))
    carry = like(cell.initial_state(params, (B,)), seed=3)
    expected = rnnx.unroll(cell, params, jnp.moveaxis(xs, 1, 0), carry, lengths=LENGTHS, reverse=reverse)
    outputs = expected.outputs if time_major else jnp.moveaxis(expected.outputs, 0, 1)
    inputs = jnp.moveaxis(xs, 1, 0) if time_major else xs

    found = nnx_layer(inputs, initial_carry=carry, seq_lengths=LENGTHS)
    assert_close(found, (expected.final_state, outputs), rtol=0, atol=0)  # the same function on the same numbers

    given = {"time_major": time_major, "reverse": reverse, "return_carry": True}
    named = traverse_util.unflatten_dict(named_leaves(params), sep=".")
    assert jax.tree.structure(named) == jax.tree.structure(variables["params"]["weights"])
    found = linen_layer.apply({"params": {"weights": named}}, inputs, initial_carry=carry, seq_lengths=LENGTHS, **given)
    assert_close(found, (expected.final_state, outputs), rtol=0, atol=0)


def test_the_call_decides_against_the_layer():
    layer = NNXRecurrent(CELLS["lstm"], I, rngs=nnx.Rngs(0), time_major=True, reverse=True, return_carry=True)
    plain = layer(XS, time_major=False, reverse=False, return_carry=False)
    assert_close(plain, NNXRecurrent(CELLS["lstm"], I, rngs=nnx.Rngs(0))(XS), rtol=0, atol=0)


def test_any_batch_axes():
    layer = NNXRecurrent(CELLS["lstm"], I, rngs=nnx.Rngs(0))
    whole = layer(XS)
    assert_close(layer(XS[0]), whole[0], rtol=1e-6, atol=1e-6)  # products of another shape: a few float32 roundings
    assert_close(layer(XS.reshape(2, 2, T, I)), whole.reshape(2, 2, T, H), rtol=1e-6, atol=1e-6)


# Parameters are what Flax takes for parameters.


class Tagger(nnx.Module):
    """A user's own model: a label for each step."""

    def __init__(self, cell, rngs):
        self.rnn = NNXRecurrent(cell, I, rngs=rngs)
        self.readout = nnx.Linear(cell.output_size, 1, rngs=rngs)

    def __call__(self, xs, rngs=None):
        cell = self.rnn.cell if rngs is None else rnnx.dropout(self.rnn.cell, rngs.dropout(), input_rate=0.5)
        return self.readout(self.rnn(xs, cell=cell))[..., 0]


@every_cell
def test_every_array_is_a_param_with_the_name_of_the_cell(name):
    model = Tagger(CELLS[name], nnx.Rngs(0))
    names = named_leaves(CELLS[name].init(jax.random.key(0), I))
    flat = nnx.to_flat_state(nnx.state(model, nnx.Param))
    of_cell = {".".join(map(str, path[2:])): param for path, param in flat if path[:2] == ("rnn", "weights")}
    assert set(of_cell) == set(names)
    assert all(isinstance(param, nnx.Param) and isinstance(param.get_value(), jax.Array) for param in of_cell.values())
    assert not jax.tree.leaves(nnx.split(model, nnx.Param, ...)[2]), "there is nothing but parameters"


def test_each_seed_is_a_new_draw_and_draws_by_the_cell():
    one, same, other = (NNXRecurrent(CELLS["stack"], I, rngs=nnx.Rngs(params=seed)).arrays() for seed in (0, 0, 1))
    assert_close(one, same, rtol=0, atol=0)
    assert not np.array_equal(one.layers[0].input_kernel, other.layers[0].input_kernel)
    variables = [LinenRecurrent(CELLS["stack"]).init(jax.random.key(seed), XS) for seed in (0, 0, 1)]
    kernels = [v["params"]["weights"]["layers"]["0"]["recurrent_kernel"] for v in variables]
    np.testing.assert_array_equal(kernels[0], kernels[1])
    assert not np.array_equal(kernels[0], kernels[2])
    for U in np.split(np.asarray(kernels[0]), 4, axis=1):
        np.testing.assert_allclose(U.T @ U, np.eye(H), atol=1e-6)  # the cell's own policy; float32 rounds at 6e-8


def test_split_merge_and_checkpoint_keep_all(tmp_path):
    model = Tagger(CELLS["stack"], nnx.Rngs(0))
    graphdef, state = nnx.split(model)
    pure = nnx.to_pure_dict(state)
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(1, pure)
    _, restored = checkpoints.restore_latest(jax.tree.map(jnp.zeros_like, pure))
    nnx.replace_by_pure_dict(state, restored)
    again = nnx.merge(graphdef, state)
    assert type(again.rnn.params) is type(model.rnn.params)
    assert_close(again(XS), model(XS), rtol=0, atol=0)


@pytest.mark.parametrize("name", slow_unless(lambda name: name == "stack", CELLS))
def test_a_users_nnx_model_learns(name):
    """With nnx.jit, nnx.grad and optax: the sum of the inputs so far. Every parameter moves."""
    model = Tagger(CELLS[name], nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, optax.sgd(0.1), wrt=nnx.Param)
    before = jax.tree.map(jnp.array, model.rnn.arrays())
    targets = jnp.asarray(0.2 * np.cumsum(np.asarray(XS).sum(axis=-1), axis=1))

    @nnx.jit
    def train_step(model, optimizer):
        loss, gradients = nnx.value_and_grad(lambda model: jnp.mean((model(XS) - targets) ** 2))(model)
        optimizer.update(model, gradients)
        return loss

    losses = [train_step(model, optimizer) for _ in range(60)]
    assert losses[-1] < 0.5 * losses[0]
    jax.tree.map(lambda a, b: np.testing.assert_array_less(0, np.abs(a - b).max()), model.rnn.arrays(), before)


def test_a_users_linen_model_learns():
    class Model(linen.Module):
        @linen.compact
        def __call__(self, xs):
            return linen.Dense(1)(LinenRecurrent(CELLS["stack"], name="rnn")(xs))[..., 0]

    model, optimizer = Model(), optax.sgd(0.1)
    params = model.init(jax.random.key(0), XS)["params"]
    assert set(params["rnn"]["weights"]["layers"]["1"]) == {"cell", "initial_state"}
    opt_state = optimizer.init(params)
    targets = 0.2 * jnp.cumsum(XS.sum(axis=-1), axis=1)

    @jax.jit
    def train_step(params, opt_state):
        def loss(params):
            return jnp.mean((model.apply({"params": params}, XS) - targets) ** 2)

        value, gradients = jax.value_and_grad(loss)(params)
        updates, opt_state = optimizer.update(gradients, opt_state)
        return value, optax.apply_updates(params, updates), opt_state

    losses = []
    for _ in range(60):
        value, params, opt_state = train_step(params, opt_state)
        losses.append(value)
    assert losses[-1] < 0.5 * losses[0]


def test_a_cell_made_in_the_call_is_the_one_that_runs():
    """Dropout by the model's own stream of keys: another draw in each call, and none in evaluation."""
    model, rngs = Tagger(CELLS["lstm"], nnx.Rngs(0)), nnx.Rngs(dropout=1)
    key = nnx.Rngs(dropout=1).dropout()
    cell = rnnx.dropout(CELLS["lstm"], key, input_rate=0.5)
    ys = rnnx.unroll(cell, model.rnn.arrays(), jnp.moveaxis(XS, 1, 0)).outputs
    call = nnx.jit(lambda model, xs, rngs: model(xs, rngs))
    first, second = (call(model, XS, rngs) for _ in range(2))
    # The same products compiled differently: a few float32 roundings.
    assert_close(first, model.readout(jnp.moveaxis(ys, 0, 1))[..., 0], rtol=1e-5, atol=1e-6)
    assert not np.allclose(first, second)
    variables = {"params": {"weights": traverse_util.unflatten_dict(named_leaves(model.rnn.arrays()), sep=".")}}
    assert_close(LinenRecurrent(CELLS["lstm"]).apply(variables, XS, cell=cell), jnp.moveaxis(ys, 0, 1), atol=1e-6)


def test_the_engine_is_the_layers_or_the_calls():
    """Forward mode needs `scan`, since `fused` has a derivative of its own for the backward pass alone."""
    cell = rnnx.gru(H)
    forward, plain = (NNXRecurrent(cell, I, engine=engine, rngs=nnx.Rngs(0)) for engine in ("scan", "auto"))
    linen_layer = LinenRecurrent(cell, engine="scan")
    variables = {"params": {"weights": named_leaves(plain.arrays())}}
    direction = like(jax.ShapeDtypeStruct(XS.shape, XS.dtype), seed=4)
    scan = functools.partial(rnnx.unroll, cell, plain.arrays(), engine="scan")
    expected = jax.jvp(lambda xs: jnp.moveaxis(scan(jnp.moveaxis(xs, 1, 0)).outputs, 0, 1), (XS,), (direction,))
    for layer in (
        forward,
        lambda xs: plain(xs, engine="scan"),
        lambda xs: linen_layer.apply(variables, xs),
        lambda xs: LinenRecurrent(cell).apply(variables, xs, engine="scan"),
    ):
        assert_close(jax.jvp(layer, (XS,), (direction,)), expected, rtol=0, atol=0)  # the same function
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(lambda xs: forward(xs, engine="fused"), (XS,), (direction,))
    for refused in (
        lambda: NNXRecurrent(cell, I, engine="scna", rngs=nnx.Rngs(0)),
        lambda: LinenRecurrent(cell, engine="scna"),
        lambda: plain(XS, engine="scna"),
    ):
        with pytest.raises(ValueError, match=r"^no engine named 'scna'; did you mean 'scan'\? Known: "):
            refused()


def test_a_layer_rematerialises():
    """The same gradient, with states that are computed again: a second loop over time in the backward pass."""
    cell = rnnx.gru(H)
    variables = LinenRecurrent(cell).init(jax.random.key(0), XS)

    def gradient(remat):
        nnx_layer = NNXRecurrent(cell, I, remat=remat, rngs=nnx.Rngs(0))
        linen_layer = LinenRecurrent(cell, remat=remat)

        def both(xs):
            return jnp.sum(nnx_layer(xs) ** 2) + jnp.sum(linen_layer.apply(variables, xs) ** 2)

        return jax.jit(jax.grad(both))

    assert_close(gradient("sqrt")(XS), gradient(None)(XS), rtol=1e-5, atol=1e-6)  # some float32 roundings
    loops = [str(gradient(remat).trace(XS).jaxpr).count("scan[") for remat in (None, "sqrt")]
    assert loops[1] > loops[0]


# Between NNX and Linen, by Flax's bridge.


class InNNX(nnx.Module):
    """A user's own model around the layer."""

    def __init__(self, cell, rngs):
        self.rnn = NNXRecurrent(cell, I, rngs=rngs)

    def __call__(self, xs, **given):
        return self.rnn(xs, **given)


BRIDGED = {
    "nnx": lambda cell: nnx.bridge.to_linen(NNXRecurrent, cell, I),
    "nnx_inside": lambda cell: nnx.bridge.to_linen(InNNX, cell),
    "linen": lambda cell: nnx.bridge.ToNNX(LinenRecurrent(cell), rngs=nnx.Rngs(0)),
    "there_and_back": lambda cell: nnx.bridge.ToNNX(BRIDGED["nnx"](cell), rngs=nnx.Rngs(0)),
}


BRIDGED_CELL = rnnx.stack(rnnx.lstm(H), rnnx.learned_initial_state(rnnx.rnn(H)))
GIVEN = {"seq_lengths": jnp.array(LENGTHS), "return_carry": True}


def loss_of(found):
    carry, ys = found
    return inner(ys, ys) + inner(carry, carry), found


@jax.jit
@functools.partial(jax.grad, has_aux=True)
def unrolled(params):
    trajectory = rnnx.unroll(BRIDGED_CELL, params, jnp.moveaxis(XS, 1, 0), lengths=LENGTHS)
    return loss_of((trajectory.final_state, jnp.moveaxis(trajectory.outputs, 0, 1)))


def by_name(params):
    """A cell's parameters, or their gradient, by dotted name, wherever in a model they are."""
    flat = traverse_util.flatten_dict(params)
    return {".".join(map(str, path)).rpartition("weights.")[2]: leaf for path, leaf in flat.items()}


# Each way over the bridge; by the last one both.
@pytest.mark.parametrize("bridge", slow_unless(lambda bridge: bridge in ("nnx_inside", "linen"), BRIDGED))
def test_a_layer_crosses_the_bridge(bridge):
    """What it gives there, its carry, and the gradient in its parameters are those of `unroll`."""
    layer = BRIDGED[bridge](BRIDGED_CELL)
    if isinstance(layer, linen.Module):
        variables = layer.init(jax.random.key(0), XS)
        gradient = jax.grad(lambda variables: loss_of(layer.apply(variables, XS, **GIVEN)), has_aux=True)
        gradients, found = jax.jit(gradient)(variables)
        params, gradients = by_name(variables["params"]), by_name(gradients["params"])
    else:
        params = by_name(nnx.to_pure_dict(nnx.state(layer.lazy_init(XS), nnx.Param)))
        gradients, found = nnx.jit(nnx.grad(lambda layer: loss_of(layer(XS, **GIVEN)), has_aux=True))(layer)
        gradients = by_name(nnx.to_pure_dict(gradients))

    drawn = BRIDGED_CELL.init(jax.random.key(0), I)
    assert set(params) == set(gradients) == set(named_leaves(drawn))
    wanted, expected = unrolled(
        jax.tree.unflatten(jax.tree.structure(drawn), [params[name] for name in named_leaves(drawn)])
    )
    # The same function, compiled among other things: a few float32 roundings.
    assert_close(found, expected, rtol=1e-5, atol=1e-6)
    assert_close(gradients, named_leaves(wanted), rtol=1e-5, atol=1e-6)


# In place of Flax's own layers, with their weights.


def names_of(tree):
    """A Flax layer's parameters, or their gradient, by dotted name."""
    pure = nnx.to_pure_dict(tree) if isinstance(tree, nnx.State) else tree["params"]
    return traverse_util.flatten_dict(pure["cell"], sep=".")


def lstm_params(p):
    """Flax's `LSTMCell`: one Dense for each gate and input, the bias with h. NNX writes `if_` for `if`."""
    f = "if_" if "if_.kernel" in p else "if"
    return LSTMParams(
        jnp.concatenate([p[f"{gate}.kernel"] for gate in ("ii", f, "ig", "io")], axis=-1),
        jnp.concatenate([p[f"h{gate}.kernel"] for gate in "ifgo"], axis=-1),
        jnp.concatenate([p[f"h{gate}.bias"] for gate in "ifgo"]),
    )


def fused_lstm_params(p):
    return LSTMParams(p["dense_i.kernel"], p["dense_h.kernel"], p["dense_h.bias"])


def gru_params(p):
    """NNX: fused, with no recurrent bias d. Linen: one Dense for each gate and input, and d."""
    if "dense_i.kernel" in p:
        d = jnp.zeros(H)
        return GRUParams(p["dense_i.kernel"], p["dense_h.kernel"], p["dense_i.bias"], d)
    return GRUParams(
        jnp.concatenate([p[f"i{gate}.kernel"] for gate in "rzn"], axis=-1),
        jnp.concatenate([p[f"h{gate}.kernel"] for gate in "rzn"], axis=-1),
        jnp.concatenate([p[f"i{gate}.bias"] for gate in "rzn"]),
        p["hn.bias"],
    )


def rnn_params(p):
    i, h = ("dense_i", "dense_h") if "dense_i.kernel" in p else ("i", "h")
    return RNNParams(p[f"{i}.kernel"], p[f"{h}.kernel"], p[f"{i}.bias"])


def hidden_of(carry):
    return carry[1] if isinstance(carry, tuple) else carry


def flax_layer(library, cell, **options):
    """A layer of Flax with weights of order 1 (biases too), as (its parameters, function of parameters)."""
    if library == "nnx":
        kind = getattr(nnx, cell)
        made = kind(I, H, rngs=nnx.Rngs(0), param_dtype=float, **({"dtype": float} if cell == "SimpleCell" else {}))
        graphdef, params, rest = nnx.split(nnx.RNN(made, return_carry=True, **options), nnx.Param, ...)
        params = jax.tree.map(lambda p, noise: p + noise, params, like(params, seed=5, scale=0.3))
        return params, lambda params, *args, **given: nnx.merge(graphdef, params, rest)(*args, **given)
    layer = linen.RNN(getattr(linen, cell)(H, param_dtype=float), return_carry=True, **options)
    params = layer.init(jax.random.key(0), xs64())
    return jax.tree.map(lambda p, noise: p + noise, params, like(params, seed=5, scale=0.3)), layer.apply


@pytest.mark.parametrize(
    ("library", "name", "cell", "copied", "reverse"),
    [
        ("nnx", "LSTMCell", rnnx.lstm(H), lstm_params, False),
        pytest.param("nnx", "OptimizedLSTMCell", rnnx.lstm(H), fused_lstm_params, True, marks=pytest.mark.slow),
        pytest.param("nnx", "GRUCell", rnnx.gru(H), gru_params, False, marks=pytest.mark.slow),
        pytest.param("nnx", "SimpleCell", rnnx.rnn(H), rnn_params, False, marks=pytest.mark.slow),
        pytest.param("linen", "LSTMCell", rnnx.lstm(H), lstm_params, False, marks=pytest.mark.slow),
        ("linen", "GRUCell", rnnx.gru(H), gru_params, True),
        pytest.param("linen", "SimpleCell", rnnx.rnn(H), rnn_params, False, marks=pytest.mark.slow),
    ],
)
def test_equals_flax_after_copying_weights(float64, library, name, cell, copied, reverse):
    """Outputs, final h, and gradients with respect to weights and inputs; with lengths, forwards and in reverse."""
    xs = xs64()
    lengths = jnp.array(LENGTHS)
    within = (jnp.arange(T) < lengths[:, None])[..., None]  # Flax does not zero what is past a length
    w = like((jax.ShapeDtypeStruct((B, T, H), float), jax.ShapeDtypeStruct((B, H), float)), seed=7)
    start = like(cell.initial_state(cell.init(jax.random.key(0), I), (B,)), seed=8)
    theirs, apply = flax_layer(library, name, reverse=reverse, keep_order=True)

    def loss(run, params, xs):
        carry, ys = run(params, xs)
        ys = jnp.where(within, ys, 0)
        return inner(w, (ys, hidden_of(carry))), (hidden_of(carry), ys)

    def run_theirs(params, xs):
        return apply(params, xs, seq_lengths=lengths, initial_carry=(start.c, start.h) if "LSTM" in name else start.h)

    if library == "nnx":
        layer = NNXRecurrent(cell, I, rngs=nnx.Rngs(0), reverse=reverse, return_carry=True)
        graphdef, _ = nnx.split(layer)

        def run_ours(params, xs):
            carry, ys = nnx.merge(graphdef, params)(xs, seq_lengths=lengths, initial_carry=start)
            return carry.h, ys

        ours = nnx.state(layer)
        nnx.replace_by_pure_dict(ours, {"weights": copied(names_of(theirs))._asdict()})
    else:
        layer = LinenRecurrent(cell, reverse=reverse, return_carry=True)

        def run_ours(params, xs):
            carry, ys = layer.apply(params, xs, seq_lengths=lengths, initial_carry=start)
            return carry.h, ys

        ours = {"params": {"weights": copied(names_of(theirs))._asdict()}}

    def result(run, params):
        gradient = jax.jit(jax.grad(functools.partial(loss, run), argnums=(0, 1), has_aux=True))
        return gradient(params, xs)

    (their_gradient, their_dx), (their_h, their_ys) = result(run_theirs, theirs)
    (our_gradient, our_dx), (our_h, our_ys) = result(run_ours, ours)
    assert_close(our_ys, their_ys)
    assert_close(our_h, their_h)
    assert_close(our_dx, their_dx)
    # Copying is linear, so it takes a gradient to the gradient. d of a GRU has no counterpart in NNX.
    expected = copied(names_of(their_gradient))._asdict()
    flat = (nnx.to_pure_dict(our_gradient) if library == "nnx" else our_gradient["params"])["weights"]
    if (library, name) == ("nnx", "GRUCell"):
        expected["recurrent_bias"] = flat["recurrent_bias"]
    assert_close(flat, expected)


# Mistakes.


@pytest.mark.parametrize(
    ("inputs", "given", "message"),
    [
        (jnp.ones(I), {}, r"inputs must be \[B, T, I\], or \[T, B, I\] if time_major, not \[2\]\."),
        (jnp.ones((B, T, I + 1)), {}, r"inputs must have 2 features, the layer's input_size, not 3\."),
        (XS, {"initial_carry": (jnp.zeros((B, H)),) * 2}, r"state must be a LSTMState, not tuple\."),
        (XS, {"initial_carry": LSTMState(*[jnp.zeros((1, H))] * 2)}, r"state\.h must have shape \[4, 3\], .*"),
        (XS, {"seq_lengths": jnp.ones((B, T))}, r"lengths must be whole numbers of shape \[4\], .*"),
    ],
)
def test_bad_arguments_are_named_in_one_line(inputs, given, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        NNXRecurrent(CELLS["lstm"], I, rngs=nnx.Rngs(0))(inputs, **given)


def test_linen_names_inputs_without_time():
    with pytest.raises(ValueError, match=r"^inputs must be \[B, T, I\], or \[T, B, I\] if time_major, not \[\]\."):
        LinenRecurrent(CELLS["lstm"]).init(jax.random.key(0), jnp.ones(()))


@pytest.mark.parametrize("size", [0, 2.5, None])
def test_a_bad_input_size_is_refused(size):
    with pytest.raises(ValueError, match=rf"^input_size must be a whole number of at least 1, not {size!r}\.$"):
        NNXRecurrent(CELLS["lstm"], size, rngs=nnx.Rngs(0))


# Types are Flax's: `dtype` to compute in, `param_dtype` to keep.


@pytest.mark.parametrize("name", slow_unless(lambda name: name == "stack", CELLS))
@pytest.mark.parametrize("dtype", [None, jnp.bfloat16])
@pytest.mark.parametrize("param_dtype", [None, jnp.bfloat16])
def test_types_are_those_of_a_layer_of_flax(name, dtype, param_dtype):
    dense = nnx.Linear(I, H, dtype=dtype, param_dtype=param_dtype or jnp.float32, rngs=nnx.Rngs(0))
    given = {"dtype": dtype, "param_dtype": param_dtype}
    layer, linen_layer = NNXRecurrent(CELLS[name], I, rngs=nnx.Rngs(0), **given), LinenRecurrent(CELLS[name], **given)
    variables = jax.eval_shape(linen_layer.init, jax.random.key(0), XS)
    kept = {leaf.dtype for tree in (layer.arrays(), variables) for leaf in jax.tree.leaves(tree)}
    assert kept == {dense.kernel[...].dtype}
    with jax.numpy_dtype_promotion("standard"):
        wanted = jax.eval_shape(dense, XS).dtype
    carry = CELLS[name].initial_state(layer.arrays(), (B,))  # of the kept type, and cast like the inputs
    found = jax.eval_shape(lambda xs: layer(xs, initial_carry=carry, return_carry=True), XS)
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {wanted}
    assert jax.eval_shape(linen_layer.apply, variables, XS).dtype == wanted


@pytest.mark.parametrize(
    "cell",
    [pytest.param(rnnx.lstm(H), marks=pytest.mark.slow), rnnx.learned_initial_state(rnnx.lru(H))],
    ids=["lstm", "learned lru"],
)
def test_what_is_given_in_bfloat16_is_computed_in_the_wider_type(cell):
    """Parameters cast by a user, and inputs in float32: the outputs are those of the rounded parameters."""
    layer = LinenRecurrent(cell)
    variables = jax.jit(layer.init)(jax.random.key(0), XS)
    rounded = jax.tree.map(lambda p: np.asarray(p).astype(jnp.bfloat16), variables)
    apply = jax.jit(layer.apply)
    assert_close(
        apply(rounded, XS), apply(jax.tree.map(lambda p: np.asarray(p, np.float32), rounded), XS), rtol=0, atol=0
    )
    gradients = jax.jit(jax.grad(lambda v: jnp.sum(layer.apply(v, XS))))(rounded)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(gradients)} == {"bfloat16"}


@pytest.mark.parametrize("time_major", [False, True])
def test_a_mask_is_laid_out_as_the_inputs(time_major):
    layer = NNXRecurrent(CELLS["lstm"], I, rngs=nnx.Rngs(0), time_major=time_major)
    mask = np.arange(B * T).reshape(B, T) % 3 > 0
    xs = jnp.where(mask[..., None], XS, jnp.nan)
    wanted = rnnx.unroll(layer.cell, layer.arrays(), jnp.moveaxis(XS, 1, 0), mask=mask.T).outputs
    found = layer(jnp.moveaxis(xs, 1, 0), mask=mask.T) if time_major else jnp.moveaxis(layer(xs, mask=mask), 1, 0)
    assert_close(found, wanted, rtol=0, atol=0)  # the same program
