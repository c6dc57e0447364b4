"""A GRU that tells nine speakers apart by one vowel.

python -m experiments.run --config=configs/tasks/japanese_vowels.py --workdir=runs/vowels

Expect: in a minute on two busy cores, 95.1 % of the 370 utterances to test on right.
(2026-11-30, jax 0.12.0.1, seed 0.)
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
