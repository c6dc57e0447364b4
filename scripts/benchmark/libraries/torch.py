"""PyTorch, eager, on all cores. Each gate has two biases, of which rnnx's one is the sum: the second is zero here.

LSTM gates i, f, g, o; GRU r, z, n, with the reset after the product. Kernels are transposed, [G, I].
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch

from scripts.benchmark import machine
from scripts.benchmark.layers.problem import Answer, Layer, Problem
from scripts.benchmark.libraries import Network

PACKAGES = ("torch", "numpy")
LAYOUT = "[T, B, I]"
FORM = {
    "rnn": "`torch.nn.RNN`; forward under `torch.no_grad`",
    "lstm": "`torch.nn.LSTM`; forward under `torch.no_grad`",
    "gru": "`torch.nn.GRU`; forward under `torch.no_grad`",
}
REFERENCE: dict[str, dict[str, Any]] = {}
_MODULES: dict[str, Any] = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
_NAMES = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def build(problem: Problem) -> Network:
    """The problem in PyTorch."""
    torch.set_num_threads(machine.cores())
    H, L = problem.point.hidden, problem.point.layers
    model = _MODULES[problem.point.cell](H, H, num_layers=L)
    names = [f"{name}_l{number}" for number in range(L) for name in _NAMES]
    params = [getattr(model, name) for name in names]
    with torch.no_grad():
        for param, value in zip(params, _torch_layout(problem.layers), strict=True):
            param.copy_(torch.from_numpy(value))
    xs = torch.from_numpy(problem.xs.copy()).requires_grad_()
    coefficients = torch.from_numpy(problem.coefficients.copy())

    def forward() -> torch.Tensor:
        with torch.no_grad():
            return model(xs)[0]

    def backward() -> tuple[torch.Tensor, tuple[torch.Tensor, ...]]:
        loss = (model(xs)[0] * coefficients).sum()
        return loss, torch.autograd.grad(loss, [xs, *params])

    def answer(outputs: torch.Tensor, gradients: Any) -> Answer:
        input_gradient, *of_params = [gradient.numpy() for gradient in gradients[1]]
        return Answer(outputs.numpy(), input_gradient, _our_layout(problem, of_params))

    return Network(forward, backward, answer)


def _torch_layout(layers: Iterable[Layer]) -> list[np.ndarray]:
    arrays = []
    for layer in layers:
        second = np.zeros_like(layer.bias)
        if layer.recurrent_bias is not None:
            second[-len(layer.recurrent_bias) :] = layer.recurrent_bias
        transposed = [np.ascontiguousarray(kernel.T) for kernel in (layer.input_kernel, layer.recurrent_kernel)]
        arrays += [*transposed, layer.bias, second]
    return arrays


def _our_layout(problem: Problem, arrays: list[np.ndarray]) -> list[Layer]:
    layers = []
    for number in range(problem.point.layers):
        W, U, first, second = arrays[4 * number : 4 * number + 4]
        recurrent = second[-problem.point.hidden :] if problem.point.cell == "gru" else None
        layers.append(Layer(W.T, U.T, first, recurrent))
    return layers
