"""x"""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """All captions, and each drawing some hundred times."""
    base = config.default()
    base.task.name = "emoji"
    base.task.length = 15
    base.cell.name = "gru"
    base.cell.hidden_size = 192
    base.model.attention = "dot"
    base.batch_size = 64
    base.steps = 5000
    base.learning_rate = 2e-3
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.log_every = 100
    base.measure_every = 1000
    base.checkpoint_every = 2500
    return base
