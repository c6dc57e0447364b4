"""What eight bits of mantissa do to a gradient through time: float32 against bfloat16, rnn, lstm and gru.

python -m experiments.sweep --config=configs/precision.py --workdir=runs/precision
python -m experiments.report --workdir=runs/precision

The adding problem, T = 32 and 64. In bfloat16 the cell runs in it forward and backward; parameters, readout, loss and
optimiser stay float32. The state gradient that is measured is the one that training sees.

Expect: before training, with the same parameters, the curves against lag lie on each other, within 0.013 of log10 at
every lag, and the decay rates within 0.0004 nats a step: bfloat16 has the range of float32, so nothing underflows, and
rounding by up to 2⁻⁸ a step does not add up to a slope. After 1500 steps there is no difference either that two seeds
could tell from chance: bfloat16 learns where float32 does, within 100 steps of it, and does not where it does not (the
RNN at T = 64); of the twelve pairs of held-out losses six are lower in bfloat16. That its losses would stop falling
earlier, and more of its seeds fail, did not come true. It may where training goes further down: the losses are 4e-4 and
more here, and one rounding of a number near 1, squared, is 1.5e-5 at most.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product

CELLS = ("rnn", "lstm", "gru")
LENGTHS = (32, 64)
PRECISIONS = ("float32", "bfloat16")
SEEDS = (0, 1)


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.cell.hidden_size = 32
    base.steps = 1500
    base.measure_every = 500
    return base


def sweep() -> list[dict[str, Any]]:
    """Every cell in both precisions, at every length, with every seed."""
    return product(
        axis("task.length", *LENGTHS),
        axis("cell.name", *CELLS),
        axis("precision", *PRECISIONS),
        axis("seed", *SEEDS),
    )
