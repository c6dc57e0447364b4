"""The page, in Markdown: a row for each task and network, or for each recurrent part of one that has several."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rnnx.logbook.run_directory import DONE
from rnnx.report.pages.format import digits
from rnnx.report.statistics import MedianRange, median_range
from rnnx.report.study import Study
from rnnx.report.summary import SummaryRow
from rnnx.report.trial import Trial
from scripts.all_tasks.groups import OF_ALL_STEPS, groups

BAI, TAI, SOCHER = "(Bai et al. 2018)", "(Tai et al. 2015)", "(Socher et al. 2013)"

PUBLISHED = {
    ("adding", ""): f"T = 600, 70,000 parameters: .177 RNN, .164 LSTM, 5·10⁻⁵ GRU {BAI}",
    ("sentiment", "lstm"): f"accuracy .464 with GloVe {TAI}",
    ("pronunciation", ""): "word error rate .31 to .34 without stress, in some hundred epochs (g2p-seq2seq)",
    ("translation", ""): "BLEU 28.3 with attention, twice as wide (Multi30k notebooks of bentrevett)",
    ("mnist1d", ""): "accuracy .91 by a bidirectional GRU that is read at all steps (Greydanus 2020)",
    ("japanese_vowels", ""): "accuracy .962 by hidden Markov models (Kudo et al. 1999)",
    ("polyphony jsb", "rnn"): f"8.91 nats {BAI}",
    ("polyphony jsb", "lstm"): f"8.45 nats {BAI}",
    ("polyphony jsb", "gru"): f"8.43 nats {BAI}",
    ("polyphony nottingham", "rnn"): f"4.05 nats {BAI}",
    ("polyphony nottingham", "lstm"): f"3.29 nats {BAI}",
    ("polyphony nottingham", "gru"): f"3.46 nats {BAI}",
    ("exchange_rate", ""): "RSE .0226 LSTNet (Lai et al. 2018), .0174 TPA-LSTM (Shih et al. 2019), .0171 persistence",
    ("sunspots", ""): "ARV .086 and .35 by a feed-forward network (Weigend et al. 1990)",
    ("sentiment_trees", "recursive"): f"roots .432, with all that it was tuned for {SOCHER}",
    ("sentiment_trees", "rntn"): f"roots .457 {SOCHER}",
    ("sentiment_trees", "tree_lstm"): f"roots .439 with random vectors {TAI}",
}
"""What others have, by the name of a task and of a cell, or of any; the page of a task says how protocols differ."""

_HEAD = """# All tasks

What tasks ask of memory: the same network of 64 units, of trees 32, trained in the same way, on every task. This
page and its picture are written by the last of these commands; `--only="adding/*"` trains one task,
`--only="adding/lstm*"` what is a row here.

```
python -m experiments.sweep --config=configs/all_tasks.py --workdir=runs/all_tasks
python -m scripts.all_tasks runs/all_tasks
```

![How far back the gradient reaches, and how much of it is old, by task and network](all_tasks.png)

Medians over seeds, in brackets the lowest and the highest, at the end of training. *Learned*: seeds whose held-out loss
is a tenth or more below that of a predictor without memory. *Test*: of the test split what others have published, or
what is reported first, with the last parameters. *Decay*: the slope of ln ‖∂L/∂s‖ against lag, of trees against depth,
in nats per step: at −0.1 a factor e is lost in ten steps. *Reach*: the largest lag with 1 % of the gradient left.
*Older*: the share of the gradient of the recurrent weights that comes from more than ten steps before the loss. There
is none of these where one loss is of all steps at once, as that of CTC. *Minutes*: of a trial, two side by side on two
cores. Steps are few: a link leads to the settings with which a task comes to more, and says to what.
"""

_TESTED = {
    "polyphony": "loss",
    "exchange_rate": "rse",
    "sunspots": "arv_1921_55",
    "translation": "bleu",
    "pronunciation": "word_error_rate",
    "sentiment_trees": "root",
}
"""What is told of the test split, where it is not the first score: what others have published."""

_COLUMNS = (
    "| task | T | network | learned | held-out loss | no memory | test | published | decay | reach | older | minutes |",
    "| --- | --: | --- | --- | --: | --: | --- | --- | --: | --: | --: | --: |",
)
_CONFIGS = Path(__file__).parents[2] / "configs" / "tasks"


def page(read: Study, directory: Path) -> str:
    """The page."""
    seeds = sorted({int(trial.settings["seed"]) for trial in read.trials})
    machines = "; ".join(dict.fromkeys(map(_machine, read.trials)))
    dates = sorted(trial.origin["started"][:10] for trial in read.trials if "started" in trial.origin)
    begun = f", begun {dates[0]}" if dates else ""
    lines = [_HEAD, f"{len(read.trials)} trials, seeds {', '.join(map(str, seeds))}{begun}; {machines}.", ""]
    for heading, rows in groups(read).items():
        before = [None, *(row.group.task for row in rows)]
        of_rows = (_line(row, directory, first=row.group.task != task) for row, task in zip(rows, before, strict=False))
        lines += [f"## {heading}", "", *_COLUMNS, *of_rows, ""]
    return "\n".join(lines)


def _line(row: SummaryRow, directory: Path, *, first: bool) -> str:
    """A row; what is published of no one of the networks stands in the first of its task."""
    task, length, variant, trials = row.group
    name = str(trials[0].settings["task.name"])
    tested = sorted(row.test, key=lambda measure: (measure != _TESTED.get(name), measure == "loss"))
    told = f"{tested[0].replace('_', ' ')} {_range(row.test[tested[0]][0])}" if tested else "–"
    minutes = median_range([seconds / 60 for seconds in _seconds(row, directory)])
    cells = (
        f"[{task}](../../configs/tasks/{name}.py)" if (_CONFIGS / f"{name}.py").exists() else task,
        str(length),
        variant,
        row.remembering,
        _range(row.of("heldout_loss")),
        digits(row.floor),
        told,
        _published(trials[0], first=first),
        *(["–"] * 3 if name in OF_ALL_STEPS else _memory(row)),
        digits(minutes.median, ".1f"),
    )
    return f"| {' | '.join(cells)} |"


def _memory(row: SummaryRow) -> list[str]:
    forms = {"decay_rate": "", "reach": "g", "older": ".2g"}
    return [_range(row.of(key), form) for key, form in forms.items()]


def _machine(trial: Trial) -> str:
    versions, platform = (trial.origin.get(part, {}) for part in ("versions", "platform"))
    known = (f"{name} {versions[key]}" for name, key in (("Python", "python"), ("jax", "jax")) if key in versions)
    return ", ".join([*known, *(str(platform[key]).split("-")[0] for key in ("system", "cpu") if platform.get(key))])


def _published(trial: Trial, *, first: bool) -> str:
    name = " ".join(str(trial.settings[field]) for field in ("task.name", "task.music") if trial.settings.get(field))
    return PUBLISHED.get((name, str(trial.settings["cell.name"]))) or (PUBLISHED.get((name, ""), "") if first else "")


def _seconds(row: SummaryRow, directory: Path) -> Iterator[float]:
    for trial in row.group.trials:
        done = directory / trial.folder / DONE
        yield json.loads(done.read_text()).get("seconds_of_last_session", np.nan) if done.exists() else np.nan


def _range(values: MedianRange, form: str = "") -> str:
    """For example `0.16 (0.15 … 0.17)`; the median alone where that says all."""
    middle, low, high = (digits(value, form) for value in values)
    return middle if low == high else f"{middle} ({low} … {high})"
