"""What training does to the dynamics: Lyapunov exponents and Jacobians before and after, rnn, lstm and gru.

python -m experiments.sweep --config=configs/trained_vs_initial.py --workdir=runs/trained_vs_initial
python -m experiments.analyze --workdir=runs/trained_vs_initial --measure=lyapunov,jacobian_products
python -m experiments.analyze --workdir=runs/trained_vs_initial --measure=lyapunov,jacobian_products \
    --checkpoint=initial
python -m experiments.report --workdir=runs/trained_vs_initial

The adding problem, T = 48, which all three solve or begin to.

Expect: before training every exponent is negative, the largest that of the orthogonal RNN (-0.1) and of the LSTM with
forget bias 1; the GRU starts at -0.3. In a network that has solved the problem the largest exponent has come up to
zero, one or two directions that keep what was marked, while the rest of the spectrum has gone further down: memory is
bought by few directions, not by all. Where the problem is not solved all of them stay negative.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config

CELLS = ("rnn", "lstm", "gru")
SEEDS = (0, 1)


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.cell.hidden_size = 32
    base.task.length = 48
    base.steps = 3000
    base.measure_every = 1000
    return base


def sweep() -> list[dict[str, Any]]:
    """Every cell with every seed."""
    return [{"cell.name": cell, "seed": seed} for cell in CELLS for seed in SEEDS]
