"""Training: a pure function of seed and step, whatever the number of steps per dispatch."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import rnnx
from rnnx.logbook import Checkpoints
from rnnx.training import parallel
from rnnx.training.objective import Objective
from rnnx.training.optimizers import Groups
from rnnx.training.program import Hyperparameters, applying, mean_loss, program
from tests.helpers.streams import LAP, streaming
from tests.variants import CELLS, slow_unless

TASK = rnnx.tasks.get("adding")()
of_the_same_program = pytest.mark.xdist_group("program")  # which is compiled once
of_the_same_stream = pytest.mark.xdist_group("carrying")  # likewise


def make(cell=None, task=None, **changes):
    return shared(cell, **changes) if task is None else built(cell, task, **changes)


@functools.cache  # tests share what is compiled for the same settings
def shared(cell, **changes):
    return built(cell, TASK, **changes)


def built(cell, task, **changes):
    settings = {
        "length": 6,
        "batch_size": 4,
        "steps_per_dispatch": 2,
        "measure_batch_size": 4,
        "diagnostics": ("state_gradient",),
    }
    return program(model_of(cell or rnnx.gru(5), task), task, **(settings | changes))


def model_of(cell, task=TASK):
    return functools.partial(rnnx.models.get("sequence"), cell, task)


def given(seed=0, learning_rate=0.01, clip_norm=1.0):
    return Hyperparameters(seed, learning_rate, clip_norm)


def same(a, b):
    return all(jax.tree.leaves(jax.tree.map(lambda x, y: bool((x == y).all()), a, b)))


@of_the_same_program
def test_steps_per_dispatch_do_not_change_the_result():
    one, two = make(steps_per_dispatch=1), make()
    stepwise, losses = one.init(0), []
    for _ in range(6):
        stepwise, metrics = one.train(stepwise, given())
        losses.append(metrics.loss[0])
    at_once, losses_at_once = two.init(0), []
    for _ in range(3):
        at_once, metrics = two.train(at_once, given())
        losses_at_once.extend(metrics.loss)
    assert int(at_once.step) == int(stepwise.step) == 6
    # The body of the loop is the same program; XLA may fuse it differently, a rounding per step.
    np.testing.assert_allclose(losses_at_once, losses, rtol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), at_once.params, stepwise.params)


@of_the_same_program
def test_two_runs_with_the_same_seed_are_equal_bit_by_bit():
    p = make()
    (one, first), (two, second) = p.train(p.init(3), given(3)), p.train(p.init(3), given(3))
    assert same(one, two)
    assert same(first, second)
    assert not same(p.init(3).params, p.init(4).params)


@of_the_same_program
def test_training_equals_plain_adam_on_the_same_batches():
    """Against optax used by hand, one step after the other; clipping acts after the norm is taken."""
    p = make()
    state = p.init(0)
    apply = applying(model_of(rnnx.gru(5)))
    optimizer = optax.chain(optax.clip_by_global_norm(0.1), optax.adam(0.01))
    params = jax.tree.map(jnp.copy, state.params)
    opt_state = optimizer.init(params)
    data_key = jax.random.split(jax.random.key(0), 3)[1]

    @jax.jit
    def by_hand(params, opt_state, key):
        batch = TASK.sample(key, 4, 6)
        gradients = jax.grad(lambda w: mean_loss(TASK, apply(w, batch, rnnx.plain_run), batch))(params)
        with jax.numpy_dtype_promotion("standard"):  # optax needs it
            updates, opt_state = optimizer.update(gradients, opt_state)
        return optax.apply_updates(params, updates), opt_state, optax.tree.norm(gradients)

    norms = []
    for step in range(2):
        params, opt_state, norm = by_hand(params, opt_state, jax.random.fold_in(data_key, step))
        norms.append(norm)
    trained, metrics = p.train(state, given(clip_norm=0.1))
    # float32 roundings of the gradient; Adam divides by its size, so they are relative to the step of 0.01.
    np.testing.assert_allclose(metrics.gradient_norm, np.stack(norms), rtol=1e-4)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), trained.params, params)


@of_the_same_program
def test_the_norm_is_the_one_before_clipping():
    p = make()
    _, clipped = p.train(p.init(0), given(clip_norm=1e-3))
    _, free = p.train(p.init(0), given(clip_norm=np.inf))
    assert clipped.gradient_norm[0] == free.gradient_norm[0]
    assert clipped.gradient_norm[0] > 1e-3


def test_a_gradient_too_large_to_be_squared_is_clipped_and_told():
    """1000 times at each of 5 steps: a norm of 1e23. Its square is beyond float32, and so Adam's without clipping."""
    cell = rnnx.rnn(4, activation="identity", recurrent_initializer="identity(1000)")
    p = make(cell, length=5, diagnostics=("weight_gradient",))
    state = p.init(0)
    apply = applying(model_of(cell))
    batch = TASK.sample(jax.random.fold_in(jax.random.split(jax.random.key(0), 3)[1], 0), 4, 5)
    gradients = jax.jit(jax.grad(lambda w: mean_loss(TASK, apply(w, batch, rnnx.plain_run), batch)))(state.params)
    expected = np.sqrt(sum(np.sum(np.square(np.asarray(g, float))) for g in jax.tree.leaves(gradients)))
    measured = p.measure(state, 0)
    assert all(15 < measured[f"weight_gradient/{name}/log10_norm"] < 26 for name in ("recurrent_kernel", "bias"))
    before = jax.tree.map(jnp.copy, state.params)
    trained, metrics = p.train(state, given())
    np.testing.assert_allclose(metrics.gradient_norm[0], expected, rtol=1e-5)  # float32 roundings of a product of 5
    assert 1e23 < expected < 1e25
    assert int(trained.step) == 2
    assert not same(before, trained.params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(trained))
    stopped, metrics = p.train(p.init(0), given(clip_norm=np.inf))
    assert int(stopped.step) == 0  # rather than to go on with a mean of squares that is infinite for ever
    assert not np.isfinite(metrics.gradient_norm).any()


