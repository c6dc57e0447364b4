"""The first screen of the report: how far back the gradient reaches, networks by lengths, and the curves of one length.

Both are Vega-Lite, written here as plain dictionaries. The page gets them compiled, with Vega itself beside them, so
that it needs no other file; without scripts, and in print, it has them as drawings. Parameters `task`, `stage` and
`length` say what is shown.
"""

import functools
import json
import re
import textwrap
from typing import Any, NamedTuple

import numpy as np
import vl_convert

from rnnx.report import findings
from rnnx.report.figures import _style, _titles, state_gradient
from rnnx.report.reach import Reach, reach
from rnnx.report.statistics import median_range
from rnnx.report.study import Group, Study
from rnnx.report.summary import SummaryRow

_POINTS = 160  # of a curve, at most: more than the screen has pixels for
_LOWEST = -10.0  # log10; what is far below rounding needs no room
_ROUNDING = float(np.log10(np.finfo(np.float32).eps))
_HEIGHT = 270  # of the panel with curves, in pixels
_LABEL = 14.0  # pixels of a line of a label
_ROW = 46  # pixels of a row of the matrix

Spec = dict[str, Any]


class FirstScreen(NamedTuple):
    """What the page is given."""

    vega: dict[str, Spec]
    """The matrix and the curves for scripts: `matrix`, `curves`."""
    drawn: dict[str, dict[str, str]]
    """By task, the same as SVG for print and where there are no scripts: at the last stage, of the longest length."""
    stages: dict[str, str]
    """What the stages are called, those that there are."""
    lengths: dict[str, list[int]]
    """Of each task."""


def first_screen(study: Study, rows: list[SummaryRow]) -> FirstScreen | None:
    """Of a study; `None` where no gradient was measured."""
    groups = [group for group in study.groups if _measured(group, "before") or _measured(group, "after")]
    if not groups:
        return None
    stages = {
        stage: label
        for stage, label in _titles.stage_labels(groups).items()
        if any(_measured(group, stage) for group in groups)
    }
    tasks = list(dict.fromkeys(group.task for group in groups))
    lengths = {task: sorted({group.length for group in groups if group.task == task}) for task in tasks}
    learned = {(row.group.task, row.group.length, row.group.variant): (row.reached, row.seeds) for row in rows}
    last = list(stages)[-1]
    specs = {
        "matrix": _matrix(study, groups, list(stages), learned),
        "curves": _curves(study, groups, list(stages)),
    }

    def shown(name: str, task: str) -> Spec:
        values = {"task": task, "stage": last, "length": lengths[task][-1]}
        return specs[name] | {"params": [{"name": key, "value": value} for key, value in values.items()], "width": 430}

    def drawn(name: str, task: str) -> str:
        # Without the points, which are for the mouse to find.
        still = [layer | {"layer": layer["layer"][:1]} if "layer" in layer else layer for layer in specs[name]["layer"]]
        svg = vl_convert.vegalite_to_svg(shown(name, task) | {"layer": still})
        own = f"still-{tasks.index(task)}-{name}-"  # identifiers, of which a page has no two alike
        return re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>{own}", svg[svg.index("<svg") :])

    return FirstScreen(
        vega={name: vl_convert.vegalite_to_vega(shown(name, tasks[0])) for name in specs},
        drawn={task: {name: drawn(name, task) for name in specs} for task in tasks},
        stages=stages,
        lengths=lengths,
    )


@functools.cache
def library() -> str:
    """Vega, with what puts it into a page: JavaScript that sets `vegaEmbed`."""
    return str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))


def _measured(group: Group, stage: str) -> list[Reach]:
    """Of the seeds that have one, rising; nothing of a part that runs against time."""
    if any(trial.against_time for trial in group.trials):
        return []
    found = [reach(getattr(trial, stage)) for trial in group.trials]
    return sorted(one for one in found if one is not None and not np.isnan(one.steps))


_CONFIG: Spec = {
    "background": None,
    "font": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
    "view": {"stroke": None},
    "axis": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "domainColor": "currentColor",
        "tickColor": "currentColor",
        "gridColor": "currentColor",
        "gridOpacity": 0.13,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    },
    "legend": {
        "labelColor": "currentColor",
        "titleColor": "currentColor",
        "titleFontWeight": "normal",
        "titleLimit": 400,
        "labelFontSize": 11,
        "titleFontSize": 12,
    },
}
_TOLD = "datum.network + ', lag ' + datum.lag + ': ' + format(pow(10, datum.y), '.2~p')"
_CHOSEN = "datum.task == task && datum.stage == stage"


