"""How figures look: a cell has one colour in all of them, told apart in grey and by the colour-blind; a variant of it
has a shade of that, and a line and a marker of its own."""

import io
import textwrap
from collections import Counter
from collections.abc import Iterable
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from rnnx.report.statistics import MedianRange, median_range
from rnnx.report.study import Study

WIDTH = 12.0
"""Inches of a figure of the page; at some 1100 pixels a point of type is then 1.3 pixels high."""


class LineStyle(NamedTuple):
    """Colour (of Okabe & Ito's palette), line and marker, and how far into its period the first marker stands."""

    color: str
    linestyle: Any
    marker: str
    first: float = 0.0


PART_DASHES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.5, 1.5)), (0, (6, 1.5, 1, 1.5)), (0, (3, 3)), (0, (1, 3)))
"""Of the parts of a state, in turn: their colour is that of their network."""

_LINE_STYLES = (
    LineStyle("#D55E00", "-", "o"),
    LineStyle("#0072B2", "--", "s"),
    LineStyle("#009E73", "-.", "^"),
    LineStyle("#000000", ":", "D"),
    LineStyle("#CC79A7", (0, (5, 1, 1, 1, 1, 1)), "v"),
    LineStyle("#E69F00", (0, (8, 3)), "P"),
    LineStyle("#56B4E9", (0, (1, 3)), "X"),
)


CELL_COLORS = {
    "rnn": "#D55E00",
    "lstm": "#0072B2",
    "gru": "#009E73",
    "mingru": "#CC79A7",
    "minlstm": "#56B4E9",
    "lru": "#E69F00",
    "recursive": "#000000",
    "rntn": "#785EF0",
    "mv_rnn": "#882255",
    "tree_lstm": "#44AA99",
    "lstnet": "#999933",
    "tpa_lstm": "#6699CC",
    "da_rnn": "#AA4499",
    "dsanet": "#661100",
    "ngram": "#767676",
    "bag_of_words": "#A6761D",
}
"""Of cells, and of models that are called by their own name: the same in every figure, study and page."""

_OTHER_COLORS = ("#CC6677", "#117733", "#BBCC33", "#997700", "#994455", "#004488")
"""Of cells of one's own, in the order of the study."""

_SHADES = (0.0, 0.4, -0.4)
"""Of a colour, in turn for the variants of a cell: as it is, with white, with black."""


def variant_styles(study: Study) -> dict[str, LineStyle]:
    """Colour, line and marker of each variant of a study: the colour is that of its cell, in a shade of its own.

    >>> variant_styles(Study("two", (), ()))
    {}
    """
    variants = study.variants
    cells = {variant: study.cell_of(variant) for variant in variants}
    own = dict.fromkeys(cell for cell in cells.values() if cell not in CELL_COLORS)
    colors = CELL_COLORS | {cell: _OTHER_COLORS[n % len(_OTHER_COLORS)] for n, cell in enumerate(own)}
    count: Counter[str] = Counter()
    made = {}
    for variant, style in line_styles(variants).items():
        cell = cells[variant]
        made[variant] = style._replace(color=shade(colors[cell], _SHADES[count[cell] % len(_SHADES)]))
        count[cell] += 1
    return made


def cell_color(cell: str) -> str:
    """Of a cell by its name; of one's own, the first of those that they have in a study."""
    return CELL_COLORS.get(cell, _OTHER_COLORS[0])


def shade(color: str, mixed: float) -> str:
    """A colour with a share of white, or of black where it is negative."""
    red, green, blue = (part * (1 - abs(mixed)) + max(mixed, 0.0) for part in to_rgb(color))
    return to_hex((red, green, blue)).upper()


def line_styles(labels: list[str]) -> dict[str, LineStyle]:
    """A line style for each label, in order; beyond seven the colours come again with another line and marker.

    >>> [style.marker for style in line_styles(["rnn", "lstm"]).values()]
    ['o', 's']
    """
    made = {}
    for index, label in enumerate(labels):
        turn, place = divmod(index, len(_LINE_STYLES))
        other = _LINE_STYLES[(place + turn) % len(_LINE_STYLES)]
        # Markers of lines that lie on each other stand side by side.
        made[label] = LineStyle(_LINE_STYLES[place].color, other.linestyle, other.marker, first=index / len(labels))
    return made


def figure(width: float, height: float) -> Figure:
    """A figure of a size in inches, drawn without a display and without pyplot's global state."""
    made = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(made)
    return made


