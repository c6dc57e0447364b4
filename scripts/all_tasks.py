"""The table of all tasks: `python -m scripts.all_tasks runs/all_tasks`.

Writes docs/results/all_tasks.md of the records of the study configs/all_tasks.py: a row for each task and network, or
for each recurrent part of one that has several. Medians over seeds, with the lowest and the highest.
"""

import argparse
import json
import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

import jax
import numpy as np

from rnnx.logbook.run_directory import DONE
from rnnx.report import study, summary
from rnnx.report.pages.format import digits
from rnnx.report.statistics import MedianRange, median_range
from rnnx.report.study import Study
from rnnx.report.summary import SummaryRow

OUT = Path(__file__).parents[1] / "docs" / "results" / "all_tasks.md"

PUBLISHED = {
    ("japanese_vowels", ""): "accuracy .962 by hidden Markov models (Kudo et al. 1999)",
    ("mnist1d", ""): "accuracy .91 by a bidirectional GRU that is read at all steps (Greydanus 2020)",
    ("polyphony", "rnn"): "8.91 on JSB, 4.05 on Nottingham (Bai et al. 2018)",
    ("polyphony", "lstm"): "8.45 on JSB, 3.29 on Nottingham (Bai et al. 2018)",
    ("polyphony", "gru"): "8.43 on JSB, 3.46 on Nottingham (Bai et al. 2018)",
    ("sentiment", "lstm"): "accuracy .464 with GloVe (Tai et al. 2015)",
    ("sentiment_trees", "recursive"): "roots .432 after 400 epochs (Socher et al. 2013)",
    ("sentiment_trees", "rntn"): "roots .457 after 400 epochs (Socher et al. 2013)",
    ("sentiment_trees", "tree_lstm"): "roots .439 with random vectors (Tai et al. 2015)",
    (
        "exchange_rate",
        "",
    ): "RSE .0226 by LSTNet (Lai et al. 2018), .0174 by TPA-LSTM (Shih et al. 2019), .0171 by persistence",
    ("sunspots", ""): "ARV .086 and .35 by a feed-forward network (Weigend et al. 1990)",
    ("pronunciation", ""): "word error rate .31 to .34 without stress, in some hundred epochs (g2p-seq2seq)",
    ("translation", ""): "BLEU 28.3 with attention, twice as wide (Multi30k notebooks of bentrevett)",
}
"""What others have, by the name of a task and of a cell, or of any; the page of a task says how protocols differ."""

_HEAD = """# All tasks

What tasks ask of memory: the same network of 64 units, trained in the same way, on every task. This page is written by
`python -m scripts.all_tasks` from the records of `configs/all_tasks.py`.

Medians over seeds, in brackets the lowest and the highest, after training. *Learned*: seeds whose held-out loss is a
tenth or more below that of a predictor without memory. *Test*: what is reported first of the test split, of the last
parameters. *Decay*: the slope of ln ‖∂L/∂s‖ against lag, of trees against depth, in nats per step: at −0.1 a factor e
is lost in ten steps. *Reach*: the largest lag with 1 % of the gradient left. *Older*: the share of the gradient of the
recurrent weights that comes from more than ten steps before the loss.
"""

_COLUMNS = (
    "| task | T | network | learned | held-out loss | no memory | test | decay | reach | older | seconds | published |",
    "| --- | --: | --- | --- | --: | --: | --: | --: | --: | --: | --: | --- |",
)


def page(read: Study, directory: Path) -> str:
    """The page, in Markdown."""
    rows = [_row(row, directory) for row in summary.rows(read)]
    trials = [trial for group in read.groups for trial in group.trials]
    seeds = sorted({int(trial.settings["seed"]) for trial in trials})
    machine = f"Python {platform.python_version()}, jax {jax.__version__}, {platform.system()} {platform.machine()}"
    count = len({trial.folder for trial in trials})
    made = f"{count} trials, seeds {', '.join(map(str, seeds))}; {machine}."
    return "\n".join([_HEAD, made, "", *_COLUMNS, *rows, ""])


def _row(row: SummaryRow, directory: Path) -> str:
    task, length, variant, trials = row.group
    cell = str(trials[0].settings["cell.name"])
    name = str(trials[0].settings["task.name"])
    tested = [n for n in row.test if n != "loss"] or list(row.test)
    told = f"{tested[0].replace('_', ' ')} {_range(row.test[tested[0]][0])}" if tested else "–"
    seconds = median_range(list(_seconds(row, directory)))
    cells = (
        task,
        str(length),
        variant,
        row.remembering,
        _range(row.of("heldout_loss")),
        digits(row.floor),
        told,
        _range(row.of("decay_rate")),
        _range(row.of("reach")),
        _range(row.of("older")),
        digits(seconds.median),
        PUBLISHED.get((name, cell)) or PUBLISHED.get((name, ""), ""),
    )
    return f"| {' | '.join(cells)} |"


def _seconds(row: SummaryRow, directory: Path) -> Iterator[float]:
    for trial in row.group.trials:
        done = directory / trial.folder / DONE
        yield json.loads(done.read_text()).get("seconds_of_last_session", np.nan) if done.exists() else np.nan


def _range(values: MedianRange) -> str:
    """For example `0.16 (0.15 … 0.17)`; the median alone where that says all."""
    middle, low, high = map(digits, values)
    return middle if low == high else f"{middle} ({low} … {high})"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m scripts.all_tasks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("workdir", type=Path, help="directory of the study")
    directory = parser.parse_args(arguments).workdir
    OUT.write_text(page(study.read(directory), directory), encoding="utf-8")
    print(OUT)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
