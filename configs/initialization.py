"""Where the gradient starts: initial recurrent weights, on both sides of the critical point, on the adding problem.

python -m experiments.sweep --config=configs/initialization.py --workdir=runs/initialization
python -m experiments.analyze --workdir=runs/initialization --checkpoint=initial --diagnostics=lyapunov,recurrent_matrix
python -m experiments.report --workdir=runs/initialization

A tanh RNN with Gaussian weights of gain 0.5 … 2 (spectral radius), orthogonal ones, and scaled identity with relu
(IRNN); an LSTM and a GRU with orthogonal weights, and with chrono biases.

Expect: before training the decay rate of the Gaussian networks rises with the gain, from -0.67 nats a step at 0.5 over
-0.05 at 1 to +0.12 at 2, where the gradient of every example explodes. It crosses zero between 1.25 and 1.5, the
largest Lyapunov exponent at about 1.25: the transition from order to chaos is at 1 without inputs (Sompolinsky et al.
1988), and inputs hold it off (Chen et al. 2018). Orthogonal weights start at -0.06, the identity at 0.

That rate does not tell who learns. In 1500 steps and with two seeds each no tanh RNN leaves 1/6, those that start near
zero no more than the others: by step 500 the gradient of all of them vanishes, by 0.03 … 0.76 nats a step. IRNN, LSTM
and GRU get below 0.002, the GRU from -0.3 at the start. Chrono brings the LSTM from -0.06 to -0.02 and to half of 1/6
after 500 … 550 steps instead of 800 … 950, and the GRU from -0.3 to -0.02, which then learns no sooner than without.
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product

LENGTH = 64
SEEDS = (0, 1)
GAINS = (0.5, 0.8, 1.0, 1.25, 1.5, 2.0)
POLICIES = (
    *({"cell.name": "rnn", "cell.recurrent_initializer": f"gaussian({gain})"} for gain in GAINS),
    {"cell.name": "rnn", "cell.recurrent_initializer": "orthogonal"},
    {"cell.name": "rnn", "cell.recurrent_initializer": "identity", "cell.activation": "relu"},
    {"cell.name": "lstm", "cell.recurrent_initializer": "orthogonal", "cell.bias_initializer": "zeros"},
    {"cell.name": "lstm", "cell.recurrent_initializer": "orthogonal", "cell.bias_initializer": f"chrono({LENGTH})"},
    {"cell.name": "gru", "cell.recurrent_initializer": "orthogonal", "cell.bias_initializer": "zeros"},
    {"cell.name": "gru", "cell.recurrent_initializer": "orthogonal", "cell.bias_initializer": f"chrono({LENGTH})"},
)


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.cell.hidden_size = 64
    base.task.length = LENGTH
    base.steps = 1500
    base.measure_every = 500
    return base


def sweep() -> list[dict[str, Any]]:
    """Every policy with every seed."""
    return product(POLICIES, axis("seed", *SEEDS))