def grid(title: str, rows: int, columns: int, *, row_height: float = 2.9, **shared: Any) -> tuple[Figure, np.ndarray]:
    """A figure of panels under one title, and its axes `[rows, columns]`."""
    made = figure(WIDTH, rows * row_height + 1.2)
    made.suptitle("\n".join(textwrap.fill(part, 140) for part in title.split("\n")), fontsize=11.5)
    axes = made.subplots(rows, columns, squeeze=False, **shared)
    for panel in axes.flat:
        panel.grid(alpha=0.3)
    return made, axes


ENOUGH_SEEDS = 5
"""From so many on median and range of seeds are drawn; of fewer each is a line, as no network has the median of two."""


def seeds(axes: Axes, x: np.ndarray, values: np.ndarray, style: LineStyle, *, markers: int = 6, **others: Any) -> None:
    """Curves of seeds, `[seeds, len(x)]`: a thin line each, or from `ENOUGH_SEEDS` on their median and their range.

    A seed without a value counts for nothing.
    """
    known = values[~np.isnan(values).all(axis=1)]
    if len(known) >= ENOUGH_SEEDS:
        line(axes, x, median_range(known), style, markers=markers, **others)
        return
    width = {"linewidth": 1.0} if len(known) > 1 else {}
    for curve in known:
        _curve(axes, x, curve, style, markers=markers, **(width | others))


def line(
    axes: Axes, x: np.ndarray, over_seeds: MedianRange, style: LineStyle, *, markers: int = 6, **others: Any
) -> None:
    """Median as a line with some markers, range as a band; -inf (a gradient of exactly zero) and NaN leave a gap."""
    middle, low, high = over_seeds
    _curve(axes, x, middle, style, markers=markers, **others)
    axes.fill_between(x, _finite(low), _finite(high), color=style.color, alpha=0.2, linewidth=0)


