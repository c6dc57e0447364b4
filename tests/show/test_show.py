"""Pictures of a flow in one line: what is drawn is what the flow has."""

import dataclasses
import functools
import subprocess
import sys

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot as plt

import rnnx
from rnnx.types import Histogram
from tests.test_known_answers import linear_rnn
from tests.variants import B, H, I, T, example

matplotlib.use("Agg")
LENGTHS = (5, 3, 1, 4)
ROTATION = jnp.array([[0.6, -0.8], [0.8, 0.6]])


@pytest.fixture(scope="module")
def flow():
    """Of an LSTM, in a batch of examples that end at different steps."""
    cell, params, _, xs = example("lstm")
    return of(cell, params, xs, jnp.array(LENGTHS))


@functools.partial(jax.jit, static_argnums=0)
def of(cell, params, xs, lengths=None):
    return rnnx.gradient_flow(cell, params, xs, lambda ys: jnp.sum(ys**2), lengths=lengths)


@jax.jit
def linear(U):
    """Of a linear network of two units, and a loss of the last of twenty steps."""
    cell, params = linear_rnn(U)
    return rnnx.gradient_flow(cell, params, jnp.ones((20, 3, 2)), lambda ys: ys[-1].sum())


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def labels(axes):
    return [line.get_label() for line in axes.lines if not line.get_label().startswith("_")]


DRAWN = [rnnx.show.lag, rnnx.show.units, rnnx.show.gates, rnnx.show.eigenvalues]


@pytest.mark.parametrize("draw", DRAWN)
def test_axes_in_and_axes_out_with_labels(flow, ax, draw):
    assert draw(flow, ax=ax) is ax
    assert ax.get_xlabel()
    assert ax.get_ylabel()
    assert draw(flow, ax=ax) is ax, "twice on the same axes"


def test_without_axes_there_is_a_figure_of_pyplot_which_notebooks_show(flow):
    before = plt.get_fignums()
    axes = flow.plot()
    (number,) = set(plt.get_fignums()) - set(before)
    assert plt.figure(number) is axes.figure
    plt.close(number)


def test_lag_is_the_diagnostic_over_the_whole_state_at_lag_0(flow, ax):
    measured = jax.jit(rnnx.diagnostics.get("state_gradient"))(flow)
    assert labels(flow.plot(ax=ax)) == ["h", "c", "1 %: the reach", "float32 rounding"]
    for line in ax.lines[:2]:
        expected = (
            measured[f"state_gradient/{line.get_label()}/log10_norm"] - measured["state_gradient/state/log10_norm"][0]
        )
        np.testing.assert_allclose(line.get_ydata(), np.where(np.isfinite(expected), expected, np.nan), rtol=1e-5)


@pytest.mark.parametrize("rho", [0.5, 1.0])
def test_lag_of_a_rotation_is_a_straight_line(ax, rho):
    """A linear network scales the gradient by ρ at each step."""
    rnnx.show.lag(linear(rho * ROTATION), ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), np.arange(20) * np.log10(rho), atol=1e-5)  # float32 products
    assert ax.get_ylim()[0] <= 19 * np.log10(rho)


def test_axes_that_share_a_scale_keep_all_in_sight():
    figure, axes = plt.subplots(1, 3, sharey=True)
    for rho, one in zip((0.5, 1.0, 2.0), axes, strict=True):
        rnnx.show.lag(linear(rho * ROTATION), ax=one)
    low, high = axes[0].get_ylim()
    assert low <= min(line.get_ydata().min() for line in axes[0].lines[:1])
    assert high >= max(line.get_ydata().max() for line in axes[2].lines[:1])
    plt.close(figure)


def test_units_are_rows_and_lags_columns(flow, ax):
    rnnx.show.units(flow, ax=ax)
    (mesh,) = ax.collections
    values = mesh.get_array()
    assert values.shape == (2 * H, T)
    gradients = np.concatenate([flow.state_gradients.h, flow.state_gradients.c], axis=-1)
    for lag in range(T):
        at_lag = np.array([gradients[length - 1 - lag, b] for b, length in enumerate(LENGTHS) if length > lag])
        expected = np.sqrt(np.mean(np.square(at_lag, dtype=float), axis=0))
        drawn = 10 ** values.data[:, lag]
        np.testing.assert_allclose(drawn, expected, rtol=1e-6)  # float64 of float32 values
    assert [label.get_text() for label in ax.get_yticklabels()] == [f"h ({H})", f"c ({H})"]
    assert ax.yaxis_inverted()
    (bar,) = [other for other in ax.figure.axes if other is not ax]
    assert "root mean square of ∂L/∂s" in bar.get_ylabel()


