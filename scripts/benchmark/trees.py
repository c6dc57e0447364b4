"""Trees a second: level by level, node by node, by a Python call a node, and in PyTorch, forward and backward.

    scripts/bench trees [--rounds=5]

Prints a table in Markdown. Batches of 25 trees of the Stanford Sentiment Treebank, or of random trees of as many words
where it is not at hand; the gradient of a loss at every node by all parameters of the cell and by the words. In each
round every way takes all batches once, one after another, and the best round counts, so that work on the same machine
disturbs all of them alike. Before anything is timed the gradients are compared.

The third way is what a recursion in Python costs at best: `compose` and its derivative are compiled, once for all. The
fourth is PyTorch level by level, `scripts/benchmark/trees_torch.py`, in a process of its own interpreter, which waits
while another way is at work; it is left out where there is no PyTorch.
"""

import argparse
import contextlib
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import rnnx
from rnnx import data
from rnnx.tasks.trees.tournament import random_trees
from rnnx.types import Array, Cell, Params, Tree
from scripts.benchmark.interpreters import ROOT, TORCH_PYTHON, WorkerError

CELLS = {"recursive": 25, "mv_rnn": 25, "rntn": 25, "tree_lstm": 150}
"""Cells, with the sizes of the papers."""

BATCHES, TREES = 4, 25


class Forest(NamedTuple):
    """A batch of trees."""

    children: np.ndarray  # [N, B, 2]
    lengths: np.ndarray  # [B]


def forests() -> list[Forest]:
    """Some batches, all of one shape."""
    if not data.available("sst"):
        keys = jax.random.split(jax.random.key(0), BATCHES)
        made = [np.asarray(random_trees(key, TREES, 19)) for key in keys]  # as many words as a sentence of the treebank
        return [Forest(children, np.full(TREES, len(children))) for children in made]
    trees = [tree.children for tree in data.get("sst")().train[: BATCHES * TREES]]
    N = max(map(len, trees))
    found = []
    for n in range(0, len(trees), TREES):
        children = np.full((N, TREES, 2), -1)
        for b, tree in enumerate(trees[n : n + TREES]):
            children[: len(tree), b] = tree
        found.append(Forest(children, np.array([len(tree) for tree in trees[n : n + TREES]])))
    return found


def by_engine(cell: Cell, engine: str) -> Callable[[Params, Array, Forest], tuple[Params, Array]]:
    """The gradient of Σ y² over all nodes, by parameters and words, as `rnnx.unroll` has it."""

    @jax.jit
    def gradient(params: Params, xs: Array, children: Array, lengths: Array) -> tuple[Params, Array]:
        def loss(params: Params, xs: Array) -> Array:
            ys = rnnx.unroll(cell, params, xs, children=children, lengths=lengths, engine=engine).outputs
            return jnp.sum(ys**2)

        return jax.grad(loss, argnums=(0, 1))(params, xs)

    return lambda params, xs, forest: gradient(params, xs, *map(jnp.asarray, forest))


def by_calls(cell: Cell) -> Callable[[Params, Array, Forest], tuple[Params, Array]]:
    """The same by a function that calls itself, and two calls of compiled functions a node."""
    form = cell.form
    assert isinstance(form, Tree)
    leaf, compose = jax.jit(form.leaf), jax.jit(form.compose)

    @jax.jit
    def down_leaf(params: Params, x: Array, delta: Any, total: Params) -> tuple[Params, Array]:
        state, pull = jax.vjp(form.leaf, params, x)
        more, of_x = pull(_with_own(state, delta))
        return jax.tree.map(jnp.add, total, more), of_x

    @jax.jit
    def down(params: Params, left: Any, right: Any, x: Array, delta: Any, total: Params) -> tuple[Params, Any, Any]:
        state, pull = jax.vjp(lambda p, left, right: form.compose(p, left, right, x), params, left, right)
        more, of_left, of_right = pull(_with_own(state, delta))
        return jax.tree.map(jnp.add, total, more), of_left, of_right

    def gradient(params: Params, xs: Array, forest: Forest) -> tuple[Params, Array]:
        words = np.asarray(xs)
        of_words = np.zeros_like(words)
        total = jax.tree.map(jnp.zeros_like, params)
        zero = jax.tree.map(jnp.zeros_like, cell.initial_state(params, ()))
        for b, length in enumerate(forest.lengths):
            children: list[list[int]] = forest.children[:length, b].tolist()
            states: dict[int, Any] = {}
            deltas: dict[int, Any] = {}

            def up(n: int, children: list = children, states: dict = states, b: int = b) -> Any:
                below = [up(child) for child in children[n] if child >= 0]
                states[n] = compose(params, *below, words[n, b]) if below else leaf(params, words[n, b])
                return states[n]

            up(int(length) - 1)
            for n in reversed(range(length)):
                delta, (left, right) = deltas.pop(n, zero), children[n]
                if left < 0:
                    total, of_words[n, b] = down_leaf(params, words[n, b], delta, total)
                else:
                    total, deltas[left], deltas[right] = down(
                        params, states[left], states[right], words[n, b], delta, total
                    )
        return total, jnp.asarray(of_words)

    return gradient


