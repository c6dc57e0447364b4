"""Newton's method over time: that it converges as theory says, says so when not, and is differentiated exactly.

That it agrees with the loop, with lengths, resets and backwards, is among the laws in tests/engines/test_engines.py.
"""

import functools
import itertools
import re
import warnings
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx.cells.rnn import RNNState
from rnnx.engines import _linear
from rnnx.engines._fixed_point import _worst
from rnnx.engines.newton import solve
from tests.variants import B, I, assert_close, example, inner, like, make, slow_unless, weights

SAID = r"engine 'newton' did not converge within \d+ iterations over \d+ steps"


def chaotic(steps):
    """A tanh network far above the critical gain of 1: errors grow about tenfold in five steps."""
    cell = rnnx.rnn(hidden_size=16, recurrent_initializer="glorot_uniform")
    params = cell.init(jax.random.key(0), I)
    params = params._replace(recurrent_kernel=like(params.recurrent_kernel, 0, scale=3 / 4))  # 3 / √H
    return cell, params, like(jax.ShapeDtypeStruct((steps, B, I), float), 1)


def by_scan(cell, params, xs):
    return jax.jit(lambda params, xs: rnnx.unroll(cell, params, xs, engine="scan", return_states=True).states)(
        params, xs
    )


def finished(function, *arguments):
    """What a function returns, when it is done on the device and has said all that it has to say."""
    result = jax.block_until_ready(function(*arguments))
    jax.effects_barrier()
    return result


