"""A bidirectional GRU that listens to a string of digits and writes them down, by CTC.

python -m experiments.run --config=configs/tasks/digit_strings.py --workdir=runs/digit_strings
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """Strings of up to 3 s."""
    base = config.default()
    base.task.name = "digit_strings"
    base.task.length = 300
    base.cell.name = "gru"
    base.cell.hidden_size = 64
    base.model.bidirectional = True
    base.batch_size = 16
    base.steps = 1500
    base.measure_every = 500
    base.measure_batch_size = 64
    return base
