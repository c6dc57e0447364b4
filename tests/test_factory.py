"""Cells made alike are equal: to Python, to `jit`, and after a journey to another process."""

import copy
import gc
import inspect
import pickle
import re
import subprocess
import sys
import weakref
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import rnnx
from rnnx import factory
from rnnx.flax_modules import LinenRecurrent, NNXRecurrent
from rnnx.initializers import kernels
from rnnx.models.sequence import Sequence
from tests.variants import H, I, assert_close

KEY = jax.random.key(0)


def recurrent_kernel(key, rows, columns, gates):
    """An initialiser of a user's own, which can be imported."""
    return 0.5 * jnp.ones((rows, gates * columns))


def bidirectional(cell):
    return rnnx.bidirectional(cell, rnnx.lru(H, r_min=0.5))


# How to make each cell and combinator anew; one that takes nothing but a cell is tested on arrival.
OTHER = {
    "attention": lambda cell: rnnx.combinators.get("attention")(cell, H),
    "bidirectional": bidirectional,
    "dropout": lambda cell: rnnx.dropout(cell, KEY, input_rate=0.5),
    "random_truncation": lambda cell: rnnx.random_truncation(cell, KEY, 0.5),
    "zoneout": lambda cell: rnnx.zoneout(cell, {"h": 0.5}),
}
DRAWN = ("dropout", "random_truncation")  # from a key, which is an array
CELLS = {name: lambda name=name: rnnx.cells.get(name)(H) for name in rnnx.cells.names()}
COMBINED = {
    name: lambda name=name: OTHER.get(name, rnnx.combinators.get(name))(rnnx.gru(H, bias_initializer="chrono(9)"))
    for name in rnnx.combinators.names()
}
NESTED = {
    "stack_of_all": lambda: rnnx.stack(rnnx.residual(rnnx.rnn(I)), bidirectional(rnnx.layer_norm(rnnx.lstm(H)))),
    "named": lambda: rnnx.lstm(H, recurrent_initializer="orthogonal(0.5)", bias_initializer="chrono(9)"),
    "called": lambda: rnnx.lstm(H, recurrent_initializer=kernels.orthogonal(0.5), bias_initializer="uniform"),
    "own": lambda: rnnx.lstm(H, recurrent_initializer=recurrent_kernel),
}
MADE = {name: make for name, make in (CELLS | COMBINED | NESTED).items() if name not in DRAWN}


def values(cell):
    return cell.init(KEY, I)


@pytest.mark.parametrize("name", MADE)
def test_cells_made_alike_are_equal(name):
    one, other = MADE[name](), MADE[name]()
    assert one is not other
    assert one == other
    assert hash(one) == hash(other)
    assert {one: "found"}[other] == "found"
    for field, part, same in zip(one._fields, one, other, strict=True):
        assert part == same, field
    assert one.form == other.form


@pytest.mark.parametrize("name", MADE)
def test_what_is_changed_is_not_the_cell_that_was_made(name):
    made = MADE[name]()
    for change in ({"form": None, "gates": None}, {"output_size": 99}, {"init": lambda key, input_size: None}):
        changed = made._replace(**change)
        assert changed != made
        assert repr(changed).startswith("Cell(init=")
    assert made._replace(gates=None, form=None) == MADE[name]()._replace(form=None, gates=None)
    again = made._replace(step=None)._replace(step=made.step)
    assert (again, repr(again)) == (made, repr(made))


@pytest.mark.parametrize("name", MADE)
def test_repr_is_the_call(name):
    made = MADE[name]()
    text = repr(made)
    if name != "own":  # Python has no such text for a function
        assert eval(text, {"rnnx": rnnx}) == made
    assert "0x" not in text.replace(repr(recurrent_kernel), "")


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (rnnx.lstm(hidden_size=4, forget_bias=1.0), "rnnx.lstm(4)"),
        (rnnx.lstm(4, forget_bias=0), "rnnx.lstm(4, forget_bias=0.0)"),
        (rnnx.stack(rnnx.lstm(4), rnnx.residual(rnnx.gru(4))), "rnnx.stack(rnnx.lstm(4), rnnx.residual(rnnx.gru(4)))"),
        (rnnx.zoneout(key=None, rate=0.5, cell=rnnx.gru(4)), "rnnx.zoneout(rnnx.gru(4), 0.5)"),
        (rnnx.gru(4, recurrent_initializer="identity"), "rnnx.gru(4, recurrent_initializer='identity')"),
        (rnnx.gru(4).form.project, "rnnx.gru(4).form.project"),
        (kernels.orthogonal(0.5), "rnnx.initializers.kernels.orthogonal(0.5)"),
    ],
)
def test_it_is_short(cell, text):
    assert repr(cell) == text


