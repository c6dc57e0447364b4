"""Problems solved in NumPy float64, by the references that rnnx is held to."""

import numpy as np

from scripts.benchmark.layers import problem
from tests import reference


def solve(posed: problem.Problem, variant: str) -> problem.Answer:
    """Layer by layer; `variant` names the reference."""
    cell = reference.get(variant)
    point = posed.point
    zero = {part: np.zeros((point.batch, point.hidden)) for part in ("h", "c")[: 1 + (point.cell == "lstm")]}
    params = [
        {name: value.astype(np.float64) for name, value in cell.unpack(layer).items() if name != "d" or value.size}
        for layer in posed.layers
    ]
    xs, inputs = posed.xs.astype(np.float64), []
    for p in params:
        inputs.append(xs)
        xs = cell.forward(p, xs, zero)["h"]
    outputs, d_outputs, layers = xs, posed.coefficients.astype(np.float64), []
    for p, xs in zip(reversed(params), reversed(inputs), strict=True):
        direct = {part: np.zeros_like(outputs) for part in zero} | {"h": d_outputs}
        gradients = cell.backward(p, xs, zero, direct)
        layers.insert(0, _joined(point.cell, gradients.params))
        d_outputs = gradients.xs
    return problem.Answer(outputs, d_outputs, layers)


def _joined(cell: str, named: reference.Named) -> problem.Layer:
    """The gates' blocks side by side, in rnnx's order."""
    if cell == "rnn":
        return problem.Layer(named["W"], named["U"], named["b"])
    gates = {"lstm": "ifgo", "gru": "rzn"}[cell]
    kernels = [np.concatenate([named[f"{letter}_{gate}"] for gate in gates], axis=-1) for letter in "WUb"]
    return problem.Layer(*kernels, named.get("d"))
