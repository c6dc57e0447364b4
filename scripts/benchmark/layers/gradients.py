"""What measuring costs: `gradient_flow` beside the plain gradient, and Lyapunov spectra: `docs/diagnostics.md`.

    python -m scripts.benchmark.layers.gradients

prints two Markdown tables. The plain gradient is ∂L/∂params of a loss on all outputs; `gradient_flow` adds ∂L/∂s_t and
∂L/∂x_t of every step and their norms. Both are jitted and take turns; times are medians of at least 20 calls, in
milliseconds, float32. A spectrum is of one example. The machine should have nothing else to do.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import rnnx
from rnnx.dynamics.lyapunov import lyapunov_spectrum

CELLS = ("rnn", "lstm", "gru")
SIZES = ((32, 32, 64), (64, 32, 128), (128, 32, 128), (256, 32, 128))  # H, B, T
SPECTRA = ((64, 8), (64, None), (128, 8), (128, None))  # H, exponents
T_SPECTRUM = 1000


def milliseconds(programs: dict[str, Callable[[], Any]], calls: int) -> dict[str, float]:
    """Medians; the programs take turns."""
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for name in programs:
        jax.block_until_ready(programs[name]())
    for _ in range(calls):
        for name, run in programs.items():
            start = time.perf_counter()
            jax.block_until_ready(run())
            seconds[name].append(time.perf_counter() - start)
    return {name: 1e3 * statistics.median(found) for name, found in seconds.items()}


def gradient_flow_row(name: str, H: int, B: int, T: int) -> str:
    """The plain gradient, `gradient_flow`, and their ratio."""
    cell = rnnx.cells.get(name)(H)
    params = cell.init(jax.random.key(0), H)
    xs, weights = jax.random.normal(jax.random.key(1), (2, T, B, H))

    def loss(ys: jax.Array) -> jax.Array:
        return jnp.mean(weights * ys)

    @jax.jit
    def plain(params: Any) -> Any:
        return jax.value_and_grad(lambda params: loss(rnnx.unroll(cell, params, xs).outputs))(params)

    @jax.jit
    def flow(params: Any) -> Any:
        return rnnx.gradient_flow(cell, params, xs, loss)

    found = milliseconds({"plain": lambda: plain(params), "flow": lambda: flow(params)}, calls=30)
    ratio = found["flow"] / found["plain"]
    return f"| {name} | {H} | {B} | {T} | {found['plain']:.2f} | {found['flow']:.2f} | {ratio:.2f} |"


def spectrum_row(name: str, H: int, count: int | None) -> str:
    """Seconds of a spectrum."""
    cell = rnnx.cells.get(name)(H)
    params = cell.init(jax.random.key(0), 8)
    xs = jax.random.normal(jax.random.key(1), (T_SPECTRUM, 1, 8))
    run = jax.jit(lambda params: lyapunov_spectrum(cell, params, xs, count))
    found = milliseconds({"spectrum": lambda: run(params)}, calls=5)
    state = sum(leaf.size for leaf in jax.tree.leaves(cell.initial_state(params, (1,))))
    return f"| {name} | {H} | {count or f'all {state}'} | {found['spectrum'] / 1e3:.2f} |"


def main() -> None:
    """Print the tables."""
    print(f"jax {jax.__version__}, {jax.default_backend()}\n")
    print("| cell | H | B | T | plain gradient, ms | gradient_flow, ms | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for name in CELLS:
        for size in SIZES:
            print(gradient_flow_row(name, *size), flush=True)
    print(f"\n| cell | H | exponents | T = {T_SPECTRUM}, s |\n| --- | ---: | ---: | ---: |")
    for name in CELLS:
        for H, count in SPECTRA:
            print(spectrum_row(name, H, count), flush=True)


if __name__ == "__main__":
    main()