@of_the_same_program
def test_experiments_side_by_side_are_those_one_by_one():
    """By `vmap` over seeds, learning rates and clip norms, none the same."""
    p = make()
    each = [given(seed, rate, clip) for seed, rate, clip in ((0, 0.01, 1.0), (3, 0.1, 0.05), (4, 0.02, np.inf))]
    alone = [p.train(p.init(one.seed), one) for one in each]
    stacked = jax.tree.map(lambda *leaves: jnp.asarray(leaves), *each)
    states, metrics = jax.vmap(p.train)(jax.vmap(p.init)(stacked.seed), stacked)
    for number, (state, single) in enumerate(alone):
        # Batched products may add in another order: float32 roundings, which Adam divides by the gradient's size.
        np.testing.assert_allclose(metrics.loss[number], single.loss, rtol=1e-5)
        of_one = jax.tree.map(lambda leaf, number=number: leaf[number], states)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), of_one, state)


@of_the_same_program
def test_a_step_that_is_not_finite_is_not_taken_and_its_neighbours_go_on():
    p = make()
    calm, wild = given(0), given(0, learning_rate=1e38)  # whose parameters are beyond float32 after one step
    before, metrics = p.train(p.init(0), wild)
    assert np.isfinite(metrics.loss).tolist() == [True, False]
    before, metrics = p.train(before, wild)
    assert not np.isfinite(metrics.loss).any()
    assert int(before.step) == 1
    stacked = jax.tree.map(lambda *leaves: jnp.asarray(leaves), calm, wild, given(1))
    states, side_by_side = jax.vmap(p.train)(jax.vmap(p.init)(stacked.seed), stacked)
    assert states.step.tolist() == [2, 1, 2]
    alone = p.train(p.init(0), calm)[1].loss
    np.testing.assert_allclose(side_by_side.loss[0], alone, rtol=1e-5)  # roundings, as above


