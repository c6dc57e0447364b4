"""A GRU that reads a German sentence in both directions, and one that says it in English, with attention."""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """Sentences of at most 20 words, all but 6 of 100."""
    base = config.default()
    base.task.name = "translation"
    base.task.length = 20
    base.cell.name = "gru"
    base.cell.hidden_size = 192
    base.model.attention = "dot"
    base.model.bidirectional = True
    base.batch_size = 64
    base.steps = 3000
    base.learning_rate = 3e-3
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.objective.dropout = 0.2
    base.log_every = 100
    base.measure_every = 1000
    base.measure_batch_size = 128
    base.checkpoint_every = 1000
    return base