def _matrix(
    study: Study, groups: list[Group], stages: list[str], learned: dict[tuple[str, int, str], tuple[int, int]]
) -> Spec:
    """Networks by lengths: a stripe of colour for each seed, the steps as a number, and whether the task is learned."""
    seeds: list[Spec] = []
    places: list[Spec] = []
    for group in groups:
        for stage in stages:
            found = _measured(group, stage)
            place = {"task": group.task, "stage": stage, "T": group.length, "network": group.variant}
            for index, one in enumerate(found):
                seeds.append(place | {"seed": index, "of": len(found), "share": round(one.share, 3)})
            reached, of = learned[group.task, group.length, group.variant]
            mark = "" if stage == "before" or not reached else "✓" if reached == of else f"✓ {reached} of {of}"
            number = _number(found)
            middle = float(np.median([one.share for one in found])) if found else np.nan
            told = f"{group.variant}, T = {group.length}: reaches {number or 'not measured'}"
            if found:
                told += f" of {found[-1].of} steps, {sum(one.whole for one in found)} of {len(found)} seeds all of them"
            places.append(place | {"number": number or "–", "mark": mark, "light": middle > 0.55, "tip": told})
    variants = [variant for variant in study.variants if any(group.variant == variant for group in groups)]
    down = "levels down the tree" if _tree(study) else "steps back"
    x = {
        "field": "T",
        "type": "ordinal",
        "title": "sequence length T",
        "axis": {"orient": "top", "labelAngle": 0, "domain": False, "ticks": False, "labelFontSize": 13},
        "scale": {"paddingInner": 0.06, "paddingOuter": 0.0},
    }
    y = {
        "field": "network",
        "type": "nominal",
        "title": None,
        "sort": variants,
        "axis": {"labelFontSize": 13, "labelLimit": 190, "domain": False, "ticks": False, "labelPadding": 8}
        | {"labelExpr": f"{_folding(variants)}[datum.value] || datum.value"},
        "scale": {"paddingInner": 0.08, "paddingOuter": 0.0},
    }
    color = {
        "field": "share",
        "type": "quantitative",
        "scale": {"scheme": "cividis", "domain": [0, 1]},
        "legend": {
            "title": f"share reached; number: {down}",
            "orient": "bottom",
            "format": "%",
            "gradientLength": 220,
            "gradientThickness": 10,
            "values": [0, 0.25, 0.5, 0.75, 1],
        },
    }
    stripes = dict.fromkeys((one["seed"], one["of"]) for one in seeds)
    layers: list[Spec] = [
        {
            "data": {"values": [one for one in seeds if (one["seed"], one["of"]) == (seed, of)]},
            "transform": [{"filter": _CHOSEN}],
            "mark": {"type": "rect", "cursor": "pointer"},
            "encoding": {
                "x": x | {"bandPosition": seed / of},
                "x2": {"field": "T", "bandPosition": (seed + 1) / of},
                "y": y,
                "color": color,
            },
        }
        for seed, of in stripes
    ]
    label = {"x": x, "y": y, "text": {"field": "number"}}
    dark, white = {"expr": "datum.light ? '#000' : '#fff'"}, {"expr": "datum.light ? '#fff' : '#000'"}
    base: Spec = {"type": "text", "fontSize": 15, "fontWeight": "bold", "cursor": "pointer"}
    layers += [
        {
            "mark": {
                "type": "rect",
                "fillOpacity": 0,
                "cursor": "pointer",
                "stroke": "currentColor",
                "strokeWidth": 2.5,
            }
            | {"strokeOpacity": {"expr": "datum.T == length ? 1 : 0"}},
            "encoding": {"x": x, "y": y, "tooltip": {"field": "tip"}},
        },
        {
            "mark": base
            | {"stroke": white, "strokeWidth": 3, "strokeOpacity": 0.55, "fillOpacity": 0}
            | {"dy": {"expr": "datum.mark ? -7 : 0"}, "tooltip": {"expr": "datum.tip"}},
            "encoding": label,
        },
        {
            "mark": base | {"color": dark, "dy": {"expr": "datum.mark ? -7 : 0"}, "tooltip": {"expr": "datum.tip"}},
            "encoding": label,
        },
        {
            "mark": base | {"color": dark, "fontSize": 12, "dy": 11, "tooltip": {"expr": "datum.tip"}},
            "encoding": label | {"text": {"field": "mark"}},
        },
    ]
    return {
        "data": {"values": places},
        "transform": [{"filter": _CHOSEN}],
        "layer": layers,
        "height": {"step": _ROW},
        "padding": {"left": 12, "top": 4, "bottom": 4, "right": 4},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _CONFIG,
    }


def _tree(study: Study) -> bool:
    return all(findings.on_tree(trial) for trial in study.trials)


