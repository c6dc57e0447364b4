"""Images read as sequences by RNN, LSTM and GRU: digits of 64 pixels, MNIST-1D, MNIST by rows and by pixels.

python -m experiments.sweep --config=configs/sequential_images.py --workdir=runs/sequential_images
python -m experiments.report --workdir=runs/sequential_images

Expect: GRU and LSTM at 95 to 97 % of all but MNIST by pixels, and the plain network behind them, far where sequences
are noisy, 66 % of MNIST-1D. Of 784 pixels the gradient of LSTM and plain network, 27 and 7 steps long, ends before the
digit begins, and they guess; the GRU has half of them right, with a gradient of 326 steps. Permuted the LSTM has 54 %
right, the GRU 48 % and the plain network 19 %. (Of seed 0: some 25 minutes on two busy cores; docs/images.md has the
table.)
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.task.name = "sequential_digits"
    base.task.length = 64
    base.cell.hidden_size = 64
    base.batch_size = 64
    base.steps = 2000
    base.measure_every = 200
    return base


def sweep() -> list[dict[str, Any]]:
    """Every cell on every kind of sequence."""
    mnist = {"task.name": "sequential_mnist"}
    sequences: list[dict[str, Any]] = [
        {},
        {"task.name": "mnist1d", "task.length": 40, "batch_size": 100, "steps": 3000},
        mnist | {"task.by": "rows", "task.length": 28},
        mnist | {"task.by": "pixels", "task.length": 784, "steps": 1000},
        mnist | {"task.by": "pixels", "task.length": 784, "steps": 1000, "task.permuted": True},
    ]
    return product(sequences, axis("cell.name", "rnn", "lstm", "gru"), axis("seed", 0, 1))
