"""The named tuples that pass between the parts of rnnx, and the letters used for shapes.

`T` time, `B` batch, `I` input features, `H` hidden units, `G` gate pre-activations (gates × H), `Y` cell outputs,
`O` task outputs, `V` vocabulary. Arrays are time-major: `[T, B, …]`. The functions of a cell work on the last axis
and take any leading axes, so the same code serves one step, a batch, and a whole sequence at once.

A pytree is any nesting of tuples, named tuples and dicts with arrays as leaves (`jax.tree`).
"""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from rnnx.factory import call_of
from rnnx.keyboard import Keyboard
from rnnx.vocabulary import PairVocabulary, Vocabulary

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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
    blocks: tuple[str, ...] = ()
    """What the blocks `[H, H]` of W are called, side by side, as in `gates`; empty where they have no names."""

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

    `run(cell, params, xs, state, perturbations, flip=False) -> (final_state, states)` runs one of them by the engine
    and with the lengths and resets in force; `flip` turns it against the direction of the whole.
    """

    over_time: Callable[[Callable, Params, Array, State, State | None], tuple[State, State]]
    """(run, params, xs [T, B, I], s_0, perturbations) -> (final_state, states [T, B, …]) of the whole cell."""


class Tree(NamedTuple):
    """The form of a cell that runs over trees of two children a node, and not over time.

        s_n = leaf(params, x_n)                          of a node without children
        s_n = compose(params, s_left, s_right, x_n)      of any other

    The state of a child that is not there is the cell's initial state.
    """

    leaf: Callable[[Params, Array], State]
    """(params, x [..., I]) -> state."""
    compose: Callable[[Params, State, State, Array], State]
    """(params, left, right, x) -> state."""
    word_size: int | None = None
    """How many numbers x has for a word, I, where the cell decides on that; `None`: any number of them."""


class Cell(NamedTuple):
    """A recurrent cell: s_t = step(s_{t-1}, x_t) and y_t = read(s_t, x_t), as pure functions.

    Made by a factory that closes over the hyper-parameters. Cells made alike are equal, and each prints as its call:

    >>> import jax, rnnx
    >>> cell = rnnx.lstm(hidden_size=4)
    >>> cell
    rnnx.lstm(4)
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
    can be unrolled over a sequence but not stepped (`bidirectional`; `dropout` and `zoneout` in training), and for
    trees."""
    read: Callable[[Params, State, Array], Array]
    """(params, s_t, x_t) -> y_t; called once for all t after time has run."""
    output_size: int
    """Y, the last axis of what `read` returns."""
    form: Dense | Diagonal | Composed | Tree | None = None
    """Structure that an engine may use; `None` runs `step` as it is."""
    gates: Callable[[Params, State, Array], dict[str, Array]] | None = None
    """(params, s_{t-1}, x_t) -> {"forget": [..., H] in [0, 1], …}, for analysis."""

    def __repr__(self) -> str:
        """The call that made it, where there is one: `rnnx.lstm(4)`."""
        call = call_of(self)
        fields = ", ".join(f"{name}={value!r}" for name, value in zip(self._fields, self, strict=True))
        return f"Cell({fields})" if call is None else repr(call)

    def __treescope_repr__(self, path: str | None, subtree_renderer: Any) -> Any:
        """The same in treescope, which shows parameters and models in notebooks and would take it apart, as a tuple."""
        from treescope import rendering_parts  # which calls this

        return rendering_parts.build_one_line_tree_node(rendering_parts.text(repr(self)), path)


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

    inputs: Any
    """What the model is given, a pytree of arrays `[·, B, …]` or `[B]`: tokens `[T, B]`, numbers `[T, B, I]`, …"""
    targets: Any
    """What it is scored by, likewise."""
    weights: Array
    """`[T, B]`: how much each position counts in the loss, or `[B]` where an example has one loss as a whole.
    Many-to-one: 1 at the last step, else 0."""
    lengths: Array | None = None
    """`[B]`; `None` where every example is T long."""
    restarts: Array | None = None
    """`[B]` booleans, of a batch of `Task.stream`: where true the example does not go on where the one in its place
    ended, and begins with an empty memory. Of `Task.test_batches` too, where the split is one long text: in its
    first batch example b, where false, goes on where example b - 1 will have ended after the last one."""


class Pair(NamedTuple):
    """Inputs of a batch of sequence to sequence."""

    source: Array
    """[S, B], tokens to read."""
    target: Array
    """[T, B], what the decoder is given, the target of the step before; at the first step the number after the last."""
    target_lengths: Array | None = None
    """[B]; `None` where every target is T long."""


class Captioned(NamedTuple):
    """Inputs of a batch of pictures to write to."""

    image: Array
    """[1, B, Y, X, C], numbers from 0 to 1."""
    target: Array
    """[T, B], what the decoder is given, the target of the step before; at the first step the number after the last."""
    target_lengths: Array | None = None
    """[B]; `None` where every target is T long."""


class Nodes(NamedTuple):
    """Inputs of a batch of trees, the nodes of each in an order in which children come before their parent."""

    words: Array
    """[N, B], whole numbers; what stands at inner nodes does not matter."""
    children: Array
    """[N, B, 2]: the left and the right child of each node, -1 for none."""


class Example(NamedTuple):
    """One example of a task as people see it, in what JSON can hold: what a gradient is painted on.

    Its steps are those that the parts of a model run over, without padding; where a model reads one sequence and writes
    another, those of the first come first.
    """

    kind: str
    """How it is drawn, a name of `rnnx.report.on_data`; what is in `data` depends on it."""
    steps: dict[str, int]
    """How many steps each sequence has, by what the names of the parts that run over it begin with: `{"": T}`, or
    `{"encoder": S, "decoder": T}`."""
    scored: int
    """The step of all of these whose loss is looked at, the last one that is scored."""
    marks: list[int]
    """The steps that the answer depends on, where the task knows them."""
    data: dict[str, Any]


Scores = dict[str, tuple[Array, Array]]
"""Values and how much each counts in the mean, by name, both in the shape of `Batch.weights`. Values with axes of their
own after those are for `Task.summary` alone: what can't be told of a position, such as a correlation, follows from
their means over a whole split."""


class Written(NamedTuple):
    """What a model wrote to one example, for people, in what JSON can hold."""

    example: Example
    """What it was written to, with what is right."""
    target: str
    """What is right."""
    output: str


class Decoding(NamedTuple):
    """How a model is scored by what it writes itself, over the whole of a test split: by the likeliest token each time.

    `Task.scores` are of a model that is given the true target up to each step; here it is given what it wrote.
    """

    batches: Callable[[int], Iterable[Batch]]
    """(batch_size) -> all that there is to write to, once and in order; the last batch may be smaller. Their targets
    are not looked at. They may be of several shapes, for each of which there is a program."""
    length: int
    """How many tokens are written at most, the end included."""
    end: int | None
    """The token that ends what is written; `None` where all of it is of the full length."""
    score: Callable[[list[list[int]]], tuple[dict[str, float], list[dict[str, Any]]]]
    """(what was written to each, without the end) -> numbers over the whole split by name, such as an error rate; and
    of each, in what JSON can hold, `input`, `targets`, any of which is right, `output`, and how good that is."""
    shown: Callable[[Batch, list[list[int]]], list[Written]] | None = None
    """(batch, what was written to each of its examples, without the end) -> the same for people, who are shown it of a
    few held-out examples at each measurement; `None` where that is not worth a picture."""


class Alignment(NamedTuple):
    """Where in the one example of a batch what is right is found, of T steps and K classes."""

    chances: Array
    """`[T, K]`, of each class at each step, by the outputs."""
    of_labels: Array
    """`[T, K]`, the share of the paths to the true labels that are at a class in a step."""
    label: Array
    """One of the labels, which class it is."""
    loss: Array
    """-Σ_t γ_t ln p_t of that class, where γ, its share of the paths, is held fixed: the loss of that label."""


class Forecast(NamedTuple):
    """What was forecast of one series over a stretch of time, each value by the window before it; for people, in what
    JSON can hold, all lists of one length."""

    name: str
    """Of the series."""
    time: str
    """What `at` counts, for an axis."""
    at: list[float]
    labels: list[str]
    """What the data call these times, such as dates; empty where they have no names."""
    truth: list[float]
    forecast: list[float]
    last: list[float]
    """The last value in the window before each: what one says that takes it for the next."""


class Stretch(NamedTuple):
    """A stretch of time held out, of which people see what a model forecasts."""

    batch: Callable[[], Batch]
    """() -> the window before each value, in the order of time."""
    shown: Callable[[Any], list[Forecast]]
    """(outputs for that batch) -> the same for people, a few series."""


class Task(NamedTuple):
    """Something to learn. It scores positions; what means are taken of them is not its concern.

    `sample` is pure and jittable, for real data too, so a batch depends on its key alone.
    """

    sample: Callable[[Array, int, int], Batch]
    """(key, batch_size, length) -> Batch to train on."""
    sample_heldout: Callable[[Array, int, int], Batch]
    """(key, batch_size, length) -> Batch of data that training never sees."""
    losses: Callable[[Any, Batch], Array]
    """(outputs, batch) -> the loss at each position, in the shape of `batch.weights`."""
    scores: Callable[[Any, Batch], Scores]
    """(outputs, batch) -> what else tells people how good the outputs are, such as accuracy, at each position;
    the larger the better, so that the best checkpoint can be chosen by it."""
    baseline_loss: Callable[[int], float]
    """(length) -> the loss of a predictor without memory."""
    input_size: int
    """I, or the vocabulary's size V where inputs are tokens."""
    output_size: int
    """O."""
    loss_unit: str
    """Name and unit of the loss, for axes."""
    vocab_size: int | None = None
    """V, where inputs are tokens, whole numbers below V, to be embedded."""
    min_length: int = 1
    """The shortest sequence there can be, steps."""
    data: Mapping[str, str] = MappingProxyType({})
    """What data the task stands on (name, sha256), recorded with each run; empty for synthetic tasks."""
    test_batches: Callable[[int], Iterable[Batch]] | None = None
    """(batch_size) -> every example of the test split once, in order; the last batch may be smaller. `None` where there
    is no such split. Of one long text each example is a stretch of it, the next where that one ends, and each batch
    goes on with all of them (`Batch.restarts`)."""
    stream: Callable[[Array, int, int, Array | int], Batch] | None = None
    """(key, batch_size, length, step) -> Batch to train on whose examples go on where those of step - 1 ended, each in
    its place, but for those of which `Batch.restarts` is true; at step 0 it is true of all. `None` where nothing goes
    on."""
    summary: Callable[[dict[str, Any]], dict[str, float]] | None = None
    """Means of loss and scores over a whole split, by name -> further numbers for people, such as perplexity."""
    baselines: Mapping[str, Callable[[Batch], Any]] = MappingProxyType({})
    """(batch) -> outputs, by name: simple predictors whose numbers on the test split stand beside those of a model."""
    model: str = "sequence"
    """The model, a name of `rnnx.models`, if no other is asked for."""
    vocabulary: Vocabulary | None = None
    """What the tokens stand for, where outputs are for tokens of the same kind as inputs: then a model can write."""
    train_tokens: Callable[[], np.ndarray] | None = None
    """() -> the whole text to train on, tokens `[N]` in order, for models that count; `None` where there is no text."""
    example: Callable[[Batch], Example] | None = None
    """(batch) -> its first example as people see it; `None` for one square a step, in which nothing is to be seen."""
    pair_vocabulary: PairVocabulary | None = None
    """What the tokens of sequence to sequence stand for: then a trained model can write to a text."""
    decoding: Decoding | None = None
    """How what a model writes to the test split is scored; `None` where nothing is to be written."""
    read: Callable[[str], Batch] | None = None
    """(a text of anyone's) -> it as the one example of a batch, whose targets are not looked at; raises `ValueError`
    with the reason where it is none of those that this task has. `None` where inputs are no texts."""
    alignment: Callable[[Any, Batch], Alignment] | None = None
    """(outputs, batch of one example) -> where what is right is found in it; `None` where targets have their places."""
    classes: tuple[str, ...] = ()
    """What the outputs are the logits of, O names; empty where they are none of classes."""
    with_window: Callable[[int], "Task"] | None = None
    """(length) -> the same with windows of so many steps, in the test split too; `None` where inputs are no windows."""
    stretch: Stretch | None = None
    """Of which people are shown a model's forecasts at each measurement; `None` where nothing is forecast."""
    keyboard: Keyboard | None = None
    """What the entries of inputs stand for, each of which is 0 or 1, where outputs are the logits of those of the next
    step, each by itself: then a model can play, and what it plays can be heard and seen."""