def test_a_key_is_told_by_its_type_also_under_jit():
    """Its numbers take lines, and there are none of a tracer."""
    text = "rnnx.dropout(rnnx.gru(3), key<fry>[], input_rate=0.5)"
    assert repr(rnnx.dropout(rnnx.gru(H), KEY, input_rate=0.5)) == text
    told = []
    jax.jit(lambda key: told.append(repr(rnnx.dropout(rnnx.gru(H), key, input_rate=0.5))))(KEY)
    jax.vmap(lambda key: told.append(repr(rnnx.dropout(rnnx.gru(H), key, input_rate=0.5))))(jax.random.split(KEY))
    assert told == [text, text]


def test_repr_of_what_holds_a_cell():
    """A flow, and Flax's layers."""
    flow = rnnx.gradient_flow(rnnx.gru(H), values(rnnx.gru(H)), jnp.ones((5, 2, I)), jnp.sum)
    assert repr(flow) == repr(jax.device_get(flow)) == "GradientFlow(rnnx.gru(3), inputs=float32[5,2,2])"
    assert repr(jax.tree.map(lambda leaf: None, flow)) == "GradientFlow(rnnx.gru(3), inputs=None)"
    assert "\n  cell=rnnx.gru(3),\n" in repr(NNXRecurrent(rnnx.gru(H), I, rngs=nnx.Rngs(0)))
    assert "\n    cell = rnnx.gru(3)\n" in repr(LinenRecurrent(rnnx.gru(H)))


@pytest.mark.filterwarnings("ignore:The chararray class:DeprecationWarning")  # it looks at every name in NumPy
def test_treescope_shows_a_cell_as_its_call_and_the_shapes_of_parameters():
    """In notebooks, where it is installed."""
    treescope = pytest.importorskip("treescope")
    stack = NESTED["stack_of_all"]()
    assert treescope.render_to_text(stack) == repr(stack)
    shown = treescope.render_to_text(values(rnnx.gru(H)))
    assert shown.startswith("GRUParams(")
    assert "jax.Array float32(3, 9)" in shown


@pytest.mark.parametrize("name", [*MADE, *DRAWN])
@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda cell: pickle.loads(pickle.dumps(cell))])
def test_a_copy_is_the_same_cell(name, copied):
    made = (MADE | COMBINED)[name]()
    again = copied(made)
    assert type(again) is rnnx.Cell
    if name not in DRAWN or copied in (copy.copy, copy.deepcopy):
        assert again == made
        assert hash(again) == hash(made)
    if name in DRAWN:
        assert_close(again.init(KEY, I), made.init(KEY, I), rtol=0, atol=0)
        ys = [rnnx.unroll(cell, values(made), jnp.ones((4, 2, I)), engine="loop").outputs for cell in (made, again)]
        np.testing.assert_array_equal(*ys)


def test_what_was_changed_is_pickled_too():
    changed = rnnx.stack(rnnx.lstm(H), rnnx.gru(H))._replace(form=None)
    assert pickle.loads(pickle.dumps(changed)) == changed


@pytest.mark.slow
def test_another_process_makes_the_same_cell():
    stack = NESTED["stack_of_all"]()
    layer = NNXRecurrent(rnnx.gru(H), I, rngs=nnx.Rngs(0))
    there = """
import pickle, sys
import jax, jax.numpy as jnp
cell, layer = pickle.load(sys.stdin.buffer)
values = jax.jit(lambda: (cell.init(jax.random.key(0), layer.input_size), layer(jnp.ones((2, 4, layer.input_size)))))()
sys.stdout.buffer.write(pickle.dumps((repr(cell), cell, jax.tree.map(jax.device_get, values))))
"""
    done = subprocess.run(
        [sys.executable, "-c", there], input=pickle.dumps((stack, layer)), capture_output=True, timeout=300, check=True
    )
    text, cell, found = pickle.loads(done.stdout)
    assert (text, cell) == (repr(stack), stack)
    expected = values(stack), layer(jnp.ones((2, 4, I)))
    assert_close(found, expected, rtol=1e-6, atol=1e-6)  # that process optimises its programs: a few float32 roundings


# Which calls are equal.


def test_calls_are_compared_as_values():
    made = rnnx.lstm(4)
    assert made == rnnx.lstm(hidden_size=4) == rnnx.lstm(4, forget_bias=1.0) == rnnx.lstm(4, forget_bias=1)
    assert made == rnnx.lstm(np.int64(4), forget_bias=np.float32(1)) == rnnx.cells.get("lstm")(4)
    assert rnnx.gru(4, reset_after=False) == rnnx.gru(4, reset_after=np.False_)
    assert rnnx.zoneout(made, {"h": 0.5, "c": 0.1}) == rnnx.zoneout(cell=made, rate={"c": 0.1, "h": np.float64(0.5)})
    others = [rnnx.lstm(5), rnnx.gru(4), rnnx.lstm(4, forget_bias=0), rnnx.lstm(4, bias_initializer="uniform")]
    others += [rnnx.residual(made), rnnx.stack(made), rnnx.lstm(4, recurrent_initializer="orthogonal(0.5)")]
    assert len({made, *others}) == 8
    assert made.form.project != rnnx.lstm(5).form.project
    assert rnnx.bidirectional(made, rnnx.gru(4)) != rnnx.bidirectional(rnnx.gru(4), made)


