"""An LSTM that plays on: Bach's chorales, a frame a step.

python -m experiments.run --config=configs/tasks/polyphony.py --workdir=runs/jsb
python -m experiments.run --config=configs/tasks/polyphony.py --config.task.music=nottingham --workdir=runs/nottingham
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """Whole chorales, of at most 160 frames."""
    base = config.default()
    base.task.name = "polyphony"
    base.task.length = 160
    base.cell.name = "lstm"
    base.cell.hidden_size = 128
    base.batch_size = 16
    base.steps = 1500
    base.measure_every = 250
    base.measure_batch_size = 76
    return base
