"""The gradient painted on the data: how strongly a loss depends on the state at each step of one example.

A file a kind of data, by the name of `Example.kind`, and nothing else knows of it. It has two functions:

- `size(example, width) -> (width, height)`, inches that one row takes, of a width that there is at most;
- `draw(axes, example, tints)`, one row: the data in axes whose units are inches from the upper left corner, with the
  tint of each step; what it frames and boxes it does by `_cells`.

A kind of data that is seen as a whole, and at the places of which a network may look, has a third:

- `picture(axes, example, weights=None)`, that by itself, the brighter a place the more of the weights `[S]` it has.

Files whose name starts with `_` are helpers.

>>> kinds()
('image', 'piano_roll', 'pixels', 'sequence', 'series', 'sound', 'text', 'tree')
"""

import textwrap
from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import ArrayLike

from rnnx import registry
from rnnx.report.figures import _style
from rnnx.report.on_data import _cells
from rnnx.report.on_data._cells import EXPLODED, NORM, SHADES, Tints
from rnnx.types import Example

_MARGIN, _GAP = 0.15, 0.12  # inches, around all and between rows
_NAME = 20  # characters of a line of a network's name, at most
_CHARACTER, _LINE = 0.083, 0.17  # inches of one, and of a line
_FOOT = 0.62  # inches for the scale and what is said of frames
_BAR = 3.6  # inches of the scale
_TALL = 1.6  # inches of a row from which on two stand side by side


def kinds() -> tuple[str, ...]:
    """The kinds of data that can be painted."""
    return registry.names(__name__)


def picture_of(example: Example) -> Callable[..., None] | None:
    """What draws the picture of an example; `None` where its kind of data has none."""
    return getattr(registry.module(__name__, example.kind), "picture", None)


def relative(log10_norms: ArrayLike, scored: int) -> np.ndarray:
    """log10 of ‖∂L/∂s_t‖ over that at the scored step, `[T]`, from log10 ‖∂L/∂s_t‖ at each step of the data.

    Where the scored step has none, the nearest step before it that has one takes its place, as in the reach.

    >>> relative([-7.0, -6.0, -3.0], scored=2).tolist()
    [-4.0, -3.0, 0.0]
    >>> relative([-7.0, -6.0, float("-inf")], scored=2).tolist()
    [-1.0, 0.0, -inf]
    """
    norms = np.asarray(log10_norms, float)
    before = norms[: scored + 1]
    known = before[~np.isneginf(before)]
    # Against one that is not finite, of a network that has diverged, nothing can be seen.
    reference = known[-1] if len(known) and np.isfinite(known[-1]) else np.nan
    return np.where(np.isneginf(norms), norms, norms - reference)


def paint(
    example: Example,
    gradients: Mapping[str, ArrayLike],
    title: str = "",
    predicted: Mapping[str, list[int]] | None = None,
) -> Figure:
    """Paint the gradient of one or several networks on the data of one example, a row a network.

    Dark is all of the gradient at the scored step, white less than a ten-thousandth of it, on a logarithmic scale.
    Hatched are gradients of exactly zero and, on black, those of more than e times that at the scored step. That step
    is boxed, and the steps that the answer depends on are framed.

    Args:
      example: what is read, by `rnnx.examples.first(task, batch)` or from `example.json` of a trial.
      gradients: `{name of a network: log10 of ‖∂L/∂s_t‖ over that at the scored step, at each step}`, as `relative` has
        it from `log10_state_norm` of a gradient flow or the tag `state_gradient/on_data` of a record.
      title: of the figure.
      predicted: `{name of a network: the class that it tells at each step}`, as the tag `predicted/on_data` has it,
        which is shown where the example has classes.

    Raises:
      ValueError: an unknown kind of data; a gradient of another number of steps.

    >>> import jax, rnnx
    >>> task = rnnx.tasks.get("adding")()
    >>> batch = task.sample(jax.random.key(0), 1, 20)
    >>> cell = rnnx.rnn(8)
    >>> flow = rnnx.gradient_flow(cell, cell.init(jax.random.key(1), 2), batch.inputs, lambda ys: ys[-1].sum())
    >>> example = rnnx.examples.first(task, batch)
    >>> figure = paint(example, {"rnn": relative(flow.log10_state_norm[:, 0], example.scored)})
    >>> [axes.get_label() for axes in figure.axes]
    ['rnn', 'scale']
    """
    kind = registry.module(__name__, example.kind)
    rows = {name: _checked(name, np.asarray(values, float), example) for name, values in gradients.items()}
    names = {name: textwrap.fill(name, _NAME) for name in rows}
    before = 2 * _MARGIN + _CHARACTER * max([len(line) for text in names.values() for line in text.split("\n")] or [0])
    wide, tall = kind.size(example, _style.WIDTH - before - _MARGIN)
    shown = textwrap.fill(title, 130)
    head = _MARGIN + (_LINE * 1.35 * (shown.count("\n") + 1) if title else 0)
    across = 2 if tall > _TALL and len(rows) > 1 else 1
    if across > 1:
        wide, tall = kind.size(example, (_style.WIDTH - _MARGIN) / across - before)
    heights = {name: max(tall, _LINE * (text.count("\n") + 1)) for name, text in names.items()}
    lines = [list(rows)[n : n + across] for n in range(0, len(rows), across)]
    height = head + sum(max(heights[name] for name in line) + _GAP for line in lines) + _FOOT
    made = _style.figure(_style.WIDTH, height)
    made.set_layout_engine("none")  # every place is known
    if title:
        made.suptitle(shown, fontsize=11.5, y=1 - _MARGIN / 2 / height, va="top", parse_math=False)
    top = head
    for line in lines:
        for n, name in enumerate(line):
            # Of a row as high as its name, the data stand in the middle.
            left, down = before + n * (before + wide), top + (heights[name] - tall) / 2
            place = (left / _style.WIDTH, 1 - (down + tall) / height, wide / _style.WIDTH, tall / height)
            axes = made.add_axes(place, label=name)
            axes.set(xlim=(0, wide), ylim=(tall, 0))
            axes.axis("off")
            told = {"predicted": [int(n) for n in predicted[name]]} if predicted and name in predicted else {}
            kind.draw(axes, example._replace(data=example.data | told), _cells.tints(rows[name]))
            at = (left - _MARGIN / 2) / _style.WIDTH, 1 - (down + tall / 2) / height
            made.text(*at, names[name], ha="right", va="center", fontsize=9.5, fontweight="bold", parse_math=False)
        top += max(heights[name] for name in line) + _GAP
    _foot(made, example, rows, before)
    return made


