"""What every measurement keeps to; a new file is tested on arrival."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.types import Evidence, Histogram
from tests.examples import B, H, T, assert_close, example, make

every_measurement = pytest.mark.parametrize("name", rnnx.diagnostics.names())
LENGTHS = (5, 3, 1, 4)
# Curves over something else than lag: the numbers of the state.
SPECTRA = ("jacobian_products/log_singular_values", "lyapunov/spectrum")


def loss(ys):
    """Quadratic, so that a NaN in an output is also in its gradient; a sum, so that examples do not share it."""
    return jnp.sum(ys**2)


@functools.cache
def collecting(cell):
    return jax.jit(lambda params, xs, lengths: rnnx.evidence(cell, params, xs, loss, lengths=lengths)[1:])


@functools.cache
def measuring(name, cell):
    return jax.jit(lambda *evidence: rnnx.diagnostics.get(name)(Evidence(cell, *evidence)))


def measure(name, cell, params, xs, lengths=None):
    """Collected once for all measurements, since compiling the backward pass takes longest."""
    if lengths is None:
        lengths = jnp.full(xs.shape[1], len(xs))
    return measuring(name, cell)(*collecting(cell)(params, xs, lengths))


# Precision does not depend on the cell, and each program takes its time to compile.
@every_measurement
@pytest.mark.parametrize(
    ("variant", "precision"), [("lstm", "float64"), *((name, "float32") for name in rnnx.cells.names())]
)
def test_tags_and_values(name, variant, precision, request):
    """Scalars, curves over lag and histograms, in the precision computed in, with tags that begin with the name."""
    if precision == "float64":
        request.getfixturevalue("float64")
    cell, params, _, xs = example(variant)
    measured = measure(name, cell, params, xs, jnp.array(LENGTHS))
    assert isinstance(measured, dict)
    samples = sum(LENGTHS)
    for tag, value in measured.items():
        assert tag.startswith(f"{name}/")
        assert " " not in tag
        if isinstance(value, Histogram):
            counts, edges = value
            assert counts.shape == (len(edges) - 1,)
            assert edges.dtype == precision
            assert jnp.all(jnp.diff(edges) > 0)
            # Each step, each unit at each step, or each unit, of each example.
            assert counts.sum() in (samples, samples * H, len(LENGTHS) * H)
        else:
            assert value.ndim == 1 if tag in SPECTRA else value.shape in [(), (T,)], tag
            assert value.dtype == precision
            assert not jnp.isnan(value).any(), tag
    has_no_gates = name == "gates" and cell.gates is None
    assert measured or has_no_gates or name in ("mean_field", "recurrent_matrix")  # of other cells


@pytest.mark.parametrize("name", [name for name in rnnx.diagnostics.names() if name != "noise_scale"])
def test_an_example_equals_itself_in_a_batch(float64, name):
    """Three copies of an example measure what one does (but that their gradients with respect to weights add up).

    Not so the noise scale: how much examples differ is not told by one, and copies do not.
    """
    cell, params, _, xs = example("lstm")
    one = measure(name, cell, params, xs[:, :1])
    three = measure(name, cell, params, jnp.repeat(xs[:, :1], 3, axis=1))
    for tag, value in one.items():
        if isinstance(value, Histogram):
            np.testing.assert_array_equal(three[tag].counts, 3 * value.counts)
        else:
            more = np.log10(3) if name.startswith("weight_gradient") and tag.endswith("/log10_norm") else 0
            assert_close(three[tag], value + more)


@every_measurement
def test_what_lies_behind_the_last_step_is_not_measured(float64, name):
    """Not the padding, be it NaN; the steps up to the last one give the same as when there are no others."""
    cell, params, _, xs = example("lstm")
    last = 2
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
            assert_close(padded[tag][: last + 1], value)
            assert jnp.isnan(padded[tag][last + 1 :]).all(), "no example has these lags"


@every_measurement
@pytest.mark.parametrize("variant", rnnx.cells.names())
def test_nan_in_gives_nan_out(float64, name, variant):
    """One NaN at the first step of one example: every number says so, and none looks plausible."""
    cell, params, _, xs = example(variant)
    measured = measure(name, cell, params, xs.at[0, 1, 0].set(jnp.nan))
    sound = measure(name, cell, params, xs)
    for tag, value in measured.items():
        if isinstance(value, Histogram):
            assert 0 < value.counts.sum() < sound[tag].counts.sum()
        else:
            # An LSTM's output does not read c: where it alone could change c's gradient, that is zero whatever h is.
            unread = tag.startswith("state_gradient/c/log10_norm") and jnp.arange(T) == 0
            if name == "recurrent_matrix":  # reads the parameters alone
                continue
            if tag.endswith("/retention") and variant in ("mingru", "minlstm"):
                # Their gates read x_t alone: those after the first step are sound, and so are products of them.
                unread = jnp.arange(T) < T - 1
            np.testing.assert_array_equal(jnp.isnan(value), ~jnp.broadcast_to(unread, value.shape), err_msg=tag)


@every_measurement
def test_one_step(float64, name):
    """A sequence of one step has lag 0 alone: no slope can be told, and nothing is raised."""
    cell, params, _, xs = example("lstm", steps=1)
    for tag, value in measure(name, cell, params, xs).items():
        # y_T does not read c_T: there is no gradient to speak of.
        if tag.endswith(("decay_rate", "c/horizon", "c/exploding")):
            assert jnp.isnan(value), tag
        elif not isinstance(value, Histogram):
            assert not jnp.isnan(value).any(), tag


@every_measurement
def test_examples_without_any_step_are_not_measured(float64, name):
    cell, params, _, xs = example("lstm")
    some = measure(name, cell, params, xs, jnp.array([5, 0, 3, 0]))
    those = measure(name, cell, params, xs[:, ::2], jnp.array([5, 3]))
    assert_close(some, those)


def test_measurements_can_be_made_inside_one_jitted_function_with_the_rest():
    """And a second call, with other numbers, does not compile."""
    cell = make("lstm")
    _, params, _, xs = example("lstm")
    traces = 0

    @jax.jit
    def everything(params, xs):
        nonlocal traces
        traces += 1
        evidence = rnnx.evidence(cell, params, xs, loss)
        return {
            tag: value
            for name in rnnx.diagnostics.names()
            for tag, value in rnnx.diagnostics.get(name)(evidence).items()
        }

    first, second = everything(params, xs), everything(params, 2 * xs)
    assert traces == 1
    assert set(first) == set(second)
    assert len(first) > len(rnnx.diagnostics.names())
