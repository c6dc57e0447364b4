"""Gradients held in bounds by clipping and by Ω: the temporal order problem by SGD, at rising lengths.

python -m experiments.sweep --config=configs/clipping.py --workdir=runs/clipping
python -m experiments.report --workdir=runs/clipping

After figure 7 of Pascanu, Mikolov & Bengio 2013: a tanh RNN of 50 units, learning rate 0.01, batches of 20; plain SGD,
SGD with the norm of the gradient clipped at 1, and clipped with the regulariser Ω, α = 2. Recurrent weights are sparse
with spectral radius 0.95 (their "smart tanh").

Expect: their order, plain ≤ clipped ≤ clipped with Ω, in how long a sequence is still learnt. With three seeds each all
learn T = 20 within 1500 steps, though plain SGD loses it again with one, after 17,000. At T = 50 plain SGD learns with
none: its loss falls to 1.14 … 1.30 and goes back to ln 4 = 1.386, where it stays, with a gradient of norm 33 … 672 on
the way. Clipped, two of them learn and one stays near ln 2; with Ω all do. At T = 100 only seed 0 learns, clipped (to
0.73, from step 11,000 on) and with Ω (to 0.41, from step 2000 on). Ω is not sooner in every case: at T = 50 one seed
takes 8500 steps instead of 5500, and where all learn, at T = 20, the loss ends 5 to 12 times as high.

After training the state gradient with Ω neither decays nor grows (within 0.025 nats a step), learnt or not; the clipped
networks that learn have one that grows.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product

LENGTHS = (20, 50, 100)
SEEDS = (0, 1, 2)
WAYS = (
    {"clip_norm": 0.0, "objective.omega": 0.0},
    {"clip_norm": 1.0, "objective.omega": 0.0},
    {"clip_norm": 1.0, "objective.omega": 2.0},
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
    return product(axis("task.length", *LENGTHS), WAYS, axis("seed", *SEEDS))
