"""A GRU that tells nine speakers apart by one vowel.

python -m experiments.run --config=configs/tasks/japanese_vowels.py --workdir=runs/vowels
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """All utterances, of at most 29 steps."""
    base = config.default()
    base.task.name = "japanese_vowels"
    base.task.length = 29
    base.cell.name = "gru"
    base.steps = 500
    base.measure_every = 100
    return base
