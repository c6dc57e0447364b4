"""How a computational graph is drawn: where its parts stand, and the panels in which they do."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from rnnx.computational_graph import Graph
from rnnx.report.graph.folded import Folded
from rnnx.report.graph.ink import colors_of
from rnnx.report.graph.painted import Norms, painted
from rnnx.report.graph.tree import Tree
from rnnx.report.graph.unrolled import Unrolled
from rnnx.report.on_data._cells import NORM, SHADES

_LEFT, _BETWEEN, _TOP, _FOOT, _SCALE, _MARGIN = 0.8, 0.9, 0.75, 0.55, 0.65, 0.32  # inches
_WIDEST = 15.2  # inches of both panels beside each other


def draw(of: Graph, *, norms: Norms | None = None, steps: int | None = None) -> Figure:
    """Both panels, the gradient painted on the second where it is given; see `rnnx.show.graph`.

    Raises:
      ValueError: a tree and other parts; the first example has no step; less than two steps to be drawn.
    """
    if steps is not None and steps < 2:
        raise ValueError(f"steps must be at least 2, the first and the last, not {steps}.")
    empty = [name for name, part in of.parts.items() if not part.steps]
    if empty:
        raise ValueError(f"the first example of the batch has no step of {empty[0]!r}: choose another batch.")
    is_tree = any(part.children for part in of.parts.values())
    if is_tree and len(of.parts) > 1:
        raise ValueError(f"a tree is drawn by itself, and this model has the parts {', '.join(map(repr, of.parts))}.")
    tints = None if norms is None else painted(norms)
    colors = colors_of({name: part.cell for name, part in of.parts.items()})
    unrolled = Tree(of, colors, tints) if is_tree else Unrolled(of, colors, tints, steps)
    folded = Folded(of, colors)
    panels = {"folded": folded, "unrolled": unrolled}
    rows = folded.rows
    heights = {"folded": rows.losses + 2 * _MARGIN, "unrolled": unrolled.height + 2 * _MARGIN}
    is_wide = folded.width + unrolled.width > _WIDEST  # then one stands below the other
    across = max(folded.width, unrolled.width) if is_wide else folded.width + _BETWEEN + unrolled.width
    down = sum(heights.values()) + _TOP if is_wide else max(heights.values())
    foot = _FOOT + (_SCALE if norms is not None else 0)
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
    if norms is not None:
        _scale(made)
    return made


def _title(of: Graph) -> str:
    """The cells, and of what lengths they are shown."""
    cells = dict.fromkeys(part.cell for part in of.parts.values())
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
