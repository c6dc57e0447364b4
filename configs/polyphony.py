"""Chorales and folk tunes by RNN, LSTM and GRU: how well the next frame is told.

python -m experiments.sweep --config=configs/polyphony.py --workdir=runs/polyphony
python -m experiments.report --workdir=runs/polyphony

Expect: 8.4 nats per frame of the chorales to test on with the LSTM, 8.6 with the GRU, 8.7 with the plain network; of
the folk tunes 3.55, 3.8 and 3.7. The gradient of the plain network ends after a dozen frames, and that of LSTM and GRU
goes back to the beginning of the piece, without that it were of much use. (Tunes with seed 0: some ten minutes on two
busy cores. docs/music.md has the table, and what is published.)
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product

CELLS = ("rnn", "lstm", "gru")
SEEDS = (0, 1)


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.task.name = "polyphony"
    base.cell.hidden_size = 128
    base.batch_size = 16
    base.measure_every = 250
    base.measure_batch_size = 76
    return base


def sweep() -> list[dict[str, Any]]:
    """Every cell on whole chorales, and on stretches of folk tunes."""
    music = [
        {"task.music": "jsb", "task.length": 160, "steps": 1500},
        {"task.music": "nottingham", "task.length": 200, "steps": 6000},
    ]
    return product(music, axis("cell.name", *CELLS), axis("seed", *SEEDS))