def test_numbers_of_another_type_are_other_arguments():
    """They may make another cell, x ** 2 and x ** 2.0, or be refused."""

    @factory
    def power(exponent):
        return rnnx.rnn(H)._replace(read=lambda params, state, x: state.h**exponent)

    assert power(2) == power(np.int32(2))
    assert len({power(2), power(2.0), power(1), power(True)}) == 4
    rnnx.lstm(1)
    with pytest.raises(ValueError, match="hidden_size"):
        rnnx.lstm(True)


def test_a_function_is_compared_by_identity_and_pickled_if_it_can_be_imported():
    def constant(value):
        return lambda key, rows, columns, gates: jnp.full((rows, gates * columns), value)

    own = constant(0.5)
    assert rnnx.gru(H, recurrent_initializer=own) == rnnx.gru(H, recurrent_initializer=own)
    assert rnnx.gru(H, recurrent_initializer=own) != rnnx.gru(H, recurrent_initializer=constant(0.5))
    with pytest.raises((pickle.PicklingError, AttributeError), match=r"constant\.<locals>\.<lambda>"):
        pickle.dumps(rnnx.gru(H, recurrent_initializer=own))
    block = jax.nn.initializers.orthogonal()
    assert kernels.per_gate(block) == kernels.per_gate(block) != kernels.fused(block)


@pytest.mark.parametrize("array", [np.arange(3.0), jnp.arange(3.0), {"scale": np.arange(3.0)}])
def test_with_an_array_a_cell_is_equal_to_itself_alone(array):
    @factory
    def scaled(scale, hidden_size=H):
        return rnnx.rnn(hidden_size)._replace(read=lambda params, state, x: scale * state.h)

    one, other = scaled(array), scaled(array, H)
    assert one == one == copy.deepcopy(one)
    assert one != other
    shown = "float32[3]" if isinstance(array, jax.Array) else repr(array)
    assert repr(one) == f"scaled({shown})" == repr(other)


def test_arguments_are_copied():
    """What is changed after the call changes neither the cell nor what it is equal to."""
    rates = {"h": 0.5}
    made = rnnx.zoneout(rnnx.rnn(H), rates)
    rates["h"] = 0.9
    assert made == rnnx.zoneout(rnnx.rnn(H), {"h": 0.5})
    params = values(made)
    state = made.initial_state(params, ())._replace(h=jnp.ones(H))
    stepped, plain = (cell.step(params, state, jnp.ones(I)).h for cell in (made, rnnx.rnn(H)))
    np.testing.assert_allclose(stepped, 0.5 + 0.5 * plain, rtol=1e-6)  # a float32 rounds at 6e-8


def test_what_a_cell_takes_over_from_another_stays_that():
    """And is the other's to compare; but what comes out of a factory is known by its own call alone."""
    inner = rnnx.gru(H)
    around = rnnx.residual(inner)
    assert (around.step, around.form) == (inner.step, inner.form)
    assert around.form is inner.form
    assert around.read != inner.read

    @factory
    def own(hidden_size):
        return rnnx.residual(rnnx.gru(hidden_size, recurrent_initializer=lambda *shape: recurrent_kernel(*shape)))

    assert own(H) == own(H) != rnnx.residual(inner)
    assert repr(own(H)) == "own(3)"


def test_arguments_left_out_stand_for_their_defaults():
    """However they can be given."""

    @factory
    def made(first=1, /, second=2, *rest, third=3.0, **more):
        return rnnx.rnn(H)._replace(output_size=(first, second, rest, third, more))

    assert made() == made(third=3)
    assert made(1, 2, 5) == made(1, 2, 5, third=3.0)
    assert made(1, 2, 5).output_size == (1, 2, (5,), 3.0, {})
    assert made(7, second=8, third=9, fourth=4).output_size == (7, 8, (), 9.0, {"fourth": 4})
    assert made(fourth=4) == made(fourth=np.int64(4)) != made(fourth=5)


def test_wrong_arguments_are_named():
    with pytest.raises(TypeError, match=r"^lstm\(\) missing a required argument: 'hidden_size'$"):
        rnnx.lstm()
    with pytest.raises(TypeError, match=r"^gru\(\) got an unexpected keyword argument 'forget'$"):
        rnnx.gru(4, forget=1)
    assert list(inspect.signature(rnnx.rnn).parameters)[:2] == ["hidden_size", "activation"]


