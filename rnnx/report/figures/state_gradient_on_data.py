"""The gradient painted on the data: one held-out example, and what each network looks back at in it."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
from matplotlib.figure import Figure

from rnnx.report import on_data, words
from rnnx.report.figures import _titles
from rnnx.report.study import Study, longest, with_tag
from rnnx.report.trial import Trial
from rnnx.types import Example

TITLE = "What each network looks back at"

CAPTION = """
One held-out example, the same for all networks, a row a network. The darker a step, the more the loss at the boxed one
still depends on the state there: &Vert;&part;L/&part;s<sub>t</sub>&Vert; over that at the scored step, on a logarithmic
scale, where white is less than a ten-thousandth. What stands on white can't be learnt from here: no gradient of a size
that matters comes back from it. Frames are the steps that the answer depends on. Where classes are told, such as the
sentiment of each node of a tree, the one that is predicted stands in the node and the true one beside it.
"""

ORDER = 5

_TAG, _PREDICTED = "state_gradient/on_data", "predicted/on_data"


def draw(study: Study, task: str) -> Figure | None:
    """A row for each variant, at the longest length, of one seed, at the last measurement."""
    groups = [
        group._replace(trials=tuple(trial for trial in group.trials if trial.example))
        for group in with_tag(study.groups_of(task), _TAG)
    ]
    groups = longest([group for group in groups if group.trials])
    if not groups:
        return None
    *_, (stage, label) = _titles.stage_labels(groups, _TAG).items()
    views = [(group.variant, trial) for group in groups for trial in group.trials if _TAG in getattr(trial, stage)]
    (seed, _), *_ = Counter(trial.settings["seed"] for _, trial in views).most_common()
    of_seed = [(variant, trial) for variant, trial in views if trial.settings["seed"] == seed]
    example = _most_common([trial.example for _, trial in of_seed if trial.example])
    of_trials: dict[str, list[tuple[str, Trial]]] = {}
    for variant, trial in of_seed:
        if trial.example == example:
            of_trials.setdefault(trial.name, []).append((variant, trial))
    gradients, predicted = {}, {}
    for parts in of_trials.values():
        told = getattr(parts[0][1], stage).get(_PREDICTED)
        for name, values in _rows(parts, stage, example):
            gradients[name] = values
            if told is not None and len(told) >= len(values):
                predicted[name] = told
    if not gradients:
        return None
    subject = f"{task.replace('_', ' ')}, T = {groups[0].length}: what each network looks back at"
    return on_data.paint(example, gradients, f"{subject}, {label}, seed {seed}", predicted)


def _most_common(examples: list[Example]) -> Example:
    """The one that most trials have: those of one task are alike, unless their batches are of different sizes."""
    return max(examples, key=examples.count)


def _rows(parts: list[tuple[str, Trial]], stage: str, example: Example) -> Iterator[tuple[str, np.ndarray]]:
    """One row of a trial; several where several parts of its model run over the same steps, such as layers."""
    sequences = [
        [(variant, trial) for variant, trial in parts if _part(trial).startswith(beginning)]
        for beginning in example.steps
    ]
    if not all(sequences):
        return  # a model of other parts than the task has sequences
    for n in range(max(map(len, sequences))):
        chosen = [of_one[min(n, len(of_one) - 1)] for of_one in sequences]
        curves = [
            np.asarray(getattr(trial, stage)[_TAG], float)[:steps]
            for (_, trial), steps in zip(chosen, example.steps.values(), strict=True)
        ]
        name, _ = chosen[0]
        if len(sequences) > 1:
            name = words.without_part(name)
            name += f", {' and '.join(_part(trial) for _, trial in chosen)}" if len(sequences[0]) > 1 else ""
        if [len(curve) for curve in curves] == list(example.steps.values()):
            yield name, on_data.relative(np.concatenate(curves), example.scored)


def _part(trial: Trial) -> str:
    return str(trial.settings.get("part", ""))