def test_nothing_is_compiled_twice():
    traces = 0

    def counted(params, state, x):
        nonlocal traces
        traces += 1
        return cell.step(params, state, x)

    cell = rnnx.rnn(3)
    p = make(cell._replace(step=counted, form=None))
    state = p.init(0)
    for seed in range(3):
        state, _ = p.train(state, given(seed))
    first = traces
    for seed in range(3):
        state, _ = p.train(state, given(seed))
    assert traces == first > 0


@functools.cache  # compiled once
def carrying(mesh=None, precision="float32", **modes):
    objective = Objective(carry_state=True, **modes)
    return make(task=streaming(), objective=objective, mesh=mesh, precision=precision, diagnostics=())


@of_the_same_stream
def test_a_state_that_is_carried_goes_through_a_checkpoint_bit_by_bit(tmp_path):
    """In the middle of a stream; and nothing compiles again from step to step."""
    p = carrying()
    state, _ = p.train(p.init(0), given())
    compiled = p.train._cache_size()
    state, _ = p.train(state, given())
    assert int(state.step) % LAP
    assert all(leaf.all() for leaf in jax.tree.leaves(state.carried))
    Checkpoints(tmp_path).save(4, state)
    straight = p.train(state, given())
    assert p.train._cache_size() == compiled
    _, restored = Checkpoints(tmp_path).restore_latest(jax.eval_shape(p.init, 0))
    assert same(straight, p.train(restored, given()))


@of_the_same_stream
def test_what_is_carried_is_what_a_long_sequence_would_have():
    """Without learning, so that parameters are the same at all steps."""
    state = carrying().init(0)
    params = jax.tree.map(jnp.copy, state.params)
    state, _ = carrying().train(state, given(learning_rate=0.0))
    data_key = jax.random.split(jax.random.key(0), 3)[1]
    chunks = [streaming().stream(jax.random.fold_in(data_key, 2**32 - 1), 4, 6, step).inputs for step in range(2)]
    expected = rnnx.unroll(rnnx.gru(5), params["cells"]["cell"], jnp.concatenate(chunks)).final_state
    np.testing.assert_allclose(state.carried["cell"].h, expected.h, rtol=1e-5, atol=1e-6)  # float32 roundings


@pytest.mark.slow
@of_the_same_stream
@pytest.mark.parametrize(
    ("settings", "atol"),
    [
        ({"omega": 1.0, "flossing_steps": 1, "truncate": 4}, 1e-6),  # float32 roundings
        # bfloat16 rounds at 2⁻⁹ = 0.002 in each of 12 steps.
        ({"random_truncation": 0.2, "mesh": parallel.mesh(), "precision": "bfloat16"}, 0.02),
    ],
)
def test_what_changes_the_gradient_alone_carries_the_same_state(settings, atol):
    states = [p.train(p.init(0), given(learning_rate=0.0))[0] for p in (carrying(), carrying(**settings))]
    expected, found = (state.carried["cell"].h for state in states)
    np.testing.assert_allclose(found, expected, atol=atol)
    assert found.dtype == jnp.float32


@pytest.mark.slow
@of_the_same_stream
def test_streams_side_by_side_are_those_one_by_one():
    p = carrying()
    stacked = jax.tree.map(lambda *leaves: jnp.asarray(leaves), given(0), given(3, 0.1))
    states, _ = jax.vmap(p.train)(jax.vmap(p.init)(stacked.seed), stacked)
    alone, _ = p.train(p.init(3), given(3, 0.1))
    # Batched products may add in another order: float32 roundings, which Adam divides by the gradient's size.
    np.testing.assert_allclose(states.carried["cell"].h[1], alone.carried["cell"].h, rtol=1e-4, atol=1e-5)


def test_a_task_without_a_stream_or_without_restarts_carries_no_state():
    with pytest.raises(ValueError, match=r"^carry_state is for tasks that have a stream, and this one has none\.$"):
        make(objective=Objective(carry_state=True))
    endless = streaming()._replace(stream=lambda *args: streaming().stream(*args)._replace(restarts=None))
    with pytest.raises(ValueError, match=r"^Task.stream must say in Batch.restarts which examples begin anew\."):
        make(task=endless, objective=Objective(carry_state=True))


