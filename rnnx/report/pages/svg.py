"""A matplotlib figure as SVG inside of a page: it takes the colours of the page, and is read on a narrow screen too.

Title and legend become HTML, which wraps. Black, grey and white become those of the page, so that a figure follows it
into the dark. Text is text, in the page's font.
"""

import re
import zlib
from typing import Any, NamedTuple

import matplotlib
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnx.report.figures import _style

_PAGE_COLORS = {"#000000": "currentColor", "#ffffff": "var(--paper)", "#595959": "var(--soft)"}
"""What these colours of a figure are on the page: ink, paper, and the grey of reference lines."""

_POINTS = 72


class Entry(NamedTuple):
    """A line of a legend."""

    label: str
    swatch: str
    """SVG."""


class Drawing(NamedTuple):
    """A figure as the page has it."""

    title: str
    svg: str
    legend: tuple[Entry, ...]
    columns: tuple[tuple[float, float, float, float], ...]
    """The parts of the width of which each column of panels can be made by itself: from and to of what is at its left,
    from and to of the panels; none where the figure is not a grid, or one of pictures."""


def drawing(figure: Figure, name: str) -> Drawing:
    """A figure that has been drawn, which this changes: title and legend are taken off, and all else stays in place.

    Args:
      figure: with its title as suptitle, and with legends of the figure as a whole.
      name: what the identifiers in it begin with, another one for each figure of a page.
    """
    title = figure.get_suptitle().partition("\n")[0]
    legend = tuple(entry for one in figure.legends for entry in _entries(one))
    own_paper = any(axes.texts and not axes.lines for axes in figure.axes)  # letters on cells of any colour
    width, height = (_POINTS * size for size in figure.get_size_inches())
    top, bottom = 0.0, height
    if figure.get_layout_engine() is not None:  # else the title is where it was put
        top, bottom = _take_off(figure, height)
    columns = _columns(figure)
    figure.set_layout_engine("none")
    box = f"0 {top:.1f} {width:.1f} {bottom - top:.1f}"
    figure.patch.set_visible(False)
    return Drawing(title, _inline(_style.svg(figure), name, box, own_paper), legend, columns)


def _take_off(figure: Figure, height: float) -> tuple[float, float]:
    """Title and legends; from where to where, from the top, the rest reaches."""
    unit = _POINTS / figure.dpi
    titles = [text for text in figure.texts if text.get_text() and text.get_text() == figure.get_suptitle()]
    top = max((height - unit * text.get_window_extent().y0 for text in titles), default=0.0)
    bottom = min((height - unit * one.get_window_extent().y1 for one in figure.legends), default=height)
    for artist in (*titles, *figure.legends):
        artist.remove()
    rest = height - _POINTS * figure.get_tightbbox().y0  # a legend may stand beside something, and not below it
    return top, min(max(bottom, rest), height)