def raised(function, *arguments):
    """What a function returns, and the warnings that came by."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = finished(function, *arguments)
    return result, [str(warning.message) for warning in caught]


@pytest.mark.parametrize(
    ("variant", "jacobian"),
    # What is missing is among the laws of all engines, which take the default, dense for cells so small.
    slow_unless(
        lambda *case: case == ("lstm", "diagonal"),
        [
            *((variant, "diagonal") for variant in ("rnn", "lstm", "gru", "gru_reset_before")),
            ("rnn", "dense"),
            ("gru", "dense"),
        ],
    ),
)
def test_values_and_gradients_are_those_of_the_scan(float64, variant, jacobian):
    ex = example(variant, steps=30)
    w = weights(ex)

    def of(run):
        def loss(params, state, xs):
            final_state, states = run(params, state, xs)
            return inner(w.outputs, ex.cell.read(params, states, xs)) + inner(w.final, final_state), states

        return jax.jit(jax.value_and_grad(loss, argnums=(0, 1, 2), has_aux=True))(*ex[1:])

    def by_newton(params, state, xs):
        # The error left with the diagonal is of the order of the tolerance.
        return solve(ex.cell, params, xs, state, jacobian=jacobian, tolerance=1e-13)[:2]

    def by_scan(params, state, xs):
        trajectory = rnnx.unroll(ex.cell, params, xs, state, engine="scan", return_states=True)
        return trajectory.final_state, trajectory.states

    # Some hundreds of roundings for each of the 30 steps, whose gradients are up to some hundreds.
    assert_close(of(by_newton), of(by_scan), rtol=1e-11, atol=1e-11)


def test_a_linear_cell_takes_one_iteration_and_the_check(float64):
    ex = example("rnn_identity", steps=50)
    _, states, report = jax.jit(functools.partial(solve, ex.cell))(ex.params, ex.xs)
    assert report.iterations == 2
    assert report.converged.all()
    assert_close(states, by_scan(ex.cell, ex.params, ex.xs), rtol=1e-11, atol=1e-11)  # 50 steps of some roundings


def test_the_error_is_squared_in_each_iteration(float64):
    """With dense Jacobians; with the diagonal ones it is not."""
    ex = example("gru", steps=50)

    @jax.jit
    def corrections():
        def last_of(n, jacobian):
            return solve(ex.cell, ex.params, ex.xs, jacobian=jacobian, max_iterations=n, tolerance=1e-300)[2].correction

        return [(last_of(5, jacobian), last_of(6, jacobian)) for jacobian in ("dense", "diagonal")]

    ((fifth, sixth), (slow_fifth, slow_sixth)), _ = raised(corrections)
    assert (fifth < 1e-3).all()
    assert (sixth > 1e-14).all(), "these are roundings"
    assert (sixth < fifth**1.5).all()  # fifth² times the second derivatives, which may amount to some hundreds
    assert (slow_sixth > 0.1 * slow_fifth).all()


@pytest.mark.parametrize(
    ("jacobian", "damping"),
    slow_unless(
        lambda *case: case == ("dense", 0.6),
        itertools.product(("dense", "diagonal"), (0.0, 0.6, 1.0)),
    ),
)
def test_as_many_iterations_as_steps_are_enough_whatever_the_damping(float64, jacobian, damping):
    """And it does not move the answer: even where errors grow, and even with nothing left of the Jacobian."""
    cell, params, xs = chaotic(steps=12)
    _, states, report = jax.jit(functools.partial(solve, cell, jacobian=jacobian, damping=damping))(params, xs)
    assert report.iterations <= 12 + 1  # the last one finds nothing to correct
    assert report.converged.all()
    # Tolerance of the engine (3.7e-11), times what 12 chaotic steps make of an error, some hundreds.
    assert_close(states, by_scan(cell, params, xs), rtol=0, atol=1e-8)


def test_where_it_does_not_converge_it_says_so_and_goes_step_by_step(float64):
    cell, params, xs = chaotic(steps=200)

    def run(solved):
        def loss(params):
            states, report = solved(params)
            return jnp.sum(states.h[20] ** 2), (states, report)

        return jax.jit(jax.grad(loss, has_aux=True))(params)

    (gradient, (states, report)), said = raised(run, lambda params: solve(cell, params, xs, max_iterations=5)[1:])
    assert not report.converged.any()
    assert (report.correction > 1e-3).all()
    assert report.iterations == 5
    assert len(said) == 1
    assert re.match(SAID, said[0])
    assert "within 5 iterations over 200 steps" in said[0]
    before = RNNState(jnp.concatenate([jnp.zeros_like(states.h[:1]), states.h[:-1]]))
    assert_close(cell.step(params, before, xs), states)
    wanted, (wanted_states, _) = run(lambda params: (by_scan(cell, params, xs), None))
    # Programs that are compiled apart may round otherwise, which these twenty steps make up to 1e5 times as large.
    assert_close(states.h[:20], wanted_states.h[:20], rtol=0, atol=1e-10)
    assert_close(gradient, wanted, rtol=1e-8, atol=1e-8)


def test_unroll_takes_it_and_a_warning_is_seen_as_one():
    cell, params, xs = chaotic(steps=200)
    run = jax.jit(functools.partial(rnnx.unroll, cell, engine="newton"))
    with pytest.warns(RuntimeWarning, match=SAID):
        finished(run, params, xs)


def test_mapped_over_each_has_its_own_answer(float64):
    """The step by step run of one that does not converge is no answer for one that does."""
    cell, params, xs = chaotic(steps=200)
    gains = jnp.array([0.1, 1.0, 0.2])

    def of(run):
        def one(gain):
            return run(params._replace(recurrent_kernel=gain * params.recurrent_kernel))

        return lambda gains: jax.vmap(one)(gains)

    (states, report), said = raised(jax.jit(of(lambda p: solve(cell, p, xs, max_iterations=10)[1:])), gains)
    np.testing.assert_array_equal(report.converged.all(axis=1), [True, False, True])
    assert (report.iterations < 10).tolist() == [True, False, True]
    assert len(said) == 1
    wanted = jax.jit(of(lambda p: by_scan(cell, p, xs)))(gains)
    calm = jax.tree.map(lambda s: s[::2], (states, wanted))
    assert_close(*calm, rtol=0, atol=1e-12)
    assert_close(states.h[1, :20], wanted.h[1, :20], rtol=0, atol=1e-10)


@pytest.mark.parametrize("needed", [False, True])
def test_mapped_over_nothing_is_run_step_by_step_that_is_not_needed(needed):
    ran = []

    def otherwise():
        jax.debug.callback(lambda: ran.append(1))
        return jnp.zeros(())

    def choose(done, value):
        return _linear.fallback(done, value, otherwise, "said")

    values, said = raised(jax.jit(jax.vmap(choose)), jnp.array([True, not needed]), jnp.array([1.0, 2.0]))
    np.testing.assert_array_equal(values, [1, 0 if needed else 2])
    assert bool(ran) == needed
    assert said == ["said"] * needed


def test_nan_is_in_its_own_example_from_its_own_step_on(float64):
    """And is said, and does not keep the others from converging nor the loop from ending."""
    ex = example("gru", steps=40)
    xs = ex.xs.at[7, 1, 0].set(jnp.nan)
    (states, report), said = raised(jax.jit(lambda xs: solve(ex.cell, ex.params, xs)[1:]), xs)
    np.testing.assert_array_equal(report.converged, np.arange(B) != 1)
    assert report.iterations < 12
    assert len(said) == 1
    assert "not finite" in said[0]
    assert_close(states, by_scan(ex.cell, ex.params, xs))  # NaN and NaN are close
    assert jnp.isnan(states.h[7:, 1]).all()


@pytest.mark.parametrize("jitted", slow_unless(bool, [True, False]))
def test_a_cell_may_close_over_what_is_differentiated_and_mapped_over(float64, jitted):
    ex = example("rnn", steps=4)

    def loss(run, scale, mask):
        """The mask as of dropout; the scale as of anything learned outside of the cell."""
        step = lambda params, state, x: ex.cell.step(params, RNNState(scale * mask * state.h), x)  # noqa: E731
        return jnp.sum(run(ex.cell._replace(step=step, form=None)).h ** 2)

    def of(run):
        value = functools.partial(loss, run)
        return jax.vmap(jax.grad(value) if jitted else value, in_axes=(None, 0))

    by_newton, by_scan = (
        lambda cell: solve(cell, ex.params, ex.xs)[1],
        lambda cell: rnnx.unroll(cell, ex.params, ex.xs, engine="scan", return_states=True).states,
    )
    scale, masks = jnp.array(0.9), like(jax.ShapeDtypeStruct((3, *ex.state.h.shape), float), 0)
    wanted = jax.jit(of(by_scan))(scale, masks)
    assert_close((jax.jit(of(by_newton)) if jitted else of(by_newton))(scale, masks), wanted)


@pytest.mark.parametrize("jacobian", slow_unless(lambda jacobian: jacobian == "dense", ("dense", "diagonal")))
def test_second_derivatives_and_forward_mode_are_those_of_the_scan(float64, jacobian):
    ex = example("rnn", steps=6)
    w = weights(ex)
    v = like((ex.params, ex.xs), seed=5)

    def of(run):
        def loss(at):
            states = run(*at)
            return inner(w.outputs, ex.cell.read(at[0], states, at[1]) ** 2)

        @jax.jit
        def derivatives(at):
            return jax.jvp(jax.grad(loss), (at,), (v,)), jax.grad(lambda at: inner(jax.grad(loss)(at), v))(at)

        return derivatives((ex.params, ex.xs))

    found = of(lambda params, xs: solve(ex.cell, params, xs, jacobian=jacobian, tolerance=1e-13)[1])
    wanted = of(lambda params, xs: rnnx.unroll(ex.cell, params, xs, engine="scan", return_states=True).states)
    assert_close(found, wanted, rtol=1e-11, atol=1e-11)  # derivatives up to some hundreds


def test_what_grows_later_does_not_excuse_what_was_before():
    """An error of a tenth in the first step is a tenth, however large the states become."""
    s = jnp.array([[1.0], [1e6]])[:, None]
    error = jnp.array([[0.1], [0.0]])[:, None]
    np.testing.assert_allclose(_worst(error, s), [0.1], rtol=1e-6)  # float32
    np.testing.assert_allclose(_worst(jnp.flip(error, 0), s), [0.1 / 1e6], rtol=1e-6)


def test_float32_is_as_near_as_its_rounding_allows():
    ex = example("lstm", steps=100)
    _, states, report = jax.jit(functools.partial(solve, ex.cell))(ex.params, ex.xs)
    assert report.converged.all()
    assert report.residual.dtype == jnp.float32
    # ε is 1.2e-7, the states are of order 1, and an LSTM with random weights forgets within some tens of steps.
    assert_close(states, by_scan(ex.cell, ex.params, ex.xs), rtol=0, atol=1e-5)


@pytest.mark.parametrize("transposed", slow_unless(bool, [False, True]))
def test_a_product_of_jacobians_may_overflow_where_the_solution_does_not(transposed):
    """Only what is never reached explodes: in parallel that gives 0 · ∞."""
    T = 8
    A = jnp.broadcast_to(jnp.diag(jnp.array([1e30, 0.5])), (T, 1, 2, 2))
    b = jnp.zeros((T, 1, 2)).at[..., 1].set(1.0)

    def run(b):
        if not transposed:
            return _linear.solution(A, b)
        (x,) = jax.linear_transpose(functools.partial(_linear.solution, A), b)(b)
        return jnp.flip(x, 0)

    found, said = raised(jax.jit(run), b)
    np.testing.assert_array_equal(found[:, 0, 0], 0)
    np.testing.assert_array_equal(found[:, 0, 1], 2 - 0.5 ** np.arange(T))  # exact in binary
    assert len(said) == 1
    assert "products of Jacobians" in said[0]


def test_a_vanishing_gradient_is_no_loss_of_precision():
    """Down to zero, through numbers below the smallest normal one: nothing is said of that."""
    T = 400
    A = like(jax.ShapeDtypeStruct((T, 3, 4, 4), float), 0, scale=0.1)
    b = jnp.zeros((T, 3, 4)).at[0].set(1e3)
    x, said = raised(jax.jit(_linear.solution), A, b)
    assert said == []
    assert not x[-1].any()
    by_step = np.array(b, float)
    for t in range(1, 20):
        by_step[t] += np.einsum("bij,bj->bi", A[t], by_step[t - 1])
    # Relative to each step's own size, which falls to 1e-13 of the first.
    error = np.abs(x - by_step).max(axis=-1)[:20] / np.abs(by_step).max(axis=-1)[:20]
    assert error.max() < 1e-4  # some hundred roundings of float32


class Mixed(NamedTuple):
    h: jax.Array
    c: jax.Array


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"jacobian": "dens"}, r"^no jacobian named 'dens'; did you mean 'dense'\? Known: dense, diagonal\.$"),
        ({"damping": 1.5}, r"^damping must be between 0 and 1, not 1\.5\.$"),
        ({"damping": float("nan")}, r"^damping must be a finite number, not nan\.$"),
        ({"tolerance": 0}, r"^tolerance must be a finite number above 0, not 0\.$"),
        ({"max_iterations": 0}, r"^max_iterations must be a whole number of at least 1, not 0\.$"),
    ],
)
def test_a_bad_option_is_named_in_one_line(options, message):
    ex = example("rnn")
    with pytest.raises(ValueError, match=message):
        solve(ex.cell, ex.params, ex.xs, **options)


def test_cells_that_it_can_not_solve_are_named_in_one_line():
    whole = rnnx.stack(make("rnn"), make("rnn"))
    with pytest.raises(ValueError, match=r"^a cell of form Composed .* rnnx\.unroll.*engine='newton'.*\.$"):
        solve(whole, whole.init(jax.random.key(0), I), jnp.ones((5, B, I)))
    cell = make("rnn")._replace(
        initial_state=lambda params, shape: Mixed(jnp.zeros((*shape, 3)), jnp.zeros((*shape, 3), jnp.bfloat16)),
        step=lambda params, state, x: state,
        form=None,
    )
    with pytest.raises(ValueError, match=r"takes states of one precision, and here are h float32, c bfloat16\.$"):
        rnnx.unroll(cell, example("rnn").params, jnp.ones((5, B, I)), engine="newton")


def test_no_steps_converge():
    ex = example("lstm", steps=0)
    final_state, states, report = solve(ex.cell, ex.params, ex.xs, ex.state)
    assert_close(final_state, ex.state, rtol=0, atol=0)
    assert states.h.shape == (0, *ex.state.h.shape)
    assert report.iterations == 0
    assert report.converged.all()
