"""The computational graph of a model as data: its recurrent parts, what flows from one to another, where losses are.

It is read off the model itself, which is called with a `run` of its own: once for shapes alone, and once where what
each part gives is an input of the trace. What is left then is what the model does between its parts, and there is an
edge where what a part takes depends on what another gives.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters.partial_eval import dce_jaxpr

from rnnx.own_steps import own_steps
from rnnx.pytrees import named_leaves
from rnnx.types import Array, Batch, Cell, Params, Run, State, Trajectory
from rnnx.unroll import as_sequence, plain_run

Shape = tuple[int, ...]


class Part(NamedTuple):
    """One recurrent part: a call of `run`. Its steps are those of the first example."""

    name: str
    cell: str
    """The call that made it: `rnnx.lstm(64)`."""
    inputs: Shape
    """Of x, [T, B, I]."""
    outputs: Shape
    """Of y, [T, B, Y]."""
    state: dict[str, Shape]
    """Of s_t, by name: `{"h": [B, H], "c": [B, H]}`."""
    steps: tuple[int, ...]
    """Where the steps stand in the data, in the order in which they run; padding is left out."""
    fed: tuple[int, ...]
    """The steps at which something of the batch enters: not zeros in all examples; of a tree, in the first one."""
    children: tuple[tuple[int, int], ...] | None
    """Of a tree, the left and the right child of each node, -1 for none; `None` where time runs."""


class Edge(NamedTuple):
    """What one part gives is used in what another takes."""

    source: str
    """A part; empty for the batch."""
    given: str
    """`inputs` of the batch; `outputs`, `final_state` or `states` of a part."""
    target: str
    """A part; empty for the outputs of the model."""
    taken: str
    """`inputs`, `state` or `params` of a part; `outputs` of the model."""


class Graph(NamedTuple):
    """The computational graph of a model: see `computational_graph`."""

    parts: dict[str, Part]
    """In the order in which they run."""
    edges: tuple[Edge, ...]
    outputs: Shape
    """What the model gives, [S, B, O]."""
    scored: tuple[int, ...] | None
    """The positions at which the first example is scored; `None` where it has one loss as a whole."""

    def sources(self, target: str, taken: str) -> tuple[tuple[str, str], ...]:
        """(part, what it gives) for all that enters there."""
        return tuple((edge.source, edge.given) for edge in self.edges if (edge.target, edge.taken) == (target, taken))

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold, from which `from_dict` makes it again."""
        return self._asdict() | {
            "parts": [part._asdict() for part in self.parts.values()],
            "edges": [edge._asdict() for edge in self.edges],
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> "Graph":
        """The graph of a dictionary that went through JSON.

        Raises:
          KeyError, TypeError: it is none of a graph.
        """
        content = _frozen(content)
        parts = (Part(**part) for part in content.pop("parts"))
        edges = tuple(Edge(**edge) for edge in content.pop("edges"))
        return cls(parts={part.name: part for part in parts}, edges=edges, **content)


def computational_graph(model: Callable[[Batch, Run], Any], batch: Batch) -> Graph:
    """Tell what a model is made of, and what flows where, for a batch.

    The model is called as `model(batch, run)`; nothing of its recurrent parts is computed.

    Args:
      model: one of `rnnx.models`, or your own, a function or a Flax module.
      batch: what it is called with. Steps, fed inputs and scored positions are those of its first example.

    Returns:
      `Graph(parts, edges, outputs, scored)`; `rnnx.show.graph` draws it.

    Raises:
      ValueError: the model calls `run` nowhere, or twice with one name; the batch is being traced by `jit`.

    Two layers, the second of which reads what the first gives out; of 10 steps the last one is scored:

    >>> import jax, rnnx
    >>> from flax import nnx
    >>> task = rnnx.tasks.get("adding")()
    >>> model = rnnx.models.get("sequence")(rnnx.lstm(8), task, layers=2, rngs=nnx.Rngs(0))
    >>> graph = computational_graph(model, task.sample(jax.random.key(0), 4, 10))
    >>> graph.parts["layer1"].inputs, graph.parts["layer1"].state
    ((10, 4, 8), {'h': (4, 8), 'c': (4, 8)})
    >>> graph.sources("layer1", "inputs"), graph.sources("", "outputs"), graph.scored
    ((('layer0', 'outputs'),), (('layer1', 'outputs'),), (9,))
    """
    if any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(batch)):
        raise ValueError("a graph is of one batch, whose numbers are not there under jit: ask for it outside.")
    results = jax.eval_shape(lambda batch: _results(model, batch), batch)
    if not results:
        raise ValueError(f"{_name(model)} has no recurrent part to draw a graph of: it calls run nowhere.")
    calls: dict[str, tuple[Cell, bool]] = {}

    def glue(batch: Batch, results: dict[str, Trajectory]) -> tuple[Any, dict[str, dict[str, Any]]]:
        """The model without what runs over time: its outputs, and what each part takes."""
        taken: dict[str, dict[str, Any]] = {}

        def run(
            name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any
        ) -> Trajectory:
            xs = as_sequence(xs)
            own = own_steps(len(xs), xs.shape[1:-1], options.get("lengths"), options.get("mask"))
            calls[name] = cell, options.get("reverse", False)
            taken[name] = {"inputs": xs, "state": state, "params": params, "own": own}
            taken[name]["children"] = options.get("children")
            return results[name]

        return model(batch, run), taken

    traced = jax.jit(glue).trace(batch, results)
    edges = _edges(traced.jaxpr.jaxpr, (batch, results), traced.out_info, tuple(calls))
    zeros = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), results)
    _, taken = jax.device_get(traced.lower().compile()(batch, zeros))
    parts = {}
    for name, (cell, reverse) in calls.items():
        entering = {edge.source for edge in edges if (edge.target, edge.taken) == (name, "inputs")}
        parts[name] = _part(name, cell, taken[name], results[name], reverse, entering)
    weights = np.asarray(batch.weights)
    scored = None if weights.ndim == 1 else tuple(np.flatnonzero(weights[:, 0] > 0).tolist())
    return Graph(parts, edges, jax.tree.leaves(traced.out_info[0])[0].shape, scored)


