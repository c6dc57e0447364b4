"""Whether the scripts compute what rnnx computes: same weights, same text, same loss, gradient and logits."""

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

import rnnx
from experiments.analysis import writing
from experiments.analysis.writing import Writer
from rnnx.training import program
from rnnx.types import Array, Batch, Params
from scripts.benchmark import questions
from scripts.benchmark.language.outputs import WEIGHTS
from scripts.benchmark.layers.equality import TOLERANCE, UnequalError, error
from scripts.benchmark.questions import Arrays

LENGTH, BATCH = 16, 8
TOKENS = 32
"""Of the text that a writer reads."""


def check(
    libraries: Sequence[str], text: Path, hidden: int, trial: Path, checkpoint: Path
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, str]]]:
    """Compare training in every script, and writing in PyTorch's, which is given the trial's model.

    Args:
      libraries: whose scripts.
      text, hidden: what is read, and the units of the LSTM that is trained.
      trial: whose model writes.
      checkpoint: where PyTorch saves that model.

    Returns:
      ({library: {"training", "writing": largest difference}}, {library: versions}).

    Raises:
      UnequalError: a script computes something else.
      WorkerError: a script can't be run.
    """
    training, wanted_gradient = training_problem(text, hidden)
    written, wanted_logits = writing_problem(writing.writer(trial, "latest"))
    wanted = {"training": wanted_gradient, "writing": wanted_logits}
    differences: dict[str, dict[str, float]] = {}
    versions: dict[str, dict[str, str]] = {}
    for library in libraries:
        posed = {"training": training}
        if library == "torch":
            posed["writing"] = written | {"checkpoint": str(checkpoint)}
        answers, versions[library] = questions.ask("scripts.benchmark.language.outputs", library, posed)
        differences[library] = {name: difference(answers[name], wanted[name], library) for name in posed}
    return differences, versions


def training_problem(text: Path, hidden: int) -> tuple[Arrays, Arrays]:
    """Weights and a batch of the text; and the loss and the gradient in rnnx.

    Biases are not zero, so that none can be missing or in another's place.
    """
    task = rnnx.tasks.get("characters")(path=str(text))
    model = functools.partial(rnnx.models.get("sequence"), rnnx.lstm(hidden), task)
    params = program.split(model, jax.random.key(0))[1]
    cell, readout = params["cells"]["cell"], params["readout"]
    of_cell, of_readout = jax.random.split(jax.random.key(1))
    params["cells"]["cell"] = cell._replace(bias=cell.bias + 0.3 * jax.random.normal(of_cell, cell.bias.shape))
    readout["bias"] = readout["bias"] + 0.3 * jax.random.normal(of_readout, readout["bias"].shape)
    batch = task.sample(jax.random.key(2), BATCH, LENGTH)
    apply = program.applying(model)

    @jax.jit
    @jax.value_and_grad
    def loss_and_gradient(params: Params) -> Array:
        return program.mean_loss(task, apply(params, batch, rnnx.plain_run), batch)

    loss, gradient = loss_and_gradient(params)
    posed = weights(params) | {"inputs": np.asarray(batch.inputs), "targets": np.asarray(batch.targets)}
    return posed, {"loss": np.asarray(loss)} | weights(gradient)


def writing_problem(writer: Writer) -> tuple[Arrays, Arrays]:
    """The weights and characters of a writer, and a text; and by each of PyTorch's steps the logits after each of its
    tokens, which are those of rnnx."""
    tokens = np.random.default_rng(0).integers(len(writer.vocabulary), size=TOKENS)
    tokens = tokens.astype(np.int32)

    @jax.jit
    def logits(params: Params, tokens: Array) -> Array:
        first = Batch(tokens[:1, None], None, jnp.ones((1, 1)))
        decoder = nnx.merge(writer.model, params).decoder(first, writer.run)

        def step(state: object, token: Array) -> tuple[object, Array]:
            state = decoder.step(state, token[None])
            return state, decoder.logits(state)[0]

        rest = jax.lax.scan(step, decoder.state, tokens[1:])[1]
        return jnp.concatenate([decoder.logits(decoder.state), rest])

    params = jax.tree.map(jnp.asarray, writer.params)
    posed = weights(params) | {"tokens": tokens, "characters": "".join(writer.vocabulary.tokens)}
    return posed, dict.fromkeys(("LSTM", "LSTMCell"), np.asarray(logits(params, tokens)))


def weights(params: Params) -> Arrays:
    """Of a model, or the gradient, by the names of `WEIGHTS`."""
    cell, readout = params["cells"]["cell"], params["readout"]
    arrays = (params["embedding"]["embedding"], *cell, readout["kernel"], readout["bias"])
    return dict(zip(WEIGHTS, map(np.asarray, arrays), strict=True))


def difference(given: Mapping[str, np.ndarray], wanted: Mapping[str, np.ndarray], library: str) -> float:
    """The largest relative error ‖a - r‖ / ‖r‖ of the arrays that are wanted.

    Raises:
      UnequalError: it is above `TOLERANCE`, not finite, or of another shape.
    """
    found = {name: error(name, given[name], array) for name, array in wanted.items()}
    worst = max(found, key=lambda name: found[name])
    if not found[worst] <= TOLERANCE:
        raise UnequalError(f"{library}: {worst} differs by {found[worst]:.1e} of its norm (tolerance {TOLERANCE:g})")
    return found[worst]