def _curve(axes: Axes, x: np.ndarray, y: np.ndarray, style: LineStyle, *, markers: int, **others: Any) -> None:
    every = max(1, -(-len(x) // markers))
    drawn = {"linestyle": style.linestyle, "marker": style.marker, "markersize": 4.5} | others
    axes.plot(x, _finite(y), color=style.color, markevery=(int(style.first * every), every), **drawn)


def _finite(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values), values, np.nan)


_REFERENCE = "0.35"


def reference(axes: Axes, y: float, linestyle: str, label: str = "") -> None:
    """A thin grey horizontal line that variants are seen against."""
    axes.axhline(y, color=_REFERENCE, linewidth=1.0, linestyle=linestyle, label=label or None)


def reference_curve(axes: Axes, x: np.ndarray, y: np.ndarray, linestyle: str) -> None:
    """A thin grey curve that variants are seen against."""
    axes.plot(x, _finite(y), color=_REFERENCE, linewidth=1.0, linestyle=linestyle)


def legend(made: Figure, shown: dict[str, LineStyle], references: dict[str, Any] | None = None) -> None:
    """One legend under all panels: the variants, and what the reference lines mean (label: line style).

    A variant that has no line in any of them is left out, and so is a reference that lies beyond all axes.
    """
    lines = [(axes, one) for axes in made.axes for one in axes.lines]
    drawn = {to_hex(one.get_color()) for _, one in lines if np.isfinite(np.asarray(one.get_ydata(), float)).any()}
    handles = [
        Line2D([], [], color=style.color, linestyle=style.linestyle, marker=style.marker, markersize=5, label=label)
        for label, style in shown.items()
        if to_hex(style.color) in drawn
    ]
    for label, linestyle in (references or {}).items():
        alike = [(axes, one) for axes, one in lines if one.get_linestyle() == linestyle and _is_reference(one)]
        if not alike or any(_within(axes, one) for axes, one in alike):
            handles.append(Line2D([], [], color=_REFERENCE, linewidth=1.0, linestyle=linestyle, label=label))
    if handles:
        rows = -(-sum(len(str(handle.get_label())) + 9 for handle in handles) // 115)
        columns = -(-len(handles) // rows)
        made.legend(handles=handles, loc="outside lower center", ncols=columns, handlelength=4, frameon=False)


def _is_reference(one: Line2D) -> bool:
    return one.get_color() == _REFERENCE and len(np.unique(one.get_ydata())) == 1


def _within(axes: Axes, one: Line2D) -> bool:
    low, high = sorted(axes.get_ylim())
    return bool(low <= np.asarray(one.get_ydata(), float)[0] <= high)


def label_ends(panels: Iterable[Axes], shown: dict[str, LineStyle]) -> None:
    """Name lines where they end, at the right edge of their axes, in those of the axes where there is room for it.

    A line that ends within the axes, or leaves them, has no name there.
    """
    for axes in panels:
        ends = {label: end for label, style in shown.items() if (end := _end(axes, style)) is not None}
        figure = axes.figure
        assert isinstance(figure, Figure)
        least = _LABEL / (axes.get_position().height * figure.get_figheight())
        if len(ends) * least <= 1 and all(len(label) <= _LONGEST for label in ends):
            for label, place in _apart(ends, least).items():
                axes.annotate(
                    label,
                    (1.0, ends[label]),
                    (1.03, place),
                    xycoords="axes fraction",
                    textcoords="axes fraction",
                    va="center",
                    fontsize=8.5,
                    color=shade(shown[label].color, -0.4),  # what will do for a line is too light for a letter
                    arrowprops={
                        "arrowstyle": "-",
                        "color": shown[label].color,
                        "linewidth": 0.8,
                        "shrinkA": 0,
                        "shrinkB": 0,
                    },
                    annotation_clip=False,
                    parse_math=False,
                )


_LABEL, _LONGEST = 0.17, 24
"""Inches of a label's height, and its most characters."""


def _end(axes: Axes, style: LineStyle) -> float | None:
    """Where the first line of a style ends, as a share of the height of its axes."""
    curves = [
        one for one in axes.lines if to_hex(one.get_color()) == to_hex(style.color) and one.get_marker() == style.marker
    ]
    longest = max((np.size(one.get_xdata()) for one in axes.lines), default=0)
    for one in curves:
        x, y = (np.asarray(of, float) for of in one.get_data())
        if len(x) == longest > 2 and np.isfinite(y[-1]):
            _, height = (axes.transScale + axes.transLimits).transform((x[-1], y[-1]))
            if 0 <= height <= 1:
                return float(height)
    return None


def _apart(heights: dict[str, float], least: float) -> dict[str, float]:
    """Heights between 0 and 1, moved as far as it takes for none to be closer to the next than that, or to an end.

    >>> _apart({"a": 0.5, "b": 0.5, "c": 0.0}, 0.2)
    {'c': 0.1, 'a': 0.4, 'b': 0.6}
    """
    labels = sorted(heights, key=heights.__getitem__)
    clusters: list[tuple[float, int]] = []  # the middle of labels that touch, and how many they are
    for label in labels:
        clusters.append((heights[label], 1))
        while True:
            middle, count = clusters.pop()
            middle = min(max(middle, least * count / 2), 1 - least * count / 2)
            below, fewer = clusters[-1] if clusters else (-1.0, 0)
            if middle - below >= least * (count + fewer) / 2 - 1e-9:
                clusters.append((middle, count))
                break
            clusters[-1] = ((middle * count + below * fewer) / (count + fewer), count + fewer)
    places = [middle + least * (n - (count - 1) / 2) for middle, count in clusters for n in range(count)]
    return {label: round(place, 4) for label, place in zip(labels, places, strict=True)}


def dash_legend(made: Figure, shown: dict[str, Any]) -> None:
    """One legend under all panels of what lines of one pattern have in common, whatever their colour."""
    lines = [
        Line2D([], [], color=_REFERENCE, linestyle=dash, linewidth=1.6, label=name) for name, dash in shown.items()
    ]
    made.legend(handles=lines, loc="outside lower center", ncols=8, handlelength=4, frameon=False)


def area_legend(made: Figure, shown: dict[str, Any], lines: dict[str, Any]) -> None:
    """One legend under all panels: filled areas (label: colour) and black lines (label: line style)."""
    areas = [Patch(facecolor=color, edgecolor="0.35", linewidth=0.5, label=label) for label, color in shown.items()]
    drawn = [Line2D([], [], color="black", linestyle=linestyle, label=label) for label, linestyle in lines.items()]
    made.legend(handles=[*areas, *drawn], loc="outside lower center", ncols=8, frameon=False)


def png(drawn: Figure, dpi: int = 110) -> bytes:
    """The bytes of a PNG file."""
    buffer = io.BytesIO()
    drawn.set_dpi(dpi)
    FigureCanvasAgg(drawn).print_png(buffer)  # `savefig` would draw twice
    return buffer.getvalue()


def svg(figure: Figure) -> str:
    """The text of an SVG file, in which text is text; the same of the same figure, whenever it is drawn."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "rnnx"}):
        FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})  # `savefig` draws twice
    return buffer.getvalue()
