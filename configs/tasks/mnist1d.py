"""A GRU that tells shapes of one dimension apart by its last state.

python -m experiments.run --config=configs/tasks/mnist1d.py --workdir=runs/mnist1d

Expect: in a minute on two busy cores, 96.8 % of the 1000 sequences to test on right with the parameters of the best
held-out loss, 97.0 % at the end; an LSTM 95.3 %, a plain network 65.9 %. (2026-11-30, jax 0.12.0.1, seed 0.)
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """40 numbers, one a step."""
    base = config.default()
    base.task.name = "mnist1d"
    base.task.length = 40
    base.cell.name = "gru"
    base.cell.hidden_size = 64
    base.batch_size = 100
    base.steps = 3000
    base.measure_every = 250
    return base
