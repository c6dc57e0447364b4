r"""A GRU that forecasts the sunspots of the next year.

python -m experiments.run   --config=configs/tasks/sunspots.py --workdir=runs/sunspots
python -m experiments.sweep --config=configs/tasks/sunspots.py --workdir=runs/cells \
    --sweep="cell.name=rnn,lstm,gru; seed=0,1,2"

Expect: in ten seconds on two busy cores, an ARV of 0.104 (0.086 to 0.133 of three seeds) in 1921-55 and of 0.361 (0.335
to 0.414) in 1956-79; persistence has 0.427 and 0.965, AR(9) has 0.127 and 0.353. docs/forecasting.md has the others.
(2026-12-01, jax 0.12.0.1, seeds 0 to 2.)
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """Twelve years of the past, as Weigend had."""
    base = config.default()
    base.task.name = "sunspots"
    base.task.length = 12
    base.cell.name = "gru"
    base.cell.hidden_size = 16
    base.batch_size = 32
    base.learning_rate = 3e-3
    base.steps = 1000
    base.measure_every = 50
    base.measure_batch_size = 128
    return base
