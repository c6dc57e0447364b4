"""Where does each cell stop generalising? Made-up tasks by RNN, LSTM and GRU, tested at 2, 4 and 10 times the length.

python -m experiments.sweep   --config=configs/lengths.py --workdir=runs/lengths
python -m experiments.analyze --workdir=runs/lengths --diagnostics=loss_by_length
python -m experiments.report  --workdir=runs/lengths

Of each task a rule is asked for that does not depend on the length: to count, to nest, to flip a bit, to hold the last
three symbols, to add two numbers. A network that has learnt the rule goes on by it, and one whose loss climbs has
learnt what is true of one length.

Expect: all three cells go on with n-back to ten times the length without an error, and with brackets to 98 % and more;
none goes on counting in anbn, or adding, beyond the length that it was trained on, LSTM and GRU better than the plain
network; parity none of them learns. (45 trials, 7 minutes on two busy cores with --vectorize=3, 2026-12-01, jax
0.12.0.1; docs/results.md has the table.)
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product, zip_axes

CELLS = ("rnn", "lstm", "gru")
SEEDS = (0, 1, 2)
TASKS = {"anbn": 30, "brackets": 30, "parity": 10, "n_back": 30, "adding": 50}


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.cell.hidden_size = 32
    base.batch_size = 64
    base.steps = 4000
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.log_every = 100
    base.measure_every = 1000
    base.checkpoint_every = 4000
    base.diagnostics = ("state_gradient",)
    return base


def sweep() -> list[dict[str, Any]]:
    """Every task at its length, by every cell, with every seed."""
    tasks = zip_axes(axis("task.name", *TASKS), axis("task.length", *TASKS.values()))
    return product(tasks, axis("cell.name", *CELLS), axis("seed", *SEEDS))
