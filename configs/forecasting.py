"""Networks made for time series beside plain ones: exchange rates three to 24 days on, and a transformer's temperature.

python -m experiments.sweep --config=configs/forecasting.py --workdir=runs/forecasting
python -m experiments.report --workdir=runs/forecasting

50 units each and 1500 steps, mean absolute error of the rates; windows of 168 days, and of 96 hours for the temperature
a day on, which is told from all seven series. Of a window DA-RNN looks at the last 10 steps and DSANet at the last 64.
LSTNet and TPA-LSTM with the dropout of their authors' commands, of what their recurrent parts read. What is told of the
test split is compared with persistence and linear autoregression.

Expect: none of them beats persistence. Three days on it has an RSE of 0.0171; a plain GRU 0.027, TPA-LSTM 0.034, LSTNet
0.035, DSANet 0.039, an LSTM 0.055, DA-RNN, which has no autoregression beside it, 0.063. Without dropout LSTNet has
0.084 and TPA-LSTM 0.050. Of the temperature persistence has a squared error of 0.046, and DA-RNN, which does best of
these, 0.19. (Seed 0; half a minute to three minutes a trial on two busy cores. docs/forecasting.md has the tables.)
"""

from typing import Any

from ml_collections import ConfigDict

from experiments import config
from experiments.studies.grid import axis, product

HORIZONS = (3, 6, 12, 24)
NETWORKS = (
    {"model.name": "sequence", "cell.name": "gru"},
    {"model.name": "sequence", "cell.name": "lstm"},
    {"model.name": "lstnet", "cell.name": "gru", "objective.dropout": 0.2},
    {"model.name": "tpa_lstm", "cell.name": "lstm", "objective.dropout": 0.2},
    {"model.name": "da_rnn", "cell.name": "lstm"},
    {"model.name": "dsanet", "cell.name": "lstm"},
)


def get_config() -> ConfigDict:
    """Settings shared by all trials."""
    base = config.default()
    base.task.name = "exchange_rate"
    base.task.length = 168
    base.cell.hidden_size = 50
    base.batch_size = 128
    base.learning_rate = 3e-3
    base.schedule.name = "warmup_cosine"
    base.schedule.warmup_steps = 100
    base.clip_norm = 10.0
    base.steps = 1500
    base.measure_every = 250
    base.measure_batch_size = 512
    base.best_metric = "heldout/loss"
    return base


def sweep() -> list[dict[str, Any]]:
    """Every network at every horizon of the rates, and of the temperature a day on, with both seeds."""
    rates: list[dict[str, Any]] = [{"task.loss": "absolute", "task.horizon": horizon} for horizon in HORIZONS]
    temperature = {"task.name": "ett", "task.horizon": 24, "task.variables": "all_to_OT", "task.length": 96}
    return product([*rates, temperature], NETWORKS, axis("seed", 0, 1))
