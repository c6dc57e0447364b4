"""What a script measures with given weights: `python -m scripts.benchmark.study.outputs LIBRARY FOLDER`.

In the folder, each `<cell>.posed.npz` (weights in rnnx's layout, and a batch) is answered by a `<cell>.answered.npz`
(the loss, and log10 ‖∂L/∂s_t‖ `[T, B]`). It prints the versions of the library as JSON, and imports no more than NumPy
and that library.
"""

import importlib.metadata
import json
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

PACKAGES = {"torch": ("torch", "numpy"), "flax": ("flax", "jax", "jaxlib", "optax", "numpy")}


def main(library: str, folder: str) -> None:
    """Read, answer, write."""
    for question in Path(folder).glob("*.posed.npz"):
        cell = question.name.removesuffix(".posed.npz")
        with np.load(question) as file:
            loss, norms = answer(library, cell, dict(file))
        np.savez(question.with_name(f"{cell}.answered.npz"), loss=np.asarray(loss), norms=np.asarray(norms))
    versions = {package: importlib.metadata.version(package) for package in PACKAGES[library]}
    print(json.dumps(versions | {"python": platform.python_version()}))


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
