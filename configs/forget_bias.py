"""What the forget bias does to memory: an LSTM with b_f = -1, 0, 1, 2 and chrono on the adding problem, T = 100.

python -m experiments.sweep --config=configs/forget_bias.py --workdir=runs/forget_bias
python -m experiments.analyze --workdir=runs/forget_bias --checkpoint=initial --diagnostics=paths
python -m experiments.report --workdir=runs/forget_bias

Expect: before training the state gradient decays by 0.67 nats a step for -1, 0.30 for 0, 0.05 for 1 and 0.01 for
chrono, whose units forget at time scales up to T, and for 2 it rather grows (-0.001 … 0.015). But for chrono that is
far slower than the gradient that stays in c, by 1.2, 0.61, 0.27 and 0.10 (`paths`), or in h, by 1.4: most of what is
left has changed over from one to the other on the way.

All of them learn the problem in 3000 steps, none stays at 1/6. With three seeds each the loss passes half of that after
500 … 650 steps with chrono, 1050 … 1200 with 2, 1250 … 1500 with 1, 1800 … 2200 with 0, and 1900 … 2500 with -1, which
these seeds do not separate from 0 (Gers et al. 2000; Jozefowicz et al. 2015; chrono: Tallec & Ollivier 2018). The rate
before training does not tell all: 2 starts with the best one and takes twice as long as chrono. By step 500, before the
loss falls, the gradient of 1 and of 2 has come to vanish, by 0.17 and 0.07 nats a step; that of chrono has not.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product

LENGTH = 100
SEEDS = (0, 1, 2)
BIASES = (
    {"cell.bias_initializer": "forget(-1)"},
    {"cell.bias_initializer": "forget(0)"},
    {"cell.bias_initializer": "forget(1)"},
    {"cell.bias_initializer": "forget(2)"},
    {"cell.bias_initializer": f"chrono({LENGTH})"},
)


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.cell.name = "lstm"
    base.cell.hidden_size = 32
    base.task.length = LENGTH
    base.steps = 3000
    base.measure_every = 500
    return base


def sweep() -> list[dict[str, Any]]:
    """Every bias with every seed."""
    return product(BIASES, axis("seed", *SEEDS))
