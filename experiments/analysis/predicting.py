"""What the model of a trial says of a text of anyone's, and which of its words that hangs on."""

import sys
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.colors import to_hex
from rich.console import Console
from rich.text import Text

from experiments import build
from experiments.analysis import saved, writing
from experiments.config import ConfigError
from experiments.trials import compilation
from rnnx import examples
from rnnx.report.figures import _text
from rnnx.report.on_data import paint, relative
from rnnx.report.on_data._cells import SHADES
from rnnx.training.objective import evaluation
from rnnx.training.program import applying, measured_flows, split
from rnnx.types import Array, Batch, Example, GradientFlow, Params

_FLAGS = {"text": "--sentence", "tree": "--tree"}
"""By which flag an example of a kind is given."""

_PICTURES = (".png", ".svg", ".pdf")
"""Which are made without other programs."""


class Prediction(NamedTuple):
    """What a model says of a text."""

    chances: list[tuple[str, float]]
    """Each class with its probability, the likeliest first."""
    words: list[tuple[str, float]]
    """What is read, in its order, each with the size of the gradient by it, as a share of the largest."""
    example: Example
    """What is read, as people see it."""
    on_data: dict[str, np.ndarray]
    """log10 of the gradient by the state over that at the scored step, at each step of the example, by the names of the
    parts."""
    predicted: list[int]
    """The likeliest class at each step."""


def predict(directory: Path, checkpoint: str, flag: str, text: str) -> Prediction:
    """Ask the model of a trial, with the parameters of its `latest` or `best` checkpoint or that of a step.

    Raises:
      ConfigError: there is no such trial or checkpoint, its data is no longer the same, its task is none of texts and
        classes, or the text none that it can read; the message names the flag that gave it.
      rnnx.data.DataError: the data that the task stands on can't be had, from which its words are known.
    """
    config = saved.config_of(directory)
    task = build.task(config)
    saved.check_data(directory, task)
    if task.read is None or not task.classes:
        raise ConfigError(f"the task of {directory}, {config.task.name!r}, does not tell the class of a text.")
    shown = examples.first(task, task.sample_heldout(jax.random.key(0), 1, task.min_length))
    if shown.kind not in _FLAGS:
        raise ConfigError(f"the task {config.task.name!r} shows its examples as neither texts nor trees of words.")
    if _FLAGS[shown.kind] != flag:
        raise ConfigError(f"{flag}: the task {config.task.name!r} reads what is given by {_FLAGS[shown.kind]}.")
    try:
        batch = task.read(text)
    except ValueError as error:
        raise ConfigError(f"{flag}: {error}") from None
    example = examples.first(task, batch)
    compilation.enable_cache()
    model = build.model(config, task)
    shapes = jax.eval_shape(lambda: split(model, jax.random.key(0))[1])
    params = saved.params_of(directory, checkpoint, shapes)
    apply, evaluate = applying(model), evaluation(config.objective)

    @jax.jit
    def of_likeliest(params: Params, batch: Batch) -> tuple[Array, dict[str, GradientFlow]]:
        """The outputs, and how the loss flows back where the likeliest class is taken for the right one."""
        outputs, _ = measured_flows(apply, task, params, batch, evaluate)
        said = batch._replace(targets=jnp.argmax(outputs, axis=-1).astype(batch.targets.dtype))
        return measured_flows(apply, task, params, said, evaluate)

    outputs, flows = jax.device_get(of_likeliest(params, batch))
    p = np.asarray(jax.nn.softmax(outputs[example.scored, 0].astype(np.float64)))
    chances = [(task.classes[n], float(p[n])) for n in np.argsort(-p, kind="stable")]
    norms = {part: _in_data(flow, flow.log10_state_norm) for part, flow in flows.items()}
    on_data = {part: relative(norm, example.scored) for part, norm in norms.items()}
    return Prediction(chances, _words(example, flows), example, on_data, outputs[:, 0].argmax(axis=-1).tolist())


