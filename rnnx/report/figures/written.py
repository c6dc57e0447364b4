"""What models write to some held-out examples, beside what is right."""

import textwrap
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from rnnx.report import on_data, words
from rnnx.report.figures import _style, _titles
from rnnx.report.study import Study, longest
from rnnx.types import Written

TITLE = "What it writes"

CAPTION = """
The first held-out examples at the last measurement, of the first seed of each variant at the longest length: what is
right, and what the network wrote when it was given nothing of that, the likeliest token each time. A tick is before
what is right as a whole, a cross before what is not. How much of a whole test split is right is among the numbers
below; all that was written to it stands in <code>predictions/</code> in the directory of each trial.
"""

ORDER = 155

_SIDE, _MARGIN, _GAP = 1.0, 0.15, 0.16  # inches of a picture, around all, and between two examples
_LINE, _CHARACTER = 0.19, 0.083  # inches of a line of text, and of a character
_ACROSS = 2


def draw(study: Study, task: str) -> Figure | None:
    """The variants below each other, to the same examples."""
    groups = [
        group._replace(trials=tuple(trial for trial in group.trials if trial.written)[:1])
        for group in study.groups_of(task)
    ]
    groups = longest([group for group in groups if group.trials])
    if not groups:
        return None
    trials = {words.without_part(group.variant): group.trials[0] for group in groups}
    latest = {name: (max(trial.written), trial.written[max(trial.written)]) for name, trial in trials.items()}
    _, of_first = next(iter(latest.values()))
    asked = [one.example for one in of_first]
    alike = {name: of for name, of in latest.items() if [one.example for one in of[1]] == asked}
    when = " or ".join(dict.fromkeys(f"{step} steps" for step, _ in alike.values()))
    title = _titles.title(f"{task}, T = {groups[0].length}: what is written after {when}", groups)
    return paint({name if len(alike) > 1 else "": outputs for name, (_, outputs) in alike.items()}, title)


def paint(outputs: Mapping[str, Sequence[Written]], title: str) -> Figure:
    """Draw examples in two columns: the picture of each, if it has one, what is right, and a line for each network.

    Args:
      outputs: of each network by its name, to the same examples; the name of one that is the only one may be empty.
      title: of the figure.
    """
    first = next(iter(outputs.values()))
    pictures = [on_data.picture_of(one.example) for one in first]
    beside = _SIDE + _GAP if any(pictures) else 0
    column = (_style.WIDTH - _MARGIN) / _ACROSS
    room = int((column - beside - _MARGIN) / _CHARACTER)
    told = [_lines(one, {name: of[n].output for name, of in outputs.items()}, room) for n, one in enumerate(first)]
    heights = [max(_SIDE if any(pictures) else 0, _LINE * len(lines)) + _GAP for lines in told]
    bands = [max(heights[n : n + _ACROSS]) for n in range(0, len(heights), _ACROSS)]
    shown = "\n".join(textwrap.fill(part, 130) for part in title.split("\n"))
    head = _MARGIN + 1.35 * _LINE * (shown.count("\n") + 1)
    height = head + sum(bands) + _MARGIN
    made = _style.figure(_style.WIDTH, height)
    made.set_layout_engine("none")  # every place is known
    made.suptitle(shown, fontsize=11.5, y=1 - _MARGIN / 2 / height, va="top", parse_math=False)
    for n, (one, picture, lines) in enumerate(zip(first, pictures, told, strict=True)):
        left, top = _MARGIN + n % _ACROSS * column, head + sum(bands[: n // _ACROSS])
        if picture:
            bottom = 1 - (top + _SIDE) / height
            axes = made.add_axes((left / _style.WIDTH, bottom, _SIDE / _style.WIDTH, _SIDE / height))
            picture(axes, one.example)
        for row, (line, weight) in enumerate(lines):
            at = (left + beside) / _style.WIDTH, 1 - (top + _LINE * (row + 0.5)) / height
            made.text(*at, line, fontsize=9.5, va="center", fontweight=weight, parse_math=False)
    return made


def _lines(one: Written, outputs: Mapping[str, str], room: int) -> list[tuple[str, str]]:
    """What is right, in bold letters, and below it what each network wrote, each with its weight."""
    lines = [(line, "bold") for line in textwrap.wrap(one.target, int(0.9 * room)) or [""]]
    for name, output in outputs.items():
        sign = "✓" if output == one.target else "✗"
        said = f"{sign} {name}: {output}" if name else f"{sign} {output}"
        lines += [(line, "normal") for line in textwrap.wrap(said, room, subsequent_indent="    ")]
    return lines
