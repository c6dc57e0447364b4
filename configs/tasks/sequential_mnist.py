r"""A GRU that reads a digit of 28 × 28 pixels, pixel by pixel: 784 steps.

python -m experiments.run --config=configs/tasks/sequential_mnist.py --workdir=runs/sequential_mnist
python -m experiments.run --config=configs/tasks/sequential_mnist.py --config.task.by=rows --config.task.length=28 \
    --config.steps=2000 --workdir=runs/rows

Expect: in a minute or two on two busy cores, 49.4 % of the 1000 digits to test on right, of which an LSTM and a plain
network guess, 10.0 %; more training does more. By rows 95.3 %, an LSTM 95.3 %, a plain network 89.7 %. 3,600 images
are trained on: docs/images.md has what is published of 60,000. (2026-12-01, jax 0.12.0.1, seed 0.)
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """784 pixels, one a step."""
    base = config.default()
    base.task.name = "sequential_mnist"
    base.task.length = 784
    base.cell.name = "gru"
    base.cell.hidden_size = 64
    base.batch_size = 64
    base.steps = 1000
    base.measure_every = 200
    return base
