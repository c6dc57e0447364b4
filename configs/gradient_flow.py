"""How far back the gradient reaches: rnn, lstm (forget bias 0 and 1) and gru with five seeds, on the adding problem at
four lengths and on characters at one.

python -m experiments.sweep --config=configs/gradient_flow.py --workdir=runs/gradient_flow
python -m experiments.report --workdir=runs/gradient_flow

Expect: before training the orthogonal RNN and the LSTM with forget bias 1 keep the gradient best; the LSTM with 0 and
the GRU lose a factor e in three steps. After training it reaches over the whole sequence in the networks that have
learned the adding problem, and has all but vanished in those that have not. Characters need little from far back, and
there it fades within a few steps.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product
from rnnx import data

LENGTHS = (16, 32, 64, 128)
CHARACTERS_LENGTH = 64
"""The gradient reaches no further back in a longer text: the time is better spent on seeds."""
SEEDS = (0, 1, 2, 3, 4)
CELLS = (
    {"cell.name": "rnn"},
    {"cell.name": "lstm", "cell.forget_bias": 0.0},
    {"cell.name": "lstm", "cell.forget_bias": 1.0},
    {"cell.name": "gru"},
)


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.cell.hidden_size = 32
    base.steps = 1000
    base.measure_every = 200
    return base


def sweep() -> list[dict[str, Any]]:
    """Every cell on every task, at each of its lengths, with every seed."""
    # The small corpus, unless only the complete works are at hand (see `python -m rnnx.data`).
    complete = data.available("shakespeare") and not data.available("tinyshakespeare")
    characters = {"task.name": "characters", "task.corpus": "shakespeare" if complete else "tinyshakespeare"}
    tasks = [
        *product([{"task.name": "adding"}], axis("task.length", *LENGTHS)),
        characters | {"task.length": CHARACTERS_LENGTH},
    ]
    return product(tasks, CELLS, axis("seed", *SEEDS))
