"""Cells beside one another, and beside n-grams, as models of Shakespeare's characters: what they cost and reach.

python -m experiments.sweep --config=configs/character_models.py --workdir=runs/character_models --jobs=1
python -m experiments.report --workdir=runs/character_models

One layer of 256 units of each cell, trained as in configs/tasks/shakespeare.py, and n-gram models of order 1 to 6,
which count and are not trained. All of them read the last tenth of Tiny Shakespeare in one pass.

Expect: in one to three minutes each on two cores, 1.52 nats per character of the GRU, 1.62 of the RNN and 1.63 of the
LSTM, 1.83 of the minGRU and 1.85 of the minLSTM, 2.17 of the LRU, whose recurrence is linear: in one layer what
enters the state depends on the current character alone. Kneser-Ney has 3.35, 2.48, 2.04, 1.73, 1.58 and 1.56 in
seconds, which of these networks the GRU alone is better than. (Seed 0; docs/language.md has the table.)
"""

from typing import Any

from ml_collections import ConfigDict

from configs.tasks import shakespeare
from experiments.studies.grid import axis, product

CELLS = ("rnn", "lstm", "gru", "minlstm", "mingru", "lru")
SEEDS = (0, 1)
COUNTED = {"model.name": "ngram", "steps": 50, "schedule.warmup_steps": 0, "diagnostics": ()}


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    return shakespeare.get_config()


def sweep() -> list[dict[str, Any]]:
    """Every cell with every seed, and every order, of which seeds change nothing but the windows."""
    counted = product([COUNTED], axis("model.order", 1, 2, 3, 4, 5, 6), axis("seed", 0))
    return product(axis("seed", *SEEDS), axis("cell.name", *CELLS)) + counted
