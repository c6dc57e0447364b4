"""What truncated back-propagation through time can and can't learn: an LSTM on temporal order, T = 64, K swept.

python -m experiments.sweep --config=configs/truncation.py --workdir=runs/truncation
python -m experiments.analyze --workdir=runs/truncation --diagnostics=truncation_bias --checkpoint=initial
python -m experiments.analyze --workdir=runs/truncation --diagnostics=truncation_bias
python -m experiments.report --workdir=runs/truncation

Beside cuts at every K-th step, K = 4 … 64 (64 is all of it): cuts at random with probability 1/32 and 1/16 a step,
which leave the gradient without bias (Tallec & Ollivier 2017). The symbols stand 31 to 57 steps before the answer.

Expect: with all of the gradient the training loss of two seeds is below ln 2, half of ln 4 = 1.386, after 100 and 150
steps, and at 2000 every answer is right, though one seed loses it again for 600 steps on the way. With K = 4 … 16 no
gradient ever reaches a symbol, and the loss stays at 1.31 … 1.43. With 32 only the second symbol is reached, now and
then, and much more is learnt than that gradient asks for, since the LSTM with its forget bias of 1 carries on the rest
by itself; but nothing holds it there: one seed comes down to 0.03 and is at 0.77 in the end, the other to 0.71 and is
back at ln 4. Cuts at random, without bias, differ by their noise alone, which is enough: with 1/32 the loss is below ln
2 after 450 and 550 steps and every answer right in the end, with 1/16 one seed begins to learn within 2000 steps (0.74)
and the other does not.

A network that was trained so is not the one to ask about truncation. Before training 41 and 29 steps are needed for a
relative error below 0.1; where training with K = 4 … 16 has made the gradient vanish, as it does in one of the two
seeds, 9 steps are.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product

LENGTH = 64
SEEDS = (0, 1)
CUTS = (
    *({"objective.truncate": K, "objective.random_truncation": 0.0} for K in (4, 8, 16, 32, LENGTH)),
    *({"objective.truncate": 0, "objective.random_truncation": c} for c in (1 / 32, 1 / 16)),
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
    return product(CUTS, axis("seed", *SEEDS))
