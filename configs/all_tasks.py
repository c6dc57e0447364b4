"""What tasks ask of memory: every task of rnnx, made up or real, by a plain network, an LSTM and a GRU.

python -m experiments.sweep --config=configs/all_tasks.py --workdir=runs/all_tasks
python -m experiments.sweep --config=configs/all_tasks.py --workdir=runs/all_tasks --only="*seed0"
python -m scripts.all_tasks runs/all_tasks

The same network of 64 units, optimiser and schedule everywhere, and of each task so many steps that a trial is a matter
of one to a few minutes; the best that a task comes to is in configs/tasks/. Trees are run over by a recursive network,
a tensor network and a Tree-LSTM, of 32 units, since a tensor of 64 has a million numbers. The last command writes
docs/results/all_tasks.md and .png: what each network reaches, how fast its gradient decays and how far it reaches, and
how much of the gradient of its weights comes from more than ten steps back.

Expect: 297 trials and 181 T FLOPs, two hours on two cores with --jobs=2. Where one loss is of every step, of
characters, words and music, 1 % of the gradient is left 2 to 8 steps back; where a class is told at the end, 24 steps
to all of them. On made-up tasks who learns has a gradient over the whole sequence, but on n-back, and who does not has
lost it, but on parity, and the LSTM on copy memory. What --only names is run by itself, a seed or a task, and the table
is of what is done. (2026-12-01, jax 0.12.0.1; docs/results.md tells more of it.)
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import Point, axis, product

SEEDS = (0, 1, 2)
CELLS = ("rnn", "lstm", "gru")
TREE_CELLS = ("recursive", "rntn", "tree_lstm")


def _task(name: str, length: int, steps: int, **settings: Any) -> Point:
    """A task by its name, its length and its steps, and what else is to be set: `section__option=…`."""
    others = {name.replace("__", "."): value for name, value in settings.items()}
    return {"task.name": name, "task.length": length, "steps": steps, "measure_every": steps // 5, **others}


MADE_UP = (
    _task("adding", 100, 3000),
    _task("multiplication", 50, 3000),
    _task("temporal_order", 50, 3000),
    _task("random_permutation", 50, 3000),
    _task("parity", 20, 3000),
    _task("copy_memory", 60, 3000),
    _task("delayed_copy", 50, 2000),
    _task("n_back", 50, 2000),
    _task("anbn", 50, 2000),
    _task("brackets", 50, 2000),
    _task("copy", 20, 2000),
    _task("reverse", 20, 2000),
)
LANGUAGE = (
    _task("characters", 128, 1500),
    _task("words", 32, 750),
    _task("sentiment", 52, 2000, task__phrases=True, batch_size=64),
    _task("dates", 29, 1500, batch_size=64),
    _task("pronunciation", 14, 2000, batch_size=64, model__attention="dot"),
    _task("translation", 20, 750, batch_size=64, model__attention="dot"),
)
IMAGES = (
    _task("scenes", 11, 1500, model__attention="dot"),
    _task("emoji", 15, 1500, model__attention="dot"),
    _task("sequential_digits", 64, 2000),
    _task("sequential_mnist", 28, 1500, task__by="rows"),
    _task("mnist1d", 40, 2000),
)
SPEECH_AND_MUSIC = (
    _task("spoken_digits", 80, 1000),
    _task("digit_strings", 200, 1000, batch_size=16),
    _task("japanese_vowels", 29, 500),
    _task("polyphony", 160, 1000, batch_size=16, task__music="jsb"),
    _task("polyphony", 160, 1000, batch_size=16, task__music="nottingham"),
)
SERIES = (
    _task("exchange_rate", 48, 1000, task__horizon=3),
    _task("ett", 48, 1000),
    _task("sunspots", 12, 1000),
)
TREES = (
    _task("tournament", 16, 2000, cell__hidden_size=32),
    _task("sentiment_trees", 103, 1500, cell__hidden_size=32),
)


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.diagnostics = ("state_gradient", "weight_gradient_by_lag", "gates")
    return base


def sweep() -> list[dict[str, Any]]:
    """Every task by every cell that it is for, with every seed."""
    over_time = product(axis("cell.name", *CELLS), [*MADE_UP, *LANGUAGE, *IMAGES, *SPEECH_AND_MUSIC, *SERIES])
    over_trees = product(axis("cell.name", *TREE_CELLS), TREES)
    return product(axis("seed", *SEEDS), [*over_time, *over_trees])
