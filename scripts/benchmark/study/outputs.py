"""What a script measures with given weights: `python -m scripts.benchmark.study.outputs LIBRARY FOLDER`.

`scripts.benchmark.questions`: a question is called after its cell, and has weights in rnnx's layout, and a batch; the
answer is the loss, and log10 ‖∂L/∂s_t‖ `[T, B]`.
"""

import sys
from typing import Any

import numpy as np

from scripts.benchmark import questions


def main(library: str, folder: str) -> None:
    """Answer what is asked of each cell."""

    def of_cell(cell: str, given: dict[str, Any]) -> dict[str, Any]:
        loss, norms = answer(library, cell, given)
        return {"loss": loss, "norms": norms}

    questions.serve(library, folder, of_cell)


def answer(library: str, cell: str, given: dict[str, Any]) -> tuple[Any, Any]:
    """The loss, and log10 ‖∂L/∂s_t‖ [T, B]."""
    return {"torch": _torch, "flax": _flax}[library](cell, given)


def _torch(cell: str, given: dict[str, Any]) -> tuple[Any, Any]:
    import torch

    from scripts.benchmark.study.torch_study import Model

    model = Model(cell, len(given["recurrent_kernel"]))
    weights = {
        model.layer.weight_ih_l0: given["input_kernel"].T,
        model.layer.weight_hh_l0: given["recurrent_kernel"].T,
        model.layer.bias_ih_l0: given["bias"],
        model.layer.bias_hh_l0: np.zeros_like(given["bias"]),
        model.readout.weight: given["readout_kernel"].T,
        model.readout.bias: given["readout_bias"],
    }
    with torch.no_grad():
        for param, value in weights.items():
            param.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    return model.state_gradients(torch.from_numpy(given["xs"]), torch.from_numpy(given["targets"]))


def _flax(cell: str, given: dict[str, Any]) -> tuple[Any, Any]:
    import jax.numpy as jnp
    from flax import nnx

    from scripts.benchmark.study.flax_study import Model

    given = {name: jnp.asarray(value) for name, value in given.items()}
    model: Any = Model(cell, len(given["recurrent_kernel"]), rngs=nnx.Rngs(0))
    layer = model.rnn.cell
    layer.dense_i.kernel[...] = given["input_kernel"]
    layer.dense_h.kernel[...] = given["recurrent_kernel"]
    (layer.dense_h if cell == "lstm" else layer.dense_i).bias[...] = given["bias"]
    model.readout.kernel[...] = given["readout_kernel"]
    model.readout.bias[...] = given["readout_bias"]
    return model.state_gradients(given["xs"], given["targets"])


if __name__ == "__main__":
    main(*sys.argv[1:])