def test_measuring_is_of_one_heldout_batch_and_has_every_measurement():
    names = ("gates", "hidden_units", "state_gradient")
    p = make(diagnostics=names)
    state = p.init(0)
    measured = p.measure(state, 0)
    assert same(measured, p.measure(state, 0))
    for name in names:
        assert any(tag.startswith(name + "/") for tag in measured)
    assert measured["heldout/loss"] > 0
    assert measured["state_gradient/h/log10_norm"].shape == (6,)


@pytest.mark.parametrize("name", slow_unless(lambda name: name == "lstm", CELLS))
def test_every_cell_learns_something(name):
    """Far below the floor of a predictor without memory, on a length that any cell can span.

    A linear cell can't multiply a value by its marker. The best linear predictor weights all 4 values by ½, since 2 of
    them are marked, which explains 4 · (½)² · 1/12 of the variance 2 · 1/12: half of it.
    """
    share = 0.6 if name == "lru" else 1 / 3
    p = make(
        rnnx.cells.get(name)(16),
        length=4,
        batch_size=32,
        steps_per_dispatch=300,
        measure_batch_size=256,
        diagnostics=(),
    )
    state, _ = p.train(p.init(0), given())
    assert p.measure(state, 0)["heldout/loss"] < TASK.baseline_loss(4) * share


def test_training_data_and_heldout_data_are_kept_apart():
    """`train` never samples what is held out: it still works when that sampler can't."""

    def forbidden(key, batch_size, length):
        raise AssertionError("held-out data in training")

    p = make(task=TASK._replace(sample_heldout=forbidden))
    p.train(p.init(0), given())
    with pytest.raises(AssertionError, match="held-out data"):
        p.measure(p.init(0), 0)


@pytest.mark.parametrize(
    ("optimizer", "moved"),
    [
        pytest.param("sgd", lambda g: 0.01 * g, marks=pytest.mark.slow),
        # One step from a mean of squares of 0: v = 0.1 g².
        ("rmsprop", lambda g: 0.01 * g / jnp.sqrt(0.1 * g**2 + 1e-8)),
        # Its corrections for the start make both means those of the first gradient.
        pytest.param("adam", lambda g: 0.01 * g / (jnp.abs(g) + 1e-8), marks=pytest.mark.slow),
    ],
)
def test_one_step_of_each_optimiser(optimizer, moved):
    cell = rnnx.rnn(3)
    p = make(cell, optimizer=optimizer, steps_per_dispatch=1)
    state = p.init(0)
    apply = applying(model_of(cell))
    batch = TASK.sample(jax.random.fold_in(jax.random.split(jax.random.key(0), 3)[1], 0), 4, 6)

    @jax.jit
    def moved_once(params):
        gradients = jax.grad(lambda w: mean_loss(TASK, apply(w, batch, rnnx.plain_run), batch))(params)
        return jax.tree.map(lambda w, g: w - moved(g), params, gradients)

    expected = moved_once(state.params)
    trained, _ = p.train(state, given(clip_norm=np.inf))
    # Steps of up to 0.03 times float32 roundings of the gradient, which divide themselves where it is small.
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), trained.params, expected)


def test_an_unknown_optimiser_or_precision_is_refused_with_the_nearest():
    with pytest.raises(
        ValueError, match=r"^no optimizer named 'sdg'; did you mean 'sgd'\? Known: adagrad, adam, adamw, rmsprop, sgd"
    ):
        make(optimizer="sdg")
    with pytest.raises(ValueError, match=r"^no precision named 'float16'; did you mean 'bfloat16'\?"):
        make(precision="float16")


