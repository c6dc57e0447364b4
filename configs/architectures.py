"""What layers, directions, residual connections and layer norm do to the reach of the gradient: lstm and gru, adding.

python -m experiments.sweep --config=configs/architectures.py --workdir=runs/architectures
python -m experiments.report --workdir=runs/architectures

The adding problem, T = 64. Every layer, and every direction, is measured as a part of its own; the loss is that of the
last step.

Expect: before training the gradient decays more slowly the lower the layer, since it may come down to it at any step on
the way back. A GRU loses 0.30 nats a step alone, and 0.27, 0.26 and 0.25 from the top of three layers to the bottom; an
LSTM 0.05 alone, and 0.01 in the lowest of three. A residual connection changes the rate little (of a GRU by 0.01): it
brings more of the gradient to the lower layers at the last step, not further back, so that their horizon, which is
relative to that, gets shorter. Layer norm brings the GRU to 0.06 and the LSTM to 0.11, and both learn first with it:
that rate does not tell who learns. Of two directions the backward one has its gradient at the first step it runs and
nowhere else; below another layer it is of use, and its gradient grows towards the steps that it ran first. Without
layer norm GRUs learn sooner the more layers they have; LSTMs do up to two, and up to three with residual connections.
(Two seeds; about 7 minutes on two cores. docs/results.md has the table.)
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product

CELLS = ("lstm", "gru")
SEEDS = (0, 1)
ARCHITECTURES = (
    {"model.layers": 1},
    {"model.layers": 2},
    {"model.layers": 3},
    {"model.layers": 2, "model.residual": True},
    {"model.layers": 3, "model.residual": True},
    {"model.layers": 1, "model.layer_norm": True},
    {"model.layers": 3, "model.layer_norm": True},
    {"model.layers": 1, "model.bidirectional": True},
    {"model.layers": 2, "model.bidirectional": True},
)


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.cell.hidden_size = 32
    base.task.length = 64
    base.steps = 1000
    base.measure_every = 500
    return base


def sweep() -> list[dict[str, Any]]:
    """Every architecture of every cell, with every seed."""
    return product(axis("cell.name", *CELLS), ARCHITECTURES, axis("seed", *SEEDS))
