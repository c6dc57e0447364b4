"""rnnx: `jax.jit` of `rnnx.unroll`, layer after layer."""

from typing import Any

import jax

import rnnx
from scripts.benchmark.layers.problem import Layer, Problem
from scripts.benchmark.libraries import Network, _jax

PACKAGES = ("rnnx", "jax", "jaxlib", "flax", "numpy")
LAYOUT = "[T, B, I]"
FORM = dict.fromkeys(rnnx.cells.names(), "`rnnx.unroll` under `jax.jit`, layer after layer")
REFERENCE: dict[str, dict[str, Any]] = {}


def build(problem: Problem, engine: str = "auto", **options: Any) -> Network:
    """The problem in rnnx; `options` are the cell's."""
    cell = rnnx.cells.get(problem.point.cell)(hidden_size=problem.point.hidden, **options)
    like = jax.eval_shape(lambda key: cell.init(key, problem.point.hidden), jax.random.key(0))

    def params(layer: Layer) -> Any:
        present = {name for name, value in like._asdict().items() if value is not None}
        return like._replace(**{name: _jax.on_device(getattr(layer, name)) for name in present})

    def apply(layers: list[Any], xs: jax.Array) -> jax.Array:
        for layer in layers:
            xs = rnnx.unroll(cell, layer, xs, engine=engine).outputs
        return xs

    return _jax.network(problem, apply, [params(layer) for layer in problem.layers], _read)


def _read(layers: list[Any]) -> list[Layer]:
    return [Layer(**jax.device_get(layer._asdict())) for layer in layers]
