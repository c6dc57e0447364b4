"""Engine `newton` beside engine `scan`: forward, with the gradient, and how many iterations.

    python -m scripts.benchmark.layers.newton --cell=gru --hidden_size=2 --hidden_size=8 --length=1024

prints one row of a Markdown table for each combination: cell, H, T, B; milliseconds forward, then forward and
gradient, each for `scan` and for `newton` with dense and with diagonal Jacobians; iterations, dense and diagonal. Times
are medians of at least 10 calls, in turns. Inputs are normal numbers, parameters the initial ones, I = 8, float32.
The machine should have nothing else to do. The table in docs/engines.md was made so.
"""

import statistics
import time
import warnings
from collections.abc import Callable
from typing import Literal

import jax
import jax.numpy as jnp
from absl import app, flags

import rnnx
from rnnx.engines.newton import NewtonReport, solve

_CELL = flags.DEFINE_enum("cell", "gru", ["rnn", "gru", "lstm"], "The cell.")
_H = flags.DEFINE_multi_integer("hidden_size", [2, 8, 32], "H.", lower_bound=1)
_T = flags.DEFINE_multi_integer("length", [128, 1024], "T.", lower_bound=1)
_B = flags.DEFINE_multi_integer("batch_size", [1], "B.", lower_bound=1)
_GAIN = flags.DEFINE_float("gain", 1.0, "What the initial recurrent weights are multiplied by.")

_LARGEST = 2**26
"""Dense Jacobians of more numbers than this are left out: several such arrays are in memory at a time."""

ENGINES: tuple[Literal["scan", "dense", "diagonal"], ...] = ("scan", "dense", "diagonal")
INPUT_SIZE = 8


def programs(cell: rnnx.Cell, engine: Literal["scan", "dense", "diagonal"]) -> tuple[Callable, Callable]:
    """(forward, forward and gradient) of the sum of squares of all outputs, with the report of `newton`."""

    def loss(params: object, xs: jax.Array) -> tuple[jax.Array, NewtonReport | None]:
        if engine == "scan":
            outputs, report = rnnx.unroll(cell, params, xs, engine="scan").outputs, None
        else:
            _, states, report = solve(cell, params, xs, jacobian=engine)
            outputs = cell.read(params, states, xs)
        return jnp.sum(outputs**2), report

    return jax.jit(loss), jax.jit(jax.value_and_grad(loss, argnums=(0, 1), has_aux=True))


def seconds(run: Callable, params: object, xs: jax.Array) -> float:
    """Of one call."""
    start = time.perf_counter()
    jax.block_until_ready(run(params, xs))
    return time.perf_counter() - start


def row(cell_name: str, H: int, T: int, B: int) -> str:
    """One row of the table; – where the dense Jacobians would be too large."""
    cell = rnnx.cells.get(cell_name)(hidden_size=H)
    params = cell.init(jax.random.key(0), INPUT_SIZE)
    params = params._replace(recurrent_kernel=_GAIN.value * params.recurrent_kernel)
    xs = jax.random.normal(jax.random.key(1), (T, B, INPUT_SIZE))
    state_size = sum(s.size for s in jax.tree.leaves(cell.initial_state(params, ())))

    runs: dict[tuple[str, str], Callable] = {}
    iterations = {}
    for engine in ENGINES:
        if engine == "dense" and T * B * state_size**2 > _LARGEST:
            continue
        forward, gradient = programs(cell, engine)
        forward(params, xs)
        (_, report), _ = gradient(params, xs)
        if report is not None:
            iterations[engine] = f"{report.iterations}" if report.converged.all() else "does not converge"
        runs |= {(engine, "forward"): forward, (engine, "gradient"): gradient}

    times: dict[tuple[str, str], list[float]] = {which: [] for which in runs}
    start = time.perf_counter()
    while len(times["scan", "forward"]) < 10 or time.perf_counter() - start < 0.5:
        for which, run in runs.items():
            times[which].append(seconds(run, params, xs))

    def entry(engine: str, what: str) -> str:
        if (engine, what) not in times:
            return "–"
        return f"{1e3 * statistics.median(times[engine, what]):.2f}"

    columns = [cell_name, H, T, B, *(entry(engine, "forward") for engine in ENGINES)]
    columns += [*(entry(engine, "gradient") for engine in ENGINES), *(iterations.get(e, "–") for e in ENGINES[1:])]
    return "| " + " | ".join(map(str, columns)) + " |"


def main(_: list[str]) -> None:
    """All combinations of what the flags name."""
    warnings.simplefilter("ignore", RuntimeWarning)  # the table says so
    for H in _H.value:
        for T in _T.value:
            for B in _B.value:
                print(row(_CELL.value, H, T, B), flush=True)


if __name__ == "__main__":
    app.run(main)
