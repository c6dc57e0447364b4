"""The named tuples that pass between the parts of rnnx, and the letters used for shapes.

`T` time, `B` batch, `I` input features, `H` hidden units, `G` gate pre-activations (gates × H), `Y` cell outputs,
`O` task outputs, `V` vocabulary. Arrays are time-major: `[T, B, …]`. The functions of a cell work on the last axis
and take any leading axes, so the same code serves one step, a batch, and a whole sequence at once.

A pytree is any nesting of tuples, named tuples and dicts with arrays as leaves (`jax.tree`).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

Array = jax.Array
Params = Any  # a named tuple of arrays
State = Any  # a named tuple of arrays [..., H]


class Dense(NamedTuple):
    """The form of a cell that needs one matrix product with the previous hidden vector per step.

        s_t = pointwise(params, s_{t-1}, project(params, x_t), hidden(params, s_{t-1}) @ recurrent(params))

    An engine may use this structure: `project` depends on x alone, so it is one large product over all T·B rows.
    """

    project: Callable[[Params, Array], Array]
    """(params, xs [..., I]) -> gx [..., G]: all that needs x alone."""
    recurrent: Callable[[Params], Array]
    """(params) -> W [H, G]."""
    hidden: Callable[[Params, State], Array]
    """(params, state) -> h [..., H]: what W multiplies."""
    pointwise: Callable[[Params, State, Array, Array], State]
    """(params, state, gx, gh) -> state: elementwise, no matrix product in it."""

    def step(self, params: Params, state: State, x: Array) -> State:
        """s_t from s_{t-1} and x_t: the cell's `step`, derived so that the equations stand once."""
        gx = self.project(params, x)
        gh = self.hidden(params, state) @ self.recurrent(params)
        return self.pointwise(params, state, gx, gh)


class Diagonal(NamedTuple):
    """The form of a linear recurrence, in which each entry of the state goes its own way.

        s_t = a_t ⊙ s_{t-1} + b_t,    (a_t, b_t) = coefficients(params, x_t)

    Maps of this kind can be composed in any grouping, so an engine may run time in parallel.
    """

    coefficients: Callable[[Params, Array], tuple[State, State]]
    """(params, xs [..., I]) -> (a, b), real or complex, each in the structure, shapes and types of the state; but what
    of `a` does not depend on x may be [H] alone."""

    def step(self, params: Params, state: State, x: Array) -> State:
        """s_t from s_{t-1} and x_t: the cell's `step`, derived so that the equations stand once."""
        a, b = self.coefficients(params, x)
        return jax.tree.map(lambda a, s, b: a * s + b, a, state, b)

    def over_time(self, params: Params, xs: Array) -> tuple[State, State]:
        """(a, b) of all steps at once, b [T, B, …]; a has as many axes, of size 1 where it does not vary, but for T."""
        a, b = self.coefficients(params, xs)

        def repeated(a: Array, b: Array) -> Array:
            a = a.reshape(*[1] * (b.ndim - a.ndim), *a.shape)
            return jax.numpy.broadcast_to(a, (b.shape[0], *a.shape[1:]))

        return jax.tree.map(repeated, a, b), b


class Composed(NamedTuple):
    """The form of a cell made of other cells, each of which runs over the whole sequence at once.

    `run(cell, params, xs, state, perturbations, against=False) -> (final_state, states)` runs one of them by the engine
    and with the lengths and resets in force; `against` turns it against the direction of the whole.
    """

    over_time: Callable[[Callable, Params, Array, State, State | None], tuple[State, State]]
    """(run, params, xs [T, B, I], s_0, perturbations) -> (final_state, states [T, B, …]) of the whole cell."""


