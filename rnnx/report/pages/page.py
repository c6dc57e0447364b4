"""The page: findings, figures by question, tables, and where it all comes from, in one file that needs no other."""

import importlib
import inspect
import itertools
import json
from collections.abc import Iterable
from importlib import resources
from typing import Any, NamedTuple

import jinja2
import markupsafe
import numpy as np

import rnnx
from rnnx import registry
from rnnx.report import answers, figures, findings, summary, words
from rnnx.report.figures import _style, _titles, state_gradient
from rnnx.report.metrics import METRICS, Metric
from rnnx.report.pages import first_screen, questions
from rnnx.report.pages.format import digits, slug, span
from rnnx.report.pages.svg import Drawing, drawing
from rnnx.report.study import Study, text
from rnnx.report.summary import SummaryRow
from rnnx.report.trial import CORE, MEMORY, Trial

_DPI = 150

_HEADLINE = "headline"


class FigureFile(NamedTuple):
    """A figure of the page, or what is said in its place."""

    section: str
    name: str
    alt: str
    png: bytes
    task: str = ""
    drawing: Drawing | None = None
    """As the page has it."""
    sentence: str = ""
    """In place of a figure that would show one value alone; it then has neither name nor file."""


def draw(study: Study) -> list[FigureFile]:
    """All figures of a study; the first is for other pages, since this one has it as what can be clicked."""
    headline = state_gradient.draw_longest(study)
    drawn = [FigureFile(_HEADLINE, f"{_HEADLINE}.png", headline.get_suptitle(), _style.png(headline, _DPI))]
    rows = summary.rows(study)
    for section in figures.sections():
        for task in study.tasks:
            figure = section.draw(study, task)
            name = f"{section.name}_{slug(task)}"
            if isinstance(figure, str):
                drawn.append(FigureFile(section.name, "", "", b"", task, sentence=figure))
            elif figure is not None:
                alt = " ".join(
                    [figure.get_suptitle().partition("\n")[0] + ".", *_seen(study, task, section.name, rows)]
                )
                png = _style.png(figure, _DPI)
                drawn.append(FigureFile(section.name, f"{name}.png", alt, png, task, drawing(figure, name)))
    return drawn


_SAID_OF = {"loss": "learnt", "gates": "through", "weight_gradient_by_lag": "weights", "clipping": "clipped"}
"""What is said in answer to a question is seen in these figures."""


def _seen(study: Study, task: str, section: str, rows: list[SummaryRow]) -> list[str]:
    """What the curves of a figure do, for those who can't see it."""
    if section in _SAID_OF:
        return answers.sentences(study, task, rows)[_SAID_OF[section]]
    if not section.startswith("state_gradient"):
        return []
    return [sentence for stage in ("before", "after") for sentence in findings.reached(study, task, stage)]


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
    screen = first_screen.first_screen(study, rows)
    language = [findings.of_language(study, task) for task in study.tasks]
    shown = {(figure.section, figure.task): figure for figure in drawn}
    return template("page.html").render(
        study=study,
        workdir=workdir,
        root=root,
        memory=MEMORY,
        question=_LANGUAGE if all(language) else _GRADIENT,
        tasks={task: {"slug": slug(task), "sentence": _of_task(study, task)} for task in study.tasks},
        said={task: findings.sentences(study, task, rows) for task in study.tasks},
        told={task: answers.sentences(study, task, rows) for task in study.tasks},
        screen=screen,
        specs=_script(screen.vega) if screen else "",
        chosen=_script(_chosen(study, screen)),
        vega=markupsafe.Markup(first_screen.library()) if screen else "",
        script=markupsafe.Markup(resources.files(__package__).joinpath("page.js").read_text(encoding="utf-8")),
        answers=[
            answer
            for answer in questions.answers(figures.sections())
            if any(name in {section for section, _ in shown} for name in answer.sections)
        ],
        shown=shown,
        files=[figure for figure in drawn if figure.png],
        rows=rows,
        tables={task: _columns([row for row in rows if row.group.task == task]) for task in study.tasks},
        constants={task: _constants([row for row in rows if row.group.task == task]) for task in study.tasks},
        bar=_bar,
        baselines={(*row.group[:2], name): told for row in rows for name, told in row.baselines.items()},
        compared={
            (*row.group[:2], words.without_part(row.group.variant)): said
            for row in rows
            if (said := summary.against_baselines(row))
        },
        same=_same(study, common),
        common=common,
        varying=varying,
        origin=_origin(study.trials),
        samples=_samples(study),
    )


