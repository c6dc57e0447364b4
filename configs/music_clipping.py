"""A plain RNN learns folk tunes by SGD alone, with its gradient clipped, and with Ω beside that.

python -m experiments.sweep --config=configs/music_clipping.py --workdir=runs/music_clipping
python -m experiments.report --workdir=runs/music_clipping

Expect: 3.8 nats per frame of the tunes to test on by SGD alone, 3.6 with clipping, by which a learning rate three times
as large does not diverge, and 3.9 with Ω, whose gradient reaches further; learning rates and α are those of the lowest
held-out loss. (Of seed 0, two minutes on two busy cores; docs/music.md has the table, and what is published.)
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product


def get_config() -> ConfigDict:
    """Stretches of 200 frames, 16 a step."""
    base = config.default()
    base.task.name = "polyphony"
    base.task.music = "nottingham"
    base.task.length = 200
    base.cell.name = "rnn"
    base.cell.hidden_size = 128
    base.optimizer = "sgd"
    base.batch_size = 16
    base.steps = 4000
    base.measure_every = 500
    base.measure_batch_size = 76
    return base


def sweep() -> list[dict[str, Any]]:
    """The three of Pascanu, Mikolov & Bengio 2013."""
    ways = [
        {"learning_rate": 0.1, "clip_norm": 0.0, "objective.omega": 0.0},
        {"learning_rate": 0.3, "clip_norm": 1.0, "objective.omega": 0.0},
        {"learning_rate": 0.3, "clip_norm": 1.0, "objective.omega": 0.02},
    ]
    return product(ways, axis("seed", 0, 1))
