"""The computational graph of a model, folded and unrolled."""

from collections.abc import Callable, Mapping
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from rnnx.computational_graph import Graph, computational_graph
from rnnx.report.on_data._cells import NORM, SHADES
from rnnx.show._graph.folded import Folded
from rnnx.show._graph.ink import colors_of
from rnnx.show._graph.painted import painted
from rnnx.show._graph.tree import Tree
from rnnx.show._graph.unrolled import Unrolled
from rnnx.show._measured import check_drawable
from rnnx.types import Batch, GradientFlow, Run

_LEFT, _BETWEEN, _TOP, _FOOT, _SCALE, _MARGIN = 0.8, 0.9, 0.75, 0.55, 0.65, 0.32  # inches
_WIDEST = 15.2  # inches of both panels beside each other


def graph(
    model: Callable[[Batch, Run], Any],
    batch: Batch,
    *,
    flows: Mapping[str, GradientFlow] | None = None,
    steps: int | None = None,
) -> Figure:
    """Draw the computational graph of a model: as it is written, with loops, and unrolled over the steps of a batch.

    All of it is read off the model, by `rnnx.computational_graph`: what is fed in and where (circles), the recurrent
    parts, each in one colour since its weights are the same at every step (boxes), what they hand to each other, what
    is read out, and where there is a loss (black). U takes in, W goes from step to step, V reads out. Steps, or the
    nodes of a tree, are those of the first example of the batch.

    Args:
      model: one of `rnnx.models`, or anyone's own that is called as `model(batch, run)`.
      batch: what it is called with.
      flows: of all its parts, from `rnnx.gradient_flows` on the same batch: then each step is painted by ‖∂L/∂s_t‖ of
        the first example over the largest of them, in powers of ten.
      steps: how many of each part are drawn at most, 6 if not given, or 4 where one sequence follows another; what lies
        between the first and the last is folded.

    Returns:
      A figure, which a notebook shows; `figure.savefig(path)` writes it.

    Raises:
      ValueError: the model has no recurrent part, or a tree and other parts; the first example has no step; flows of
        other parts or steps; less than two steps to be drawn; the batch or a flow is being traced by `jit`.

    >>> import jax, rnnx
    >>> from flax import nnx
    >>> task = rnnx.tasks.get("adding")()
    >>> model = rnnx.models.get("sequence")(rnnx.gru(hidden_size=8), task, rngs=nnx.Rngs(0))
    >>> figure = rnnx.show.graph(model, task.sample(jax.random.key(0), 4, 100))
    >>> [axes.get_label() for axes in figure.axes]
    ['folded', 'unrolled']
    """
    if steps is not None and steps < 2:
        raise ValueError(f"steps must be at least 2, the first and the last, not {steps}.")
    for flow in (flows or {}).values():
        check_drawable(flow)
    of = computational_graph(model, batch)
    empty = [name for name, part in of.parts.items() if not part.steps]
    if empty:
        raise ValueError(f"the first example of the batch has no step of {empty[0]!r}: choose another batch.")
    is_tree = any(part.children for part in of.parts.values())
    if is_tree and len(of.parts) > 1:
        raise ValueError(f"a tree is drawn by itself, and this model has the parts {', '.join(map(repr, of.parts))}.")
    tints = None if flows is None else painted(of, flows)
    colors = colors_of({name: part.cell for name, part in of.parts.items()})
    unrolled = Tree(of, colors, tints) if is_tree else Unrolled(of, colors, tints, steps)
    folded = Folded(of, colors)
    panels = {"folded": folded, "unrolled": unrolled}
    rows = folded.rows
    heights = {"folded": rows.losses + 2 * _MARGIN, "unrolled": unrolled.height + 2 * _MARGIN}
    is_wide = folded.width + unrolled.width > _WIDEST  # then one stands below the other
    across = max(folded.width, unrolled.width) if is_wide else folded.width + _BETWEEN + unrolled.width
    down = sum(heights.values()) + _TOP if is_wide else max(heights.values())
    foot = _FOOT + (_SCALE if flows is not None else 0)
    wide, high = _LEFT + across + _MARGIN, _TOP + down + foot
    made = Figure(figsize=(wide, high))
    FigureCanvasAgg(made)
    made.suptitle(_title(of), x=0.15 / wide, y=1 - 0.12 / high, ha="left", va="top", fontsize=11.5, parse_math=False)
    for label, panel in panels.items():
        second = label == "unrolled"
        left = _LEFT + ((across - panel.width) / 2 if is_wide else (folded.width + _BETWEEN) * second)
        bottom = foot + (heights["unrolled"] + _TOP if is_wide and not second else 0)
        tall = heights[label] if is_wide else down
        axes = made.add_axes((left / wide, bottom / high, panel.width / wide, tall / high), label=label)
        axes.set(xlim=(0, panel.width), ylim=(-_MARGIN, tall - _MARGIN), xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0, pad=8)
        panel.draw(axes)
        if label == "folded" or (is_wide and not is_tree):
            states = sum(rows.parts.values()) / len(rows.parts)
            named = {"inputs": 0.0, "states": states, "outputs": rows.outputs, "loss": rows.losses}
            axes.set_yticks(list(named.values()), list(named), fontsize=10)
    if not is_wide:
        at = _LEFT + folded.width + _BETWEEN / 2, foot + _MARGIN + rows.parts[next(iter(of.parts))]
        bbox = {"boxstyle": "rarrow,pad=0.25", "facecolor": "0.93", "edgecolor": "0.5"}
        made.text(at[0] / wide, at[1] / high, "unroll", fontsize=10, ha="center", va="center", bbox=bbox)
    if flows is not None:
        _scale(made)
    return made


def _title(of: Graph) -> str:
    """The cells, and of what lengths they are shown."""
    cells = dict.fromkeys(repr(part.cell) for part in of.parts.values())
    counts = dict.fromkeys(len(part.steps) for part in of.parts.values())
    unit = "node" if any(part.children for part in of.parts.values()) else "step"
    return f"{' and '.join(cells)}, {' and '.join(map(str, counts))} {unit}{'' if max(counts) == 1 else 's'}"


def _scale(made: Figure) -> None:
    """What the tints mean."""
    wide, high = made.get_size_inches()
    axes = made.add_axes((0.95 / wide, 0.44 / high, 3.6 / wide, 0.12 / high), label="scale")
    bar = made.colorbar(ScalarMappable(NORM, SHADES), cax=axes, orientation="horizontal", extend="min")
    bar.set_ticks([-4, -3, -2, -1, 0], labels=["1/10 000", "1/1000", "1/100", "1/10", "all"])
    axes.tick_params(labelsize=8, length=2, pad=2)
    axes.set_xlabel("‖∂L/∂s$_t$‖ over the largest of all steps", fontsize=9, labelpad=2)
