"""An LSTM that plays on: Bach's chorales, a frame a step.

python -m experiments.run --config=configs/tasks/polyphony.py --workdir=runs/jsb
python -m experiments.run --config=configs/tasks/polyphony.py --config.task.music=nottingham --workdir=runs/nottingham

Expect: in two minutes on two busy cores, 8.45 nats per frame of the chorales to test on, as of Bai, Kolter & Koltun's
LSTM, 8.45, which is tuned otherwise; one that knows how often each key sounds has 11.0 held out.
(2026-11-30, jax 0.12.0.1, seed 0.)
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
