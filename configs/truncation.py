"""What truncated back-propagation through time can and can't learn: an LSTM on temporal order, T = 64, K swept.

python -m experiments.sweep --config=configs/truncation.py --workdir=runs/truncation
python -m experiments.analyze --workdir=runs/truncation --measure=truncation_bias --checkpoint=initial
python -m experiments.analyze --workdir=runs/truncation --measure=truncation_bias
python -m experiments.report --workdir=runs/truncation

Beside cuts at every K-th step, K = 4 … 64 (64 is all of it): cuts at random with probability 1/32 and 1/16 a step,
which leave the gradient without bias (Tallec & Ollivier 2017). The symbols stand 31 to 57 steps before the answer.

Expect: with all of the gradient the loss leaves ln 4 = 1.386 first and falls furthest. With K = 4 … 16 no gradient ever
reaches a symbol, and with 32 only the second one, now and then; what is learnt there is what the LSTM with its forget
bias of 1 happens to carry on by itself, which is little at this length. Cuts at random fall behind the whole gradient
by their noise alone, the more so the more cuts there are.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config

LENGTH = 64
SEEDS = (0, 1)
CUTS = (
    *({"truncate": K, "random_truncation": 0.0} for K in (4, 8, 16, 32, LENGTH)),
    *({"truncate": 0, "random_truncation": c} for c in (1 / 32, 1 / 16)),
)


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.cell.name = "lstm"
    base.cell.hidden_size = 32
    base.task.name = "temporal_order"
    base.task.length = LENGTH
    base.steps = 2000
    base.measure_every = 500
    return base


def sweep() -> list[dict[str, Any]]:
    """Every kind of cut with every seed."""
    return [cut | {"seed": seed} for cut in CUTS for seed in SEEDS]
