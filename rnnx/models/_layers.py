"""What models are made of: embeddings, recurrent layers, a readout."""

import dataclasses
from collections.abc import Mapping

import jax.numpy as jnp
from flax import nnx

from rnnx import checks
from rnnx.combinators import layer_norm as _layer_norm
from rnnx.combinators import learned_initial_state as _learned_initial_state
from rnnx.numerics import matmul_rows
from rnnx.types import Array, Cell, Params, Run, State


def embedding(tokens: int, features: int, rngs: nnx.Rngs) -> nnx.Embed:
    """`nnx.Embed`, whose vectors are of the type that its parameters have, also where they are cast later on."""
    made = nnx.Embed(tokens, features, rngs=rngs)
    made.dtype = None  # else it is that of the parameters as they were made
    return made


def changed(cell: Cell, *, layer_norm: bool = False, learned_initial_state: bool = False) -> Cell:
    """The cell with the combinators of these names around it."""
    if layer_norm:
        cell = _layer_norm.layer_norm(cell)
    return _learned_initial_state.learned_initial_state(cell) if learned_initial_state else cell


@dataclasses.dataclass(frozen=True)
class Layers:
    """Cells one upon another, each a recurrent part of the model, or two where they run in both directions.

    Parts are called by layer and direction, `<name>/layer1/backward`, as far as there are several; one that has no
    other name is `cell`.
    """

    cells: tuple[Cell, ...]
    """Of each layer, from the inputs up."""
    name: str = ""
    bidirectional: bool = False
    """Whether each layer is two, one of them run from the last step to the first, their outputs side by side."""
    residual: bool = False
    """Whether each layer but the first adds its inputs to its outputs."""

    @property
    def output_size(self) -> int:
        """Y of the last layer, both directions together."""
        return self._width(self.cells[-1])

    def init(self, features: int, rngs: nnx.Rngs) -> nnx.Dict:
        """Parameters of every part by name, drawn from the inputs up; `features` are those of the inputs."""
        params: nnx.Dict[nnx.Param] = nnx.Dict()
        for n, cell in enumerate(self.cells):
            for part in self.parts(n):
                params[part] = nnx.Param(cell.init(rngs.params(), features))
            features = self._width(cell)
        return params

    def __call__(
        self,
        params: Mapping[str, Params],
        run: Run,
        xs: Array,
        states: tuple[State | None, ...] | None = None,
        *,
        lengths: Array | None = None,
    ) -> tuple[Array, tuple[State, ...]]:
        """Run them over `xs [T, B, I]`, from these states, one a layer.

        Returns:
          (outputs of the last layer `[T, B, Y]`, where each layer ended, of two directions the forward one)
        """
        ys, final_states = xs, []
        for n, (cell, state) in enumerate(zip(self.cells, states or [None] * len(self.cells), strict=True)):
            sides = [
                run(part, cell, params[part], ys, state, lengths=lengths, reverse=part.endswith("backward"))
                for part in self.parts(n)
            ]
            final_states.append(sides[0].final_state)
            outputs = jnp.concatenate([side.outputs for side in sides], axis=-1) if len(sides) > 1 else sides[0].outputs
            ys = ys + outputs if self.residual and n else outputs
        return ys, tuple(final_states)

    def parts(self, n: int) -> tuple[str, ...]:
        """The names of a layer's parts."""
        layer = f"layer{n}" if len(self.cells) > 1 else ""
        directions = ("forward", "backward") if self.bidirectional else ("",)
        return tuple("/".join(filter(None, (self.name, layer, way))) or "cell" for way in directions)

    def _width(self, cell: Cell) -> int:
        return (2 if self.bidirectional else 1) * cell.output_size


def repeated(cell: Cell, layers: int) -> tuple[Cell, ...]:
    """One cell for each layer; `ValueError` for a number of layers below 1."""
    return (cell,) * checks.size("layers", layers)


def values(params: nnx.Dict) -> dict[str, Params]:
    """What the parameters of `Layers.init` are now."""
    return {part: param.get_value() for part, param in params.items()}


def read_out(layer: nnx.Linear, ys: Array) -> Array:
    """y R + b over all rows, `[..., Y]` -> `[..., O]`."""
    assert layer.bias is not None
    return matmul_rows(ys, layer.kernel.get_value()) + layer.bias.get_value()
