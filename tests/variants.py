"""The cells that every law is tested on, and small problems for them."""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import rnnx
from rnnx import engines
from rnnx.types import Array, Cell, Composed, Params, State, Trajectory, Tree
from tests import reference
from tests.reference import Reference

# All different, so that a swap of two axes can't go unseen.
T, B, I, H = 5, 4, 2, 3


# All that run over time; those for trees are tested with the engine for trees.
CELLS = tuple(name for name in rnnx.cells.names() if not isinstance(rnnx.cells.get(name)(H).form, Tree))


class Variant(NamedTuple):
    cell: str
    options: Mapping[str, Any] = {}
    reference: str | None = None  # None: the loop alone is the oracle
    reference_options: Mapping[str, Any] = {}
    combine: Callable[[Cell], Cell] = lambda cell: cell
    drawn: bool = False  # at random for each place in the batch (and step), so that to move an example changes it

    def numpy(self) -> Reference:
        assert self.reference is not None
        return reference.get(self.reference, **self.reference_options)


# Every cell in its default variant, so that a new file is tested on arrival; other variants are added by hand. Options
# that change initial values only, such as an LSTM's forget bias, make no other equations; tested with the cell.
VARIANTS = {name: Variant(name, {}, name) for name in CELLS} | {
    "gru_reset_before": Variant("gru", {"reset_after": False}, "gru_reset_before"),
    "rnn_relu": Variant("rnn", {"activation": "relu"}, "rnn", {"activation": "relu"}),
    "rnn_identity": Variant("rnn", {"activation": "identity"}, "rnn", {"activation": "identity"}),
    "stack": Variant("rnn", combine=lambda cell: rnnx.stack(cell, rnnx.residual(cell))),
    "bidirectional": Variant("rnn", combine=lambda cell: rnnx.bidirectional(cell, cell)),
    "dropout": Variant(
        "rnn",
        combine=lambda cell: rnnx.dropout(cell, jax.random.key(3), input_rate=0.3, recurrent_rate=0.3),
        drawn=True,
    ),
    "zoneout": Variant("rnn", combine=lambda cell: rnnx.zoneout(cell, 0.3, jax.random.key(3)), drawn=True),
    # Three in one, since each compiles anew; each by itself is tested with the combinator.
    "zoneout_expected_learned_initial_state_layer_norm": Variant(
        "rnn", combine=lambda cell: rnnx.zoneout(rnnx.learned_initial_state(rnnx.layer_norm(cell)), 0.3)
    ),
}


def takes(kind: str, cell: Cell) -> bool:
    """Whether an engine runs a cell; what it does not take is tested in tests/engines/test_engines.py."""
    if not isinstance(cell.form, Composed):
        return engines.get(kind).takes(cell)

    def outputs(xs: Array) -> Array:
        return rnnx.unroll(cell, cell.init(jax.random.key(0), I), xs, engine=kind).outputs

    try:  # it alone knows the cells that it is made of
        jax.eval_shape(outputs, jnp.zeros((1, 1, I)))
    except ValueError as error:
        if "is for cells of form" not in str(error):
            raise
        return False
    return True


@functools.cache  # one object per variant, so that what is compiled for it is found again
def make(variant: str) -> Cell:
    chosen = VARIANTS[variant]
    return chosen.combine(rnnx.cells.get(chosen.cell)(hidden_size=H, **chosen.options))


# Each goes the way of another through unroll, engines and gradient flow, and differs from it in its equations alone.
# These are compared with the reference in every run of the suite, and keep the other laws in those with --slow.
ALIKE = ("gru", "mingru", "rnn_relu", "rnn_identity")


def slow_unless(kept: Callable[..., bool], cases: Iterable[Any]) -> list[Any]:
    """Parameters of a test of which the fast suite keeps one of each kind; a case is a value, or a tuple of several."""
    values = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [pytest.param(*case, marks=() if kept(*case) else pytest.mark.slow) for case in values]


def one_of_each_kind(names: Iterable[str]) -> list[Any]:
    """Variants, those that are like another one marked slow."""
    return slow_unless(lambda name: name not in ALIKE, names)


# Of each kind of state one: of two parts, complex, of a cell without a form, of two cells, with parameters of its own.
FEW = ("lstm", "lru", "gru_reset_before", "bidirectional", "zoneout_expected_learned_initial_state_layer_norm")


def few(names: Iterable[str]) -> list[Any]:
    """Variants, all but `FEW` marked slow: for laws that are about the state and how it is run, not the equations."""
    return slow_unless(lambda name: name in FEW, names)


def of_two_parts(names: Iterable[str]) -> list[Any]:
    """Variants of which the fast suite keeps a state of two parts: for what makes one vector of a state and is then the
    same for all. That it is, `flat_step`, is tested on one of each kind, complex numbers too, in test_jacobian.py.
    """
    return slow_unless(lambda name: name == "lstm", names)