def _checked(name: str, values: np.ndarray, example: Example) -> np.ndarray:
    steps = sum(example.steps.values())
    if values.shape != (steps,):
        raise ValueError(f"the gradient of {name!r} must be of the {steps} steps of the example, not of {values.size}.")
    return values


def _foot(made: Figure, example: Example, rows: Mapping[str, np.ndarray], before: float) -> None:
    """The scale, and what the frames and the hatching mean."""
    width, height = made.get_size_inches()
    axes = made.add_axes((before / width, 0.4 / height, _BAR / width, 0.12 / height), label="scale")
    everywhere = np.concatenate([np.zeros(0), *rows.values()])
    exploded = bool(np.any(everywhere > _cells.EXPLODING))
    bar = made.colorbar(ScalarMappable(NORM, SHADES), cax=axes, orientation="horizontal", extend="min")
    bar.set_ticks([-4, -3, -2, -1, 0], labels=["1/10 000", "1/1000", "1/100", "1/10", "all"])
    axes.tick_params(labelsize=7.5, length=2, pad=2)
    made.text(
        (before + _BAR / 2) / width,
        0.06 / height,
        "‖∂L/∂s$_t$‖ over that at the scored step",
        ha="center",
        va="bottom",
        fontsize=8.5,
    )
    notes: list[Patch] = [Patch(facecolor="white", edgecolor="black", linestyle=_cells.BOX, label=_scored(example))]
    if example.data.get("classes"):
        signs, known = ", ".join(example.data["signs"]), max(example.data["classes"]) >= 0
        label = f"{signs}: in a node predicted{', beside it true' if known else ''}"
        notes.append(Patch(facecolor="none", linewidth=0, label=label))
    if example.marks and example.data.get("marked"):
        notes.append(Patch(facecolor="white", edgecolor="black", linewidth=2, label=example.data["marked"]))
    if exploded:
        notes.append(
            Patch(
                facecolor=EXPLODED,
                edgecolor=_cells.HATCHED[_cells.MORE],
                hatch=_cells.MORE,
                linewidth=0,
                label="more than e times as much",
            )
        )
    if np.any(np.isneginf(everywhere)):
        notes.append(Patch(facecolor="white", edgecolor="0.6", hatch=_cells.ZERO, linewidth=0, label="exactly zero"))
    if np.any(np.isnan(everywhere)):
        notes.append(Patch(facecolor="white", edgecolor="0.3", hatch=_cells.NOTHING, linewidth=0, label="not a number"))
    made.legend(
        handles=notes,
        loc="center left",
        bbox_to_anchor=((before + _BAR + 0.45) / width, 0.32 / height),
        ncols=2 if len(notes) > 2 else len(notes),
        frameon=False,
        fontsize=8.5,
        borderaxespad=0,
        handlelength=1.4,
        handleheight=1.2,
    )


def _scored(example: Example) -> str:
    """What stands in the box: of a text the target, which comes after what is read; else the step itself."""
    return "what is predicted" if "pieces" in example.data and example.data.get("target") else "the scored step"


__all__ = ["Tints", "kinds", "paint", "picture_of", "relative"]
