"""The pictures of docs/layouts.md: `python -m scripts.layouts`.

Each is what `rnnx.show.graph` draws of a model and a batch, of the sizes that a study has unless it says otherwise. No
data are needed: all batches are made by code.
"""

import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from matplotlib.figure import Figure

import rnnx
from rnnx.report.figures import _style
from rnnx.training.program import at_last
from rnnx.types import Batch, Cell, GradientFlow, Task

OUT = Path(__file__).parents[1] / "docs" / "layouts"

B, H = 32, 64
KEY = jax.random.key(2)  # whose first date is written in 17 characters, and whose tree is not a chain
ADDING = rnnx.tasks.get("adding")()


def batch(fed: int, scored: int, length: int) -> Batch:
    """Numbers at the first steps, and losses at the last."""
    t = jnp.arange(length)[:, None]
    inputs = jnp.where((t < fed)[..., None], jax.random.uniform(KEY, (length, B, 2)), 0)
    weights = jnp.broadcast_to(t >= length - scored, (length, B)).astype(float)
    return Batch(inputs, jnp.zeros((length, B, 1)), weights)


def of_task(name: str, length: int, cell: Cell, *, flow: bool = False, **options: Any) -> Figure:
    """A task with its own model, and on request the gradient of an untrained one."""
    task = rnnx.tasks.get(name)()
    model = rnnx.models.get(task.model)(cell, task, rngs=nnx.Rngs(0), **options)
    sampled = task.sample(KEY, B, length)
    return rnnx.show.graph(model, sampled, flows=flows(model, task, sampled) if flow else None)


def by_hand(fed: int, scored: int, length: int) -> Figure:
    """The model `sequence`, for a layout of one's own."""
    model = rnnx.models.get("sequence")(rnnx.lstm(H), ADDING, rngs=nnx.Rngs(0))
    return rnnx.show.graph(model, batch(fed, scored, length))


def flows(model: nnx.Module, task: Task, sampled: Batch) -> dict[str, GradientFlow]:
    """The gradient of the mean loss."""
    graphdef, params = nnx.split(model)

    def loss(params: Any, run: rnnx.Run) -> jax.Array:
        losses = task.losses(nnx.merge(graphdef, params)(sampled, run), sampled)
        return jnp.sum(losses * sampled.weights) / jnp.sum(sampled.weights)

    found: dict[str, GradientFlow] = jax.jit(lambda params: rnnx.gradient_flows(loss, params)[2])(params)
    return found


AGAINST_LAG = {
    "one to many: scenes": ("scenes", 11, "lstm", "decoder"),
    "many to one: adding": ("adding", 64, "lstm", "cell"),
    "many to many: copy_memory": ("copy_memory", 64, "lstm", "cell"),
    "dates, the decoder": ("dates", 29, "lstm", "decoder"),
    "dates, the encoder": ("dates", 29, "lstm", "encoder"),
    "a tree: tournament": ("tournament", 12, "rntn", "tree"),
}
"""What is drawn of each layout that has more than one step: task, length, cell and part, without attention."""


def against_lag() -> Figure:
    """The gradient of the loss at the last scored step in untrained models of every layout."""
    made = _style.figure(_style.WIDTH, 6.4)
    made.suptitle("untrained networks of 64 units: the gradient of the loss at the last scored step (at the root)")
    panels = made.subplots(2, 3, sharey=True)
    for axes, (title, (name, length, cell, part)) in zip(panels.flat, AGAINST_LAG.items(), strict=True):
        task = rnnx.tasks.get(name)()
        options = {"attention": "none"} if part in ("encoder", "decoder") else {}
        model = rnnx.models.get(task.model)(rnnx.cells.get(cell)(H), task, rngs=nnx.Rngs(0), **options)
        rnnx.show.lag(flows(model, task, at_last(task.sample(KEY, B, length)))[part], ax=axes)
        axes.set_title(title)
    return made


PICTURES = {
    "one_to_one": lambda: by_hand(1, 1, 1),
    "one_to_many": lambda: of_task("scenes", 11, rnnx.lstm(H), attention="none"),
    "attention_to_picture": lambda: of_task("scenes", 11, rnnx.lstm(H), attention="dot"),
    "many_to_one": lambda: of_task("adding", 64, rnnx.lstm(H)),
    "many_to_many": lambda: of_task("copy_memory", 30, rnnx.lstm(H)),
    "both_directions": lambda: of_task("copy_memory", 30, rnnx.gru(H), bidirectional=True),
    "encoder_decoder": lambda: of_task("dates", 29, rnnx.lstm(H), attention="none"),
    "attention": lambda: of_task("dates", 29, rnnx.lstm(H), attention="additive"),
    "tree": lambda: of_task("tournament", 6, rnnx.cells.get("rntn")(8)),
    "against_lag": against_lag,
    "gradient_rnn": lambda: of_task("adding", 64, rnnx.rnn(H, recurrent_initializer="orthogonal(0.8)"), flow=True),
    "gradient_lstm": lambda: of_task("adding", 64, rnnx.lstm(H, forget_bias=2.0), flow=True),
}


def main() -> None:
    """Write all of them."""
    OUT.mkdir(exist_ok=True)
    for name, draw in PICTURES.items():
        path = OUT / f"{name}.svg"
        path.write_text(_short(_style.svg(draw())), encoding="utf-8")
        print(path)


def _short(svg: str) -> str:
    """Places to a tenth of a point, which is less than can be seen; half the size."""
    svg = re.sub(r" +\n", "\n", svg)
    return re.sub(r'\b(d|x|y|points)="[^"]*"', lambda m: re.sub(r"(\d+\.\d)\d+", r"\1", m[0]), svg)


if __name__ == "__main__":
    main()