_GRADIENT = "where does the gradient vanish?"
_LANGUAGE = "who predicts the text best, and how far back does the gradient reach?"


def _script(values: Any) -> markupsafe.Markup:
    """JSON as it may stand inside of a script: no text in it ends that."""
    return markupsafe.Markup(json.dumps(values, ensure_ascii=False).replace("<", "\\u003c"))


def _chosen(study: Study, screen: first_screen.FirstScreen | None) -> dict[str, Any]:
    """What the page shows at first."""
    lengths = screen.lengths if screen else {}
    return {
        "task": next(iter(lengths), study.tasks[0]),
        "stage": list(screen.stages)[-1] if screen else "after",
        "lengths": lengths,
    }


def _of_task(study: Study, task: str) -> str:
    """What a task is: the first sentence of its module, without its name; empty for one of anyone's own."""
    name = study.groups_of(task)[0].trials[0].settings["task.name"]
    if name not in rnnx.tasks.names():
        return ""
    module = importlib.import_module(registry.module("rnnx.tasks", name).__name__)
    first = (inspect.getdoc(module) or "").partition("\n")[0]
    return first.rstrip(".")


def _columns(rows: list[SummaryRow]) -> list[Metric]:
    """The metrics that tell the rows of a table apart, or are of one row."""
    return [metric for metric in _shown_metrics(rows) if len(rows) == 1 or len(_values(metric, rows)) > 1]


def _constants(rows: list[SummaryRow]) -> list[str]:
    """A sentence on each metric that is the same everywhere."""
    return [
        f"{metric.name.capitalize()}: {digits(next(iter(_values(metric, rows))), metric.format)} in all."
        for metric in _shown_metrics(rows)
        if len(rows) > 1 and len(_values(metric, rows)) == 1
    ]


def _shown_metrics(rows: list[SummaryRow]) -> list[Metric]:
    return [metric for metric in METRICS if metric.heading and _values(metric, rows)]


def _values(metric: Metric, rows: list[SummaryRow]) -> set[float]:
    values = itertools.chain(*(row.of(metric.key, stage) for row in rows for stage in metric.stages))
    return {float(value) for value in values if not np.isnan(value)}


def _bar(metric: Metric, row: SummaryRow, stage: str, rows: list[SummaryRow]) -> float:
    """The length of the bar behind a number, 0 to 1: of a share itself, of steps their share of the sequence, of others
    their share of the largest in the table."""
    value = abs(float(row.of(metric.key, stage).median))
    if metric.unit == "steps":
        largest = float(row.group.length - 1)
    elif metric.unit == "share" or metric.key == "gate_mean":
        largest = 1.0
    else:
        known = [abs(value) for value in _values(metric, rows) if np.isfinite(value)]
        largest = max(known, default=0.0)
    share = value / largest if largest else 0.0
    return min(share, 1.0) if np.isfinite(share) else 0.0


def _same(study: Study, common: dict[str, str]) -> str:
    """What all trials have in common, in words: initial values and training."""
    words = {"steps": "training steps", "batch_size": "sequences a batch", "learning_rate": "learning rate"}
    training = [f"{common[field]} {name}" for field, name in words.items() if common.get(field)]
    seeds = sorted({len(group.trials) for group in study.groups})
    each = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(
        [
            _titles.initialisation(list(study.groups)).replace("_", " "),
            *training,
            f"{each} seed{'s' if seeds[-1] > 1 else ''}",
        ]
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
    environment.filters |= {"digits": digits, "range": span, "text": text, "slug": slug}
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


def _origin(trials: Iterable[Trial]) -> dict[str, list[str]]:
    """Versions, platform, data, command and git revision: every value that a trial has recorded, once."""
    trials = list(trials)
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