def _number(found: list[Reach]) -> str:
    """Steps: one number where the seeds agree, the median of many, from the lowest to the highest of a few."""
    if not found:
        return ""
    steps = [max(one.steps, 0.0) for one in found]
    if len(found) >= _style.ENOUGH_SEEDS:
        return f"{np.median(steps):.0f}"
    return f"{steps[0]:g}" if steps[0] == steps[-1] else f"{steps[0]:g} – {steps[-1]:g}"


def _folded(variant: str) -> list[str]:
    """A variant in lines of a label.

    >>> _folded("lstm (forget bias 0)"), _folded("gru")
    (['lstm', 'forget bias 0'], ['gru'])
    """
    name, _, settings = variant.partition(" (")
    return [
        name,
        *(line for part in settings.removesuffix(")").split(", ") if part for line in textwrap.wrap(part, 22)),
    ]


def _folding(variants: list[str]) -> str:
    """As an expression of Vega."""
    return json.dumps({variant: _folded(variant) for variant in variants})


def _curves(study: Study, groups: list[Group], stages: list[str]) -> Spec:
    """The gradient against lag at one length: a line for each of a few seeds, median and range of many; labels at the
    ends, apart from each other."""
    styles = _style.variant_styles(study)
    lines: list[Spec] = []
    bands: list[Spec] = []
    ends: dict[tuple[str, str, int], dict[str, tuple[int, float]]] = {}
    for group in groups:
        for stage in stages:
            curves = _relative(group, stage)
            if not len(curves):
                continue
            place = {"task": group.task, "stage": stage, "T": group.length, "network": group.variant}
            lag = np.unique(np.linspace(0, curves.shape[1] - 1, min(_POINTS, curves.shape[1])).astype(int))
            curves = curves[:, lag]
            many = len(curves) >= _style.ENOUGH_SEEDS
            if many:
                middle, low, high = median_range(curves)
                curves = middle[None]
                bands.append(place | {"lag": lag.tolist(), "low": _plain(low), "high": _plain(high)})
            for seed, curve in enumerate(curves):
                of_seed = {"seed": seed, "width": 2.6 if many else 1.7}
                lines.append(place | of_seed | {"lag": lag.tolist(), "y": _plain(curve)})
            end = max((_end(lag, curve) for curve in curves), default=None)
            if end:
                ends.setdefault((group.task, stage, group.length), {})[group.variant] = end
    values = [value for line in (*lines, *bands) for value in line.get("high", line.get("y", [])) if value is not None]
    highest = float(np.ceil(max([*values, 0.0]) + 0.2))
    labels = [
        {"task": task, "stage": stage, "T": length, "network": variant, "text": _folded(variant)} | label
        for (task, stage, length), of_panel in ends.items()
        for variant, label in _apart(of_panel, highest).items()
    ]
    chosen = [{"filter": f"{_CHOSEN} && datum.T == length"}]
    variants = list(styles)
    color = {
        "field": "network",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": variants, "range": [styles[variant].color for variant in variants]},
    }
    dash = {
        "field": "network",
        "type": "nominal",
        "legend": None,
        "scale": {"domain": variants, "range": [_dashes(styles[variant].linestyle) for variant in variants]},
    }
    x = {
        "field": "lag",
        "type": "quantitative",
        "title": "lag: levels below the root" if _tree(study) else "lag: steps back from the scored one",
        "scale": {"nice": False, "zero": True},
        "axis": {"tickMinStep": 1, "tickCount": 8},
    }
    y = {
        "type": "quantitative",
        "title": "gradient left, log10 (0: all, −2: 1 %)",
        "scale": {"domain": [_LOWEST, highest], "nice": False},
    }
    references = [
        {"y": -2.0, "text": "1 %: the reach", "dash": [5, 3]},
        {"y": _ROUNDING, "text": "float32 rounding", "dash": [1, 3]},
    ]
    layers: list[Spec] = [
        {
            "data": {"values": references},
            "mark": {"type": "rule", "color": "currentColor", "opacity": 0.6},
            "encoding": {"y": y | {"field": "y"}, "strokeDash": {"field": "dash", "type": "nominal", "scale": None}},
        },
        {
            "data": {"values": references},
            "mark": {
                "type": "text",
                "align": "left",
                "dy": 10,
                "fontSize": 11,
                "color": "currentColor",
                "opacity": 0.75,
            },
            "encoding": {"x": {"value": 6}, "y": y | {"field": "y"}, "text": {"field": "text"}},
        },
        {
            "data": {"values": bands},
            "transform": [*chosen, {"flatten": ["lag", "low", "high"]}],
            "mark": {"type": "area", "opacity": 0.18, "clip": True},
            "encoding": {"x": x, "y": y | {"field": "low"}, "y2": {"field": "high"}, "color": color},
        },
        {
            "data": {"values": lines},
            "transform": [*chosen, {"flatten": ["lag", "y"]}],
            "layer": [
                {
                    "mark": {"type": "line", "clip": True},
                    "encoding": {
                        "x": x,
                        "y": y | {"field": "y"},
                        "color": color,
                        "strokeDash": dash,
                        "detail": [{"field": "seed"}],
                        "strokeWidth": {"field": "width", "type": "quantitative", "scale": None, "legend": None},
                    },
                },
                {
                    "transform": [
                        {"filter": f"isValid(datum.y) && datum.y >= {_LOWEST}"},
                        {"calculate": _TOLD, "as": "told"},
                    ],
                    "mark": {"type": "point", "size": 90, "opacity": 0},
                    "encoding": {"x": x, "y": y | {"field": "y"}, "tooltip": {"field": "told", "title": "left"}},
                },
            ],
        },
        {
            "data": {"values": labels},
            "transform": chosen,
            "mark": {"type": "rule", "opacity": 0.5, "strokeWidth": 0.8, "strokeDash": [2, 2]},
            "encoding": {
                "x": x,
                "y": y | {"field": "y"},
                "x2": {"value": {"expr": "width + 4"}},
                "y2": {"field": "at"},
                "color": color,
            },
        },
        {
            "data": {"values": labels},
            "transform": chosen,
            "mark": {"type": "text", "align": "left", "dx": 8, "fontSize": 12, "fontWeight": "bold", "limit": 130}
            | {"lineHeight": _LABEL, "baseline": "middle", "dy": {"expr": "-7 * (length(datum.text) - 1)"}},
            "encoding": {
                "x": {"value": {"expr": "width"}},
                "y": y | {"field": "at"},
                "text": {"field": "text"},
                "color": color,
            },
        },
    ]
    widest = max((len(line) for variant in variants for line in _folded(variant)), default=4)
    return {
        "layer": layers,
        "height": _HEIGHT,
        "padding": {"left": 4, "top": 6, "bottom": 4, "right": min(16 + 6.4 * widest, 150)},
        "autosize": {"type": "fit-x", "contains": "padding"},
        "config": _CONFIG,
    }


