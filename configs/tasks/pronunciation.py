"""A GRU that reads a word in both directions, and one that says it in phonemes, with attention.

python -m experiments.run --config=configs/tasks/pronunciation.py --workdir=runs/pronunciation
python -m experiments.report --workdir=runs/pronunciation
"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """Words of at most 14 letters, all but 6 of 1000; some seven times as many examples as there are pronunciations."""
    base = config.default()
    base.task.name = "pronunciation"
    base.task.length = 14
    base.cell.name = "gru"
    base.cell.hidden_size = 128
    base.model.attention = "dot"
    base.model.bidirectional = True
    base.batch_size = 128
    base.steps = 6000
    base.learning_rate = 4e-3
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.log_every = 100
    base.measure_every = 1000
    base.measure_batch_size = 512
    base.checkpoint_every = 2000
    return base
