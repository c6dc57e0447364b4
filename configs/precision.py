"""What eight bits of mantissa do to a gradient through time: float32 against bfloat16, rnn, lstm and gru.

python -m experiments.sweep --config=configs/precision.py --workdir=runs/precision
python -m experiments.report --workdir=runs/precision

The adding problem, T = 32 and 64. In bfloat16 the cell runs in it forward and backward; parameters, readout, loss and
optimiser stay float32. The state gradient that is measured is the one that training sees.

Expect: before training, with the same parameters, the curves against lag lie on each other: bfloat16 has the range of
float32, so nothing underflows, and rounding at 2⁻⁹ a step does not add up to a slope. After training the held-out loss
of bfloat16 stops falling earlier, because a state that is rounded at 2⁻⁹ can't hold a sum to more than two digits, and
updates of the state smaller than that are lost; at T = 64 more seeds fail.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config

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
    return [
        {"cell.name": cell, "precision": precision, "task.length": length, "seed": seed}
        for length in LENGTHS
        for cell in CELLS
        for precision in PRECISIONS
        for seed in SEEDS
    ]