class Cell(NamedTuple):
    """A recurrent cell: s_t = step(s_{t-1}, x_t) and y_t = read(s_t, x_t), as pure functions.

    Made by a factory that closes over the hyper-parameters:

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=4)
    >>> params = cell.init(jax.random.key(0), 3)
    >>> state = cell.initial_state(params, (2,))
    >>> state = cell.step(params, state, jax.numpy.ones((2, 3)))
    >>> cell.read(params, state, jax.numpy.ones((2, 3))).shape
    (2, 4)
    """

    init: Callable[[Array, int], Params]
    """(key, input_size) -> params."""
    initial_state: Callable[[Params, tuple[int, ...]], State]
    """(params, batch_shape) -> s_0."""
    step: Callable[[Params, State, Array], State] | None
    """(params, s_{t-1}, x_t) -> s_t; `None` where y_t depends on later inputs or on random masks, so that the cell
    can be unrolled over a sequence but not stepped (`bidirectional`; `dropout` and `zoneout` in training)."""
    read: Callable[[Params, State, Array], Array]
    """(params, s_t, x_t) -> y_t; called once for all t after time has run."""
    output_size: int
    """Y, the last axis of what `read` returns."""
    form: Dense | Diagonal | Composed | None = None
    """Structure that an engine may use; `None` runs `step` as it is."""
    gates: Callable[[Params, State, Array], dict[str, Array]] | None = None
    """(params, s_{t-1}, x_t) -> {"forget": [..., H] in [0, 1], …}, for analysis."""


class Trajectory(NamedTuple):
    """What running a cell over time gives: see `rnnx.unroll`."""

    outputs: Array
    """y_1 … y_T, [T, B, Y]; zero past an example's length."""
    final_state: State
    """s_T of each example, at its own length, [B, …]."""
    states: State | None
    """s_1 … s_T, [T, B, …], on request."""


class Batch(NamedTuple):
    """One batch of a task."""

    inputs: Array
    """[T, B, I] numbers, or [T, B] whole numbers below the vocabulary's size."""
    targets: Array
    """[T, B, …]."""
    weights: Array
    """[T, B]: how much each step counts in the loss. Many-to-one: 1 at the last step, else 0."""
    lengths: Array | None = None
    """[B]; `None` where every example is T long."""


class Task(NamedTuple):
    """Something to learn. `sample` is pure and jittable, for real data too, so a batch depends on its key alone."""

    sample: Callable[[Array, int, int], Batch]
    """(key, batch_size, length) -> Batch to train on."""
    sample_heldout: Callable[[Array, int, int], Batch]
    """(key, batch_size, length) -> Batch of data that training never sees."""
    loss: Callable[[Array, Batch], Array]
    """(outputs [T, B, O], batch) -> scalar, the weighted mean over the batch."""
    metrics: Callable[[Array, Batch], dict[str, Array]]
    """(outputs [T, B, O], batch) -> further scalars for people, such as accuracy."""
    floor: Callable[[int], float]
    """(length) -> the loss of a predictor without memory."""
    input_size: int
    """I, or the vocabulary's size V where inputs are whole numbers."""
    output_size: int
    """O."""
    discrete: bool
    """Inputs are whole numbers, to be embedded."""
    loss_unit: str
    """Name and unit of the loss, for axes."""
    provenance: dict[str, str]
    """What data the task stands on (name, sha256), recorded with each run; empty for synthetic tasks."""


class GradientFlow(NamedTuple):
    """One backward pass through time, with the gradient at every step: see `rnnx.gradient_flow`."""

    loss: Array
    """Scalar."""
    param_gradients: Params
    """∂L/∂params of the cell."""
    state_gradients: State
    """∂L/∂s_t for t = 1 … T, [T, B, …], the total derivative (the direct part through y_t included)."""
    input_gradients: Array
    """∂L/∂x_t, [T, B, I]."""
    output_gradients: Array
    """∂L/∂y_t, the direct part alone, [T, B, Y]; zero past an example's length."""
    log10_state_norm: Array
    """log10 ‖∂L/∂s_t‖ over the whole state, [T, B]; -inf where the gradient is exactly zero."""
    states: State
    """s_0 … s_T, [T + 1, B, …]."""


class Evidence(NamedTuple):
    """What a diagnostic may read."""

    cell: Cell
    params: Params
    inputs: Array
    """What the cell saw, [T, B, I]."""
    last: Array
    """[B]: index of the step whose loss was differentiated; lag k is step last - k."""
    flow: GradientFlow
    lengths: Array | None = None
    """[B]; `None` where every example is T long."""

    @property
    def outputs(self) -> Array:
        """y_1 … y_T, [T, B, Y], read off the states: time need not run again for them."""
        after = jax.tree.map(lambda s: s[1:], self.flow.states)
        return self.cell.read(self.params, after, self.inputs)


class Histogram(NamedTuple):
    """Counts of values between edges, made on the device so that samples need not leave it."""

    counts: Array
    """[bins]."""
    edges: Array
    """[bins + 1]; values outside are counted in the outermost bins, NaN nowhere."""
