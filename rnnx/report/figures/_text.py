"""A text as it stands, in letters of one width, on a strip that is coloured by a number for each of its pieces."""

import functools
import re
import textwrap
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont, get_font

from rnnx.report.figures import _style, _titles
from rnnx.report.study import Study, longest
from rnnx.report.trial import Trial

_COLUMNS = 74  # characters of a row, at most: a line of Shakespeare's has up to 63, one of a book up to 73
_NARROWEST = 48  # characters of a row for which there is room, as titles need it
_CELL, _ROW = 5.2 / 72, 0.165  # inches of a character
FONT, _FONT_SIZE = "DejaVu Sans Mono", 8.4  # which comes with matplotlib; of this size 5.06 points wide
_MARGIN, _GAP, _BAR = 0.12, 0.3, 0.55  # inches; of the last the bar with its numbers
_LINE = 0.19  # inches of a line of a title
_LETTER: dict[str, Any] = {"family": FONT, "fontsize": _FONT_SIZE, "ha": "center", "parse_math": False}
DARK = 0.18  # relative luminance, below which white stands out more than black


class Strip(NamedTuple):
    """A text, and the numbers that it is coloured by."""

    title: str
    pieces: list[str]
    values: np.ndarray
    """One for each piece."""
    norm: Normalize


def draw(title: str, strips: list[Strip], colors: Colormap, label: str) -> Figure:
    """Strips one below the other, or in two columns if there are several; `label` says what the colours are of."""
    colors = colors.with_extremes(bad="white")
    across = min(2, len(strips))
    texts = [rows("".join(strip.pieces)) for strip in strips]
    columns = max(_NARROWEST, *(end - start for text in texts for start, end in text))
    titles = [textwrap.wrap(strip.title, int(1.25 * columns)) or [""] for strip in strips]
    heights = [_ROW * max(len(text), 4) + _LINE * len(lines) + _GAP for text, lines in zip(texts, titles, strict=True)]
    bands = [max(heights[n : n + across]) for n in range(0, len(strips), across)]
    wide = columns * _CELL
    width = across * (wide + _BAR + _GAP) + _MARGIN
    shown = "\n".join(textwrap.fill(part, int(11 * width)) for part in title.split("\n"))
    head = _MARGIN + _LINE * 1.1 * len(shown.splitlines())
    height = head + sum(bands) + _MARGIN
    made = _style.figure(width, height)
    made.set_layout_engine("none")  # every place is known
    made.suptitle(shown, fontsize=10.5, y=1 - _MARGIN / 2 / height, va="top")

    def axes(left: float, top: float, wide: float, tall: float) -> Axes:
        return made.add_axes((left / width, 1 - (top + tall) / height, wide / width, tall / height))

    for n, (strip, text, lines) in enumerate(zip(strips, texts, titles, strict=True)):
        left = _MARGIN + n % across * (wide + _BAR + _GAP)
        top = head + sum(bands[: n // across]) + _LINE * len(lines) + _GAP / 3
        tall = _ROW * len(text)
        strip_axes = axes(left, top, wide, tall)
        strip_axes.set_title("\n".join(lines), fontsize=9, loc="left", pad=3)
        _strip(strip_axes, strip, text, columns, colors)
        bar = axes(left + wide + 0.08, top, 0.1, min(max(tall, 4 * _ROW), 16 * _ROW))
        over = np.any(strip.values[np.isfinite(strip.values)] > strip.norm.vmax)
        made.colorbar(ScalarMappable(strip.norm, colors), cax=bar, extend="max" if over else "neither")
        bar.tick_params(labelsize=7)
        bar.set_ylabel(label, fontsize=8)
    return made


def rows(text: str) -> list[tuple[int, int]]:
    r"""Where each row of a text begins and ends: its lines, with the line end, those that are long after some space.

    >>> rows("one\n\ntwo\n"), rows("a" * 50 + " " + "b" * 30)
    ([(0, 4), (4, 5), (5, 9)], [(0, 51), (51, 81)])
    """
    found = []
    start = 0
    for line in re.findall(r"[^\n]*\n|[^\n]+", text):
        end = start + len(line)
        while end - start > _COLUMNS:
            cut = text.rfind(" ", start, start + _COLUMNS) + 1 or start + _COLUMNS
            found.append((start, cut))
            start = cut
        found.append((start, end))
        start = end
    return found


def first_seeds(study: Study, task: str, tag: str, subject: str) -> tuple[str, dict[str, Trial]]:
    """Of each variant the first seed whose latest record has a tag, at the longest length there is.

    Returns:
      (the title of a figure of them, empty if there are none; the trials by variant, and by name where the model has
      several parts, each of which is a variant)
    """
    latest = (
        group._replace(trials=tuple(trial for trial in group.trials if tag in trial.latest)[:1])
        for group in study.groups_of(task)
    )
    measured = [group for group in latest if group.trials]
    if not measured:
        return "", {}
    groups = longest(measured)
    stage = _titles.stage_labels(groups, tag)["latest"]
    title = _titles.title(f"{task}, T = {groups[0].length}: {subject}, {stage}", groups)
    parts = Counter(trial.name for group in groups for trial in group.trials)
    return title, {
        group.variant if parts[trial.name] == 1 else trial.name: trial for group in groups for trial in group.trials
    }


def _strip(axes: Axes, strip: Strip, text: list[tuple[int, int]], columns: int, colors: Colormap) -> None:
    characters = "".join(strip.pieces)
    values = np.repeat(np.asarray(strip.values, float), [len(piece) for piece in strip.pieces])
    cells = np.ones((len(text), columns, 4))
    of_text = colors(strip.norm(np.ma.masked_invalid(values)))
    for row, (start, end) in enumerate(text):
        cells[row, : end - start] = of_text[start:end]
        for column, character in enumerate(characters[start:end]):
            if character != " ":
                color = "white" if luminance(of_text[start + column]) < DARK else "black"
                axes.text(column + 0.5, row + 0.74, shown(character), color=color, **_LETTER)
    axes.imshow(cells, extent=(0, columns, len(text), 0), aspect="auto", interpolation="nearest")
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def luminance(color: np.ndarray) -> float:
    """Of the light that white sends, 0 to 1 (WCAG 2)."""
    red, green, blue = np.where(color[:3] <= 0.04045, color[:3] / 12.92, ((color[:3] + 0.055) / 1.055) ** 2.4)
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue)


@functools.cache
def shown(character: str) -> str:
    """A character, or a sign for one that can't be seen or is not in the font."""
    if character in "\n\t":
        return {"\n": "↵", "\t": "→"}[character]
    known = character.isprintable() and get_font(findfont(FONT)).get_char_index(ord(character))
    return character if known else "▯"