WITH_REFERENCE = [name for name, variant in VARIANTS.items() if variant.reference is not None]
STEPPED = [name for name in VARIANTS if make(name).step is not None]
UNDRAWN = [name for name, variant in VARIANTS.items() if not variant.drawn]
# Newton's method takes longest to compile (half a minute for these, over two for all), and sees of a cell only its form
# and what its state is made of: two parts, no form, complex numbers. Others are in tests/engines/test_newton.py.
NEWTON = ("lstm", "gru_reset_before", "lru")
ENGINES = [
    (name, kind)
    for name in VARIANTS
    for kind in engines.names()
    if takes(kind, make(name)) and (kind != "newton" or name in NEWTON)
]


class Example(NamedTuple):
    cell: Cell
    params: Params
    state: State  # s_0, not zero
    xs: Array


def example(variant: str, steps: int = T, batch_shape: tuple[int, ...] = (B,), seed: int = 0) -> Example:
    """A cell with inputs, initial state and parameters, biases too, all of which matter."""
    return example_of(make(variant), steps, batch_shape, seed)


def example_of(cell: Cell, steps: int = T, batch_shape: tuple[int, ...] = (B,), seed: int = 0) -> Example:
    return _example_of(cell, steps, batch_shape, seed, jax.config.jax_enable_x64)


@functools.cache  # each draw is some dozens of small computations, and hypothesis asks for the same ones again
def _example_of(cell: Cell, steps: int, batch_shape: tuple[int, ...], seed: int, x64: bool) -> Example:
    params = cell.init(jax.random.key(seed), I)
    params = jax.tree.map(jnp.add, params, like(params, seed, scale=0.3))
    state = like(cell.initial_state(params, batch_shape), seed + 1)
    xs = like(jax.ShapeDtypeStruct((steps, *batch_shape, I), float), seed + 2)
    return Example(cell, params, state, xs)


def like(tree: Any, seed: int, scale: float = 1.0) -> Any:
    """Normal numbers, in the default precision, in the shapes of a pytree; complex where it is."""
    rng = np.random.default_rng(seed)

    def draw(leaf: Any) -> Array:
        values = scale * rng.standard_normal(leaf.shape)
        if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
            return jnp.asarray(values + 1j * scale * rng.standard_normal(leaf.shape), complex)
        return jnp.asarray(values, float)

    return jax.tree.map(draw, tree)


def over_time(state: State, steps: int) -> State:
    """Shapes of the states s_1 … s_T of a state."""
    return jax.tree.map(lambda s: jax.ShapeDtypeStruct((steps, *s.shape), s.dtype), state)


class Result(NamedTuple):
    trajectory: Trajectory
    params: Params  # the gradients
    xs: Array
    state: State
    perturbations: State


class Weights(NamedTuple):
    """Of the linear loss Σ outputs · y + Σ final · s_T, which reaches every output and every part of the state."""

    outputs: Array
    final: State


def weights(ex: Example, seed: int = 10) -> Weights:
    leading = ex.xs.shape[:-1]
    return like(Weights(jax.ShapeDtypeStruct((*leading, ex.cell.output_size), float), ex.state), seed)


def run(
    ex: Example, w: Weights, *, kind: str = "auto", reverse: bool = False, perturbations: State = None, **masks: Array
) -> Result:
    """Unroll, and differentiate the loss with respect to everything; compiled once per cell, engine and direction."""
    if perturbations is None:
        perturbations = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), over_time(ex.state, len(ex.xs)))
    return _compiled(ex.cell, kind, reverse)(*ex[1:], perturbations, w, masks)


@functools.cache
def _compiled(cell: Cell, kind: str, reverse: bool) -> Callable[..., Result]:
    def loss(
        params: Params, xs: Array, state: State, perturbations: State, w: Weights, masks: dict[str, Array]
    ) -> tuple[Array, Trajectory]:
        trajectory = rnnx.unroll(
            cell,
            params,
            xs,
            state,
            reverse=reverse,
            engine=kind,
            return_states=True,
            perturbations=perturbations,
            **masks,
        )
        return inner(w.outputs, trajectory.outputs) + inner(w.final, trajectory.final_state), trajectory

    @jax.jit
    def result(
        params: Params, state: State, xs: Array, perturbations: State, w: Weights, masks: dict[str, Array]
    ) -> Result:
        gradients, trajectory = jax.grad(loss, argnums=(0, 1, 2, 3), has_aux=True)(
            params, xs, state, perturbations, w, masks
        )
        return Result(trajectory, *gradients)

    return result


def inner(a: Any, b: Any) -> Array:
    """Σ a b over all entries of two pytrees; of complex ones, the real part of Σ ā b."""
    return jax.tree.reduce(jnp.add, jax.tree.map(lambda a, b: jnp.real(jnp.vdot(a, b)), a, b))


def assert_close(actual: Any, expected: Any, *, rtol: float = 1e-12, atol: float = 1e-12) -> None:
    """Two pytrees of one structure agree.

    Default tolerance: float64 rounds at 1.1e-16, and what is compared here is of order 1 (up to some hundreds) and the
    result of at most some thousands of roundings.
    """
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for (path, a), b in zip(jax.tree.leaves_with_path(actual), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol, err_msg=jax.tree_util.keystr(path))