def _inline(svg: str, name: str, box: str, own_paper: bool) -> str:
    """Without what only a file needs; with short identifiers of its own, and the colours of the page.

    Styles, which are most of a file and much the same throughout, become classes.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", "", svg, flags=re.DOTALL)
    used = dict.fromkeys(re.findall(r'(?:url\(|href=")#([^")]+)', svg))
    own = {old: f"{zlib.crc32(name.encode()):x}"[:5] + f"-{n}" for n, old in enumerate(used)}
    svg = re.sub(r' id="([^"]+)"', lambda m: f' id="{own[m[1]]}"' if m[1] in own else "", svg)
    svg = re.sub(r'(url\(|href=")#([^")]+)', lambda m: f"{m[1]}#{own[m[2]]}", svg)
    svg = re.sub(r' d="([^"CQ]*)"', lambda m: f' d="{_stepwise(m[1])}"', svg)
    svg = re.sub(r'\b(d|x|y|points|transform)="[^"]*"', lambda m: re.sub(r"(\d+)(\.[1-9]|)\.?\d*", r"\1\2", m[0]), svg)
    svg = re.sub(r"'DejaVu Sans Mono'[^;\"]*", "monospace", svg)
    svg = re.sub(r"'DejaVu Sans'[^;\"]*", "sans-serif", svg)
    if not own_paper:
        svg = re.sub("|".join(_PAGE_COLORS), lambda m: _PAGE_COLORS[m[0]], svg)
    svg = svg.replace("xlink:href", "href")
    styles = {style: f"m{zlib.crc32(style.encode()):x}" for style in re.findall(r' style="([^"]*)"', svg)}
    svg = re.sub(r' style="([^"]*)"', lambda m: f' class="{styles[m[1]]}"', svg)
    rules = "".join(f".{of}{{{style}}}" for style, of in styles.items())
    svg = re.sub(r"\s*\n\s*", " ", svg).replace("> <", "><")
    kind = ' class="paper"' if own_paper else ""
    begin = f'<svg{kind} viewBox="{box}"><style>{rules}</style><g id="{name}">'
    return re.sub(r"<svg[^>]*>", lambda _: begin, svg, count=1).replace("</svg>", "</g></svg>")


def _stepwise(path: str) -> str:
    """A path of straight lines with steps in place of places, to a tenth of a point: half as long.

    >>> _stepwise("M 100.04 200 L 101.5 199.96 L 101.5 203 z M 1 2")
    'M100 200l1.5 0 0 3zM1 2'
    """
    written = ""
    x, y, last = 0, 0, ""
    for command, numbers in re.findall(r"([MLz])([^MLz]*)", path):
        if command == "z":
            written += "z"
            continue
        new_x, new_y = (round(10 * float(number)) for number in numbers.split())
        if command == "M":
            written += f"M{new_x / 10:g} {new_y / 10:g}"
        else:
            written += f"{' ' if last == 'L' else 'l'}{(new_x - x) / 10:g} {(new_y - y) / 10:g}"
        x, y, last = new_x, new_y, command
    return written


def _columns(figure: Figure) -> tuple[tuple[float, float, float, float], ...]:
    """Of a figure whose panels are all of one grid, and have axes with numbers."""
    placed = [(axes, axes.get_subplotspec()) for axes in figure.axes if axes.axison]
    panels = [(axes, spec) for axes, spec in placed if spec is not None]
    grids = {spec.get_gridspec().get_geometry() for _, spec in panels}
    if len(grids) != 1 or max(grids)[1] < 2:
        return ()
    if not any(len(axes.get_xticks()) or len(axes.get_yticks()) for axes, _ in panels):
        return ()  # pictures, which are read row by row
    columns: dict[int, list[Any]] = {}
    for axes, spec in panels:
        columns.setdefault(spec.colspan.start, []).append(axes)
    unit = _POINTS / figure.dpi
    first = min(axes.get_window_extent().x0 for axes in columns[min(columns)])
    found = []
    for _, own in sorted(columns.items()):
        left = min(axes.get_window_extent().x0 for axes in own)
        right = max(axes.get_window_extent().x1 for axes in own) + 6
        outermost = min(axes.get_tightbbox().x0 for axes in own)
        # What stands at the left of the first column is of the others too, unless they have numbers of their own.
        found.append((0.0, 0.0 if left - outermost > 12 else first, min(left, outermost) - 1, right))
    return tuple(tuple(round(unit * value, 1) for value in column) for column in found)  # type: ignore[misc]


def _entries(legend: Any) -> list[Entry]:
    texts = [text.get_text() for text in legend.get_texts()]
    return [
        Entry(_plain(label), _swatch(handle))
        for handle, label in zip(legend.legend_handles, texts, strict=True)
        if label
    ]


def _plain(label: str) -> str:
    """Without the dollars of mathematics.

    >>> _plain("1.2·10$^{-7}$: rounding")
    '1.2·10⁻⁷: rounding'
    """
    raised = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
    label = re.sub(r"\$\^\{?([-\d]+)\}?\$", lambda m: m[1].translate(raised), label)
    return re.sub(r"\$_\{?([^}$]*)\}?\$", r"\1", label).replace("$", "")


_RISING, _FALLING = (
    "M3 7L9 1M5 11L15 1M11 11L21 1M17 11L27 1M23 11L27 7",
    "M3 5L9 11M5 1L15 11M11 1L21 11M17 1L27 11M23 1L27 5",
)
_HATCHING = {"/": _RISING, "\\": _FALLING, "x": _RISING + _FALLING}


def _swatch(handle: Any) -> str:
    """A piece of a line with its marker, or of an area: with its hatching, and with its frame where it is white; empty
    where there is neither, beside a note."""
    if not isinstance(handle, Line2D):
        if handle.get_facecolor()[-1] == 0 and not handle.get_linewidth():
            return ""
        color, edge, hatch = to_hex(handle.get_facecolor()), to_hex(handle.get_edgecolor()), handle.get_hatch()
        lines = f'<path d="{_HATCHING[hatch[0]]}" stroke="{edge}"/>' if hatch else ""
        is_framed = color == "#ffffff" and not hatch
        frame = f' stroke="{edge}" stroke-width="{handle.get_linewidth():g}"{_dashed(handle)}' if is_framed else ""
        return f'<svg viewBox="0 0 30 12"><rect x="3" y="1" width="24" height="10" fill="{color}"{frame}/>{lines}</svg>'
    color = to_hex(handle.get_color())
    color = _PAGE_COLORS.get(color, color)
    dash = _dashed(handle)
    line = f'<path d="M0 6H30" stroke="{color}" stroke-width="1.6"{dash}/>' if handle.get_linestyle() != "None" else ""
    marker = matplotlib.markers.MarkerStyle(handle.get_marker() or "none")
    shapes: Any = marker.get_path().transformed(marker.get_transform()).to_polygons() if handle.get_marker() else []
    points = "".join(
        f'<polygon points="{" ".join(f"{15 + 6 * x:.1f},{6 - 6 * y:.1f}" for x, y in shape)}" fill="{color}"/>'
        for shape in shapes
    )
    return f'<svg viewBox="0 0 30 12">{line}{points}</svg>'


def _dashed(handle: Any) -> str:
    _, dashes = handle._dash_pattern
    return f' stroke-dasharray="{" ".join(f"{length:.3g}" for length in dashes)}"' if dashes else ""
