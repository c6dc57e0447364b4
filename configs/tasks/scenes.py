"""x"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """x"""
    base = config.default()
    base.task.name = "scenes"
    base.task.length = 11
    base.cell.name = "gru"
    base.cell.hidden_size = 128
    base.model.attention = "dot"
    base.batch_size = 64
    base.steps = 3000
    base.learning_rate = 3e-3
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.log_every = 50
    base.measure_every = 500
    return base
