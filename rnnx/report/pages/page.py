"""The page: findings, figures, table and where it all comes from, in one HTML file that needs no other."""

import base64
from typing import Any, NamedTuple

import jinja2
import numpy as np

from rnnx.report import figures, findings
from rnnx.report.figures import _style, state_gradient
from rnnx.report.metrics import METRICS
from rnnx.report.pages.format import digits, slug, span
from rnnx.report.study import Study, text
from rnnx.report.summary import SummaryRow
from rnnx.report.trial import CORE, MEMORY, Trial

_DPI = 150

_HEADLINE = "headline"


class FigureFile(NamedTuple):
    """A figure of the page, or a sentence in place of one."""

    section: str
    name: str
    """Empty of a sentence."""
    alt: str
    png: bytes

    @property
    def uri(self) -> str:
        """The image itself, for a page that needs no other file."""
        return "data:image/png;base64," + base64.b64encode(self.png).decode()


def draw(study: Study) -> list[FigureFile]:
    """All figures of a study."""
    drawn = [(_HEADLINE, _HEADLINE, state_gradient.draw_longest(study))]
    sentences = []
    for section in figures.sections():
        for task in study.tasks:
            figure = section.draw(study, task)
            if isinstance(figure, str):
                sentences.append(FigureFile(section.name, "", f"{task}: {figure}", b""))
            elif figure is not None:
                drawn.append((section.name, f"{section.name}_{slug(task)}", figure))
    return sentences + [
        FigureFile(section, f"{name}.png", figure.get_suptitle().replace("\n", "; "), _style.png(figure, _DPI))
        for section, name, figure in drawn
    ]


def render(study: Study, rows: list[SummaryRow], drawn: list[FigureFile], workdir: str, root: str = "..") -> str:
    """The HTML of the report.

    Args:
      study: what it is about.
      rows: of its summary.
      drawn: its figures.
      workdir: the directory as the user wrote it, for the commands that the page gives.
      root: the same directory seen from that of the page, for the links to trials.
    """
    common, varying = _settings(study.views)
    return template("page.html").render(
        study=study,
        workdir=workdir,
        root=root,
        memory=MEMORY,
        rows=rows,
        metrics=[metric for metric in METRICS if metric.heading],
        findings={task: findings.sentences(study, task, rows) for task in study.tasks},
        headline=state_gradient.HEADLINE,
        sections=figures.sections(),
        figures=drawn,
        common=common,
        varying=varying,
        origin=_origin(study.trials),
        samples=_samples(study),
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


def _settings(trials: list[Trial]) -> tuple[dict[str, str], list[str]]:
    """Settings that all trials have in common, and the names of the others."""
    fields = dict.fromkeys([*CORE, *(field for trial in trials for field in trial.settings)])
    values = {field: {text(trial.settings.get(field, "")) for trial in trials} for field in fields}
    common = {field: next(iter(distinct)) for field, distinct in values.items() if len(distinct) == 1}
    return common, [field for field in fields if field not in common]


def _samples(study: Study) -> dict[str, dict[int, str]]:
    """What the first seed of each variant wrote, by the name of the trial: at the start, the end and on the way."""
    some = 5
    shown = {}
    for trial in (group.trials[0] for group in study.groups):
        steps = list(trial.samples)
        few = dict.fromkeys(steps[round(n)] for n in np.linspace(0, len(steps) - 1, some)) if steps else {}
        if few:
            shown[trial.name] = {step: trial.samples[step] for step in few}
    return shown


def _origin(trials: list[Trial]) -> dict[str, list[str]]:
    """Versions, platform, data, command and git revision: every value that a trial has recorded, once."""
    recorded: dict[str, dict[str, None]] = {}
    for trial in trials:
        for key, value in trial.origin.items():
            if key not in ("task_facts", "started"):
                shown = _as_text(value)
                if shown:
                    recorded.setdefault(key, {})[shown] = None
    starts = sorted(str(trial.origin["started"]) for trial in trials if trial.origin.get("started"))
    if starts:
        recorded["started"] = {starts[0] if starts[0] == starts[-1] else f"{starts[0]} to {starts[-1]}": None}
    few = 5
    return {
        key: [*list(values)[:few], *([f"and {len(values) - few} more"] if len(values) > few else [])]
        for key, values in recorded.items()
    }


def _as_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {text(inner)}" for key, inner in value.items() if inner not in ("", None))
    return " ".join(map(str, value)) if isinstance(value, list) else text(value) if value is not None else ""
