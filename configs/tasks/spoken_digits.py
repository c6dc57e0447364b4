"""A GRU that listens to a digit, and says which it was.

python -m experiments.run --config=configs/tasks/spoken_digits.py --workdir=runs/spoken_digits
python -m experiments.run --config=configs/tasks/spoken_digits.py --config.task.split=theo --workdir=runs/theo
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """Recordings of up to 0.8 s, all but two of 100."""
    base = config.default()
    base.task.name = "spoken_digits"
    base.task.length = 80
    base.cell.name = "gru"
    base.cell.hidden_size = 64
    base.batch_size = 64
    base.steps = 1000
    base.measure_every = 250
    return base
