"""A study of seconds, for tests."""

from ml_collections import ConfigDict

from experiments import config


def get_config() -> ConfigDict:
    """Small in every way."""
    base = config.default()
    base.cell.hidden_size = 4
    base.task.length = 5
    base.batch_size = 4
    base.measure_batch_size = 4
    base.steps = 60
    base.log_every = 2
    base.measure_every = 10
    base.checkpoint_every = 10
    base.diagnostics = ("state_gradient", "weight_gradient")
    return base


def sweep() -> list[dict]:
    """Two cells, two seeds."""
    return [{"cell.name": name, "seed": seed} for name in ("rnn", "lstm") for seed in (0, 1)]