def _frozen(content: Any) -> Any:
    """With tuples in place of lists, at any depth."""
    if isinstance(content, dict):
        return {key: _frozen(value) for key, value in content.items()}
    return tuple(map(_frozen, content)) if isinstance(content, list | tuple) else content


def _part(name: str, cell: Cell, taken: dict[str, Any], results: Trajectory, reverse: bool, entering: set[str]) -> Part:
    """What was seen of one part, the inputs of which are made of what `entering` names."""
    xs, own, children = (taken[of] for of in ("inputs", "own", "children"))

    def of_first(a: Array) -> np.ndarray:
        return np.asarray(a).reshape(len(xs), math.prod(xs.shape[1:-1]), -1)[:, 0]

    steps = np.arange(len(xs)) if own is None else np.flatnonzero(of_first(own))
    is_fed = np.full(len(xs), "" in entering)
    if entering == {""}:  # zeros in one example alone may be what it is told; at a node there is a word or none
        is_fed = xs.any(axis=tuple(range(1, xs.ndim))) if children is None else of_first(xs).any(axis=-1)
    if children is not None:
        children = tuple((left, right) for left, right in of_first(children)[steps].tolist())
    return Part(
        name,
        repr(cell),
        inputs=xs.shape,
        outputs=results.outputs.shape,
        state={of: leaf.shape for of, leaf in named_leaves(results.final_state).items()},
        steps=tuple((steps[::-1] if reverse else steps).tolist()),
        fed=tuple(steps[is_fed[steps]].tolist()),
        children=children,
    )


def _results(model: Callable[[Batch, Run], Any], batch: Batch) -> dict[str, Trajectory]:
    """What each part gives, by name."""
    results: dict[str, Trajectory] = {}

    def run(name: str, cell: Cell, params: Params, xs: Array, state: State | None = None, **options: Any) -> Trajectory:
        if name in results:
            raise ValueError(f"the part {name!r} has run already; each call of run needs a name of its own.")
        results[name] = plain_run(name, cell, params, as_sequence(xs), state, **options)
        return results[name]

    model(batch, run)
    return results


def _edges(
    jaxpr: Any, inputs: tuple[Batch, dict[str, Trajectory]], outputs: Any, parts: tuple[str, ...]
) -> tuple[Edge, ...]:
    """From each of the inputs of the glue to each of its outputs that needs it, in the order of the parts."""
    sources = [
        ("", path[1].name) if path[0].idx == 0 else (path[1].key, path[2].name)
        for path, _ in jax.tree.leaves_with_path(inputs)
    ]
    targets = [
        ("", "outputs") if path[0].idx == 0 else (path[1].key, path[2].key)
        for path, _ in jax.tree.leaves_with_path(outputs)
    ]
    edges = set()
    for target, taken in set(targets):
        _, used = dce_jaxpr(jaxpr, [one == (target, taken) for one in targets])
        edges |= {
            Edge(part, given, target, taken) for (part, given), needed in zip(sources, used, strict=True) if needed
        }
    order = ("", *parts)
    return tuple(
        sorted(
            (edge for edge in edges if edge.given in _GIVEN and edge.taken in _TAKEN),
            key=lambda edge: (order.index(edge.source), order.index(edge.target), edge.given, edge.taken),
        )
    )


_GIVEN = ("inputs", "outputs", "final_state", "states")
_TAKEN = ("inputs", "state", "params", "outputs")
"""What flows; lengths and the like say where, and are no edges."""


def _name(model: Any) -> str:
    return getattr(model, "__name__", type(model).__name__)