def test_a_unit_that_gets_no_gradient_is_grey_and_not_dark(flow, ax):
    """At lag 0 the output does not read c, whose gradient is exactly zero; a small one has a colour."""
    rnnx.show.units(flow, ax=ax)
    assert ax.collections[0].get_array().mask[H:, 0].all()
    assert not ax.collections[0].get_array().mask[:, 1:].any()
    tiny = jax.tree.map(lambda d: d * 1e-30, flow.state_gradients)
    (mesh,) = rnnx.show.units(dataclasses.replace(flow, state_gradients=tiny), ax=plt.figure().subplots()).collections
    assert not mesh.get_array().mask[:H].any()
    plt.close()


def test_gates_are_the_median_and_quartiles_over_units_and_examples(flow, ax):
    rnnx.show.gates(flow, ax=ax)
    assert labels(ax) == ["input", "forget", "output"]
    values = flow.cell.gates(flow.params, flow.before, flow.inputs)
    for line in ax.lines:
        gate = np.asarray(values[line.get_label()])
        at_lag_3 = np.concatenate([gate[length - 4, b] for b, length in enumerate(LENGTHS) if length > 3])
        assert line.get_ydata()[3] == pytest.approx(np.median(at_lag_3))
    assert ax.get_ylim() == (0, 1)


def test_eigenvalues_of_each_block_by_the_name_of_its_gate(flow, ax):
    rnnx.show.eigenvalues(flow, ax=ax)
    U = np.asarray(flow.params.recurrent_kernel)
    circle, *blocks = ax.lines
    np.testing.assert_allclose(np.hypot(*circle.get_xydata().T), 1)
    for number, (line, name) in enumerate(zip(blocks, ("input", "forget", "candidate", "output"), strict=True)):
        expected = np.linalg.eigvals(U[:, number * H : (number + 1) * H])
        found = line.get_xdata() + 1j * line.get_ydata()
        np.testing.assert_allclose(np.sort_complex(found), np.sort_complex(expected), rtol=1e-4, atol=1e-5)  # float32
        assert line.get_label() == f"{name}, spectral radius {np.abs(expected).max():.3g}"


def test_eigenvalues_of_a_rotation_lie_on_the_unit_circle(ax):
    rnnx.show.eigenvalues(linear(ROTATION), ax=ax)
    found = ax.lines[1]
    np.testing.assert_allclose(sorted(found.get_ydata()), [-0.8, 0.8], rtol=1e-5)
    np.testing.assert_allclose(np.hypot(found.get_xdata(), found.get_ydata()), 1, rtol=1e-6)
    assert found.get_label() == "spectral radius 1"


@pytest.mark.parametrize("name", ["hidden_units", "gates"])
def test_any_diagnostic_is_drawn_as_analyze_does(flow, name):
    figure = rnnx.show.diagnostic(name, flow)
    assert figure.get_suptitle().startswith(f"rnnx.lstm({H}): ")
    measured = jax.jit(rnnx.diagnostics.get(name))(flow)
    counts = [value.counts / value.counts.sum() for value in measured.values() if isinstance(value, Histogram)]
    drawn = [patch.get_data().values for axes in figure.axes for patch in axes.patches if hasattr(patch, "get_data")]
    assert all(any(len(d) == len(c) and np.allclose(c, d) for d in drawn) for c in counts)


def test_what_there_is_nothing_of_is_said_in_a_sentence(flow):
    with pytest.raises(ValueError, match=r"^rnnx\.rnn\(2, activation='identity'\) has no gates\.$"):
        rnnx.show.gates(linear(ROTATION))
    with pytest.raises(ValueError, match=rf"^the diagnostic 'mean_field' has no picture of rnnx\.lstm\({H}\)\.$"):
        rnnx.show.diagnostic("mean_field", flow)
    with pytest.raises(ValueError, match="did you mean 'lyapunov'"):
        rnnx.show.diagnostic("lyapunv", flow)
    for draw in DRAWN:
        with pytest.raises(ValueError, match="there are none of under jit: return the flow"):
            jax.eval_shape(lambda flow, draw=draw: draw(flow), flow)


@pytest.mark.slow
def test_of_cells_in_a_stack_each_has_its_gates_and_none_has_the_matrix(ax):
    cell = rnnx.stack(rnnx.gru(2), rnnx.gru(2))
    flow = of(cell, cell.init(jax.random.key(0), I), jnp.ones((T, B, I)))
    assert labels(rnnx.show.gates(flow, ax=ax)) == [
        f"layers.{n}.{gate}" for n in (0, 1) for gate in ("reset", "update")
    ]
    with pytest.raises(ValueError, match=r"^rnnx\.stack\(rnnx\.gru\(2\), rnnx\.gru\(2\)\) has no recurrent matrix\.$"):
        rnnx.show.eigenvalues(flow, ax=ax)


def test_matplotlib_is_loaded_where_a_picture_is_asked_for():
    """It takes long, and who trains or measures does not need it."""
    code = "import sys, rnnx; assert 'matplotlib' not in sys.modules; rnnx.show.lag; assert 'matplotlib' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
    with pytest.raises(AttributeError, match="module 'rnnx' has no attribute 'shwo'"):
        rnnx.shwo  # noqa: B018
