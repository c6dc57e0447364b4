"""Gradients held in bounds by clipping and by Ω: the temporal order problem by SGD, at rising lengths.

python -m experiments.sweep --config=configs/clipping.py --workdir=runs/clipping
python -m experiments.report --workdir=runs/clipping

After figure 7 of Pascanu, Mikolov & Bengio 2013: a tanh RNN of 50 units, learning rate 0.01, batches of 20; plain SGD,
SGD with the norm of the gradient clipped at 1, and clipped with the regulariser Ω, α = 2. Recurrent weights are sparse
with spectral radius 0.95 (their "smart tanh").

Expect: their order, plain ≤ clipped ≤ clipped with Ω, in how long a sequence is still learnt. All three solve T = 20.
At T = 50 plain SGD may meet a wall and stay at ln 4 = 1.386, where clipping gets by; at T = 100 clipping leaves ln 4
late, and Ω long before it, with a state gradient that neither decays nor grows.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config

LENGTHS = (20, 50, 100)
SEEDS = (0, 1, 2)
WAYS = (
    {"clip_norm": 0.0, "omega": 0.0},
    {"clip_norm": 1.0, "omega": 0.0},
    {"clip_norm": 1.0, "omega": 2.0},
)


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.cell.name = "rnn"
    base.cell.hidden_size = 50
    base.cell.input_initializer = "normal(0.1)"
    base.cell.recurrent_initializer = "sparse(15, 0.95)"
    base.task.name = "temporal_order"
    base.batch_size = 20
    base.optimizer = "sgd"
    base.learning_rate = 0.01
    base.steps = 20_000
    base.log_every = 500
    base.measure_every = 5000
    base.checkpoint_every = 5000
    return base


def sweep() -> list[dict[str, Any]]:
    """Every way at every length, with every seed."""
    return [way | {"task.length": length, "seed": seed} for length in LENGTHS for way in WAYS for seed in SEEDS]
