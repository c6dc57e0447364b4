"""One cell on the adding problem.

    python -m experiments.run --config=configs/adding.py --config.cell.name=gru --workdir=runs/one

Expect: the loss stays at 1/6, the error of always answering 1, for a while, and then falls as the cell learns to keep
what was marked. An RNN at T = 64 stays at 1/6.
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """The settings that every study starts from."""
    return config.default()
