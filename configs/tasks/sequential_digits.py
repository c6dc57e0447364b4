"""A GRU that reads a digit of 8 × 8 pixels, pixel by pixel.

python -m experiments.run --config=configs/tasks/sequential_digits.py --workdir=runs/sequential_digits

Expect: in a minute on two busy cores, 96.1 % of the 355 digits to test on right with the parameters of the best
held-out loss, 96.6 % at the end; an LSTM 96.1 %, a plain network 94.1 %. (2026-11-30, jax 0.12.0.1, seed 0.)
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """64 pixels, one a step."""
    base = config.default()
    base.task.name = "sequential_digits"
    base.task.length = 64
    base.cell.name = "gru"
    base.cell.hidden_size = 64
    base.batch_size = 64
    base.steps = 2000
    base.measure_every = 200
    return base
