"""What a script computes with given weights: `python -m scripts.benchmark.language.outputs LIBRARY FOLDER`.

`scripts.benchmark.questions`: "training" is answered by the loss of a batch and its gradient; "writing", which PyTorch
alone is asked, by the logits after each token of a text that is read one by one, by each of its ways to step. Weights
and gradients are in rnnx's layout. The model that is to write is saved where the question says.
"""

import sys
from typing import Any

import numpy as np

from scripts.benchmark import questions

Arrays = dict[str, Any]
WEIGHTS = ("embedding", "input_kernel", "recurrent_kernel", "bias", "readout_kernel", "readout_bias")


def main(library: str, folder: str) -> None:
    """Answer what is asked."""
    questions.serve(library, folder, lambda name, given: answer(library, name, given))


def answer(library: str, name: str, given: Arrays) -> Arrays:
    """To a question of that name."""
    if name == "writing":
        return _torch_logits(given)
    return {"torch": _torch_gradient, "flax": _flax_gradient}[library](given)


def _torch_model(given: Arrays) -> Any:
    import torch

    from scripts.benchmark.language.torch_training import Model

    model = Model(*given["embedding"].shape)
    weights = (
        given["embedding"],
        given["input_kernel"].T,
        given["recurrent_kernel"].T,
        given["bias"],
        np.zeros_like(given["bias"]),
        given["readout_kernel"].T,
        given["readout_bias"],
    )
    with torch.no_grad():
        for param, value in zip(model.parameters(), weights, strict=True):
            param.copy_(torch.from_numpy(np.ascontiguousarray(value)))
    return model


def _torch_gradient(given: Arrays) -> Arrays:
    import torch

    model = _torch_model(given)
    loss = model.loss(*(torch.from_numpy(given[name]).long() for name in ("inputs", "targets")))
    loss.backward()
    E, W, U, b, _, R, c = (param.grad.numpy() for param in model.parameters())
    return {"loss": loss.detach()} | dict(zip(WEIGHTS, (E, W.T, U.T, b, R.T, c), strict=True))


def _torch_logits(given: Arrays) -> Arrays:
    import torch

    from scripts.benchmark.language.torch_writing import STEPS

    model = _torch_model(given)
    checkpoint = {"model": model.state_dict(), "characters": str(given["characters"])}
    torch.save(checkpoint, str(given["checkpoint"]))
    answers = {}
    with torch.inference_mode():
        for name, step_of in STEPS.items():
            step, state, logits = step_of(model), None, []
            for token in torch.from_numpy(given["tokens"]).long():
                after, state = step(token[None], state)
                logits.append(after[0])
            answers[name] = torch.stack(logits)
    return answers


def _flax_gradient(given: Arrays) -> Arrays:
    import jax.numpy as jnp
    from flax import nnx

    from scripts.benchmark.language.flax_training import Model

    given = {name: jnp.asarray(value) for name, value in given.items()}
    model: Any = Model(*given["embedding"].shape, rngs=nnx.Rngs(0))

    def params(of: Any) -> tuple[Any, ...]:
        cell = of.lstm.cell
        recurrent = cell.dense_h
        return of.embedding.embedding, cell.dense_i.kernel, recurrent.kernel, recurrent.bias, *_linear(of.readout)

    for name, param in zip(WEIGHTS, params(model), strict=True):
        param[...] = given[name]
    loss, gradients = nnx.value_and_grad(lambda model: model.loss(given["inputs"], given["targets"]))(model)
    return {"loss": loss} | dict(zip(WEIGHTS, (param[...] for param in params(gradients)), strict=True))


def _linear(layer: Any) -> tuple[Any, Any]:
    return layer.kernel, layer.bias


if __name__ == "__main__":
    main(*sys.argv[1:])