def _relative(group: Group, stage: str) -> np.ndarray:
    """log10 of the gradient over that at lag 0, `[seeds, lags]`, of the seeds that have one."""
    if not _measured(group, stage):
        return np.zeros((0, 0))
    curves = np.array([state_gradient.relative(getattr(trial, stage), group.length) for trial in group.trials])
    known = ~np.isnan(curves)
    lags = np.flatnonzero(known.any(axis=0))
    if not len(lags):  # the gradient is exactly zero at every one
        return np.zeros((0, 0))
    return np.asarray(curves[known.any(axis=1)][:, : int(lags[-1]) + 1])


def _plain(curve: np.ndarray) -> list[float | None]:
    """For JSON: nothing where a gradient is exactly zero, and what is far below the axes just below them."""
    return [round(float(max(value, _LOWEST - 2)), 2) if np.isfinite(value) else None for value in curve]


def _end(lag: np.ndarray, curve: np.ndarray) -> tuple[int, float]:
    """The last point of a curve that is within the axes."""
    within = np.flatnonzero(np.isfinite(curve) & (curve >= _LOWEST))
    last = int(within[-1]) if len(within) else 0
    return int(lag[last]), round(float(curve[last]), 2) if len(within) else _LOWEST


def _apart(ends: dict[str, tuple[int, float]], highest: float) -> dict[str, dict[str, float]]:
    """Where the labels of curves are, so that none lies on another: at the height of the end, or moved as little.

    >>> _apart({"rnn": (7, 0.0), "gru": (7, -0.1)}, 1.0)["gru"]["at"] < -0.5
    True
    """
    unit = (highest - _LOWEST) / _HEIGHT
    order = sorted(ends, key=lambda variant: (ends[variant][1], ends[variant][0]), reverse=True)
    room = [len(_folded(variant)) * _LABEL * unit for variant in order]
    at = [ends[variant][1] for variant in order]
    for n in range(1, len(at)):
        at[n] = min(at[n], at[n - 1] - (room[n - 1] + room[n]) / 2)
    lowest = _LOWEST + room[-1] / 2
    for n in range(len(at) - 1, -1, -1):
        at[n] = max(at[n], lowest)
        lowest = at[n] + (room[n] + room[n - 1]) / 2
    return {
        variant: {"lag": ends[variant][0], "y": ends[variant][1], "at": round(place, 2)}
        for variant, place in zip(order, at, strict=True)
    }


def _dashes(linestyle: object) -> list[float]:
    """A line style of matplotlib as pixels on and off."""
    named = {"-": (1, 0), "--": (7, 4), "-.": (8, 3, 2, 3), ":": (2, 3)}
    pattern = named[linestyle] if isinstance(linestyle, str) else linestyle[1]  # type: ignore[index]
    return [float(length) for length in pattern]