def test_a_cell_put_together_by_hand_is_equal_to_itself_alone():
    def by_hand():
        return rnnx.Cell(*[(lambda *a, f=f: f(*a)) if callable(f) else f for f in rnnx.rnn(H)])

    one = by_hand()
    assert one == copy.copy(one)
    assert one != by_hand()
    assert repr(one).startswith("Cell(init=<function ")
    assert rnnx.residual(one) == rnnx.residual(one) != rnnx.residual(by_hand())


def test_the_cell_of_the_guide():
    """A new cell in a file of one's own has it all by one line."""
    guide = Path(rnnx.__file__).parents[1].joinpath("CONTRIBUTING.md").read_text(encoding="utf-8")
    namespace = {"__name__": "mgu"}
    exec(re.search(r"```python\n(.*?)```", guide, flags=re.DOTALL)[1], namespace)
    mgu = namespace["mgu"]
    assert mgu(4) == mgu(hidden_size=4, recurrent_initializer="orthogonal")
    assert repr(rnnx.stack(mgu(4), rnnx.lstm(4))) == "rnnx.stack(mgu(4), rnnx.lstm(4))"


# What is compiled for equal cells.


def test_equal_cells_share_a_program():
    """In an NNX layer, the model that experiments train, a Linen layer, by itself, and by one of its functions."""
    traced = []

    def run(kind, function, *arguments):
        traced.append(kind)
        return function(*arguments)

    layer = nnx.jit(lambda layer, xs: run("nnx", layer, xs))
    model = nnx.jit(lambda model, batch: run("model", model, batch))
    linen = jax.jit(lambda layer, variables, xs: run("linen", layer.apply, variables, xs), static_argnums=0)
    step = jax.jit(lambda cell, *arguments: run("cell", cell.step, *arguments), static_argnums=0)

    task = rnnx.tasks.get("adding")()
    batch = task.sample(KEY, 2, 4)
    xs = jnp.ones((2, 4, I))
    for seed in range(3):
        cell = rnnx.stack(rnnx.gru(H), rnnx.residual(rnnx.gru(H)))
        layer(NNXRecurrent(cell, I, rngs=nnx.Rngs(seed)), xs)
        model(Sequence(rnnx.gru(H), task, rngs=nnx.Rngs(seed)), batch)
        linen(LinenRecurrent(rnnx.gru(H)), LinenRecurrent(rnnx.gru(H)).init(KEY, xs), xs)
        params = cell.init(KEY, I)
        step(cell, params, cell.initial_state(params, ()), jnp.ones(I))
    assert sorted(traced) == ["cell", "linen", "model", "nnx"]


def test_what_a_factory_computes_is_a_constant():
    """Within `jit` it would be a tracer, left behind in the program of an equal cell."""

    @factory
    def scaled(hidden_size):
        scale = jnp.sqrt(jnp.float32(hidden_size))
        return rnnx.rnn(hidden_size)._replace(read=lambda params, state, x: scale * state.h)

    read = jax.jit(
        lambda cell, h: cell.read(None, rnnx.rnn(H).initial_state(params, ())._replace(h=h), None), static_argnums=0
    )
    params = values(rnnx.rnn(H))
    for factor in (1.0, 2.0):
        found = jax.jit(lambda h, factor=factor: read(scaled(H), factor * h))(jnp.ones(H))
        np.testing.assert_allclose(found, factor * np.sqrt(H), rtol=1e-6)  # a float32 rounds at 6e-8


def test_layers_and_models_can_be_pickled():
    task = rnnx.tasks.get("adding")()
    batch, xs = task.sample(KEY, 2, 4), jnp.ones((2, 4, I))
    linen = LinenRecurrent(rnnx.gru(H))
    variables = linen.init(KEY, xs)
    for thing, run in [
        (NNXRecurrent(rnnx.gru(H), I, rngs=nnx.Rngs(0)), lambda layer: layer(xs)),
        (Sequence(rnnx.gru(H), task, rngs=nnx.Rngs(0)), lambda model: model(batch)),
        (linen, lambda layer: layer.apply(variables, xs)),
    ]:
        for again in (copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
            np.testing.assert_array_equal(run(again), run(thing))
    assert pickle.loads(pickle.dumps(linen)) == linen


def test_what_nobody_uses_is_forgotten():
    """A factory keeps no cell alive, and a cell does not refer to itself: the arrays in it go when it goes."""
    gc.disable()
    try:
        cell = rnnx.stack(rnnx.lru(H), rnnx.gru(H, bias_initializer=lambda key, biases, memory: biases))
        call, init = weakref.ref(cell.init.call), weakref.ref(cell.init)
        del cell
        assert call() is None
        assert init() is None
    finally:
        gc.enable()
