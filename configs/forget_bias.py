"""What the forget bias does to memory: an LSTM with b_f = -1, 0, 1, 2 and chrono on the adding problem, T = 100.

python -m experiments.sweep --config=configs/forget_bias.py --workdir=runs/forget_bias
python -m experiments.report --workdir=runs/forget_bias

Expect: before training the state gradient decays by some 0.7 nats a step for -1, 0.3 for 0, 0.04 for 1, less for 2, and
0.015 for chrono, whose units forget at time scales up to T. That is slower than the -ln σ(b_f) of c alone, 1.3, 0.69,
0.31 and 0.13, because orthogonal recurrent weights open a second way, through h. The slower the decay, the earlier the
loss leaves 1/6 (Gers et al. 2000; Jozefowicz et al. 2015; chrono: Tallec & Ollivier 2018); with -1 and 0 it stays.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config

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
    return [bias | {"seed": seed} for bias in BIASES for seed in SEEDS]