def _with_own(state: Any, delta: Any) -> Any:
    """What comes from the parent, and of a node's own output y = h in Σ y²."""
    return delta._replace(h=delta.h + 2 * state.h)


class InTorch(NamedTuple):
    """PyTorch, in a process that has the batches."""

    gradient: dict[str, np.ndarray]  # of the first batch, by the names of parameters, and of the words, xs
    seconds: Callable[[], float]  # in which it takes all batches once, now


@contextlib.contextmanager
def in_torch(name: str, params: Params, xs: Array, batches: Sequence[Forest]) -> Iterator[InTorch]:
    """PyTorch at work on these batches; raises `WorkerError` if its process ends."""
    with tempfile.TemporaryDirectory(prefix="rnnx-") as scratch:
        problem, answer = Path(scratch, "problem.npz"), Path(scratch, "answer.npz")
        arrays = {f"params/{key}": np.asarray(value) for key, value in params._asdict().items()}
        forests = {key: np.stack([getattr(forest, key) for forest in batches]) for key in Forest._fields}
        np.savez(problem, allow_pickle=False, **forests, **arrays, cell=np.array(name), xs=np.asarray(xs))
        command = [str(TORCH_PYTHON), "-m", "scripts.benchmark.trees_torch", str(problem), str(answer)]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdin is not None
            assert process.stdout is not None

            def line() -> str:
                said = process.stdout.readline().strip()  # type: ignore[union-attr]
                if not said:
                    raise WorkerError(f"PyTorch's process ended with status {process.wait()}.")
                return said

            def seconds() -> float:
                process.stdin.write("\n")  # type: ignore[union-attr]
                process.stdin.flush()  # type: ignore[union-attr]
                return float(line())

            line()  # the answer is there
            with np.load(answer) as found:
                gradient = {key.removeprefix("params/"): array for key, array in found.items()}
            yield InTorch(gradient, seconds)


def rates(name: str, rounds: int) -> dict[str, float]:
    """Trees a second of each way, by its name."""
    cell = rnnx.cells.get(name)(CELLS[name])
    assert isinstance(cell.form, Tree)
    I = cell.form.word_size or cell.output_size
    params, batches = cell.init(jax.random.key(0), I), forests()
    xs = 0.1 * jax.random.normal(jax.random.key(1), (*batches[0].children.shape[:2], I))
    ways = {"levels": by_engine(cell, "auto"), "nodes": by_engine(cell, "scan"), "calls": by_calls(cell)}
    expected, *others = (jax.device_get(way(params, xs, batches[0])) for way in ways.values())
    for found in others:
        jax.tree.map(_check, found, expected)

    def seconds(gradient: Callable[[Params, Array, Forest], tuple[Params, Array]]) -> float:
        began = time.perf_counter()
        for forest in batches:
            jax.block_until_ready(gradient(params, xs, forest))
        return time.perf_counter() - began

    timed: dict[str, Callable[[], float]] = {way: partial(seconds, of) for way, of in ways.items()}
    with contextlib.ExitStack() as stack:
        if TORCH_PYTHON.exists():
            torch = stack.enter_context(in_torch(name, params, xs, batches))
            for key, of in torch.gradient.items():
                _check(of, expected[1] if key == "xs" else getattr(expected[0], key))
            timed["torch"] = torch.seconds
        best = {way: min(of) for way, of in zip(timed, zip(*_rounds(timed, rounds), strict=True), strict=True)}
    return {way: BATCHES * TREES / seconds for way, seconds in best.items()}


def _check(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())  # sums of thousands


def _rounds(timed: dict[str, Callable[[], float]], rounds: int) -> Iterator[list[float]]:
    """Seconds of each way, one after another, in each round."""
    for _ in range(rounds):
        yield [seconds() for seconds in timed.values()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.benchmark.trees", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=5, help="of which the best counts")
    rounds = parser.parse_args(arguments).rounds
    if not TORCH_PYTHON.exists():
        print(f"PyTorch is left out: there is no {TORCH_PYTHON}.")
    print("| cell | H | level by level | node by node | a call a node | PyTorch, level by level |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, size in CELLS.items():
        found = rates(name, rounds)
        columns = [f"{found[way]:.0f}" if way in found else "–" for way in ("levels", "nodes", "calls", "torch")]
        print(f"| `{name}` | {size} | {' | '.join(columns)} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