def _words(example: Example, flows: dict[str, GradientFlow]) -> list[tuple[str, float]]:
    """What is read at each step, with the norm of the gradient by it, of all parts that read it together."""
    of_first, *others = flows.values()
    inputs = _in_data(of_first, of_first.inputs)
    total = _in_data(of_first, of_first.input_gradients)
    for flow in others:
        if flow.inputs.shape == of_first.inputs.shape and np.array_equal(_in_data(flow, flow.inputs), inputs):
            total += _in_data(flow, flow.input_gradients)
    norms = np.linalg.norm(total, axis=-1)
    read = [piece.strip(" ") for piece in example.data["words" if example.kind == "tree" else "pieces"]]
    largest = max(norms.max(), np.finfo(norms.dtype).tiny)
    return [(word, float(norm / largest)) for word, norm in zip(read, norms, strict=True) if word]


def _in_data(flow: GradientFlow, values: Array) -> np.ndarray:
    """What a part has at the steps of its one example, `[T, 1, …]`, in the order of the data, `[T, …]`."""
    placed = np.zeros(values[:, 0].shape)
    placed[np.asarray(flow.position)[:, 0]] = values[:, 0]
    return placed


def check_picture(path: Path) -> None:
    """That a picture can be of the format that a path ends in; `ConfigError` if it can't."""
    if path.suffix.lower() not in _PICTURES:
        raise ConfigError(f"--picture={path}: it must end as pictures do, in .png, .svg or .pdf.")
    if not path.absolute().parent.is_dir():
        raise ConfigError(f"--picture={path}: there is no folder {path.parent}.")


def draw(prediction: Prediction, path: Path) -> None:
    """The text as a picture with the gradient painted on it, a row for each part, in the format that the path ends in.

    Raises:
      ConfigError: the file can't be written.
    """
    (said, p), *_ = prediction.chances
    example = prediction.example
    # What is true of a text of anyone's nobody knows.
    if "classes" in example.data:
        example = example._replace(data=example.data | {"classes": [-1] * len(example.data["classes"])})
    if "target" in example.data:
        example = example._replace(data=example.data | {"target": said})
    named = prediction.on_data if len(prediction.on_data) > 1 else {"": next(iter(prediction.on_data.values()))}
    predicted = dict.fromkeys(named, prediction.predicted)
    figure = paint(example, named, predicted=predicted)
    # Above the text, which may be short, and not in the middle of a page.
    figure.axes[0].set_title(f"{said}, with probability {p:.2f}", loc="left", fontsize=11.5, parse_math=False)
    try:
        figure.savefig(path, dpi=150, bbox_inches="tight", pad_inches=0.1)
    except OSError as error:
        raise ConfigError(f"--picture={path}: {error.strerror}.") from None


def show(prediction: Prediction) -> None:
    """On a terminal words tinted as they stand; elsewhere a word a line."""
    console = Console()
    if not console.is_terminal:
        lines = [f"{p:8.4f}  {name}" for name, p in prediction.chances]
        lines += ["", *(f"{share:8.4f}  {word}" for word, share in prediction.words)]
        writing.show(f"{line}\n" for line in lines)
        return
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    width = max(len(name) for name, _ in prediction.chances)
    for n, (name, p) in enumerate(prediction.chances):
        bar = "█" * round(30 * p)
        console.print(Text(f"{p:8.4f}  {name:{width}}  {bar}", style="bold" if n == 0 else ""))
    print()
    console.print(Text(" ").join(Text(f" {word} ", style=_tint(share)) for word, share in prediction.words))
    console.print(Text("\ndark: the gradient by the word is the largest; white: there is none", style="dim"))


def _tint(share: float) -> str:
    color = SHADES(share)
    return f"{'white' if _text.luminance(np.array(color)) < _text.DARK else 'black'} on {to_hex(color)}"
