"""The page: findings, figures, table and where it all comes from, in one HTML file that needs no other."""

import base64
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jinja2
import numpy as np
from matplotlib.figure import Figure

from rnnx.report import (
    against_lag,
    clipping,
    findings,
    gate_time_scales,
    heat_map,
    horizon,
    jacobian_products,
    loss_curves,
    lyapunov,
    noise_scale,
    paths,
    style,
    trajectories,
    truncation_bias,
    wall,
    weight_by_lag,
)
from rnnx.report.spread import Spread
from rnnx.report.study import Study, text
from rnnx.report.summary import Row
from rnnx.report.trial import CORE, Trial

_DPI = 150

Draw = Callable[[Study, str], Figure | None]

# In the order of the page, which says of each what it shows and how to read it.
_PER_TASK: dict[str, tuple[str, Draw]] = {
    "against_lag": ("The gradient against lag", against_lag.draw),
    "state_parts": ("The parts of the state", against_lag.draw_parts),
    "paths": ("Through one part of the state alone", paths.draw),
    "heat_map": ("The gradient while the network learns", heat_map.draw),
    "horizon": ("Horizon and decay rate against length", horizon.draw),
    "jacobian_products": ("Singular values of the Jacobians", jacobian_products.draw),
    "lyapunov": ("Lyapunov spectra", lyapunov.draw),
    "weight_by_lag": ("Where the weight gradient comes from", weight_by_lag.draw),
    "truncation_bias": ("What truncation does", truncation_bias.draw),
    "gate_time_scales": ("Time scales of the gates", gate_time_scales.draw),
    "trajectories": ("Trajectories of the state", trajectories.draw),
    "clipping": ("Clipping", clipping.draw),
    "wall": ("Why gradients are clipped", wall.draw),
    "noise_scale": ("Noise of the gradient", noise_scale.draw),
    "loss_curves": ("Loss", loss_curves.draw),
}


class Plate(NamedTuple):
    """A figure of the page."""

    kind: str
    file: str
    alt: str
    png: bytes

    @property
    def uri(self) -> str:
        """The image itself, for a page that needs no other file."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


def plates(study: Study) -> list[Plate]:
    """All figures of a study."""
    drawn = [("headline", "headline", against_lag.draw_longest(study))]
    for kind, (_, draw) in _PER_TASK.items():
        for task in study.tasks:
            figure = draw(study, task)
            if figure is not None:
                drawn.append((kind, f"{kind}_{slug(task)}", figure))
    return [
        Plate(kind, f"{name}.png", figure.get_suptitle().replace("\n", "; "), style.png(figure, _DPI))
        for kind, name, figure in drawn
    ]


def render(study: Study, rows: list[Row], drawn: list[Plate], workdir: str) -> str:
    """The HTML of the report; `workdir` is the directory as the user wrote it, for the commands that the page gives."""
    common, varying = _settings(study.trials)
    return template("page.html").render(
        study=study,
        workdir=workdir,
        rows=rows,
        findings={task: findings.sentences(study, task, rows) for task in study.tasks},
        sections={kind: title for kind, (title, _) in _PER_TASK.items()},
        plates={kind: [plate for plate in drawn if plate.kind == kind] for kind in ("headline", *_PER_TASK)},
        common=common,
        varying=varying,
        origin=_origin(study.trials),
    )


def template(name: str) -> jinja2.Template:
    """A page of this folder, to be filled in: text stays text, and what it asks for and is not given is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader(__package__, ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"digits": digits, "range": span, "text": text}
    return environment.get_template(name)


def digits(value: Any, form: str = "") -> str:
    """A number as people read it, in three digits or as a format says; a dash where there is none.

    >>> digits(0.16666), digits(-1234.0), digits(-0.0123, ".2f"), digits(float("nan"))
    ('0.167', '−1234', '−0.01', '–')
    """
    if np.isnan(value):
        return "–"
    if not form:
        form = "#.3g" if abs(value) < 100 else ".0f"
    told = format(float(value), form)
    return told.lstrip("-") if told.strip("-0.%") == "" else told.replace("-", "−")


def span(values: Spread, form: str = "") -> str:
    """`low … high`, empty where they read the same."""
    low, high = digits(values.low, form), digits(values.high, form)
    return "" if low == high else f"{low}\u2009…\u2009{high}"  # thin spaces: the table is wide


def slug(label: str) -> str:
    """A label as the name of a file or of a section.

    >>> slug("adding (length 3)")
    'adding_length_3'
    """
    return re.sub(r"[^\w.+-]+", "_", label).strip("_")


def _settings(trials: list[Trial]) -> tuple[dict[str, str], list[str]]:
    """Settings that all trials have in common, and the names of the others."""
    fields = dict.fromkeys([*CORE, *(field for trial in trials for field in trial.settings)])
    values = {field: {text(trial.settings.get(field, "")) for trial in trials} for field in fields}
    common = {field: next(iter(found)) for field, found in values.items() if len(found) == 1}
    return common, [field for field in fields if field not in common]


def _origin(trials: list[Trial]) -> dict[str, list[str]]:
    """Versions, platform, data, command and git revision: every value that a trial has recorded, once."""
    found: dict[str, dict[str, None]] = {}
    for trial in trials:
        for key, value in trial.origin.items():
            if key not in ("task_facts", "started"):
                told = _told(value)
                if told:
                    found.setdefault(key, {})[told] = None
    starts = sorted(str(trial.origin["started"]) for trial in trials if trial.origin.get("started"))
    if starts:
        found["started"] = {starts[0] if starts[0] == starts[-1] else f"{starts[0]} to {starts[-1]}": None}
    few = 5
    return {
        key: [*list(values)[:few], *([f"and {len(values) - few} more"] if len(values) > few else [])]
        for key, values in found.items()
    }


def _told(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {text(inner)}" for key, inner in value.items() if inner not in ("", None))
    return " ".join(map(str, value)) if isinstance(value, list) else text(value) if value is not None else ""