@pytest.mark.slow  # that what is kept is float32 is in the next test too
@pytest.mark.parametrize("cell", ["rnn", "lstm", "lru"])
def test_bfloat16_trains_float32_parameters(cell):
    """Time runs in bfloat16, whose gradients are those of float32 but for its roundings; what is kept is float32."""
    made = rnnx.cells.get(cell)(16)
    settings = {"length": 4, "batch_size": 32, "steps_per_dispatch": 300, "measure_batch_size": 256}
    low = make(made, precision="bfloat16", **settings)
    state, metrics = low.train(low.init(0), given())
    assert {leaf.dtype for leaf in jax.tree.leaves(state.params)} == {jnp.dtype("float32")}
    assert metrics.loss.dtype == jnp.float32
    share = 0.6 if cell == "lru" else 1 / 2  # as in `test_every_cell_learns_something`, with more room for rounding
    measured = low.measure(state, 0)
    assert measured["heldout/loss"] < TASK.baseline_loss(4) * share
    assert measured["state_gradient/h/log10_norm"].dtype == jnp.float32


@pytest.mark.slow
def test_a_gradient_in_bfloat16_is_near_that_in_float32_but_not_the_same():
    both = {precision: make(precision=precision, steps_per_dispatch=1) for precision in ("float32", "bfloat16")}
    norms, curves = {}, {}
    for precision, p in both.items():
        state = p.init(0)
        curves[precision] = p.measure(state, 0)["state_gradient/h/log10_norm"]
        trained, metrics = p.train(state, given())
        norms[precision] = metrics.gradient_norm[0]
        assert {leaf.dtype for leaf in jax.tree.leaves(trained.params)} == {jnp.dtype("float32")}
        assert metrics.loss.dtype == curves[precision].dtype == jnp.float32
    # bfloat16 rounds at 2⁻⁹ = 0.002; some roundings in each of 6 steps.
    np.testing.assert_allclose(norms["bfloat16"], norms["float32"], rtol=0.05)
    np.testing.assert_allclose(curves["bfloat16"], curves["float32"], atol=0.05)
    assert norms["bfloat16"] != norms["float32"]
    # That it is told in float32: a logarithm in bfloat16 would have steps of 0.004 to 0.016 here.
    steps = np.asarray(curves["bfloat16"]) * 256
    assert np.all(steps != np.round(steps))


@pytest.mark.slow
def test_flossing_brings_exponents_to_zero_and_then_the_optimiser_begins_anew():
    cell = rnnx.rnn(8, recurrent_initializer="gaussian(0.3)")
    objective = Objective(flossing_steps=100, flossing_exponents=2)
    p = make(cell, length=20, objective=objective, steps_per_dispatch=100, diagnostics=("lyapunov",))
    flossed, metrics = p.train(p.init(0), given())
    before, after = (p.measure(state, 0)["lyapunov/spectrum"][:2] for state in (p.init(0), flossed))
    assert np.all(before < -0.5)
    assert np.all(np.abs(after) < 0.2 * np.abs(before))
    assert np.isfinite(metrics.loss).all()
    readout = jax.tree.map(jnp.copy, flossed.params["readout"])
    assert same(readout, p.init(0).params["readout"])
    trained, _ = p.train(flossed, given())
    assert optax.tree.get(trained.opt_state, "count") == 100
    assert not same(readout, trained.params["readout"])


def test_the_optimiser_begins_anew_after_so_many_steps():
    """AdaGrad's sums are then those of the steps since; and a group that the model has not is refused."""
    groups = Groups(l2=(("cells", 1e-3),), sgd=(("readout", 0.1),), restart_every=4, initial_sum=0.0)
    p = make(optimizer="adagrad", groups=groups)
    state, sums = p.init(0), []
    for _ in range(3):
        state, _ = p.train(state, given())
        sums.append(float(sum(map(jnp.sum, jax.tree.leaves(optax.tree.get(state.opt_state, "sum_of_squares"))))))
    assert sums[1] > sums[0]
    assert sums[2] < sums[1]  # of steps 5 and 6 alone
    with pytest.raises(ValueError, match=r"^no group of parameters named 'cell'; did you mean 'cells'"):
        make(groups=Groups(l2=(("cell", 1e-3),)))