class Run(Protocol):
    """How time runs: what a model calls instead of `rnnx.unroll`, once for each of its recurrent parts.

    All that is a question of how time runs is a choice of `run`, made outside the model: truncation, dropout,
    precision, engine, rematerialisation, and the probes that give ∂L/∂s_t. `rnnx.plain_run` makes no such choice.
    """

    def __call__(
        self, name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
    ) -> Trajectory:
        """Run the part called `name`, as `rnnx.unroll(cell, params, xs, state, lengths=…, resets=…, reverse=…)`."""


class Decoder(NamedTuple):
    """A model that goes on writing, token by token, each given those before: what `model.decoder(batch)` gives.

    Only models that generate have a `decoder`. All of them are asked in the same way: what is next by
    `logits(state)`, and with the token that was chosen the new state by `step(state, token)`. Pure functions, to be
    called in the trace in which the decoder was made. More than one continuation of each example runs by `jax.vmap`
    over an axis of its own of states and tokens.
    """

    state: Any
    """A pytree of arrays `[B, …]`: all has been read that the batch says, and no token is chosen yet."""
    step: Callable[[Any, Array], Any]
    """(state, tokens [B], or frames [B, I] where inputs are such) -> state."""
    logits: Callable[[Any], Array]
    """(state) -> `[B, O]`, for the token to come."""


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=[
        "loss",
        "params",
        "inputs",
        "states",
        "lengths",
        "resets",
        "children",
        "lag",
        "position",
        "param_gradients",
        "input_gradients",
        "output_gradients",
        "final_state_gradients",
        "state_gradients",
        "log10_state_norm",
    ],
    meta_fields=["cell", "state_given", "reverse"],
)
@dataclasses.dataclass(frozen=True, repr=False)
class GradientFlow:
    """One recurrent part in one backward pass, with the gradient at every step: see `rnnx.gradient_flow`.

    Everything is in the order in which time ran, with an example's own steps first: step t is the t-th that was run,
    also where the part ran in reverse, and padding comes last.
    """

    loss: Array
    """Scalar."""
    cell: Cell
    params: Params
    """The cell's."""
    inputs: Array
    """x_1 … x_T, what the cell saw, [T, B, I]."""
    states: State
    """s_0 … s_T, [T + 1, B, …]."""
    state_given: bool
    """Whether s_0 was handed over, and is not the cell's own initial state."""
    reverse: bool
    """Whether time ran from the last step of the data to the first."""
    lengths: Array | None
    """[B]; `None` where every example is T long."""
    resets: Array | None
    """[T, B], as given to run."""
    children: Array | None
    """[T, B, 2], as given to run: of a tree, whose nodes take the place of steps."""
    lag: Array
    """[T, B]: how many steps come after this one, or how far the node lies below the root of a tree; -1 past an
    example's length."""
    position: Array
    """[T, B]: where this step stands in the data, whole numbers."""
    param_gradients: Params
    """∂L/∂params of the cell."""
    input_gradients: Array
    """∂L/∂x_t, [T, B, I]."""
    output_gradients: Array
    """∂L/∂y_t, the direct part alone, [T, B, Y]; zero past an example's length."""
    final_state_gradients: State
    """∂L/∂s_T by handing it over, the direct part alone, [B, …]: zero where nobody asked for the final state."""
    state_gradients: State
    """∂L/∂s_t for t = 1 … T, [T, B, …], the total derivative (the direct part through y_t included)."""
    log10_state_norm: Array
    """log10 ‖∂L/∂s_t‖ over the whole state, [T, B]; -inf where the gradient is exactly zero."""

    def __repr__(self) -> str:
        """What it is of, without the numbers: `GradientFlow(rnnx.lstm(16), inputs=float32[50,8,3])`."""
        inputs = self.inputs  # anything else where JAX maps over its fields
        shown = jax.typeof(inputs) if isinstance(inputs, jax.Array | np.ndarray) else repr(inputs)
        return f"GradientFlow({self.cell!r}, inputs={shown})"

    @property
    def before(self) -> State:
        """s_{t-1} for t = 1 … T, [T, B, …]."""
        return jax.tree.map(lambda s: s[:-1], self.states)

    @property
    def after(self) -> State:
        """s_t for t = 1 … T, [T, B, …]."""
        return jax.tree.map(lambda s: s[1:], self.states)

    @property
    def outputs(self) -> Array:
        """y_1 … y_T, [T, B, Y], read off the states: time need not run again for them."""
        return self.cell.read(self.params, self.after, self.inputs)

    @property
    def last(self) -> Array:
        """Index of each example's last step, the root of a tree, [B]; -1 for an example without any."""
        return jnp.sum(self.lag >= 0, axis=0) - 1

    def plot(self, *, ax: "Axes | None" = None) -> "Axes":
        """Draw how much of the gradient is left k steps back: see `rnnx.show.lag`, and `rnnx.show` for more."""
        from rnnx.show import lag  # matplotlib takes long to load, and nothing else here needs it

        return lag(self, ax=ax)


class Histogram(NamedTuple):
    """Counts of values between edges, made on the device so that samples need not leave it."""

    counts: Array
    """[bins]."""
    edges: Array
    """[bins + 1]; values outside are counted in the outermost bins, NaN nowhere."""
