"""Memory that the gradient of a loss on the last state needs, against T, for every `remat`: `docs/engines.md`.

    python -m scripts.benchmark.layers.memory

The figure is XLA's own (`memory_analysis`): temporary memory of the compiled program, beside arguments and results.
"""

import jax
import jax.numpy as jnp

import rnnx

H, B = 64, 32
POLICIES: tuple[tuple[str, str | int | None], ...] = tuple(
    (engine, remat) for engine in ("scan", "fused") for remat in (None, "full", 64, "sqrt")
)


def mebibytes(engine: str, remat: str | int | None, T: int) -> float:
    """Temporary memory of one gradient with respect to the parameters of an LSTM."""
    cell = rnnx.lstm(H)
    params = cell.init(jax.random.key(0), H)
    xs = jax.ShapeDtypeStruct((T, B, H), jnp.float32)

    def loss(params: object, xs: jax.Array) -> jax.Array:
        return jnp.sum(rnnx.unroll(cell, params, xs, engine=engine, remat=remat).final_state.h)

    compiled = jax.jit(jax.grad(loss)).lower(params, xs).compile()
    analysis = compiled.memory_analysis()
    assert analysis is not None
    return analysis.temp_size_in_bytes / 2**20


def main() -> None:
    """Print the table."""
    print(f"LSTM, H = {H}, B = {B}, float32, jax {jax.__version__}, {jax.default_backend()}; MiB\n")
    print("| T | " + " | ".join(f"{engine}, {remat}" for engine, remat in POLICIES) + " |")
    print("| --- " * (len(POLICIES) + 1) + "|")
    for T in (128, 512, 2048, 8192, 32768):
        print(f"| {T} | " + " | ".join(f"{mebibytes(engine, remat, T):.1f}" for engine, remat in POLICIES) + " |")


if __name__ == "__main__":
    main()
