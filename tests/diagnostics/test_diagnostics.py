"""What every measurement keeps to; a new file is tested on arrival."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.types import Histogram
from tests.variants import CELLS, B, H, T, assert_close, example


def cases():
    """Each measurement on an LSTM in float64, and one of them on complex numbers in float32; the rest is slow. Most
    have complex numbers in their own tests, and real ones in float32 are in test_state_of_any_rank.py."""
    for name in rnnx.diagnostics.names():
        for cell, precision in (("lstm", "float64"), *((cell, "float32") for cell in CELLS)):
            kept = precision == "float64" or (cell == "lru" and name == "state_gradient")
            in_one_process = pytest.mark.xdist_group(name)  # which so compiles a measurement once for each cell
            yield pytest.param(name, cell, precision, marks=[in_one_process, *([] if kept else [pytest.mark.slow])])


def each_measurement(kept=lambda name: True):
    return [
        pytest.param(name, marks=(pytest.mark.xdist_group(name), *([] if kept(name) else [pytest.mark.slow])))
        for name in rnnx.diagnostics.names()
    ]


# Of states, of gates, of Jacobians and of parameters, in curves, histograms and states as they are: what is measured of
# one step compiles anew.
OF_ONE_STEP = ("gates", "lyapunov", "state_gradient", "trajectories", "weight_gradient")
of_one_step = pytest.mark.parametrize("name", each_measurement(lambda name: name in OF_ONE_STEP))
every_measurement = pytest.mark.parametrize("name", each_measurement())
every_measurement_of_a_cell = pytest.mark.parametrize(("name", "of", "precision"), list(cases()))
LENGTHS = (5, 3, 1, 4)
# Curves over something else than lag: the numbers of the state.
SPECTRA = ("jacobian_products/log_singular_values", "lyapunov/spectrum")
ON_DATA = "state_gradient/on_data"
STATES = "trajectories/states"


def loss(ys):
    """Quadratic, so that a NaN in an output is also in its gradient; a sum, so that examples do not share it."""
    return jnp.sum(ys**2)


@functools.cache
def collecting(cell):
    return jax.jit(lambda params, xs, lengths: rnnx.gradient_flow(cell, params, xs, loss, lengths=lengths))


@functools.cache
def measuring(name):
    return jax.jit(rnnx.diagnostics.get(name))


def measure(name, cell, params, xs, lengths=None):
    """Collected once for all measurements, since compiling the backward pass takes longest."""
    if lengths is None:
        lengths = jnp.full(xs.shape[1], len(xs))
    # NumPy's from here on, since to look at a number in JAX is a program for each shape.
    return jax.device_get(measuring(name)(collecting(cell)(params, xs, lengths)))


def assert_tags_and_values(name, measured, precision, units=H):
    """Scalars, curves over lag and histograms, in the precision computed in, with tags that begin with the name; of a
    batch of LENGTHS."""
    assert isinstance(measured, dict)
    samples = sum(LENGTHS)
    for tag, value in measured.items():
        assert tag.startswith(f"{name}/")
        assert " " not in tag
        if isinstance(value, Histogram):
            counts, edges = value
            assert counts.shape == (len(edges) - 1,)
            assert edges.dtype == precision
            assert np.all(np.diff(edges) > 0)
            # Each step, each unit at each step, or each unit, of each example.
            assert counts.sum() in (samples, samples * units, len(LENGTHS) * units)
        else:
            if tag == STATES:
                assert value.shape[:2] == (T + 1, B)
                value = value[np.arange(T + 1)[:, None] <= np.array(LENGTHS)]
            else:
                assert value.ndim == 1 if tag in SPECTRA or "/eigenvalues_" in tag else value.shape in [(), (T,)], tag
            assert value.dtype == precision
            assert not np.isnan(value).any(), tag


@every_measurement_of_a_cell
def test_tags_and_values(name, of, precision, request):
    """Scalars, curves over lag and histograms, in the precision computed in, with tags that begin with the name."""
    if precision == "float64":
        request.getfixturevalue("float64")
    cell, params, _, xs = example(of)
    measured = measure(name, cell, params, xs, jnp.array(LENGTHS))
    assert_tags_and_values(name, measured, precision)
    has_no_gates = name == "gates" and cell.gates is None
    assert measured or has_no_gates or name in ("attention", "mean_field", "recurrent_matrix")  # of other cells


def assert_copies_measure(name, one, copies, number):
    """Copies of an example measure what one does, but that their gradients with respect to weights add up."""
    for tag, value in one.items():
        if isinstance(value, Histogram):
            np.testing.assert_array_equal(copies[tag].counts, number * value.counts)
        else:
            more = np.log10(number) if name.startswith("weight_gradient") and tag.endswith("/log10_norm") else 0
            assert_close(copies[tag], np.repeat(value, number, axis=1) if tag == STATES else value + more)


# How much examples differ is not told by one, and copies do not: its own test has examples without steps.
every_measurement_of_one_example = pytest.mark.parametrize(
    "name", [case for case in each_measurement() if case.values != ("noise_scale",)]
)


@every_measurement_of_one_example
def test_an_example_equals_itself_in_a_batch(float64, name):
    """Whose other examples are copies of it, or have no step at all."""
    cell, params, _, xs = example("lstm")
    alone = measure(name, cell, params, xs, jnp.array([0, 0, 3, 0]))
    alone.pop(ON_DATA, None)  # of the first example, which here has no step
    copies = measure(name, cell, params, jnp.repeat(xs[:, 2:3], B, axis=1), jnp.full(B, 3))
    if name == "trajectories":
        alone = {tag: value[:, 2:3] for tag, value in alone.items()}
    assert_copies_measure(name, alone, copies, B)


@pytest.mark.slow
@every_measurement_of_one_example
def test_a_batch_of_one(float64, name):
    cell, params, _, xs = example("lstm")
    one = measure(name, cell, params, xs[:, :1])
    copies = measure(name, cell, params, jnp.repeat(xs[:, :1], B, axis=1))
    assert_copies_measure(name, one, copies, B)


@of_one_step
@pytest.mark.parametrize("last", [0, pytest.param(2, marks=pytest.mark.slow)])
def test_what_lies_behind_the_last_step_is_not_measured(float64, name, last):
    """Not the padding, be it NaN; the steps up to the last one give the same as when there are no others."""
    cell, params, _, xs = example("lstm")
    short = measure(name, cell, params, xs[: last + 1])
    poisoned = xs.at[last + 1 :].set(jnp.nan)
    padded = measure(name, cell, params, poisoned, jnp.full(B, last + 1))
    assert set(padded) == set(short)
    for tag, value in short.items():
        if isinstance(value, Histogram):
            np.testing.assert_array_equal(padded[tag].counts, value.counts)
        elif value.ndim == 0 or tag in SPECTRA:
            assert_close(padded[tag], value)
        else:
            there = last + 1 + (tag == STATES)
            assert_close(padded[tag][:there], value)
            assert np.isnan(padded[tag][there:]).all(), "no example has these lags"


@every_measurement_of_a_cell
def test_nan_in_gives_nan_out(name, of, precision, request):
    """One NaN at the first step of one example: every number says so, and none looks plausible."""
    if precision == "float64":
        request.getfixturevalue("float64")
    cell, params, _, xs = example(of)
    measured = measure(name, cell, params, xs.at[0, 1, 0].set(jnp.nan))
    sound = measure(name, cell, params, xs)
    for tag, value in measured.items():
        if isinstance(value, Histogram):
            assert 0 < value.counts.sum() < sound[tag].counts.sum()
        elif tag != ON_DATA:  # of the first example alone, which has no NaN
            # An LSTM's output does not read c: where it alone could change c's gradient, that is zero whatever h is.
            unread = tag.startswith("state_gradient/c/log10_norm") and np.arange(T) == 0
            if name == "recurrent_matrix":  # reads the parameters alone
                continue
            if tag == STATES:
                assert np.isnan(value[1:, 1]).any()
                assert not np.isnan(value[:, 0]).any()
                continue
            if tag.endswith("/retention") and of in ("mingru", "minlstm"):
                # Their gates read x_t alone: those after the first step are sound, and so are products of them.
                unread = np.arange(T) < T - 1
            np.testing.assert_array_equal(np.isnan(value), ~np.broadcast_to(unread, value.shape), err_msg=tag)


@of_one_step
def test_one_step(float64, name):
    """A sequence of one step has lag 0 alone: no slope can be told, and nothing is raised."""
    cell, params, _, xs = example("lstm", steps=1)
    for tag, value in measure(name, cell, params, xs).items():
        # y_T does not read c_T: there is no gradient to speak of.
        if tag.endswith(("decay_rate", "c/horizon", "c/reach", "c/exploding")):
            assert np.isnan(value), tag
        elif not isinstance(value, Histogram):
            assert not np.isnan(value).any(), tag


@pytest.mark.slow
@every_measurement
@pytest.mark.parametrize("there", [[2], [0, 2]])
def test_examples_without_any_step_are_not_measured(float64, name, there):
    cell, params, _, xs = example("lstm")
    lengths = jnp.array([5, 1, 3, 4])
    some = measure(name, cell, params, xs, jnp.zeros(B, int).at[jnp.array(there)].set(lengths[jnp.array(there)]))
    those = measure(name, cell, params, xs[:, jnp.array(there)], lengths[jnp.array(there)])
    if name == "trajectories":
        some = {tag: value[:, jnp.array(there)] for tag, value in some.items()}
    assert_close(some, those)


def test_measurements_can_be_made_inside_one_jitted_function_with_the_rest():
    """And a second call, with other numbers, is not traced anew. Not compiled, which each of them is above."""
    cell, params, _, xs = example("rnn")
    traces = 0

    @jax.jit
    def everything(params, xs):
        nonlocal traces
        traces += 1
        evidence = rnnx.gradient_flow(cell, params, xs, loss)
        return {
            tag: value
            for name in rnnx.diagnostics.names()
            for tag, value in rnnx.diagnostics.get(name)(evidence).items()
        }

    first, second = everything.eval_shape(params, xs), everything.eval_shape(params, 2 * xs)
    assert traces == 1
    assert set(first) == set(second)
    assert len(first) > len(rnnx.diagnostics.names())
