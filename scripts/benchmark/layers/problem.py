"""The weights and inputs of a point, the same for every library, as NumPy arrays in rnnx's layout.

Blocks of the kernels: LSTM i, f, g, o; GRU r, z, n. A Problem goes to the workers, an Answer comes back, as a file.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from scripts.benchmark.layers.point import GATES, Point

Array = np.ndarray


class Layer(NamedTuple):
    """One layer's weights, or their gradients."""

    input_kernel: Array  # W [I, G]
    recurrent_kernel: Array  # U [H, G]
    bias: Array  # b [G]
    recurrent_bias: Array | None = None  # d [H], GRU with the reset after the product; None where there is none


class Problem(NamedTuple):
    """What every library computes: the outputs, and the gradient of L = Σ outputs ⊙ coefficients."""

    point: Point
    layers: list[Layer]
    xs: Array  # [T, B, I]
    coefficients: Array  # [T, B, H]


class Answer(NamedTuple):
    """What a library made of a problem, in rnnx's layout."""

    outputs: Array  # [T, B, H]
    input_gradient: Array  # ∂L/∂x [T, B, I]
    layers: list[Layer]  # ∂L/∂weights


def draw(point: Point, recurrent_bias: float = 0.0) -> Problem:
    """The problem of a point: U orthogonal and W Glorot uniform per gate, biases of size 0.1, inputs standard normal.

    The recurrent bias of the GRU is `recurrent_bias`, 0 unless said otherwise: Flax has none, and so all libraries
    compute the same function. Its gradient is computed and compared wherever it exists.
    """
    random = np.random.default_rng(0)
    H, gates = point.hidden, GATES[point.cell]

    def orthogonal() -> Array:
        q, r = np.linalg.qr(random.standard_normal((H, H)))
        return q * np.sign(np.diag(r))

    def layer() -> Layer:
        limit = np.sqrt(6 / (H + H))
        return Layer(
            input_kernel=_single(random.uniform(-limit, limit, (H, gates * H))),
            recurrent_kernel=_single(np.concatenate([orthogonal() for _ in range(gates)], axis=1)),
            bias=_single(0.1 * random.standard_normal(gates * H)),
            recurrent_bias=_single(np.full(H, recurrent_bias)) if point.cell == "gru" else None,
        )

    shape = (point.steps, point.batch, H)
    return Problem(
        point=point,
        layers=[layer() for _ in range(point.layers)],
        xs=_single(random.standard_normal(shape)),
        coefficients=_single(random.standard_normal(shape)),
    )


def _single(a: Array) -> Array:
    return a.astype(np.float32)


def save_problem(path: Path, problem: Problem) -> None:
    """Write a problem as `.npz`."""
    point = np.array([problem.point.cell, *map(str, problem.point[1:])])
    np.savez(path, point=point, xs=problem.xs, coefficients=problem.coefficients, **_flat(problem.layers))


def load_problem(path: Path) -> Problem:
    """Read a problem back."""
    with np.load(path) as file:
        cell, *sizes = file["point"]
        return Problem(
            Point(str(cell), *map(int, sizes)),
            _layers(file),
            file["xs"],
            file["coefficients"],
        )


def save_answer(path: Path, answer: Answer) -> None:
    """Write an answer as `.npz`."""
    np.savez(path, outputs=answer.outputs, input_gradient=answer.input_gradient, **_flat(answer.layers))


def load_answer(path: Path) -> Answer:
    """Read an answer back."""
    with np.load(path) as file:
        return Answer(file["outputs"], file["input_gradient"], _layers(file))


def _flat(layers: Iterable[Layer]) -> dict[str, Any]:
    return {
        f"{number}.{name}": array
        for number, layer in enumerate(layers)
        for name, array in layer._asdict().items()
        if array is not None
    }


def _layers(file: Any) -> list[Layer]:
    numbers = sorted({int(name.split(".")[0]) for name in file if "." in name})
    return [Layer(**{name.split(".")[1]: file[name] for name in file if name.startswith(f"{n}.")}) for n in numbers]
